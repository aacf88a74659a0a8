# SPDX-License-Identifier: GPL-2.0-or-later
"""What tools/bench/native measured: operations that sleep until a device interrupts."""

import json
import statistics

from samples import Invalid

STOCK = "virtio-pci"
WAYS = {"stock": STOCK, "modern": "modern", "legacy": "legacy"}
LOADS = {"disk": "read of 4 KiB", "ping": "packet and its answer"}
INTERRUPTS = {"msix": "MSI-X", "intx": "INTx, unmasked by ioctl", "intx_eventfd": "INTx, unmasked by eventfd"}
# Features that some drivers have and a single request does not depend on: reset of a queue,
# and what only one interface has
RING_RESET, VERSION_1, ANY_LAYOUT, NET_GSO = 40, 32, 27, 6
IRRELEVANT = {"disk": {RING_RESET, VERSION_1, ANY_LAYOUT}, "ping": {RING_RESET, VERSION_1, ANY_LAYOUT, NET_GSO}}


class Natives:
    """Samples of each load and way, in rounds."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.rounds, self.parts, self.facts = {}, {}, {}
        for line in lines:
            key = line["load"], line.get("way", "")
            self.rounds.setdefault(key, []).append([sum(parts) for parts in zip(*line["parts"].values())])
            for part, samples in line["parts"].items():
                self.parts.setdefault(key, {}).setdefault(part, []).extend(samples)
            if key in self.facts and self._alike(line) != self._alike(self.facts[key]):
                raise Invalid(f"{key} had other vectors or features in another round")
            self.facts[key] = line
        missing = ({(load, way) for load in LOADS for way in WAYS} | {(load, "") for load in INTERRUPTS}) \
            - self.rounds.keys()
        if missing:
            raise Invalid(f"not measured: {sorted(missing)}")
        self.kernel = lines[0]["kernel"]
        for load in LOADS:
            for way in WAYS:
                if self._alike(self.facts[load, way]) != self._alike(self.facts[load, "stock"]):
                    raise Invalid(f"{load}, {way}: {self._alike(self.facts[load, way])}, not as virtio-pci")

    @staticmethod
    def _alike(line):
        """What all drivers must have in common to be compared."""
        bits = {bit for bit, value in enumerate(line.get("features", "")) if value == "1"}
        return line.get("vectors"), line.get("iommu"), sorted(bits - IRRELEVANT.get(line["load"], set()))

    def least(self, key):
        """A timer or another task can only add."""
        return min(min(samples) for samples in self.rounds[key])

    def spread(self, key):
        """Median and quartiles."""
        low, middle, high = statistics.quantiles([sample for samples in self.rounds[key] for sample in samples], n=4)
        return middle, (low, high)

    def part(self, key, part):
        return min(self.parts[key][part])

    def ratio(self, key, base):
        return self.least(key) / self.least(base)

    def ratios(self, key, base):
        """Of the least and of the median of each round: all repeats of this comparison."""
        return [one(ours) / one(theirs) for ours, theirs in zip(self.rounds[key], self.rounds[base])
                for one in (min, statistics.median)]
