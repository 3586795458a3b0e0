# SPDX-License-Identifier: Apache-2.0
"""Line pictures as SVG, by hand: categories along the bottom, each line named at its end."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 860, 500
LEFT, RIGHT, TOP, BOTTOM = 76, 190, 82, 60
NAME_GAP = 17
# Told apart by colour-blind readers too (Okabe and Ito), and by their marks and dashes.
STYLES = {
    "sluice": ("#d55e00", "", 3.2), "chain": ("#d55e00", "7 4", 2.2), "emulated": ("#d55e00", "2 3", 2.2),
    "haproxy2": ("#0072b2", "", 2.2), "haproxy1": ("#0072b2", "7 4", 2.2), "nginx": ("#009e73", "", 2.2),
    "asio": ("#cc79a7", "", 2.2), "libuv": ("#e69f00", "", 2.2), "haproxy2-splice": ("#56b4e9", "", 2.2),
}
OTHERS = ["#000000", "#999999", "#7f5539", "#6a4c93"]
FONT = "font-family=\"DejaVu Sans, Verdana, Helvetica, sans-serif\""


def nice_ticks(high):
    """Round values from zero up to at least `high`."""
    if high <= 0:
        return [0, 1]
    raw = high / 5
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    count = math.ceil(high / step - 1e-9)
    return [step * index for index in range(count + 1)]


def log_ticks(low, high):
    """1, 2, 5, 10, ... from below `low` to above `high`."""
    ticks = [factor * 10.0 ** power for power in range(-6, 10) for factor in (1, 2, 5)]
    first = max(index for index, tick in enumerate(ticks) if tick <= low)
    last = min(index for index, tick in enumerate(ticks) if tick >= high)
    return ticks[first:max(last, first + 1) + 1]


def short(value):
    if value >= 1000:
        return f"{value / 1000:g}k"
    return f"{value:.6g}"


def spread_names(wanted, low, high):
    """Heights near the wanted ones with at least NAME_GAP between, inside the picture. In the order given."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = {}
    at = low - NAME_GAP
    for index in order:
        at = max(wanted[index], at + NAME_GAP)
        placed[index] = at
    limit = high
    for index in reversed(order):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - NAME_GAP
    return [placed[index] for index in range(len(wanted))]


def style_of(name, index):
    return STYLES.get(name, (OTHERS[index % len(OTHERS)], "4 2", 2.2))


def text(x, y, words, size=13, anchor="start", extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" {FONT} {extra}>'
            f'{escape(words)}</text>')


class Picture:
    def __init__(self, title, below, categories, series, y_title, x_title, log=False):
        """`series`: {name: [value or None for each category]}. `below`: up to two lines under the title."""
        self.title, self.below, self.categories = title, below, categories
        self.series = {name: values for name, values in series.items() if any(value for value in values)}
        self.y_title, self.x_title, self.log = y_title, x_title, log
        values = [value for line in self.series.values() for value in line if value]
        self.ticks = (log_ticks(min(values), max(values)) if log else nice_ticks(max(values))) if values else [1, 10]

    def x(self, index):
        inner = WIDTH - LEFT - RIGHT
        return LEFT + inner * (index + 0.5) / len(self.categories)

    def y(self, value):
        inner = HEIGHT - TOP - BOTTOM
        low, high = self.ticks[0], self.ticks[-1]
        share = math.log(value / low) / math.log(high / low) if self.log else (value - low) / (high - low)
        return HEIGHT - BOTTOM - inner * share

    def frame(self):
        parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
                 text(LEFT, 26, self.title, 17, extra='font-weight="bold"')]
        for index, line in enumerate(self.below.split("\n")):
            parts.append(text(LEFT, 45 + 16 * index, line, 12, extra='fill="#555555"'))
        for tick in self.ticks:
            y = self.y(tick)
            parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#dddddd"/>')
            parts.append(text(LEFT - 8, y + 4, short(tick), 12, "end"))
        for index, category in enumerate(self.categories):
            parts.append(text(self.x(index), HEIGHT - BOTTOM + 20, str(category), 13, "middle"))
        middle = (LEFT + WIDTH - RIGHT) / 2
        parts.append(text(middle, HEIGHT - 16, self.x_title, 13, "middle"))
        parts.append(text(0, 0, self.y_title, 13, "middle",
                          f'transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)"'))
        return parts

    def lines(self):
        parts, ends = [], []
        for index, (name, values) in enumerate(self.series.items()):
            color, dash, width = style_of(name, index)
            points = [(self.x(at), self.y(value)) for at, value in enumerate(values) if value]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"{dashes}/>')
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>' for x, y in points]
            last = [value for value in values if value][-1]
            ends.append((name, color, points[-1], f"{name}  {self.value_text(last)}"))
        heights = spread_names([end[2][1] for end in ends], TOP, HEIGHT - BOTTOM)
        for (_, color, (x, y), words), height in zip(ends, heights):
            at = WIDTH - RIGHT + 14
            parts.append(f'<line x1="{x + 5:.1f}" y1="{y:.1f}" x2="{at - 4}" y2="{height:.1f}" stroke="{color}" '
                         f'stroke-width="0.7" opacity="0.6"/>')
            parts.append(text(at, height + 4, words, 13, extra=f'fill="{color}"'))
        return parts

    @staticmethod
    def value_text(value):
        return f"{value:.0f}" if value >= 100 else f"{value:.3g}"

    def svg(self):
        body = "\n".join(self.frame() + self.lines())
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
                f'height="{HEIGHT}" role="img">\n<title>{escape(self.title)}</title>\n{body}\n</svg>\n')


def against_depth(entries, key, title, y_title, below, log):
    entries = [entry for entry in entries if entry["work"] == "cps"]
    depths = [entry["depth"] for entry in entries]
    names = list(dict.fromkeys(name for entry in entries for name in entry["rows"] if name != "direct"))
    series = {name: [entry["rows"].get(name, {}).get(key, {}).get("median") for entry in entries] for name in names}
    return Picture(title, below, depths, series, y_title, "hops in the chain", log)


def ratio_against_depth(entries, below):
    """Curves that lie close together in absolute numbers: how far they are apart."""
    entries = [entry for entry in entries if entry["work"] == "cps"]
    picture = against_depth(entries, "rate", f"Connections per second, as multiples of {entries[0]['base']}", "", below,
                            False)
    series = {name: [entry["rows"].get(name, {}).get("rate", {}).get("ratio") for entry in entries]
              for name in picture.series}
    return Picture(picture.title, below, picture.categories, series, "medians of paired ratios", picture.x_title)


def percentiles(entry, below):
    keys = [("p50", "p50_ms"), ("p90", "p90_ms"), ("p99", "p99_ms"), ("p99.9", "p999_ms")]
    series = {name: [row[key]["median"] for _, key in keys] for name, row in entry["rows"].items() if name != "direct"}
    return Picture(f"Latency: {entry['title']}", below, [label for label, _ in keys], series, "milliseconds",
                   "percentile (median of the slices)", log=True)


def pictures(entries, below):
    """{file name: SVG}."""
    found = {}
    if any(entry["work"] == "cps" for entry in entries):
        found["cps.svg"] = against_depth(entries, "rate", "Connections per second through chains of proxies",
                                         "connections per second (logarithmic)", below, True).svg()
        found["ratio.svg"] = ratio_against_depth(entries, below).svg()
        found["cpu.svg"] = against_depth(entries, "cost", "Processor time of the chain per 1000 connections",
                                         "seconds", below, False).svg()
    for entry in entries:
        if entry["work"] in ("rate", "requests") or (entry["work"] == "cps" and entry["depth"] == 8):
            found[f"latency-{entry['work']}-{entry['depth']}.svg"] = percentiles(entry, below).svg()
    return found
