# SPDX-License-Identifier: Apache-2.0
"""The arithmetic: medians of paired ratios, spread, and the verdict whether a number may be a headline."""

import statistics

# A generator this busy, in shares of its threads, may be what limits the rate.
GENERATOR_LIMIT = 0.90
# A chain (its busiest process) or a machine this busy is a limit of its own.
CHAIN_LIMIT = 0.90
MACHINE_LIMIT = 0.93
PORTS_LIMIT = 0.80
# What an open loop must reach of the rate it was asked for.
RATE_LIMIT = 0.98
# What programs that are no part of this may use of the machine.
OTHERS_LIMIT = 0.15


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def quartiles(values):
    """The middle half: what a quarter of the values lies below, and above."""
    values = sorted(value for value in values if value is not None)
    if not values:
        return None, None
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def paired_ratios(slices, base, key):
    """slices: {peer: [slice or None for each rotation]}. For each peer its ratios to `base` within a rotation."""
    ratios = {}
    for peer, own in slices.items():
        ratios[peer] = [mine[key] / other[key] if mine and other and mine[key] and other[key] else None
                        for mine, other in zip(own, slices.get(base, []))]
    return ratios


def summary(slices, base, keys):
    """One row for each peer: median and quartiles of each key, and of its paired ratio to `base`."""
    rows = {}
    for peer in slices:
        rows[peer] = {"slices": sum(1 for entry in slices[peer] if entry)}
    for key in keys:
        ratios = paired_ratios(slices, base, key)
        for peer, own in slices.items():
            values = [entry[key] for entry in own if entry]
            rows[peer][key] = {
                "median": median(values), "quartiles": quartiles(values),
                "ratio": median(ratios[peer]), "ratio_quartiles": quartiles(ratios[peer]),
                "ratio_pairs": sum(1 for ratio in ratios[peer] if ratio is not None)}
    return rows


def ratio_of(slices, peer, base, key):
    """Median and quartiles of the paired ratios of two peers, and how many pairs there are."""
    ratios = [ratio for ratio in paired_ratios(slices, base, key).get(peer, []) if ratio is not None]
    return {"median": median(ratios), "quartiles": quartiles(ratios), "pairs": len(ratios)}


def port_share(rate, net):
    """How much of the ports toward one destination is taken at this rate: after each close one rests for a time."""
    return rate * net["port_rest_seconds"] / net["ports"]


def bottleneck(entry, net):
    """What else than the chain limited this slice, or an empty text."""
    unable = entry["errors_by_name"].get("no_local_port", 0)
    if unable:
        return f"port space: {unable} connects found no free local port"
    share = port_share(entry["connects_per_second"], net)
    if share > PORTS_LIMIT:
        return f"port space: {100 * share:.0f} % of the local ports toward one destination in use"
    if entry["chain_busy"] >= CHAIN_LIMIT:
        return ""
    for who in ("generator", "origin"):
        # On a machine without idle time everybody waits for everybody, and the chain's share of it counts.
        if entry[f"{who}_busy"] >= GENERATOR_LIMIT and entry["machine_busy"] < MACHINE_LIMIT:
            return (f"{who}: it used {100 * entry[f'{who}_busy']:.0f} % of its threads, "
                    f"the busiest process of the chain {100 * entry['chain_busy']:.0f} %")
    if entry["rate_wanted"] and entry["rate"] < RATE_LIMIT * entry["rate_wanted"]:
        return (f"rate: {entry['rate']:.0f} a second where {entry['rate_wanted']:.0f} were wanted (machine "
                f"{100 * entry['machine_busy']:.0f} % busy, {100 * entry['others_busy']:.0f} % by other programs)")
    return ""


def disturbed(entries):
    """Why rates and latencies say nothing, unlike processor time: more threads get more of a shared machine."""
    share = median([entry["others_busy"] for entry in entries if entry])
    if share is None or share <= OTHERS_LIMIT:
        return ""
    return f"machine: other programs used {100 * share:.0f} % of it"


def headline(entries, net):
    """Empty if the slices may be quoted, else why not. One odd slice among many does not spoil a median."""
    entries = [entry for entry in entries if entry]
    if not entries:
        return "no slice ended"
    found = [text for text in (bottleneck(entry, net) for entry in entries) if text]
    if len(found) * 4 > len(entries):
        return f"{found[0]} ({len(found)} of {len(entries)} slices)"
    return ""
