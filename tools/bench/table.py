# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as text and as JSON."""

import dataclasses
import json
import math
import statistics

import goals
from guests import LOADS, WAYS
from samples import OURS, STOCK

SHORT = {STOCK: "vfio-pci", OURS: "ours"}


def columns(lines, right):
    """Lines of cells, in columns; those whose numbers are in right are right-justified."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [cell.rjust(width) if i in right else cell.ljust(width)
                 for i, (cell, width) in enumerate(zip(line, widths))]
        yield "  ".join(cells).rstrip()


def number(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def limit(bound):
    if bound is None:
        return ""
    return bound.source if math.isinf(bound.value) else f"<= {number(bound.value)} ({bound.source})"


def verdict(bound, measured):
    if bound is None or math.isinf(bound.value):
        return ""
    return "met" if bound.met(measured) else "NOT MET"


def path_lines(exact, time):
    yield ("path", "driver", *(("instructions", "to bare exit") if exact else ()),
           *(("ns, floor", "median", "quartiles", "to bare exit") if time else ()))
    for driver, path in (exact or time).keys():
        key, base = (driver, path), (driver, "guest_exit")
        line = [path, SHORT[driver]]
        if exact:
            line += [number(exact.cost(key)), f"{exact.ratio(key, base):.3f}"]
        if time and key not in time.keys():
            line += [""] * 4
        elif time:
            low, high = time.quartiles(key)
            line += [number(time.floor(key)), number(time.cost(key)),
                     f"{number(low)}-{number(high)}", f"{time.ratio(key, base):.3f}"]
        yield line


def goal_lines(rows):
    yield ("", "measured", "unit", "goal", "", "further goal", "")
    for row in rows:
        yield (row.subject, number(row.measured), row.unit,
               limit(row.goal), verdict(row.goal, row.measured),
               limit(row.stretch), verdict(row.stretch, row.measured))


def bind_lines(bind):
    yield ("functions", "driver", "bind", "unbind", "unit", "slab bytes each", "used bytes each")
    for count, costs in bind.items():
        for driver in (STOCK, OURS):
            (bound, unit), (unbound, _) = (goals.bind_cost(costs, driver, what) for what in ("bind", "unbind"))
            # Unbinding waits for a reset, and a clock of instructions goes on while all wait
            unbound = number(unbound) if unit != "instructions" else ""
            # The memory of few is less than what the rest of the system takes and frees
            memory = [number(goals.bind_memory(costs, driver, what)) if count > 100 else ""
                      for what in ("slab_bytes", "used_bytes")]
            yield (str(count), SHORT[driver], number(bound), unbound, unit, *memory)


def guest_lines(guests):
    yield ("guest's", "notified by", "per second", "notified per 1000", "instructions",
           "to exit", "(extremes)", "main loop", "vCPU")
    for load, operation in LOADS.items():
        for way in WAYS:
            ratios = guests.ratios(load, guests.instructions)
            yield (operation, way,
                   *(number(guests.median(load, way, value))
                     for value in (guests.rate, guests.share, guests.instructions)),
                   *((f"{statistics.median(ratios):.3f}", f"({min(ratios):.3f}-{max(ratios):.3f})")
                     if way == "ioeventfd" else ("", "")),
                   *(number(guests.median(load, way, lambda result, name=thread: guests.thread(result, name)))
                     for thread in ("main", "vcpu")))


def text(exact, time, bind, guests, rows):
    """The paths, the costs of binding, a guest as a whole, and the goals."""
    lines = []
    for samples in filter(None, (exact, time)):
        seen = "not counted by this device" if samples.sent is None else \
            f"{samples.sent} sent, {samples.seen} seen by the device"
        lines.append(f"# {samples.unit}: Linux {samples.kernel}, one {samples.type} function; notifications: {seen}")
    if exact or time:
        lines += [*columns(list(path_lines(exact, time)), {2, 3, 4, 5, 6, 7}), ""]
    if bind:
        lines += [*columns(list(bind_lines(bind)), {0, 2, 3, 5, 6}), ""]
    if guests:
        lines.append(f"# instructions of QEMU, its guest included, per operation of the guest: Linux {guests.kernel}; "
                     f"notifications: {guests.sent} sent, {guests.seen} seen by the devices")
        lines += [*columns(list(guest_lines(guests)), {2, 3, 4, 5, 7, 8}), ""]
    if rows:
        lines += columns(list(goal_lines(rows)), {1})
    return "\n".join(lines) + "\n"


def save(path, exact, time, bind, guests, rows):
    """All of that, for programs."""
    data = {}
    for samples in filter(None, (exact, time)):
        paths = []
        for key in samples.keys():
            found = {"driver": key[0], "path": key[1], "cost": samples.cost(key),
                     "to_bare_exit": samples.ratio(key, (key[0], "guest_exit"))}
            if not samples.exact:
                found |= {"floor": samples.floor(key), "quartiles": samples.quartiles(key)}
            paths.append(found)
        data["exact" if samples.exact else "time"] = {
            "unit": samples.unit, "kernel": samples.kernel, "type": samples.type,
            "notifications_sent": samples.sent, "notifications_seen": samples.seen, "paths": paths}
    if bind:
        data["bind"] = bind
    if guests:
        data["guest"] = {"kernel": guests.kernel, "notifications_sent": guests.sent,
                         "notifications_seen": guests.seen,
                         "rounds": [one for rounds in guests.rounds.values() for one in rounds]}
    data["goals"] = [dataclasses.asdict(row) for row in rows]
    for row in data["goals"]:
        for bound in ("goal", "stretch"):
            if row[bound] and math.isinf(row[bound]["value"]):
                row[bound]["value"] = None
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
