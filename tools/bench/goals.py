# SPDX-License-Identifier: GPL-2.0-or-later
"""What the driver shall cost, in terms of what vfio-pci and KVM cost in the same boot."""

import dataclasses
import math
import statistics

from guests import LOADS
from samples import OURS, STOCK


@dataclasses.dataclass
class Limit:
    """A bound and where it comes from."""
    value: float
    source: str

    def met(self, measured):
        return measured <= self.value


@dataclasses.dataclass
class Row:
    """One measured value against its goal and, where there is one, a further goal."""
    subject: str
    unit: str
    measured: float
    goal: Limit
    stretch: Limit | None = None


# A register access may cost a little more than the same access without translation
REGISTER_SLACK = 1.05
# A notification may skip what a general access has to look at
NOTIFY_SHARE = 0.9
# The doorbell's own write, over an eventfd that nobody waits for
DOORBELL_SLACK = 1.10
# Instructions
REPORTING = 10
# Of the time of a bind from the first functions to the last: times are not exact
GROWTH = 1.5


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
               Limit(REPORTING, "none but a few"))


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


def bind_cost(costs, driver, what):
    """Of one function: the least count or the median time, and its unit."""
    values = [value for result in costs["results"] if result["driver"] == driver
              for value in result[what]]
    if costs["unit"] == "instructions":
        return min(values), "instructions"
    return statistics.median(values) / 1e3, "microseconds"


def bind_memory(costs, driver, what):
    """Bytes that a bound function takes."""
    return statistics.median(result[what] for result in costs["results"]
                             if result["driver"] == driver) / costs["functions"]


def bind_growth(costs):
    """How much longer the last tenth of our binds took than the first one."""
    firsts, lasts = [], []
    for result in costs["results"]:
        if result["driver"] == OURS:
            tenth = max(1, len(result["bind"]) // 10)
            firsts += result["bind"][:tenth]
            lasts += result["bind"][-tenth:]
    return statistics.median(lasts) / statistics.median(firsts)


def bind_rows(bind):
    for count, costs in bind.items():
        functions = f"{count} functions" if count > 1 else "1 function"
        ours, unit = bind_cost(costs, OURS, "bind")
        stock, _ = bind_cost(costs, STOCK, "bind")
        yield Row(f"bind, each of {functions}", unit, ours,
                  Limit(math.inf, "measured only"), Limit(stock, "vfio-pci"))
    most = max(bind)
    yield Row(f"the last binds of {most}, to the first", "times", bind_growth(bind[most]),
              Limit(GROWTH, "linear in functions"))
    yield Row("memory of a bound function", "bytes", bind_memory(bind[most], OURS, "slab_bytes"),
              Limit(math.inf, "measured only"),
              Limit(bind_memory(bind[most], STOCK, "slab_bytes"), "vfio-pci"))


def guest_rows(guests):
    for load, operation in LOADS.items():
        # How many packets a notification is for depends on when the device looks
        goal = Limit(math.inf, "measured only") if load == "net" else Limit(1, "by exit")
        yield Row(f"guest's {operation}, by ioeventfd to by exit", "times",
                  statistics.median(guests.ratios(load, guests.instructions)), goal)


def rows(exact, bare, bind, guests):
    """All goals that the measured modes have something to say about."""
    found = []
    if exact:
        found += [*count_rows(exact), uncounted_row(exact, bare)]
    if bind:
        found += bind_rows(bind)
    if guests:
        found += guest_rows(guests)
    return found
