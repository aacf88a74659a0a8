# SPDX-License-Identifier: GPL-2.0-or-later
"""What the samples of build/bench/measure say about each path."""

import json
import statistics

STOCK = "vfio-pci"
OURS = "virtio_mmr_vfio_pci"


class Invalid(Exception):
    """Samples that no result can be taken from."""


class Samples:
    """The samples of one run of measure.

    Counts: a path costs (T(2N) - T(N)) / N of minima over all batches. What comes once
    with a batch, the start of the guest for one, is in both, and a timer interrupt can
    only add. Times: the median of T(2N) / 2N, since differences of them are mostly noise.
    """

    def __init__(self, source):
        """Of a file, or of its contents."""
        data = source
        if not isinstance(source, dict):
            with open(source, encoding="utf-8") as file:
                data = json.load(file)
        self.unit = data["unit"]
        self.exact = self.unit == "instructions"
        self.kernel = data["kernel"]
        self.type = data["type"]
        self.sent = data.get("notifications_sent")
        self.seen = data.get("notifications_seen")
        self.once, self.twice = {}, {}
        for result in data["results"]:
            key, operations = (result["driver"], result["path"]), result["operations"]
            for found, samples in ((self.once, result["once"]), (self.twice, result["twice"])):
                found.setdefault(key, []).append([sample / operations for sample in samples])

    def keys(self):
        return self.once.keys()

    @staticmethod
    def _all(rounds):
        return [sample for samples in rounds for sample in samples]

    def times(self, key):
        """Of one operation, by the longer batches."""
        return [sample / 2 for sample in self._all(self.twice[key])]

    def cost(self, key):
        """Of one operation, in the unit of the run."""
        if self.exact:
            return round(min(self._all(self.twice[key])) - min(self._all(self.once[key])), 3)
        return statistics.median(self.times(key))

    def floor(self, key):
        return min(self.times(key))

    def quartiles(self, key):
        low, _, high = statistics.quantiles(self.times(key), n=4)
        return low, high

    def ratio(self, key, base):
        """Of two costs; of times the median over batches that are neighbours."""
        if self.exact:
            return self.cost(key) / self.cost(base)
        return statistics.median(
            one / other for ones, others in zip(self.twice[key], self.twice[base])
            for one, other in zip(ones, others))


def agree(runs, drivers=(STOCK, OURS)):
    """The counts of the first run; all must have the same paths, and through these drivers the same counts."""
    first = runs[0]
    for other in runs[1:]:
        alone = first.keys() ^ other.keys()
        if alone:
            raise Invalid("only one of two boots measured: " +
                          "; ".join(f"{path} through {driver}" for driver, path in sorted(alone)))
        differences = [f"{key[1]} through {key[0]}: {first.cost(key)} and {other.cost(key)}"
                       for key in first.keys() if key[0] in drivers and
                       first.cost(key) != other.cost(key)]
        if differences:
            raise Invalid("two boots counted differently: " + "; ".join(differences))
    return first
