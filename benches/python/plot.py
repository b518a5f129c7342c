"""Draws benches/results/sweeps.jsonl and paired.jsonl: plot.py RESULTS_DIRECTORY. One PNG for each sweep, one for all rows."""

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)

COLORS = {"highwater": "#0b6bcb", "kafka": "#b3541e", "floor": "#7a7a7a"}


def read(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def newest(lines, name):
    """The lines of the newest run of each row or sweep."""
    last = {}
    for line in lines:
        last[line[name]] = max(last.get(line[name], ""), line["run"])
    kept = defaultdict(list)
    for line in lines:
        if line["run"] == last[line[name]]:
            kept[line[name]].append(line)
    return kept


def draw_sweep(name, lines, directory):
    figures = sorted({figure for line in lines for figure in line["figures"]})
    columns = min(3, len(figures))
    rows = -(-len(figures) // columns)
    plot, axes = plt.subplots(rows, columns, figsize=(4.2 * columns, 3 * rows), squeeze=False)
    for axis, figure in zip(axes.flat, figures):
        for side in sorted({line["side"] for line in lines}):
            points = sorted(
                (line["x"], line["figures"][figure])
                for line in lines
                if line["side"] == side and figure in line["figures"]
            )
            axis.plot(*zip(*points), marker="o", label=side, color=COLORS.get(side))
        axis.set_xscale("symlog" if any(line["x"] == 0 for line in lines) else "log")
        axis.set_ylim(bottom=0)
        axis.set_title(figure, fontsize=9)
        axis.set_xlabel(lines[0]["unit"], fontsize=8)
        axis.grid(alpha=0.3)
    for axis in list(axes.flat)[len(figures):]:
        axis.remove()
    axes.flat[0].legend(fontsize=8)
    plot.suptitle(f"{name}, commit {lines[0]['commit']}, {lines[0]['machine']}", fontsize=9)
    plot.tight_layout()
    plot.savefig(directory / f"sweep-{name}.png", dpi=80)
    plt.close(plot)


def draw_rates(rows, directory):
    """Rates of each row over Kafka's of the same round: median, least and greatest."""
    bars = []
    for name, lines in rows.items():
        rounds = defaultdict(dict)
        for line in lines:
            rounds[line["round"]][line["side"]] = line["figures"]
        for figure in ("mb_per_s", "requests_per_s", "tail_p99_us", "p99_us"):
            ratios = [
                sides["highwater"][figure] / sides["kafka"][figure]
                for sides in rounds.values()
                if figure in sides.get("highwater", {}) and sides.get("kafka", {}).get(figure)
            ]
            if ratios:
                bars.append((f"{name} {figure}", statistics.median(ratios), min(ratios), max(ratios)))
                break
    if not bars:
        return
    plot, axis = plt.subplots(figsize=(8, 0.4 * len(bars) + 1.2))
    names, medians, least, greatest = zip(*reversed(bars))
    errors = [
        [median - low for median, low in zip(medians, least)],
        [high - median for median, high in zip(medians, greatest)],
    ]
    axis.barh(names, medians, xerr=errors, color=COLORS["highwater"], capsize=3)
    axis.axvline(1, color=COLORS["kafka"])
    axis.set_xscale("log")
    axis.set_xlabel("Highwater / Kafka; for a rate more is better, for a time (us) less")
    axis.grid(alpha=0.3, axis="x")
    plot.tight_layout()
    plot.savefig(directory / "paired.png", dpi=80)
    plt.close(plot)


def main(directory):
    sweeps = newest(read(directory / "sweeps.jsonl"), "sweep")
    rows = newest(read(directory / "paired.jsonl"), "row")
    if not sweeps and not rows:
        sys.exit(f"nothing to draw in {directory}")
    for name, lines in sweeps.items():
        draw_sweep(name, lines, directory)
    draw_rates(rows, directory)
    print(f"drew {len(sweeps)} sweeps and {len(rows)} rows into {directory}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
