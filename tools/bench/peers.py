# SPDX-License-Identifier: GPL-2.0-or-later
"""What tools/bench/peer measured: Linux' own driver for legacy guests beside this project's."""

import json
import statistics

from samples import OURS, STOCK, Invalid, Samples

PEER = "virtio_vfio_pci"
# By batches
PATHS = {
    "host_pread_device_status": "read of device status",
    "host_pread_device_features": "read of features, 4 bytes",
    "host_pread_device_config_4": "read of configuration, 4 bytes",
    "host_pwrite_queue_select": "write of queue select",
    "host_pwrite_device_status": "write of device status",
    "host_pwrite_notify": "notification, the pwrite alone",
    "guest_exit_pread": "guest's read of device status",
    "guest_exit_pwrite": "guest's notification, by exit",
    "guest_ioeventfd_vfio_1_of_1": "guest's notification, no exit",
}
# The same accesses, each by itself
ASLEEP = {"host_pread_device_status": "read", "host_pwrite_queue_select": "write"}
OTHERS = ("bind", "open", "close")
# In the chart
BARS = ("host_pread_device_status", "host_pwrite_queue_select", "host_pwrite_notify", "guest_exit_pread",
        "guest_exit_pwrite")
SIGN = 200
# Two boots differ by the place of interrupts in the work, and by what the scheduler does
SLACK, SLACK_ASLEEP = 1.01, 1.05


class Boot:
    """One machine that counts instructions."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        self.kernel = data["kernel"]
        self.costs = {}
        for measured in data["paths"]:
            samples = Samples(measured)
            self.costs |= {(driver, path): samples.cost((driver, path)) for driver, path in samples.keys()}
        for binds in data["binds"]:
            for driver in {result["driver"] for result in binds["results"]}:
                rounds = [result["bind"] for result in binds["results"] if result["driver"] == driver]
                # Each function's least, as an interrupt can only add; vfio-pci has both kinds of functions
                cost = statistics.median(min(times) for times in zip(*rounds))
                self.costs.setdefault((driver, "bind"), cost)
        self.waits = {}
        for line in data["waits"]:
            for how in ("slept", "awake"):
                if line.get(how):
                    self.waits.setdefault((line["driver"], line["operation"], how), []).extend(line[how])
        for driver in (STOCK, OURS, PEER):
            for operation in OTHERS[1:]:
                self.costs[driver, operation] = min(self.waits[driver, operation, "awake"])
        for operation in ASLEEP.values():
            if (PEER, operation, "slept") not in self.waits:
                raise Invalid(f"virtio_vfio_pci never slept in a {operation}")
            self.costs[PEER, operation] = min(self.waits[PEER, operation, "slept"])


class Peers:
    """Costs of two boots, and accesses of several functions at once."""

    def __init__(self, counted, timed):
        self.boots = [Boot(path) for path in counted]
        self.kernel = self.boots[0].kernel
        with open(timed, encoding="utf-8") as file:
            data = json.load(file)
        self.cpus = data["cpus"]
        self.locks = {each["driver"]: each for each in data["locks"]}
        # Its PF has one lock for all functions. If that is not seen, to see none of ours means nothing
        if self.locks and not self.locks[PEER]["own"]:
            raise Invalid("no process waited for the lock of the PF of virtio_vfio_pci")
        self.rates = {}
        for line in data["at_once"]:
            self.rates.setdefault((line["driver"], line["functions"]), []).append(line["rate"])
        first, second = self.boots
        for key in first.costs.keys() | second.costs.keys():
            both = first.costs.get(key), second.costs.get(key)
            slack = SLACK_ASLEEP if key[1] in ASLEEP.values() else SLACK
            if None in both or max(both) > slack * min(both):
                raise Invalid(f"two boots counted differently: {key[1]} through {key[0]}: {both}")

    def cost(self, driver, what):
        """The lesser of the two boots, or None if the driver cannot do this."""
        found = [boot.costs[driver, what] for boot in self.boots if (driver, what) in boot.costs]
        return min(found) if found else None

    def functions(self):
        """How many had accesses at once, in the order of the measurement."""
        return sorted({functions for _, functions in self.rates})

    def gain(self, driver, functions):
        """Accesses of so many functions, to those of one: the values of all rounds."""
        return [many / one for many, one in zip(self.rates[driver, functions], self.rates[driver, 1])]

    def advantage(self, functions):
        """Accesses by this driver, to those by the other."""
        return [ours / peer for ours, peer in zip(self.rates[OURS, functions], self.rates[PEER, functions])]


def ratio_text(cost, base):
    return f"{cost / base:.2f}" if cost else ""


def cost_lines(peers, number):
    yield ("operation", "vfio-pci", "ours", "to vfio-pci", "virtio_vfio_pci", "to ours", "asleep", "to ours")
    for what, name in (PATHS | {other: other for other in OTHERS}).items():
        stock, ours, peer = (peers.cost(driver, what) for driver in (STOCK, OURS, PEER))
        asleep = peers.cost(PEER, ASLEEP[what]) if what in ASLEEP else None
        yield (name, number(stock), number(ours), ratio_text(ours, stock), number(peer) if peer else "none",
               ratio_text(peer, ours), number(asleep) if asleep else "", ratio_text(asleep, ours))


def bar_lines(peers, number):
    """A chart of text: a sign for each of so many instructions."""
    for what in BARS:
        asleep = peers.cost(PEER, ASLEEP[what]) if what in ASLEEP else None
        for name, cost in (("ours", peers.cost(OURS, what)), (PEER, peers.cost(PEER, what)), ("asleep", asleep)):
            if cost:
                yield (PATHS[what] if name == "ours" else "", name, "#" * round(cost / SIGN) + f" {number(cost)}")


def gain_lines(peers, number, span):
    yield ("functions", "ours, to one", "(extremes)", "virtio_vfio_pci, to one", "(extremes)",
           "ours to virtio_vfio_pci", "(extremes)")
    for count in peers.functions():
        cells = []
        for values in (peers.gain(OURS, count), peers.gain(PEER, count), peers.advantage(count)):
            cells += [number(statistics.median(values)), span(values)]
        yield (str(count), *cells)


def lock_line(peers):
    return "waits for locks on four CPUs, those for a lock of the driver in brackets: " + ", ".join(
        f"{name} {peers.locks[driver]['waits']} ({peers.locks[driver]['own']})"
        for driver, name in ((OURS, "ours"), (PEER, PEER)))
