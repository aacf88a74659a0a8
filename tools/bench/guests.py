# SPDX-License-Identifier: GPL-2.0-or-later
"""What tools/bench/guest measured: a guest whose notifications go two ways."""

import json
import statistics

from samples import Invalid

WAYS = ("exit", "ioeventfd")
LOADS = {"blk": "read of 4 KiB", "net": "packet of 16 bytes", "bare": "notification alone"}
# The first notification of a queue comes to user space whatever the way
STRAY_SHARE = 0.01


class Guests:
    """Rounds of each load, one by each way, in turns."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        self.kernel = data["kernel"]
        self.sent = sum(function["sent"] for function in data["notifications"])
        self.seen = sum(function["seen"] for function in data["notifications"])
        self.rounds = {(load, way): [] for load in LOADS for way in WAYS}
        for result in data["results"]:
            self._check(result)
            self.rounds[result["load"], result["way"]].append(result)
        for (load, way), rounds in self.rounds.items():
            if len(rounds) < 2:
                raise Invalid(f"the guest came to the end of {len(rounds)} rounds of {load} by {way}")
        for function in data["notifications"]:
            if function["sent"] != function["seen"]:
                raise Invalid(f"a function was sent {function['sent']} notifications and got {function['seen']}")

    @staticmethod
    def _check(result):
        """That each way was gone where it is measured."""
        writes = result["notifications"]["notify_writes"]
        total = Guests.notifications(result)
        strays = writes if result["way"] == "ioeventfd" else total - writes
        if total == 0 or strays > STRAY_SHARE * total:
            raise Invalid(f"{result['load']} by {result['way']}: {writes} of {total} notifications by a write")

    @staticmethod
    def notifications(result):
        return sum(result["notifications"].values())

    @staticmethod
    def share(result):
        """Notifications per 1,000 operations."""
        return 1000 * Guests.notifications(result) / result["operations"]

    @staticmethod
    def rate(result):
        """Operations in a second on the guest's clock."""
        return result["operations"] / result["nanoseconds"] * 1e9

    @staticmethod
    def vcpu(result):
        """CPU time of the virtual CPU's thread for an operation, the guest's own included."""
        return result["cpu"]["vcpu"] / result["operations"]

    @staticmethod
    def others(result):
        """The same of QEMU's other threads, mainly the main loop."""
        return (sum(result["cpu"].values()) - result["cpu"]["vcpu"]) / result["operations"]

    def median(self, load, way, value):
        return statistics.median(value(result) for result in self.rounds[load, way])

    def ratios(self, load, value):
        """By ioeventfd to by exit, of rounds that are neighbours."""
        return [value(one) / value(other) for one, other in
                zip(self.rounds[load, "ioeventfd"], self.rounds[load, "exit"])]
