# SPDX-License-Identifier: GPL-2.0-or-later
"""For tools/qemu/test: a machine without a guest, whose CPU the test plays."""

import json
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
from tap import Tap  # pylint: disable=wrong-import-position

ECAM = 0xB0000000
ROOT_PORT = 0x10 << 3
FUNCTION = 1 << 8  # bus 1, device 0, function 0
MEMORY32 = 0xE0000000
MEMORY64 = 0xE1000000
VF_MEMORY = 0x800000  # above the memory of the PF
COMMON, NOTIFY, ISR = 1, 2, 3  # cfg_type of virtio capabilities
# A device of each type that has a legacy form
TYPES = ("virtio-net-pci", "virtio-blk-pci,drive=disk", "virtio-balloon-pci",
         "virtio-serial-pci", "virtio-scsi-pci", "virtio-rng-pci,rng=random",
         "virtio-9p-pci,fsdev=files,mount_tag=files")


class Machine:
    """A machine with a function behind a root port, and maybe its VFs."""

    binary = None  # of QEMU

    def __init__(self, device, *others, options=(), accelerator="qtest"):
        mine, its = socket.socketpair()
        command = [
            self.binary, "-L", "/usr/share/seabios", "-L", "/usr/share/qemu", "-M", "q35",
            "-accel", accelerator, "-nodefaults", "-display", "none", "-qtest", "stdio",
            # Nobody reads it, and the pipe would be full at some time
            "-qtest-log", "none",
            "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
            "-chardev", f"socket,id=qmp,fd={its.fileno()}", "-qmp", "chardev:qmp",
            "-object", "rng-builtin,id=random",
            "-blockdev", "driver=null-co,node-name=disk",
            "-fsdev", "local,id=files,path=/proc,security_model=none,readonly=on",
            "-device", "pcie-root-port,id=root,bus=pcie.0,addr=10.0,chassis=1,slot=1",
        ]
        for other in others:
            command += ["-device", f"{other},bus=root"]
        command += options
        command += ["-device", f"{device},id=function,bus=root,addr=0.0,romfile="]
        # What is freed is overwritten, so that a later use does not go unnoticed
        self.qemu = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, pass_fds=[its.fileno()],
            env={**os.environ, "MALLOC_PERTURB_": "165"})
        its.close()
        self.monitor = mine.makefile("rw")
        self.bars = {}

    def __enter__(self):
        self.qmp("qmp_capabilities")
        self.ask(f"outl 0xcf8 {0x80000060:#x}")
        self.ask(f"outl 0xcfc {ECAM | 1:#x}")
        for offset, value in ((0x18, 0x00010100), (0x20, 0xE0F0E000), (0x24, 0xE1F0E100)):
            self.write(ECAM + (ROOT_PORT << 12) + offset, value, 4)
        self.write(ECAM + (ROOT_PORT << 12) + 4, 6, 2)
        self.bars = self.place_bars()
        self.set_config(4, 6, 2)
        return self

    def __exit__(self, *_):
        self.qemu.kill()
        self.qemu.communicate()

    def ended(self):
        raise RuntimeError(f"QEMU ended: {self.qemu.stderr.read().strip()}")

    def place_bars(self, registers=0x10, skew=0, copies=1):
        """{index: (address, size, type)}"""
        free = {False: MEMORY32 + skew, True: MEMORY64 + skew}
        skip = False
        bars = {}
        for index in range(6):
            register = registers + 4 * index
            if skip:
                self.set_config(register, 0, 4)
                skip = False
                continue
            self.set_config(register, 0xFFFFFFFF, 4)
            found = self.config(register, 4)
            if not found:
                continue
            skip = bool(found & 4)
            size = (~(found & ~0xF) + 1) & 0xFFFFFFFF
            start = (free[skip] + size - 1) & ~(size - 1)
            free[skip] = start + size * copies
            self.set_config(register, start, 4)
            bars[index] = (start, size, found & 0xF)
        return bars

    def sriov(self):
        return next(offset for offset, kind, _ in self.extended() if kind == 0x10)

    def enable_vfs(self, number):
        """The BARs of the first one"""
        sriov = self.sriov()
        bars = self.place_bars(sriov + 0x24, VF_MEMORY, number)
        self.set_config(sriov + 0x10, number, 2)
        self.set_config(sriov + 8, 9, 2)  # VF enable, VF memory space enable
        return bars

    def ask(self, line):
        self.qemu.stdin.write(line + "\n")
        self.qemu.stdin.flush()
        while True:
            reply = self.qemu.stdout.readline()
            if not reply:
                self.ended()
            if reply.startswith(("OK", "FAIL")):
                break
        if reply.startswith("FAIL"):
            raise RuntimeError(f"qtest: '{line}': {reply.strip()}")
        return reply[2:].strip()

    def read(self, address, size):
        return int(self.ask(f"read{'_bw_l___q'[size]} {address:#x}"), 16)

    def write(self, address, value, size):
        self.ask(f"write{'_bw_l___q'[size]} {address:#x} {value:#x}")

    def config(self, offset, size, function=0):
        return self.read(ECAM + (FUNCTION + function << 12) + offset, size)

    def set_config(self, offset, value, size, function=0):
        self.write(ECAM + (FUNCTION + function << 12) + offset, value, size)

    def wait(self, milliseconds):
        if milliseconds:
            self.ask(f"clock_step {milliseconds * 1000000}")

    def qmp(self, command, **arguments):
        try:
            self.monitor.write(json.dumps({"execute": command, "arguments": arguments}))
            self.monitor.flush()
        except OSError:
            self.ended()
        while True:
            try:
                line = self.monitor.readline()
            except OSError:
                line = ""
            if not line:
                self.ended()
            reply = json.loads(line)
            if "error" in reply:
                raise RuntimeError(f"{command}: {reply['error']['desc']}")
            if "return" in reply:
                return reply["return"]

    def counter(self, name, function="function"):
        return self.qmp("qom-get", path=f"/machine/peripheral/{function}", property=name)

    def extended(self):
        """(offset, ID, bytes) of each extended capability; ID None last if they loop"""
        found, seen, offset = [], set(), 0x100
        while offset:
            if offset in seen:
                return found + [(None, None, b"")]
            seen.add(offset)
            header = self.config(offset, 4)
            if not header:
                break
            body = b"".join(self.config(offset + i, 4).to_bytes(4, "little")
                            for i in range(4, 0x1C, 4))
            found.append((offset, header & 0xFFFF, body))
            offset = header >> 20
        return found

    def capability(self, kind, function=0):
        """Offset of the capability with this ID, or 0"""
        offset = self.config(0x34, 1, function)
        while offset and self.config(offset, 1, function) != kind:
            offset = self.config(offset + 1, 1, function)
        return offset

    def vectors(self, function=0):
        """Size of the MSI-X table"""
        msix = self.capability(0x11, function)
        return (self.config(msix + 2, 2, function) & 0x7FF) + 1 if msix else 0

    def enable_msix(self, on, function=0):
        self.set_config(self.capability(0x11, function) + 2, 0x8000 if on else 0, 2, function)

    def sleep(self, on, function=0):
        """Go to D3hot, or to D0"""
        self.set_config(self.capability(1, function) + 4, 3 if on else 0, 2, function)

    def reset(self, function=0):
        """Function level reset"""
        self.set_config(self.capability(0x10, function) + 8, 0x8000, 2, function)

    def virtio_capability(self, kind):
        """(BAR, offset, length, offset of the capability itself), or None"""
        offset = self.config(0x34, 1)
        while offset:
            if self.config(offset, 1) == 9 and self.config(offset + 3, 1) == kind:
                return (self.config(offset + 4, 1), self.config(offset + 8, 4),
                        self.config(offset + 12, 4), offset)
            offset = self.config(offset + 1, 1)
        return None

    def structure(self, kind):
        """Address of a modern structure"""
        bar, offset, _, _ = self.virtio_capability(kind)
        return self.bars[bar][0] + offset

    def msix_address(self, register):
        """Address of the MSI-X table (4) or PBA (8)"""
        where = self.config(self.capability(0x11) + register, 4)
        return self.bars[where & 7][0] + (where & ~7)


class Results(Tap):
    def check(self, name, found, expected):
        self.result(name, found == expected, f"found {found!r}, expected {expected!r}")


def vfs(number, *properties):
    return [",".join(("virtio-rng-pci", "rng=random", f"id=vf{i}", f"addr=0.{i + 1}", "mmr=on",
                      "sriov-pf=function") + properties) for i in range(number)]
