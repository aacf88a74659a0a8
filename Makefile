# SPDX-License-Identifier: GPL-2.0-or-later
#
# virtio-mmr: "make help" lists the targets.

# The kernel to build for: KDIR=DIR is a kernel build directory; KERNEL=SERIES (tools/kernels
# has some) or KERNEL=RELEASE is a Debian kernel whose headers are fetched into the cache;
# neither is the running kernel.
ifdef KERNEL
KDIR := $(shell tools/archive/kernel-headers $(KERNEL))
else
KDIR ?= /lib/modules/$(shell uname -r)/build
endif

# The kernels that tests run on, and those that "make check" leaves out
KERNELS = $(shell tools/kernels check)
NEWER_KERNELS = $(shell tools/kernels check-kernels)
DEFAULT_KERNEL = $(shell tools/kernels default)

# Of the packages, and in the output of modinfo
VERSION := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)

# Debian's "make kernelrelease" gives the upstream version, this the real one; without
# headers there is the folder's name.
UTS_RELEASE = $(shell sed -n 's/^.define UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null)
RELEASE = $(or $(UTS_RELEASE),$(patsubst /lib/modules/%/build,%,$(filter /lib/modules/%/build,$(KDIR))))
OUT = $(CURDIR)/build/$(RELEASE)

# FOLDER/NAME.ko of each module, and the files' names alone
BUILT := $(shell sed -nE 's|^([a-z_]+) (.*)|\2/\1.ko|p' drivers/modules)
MODULES := $(notdir $(BUILT))

# INSTALL_MOD_PATH, as in the kernel's build system, is for packagers
KERNEL_FOLDER = $(INSTALL_MOD_PATH)/lib/modules/$(RELEASE)
UPDATES = $(KERNEL_FOLDER)/updates
DEPMOD = $(if $(INSTALL_MOD_PATH),,/sbin/depmod "$(RELEASE)")

.PHONY: modules sign install uninstall clean style demo demo-native check check-kernels check-builds bench fuzz docs man setup help folders kdir release
.PHONY: mmrctl install-tools uninstall-tools lib install-lib uninstall-lib
.PHONY: deb dkms-install dkms-remove check-packages check-newcomer check-libvirt check-scale check-guests check-debug
.PHONY: vmm demo-vmm demo-bare

modules: folders kdir
	@mkdir -p "$(OUT)"
	@cp -rsf "$(CURDIR)/Kbuild" "$(CURDIR)/include" "$(CURDIR)/drivers" "$(OUT)/"
	@+tools/archive/kbuild "$(KDIR)" "$(CURDIR)" M="$(OUT)" \
		VIRTIO_MMR_VERSION="$(VERSION)" modules $(MAKEOVERRIDES)
	@for module in $(BUILT); do ln -sf "$$module" "$(OUT)/" || exit 1; done
	@for module in $(MODULES); do echo "$(OUT:$(CURDIR)/%=%)/$$module"; done

# The signed modules take the place of the others until make is run again.
SIGNED = $(OUT)/signed
HASH = $(shell sed -n 's/^CONFIG_MODULE_SIG_HASH="\(.*\)"/\1/p' "$(KDIR)/.config")
sign: folders kdir
	@test -n "$(KEY)" -a -n "$(CERT)" || { \
		echo "Which key? make sign KEY=FILE CERT=FILE: the private key and its certificate" >&2; \
		echo "(Documentation/install.rst, \"Secure Boot\", says how to make them)." >&2; \
		exit 1; }
	@$(call built,$(BUILT))
	@test -x "$(KDIR)/scripts/sign-file" || { \
		echo "$(KDIR)/scripts/sign-file is missing: this kernel's headers cannot sign" >&2; \
		exit 1; }
	@rm -rf "$(SIGNED)"
	@mkdir -p "$(SIGNED)"
	@for module in $(BUILT); do \
		"$(KDIR)/scripts/sign-file" "$(or $(HASH),sha256)" "$(KEY)" "$(CERT)" \
			"$(OUT)/$$module" "$(SIGNED)/$${module##*/}" || exit 1; \
	done
	@for module in $(MODULES); do \
		ln -sf "signed/$$module" "$(OUT)/" || exit 1; \
		echo "$(OUT:$(CURDIR)/%=%)/$$module is signed by $$(/sbin/modinfo -F signer "$(SIGNED)/$$module")"; \
	done

built = for module in $(1); do \
	test -e "$(OUT)/$$module" || { \
		echo "$(OUT)/$$module is missing: run 'make' with the same KDIR or KERNEL first" >&2; \
		exit 1; \
	}; \
	done

# Builds nothing, as what root builds here would be in its owner's way, and what
# has been signed would lose its signature. What is installed, and what depmod makes of all
# modules, is for all users, whatever root's umask.
install: folders release
	@$(call built,$(MODULES))
	@others=$$(for module in $(MODULES); do \
		find "$(KERNEL_FOLDER)" ! -path "$(UPDATES)/$$module" \
			\( -name "$$module" -o -name "$$module.[gxz]*" \) 2>/dev/null; \
	done); \
	test -z "$$others" || { \
		echo "Installed for $(RELEASE) already, and which would be loaded is chance:" >&2; \
		echo "$$others" >&2; \
		echo "Remove that first (if it is from dkms: make dkms-remove, or apt-get remove virtio-mmr-dkms)." >&2; \
		exit 1; }
	umask 022 && for module in $(MODULES); do \
		install -D -m 644 "$(OUT)/$$module" "$(UPDATES)/$$module" || exit 1; \
	done
	$(if $(DEPMOD),umask 022 && $(DEPMOD))

# Works as well if the kernel or its headers are gone
uninstall: release
	for module in $(MODULES); do rm -f "$(UPDATES)/$$module" || exit 1; done
	@rmdir "$(UPDATES)" 2>/dev/null || true
	$(if $(DEPMOD),$(if $(wildcard $(KERNEL_FOLDER)/modules.dep),umask 022 && $(DEPMOD)))
	@for module in $(MODULES); do \
		for left in "$(INSTALL_MOD_PATH)"/lib/modules/*/updates/$$module; do \
			test ! -e "$$left" || echo "$$left is still there: make uninstall RELEASE=NAME is for another kernel"; \
		done; \
	done

mmrctl: folders
	@$(MAKE) --no-print-directory -C tools/mmrctl

# DESTDIR and PREFIX (default /usr/local) are for packagers
install-tools: folders
	@$(MAKE) --no-print-directory -C tools/mmrctl install

uninstall-tools: folders
	@$(MAKE) --no-print-directory -C tools/mmrctl uninstall

# CC, CFLAGS and AR for another machine; DESTDIR, PREFIX and LIBDIR are for packagers
lib: folders
	@$(MAKE) --no-print-directory -C tools/lib

install-lib uninstall-lib: folders
	@$(MAKE) --no-print-directory -C tools/lib $(@:-lib=)

# The demonstrator of the library. Its package is not needed for anything else
vmm: folders
	@tools/archive/install packages-vmm
	@$(MAKE) --no-print-directory -C tools/vmm

# Debian packages, in build/deb; dpkg-buildpackage writes into the folder above its own
PACKAGE = build/deb/virtio-mmr-$(VERSION)
deb: folders
	@tools/archive/install packages-deb
	@rm -rf build/deb
	@mkdir -p "$(PACKAGE)"
	@tar -c --exclude-vcs --exclude=./build --exclude=./results . | tar -x -C "$(PACKAGE)"
	@cd "$(PACKAGE)" && dpkg-buildpackage --build=binary --no-sign >../build.log 2>&1 || \
		{ tail -n 30 ../build.log >&2; exit 1; }
	@ls build/deb/*.deb

# As root
dkms-install:
	@tools/dkms/install "$(VERSION)"

dkms-remove:
	@tools/dkms/remove

kdir:
	@test -f "$(KDIR)/Makefile" || { \
		echo "No kernel build directory at '$(KDIR)'." >&2; \
		echo "Install the headers of your kernel (apt-get install linux-headers-$$(uname -r))," >&2; \
		echo "or name another one: make KDIR=DIR, or make KERNEL=$(DEFAULT_KERNEL) for a Debian kernel." >&2; \
		exit 1; }

# Comes before every build, which would fail late in such a folder, or write to another one.
# The shell gets the names by the environment, and takes no part of them for its own.
folders: export VIRTIO_MMR_FOLDER := $(CURDIR)
folders: export VIRTIO_MMR_KDIR := $(KDIR)
folders:
	@odd=$$(printf '%s' "$$VIRTIO_MMR_FOLDER$$VIRTIO_MMR_KDIR" | LC_ALL=C tr -d 'A-Za-z0-9_./+~@\200-\377-'); \
	test -z "$$odd" || { \
		printf '%s\n' "make cannot build with '$$odd' in the names of folders:" \
			"move '$$VIRTIO_MMR_FOLDER' or the kernel build directory '$$VIRTIO_MMR_KDIR'." >&2; \
		exit 1; }

release:
	@test -n "$(RELEASE)" || { \
		echo "For which kernel? '$(KDIR)' does not say:" >&2; \
		echo "name it as /lib/modules does (make $(firstword $(MAKECMDGOALS)) RELEASE=$$(uname -r))." >&2; \
		exit 1; }

clean:
	rm -rf build results

# Everything a fresh Debian lacks: packages, the emulated device, kernels
# for the virtual machines and the modules for each of them.
setup: folders
	@tools/archive/install
	@tools/qemu/build >/dev/null
	@set -e; for kernel in $(KERNELS); do \
		tools/vm/kernel $$kernel >/dev/null; \
		$(MAKE) --no-print-directory modules KERNEL=$$kernel W=1 KCFLAGS=-Werror; \
	done

demo: setup
	@tools/demo/run guest

demo-native: setup mmrctl
	@tools/demo/run native

demo-vmm: setup vmm
	@tools/vmm/demo

# What the guest without an operating system checks, as TAP
demo-bare: setup vmm
	@$(MAKE) --no-print-directory -C selftests
	@tools/vm/run --name demo-bare $$(selftests/light_guest_test.sh --devices) --vf rng:5 -- \
		selftests/light_bare_test.sh

check: setup
	@selftests/vmtest.sh

# In fresh Debians, without the network
check-packages: folders
	@tools/archive/install
	@tools/archive/install packages-deb
	@selftests/vmtest.sh packages

# What the README says, in a fresh Debian 12 and 13, as root; RELEASE=13 for one of them
check-newcomer: RELEASES = $(if $(filter command%,$(origin RELEASE)),$(RELEASE),12 13)
check-newcomer: folders
	@tools/archive/install
	@for release in $(RELEASES); do selftests/newcomer.sh "$$release" $(STEPS) || exit 1; done

check-libvirt: setup
	@selftests/vmtest.sh --kernel $(DEFAULT_KERNEL) libvirt

check-scale: setup
	@selftests/vmtest.sh --kernel $(DEFAULT_KERNEL) scale

check-guests: setup
	@selftests/vmtest.sh --kernel $(DEFAULT_KERNEL) guests dpdk

# The tests that depend on the kernel, on all of them. One that Debian has just got may
# be newer than the core's compat/kernel_range, until the tests pass.
check-kernels: setup
	@tools/archive/install packages-builds
	@$(MAKE) --no-print-directory modules KERNEL=$(NEWER_KERNELS) W=1 KCFLAGS=-Werror \
		VIRTIO_MMR_ANY_KERNEL=1
	@selftests/kernels.sh $(KERNELS) $(NEWER_KERNELS)

# On a kernel with lockdep, KASAN and others, which is built first
check-debug: folders
	@tools/archive/install
	@tools/qemu/build >/dev/null
	@selftests/debug.sh $(if $(KERNEL),--kernel $(KERNEL))

bench: setup
	@tools/bench/run

# By other compilers and for other machines, configured from the kernels' source
check-builds: folders
	@tools/archive/install
	@tools/archive/install packages-builds
	@selftests/install/builds.sh $(KERNELS) $(NEWER_KERNELS)

# For each of the fuzzers
FUZZ_SECONDS ?= 60
fuzz: folders
	@tools/archive/install
	@selftests/fuzz/run $(FUZZ_SECONDS)

docs: folders
	@tools/archive/install
	@tools/docs/build html $(KERNELS) -- $(NEWER_KERNELS)

# Installs nothing: packages are built by this
man: folders
	@tools/docs/build man

style:
	@tools/archive/install
	@tools/style/run $(KERNELS)

help:
	@echo 'virtio-mmr: legacy guests on transitional MMR virtio functions'
	@echo
	@echo '  make demo      set up, then show a legacy guest on two emulated VFs, step by step'
	@echo '  make demo-native'
	@echo '                 set up, then show a host that uses such VFs as its own disk and network'
	@echo '  make check     set up, then run all tests; results in results/tap'
	@echo
	@echo '  make           build the modules for the running kernel, in build/RELEASE'
	@echo '  make KDIR=DIR  the same for the kernel whose build directory is DIR'
	@echo '  make KERNEL=V  the same for a Debian kernel, e.g. $(DEFAULT_KERNEL)'
	@echo '  make install   install the modules for the same kernel, after make (as root)'
	@echo '  make uninstall'
	@echo '                 undo that (as root)'
	@echo '  make mmrctl    build build/mmrctl, which finds, checks and binds functions'
	@echo '  make install-tools, make uninstall-tools'
	@echo '                 install it, its manual and its completion, or undo that (as root);'
	@echo '                 PREFIX=/usr/local, DESTDIR=DIR'
	@echo '  make lib       build build/lib/libvirtio_mmr.a, the core for other programs'
	@echo '  make install-lib, make uninstall-lib'
	@echo '                 install it with its headers, or undo that (as root)'
	@echo '  make vmm       build build/mmrvmm, a small VMM that uses the library'
	@echo '  make demo-vmm  set up, then show a legacy guest on it'
	@echo '  make demo-bare the same with a guest without an operating system; prints TAP'
	@echo '  make sign KEY=FILE CERT=FILE'
	@echo '                 sign them for Secure Boot, between make and make install'
	@echo '  make dkms-install, make dkms-remove'
	@echo '                 have dkms build and install them for all kernels, or undo that (as root)'
	@echo '  make deb       build Debian packages, in build/deb'
	@echo '  make style     checkpatch, sparse, shellcheck, pylint, commits; prints TAP'
	@echo '  make check-packages'
	@echo '                 tests of the packages and of dkms, in a fresh Debian 12 and 13'
	@echo '  make check-newcomer RELEASE=12|13'
	@echo '                 make demo and make check in a fresh Debian that has git and make alone (as root)'
	@echo '  make check-libvirt'
	@echo '                 tests with the libvirt of Debian 12 and 13'
	@echo '  make check-guests'
	@echo '                 firmware, boot loaders, DPDK and other kinds of Linux guests'
	@echo '  make check-scale'
	@echo '                 tests with 1,016 functions in one virtual machine, which needs 6 GiB of memory'
	@echo '  make check-kernels'
	@echo '                 tests that depend on the kernel, on all supported ones; prints a table'
	@echo '  make check-debug'
	@echo '                 tests of the module on a kernel with lockdep, KASAN and others, built for it;'
	@echo '                 KERNEL=trixie-backports takes the newest one'
	@echo '  make bench     measure notification and register accesses against their goals; results/bench'
	@echo '  make check-builds'
	@echo '                 build by clang, for arm64 and inside the kernel; prints TAP'
	@echo '  make fuzz      fuzz decoding and translating, FUZZ_SECONDS=60 for each fuzzer'
	@echo '  make docs      the documentation, in build/docs/html'
	@echo '  make man       the manual pages, in build/man'
	@echo '  make setup     only what demo and check need first'
	@echo '  make clean     remove build and results; the cache, ~/.cache/virtio-mmr, stays'
