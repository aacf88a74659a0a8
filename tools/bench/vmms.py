# SPDX-License-Identifier: GPL-2.0-or-later
"""What tools/bench/vmm measured: operations of one guest on several VMMs."""

import json

from samples import Invalid

VMMS = {"qemu": ("QEMU", "ours"), "qemu_patched": ("QEMU, patched", "ours"),
        "mmrvmm_driver": ("mmrvmm", "ours"), "mmrvmm_library": ("mmrvmm", "vfio-pci")}
# Rounds whose costs differ by less are the same
ALIKE = 1.01
OPERATIONS = {"read": "read of status", "write": "write of queue select", "notify": "notification",
              "intx": "request, INTx", "msix": "request, MSI-X"}


class Vmms:
    """Costs of each VMM and operation, a value for each round."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.rounds = {}
        for line in lines:
            self.rounds.setdefault((line["vmm"], line["operation"]), []).append(self._cost(line))
        missing = {(vmm, operation) for vmm in VMMS for operation in OPERATIONS} - self.rounds.keys()
        if missing:
            raise Invalid(f"not measured: {sorted(missing)}")
        self.kernel = lines[0]["kernel"]

    @staticmethod
    def _cost(line):
        """A timer interrupt or another task can only add."""
        if "samples" in line:
            return min(line["samples"])
        return (min(line["twice"]) - min(line["once"])) / line["operations"]

    def least(self, vmm, operation):
        return min(self.rounds[vmm, operation])

    def ratio(self, vmm, operation):
        """To QEMU as Debian has it."""
        return self.least(vmm, operation) / self.least("qemu", operation)
