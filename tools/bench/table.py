# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as text and as JSON."""

import dataclasses
import json
import math
import statistics

import goals
import natives
import peers as peer_names
import reads as read_names
import scales as scale_names
import vmms as vmm_names
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


def span(values):
    """The extremes of these values."""
    return f"({number(min(values))}-{number(max(values))})"


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
    yield ("", "measured", "(extremes)", "unit", "goal", "", "further goal", "")
    for row in rows:
        yield (row.subject, number(row.measured), span(row.extremes) if row.extremes else "", row.unit,
               limit(row.goal), row.verdict(row.goal), limit(row.stretch), row.verdict(row.stretch))


def bind_lines(bind):
    yield ("functions", "driver", "bind", "(extremes)", "unbind", "unit", "slab bytes each", "(extremes)")
    for costs in bind:
        timed = costs["unit"] != "instructions"
        scale, unit = (1e3, "microseconds") if timed else (1, costs["unit"])
        for driver in (STOCK, OURS):
            bound, unbound = ([value / scale for value in goals.bind_cost(costs, driver, what)]
                              for what in ("bind", "unbind"))
            memory = goals.bind_memory(costs, driver)
            # Unbinding waits for a reset, and a clock of instructions goes on while all wait
            yield (str(costs["functions"]), SHORT[driver], number(statistics.median(bound)), span(bound),
                   number(statistics.median(unbound)) if timed else "", unit,
                   *((number(statistics.median(memory)), span(memory)) if memory else ("", "")))


def compared_lines(guests, value, further):
    """Of each load and way: the value with its extremes, its ratio to that by exit, further columns."""
    for load, operation in LOADS.items():
        for way in WAYS:
            values = [value(result) for result in guests.rounds[load, way]]
            ratios = guests.ratios(load, value)
            yield (operation, way, number(statistics.median(values)), span(values),
                   *((number(statistics.median(ratios)), span(ratios)) if way == "ioeventfd" else ("", "")),
                   *(number(guests.median(load, way, other)) for other in further))


def counted_lines(guests):
    yield ("guest's", "notified by", "vCPU", "(extremes)", "to exit", "(extremes)", "main loop", "notified per 1000")
    yield from compared_lines(guests, guests.vcpu, (guests.others, guests.share))


def timed_lines(guests):
    yield ("guest's", "notified by", "per second", "(extremes)", "to exit", "(extremes)", "notified per 1000")
    yield from compared_lines(guests, guests.rate, (guests.share,))


def guest_text(guests):
    counted, timed = guests
    for title, run, found, right in (
            ("instructions of QEMU's threads, the guest's included, for each operation of the guest",
             counted, counted_lines, {2, 4, 6, 7}),
            ("operations of the guest in a second of real time", timed, timed_lines, {2, 4, 6})):
        yield (f"# {title}: Linux {run.kernel}; notifications: {run.sent} sent, "
               f"{run.seen} seen by the devices")
        yield from columns(list(found(run)), right)
        yield ""


def quartile_text(quartiles):
    low, high = quartiles
    return f"{low:.0f}-{high:.0f}"


def native_lines(native):
    yield ("host's", "driver", "instructions", "median", "quartiles", "to virtio-pci")
    for load, operation in natives.LOADS.items():
        for way, name in natives.WAYS.items():
            middle, quartiles = native.spread((load, way))
            yield (operation, name, number(native.least((load, way))), number(middle), quartile_text(quartiles),
                   f"{native.ratio((load, way), (load, 'stock')):.4f}")


def interrupt_lines(native):
    parts = ("signal", "isr", "unmask")
    yield ("a VMM's request, by", "instructions", "median", "quartiles", "to MSI-X", *parts)
    for load, name in natives.INTERRUPTS.items():
        key = load, ""
        middle, quartiles = native.spread(key)
        yield (name, number(native.least(key)), number(middle), quartile_text(quartiles),
               f"{native.ratio(key, ('msix', '')):.3f}",
               *(number(native.part(key, part)) if part in native.parts[key] else "" for part in parts))


def native_text(native):
    yield f"# instructions of operations that sleep, least of each: Linux {native.kernel}"
    yield from columns(list(native_lines(native)), {2, 3, 4, 5})
    yield ""
    yield from columns(list(interrupt_lines(native)), {1, 2, 3, 4, 5, 6, 7})
    yield ""


def read_lines(interrupts):
    kinds = read_names.KINDS
    yield ("guest's read, by", "instructions", "least", "median", "to MSI-X", "exits", *kinds.values(), "others")
    for way, name in read_names.WAYS.items():
        exits = interrupts.exits(way)
        yield (name, *(number(value(way)) for value in (interrupts.cost, interrupts.least, interrupts.median)),
               f"{interrupts.ratio(way):.3f}", f"{exits['exits']:.2f}", *(f"{exits[kind]:.2f}" for kind in kinds),
               f"{interrupts.other_exits(way):.2f}")


def read_text(interrupts):
    reads = sum(result["reads"] for way in read_names.WAYS for result in interrupts.rounds[way])
    yield (f"# instructions and exits of a guest's read of 4 KiB, by MSI-X and by INTx: "
           f"Linux {interrupts.kernel}, {reads} reads")
    yield from columns(list(read_lines(interrupts)), set(range(1, 11)))
    yield ""


def vmm_cell(vmms, vmm, operation):
    least, most = vmms.least(vmm, operation), max(vmms.rounds[vmm, operation])
    span_ = f"-{number(most)}" if most > vmm_names.ALIKE * least else ""
    return f"{number(least)}{span_} ({vmms.ratio(vmm, operation):.2f})"


def vmm_lines(vmms):
    yield ("guest's", *(name for name, _ in vmm_names.VMMS.values()))
    yield ("function of", *(driver for _, driver in vmm_names.VMMS.values()))
    for operation, name in vmm_names.OPERATIONS.items():
        yield (name, *(vmm_cell(vmms, vmm, operation) for vmm in vmm_names.VMMS))


def vmm_text(vmms):
    yield (f"# instructions of a guest's operation, on several VMMs: Linux {vmms.kernel}; "
           "in brackets: to QEMU's")
    yield from columns(list(vmm_lines(vmms)), set())
    yield "A range is that of the rounds; where there is none, they differ by less than 1 per cent."
    yield ""


def peer_text(peers):
    yield f"# instructions of network functions, Linux {peers.kernel}: ours beside virtio_vfio_pci"
    yield from columns(list(peer_names.cost_lines(peers, number)), set(range(1, 8)))
    yield ""
    yield from columns(list(peer_names.bar_lines(peers, number)), set())
    yield ""
    yield f"# register reads in a time, of several functions at once, {peers.cpus} CPUs; medians of rounds"
    yield from columns(list(peer_names.gain_lines(peers, number, span)), {0, 1, 3, 5})
    if peers.locks:
        yield peer_names.lock_line(peers)
    yield ""


def scale_text(scales):
    yield f"# Linux {scales.kernel}: instructions, and bytes, of each function on a host with so many"
    yield from columns(list(scale_names.lines(scales, number)), set(range(12)))
    yield ""
    yield from columns(list(scale_names.bar_lines(scales, number)), {1})
    yield "Each bar is to the longest of its kind."
    yield ""


def text(exact, time, bind, guests, native, interrupts, vmms, peers, scales, rows):
    """The paths, the costs of binding, a guest as a whole, VMMs, Linux' own driver, and the goals."""
    lines = []
    for samples in filter(None, (exact, time)):
        seen = "not counted by this device" if samples.sent is None else \
            f"{samples.sent} sent, {samples.seen} seen by the device"
        lines.append(f"# {samples.unit}: Linux {samples.kernel}, one {samples.type} function; notifications: {seen}")
    if exact or time:
        lines += [*columns(list(path_lines(exact, time)), {2, 3, 4, 5, 6, 7}), ""]
    if bind:
        lines += [*columns(list(bind_lines(bind)), {0, 2, 4, 6}), ""]
    if guests:
        lines += guest_text(guests)
    if native:
        lines += native_text(native)
    if interrupts:
        lines += read_text(interrupts)
    if vmms:
        lines += vmm_text(vmms)
    if peers:
        lines += peer_text(peers)
    if scales:
        lines += scale_text(scales)
    if rows:
        lines += columns(list(goal_lines(rows)), {1})
    return "\n".join(lines) + "\n"


def saved_paths(samples):
    paths = []
    for key in samples.keys():
        found = {"driver": key[0], "path": key[1], "cost": samples.cost(key),
                 "to_bare_exit": samples.ratio(key, (key[0], "guest_exit"))}
        if not samples.exact:
            found |= {"floor": samples.floor(key), "quartiles": samples.quartiles(key)}
        paths.append(found)
    return {"unit": samples.unit, "kernel": samples.kernel, "type": samples.type,
            "notifications_sent": samples.sent, "notifications_seen": samples.seen, "paths": paths}


def saved_goal(row):
    saved = dataclasses.asdict(row)
    for name, bound in (("goal", row.goal), ("stretch", row.stretch)):
        if bound:
            saved[name]["verdict"] = row.verdict(bound) or None
            if math.isinf(bound.value):
                saved[name]["value"] = None
    return saved


def saved_native(native):
    found = []
    for key in native.rounds:
        middle, quartiles = native.spread(key)
        found.append({"load": key[0], "way": key[1] or None, "cost": native.least(key), "median": middle,
                      "quartiles": quartiles, "parts": {part: native.part(key, part) for part in native.parts[key]}})
    return {"unit": "instructions", "kernel": native.kernel, "loads": found}


def save(path, exact, bare, time, bind, guests, native, interrupts, vmms, peers, scales, rows):
    """All of that, for programs, and the counts of the module without counters."""
    data = {name: saved_paths(samples)
            for name, samples in (("exact", exact), ("bare", bare), ("time", time)) if samples}
    if bind:
        data["bind"] = dict(zip(("counted", "timed"), bind))
    if guests:
        data["guest"] = {
            name: {"kernel": run.kernel, "notifications_sent": run.sent, "notifications_seen": run.seen,
                   "rounds": [one for rounds in run.rounds.values() for one in rounds]}
            for name, run in zip(("counted", "timed"), guests)}
    if native:
        data["native"] = saved_native(native)
    if interrupts:
        data["interrupt"] = {"unit": "instructions", "kernel": interrupts.kernel,
                             "rounds": [one for rounds in interrupts.rounds.values() for one in rounds]}
    if vmms:
        data["vmm"] = {"unit": "instructions", "kernel": vmms.kernel,
                       "costs": [{"vmm": vmm, "operation": operation, "rounds": rounds}
                                 for (vmm, operation), rounds in vmms.rounds.items()]}
    if peers:
        data["peer"] = {
            "unit": "instructions", "kernel": peers.kernel, "cpus": peers.cpus, "locks": peers.locks,
            "costs": [{"driver": driver, "operation": what, "cost": peers.cost(driver, what)}
                      for driver, what in peers.boots[0].costs],
            "at_once": [{"driver": driver, "functions": functions, "rates": rates}
                        for (driver, functions), rates in peers.rates.items()]}
    if scales:
        data["scale"] = scale_names.saved(scales)
    data["goals"] = [saved_goal(row) for row in rows]
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
