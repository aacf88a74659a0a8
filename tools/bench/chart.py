# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as a picture."""

import math

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # pylint: disable=wrong-import-position
from matplotlib.patches import Patch  # pylint: disable=wrong-import-position

from peers import ASLEEP, PATHS, PEER  # pylint: disable=wrong-import-position
from samples import OURS, STOCK  # pylint: disable=wrong-import-position
from scales import COSTS  # pylint: disable=wrong-import-position

COLOURS = {STOCK: "#888888", OURS: "#1f77b4", PEER: "#ff7f0e", "asleep": "#d62728"}
LABELS = {STOCK: "vfio-pci", OURS: "virtio_mmr_vfio_pci", PEER: "virtio_vfio_pci",
          "asleep": "virtio_vfio_pci, asleep meanwhile"}


def bars(axes, samples, title, chosen):
    """A group of bars for each path, one for each driver that has it."""
    paths = list(dict.fromkeys(path for _, path in samples.keys() if chosen(path)))
    height = 0.4
    for offset, driver in ((-height / 2, STOCK), (height / 2, OURS)):
        places = [(place, path) for place, path in enumerate(paths) if (driver, path) in samples.keys()]
        values = [samples.cost((driver, path)) for _, path in places]
        drawn = axes.barh([place + offset for place, _ in places], values, height,
                          color=COLOURS[driver], label=LABELS[driver])
        axes.bar_label(drawn, fmt="%.0f", padding=2, fontsize=7)
    axes.set_yticks(range(len(paths)), [path.replace("_", " ") for path in paths], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(f"{samples.unit} per operation", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.legend(fontsize=8)


def save(figure, folder, name):
    figure.tight_layout()
    for suffix in ("svg", "png"):
        figure.savefig(folder / f"{name}.{suffix}", dpi=120)


def draw(folder, exact, time):
    """Writes chart.svg and chart.png, a column of charts for each unit."""
    runs = [samples for samples in (exact, time) if samples]
    if not runs:
        return
    figure, axes = pyplot.subplots(2, len(runs), figsize=(8 * len(runs), 14), squeeze=False,
                                   gridspec_kw={"height_ratios": [2, 3]})
    for column, samples in enumerate(runs):
        bars(axes[0][column], samples, "From the guest", lambda path: path.startswith("guest_"))
        bars(axes[1][column], samples, "From the host alone", lambda path: path.startswith("host_"))
    save(figure, folder, "chart")


def draw_peer(folder, peers):
    """Writes peer.svg and peer.png: Linux' own driver beside this one."""
    if not peers:
        return
    figure, axes = pyplot.subplots(figsize=(8, 7))
    for place, what in enumerate(PATHS):
        costs = {driver: peers.cost(driver, what) for driver in (STOCK, OURS, PEER)}
        costs["asleep"] = peers.cost(PEER, ASLEEP[what]) if what in ASLEEP else None
        for offset, (driver, cost) in zip((-0.3, -0.1, 0.1, 0.3), costs.items()):
            if cost:
                axes.bar_label(axes.barh(place + offset, cost, 0.2, color=COLOURS[driver]), fmt="%.0f", padding=2,
                               fontsize=7)
    axes.set_yticks(range(len(PATHS)), PATHS.values(), fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("instructions per operation", fontsize=8)
    axes.legend(handles=[Patch(color=COLOURS[driver], label=label) for driver, label in LABELS.items()], fontsize=8)
    save(figure, folder, "peer")


# The costs in one picture, with those of vfio-pci where both were measured
PANELS = {"create": (), "bind": ("stock_bind",), "slab": ("stock_slab",), "list": (), "open": (), "read": (),
          "notify": ()}


def draw_scale(folder, scales):
    """Writes scale.svg and scale.png: the cost of each function, by the number of functions."""
    if not scales:
        return
    figure, axes = pyplot.subplots(2, 4, figsize=(14, 6))
    counts = [step.functions for step in scales.steps]
    for panel, (key, others) in zip(axes.flat, PANELS.items()):
        for one, driver in ((key, OURS), *((other, STOCK) for other in others)):
            panel.plot(counts, [COSTS[one][1](step) or math.nan for step in scales.steps], "o-", color=COLOURS[driver],
                       label=LABELS[driver], markersize=3)
        panel.set_title(COSTS[key][0], fontsize=10)
        panel.set_ylim(0, 1.1 * panel.get_ylim()[1])
        panel.set_ylabel({"slab": "bytes of a function", "list": "instructions, millions"}.get(
            key, "instructions of a function"), fontsize=8)
        panel.set_xlabel("functions of the host", fontsize=8)
        panel.tick_params(labelsize=8)
    axes.flat[1].legend(fontsize=8, loc="lower right")
    for panel in list(axes.flat)[len(PANELS):]:
        panel.axis("off")
    save(figure, folder, "scale")
