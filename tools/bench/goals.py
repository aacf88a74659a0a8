# SPDX-License-Identifier: GPL-2.0-or-later
"""What the driver shall cost, in terms of what vfio-pci and KVM cost in the same boot."""

import dataclasses
import math
import statistics

from guests import LOADS
from natives import INTERRUPTS, LOADS as NATIVE_LOADS, STOCK as NATIVE_STOCK
from samples import OURS, STOCK
from scales import COSTS, NAMES


@dataclasses.dataclass
class Limit:
    """A bound and where it comes from."""
    value: float
    source: str

    def met(self, measured):
        return measured <= self.value


@dataclasses.dataclass
class Row:
    """One measured value against its goal and, where there is one, a further goal.

    Where repeats differ, measured is their median, and extremes are the least and the most.
    """
    subject: str
    unit: str
    measured: float
    goal: Limit
    stretch: Limit | None = None
    extremes: tuple[float, float] | None = None

    def verdict(self, bound):
        """Of all repeats; where they contradict each other: undecided. Empty: nothing to judge."""
        if bound is None or math.isinf(bound.value):
            return ""
        met = {bound.met(value) for value in self.extremes or (self.measured,)}
        if len(met) > 1:
            return "undecided"
        return "met" if met.pop() else "NOT MET"


# A register access may cost a little more than the same access without translation
REGISTER_SLACK = 1.05
# A notification may skip checks that a general access needs
NOTIFY_SHARE = 0.9
# The doorbell's own write, over an eventfd that nobody waits for
DOORBELL_SLACK = 1.10
# A device of the host may cost a little more than by the kernel's own driver
NATIVE_SLACK = 1.05
# A bound function may cost a little more than with vfio-pci, to bind and in memory
BIND_SLACK = 1.10
MEMORY_SLACK = 1.02
# Instructions
REPORTING = 10
# Of a bind's instructions from the first functions to the last. Trees of names become deeper,
# for vfio-pci as well; beyond that this allows some 600 for each function that is bound.
GROWTH = 1.25


def registers(samples):
    """The register paths that both drivers have, reads first."""
    names = [path for driver, path in samples.keys() if driver == OURS and
             path.startswith(("host_pread_", "host_pwrite_")) and path != "host_pwrite_notify"]
    return sorted(names, key=lambda path: path.startswith("host_pwrite_"))


def uncounted_row(exact, bare):
    """What counters and switched-off tracepoints add to the path that has most of them."""
    paths = ["guest_ioeventfd_vfio_1_of_1", "guest_exit_pwrite", *registers(exact)]
    added = max(exact.cost((OURS, path)) - bare.cost((OURS, path)) for path in paths)
    return Row("counters, and tracepoints off", "instructions", added,
               Limit(REPORTING, "a few at most"))


def count_rows(exact):
    def ours(path):
        return exact.cost((OURS, path))

    def stock(path):
        return exact.cost((STOCK, path))

    unit = "instructions"
    ioeventfd = "guest_ioeventfd_vfio_1_of_1"
    yield Row("notify, KVM and VFIO ioeventfd", unit, ours(ioeventfd),
              Limit(stock(ioeventfd), "vfio-pci"),
              Limit(DOORBELL_SLACK * ours("guest_ioeventfd"), f"{DOORBELL_SLACK:.2f} x KVM ioeventfd, no reader"))
    # More queues the VFIO of tools/qemu does not give ioeventfds
    yield Row("notify, KVM and VFIO ioeventfd, the last of 32", unit, ours("guest_ioeventfd_vfio_32_of_32"),
              Limit(ours("guest_exit_pwrite"), "exit and pwrite"))
    yield Row("notify, exit and pwrite", unit, ours("guest_exit_pwrite"),
              Limit(stock("guest_exit_pwrite"), "vfio-pci"))
    yield Row("notify, the pwrite alone", unit, ours("host_pwrite_notify"),
              Limit(stock("host_pwrite_notify"), "vfio-pci"),
              Limit(NOTIFY_SHARE * stock("host_pwrite_notify"), f"{NOTIFY_SHARE} x vfio-pci"))
    for path in registers(exact):
        call, register = path.removeprefix("host_").split("_", 1)
        yield Row(f"{call} of {register.replace('_', ' ')}", unit, ours(path),
                  Limit(REGISTER_SLACK * stock(path), f"{REGISTER_SLACK} x vfio-pci"),
                  Limit(stock(path), "vfio-pci"))


def extremes(values):
    return min(values), max(values)


def bind_cost(costs, driver, what):
    """Of each function the least of all rounds: a timer interrupt can only add."""
    rounds = (result[what] for result in costs["results"] if result["driver"] == driver)
    return [min(values) for values in zip(*rounds)]


def bind_memory(costs, driver):
    """Slab bytes of a bound function in each round except the first, which allocates some things once."""
    return [result["slab_bytes_each"] for result in costs["results"] if result["driver"] == driver][1:]


def bind_growth(counted):
    """Cost of the last tenth of this driver's binds as a multiple of the first tenth, for each round."""
    growths = []
    for result in counted["results"]:
        if result["driver"] == OURS:
            tenth = max(1, len(result["bind"]) // 10)
            growths.append(statistics.median(result["bind"][-tenth:]) / statistics.median(result["bind"][:tenth]))
    return growths


def bind_rows(bind):
    """From counts alone: times vary by more than the drivers differ."""
    counted, _ = bind
    functions = counted["functions"]
    ours, stock = (bind_cost(counted, driver, "bind") for driver in (OURS, STOCK))
    growths = bind_growth(counted)
    yield Row(f"bind, each of {functions} functions", "instructions", statistics.median(ours),
              Limit(BIND_SLACK * statistics.median(stock), f"{BIND_SLACK:.2f} x vfio-pci"),
              Limit(statistics.median(stock), "vfio-pci"), extremes(ours))
    yield Row(f"the last binds of {functions}, to the first", "times", statistics.median(growths),
              Limit(GROWTH, "linear in functions"), extremes=extremes(growths))
    ours, stock = (bind_memory(counted, driver) for driver in (OURS, STOCK))
    yield Row("slab memory of a bound function", "bytes", statistics.median(ours),
              Limit(MEMORY_SLACK * statistics.median(stock), f"{MEMORY_SLACK:.2f} x vfio-pci"),
              Limit(statistics.median(stock), "vfio-pci"), extremes(ours))


def guest_rows(counted):
    """Counts the virtual CPU's thread: the main loop has no part in notifications."""
    for load, operation in LOADS.items():
        # How many packets a notification is for depends on when the device looks
        goal = Limit(math.inf, "measured only") if load == "net" else Limit(1, "by exit")
        ratios = counted.ratios(load, counted.vcpu)
        yield Row(f"guest's {operation}, vCPU, by ioeventfd to by exit", "times",
                  statistics.median(ratios), goal, extremes=extremes(ratios))


def native_rows(native):
    """Devices of the host to virtio-pci, and a VMM's interrupts to those by MSI-X."""
    for load, operation in NATIVE_LOADS.items():
        for way, goal in (("modern", Limit(NATIVE_SLACK, NATIVE_STOCK)), ("legacy", Limit(math.inf, "measured only"))):
            key, base = (load, way), (load, "stock")
            yield Row(f"host's {operation}, {way}, to {NATIVE_STOCK}", "times", native.ratio(key, base), goal,
                      extremes=extremes(native.ratios(key, base)))
    base = "msix", ""
    for load, name in INTERRUPTS.items():
        if load != base[0]:
            yield Row(f"a VMM's interrupt, {name}, to MSI-X", "times", native.ratio((load, ""), base),
                      Limit(math.inf, "measured only"), extremes=extremes(native.ratios((load, ""), base)))


def interrupt_rows(interrupts):
    """A guest's reads by INTx to those by MSI-X."""
    yield Row("guest's read of 4 KiB, INTx, to MSI-X", "times", interrupts.ratio("intx"),
              Limit(math.inf, "measured only"), extremes=extremes(interrupts.ratios("intx")))


def scale_rows(scales):
    """Costs of each function on a host with the most functions, to those on a host with few."""
    most = scales.steps[-1].functions
    for key, (_, value, goal) in COSTS.items():
        if goal:
            first, growth = goal
            yield Row(f"{NAMES[key]}, {most} functions to {first}", "times", scales.growth(value, first),
                      Limit(growth, "the same for any number"))


def rows(exact, bare, bind, guests, native, interrupts, scales):
    """All goals that the measured modes have something to say about."""
    found = []
    if exact:
        found += [*count_rows(exact), uncounted_row(exact, bare)]
    if bind:
        found += bind_rows(bind)
    if guests:
        counted, _ = guests
        found += guest_rows(counted)
    if native:
        found += native_rows(native)
    if interrupts:
        found += interrupt_rows(interrupts)
    if scales:
        found += scale_rows(scales)
    return found
