# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of the script
#
# What native_test.sh does with a function of each type. The script says which functions it has
# (bdf, id, have), how they share interrupts (vectors) and by which interface they are driven.

# --- net ---------------------------------------------------------------------------------

inside=(ip netns exec native)
net_up() {
	local mine other
	mine=$(interface_of "$(bdf net)")
	other=$(interface_of "$(bdf peer)")
	ip netns add native
	ip link set "$other" netns native
	ip addr add 10.9.0.1/24 dev "$mine"
	ip link set "$mine" up
	"${inside[@]}" ip addr add 10.9.0.2/24 dev "$other"
	"${inside[@]}" ip link set "$other" up
}

net_mac() {
	same "MAC" "$(<"/sys/class/net/$(interface_of "$(bdf net)")/address")" "$(qmp_get "$(id net)" mac)"
}

net_ping() {
	local answer
	answer=$(ping -c 5 -i 0.2 -W 5 10.9.0.2) || true
	[[ $answer == *' 5 received'* ]] || say "$answer"
}

# Both ways, with contents that depend on their place
net_transfer() {
	local bytes=$((20 << 20)) got status=0
	"${inside[@]}" "$build/native_io" receive 7001 11 >"$native_work/received" &
	got=$("$build/native_io" send 10.9.0.2 7001 $bytes 11) || status=1
	wait $! || status=1
	[[ $status == 0 && $(<"$native_work/received") == "$bytes" ]] ||
		say "sent $got, received $(<"$native_work/received") of $bytes"
	"$build/native_io" receive 7002 12 >"$native_work/received" &
	got=$("${inside[@]}" "$build/native_io" send 10.9.0.1 7002 $bytes 12) || status=1
	wait $! || status=1
	[[ $status == 0 && $(<"$native_work/received") == "$bytes" ]] ||
		say "sent $got, received $(<"$native_work/received") of $bytes back"
}

# Each queue by its own vector, if it has one
net_interrupts() {
	local queue fired
	for queue in input.0 output.0; do
		fired=$(fired "$(bdf net)" "$(vector_for "$(bdf net)" "$queue")")
		[[ $fired -gt 20 ]] || say "vector of $queue: $fired interrupts"
	done
}

carrier_is() { # VALUE
	[[ $(<"/sys/class/net/$(interface_of "$(bdf net)")/carrier") == "$1" ]]
}

net_link_changes() {
	local vector before
	vector=$(vector_for "$(bdf net)" config)
	before=$(fired "$(bdf net)" "$vector")
	carrier_is 1 || say "no carrier"
	qmp set_link "{\"name\": \"$(id net)\", \"up\": false}" >/dev/null
	within "$seconds" carrier_is 0 || say "the carrier stays"
	qmp set_link "{\"name\": \"$(id net)\", \"up\": true}" >/dev/null
	within "$seconds" carrier_is 1 || say "the carrier does not come back"
	[[ $(fired "$(bdf net)" "$vector") -ge $((before + 2)) ]] || say "vector of config: fewer than 2 interrupts"
}

net_down() {
	local other
	other=$(interface_of "$(bdf peer)") || true
	# Its interfaces come back when the namespace is gone, which takes its time
	ip netns del native
	within "$seconds" interface_of "$(bdf peer)" >/dev/null
}

# --- disks ---------------------------------------------------------------------------------

# A file system on the first half, other contents at a place in the second
half=$((32 << 20)) region=$((4 << 20))

disk_filesystem() { # TYPE
	local disk status=0
	disk=$(disk_of "$(bdf "$1")")
	mkfs.ext4 -q -F "$disk" 32m
	mkdir -p "$native_work/fs"
	mount -t ext4 "$disk" "$native_work/fs"
	cp -r "$here/lib" "$here/unit" "$native_work/fs/"
	umount "$native_work/fs"
	e2fsck -fn "$disk" >"$native_work/fsck" || say "$(<"$native_work/fsck")"
	mount -t ext4 -o ro "$disk" "$native_work/fs"
	diff -r "$here/lib" "$native_work/fs/lib" || status=1
	diff -r "$here/unit" "$native_work/fs/unit" || status=1
	umount "$native_work/fs"
	return $status
}

disk_requests() { # TYPE
	local disk
	disk=$(disk_of "$(bdf "$1")")
	"$build/native_io" write "$disk" $half $region "$2"
	"$build/native_io" read "$disk" $half $region "$2"
	# The driver logs each change that an interrupt stands for, and here is none
	[[ $1 != blk || $(log_lines | grep -c 'new size') == 0 ]] || say "changes that did not happen"
}

# What the emulated device has in its image
disk_image() { # TYPE SEED
	local file=${native_file[${have[$1]}]}
	dd if="$file" of="$native_work/image" bs=1M skip=$((half >> 20)) count=$((region >> 20)) status=none
	"$build/native_io" read "$native_work/image" 0 $region "$2"
	[[ $1 != blk ]] || {
		# The file system's as well, not from this kernel's memory
		dd if="$file" of="$native_work/image" bs=1M count=$((half >> 20)) status=none
		e2fsck -fn "$native_work/image" >"$native_work/fsck" || say "the image: $(<"$native_work/fsck")"
	}
}

blk_interrupts() {
	local queue fired vector
	for queue in req.0 req.1; do
		vector=$(vector_for "$(bdf blk)" "$queue")
		fired=$(fired "$(bdf blk)" "$vector")
		# Each CPU sends half of the requests
		[[ $fired -gt 500 ]] || say "vector of $queue: $fired interrupts"
	done
}

# A queue's vector goes to the CPU that uses the queue
blk_affinity() {
	local queue irq cpus=()
	for queue in req.0 req.1; do
		irq=$(awk -v "name=$(virtio_of "$(bdf blk)")-$queue" '$NF == name { sub(":", "", $1); print $1 }' /proc/interrupts)
		cpus+=("$(<"/proc/irq/$irq/effective_affinity_list")")
	done
	[[ "${cpus[*]}" == @('0 1'|'1 0') ]] || say "vectors of the queues go to CPUs ${cpus[*]}"
}

size_is() { # BYTES
	[[ $(<"/sys/class/block/$(basename "$(disk_of "$(bdf blk)")")/size") == $(($1 / 512)) ]]
}

blk_resize() { # BYTES
	local node
	node=$(basename "${native_file[${have[blk]}]}" .img)
	qmp block_resize "{\"node-name\": \"$node\", \"size\": $1}" >/dev/null
}

blk_capacity_changes() {
	local vector before size=$((64 << 20)) more=$((80 << 20))
	vector=$(vector_for "$(bdf blk)" config)
	before=$(fired "$(bdf blk)" "$vector")
	size_is $size || say "not $size bytes"
	blk_resize $more
	within "$seconds" size_is $more || say "not $more bytes"
	"$build/native_io" write "$(disk_of "$(bdf blk)")" $((more - 65536)) 65536 3
	"$build/native_io" read "$(disk_of "$(bdf blk)")" $((more - 65536)) 65536 3
	blk_resize $size
	within "$seconds" size_is $size || say "not $size bytes again"
	[[ $(fired "$(bdf blk)" "$vector") -ge $((before + 2)) ]] || say "vector of config: fewer than 2 interrupts"
	# disk_requests demands that there is no such line
	log_lines | grep 'new size' >/dev/null || say "the driver does not log the change"
}

# One message can stand for a change and for used buffers
blk_changes_under_load() {
	local i size load loads=()
	for i in 1 2; do
		"$build/native_io" load "$(disk_of "$(bdf blk)")" $((half + i * region)) 65536 "$i" &
		loads+=($!)
	done
	sleep 0.5
	for i in {1..12}; do
		size=$(((65 + i % 2) << 20))
		blk_resize $size
		within "$seconds" size_is $size || say "change $i does not arrive" || break
	done
	for load in "${loads[@]}"; do
		kill "$load"
		wait "$load" || true
	done
	blk_resize $((64 << 20))
	within "$seconds" size_is $((64 << 20)) && [[ $i == 12 ]]
}

scsi_names_its_disk() {
	local disk
	disk=$(basename "$(disk_of "$(bdf scsi)")")
	same vendor "$(tr -d ' ' <"/sys/class/block/$disk/device/vendor")" QEMU
	grep -aq "mmr-$(basename "${native_file[${have[scsi]}]}" .img)" "/sys/class/block/$disk/device/vpd_pg80" ||
		say "the serial number is '$(tr -d '\0' <"/sys/class/block/$disk/device/vpd_pg80")'"
}

# --- other types ----------------------------------------------------------------------------

rng_reads() {
	local queue before
	native_bind_random "$(bdf rng)"
	queue=$(vector_for "$(bdf rng)" input)
	before=$(fired "$(bdf rng)" "$queue")
	dd if=/dev/hwrng of="$native_work/random" bs=64 count=64 iflag=fullblock status=none
	[[ $(od -An -v -tu1 -w1 "$native_work/random" | sort -u | wc -l) -ge 240 ]] || say "few values in 4096 bytes"
	[[ $(od -An -v -tx8 -w8 "$native_work/random" | sort | uniq -d | wc -l) == 0 ]] || say "8 bytes came twice"
	[[ $(fired "$(bdf rng)" "$queue") -ge $((before + 32)) ]] || say "vector of the queue: fewer than 32 interrupts"
}

p9_tree() {
	local share=${native_file[${have[9p]}]} tag status=0
	tag=$(tr -d '\0' <"$(echo "$sys_pci/$(bdf 9p)"/virtio[0-9]*/mount_tag)")
	mkdir -p "$native_work/9p"
	# Through the runner's own 9p
	cp -r "$here/lib" "$share/"
	mount -t 9p -o trans=virtio,version=9p2000.L,cache=none "$tag" "$native_work/9p"
	diff -r "$here/lib" "$native_work/9p/lib" || status=1
	cp -r "$here/helpers" "$native_work/9p/"
	umount "$native_work/9p"
	diff -r "$here/helpers" "$share/helpers"
	[[ $status == 0 ]]
	rm -r "${share:?}/helpers" "${share:?}/lib"
}

p9_interrupts() {
	[[ $(fired "$(bdf 9p)" "$(vector_for "$(bdf 9p)" requests)") -gt 20 ]] || say "at most 20 interrupts"
}

# The chardev of the console gets another end, a port of L1's own serial device
loop_up() { # TYPE
	local number name
	name=$(basename "${native_file[${have[console]}]}" .log)
	[[ ! -e /dev/virtio-ports/loop ]] || return 0
	number=$(printf %s "$VIRTIO_MMR_RESULTS $$" | sha256sum | cut -c -16)
	qmp chardev-change "{\"id\": \"$name\", \"backend\": {\"type\": \"socket\", \"data\": {\"server\": true, \"wait\": false,
		\"addr\": {\"type\": \"unix\", \"data\": {\"path\": \"virtio-mmr-$number\", \"abstract\": true}}}}}" >/dev/null
	qmp chardev-add "{\"id\": \"loop-$name\", \"backend\": {\"type\": \"socket\", \"data\": {\"server\": false,
		\"addr\": {\"type\": \"unix\", \"data\": {\"path\": \"virtio-mmr-$number\", \"abstract\": true}}}}}" >/dev/null
	qmp device_add "{\"driver\": \"virtserialport\", \"bus\": \"serial.0\", \"id\": \"loop-$name\", \"chardev\": \"loop-$name\", \"name\": \"loop\"}" >/dev/null
	within "$seconds" loop_port
}

loop_port() {
	local port
	for port in /sys/class/virtio-ports/*; do
		[[ $(cat "$port/name" 2>/dev/null) == loop ]] || continue
		ln -sfn "../${port##*/}" /dev/virtio-ports/loop
		return
	done
	return 1
}

loop_down() {
	local name
	name=$(basename "${native_file[${have[console]}]}" .log)
	qmp device_del "{\"id\": \"loop-$name\"}" >/dev/null
	rm -f /dev/virtio-ports/loop
	within "$seconds" loop_gone
	qmp chardev-remove "{\"id\": \"loop-$name\"}" >/dev/null
	qmp chardev-change "{\"id\": \"$name\", \"backend\": {\"type\": \"file\",
		\"data\": {\"out\": \"${native_file[${have[console]}]}\", \"append\": true}}}" >/dev/null
}

loop_gone() {
	! grep -qx loop /sys/class/virtio-ports/*/name
}

# The console's terminal is that whose output QEMU has in this console's log
find_terminal() {
	local log=${native_file[${have[console]}]} i tty
	for i in 0 1 2 3 4 5 6 7; do
		{ exec {tty}<>"/dev/hvc$i"; } 2>/dev/null || continue
		echo "here is hvc$i" >&"$tty"
		if within 3 grep -q "here is hvc$i" "$log"; then
			terminal=/dev/hvc$i
			exec {tty}>&-
			return
		fi
		exec {tty}>&-
	done
	say "no terminal's output is in ${log##*/}"
}

console_both_ways() {
	local terminal tty piece
	find_terminal
	loop_up
	head -c 3000 /dev/urandom | base64 -w 60 >"$native_work/said"
	# The settings last as long as it is open
	exec {tty}<>"$terminal"
	stty raw -echo <&"$tty"
	cat "$native_work/said" >&"$tty"
	timeout "$seconds" head -c "$(stat -c %s "$native_work/said")" </dev/virtio-ports/loop >"$native_work/heard" || true
	cmp "$native_work/said" "$native_work/heard" || say "out: $(wc -c <"$native_work/heard") bytes heard"
	timeout "$seconds" head -c "$(stat -c %s "$native_work/said")" <&"$tty" >"$native_work/heard" &
	# In pieces, as a terminal keeps 4 KiB
	split -b 1000 "$native_work/said" "$native_work/piece."
	for piece in "$native_work"/piece.*; do
		cat "$piece" >/dev/virtio-ports/loop
		sleep 0.1
	done
	wait $! || true
	rm "$native_work"/piece.*
	exec {tty}>&-
	cmp "$native_work/said" "$native_work/heard" || say "in: $(wc -c <"$native_work/heard") bytes heard"
	loop_down
}

console_interrupts() {
	local queue
	queue=$(vector_for "$(bdf console)" input.0) || queue=$(vector_for "$(bdf console)" input)
	[[ $(fired "$(bdf console)" "$queue") -gt 0 ]] || say "the input queue's vector never fired"
}

# Its pages have numbers that the IOMMU does not translate for Linux
balloon_works() {
	local before
	native_bind "$(bdf balloon)"
	same "virtio driver" "$(virtio_driver "$(bdf balloon)")" virtio_balloon
	before=$(awk '$1 == "balloon_inflate" { print $2 }' /proc/vmstat)
	qmp balloon "{\"value\": $((3056 << 20))}" >/dev/null
	within "$seconds" inflated "$before" || say "not inflated"
	qmp balloon "{\"value\": $((3072 << 20))}" >/dev/null
	native_unbind "$(bdf balloon)"
}

inflated() { # BEFORE
	[[ $(awk '$1 == "balloon_inflate" { print $2 }' /proc/vmstat) -ge $(($1 + 4096)) ]]
}

balloon_is_refused() {
	native_bind "$(bdf balloon)" || true
	same "virtio driver" "$(virtio_driver "$(bdf balloon)")" none
	log_lines | grep -F "$(bdf balloon)" | grep -qi 'balloon' ||
		say "no line names function and type"
	native_unbind "$(bdf balloon)"
}

# What the line says: without translation for this function alone
balloon_by_identity() {
	local group
	group=$(readlink -f "$sys_pci/$(bdf balloon)/iommu_group")
	echo identity >"$group/type"
	balloon_works
	echo DMA >"$group/type"
}

cases_of_balloon() {
	if grep -qw iommu.passthrough=0 /proc/cmdline; then
		native_check "$way.balloon.is_refused" balloon_is_refused
		native_check "$way.balloon.by_identity" balloon_by_identity
	else
		native_check "$way.balloon.works" balloon_works
	fi
}

# --- the cases --------------------------------------------------------------------------------

cases_of_net() {
	native_check "$way.net.up" net_up
	native_check "$way.net.mac" net_mac
	native_check "$way.net.ping" net_ping
	native_check "$way.net.transfer" net_transfer
	native_check "$way.net.interrupts" net_interrupts
	native_check "$way.net.link" net_link_changes
	native_check "$way.net.down" net_down
}

cases_of_blk() {
	native_check "$way.blk.requests" disk_requests blk 5
	native_check "$way.blk.filesystem" disk_filesystem blk
	native_check "$way.blk.interrupts" blk_interrupts
	[[ $vectors != each ]] || native_check "$way.blk.affinity" blk_affinity
	native_check "$way.blk.capacity" blk_capacity_changes
	[[ $vectors != one ]] || native_check "$way.blk.changes_under_load" blk_changes_under_load
}

cases_of_scsi() {
	native_check "$way.scsi.disk" scsi_names_its_disk
	native_check "$way.scsi.requests" disk_requests scsi 6
}

cases_of_rng() {
	native_check "$way.rng.reads" rng_reads
}

cases_of_9p() {
	native_check "$way.9p.tree" p9_tree
	native_check "$way.9p.interrupts" p9_interrupts
}

cases_of_console() {
	native_check "$way.console.both_ways" console_both_ways
	native_check "$way.console.interrupts" console_interrupts
}
