# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints the results of tests as TAP, for programs in Python; selftests/lib/ktap.sh is for shell."""


class Tap:
    """The results of a program. Without a number of planned ones the plan is at the end."""

    def __init__(self, planned=None):
        self.planned = planned
        self.count = self.failed = 0
        print("TAP version 13")
        if planned is not None:
            print(f"1..{planned}", flush=True)

    def comment(self, text):
        for line in str(text).split("\n"):
            print("#", line)

    def result(self, name, passed, *why):
        """One more. A reader looks for the reasons, why it has failed, in front of it."""
        self.count += 1
        if not passed:
            self.failed += 1
            for text in why:
                self.comment(text)
        print("ok" if passed else "not ok", self.count, name, flush=True)

    def finish(self):
        """The program's exit status."""
        if self.planned is None:
            print(f"1..{self.count}")
        return 1 if self.failed or self.planned not in (None, self.count) else 0
