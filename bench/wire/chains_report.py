# SPDX-License-Identifier: Apache-2.0
"""What a run says: text tables, CSV, and the facts about machine and programs."""

import csv
import io
import os
import pathlib
import platform
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def machine():
    memory = pathlib.Path("/proc/meminfo").read_text().split()[1]
    return {"cpu": cpu_model(), "cores": os.cpu_count(), "memory_mib": int(memory) // 1024,
            "kernel": platform.release(), "system": platform.system(),
            "load_average_before": os.getloadavg()[0]}


def commit():
    def git(*words):
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""
    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return (git("rev-parse", "--short=12", "HEAD") or "unknown") + (" with changes" if changed else "")
    except OSError:
        return "unknown"


def head(result):
    net = result["net"]
    lines = [f"chains of proxies, {result['date']}, label {result['label']}, commit {result['commit']}",
             f"machine: {result['machine']['cpu']}, {result['machine']['cores']} processors, "
             f"{result['machine']['system']} {result['machine']['kernel']}",
             f"method: {result['rotations']} rotations of {result['slice_seconds']} s slices, peers in turn; ratios "
             f"are medians of pairs within a rotation; processor time is that of all processes of the chain",
             f"network: {'a namespace of its own' if net['namespace'] else 'NOT in a namespace of its own'}, "
             f"local ports {net['port_range']}, tcp_tw_reuse {net['tcp_tw_reuse']}"]
    if net["problem"]:
        lines.append(f"note: {net['problem']}")
    lines += [f"note: {text}" for text in result["notes"]]
    lines += [f"  {name:16} {text}" for name, text in result["versions"].items()]
    return "\n".join(lines)


def number(value, width, digits):
    return f"{'-':>{width}}" if value is None else f"{value:{width}.{digits}f}"


def spread(cell):
    low, high = cell["ratio_quartiles"]
    if cell["ratio"] is None:
        return f"{'':21}"
    return f"{cell['ratio']:6.2f} " + f"[{low:.2f}, {high:.2f}]".ljust(14)


def work_table(entry):
    base = entry["base"]
    digits = 2 if entry["rate_unit"] == "Gbit/s" else 0
    lines = [f"{entry['title']} (to {base}: median of pairs, quartiles)",
             f"  {'peer':17}{entry['rate_unit']:>9} {'to base':>7} {'':13}{'cpu s/' + entry['cost_unit']:>12} "
             f"{'to base':>7} {'':13}{'p50 ms':>8}{'p99 ms':>8}{'errors':>8}{'wrong':>7}"]
    for name, row in entry["rows"].items():
        late = ("", "") if digits else (number(row["p50_ms"]["median"], 8, 2), number(row["p99_ms"]["median"], 8, 2))
        lines.append(f"  {name:17}{number(row['rate']['median'], 9, digits)} {spread(row['rate'])}"
                     f"{number(row['cost']['median'], 11, 4)}  {spread(row['cost'])}{late[0]:>8}{late[1]:>8}"
                     f"{row['errors']:8}{row['mismatches']:7}")
        if row["no_headline"]:
            lines.append(f"  {'':17}no headline: {row['no_headline']}")
        elif row["disturbed"]:
            lines.append(f"  {'':17}no headline but for processor time: {row['disturbed']}")
    return "\n".join(lines)


def idle_table(entry):
    lines = [entry["title"], f"  {'peer':17}{'KiB each':>9}  {'quartiles':17}{'anonymous':>9}{'errors':>8}{'wrong':>7}"]
    for name, row in entry["rows"].items():
        cell = row["bytes_per_connection"]
        low, high = (value / 1024 for value in cell["quartiles"])
        lines.append(f"  {name:17}{cell['median'] / 1024:9.2f}  {f'[{low:.2f}, {high:.2f}]':17}"
                     f"{row['anonymous_per_connection']['median'] / 1024:9.2f}{row['errors']:8}{row['mismatches']:7}")
        if row["no_headline"]:
            lines.append(f"  {'':17}no headline: {row['no_headline']}")
    return "\n".join(lines)


def table(entry):
    return idle_table(entry) if entry["work"] == "idle" else work_table(entry)


FIELDS = {
    "rate": "connections, requests (a second) or Gbit/s, by the entry's rate_unit",
    "cost": "user and system seconds of all processes of the chain, per 1000 connections or requests, or 10^9 bytes",
    "p50_ms, p90_ms, p99_ms, p999_ms, max_ms": "latency of an exchange; in an open loop from when it was due",
    "errors, mismatches": "connections that failed; answers that differ from what was sent (not in errors)",
    "generator_busy, origin_busy, chain_busy": "processor time by the time a slice took and by threads; of the chain, "
                                               "that of its busiest process",
    "machine_busy, others_busy": "share of all processors that was used, and by programs that are no part of this",
    "bytes_per_connection": "growth of private pages by each connection held; anonymous_per_connection: of "
                            "anonymous ones",
    "ratio, ratio_quartiles": "to the entry's base: of the pairs within rotations",
}
COLUMNS = ["work", "depth", "peer", "rotation", "rate", "cost", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms",
           "errors", "mismatches", "generator_busy", "origin_busy", "chain_busy", "machine_busy", "others_busy",
           "late_starts", "bytes_per_connection"]


def as_csv(entries):
    """A line for each slice: whoever doubts the medians can take his own."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        for name, slices in entry["slices"].items():
            for rotation, row in enumerate(slices):
                known = dict(row, work=entry["work"], depth=entry["depth"], peer=name, rotation=rotation + 1)
                writer.writerow([known.get(column, "") if known.get(column) is not None else ""
                                 for column in COLUMNS])
    return text.getvalue()


def disturbances(entries):
    """Says so when something else used the machine: a share of the slices in which it took more than a tenth."""
    rows = [row for entry in entries for slices in entry["slices"].values() for row in slices if "others_busy" in row]
    loud = sum(row["others_busy"] > 0.10 for row in rows)
    if rows and loud * 20 > len(rows):
        return f"other programs used more than a tenth of the machine in {loud} of {len(rows)} slices"
    return ""
