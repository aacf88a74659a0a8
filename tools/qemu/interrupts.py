# SPDX-License-Identifier: GPL-2.0-or-later
"""For tools/qemu/test: interrupts and DMA of the emulated MMR device."""

import itertools

from machine import COMMON, ISR, TYPES, Machine, vfs

MEMORY, MASTER, NO_INTX = 2, 4, 0x400  # bits of the command register
NO_VECTOR = 0xFFFF
EVENT_INDEX, VERSION_1, PLATFORM = 1 << 29, 1, 2  # features, the latter two from 32 on
RAM = 0x200000  # where tests put queues


def test_pin(results):
    for pin in ("off", "on"):
        with Machine(f"virtio-net-pci,mmr=on,mmr-pin={pin}") as m:
            window = m.bars[2][0]
            results.check(f"mmr-pin={pin}: interrupt pin", m.config(0x3D, 1), int(pin == "on"))
            m.write(window + 0x12, 7, 1)
            m.qmp("set_link", name="function", up=False)
            results.check(f"mmr-pin={pin}: INTx", m.config(6, 2) >> 3 & 1, int(pin == "on"))
            results.check(f"mmr-pin={pin}: ISR, and INTx after that",
                          (m.read(window + 0x13, 1), m.config(6, 2) >> 3 & 1), (3, 0))
            m.enable_msix(True)
            m.qmp("set_link", name="function", up=True)
            results.check(f"mmr-pin={pin}: INTx with MSI-X", m.config(6, 2) >> 3 & 1, 0)


def test_table_sizes(results):
    """Each type as PF, the next type as its VF"""
    for device, other in zip(TYPES, TYPES[1:] + TYPES[:1]):
        for number in (0, 1, 2):
            with Machine(f"{device},mmr=on,vectors={number}",
                         f"{other},id=vf0,addr=0.1,mmr=on,sriov-pf=function,vectors={number}") as m:
                vf = m.enable_vfs(1)[2][0]
                for name, function, window in ((f"{device}, PF", 0, m.bars[2][0]),
                                               (f"{other}, VF", 1, vf)):
                    results.check(f"{name} with vectors={number}: table",
                                  m.vectors(function), number)
                    if not number:
                        continue
                    m.enable_msix(True, function)
                    for vector in (number - 1, number):
                        m.write(window + 0x14, vector << 16 | vector, 4)
                        expected = vector if vector < number else NO_VECTOR
                        results.check(f"{name} with vectors={number}: vector {vector}",
                                      (m.read(window + 0x14, 2), m.read(window + 0x16, 2)),
                                      (expected, expected))


def test_refused_vectors(results):
    every = 2**64 - 1
    for properties, config, queue in (
            ("mmr-refused-config=0", [0, 1, 2, 62, 63, 64], [0, 1, 2, 62, 63, 64]),
            ("mmr-refused-config=5", [1, 62, 63, 64], [0, 1, 2, 62, 63, 64]),
            ("mmr-refused-queue=2", [0, 1, 2, 62, 63, 64], [0, 2, 62, 63, 64]),
            ("mmr-refused-queue=0x8000000000000000,mmr-refused-config=1",
             [1, 2, 62, 63, 64], [0, 1, 2, 62]),
            (f"mmr-refused-config={every},mmr-refused-queue={every}", [], [])):
        with Machine(f"virtio-net-pci,mmr=on,vectors=65,{properties}") as m:
            m.enable_msix(True)
            for name, start, registers in (("legacy", m.bars[2][0], (0x14, 0x16)),
                                           ("modern", m.structure(COMMON), (0x10, 0x1A))):
                for register, kind, expected in zip(registers, ("config", "queue"),
                                                    (config, queue)):
                    taken, other = [], []
                    for vector in (0, 1, 2, 62, 63, 64):
                        m.write(start + register, vector, 2)
                        found = m.read(start + register, 2)
                        (taken if found == vector else other).append(found)
                    results.check(f"{properties}: {name} {kind} vectors",
                                  (taken, set(other) - {NO_VECTOR}), (expected, set()))
            results.check(f"{properties}: counted", m.counter("mmr-refusals"),
                          2 * (12 - len(config) - len(queue)))

    with Machine("virtio-rng-pci,rng=random", *vfs(1, "mmr-refused-queue=1")) as m:
        window = m.enable_vfs(1)[2][0]
        m.enable_msix(True, 1)
        found = []
        for refused in (None, 0, 2):
            if refused is not None:
                m.qmp("qom-set", path="/machine/peripheral/vf0",
                      property="mmr-refused-queue", value=refused)
            for vector in (1, 0):
                m.write(window + 0x16, vector, 2)
                found.append(m.read(window + 0x16, 2))
        results.check("refused vectors of a VF, at run time, too", found,
                      [1, NO_VECTOR, 1, 0, NO_VECTOR, 0])


class Ring:
    """A queue in memory, 8 entries long, where a legacy driver expects its parts"""

    def __init__(self, machine, start):
        self.machine, self.start, self.offered = machine, start, 0

    def offer(self):
        """Give the device 16 bytes to read and 16 to fill, which rng and blk do"""
        write, head = self.machine.write, self.offered * 2 % 8
        for i, flags in ((head, 1), (head + 1, 2)):
            descriptor = self.start + 16 * i
            write(descriptor, self.start + 0x2000 + 16 * i, 8)
            write(descriptor + 8, 16, 4)
            write(descriptor + 12, (head + 1) << 16 | flags, 4)
        write(self.start + 128 + 4 + self.offered % 8 * 2, head, 2)
        self.offered += 1
        write(self.start + 128 + 2, self.offered, 2)

    def used(self):
        """Buffers that the device has given back, if need be after a while"""
        for _ in range(100):
            found = self.machine.read(self.start + 0x1000 + 2, 2)
            if found == self.offered:
                break
        return found

    def filled(self):
        """Whether something is in the buffer that was offered last"""
        buffer = self.start + 0x2000 + 16 * ((self.offered * 2 - 1) % 8)
        return any(self.machine.read(buffer + i, 8) for i in (0, 8))


class Legacy:
    """A legacy driver of the first queue"""
    running = 7

    def __init__(self, machine, bars):
        self.machine, self.window = machine, bars[2][0]

    def status(self):
        return self.machine.read(self.window + 0x12, 1)

    def isr(self):
        return self.machine.read(self.window + 0x13, 1)

    def start(self, ring):
        for status in (0, 1, 3):
            self.machine.write(self.window + 0x12, status, 1)
        self.machine.write(self.window + 4, EVENT_INDEX, 4)
        self.machine.write(self.window + 8, ring.start >> 12, 4)
        self.machine.write(self.window + 0x12, self.running, 1)

    def notify(self):
        self.machine.write(self.window + 0x10, 0, 2)


class Modern:
    """The same for a modern driver"""
    running = 0xF

    def __init__(self, machine, bars):
        self.machine, self.registers = machine, bars[4][0]

    def status(self):
        return self.machine.read(self.registers + 0x14, 1)

    def isr(self):
        return self.machine.read(self.registers + 0x1000, 1)

    def start(self, ring):
        for status in (0, 1, 3):
            self.machine.write(self.registers + 0x14, status, 1)
        for register, value in ((8, 0), (0xC, EVENT_INDEX), (8, 1), (0xC, PLATFORM | VERSION_1)):
            self.machine.write(self.registers + register, value, 4)
        self.machine.write(self.registers + 0x14, 0xB, 1)
        for register, offset in ((0x20, 0), (0x28, 128), (0x30, 0x1000)):
            self.machine.write(self.registers + register, ring.start + offset, 4)
            self.machine.write(self.registers + register + 4, 0, 4)
        self.machine.write(self.registers + 0x18, 8, 2)
        self.machine.write(self.registers + 0x1C, 1, 2)
        self.machine.write(self.registers + 0x14, self.running, 1)

    def notify(self):
        self.machine.write(self.registers + 0x3000, 0, 2)


def test_bus_master(results):
    """No DMA without it, and nothing else changes: the device works as soon as it has it"""
    for device, kind in itertools.product(
            ("virtio-rng-pci,rng=random", "virtio-blk-pci,drive=disk,queue-size=8"),
            (Legacy, Modern)):
        with Machine("virtio-rng-pci,rng=random",
                     f"{device},id=vf0,addr=0.1,mmr=on,sriov-pf=function") as m:
            driver = kind(m, m.enable_vfs(1))
            name = f"{device}, {kind.__name__.lower()}"

            def check(what, found, expected, name=name):
                results.check(f"bus mastering, {name} driver: {what}", found, expected)

            def outcome(driver=driver, m=m):
                return driver.status(), m.config(4, 2, 1), ring.used(), ring.filled()

            # A driver that has never written the command register; another that has
            for ring, command in ((Ring(m, RAM), None), (Ring(m, RAM + 0x10000), NO_INTX)):
                if command is not None:
                    m.set_config(4, command, 2, 1)
                driver.start(ring)
                ring.offer()
                driver.notify()
                check(f"a queue with {command} in the command register", outcome(),
                      (kind.running, command or 0, 0, False))
                m.set_config(4, MASTER, 2, 1)
                driver.notify()
                check(f"a notification after it is on, with {command} before", outcome(),
                      (kind.running, MASTER, 1, True))
            for command in (0, NO_INTX):
                m.set_config(4, command, 2, 1)
                check(f"device status after {command:#x} in the command register",
                      driver.status(), kind.running)
            ring.offer()
            driver.notify()
            check("a notification while it is off", outcome(),
                  (kind.running, NO_INTX, 1, False))
            m.set_config(4, MASTER, 2, 1)
            driver.notify()
            check("a notification after that", outcome(), (kind.running, MASTER, 2, True))

    for device in TYPES:
        with Machine(f"{device},mmr=on") as m:
            status = m.bars[2][0] + 0x12
            m.write(status, 3, 1)
            m.write(status, 7, 1)
            for command in (MEMORY, MEMORY | MASTER):
                m.set_config(4, command, 2)
                results.check(f"bus mastering, {device}: device status with {command:#x}",
                              (m.read(status, 1), m.config(4, 2)), (7, command))

    with Machine("virtio-net-pci,mmr=on") as m:
        table = m.msix_address(4)
        for offset, value in ((0, RAM), (4, 0), (8, 0x55), (12, 0)):
            m.write(table + offset, value, 4)
        m.enable_msix(True)
        m.write(m.bars[2][0] + 0x12, 7, 1)
        m.write(m.bars[2][0] + 0x14, 0, 2)
        messages = []
        for i, command in enumerate((MEMORY, MEMORY | MASTER)):
            m.set_config(4, command, 2)
            m.qmp("set_link", name="function", up=bool(i))
            messages.append(m.read(RAM, 4))
        results.check("bus mastering: an MSI-X message without it, and with it",
                      messages, [0, 0x55])


def test_isr(results):
    for mask in (3, 2, 0):
        with Machine(f"virtio-net-pci,mmr=on,mmr-msix-isr={mask}") as m:
            window, up = m.bars[2][0], True

            def change(register=None, m=m):
                """Changes the configuration. ISR status after that"""
                nonlocal up
                up = not up
                m.qmp("set_link", name="function", up=up)
                return m.read(register, 1) if register else None

            def check(what, found, expected, mask=mask):
                results.check(f"mmr-msix-isr={mask}: {what}", found, expected)

            registers = window + 0x13, m.structure(ISR)
            m.write(window + 0x12, 7, 1)
            check("without MSI-X", [change(r) for r in registers], [3, 3])
            change()
            m.enable_msix(True)
            check("what was there before MSI-X stays", m.read(registers[0], 1), 3)
            check("with MSI-X", [change(r) for r in registers], [mask, mask])
            m.enable_msix(False)
            check("nothing is left of it", m.read(registers[0], 1), 0)
            check("without MSI-X again", [change(r) for r in registers], [3, 3])
            m.enable_msix(True)
            m.reset()
            m.bars = m.place_bars()
            m.set_config(4, MEMORY | MASTER, 2)
            m.write(window + 0x12, 7, 1)
            check("without MSI-X by a function level reset", change(registers[0]), 3)

        with Machine("virtio-rng-pci,rng=random", *vfs(1, f"mmr-msix-isr={mask}")) as m:
            bars = m.enable_vfs(1)
            m.set_config(4, MEMORY | MASTER, 2, 1)
            for on in (False, True):
                for i, kind in enumerate((Legacy, Modern)):
                    driver, ring = kind(m, bars), Ring(m, RAM + 0x10000 * (i + 2 * on))
                    m.enable_msix(on, 1)
                    driver.start(ring)
                    ring.offer()
                    driver.notify()
                    results.check(f"mmr-msix-isr={mask}, {kind.__name__.lower()} driver: a used "
                                  f"buffer {'with' if on else 'without'} MSI-X",
                                  (ring.used(), driver.isr()), (1, mask & 1 if on else 1))


def test_msi(results):
    for msi in ("off", "on"):
        with Machine(f"virtio-net-pci,mmr=on,mmr-msi={msi}", *vfs(1, f"mmr-msi={msi}")) as m:
            m.enable_vfs(1)
            results.check(f"mmr-msi={msi}: has an MSI capability, MSI-X and a pin, as PF and VF",
                          [(m.capability(5, function) > 0, m.capability(0x11, function) > 0,
                            m.config(0x3D, 1, function)) for function in (0, 1)],
                          [(msi == "on", True, 0)] * 2)
            if msi == "off":
                continue
            capability = m.capability(5)
            for offset, value, size in ((4, RAM, 4), (8, 0, 4), (12, 0x55, 2), (2, 1, 2)):
                m.set_config(capability + offset, value, size)
            results.check("mmr-msi=on: can be enabled", m.config(capability + 2, 2) & 1, 1)
            m.write(m.bars[2][0] + 0x12, 7, 1)
            m.qmp("set_link", name="function", up=False)
            results.check("mmr-msi=on: but is not used",
                          (m.read(m.bars[2][0] + 0x13, 1), m.read(RAM, 4)), (3, 0))
