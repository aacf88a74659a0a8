# SPDX-License-Identifier: GPL-2.0-or-later
"""For tools/qemu/test: administration virtqueues of PFs, and legacy access to their VFs."""

import struct

from interrupts import EVENT_INDEX, PLATFORM, RAM, VERSION_1, Ring
from machine import COMMON, NOTIFY, Machine

ADMIN_VQ = 1 << 9  # of the features from 32 on
SELF, SRIOV = 0, 1  # groups
LIST_QUERY, LIST_USE, COMMON_WRITE, COMMON_READ, DEVICE_WRITE, DEVICE_READ, NOTIFY_INFO = range(7)
OPCODES = (1 << 7) - 1
OK, EINVAL = 0, 22
BAD_COMMAND, BAD_OPCODE, BAD_FIELD, BAD_GROUP, BAD_MEMBER = range(1, 6)
NEEDS_RESET = 0x40
VF = "sriov-pf=function,legacy-admin=on"


class AdminQueue:
    """A driver of the PF that has nothing but its administration virtqueue"""

    def __init__(self, machine, start=RAM):
        self.machine, self.start, self.sent = machine, start, 0
        self.common = machine.structure(COMMON)
        self.index = machine.read(self.common + 60, 2)

    def enable(self, features=ADMIN_VQ):
        write = self.machine.write
        # The device would take what an earlier driver left there
        write(self.start + 0x1000, 0, 4)
        write(self.start + 0x2000, 0, 4)
        self.sent = 0
        for status in (0, 1, 3):
            write(self.common + 0x14, status, 1)
        for register, value in ((8, 0), (0xC, 0), (8, 1), (0xC, PLATFORM | VERSION_1 | features)):
            write(self.common + register, value, 4)
        write(self.common + 0x14, 0xB, 1)
        write(self.common + 0x16, self.index, 2)
        for register, offset in ((0x20, 0), (0x28, 0x1000), (0x30, 0x2000)):
            write(self.common + register, self.start + offset, 4)
            write(self.common + register + 4, 0, 4)
        write(self.common + 0x18, 8, 2)
        write(self.common + 0x1C, 1, 2)
        write(self.common + 0x14, 0xF, 1)
        return self

    def send(self, *buffers):
        """Of (bytes for the device) and (number of bytes from it); the bytes, or None"""
        write, place = self.machine.write, self.start + 0x3000
        for i, buffer in enumerate(buffers):
            readable = isinstance(buffer, bytes)
            length = len(buffer) if readable else buffer
            for j in range(length):
                write(place + 0x200 * i + j, buffer[j] if readable else 0xEE, 1)
            last = i == len(buffers) - 1
            write(self.start + 16 * i, place + 0x200 * i, 8)
            write(self.start + 16 * i + 8, length, 4)
            write(self.start + 16 * i + 12,
                  (i + 1) << 16 | (0 if readable else 2) | (0 if last else 1), 4)
        write(self.start + 0x1000 + 4 + self.sent % 8 * 2, 0, 2)
        self.sent += 1
        write(self.start + 0x1000 + 2, self.sent, 2)
        write(self.machine.structure(NOTIFY) + 4 * self.index, self.index, 2)
        for _ in range(100):
            if self.machine.read(self.start + 0x2000 + 2, 2) == self.sent:
                break
        else:
            return None
        used = self.machine.read(self.start + 0x2000 + 4 + (self.sent - 1) % 8 * 8 + 4, 4)
        found = b""
        for i, buffer in enumerate(buffers):
            if not isinstance(buffer, bytes):
                found += bytes(self.machine.read(place + 0x200 * i + j, 1) for j in range(buffer))
        return found[:used]

    def command(self, opcode, member=1, data=b"", room=0, group=SRIOV):
        """(status, qualifier, result)"""
        buffers = [struct.pack("<HH12xQ", opcode, group, member)]
        if data:
            buffers.append(data)
        buffers.append(8)
        if room:
            buffers.append(room)
        reply = self.send(*buffers)
        if reply is None:
            return None
        status, qualifier = struct.unpack_from("<HH", reply)
        return status, qualifier, reply[8:]

    def read(self, opcode, offset, size, member=1):
        return self.command(opcode, member, bytes([offset]), size)

    def write(self, opcode, offset, value, size, member=1):
        return self.command(opcode, member,
                            bytes([offset]) + bytes(7) + value.to_bytes(size, "little"))

    def use(self, opcodes=OPCODES):
        return self.command(LIST_USE, 0, struct.pack("<Q", opcodes))


def test_admin_feature(results):
    """A driver that did not negotiate the feature has no administration virtqueue"""
    with Machine("virtio-net-pci,admin-vq=on,iommu_platform=on",
                 f"virtio-net-pci,id=vf0,addr=0.1,{VF}") as m:
        m.enable_vfs(1)
        queue = AdminQueue(m).enable(0)
        for opcode in (LIST_QUERY, LIST_USE):
            results.check(f"admin queue without its feature: opcode {opcode}",
                          queue.command(opcode, 0, bytes(8), 8), None)
        results.check("admin queue without its feature: commands, device status",
                      (m.counter("admin-commands"), m.read(queue.common + 0x14, 1)), (0, 0xF))
        queue.enable()
        results.check("admin queue with its feature after that", queue.use(), (OK, 0, b""))


def test_admin_lists(results):
    check = results.check
    with Machine("virtio-net-pci,admin-vq=on,iommu_platform=on",
                 f"virtio-net-pci,id=vf0,addr=0.1,{VF}") as m:
        m.enable_vfs(1)
        common = m.structure(COMMON)
        m.write(common, 1, 4)
        check("admin queue: feature", bool(m.read(common + 4, 4) & ADMIN_VQ), True)
        check("admin queue: index and number", (m.read(common + 60, 2), m.read(common + 62, 2)),
              (1023, 1))
        check("admin queue: is no queue of the device", m.read(common + 0x12, 2), 3)
        queue = AdminQueue(m).enable()
        check("admin queue: list", queue.command(LIST_QUERY, 0, room=8),
              (OK, 0, struct.pack("<Q", OPCODES)))
        check("admin queue: list of the PF itself",
              queue.command(LIST_QUERY, 0, room=8, group=SELF), (OK, 0, struct.pack("<Q", 1)))
        check("admin queue: the PF itself has no registers",
              queue.command(COMMON_READ, 1, b"\0", 4, group=SELF), (EINVAL, BAD_OPCODE, b""))
        check("admin queue: another group", queue.command(LIST_QUERY, 0, room=8, group=2),
              (EINVAL, BAD_GROUP, b""))
        check("admin queue: no room for the list", queue.command(LIST_QUERY, 0, room=7),
              (EINVAL, BAD_COMMAND, b""))
        check("admin queue: no command before its use is announced",
              queue.read(COMMON_READ, 0, 4), (EINVAL, BAD_OPCODE, b""))
        check("admin queue: use of what there is not", queue.use(1 << 7), (EINVAL, BAD_FIELD, b""))
        check("admin queue: part of a list", queue.command(LIST_USE, 0, b"\x7f"),
              (EINVAL, BAD_COMMAND, b""))
        check("admin queue: use of some", queue.use(1 << COMMON_READ), (OK, 0, b""))
        check("admin queue: one of them", queue.read(COMMON_READ, 0x12, 1), (OK, 0, b"\0"))
        check("admin queue: one of the others", queue.write(COMMON_WRITE, 0x12, 1, 1),
              (EINVAL, BAD_OPCODE, b""))
        for opcode in (7, 63, 64, 0xFFFF):
            check(f"admin queue: opcode {opcode}", queue.command(opcode, 1, bytes(8), 8),
                  (EINVAL, BAD_OPCODE, b""))
        commands, refusals = m.counter("admin-commands"), m.counter("admin-refusals")
        queue.use(1 << 9)
        queue.use()
        check("admin queue: commands and refusals are counted",
              (m.counter("admin-commands") - commands, m.counter("admin-refusals") - refusals),
              (2, 1))
        queue.enable()
        check("admin queue: a reset forgets the use", queue.read(COMMON_READ, 0, 4),
              (EINVAL, BAD_OPCODE, b""))
        check("admin queue: no room for the status", queue.send(bytes(24), 7), None)
        check("admin queue: the device needs a reset",
              bool(m.read(common + 0x14, 1) & NEEDS_RESET), True)
        queue.enable()
        check("admin queue: no whole header", queue.send(bytes(23), 8), None)
        queue.enable()
        check("admin queue: works again", queue.use(), (OK, 0, b""))
    with Machine("virtio-net-pci") as m:
        common = m.structure(COMMON)
        m.write(common, 1, 4)
        check("without admin queue: feature, index and number",
              (m.read(common + 4, 4) & ADMIN_VQ, m.read(common + 60, 2),
               m.read(common + 62, 2)), (0, 0, 0))


def test_admin_registers(results):
    check = results.check
    mac = bytes.fromhex("525400112233")
    with Machine("virtio-net-pci,admin-vq=on,iommu_platform=on",
                 f"virtio-net-pci,id=vf0,addr=0.1,{VF},mac=52:54:00:11:22:33",
                 f"virtio-net-pci,id=vf1,addr=0.2,{VF}") as m:
        bars = m.enable_vfs(2)
        queue = AdminQueue(m).enable()
        queue.use()
        check("legacy access: ID and revision of the VF", (m.config(8, 1, 1), sorted(bars)),
              (1, [1, 4]))
        check("legacy access: interrupt pins of PF and VF",
              (m.config(0x3D, 1), m.config(0x3D, 1, 1)), (1, 0))

        def read(offset, size, member=1, opcode=COMMON_READ):
            return queue.read(opcode, offset, size, member)

        features = read(0, 4)
        check("legacy access: has features", features[:2] == (OK, 0) and any(features[2]), True)
        check("legacy access: features by bytes", b"".join(read(i, 1)[2] for i in range(4)),
              features[2])
        queue.write(COMMON_WRITE, 0x12, 3, 1)
        check("legacy access: device status", (read(0x12, 1), read(0x12, 1, 2)),
              ((OK, 0, b"\3"), (OK, 0, b"\0")))
        check("legacy access: no bus mastering by itself", m.config(4, 2, 1) & 4, 0)
        check("legacy access: queue size and selection", read(0xC, 4), (OK, 0, b"\0\1\0\0"))
        queue.write(COMMON_WRITE, 0x08, 0x34, 1)
        queue.write(COMMON_WRITE, 0x09, 0x1200, 3)
        check("legacy access: a queue address in part is no other", read(8, 4)[2][:2],
              b"\x34\0")
        check("legacy access: all registers at once", len(read(0, 20)[2]), 20)
        check("legacy access: beyond the registers", (read(19, 2), read(20, 1), read(255, 255)),
              ((EINVAL, BAD_FIELD, b""),) * 3)
        check("legacy access: no room for registers", read(0, 0), (EINVAL, BAD_FIELD, b""))
        check("legacy access: no offset", queue.command(COMMON_READ, 1, b"", 4),
              (EINVAL, BAD_COMMAND, b""))
        check("legacy access: nothing to write", queue.command(COMMON_WRITE, 1, bytes(8)),
              (EINVAL, BAD_FIELD, b""))
        for msix in (False, True):
            m.enable_msix(msix, 1)
            check(f"legacy access: device configuration, MSI-X {msix}",
                  read(0, 6, opcode=DEVICE_READ), (OK, 0, mac))
            check(f"legacy access: vectors, MSI-X {msix}", read(0x14, 4),
                  (OK, 0, b"\xff" * 4) if msix else (EINVAL, BAD_FIELD, b""))
        check("legacy access: beyond the device configuration",
              read(200, 1, opcode=DEVICE_READ), (EINVAL, BAD_FIELD, b""))
        queue.write(DEVICE_WRITE, 0, 0x56, 1)
        check("legacy access: a write of the device configuration",
              read(0, 6, opcode=DEVICE_READ)[2], b"\x56" + mac[1:])
        for member in (0, 3, 4, 2**16 + 1, 2**64 - 1):
            check(f"legacy access: member {member}", read(0, 4, member),
                  (EINVAL, BAD_MEMBER, b""))
        info = queue.command(NOTIFY_INFO, 1, room=64)
        check("legacy access: where to notify", struct.unpack_from("<BB6xQ", info[2]),
              (2, 4, 0x4000))
        check("legacy access: and nowhere else", any(info[2][16:]), False)
        check("legacy access: no room to say where to notify",
              queue.command(NOTIFY_INFO, 1, room=63), (EINVAL, BAD_COMMAND, b""))
        m.set_config(m.sriov() + 8, 0, 2)
        check("legacy access: VFs that are off", read(0, 4), (EINVAL, BAD_MEMBER, b""))


def test_admin_queue_of_member(results):
    """A legacy driver of a VF gets data, with bus mastering, by the register to notify"""
    with Machine("virtio-net-pci,admin-vq=on,iommu_platform=on",
                 f"virtio-rng-pci,rng=random,id=vf0,addr=0.1,{VF}") as m:
        bars = m.enable_vfs(1)
        queue = AdminQueue(m).enable()
        queue.use()
        ring = Ring(m, RAM + 0x10000)
        m.set_config(4, 6, 2, 1)
        for offset, value, size in ((0x12, 0, 1), (0x12, 1, 1), (0x12, 3, 1), (4, EVENT_INDEX, 4),
                                    (8, ring.start >> 12, 4), (0x12, 7, 1)):
            queue.write(COMMON_WRITE, offset, value, size)
        ring.offer()
        m.write(bars[4][0] + 0x4000, 0, 2)
        results.check("legacy access: data of the VF", (ring.used(), ring.filled()), (1, True))
        results.check("legacy access: ISR", (queue.read(COMMON_READ, 0x13, 1)[2],
                                             queue.read(COMMON_READ, 0x13, 1)[2]), (b"\1", b"\0"))
        ring.offer()
        m.write(bars[4][0] + 0x4000, 1, 2)
        results.check("legacy access: another queue", ring.used(), 1)
        queue.write(COMMON_WRITE, 0x10, 0, 2)
        results.check("legacy access: a notification by command", ring.used(), 2)


def test_admin_delays(results):
    """Only the registers of MMR functions are slow"""
    for delay in ("mmr-reset-delay=100", "mmr-post-delay=100"):
        with Machine("virtio-net-pci,admin-vq=on,iommu_platform=on",
                     f"virtio-net-pci,id=vf0,addr=0.1,{VF},{delay}") as m:
            bars = m.enable_vfs(1)
            queue = AdminQueue(m).enable()
            queue.use()
            found = []
            for status in (3, 0):
                queue.write(COMMON_WRITE, 0x12, status, 1)
                found.append(m.read(bars[4][0] + 0x14, 1))
            results.check(f"legacy access: {delay} has no effect", found, [3, 0])
