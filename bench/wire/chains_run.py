# SPDX-License-Identifier: Apache-2.0
"""Plays the plan: for each step all chains stand at once, and slices go round them in turn."""

import sys
import time

import chains_peers
import chains_plan
import chains_stats
import chains_work

TRY_OUT_ROTATIONS = 4
TRY_OUT_SECONDS = 0.3
TRY_OUT_DEPTH = 4
# Two must be better beyond noise: they cost more processor time.
TWO_THREADS_FROM = 1.10


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line when a step has ended."""

    def __init__(self, wanted):
        self.begun = time.monotonic()
        self.wanted = wanted
        self.rewrite = sys.stderr.isatty()

    def seconds(self):
        return time.monotonic() - self.begun

    def now(self, text):
        if self.rewrite:
            print(f"\r\033[K[{self.seconds():4.0f} of about {self.wanted:.0f} s] {text}", end="", file=sys.stderr,
                  flush=True)

    def done(self, text):
        clear = "\r\033[K" if self.rewrite else ""
        print(f"{clear}[{self.seconds():4.0f} s] {text}", file=sys.stderr, flush=True)


def play_step(step, peers, bench, place, rotations, slice_seconds, progress):
    """{peer: [slice for each rotation]}. All chains run; the ones not under load are asleep."""
    origin = bench.origin(step.work.behaviour)
    chains = {}
    slices = {name: [] for name in step.peers}
    try:
        for name in step.peers:
            progress.now(f"{step.title}: starting {name}")
            chains[name] = chains_peers.Chain(peers[name], step.depth, origin, place)
        for name, chain in chains.items():
            progress.now(f"{step.title}: warming {name}")
            chains_work.play(bench, step.work, chain, min(0.15, slice_seconds))
        for rotation in range(rotations):
            for name, chain in chains.items():
                progress.now(f"{step.title}: rotation {rotation + 1} of {rotations}, {name}")
                slices[name].append(chains_work.play(bench, step.work, chain, slice_seconds))
    finally:
        for chain in chains.values():
            chain.stop()
    return slices


def play_idle_step(step, peers, bench, place, rotations, connections, progress):
    """As above, but a chain is fresh for each slice: what it once needed would hide what it needs now."""
    origin = bench.origin(step.work.behaviour)
    slices = {name: [] for name in step.peers}
    for rotation in range(chains_plan.idle_rotations(rotations)):
        for name in step.peers:
            progress.now(f"{step.title}: round {rotation + 1}, {name}")
            chain = chains_peers.Chain(peers[name], step.depth, origin, place)
            try:
                slices[name].append(chains_work.play_idle(bench, chain, connections))
            finally:
                chain.stop()
    return slices


def best_threads(name, peers, bench, place, progress):
    """One thread or two for a relay that can do both: whichever makes more connections in a short try-out."""
    work = next(work for work in chains_plan.WORKS if work.name == "cps")
    two = f"{name} (2 threads)"
    candidates = {name: peers[name], two: type(peers[name])(two, peers[name].program.name, 2)}
    step = chains_plan.Step(work, TRY_OUT_DEPTH, (name, two))
    slices = play_step(step, candidates, bench, place, TRY_OUT_ROTATIONS, TRY_OUT_SECONDS, progress)
    ratio = chains_stats.ratio_of(slices, two, name, "rate")["median"] or 0
    threads = 2 if ratio >= TWO_THREADS_FROM else 1
    peers[name].threads = threads
    text = f"{name}: {threads} thread{'s' if threads > 1 else ''} (two made {ratio:.2f} times the connections of one)"
    progress.done(text)
    return text


KEYS = ["rate", "cost", "p50_ms", "p90_ms", "p99_ms", "p999_ms"]
IDLE_KEYS = ["bytes_per_connection", "anonymous_per_connection"]


def conclude(step, slices, net):
    """A step's slices as one entry of the result."""
    idle = step.work.name == "idle"
    rows = chains_stats.summary(slices, step.base(), IDLE_KEYS if idle else KEYS)
    for name, own in slices.items():
        rows[name]["errors"] = sum(entry["errors"] for entry in own)
        rows[name]["mismatches"] = sum(entry["mismatches"] for entry in own)
        rows[name]["no_headline"] = "" if idle else chains_stats.headline(own, net)
        rows[name]["disturbed"] = "" if idle else chains_stats.disturbed(own)
        if idle and any(entry["held"] < entry["wanted"] for entry in own):
            rows[name]["no_headline"] = f"held {min(entry['held'] for entry in own)} of {own[0]['wanted']} connections"
    return {"work": step.work.name, "title": step.title, "depth": step.depth, "base": step.base(),
            "rate_unit": step.work.rate_unit, "cost_unit": step.work.cost_unit, "rows": rows, "slices": slices}
