# SPDX-License-Identifier: GPL-2.0-or-later
"""What tools/bench/scale measured: costs on a host with few functions, and with many."""

import json
import statistics

from samples import OURS, STOCK, Invalid

# What a goal compares: the cost with one function, or of each of a few where one is no measure
FEW = 64
# As many as four PFs have
MOST = 1016
# Of the longest bar in a chart of text
SIGNS = 50
# Functions of any number shall have the same cost; some of the kernel's own tables grow
GROWTH = 1.25
ACCESS_GROWTH = 1.02


class Step:
    """A host with so many functions."""

    def __init__(self, data):
        self.functions = data["functions"]
        self.list = data["list"]
        self.create_each = data["create"] / self.functions
        # Of each further function, if there are two: Scales knows what the first one costs
        self.list_each = None
        self.open, self.read, self.notify = (data[what] for what in ("open", "read", "notify"))
        self.others = data["others"]
        if self.functions > 1 and not self.others:
            raise Invalid(f"the others of {self.functions} functions had no access meanwhile")
        self.binds, self.slabs = {}, {}
        for driver in (STOCK, OURS):
            results = [result for result in data["binds"]["results"] if result["driver"] == driver]
            # Of each function the least, as an interrupt can only add
            self.binds[driver] = statistics.median(min(costs) for costs in zip(*(each["bind"] for each in results)))
            # The first round allocates things once; trees of names have some nodes for many functions
            self.slabs[driver] = None
            if self.functions > 1 and len(results) > 1:
                self.slabs[driver] = results[-1]["slab_bytes_each"]


class Scales:
    """All steps of one boot."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        self.kernel = data["kernel"]
        self.steps = [Step(step) for step in data["steps"]]
        self.by_count = {step.functions: step for step in self.steps}
        for step in self.steps[1:]:
            step.list_each = (step.list - self.by_count[1].list) / (step.functions - 1)

    def growth(self, value, first):
        """Of the cost with the most functions, to that with FIRST."""
        return value(self.steps[-1]) / value(self.by_count[first])


# Costs of a step: a key for programs, the head of a column, the function, and what a goal of
# growth is to
COSTS = {
    "create": ("create", lambda step: step.create_each, (FEW, GROWTH)),
    "bind": ("bind", lambda step: step.binds[OURS], (FEW, GROWTH)),
    "stock_bind": ("by vfio-pci", lambda step: step.binds[STOCK], None),
    "slab": ("slab bytes", lambda step: step.slabs[OURS], None),
    "stock_slab": ("by vfio-pci", lambda step: step.slabs[STOCK], None),
    "list": ("list, all, 10^6", lambda step: step.list / 1e6, None),
    "list_each": ("each further", lambda step: step.list_each, (FEW, GROWTH)),
    "open": ("open", lambda step: step.open, (1, GROWTH)),
    "read": ("read", lambda step: step.read, (1, ACCESS_GROWTH)),
    "notify": ("notify", lambda step: step.notify, (1, ACCESS_GROWTH)),
}
NAMES = {
    "create": "creation",
    "bind": "a bind",
    "list_each": "each further in mmrctl list",
    "open": "an open, others open",
    "read": "a register read, others busy",
    "notify": "a notification, others busy",
}
BARS = ("create", "bind", "list_each", "open", "read", "notify")


def lines(scales, number):
    yield ("functions", *(head for head, _, _ in COSTS.values()), "accesses of others")
    for step in scales.steps:
        yield (str(step.functions), *(number(value(step)) if value(step) is not None else ""
                                     for _, value, _ in COSTS.values()), str(step.others))


def bar_lines(scales, number):
    """A chart of text: each cost by the number of functions, to the highest one."""
    for key in BARS:
        value = COSTS[key][1]
        steps = [step for step in scales.steps if value(step) is not None]
        highest = max(value(step) for step in steps)
        for step in steps:
            yield (NAMES[key] if step is steps[0] else "", str(step.functions),
                   "#" * round(SIGNS * value(step) / highest) + f" {number(value(step))}")


def saved(scales):
    return {"unit": "instructions", "kernel": scales.kernel,
            "steps": [{"functions": step.functions, "others": step.others,
                       **{key: value(step) for key, (_, value, _) in COSTS.items()}} for step in scales.steps]}
