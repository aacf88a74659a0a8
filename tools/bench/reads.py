# SPDX-License-Identifier: GPL-2.0-or-later
"""What tools/bench/interrupt measured: a guest's reads, whose ends come by MSI-X and by INTx."""

import json
import statistics

from samples import Invalid

WAYS = {"msix": "MSI-X", "intx": "INTx"}
NONE = "none"
KINDS = {"io_exits": "ports", "irq_exits": "host's interrupts", "irq_window_exits": "interrupt window",
         "halt_exits": "HLT"}
# The first notification of a queue comes to user space whatever the way
STRAY_SHARE = 0.01


class Interrupts:
    """Rounds of reads by each way, in turns."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        self.kernel = data["kernel"]
        self.rounds = {way: [] for way in (*WAYS, NONE)}
        for result in data["results"]:
            if result["way"] != NONE:
                self._check(result)
            self.rounds[result["way"]].append(result)
        for way, rounds in self.rounds.items():
            if len(rounds) < 2:
                raise Invalid(f"the guest came to the end of {len(rounds)} rounds of reads by {way}")

    @staticmethod
    def _check(result):
        """That each interrupt came by the way where it is measured, and each notification by the kernel."""
        way, reads, counters = result["way"], result["reads"], result["counters"]
        wrong = [name for name in ("intx_interrupts", "intx_signals", "intx_unmasks")
                 if (counters[name] < reads if way == "intx" else counters[name])]
        if counters["notify_ioeventfds"] < (1 - STRAY_SHARE) * reads:
            wrong.append("notify_ioeventfds")
        if wrong:
            raise Invalid(f"{reads} reads by {WAYS[way]}, and the driver counted {counters}: wrong {wrong}")

    @staticmethod
    def _low(results):
        """The lowest but two in a hundred: timers add to most reads, and a rare read saves a world switch."""
        return statistics.quantiles([sample for result in results for sample in result["samples"]], n=50)[0]

    def cost(self, way):
        return self._low(self.rounds[way])

    def least(self, way):
        return min(min(result["samples"]) for result in self.rounds[way])

    def median(self, way):
        return statistics.median(sample for result in self.rounds[way] for sample in result["samples"])

    def ratio(self, way):
        return self.cost(way) / self.cost("msix")

    def ratios(self, way):
        """Of each round."""
        return [self._low([ours]) / self._low([theirs])
                for ours, theirs in zip(self.rounds[way], self.rounds["msix"])]

    def _exits(self, result):
        """By kind. What the rest of the program takes is that of a round without reads."""
        rest = {name: statistics.median(none["exits"][name] for none in self.rounds[NONE]) for name in result["exits"]}
        return {name: (value - rest[name]) / result["reads"] for name, value in result["exits"].items()}

    def exits(self, way):
        """Of one read: all, and by kind; the round with the fewest. Timers can only add."""
        return min((self._exits(result) for result in self.rounds[way]), key=lambda found: found["exits"])

    def other_exits(self, way):
        found = self.exits(way)
        return found["exits"] - sum(found[name] for name in KINDS)
