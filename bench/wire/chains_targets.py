# SPDX-License-Identifier: Apache-2.0
"""The targets, judged by what was measured: met or missed, nothing between."""

import chains_stats

AT_MOST, AT_LEAST, MORE_THAN = "at most", "at least", "more than"
PAIRS_WANTED = 8

# (what, work, depth, peer, compared with, key, how, bound)
RATIOS = [
    *[(f"processor time per 1000 connections, depth {depth}", "cps", depth, "sluice", "haproxy2", "cost", AT_MOST, 0.60)
      for depth in (4, 8)],
    *[(f"processor time per 1000 connections, depth {depth}", "cps", depth, "sluice", "haproxy1", "cost", AT_MOST, 1.00)
      for depth in (1, 2, 4, 8)],
    ("connections per second, depth 8", "cps", 8, "sluice", "haproxy2", "rate", AT_LEAST, 1.5),
    ("connections per second, depth 8", "cps", 8, "sluice", "haproxy1", "rate", AT_LEAST, 1.2),
    *[("connections per second, depth 8", "cps", 8, "sluice", other, "rate", MORE_THAN, 1.0)
      for other in ("nginx", "asio", "libuv")],
    ("processor time at 4000 connections a second, depth 2", "rate", 2, "sluice", "haproxy2", "cost", AT_MOST, 0.55),
    ("requests per second, depth 8", "requests", 8, "sluice", "haproxy2", "rate", AT_LEAST, 1.4),
    ("p99 of requests, depth 8", "requests", 8, "sluice", "haproxy2", "p99_ms", AT_MOST, 1.0),
    # As many threads as the other has.
    *[(f"{way}, 16 flows, {what}", f"{way}16", 1, "sluice2", "haproxy2-splice", key, how, 1.0)
      for way in ("download", "upload")
      for what, key, how in (("rate", "rate", AT_LEAST), ("processor time per GB", "cost", AT_MOST))],
    ("one process against separate ones, depth 8", "cps", 8, "chain", "sluice", "rate", AT_LEAST, 2.0),
    ("emulated redirection against none, depth 4", "cps", 4, "emulated", "chain", "rate", AT_LEAST, 0.85),
]
# Of whatever peer is there; `wine` is a Windows build of ours (--ours wine=PATH.exe).
IDLE_BYTES_MAX = {"sluice": 1024, "wine": 4096}


def holds(value, how, bound):
    if how == AT_MOST:
        return value <= bound
    return value >= bound if how == AT_LEAST else value > bound


def entry_for(entries, work, depth):
    return next((entry for entry in entries if entry["work"] == work and entry["depth"] == depth), None)


def judge_ratio(entries, target):
    what, work, depth, peer, other, key, how, bound = target
    row = {"what": what, "compared": f"{peer} / {other}", "wanted": f"{how} {bound:.2f}", "value": None,
           "quartiles": (None, None), "verdict": "not measured", "note": ""}
    entry = entry_for(entries, work, depth)
    if not entry or peer not in entry["slices"] or other not in entry["slices"]:
        return row
    ratio = chains_stats.ratio_of(entry["slices"], peer, other, key)
    if ratio["median"] is None:
        return row
    row.update(value=ratio["median"], quartiles=ratio["quartiles"],
               verdict="met" if holds(ratio["median"], how, bound) else "missed")
    notes = [f"only {ratio['pairs']} pairs"] if ratio["pairs"] < PAIRS_WANTED else []
    for name in (peer, other):
        why = entry["rows"][name]["no_headline"] or (entry["rows"][name]["disturbed"] if key != "cost" else "")
        if why:
            row["verdict"] = "no headline"
            notes.append(f"{name}: {why}")
        if entry["rows"][name]["mismatches"]:
            notes.append(f"{name}: wrong bytes")
        if entry["rows"][name]["errors"]:
            notes.append(f"{name}: {entry['rows'][name]['errors']} errors")
    row["note"] = "; ".join(notes)
    return row


def judge_idle(entries, peer, bytes_max):
    row = {"what": "user memory of an idle proxied connection", "compared": peer, "wanted": f"at most {bytes_max} B",
           "value": None, "quartiles": (None, None), "verdict": "not measured", "note": ""}
    entry = entry_for(entries, "idle", 1)
    if entry and peer in entry["rows"]:
        cell = entry["rows"][peer]["bytes_per_connection"]
        why = entry["rows"][peer]["no_headline"]
        verdict = "met" if cell["median"] <= bytes_max else "missed"
        row.update(value=cell["median"], quartiles=cell["quartiles"], verdict="no headline" if why else verdict, note=why)
    return row


def judge(entries):
    return ([judge_ratio(entries, target) for target in RATIOS] +
            [judge_idle(entries, peer, bytes_max) for peer, bytes_max in IDLE_BYTES_MAX.items()])


def table(rows):
    lines = ["targets", f"  {'what':54}{'compared':26}{'wanted':17}{'measured':>9}  {'quartiles':17}verdict"]
    for row in rows:
        if row["value"] is None:
            continue
        if row["value"] > 100:
            value, spread = f"{row['value']:.0f}", "[{:.0f}, {:.0f}]".format(*row["quartiles"])
        else:
            value, spread = f"{row['value']:.2f}", "[{:.2f}, {:.2f}]".format(*row["quartiles"])
        note = f" ({row['note']})" if row["note"] else ""
        lines.append(f"  {row['what']:54}{row['compared']:26}{row['wanted']:17}{value:>9}  {spread:17}"
                     f"{row['verdict']}{note}")
    met = sum(row["verdict"] == "met" for row in rows)
    missed = sum(row["verdict"] == "missed" for row in rows)
    lines.append(f"  {met} met, {missed} missed, {len(rows) - met - missed} not judged. Not judged here: allocations "
                 f"(tests/cost), Wine's requests (wine_calls).")
    return "\n".join(lines)
