# SPDX-License-Identifier: Apache-2.0
"""One slice: a load on one chain for a short time, and what it cost."""

import json
import os
import re
import subprocess
import time

import chains_process
from chains_process import Failed, Process

PROCESSORS = os.cpu_count()
WARM_UP_SECONDS = 0.1
LOAD_PATIENCE_SECONDS = 40
# Until a quiet connection has given back what it needs only while it is busy.
QUIET_SECONDS = 2.5
# Connections come in batches, further apart than a second: our loop breaker takes 2048 more flows toward one
# destination within a second for a loop.
IDLE_BATCH = 1700
BATCH_SECONDS = 1.1


class Bench:
    """What all slices share: the generator and the origins, each kept for the whole run."""

    def __init__(self, program, threads=1):
        self.program = str(program)
        self.threads = threads
        self.origins = {}
        self.addresses = {}

    def origin(self, behaviour):
        """The address of an origin that behaves so; started when it is first needed."""
        if behaviour not in self.origins:
            words = [self.program, "echo", "--listen", "127.0.0.1:0", "--drain", "1s"]
            if behaviour != "echo":
                words += ["--behaviour", behaviour]
            self.origins[behaviour] = Process(f"origin ({behaviour})", words)
            self.addresses[behaviour] = self.origins[behaviour].listening_on()
        return self.addresses[behaviour]

    def load_words(self, work, address, duration):
        flags = work.flags()
        # The default mode needs no naming, so that builds of before there were others can be generators too.
        if flags[:2] == ["--mode", "exchange"]:
            flags = flags[2:]
        words = [self.program, "load", "--connect", address, "--duration", f"{round(duration * 1000)}ms", "--json",
                 "--allow-errors", "--threads", str(min(self.threads, work.connections))]
        # Bytes of a warm-up would cost the chain time and not be counted.
        if work.mode in ("exchange", "requests"):
            words += ["--warmup", f"{round(WARM_UP_SECONDS * 1000)}ms"]
        return words + flags

    def stop(self):
        for process in self.origins.values():
            process.stop()
        self.origins = {}


def generate(words, duration):
    """Runs the load generator. Its report, and how long it lived."""
    begun = time.monotonic()
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=duration + LOAD_PATIENCE_SECONDS,
                              preexec_fn=chains_process.die_with_parent)
    except subprocess.TimeoutExpired:
        raise Failed(f"the load generator did not end: {' '.join(words)}") from None
    return parse_report(done.stdout, done.stderr), time.monotonic() - begun


def parse_report(out, err=""):
    """The document, which may stand between lines of text."""
    begin = re.search(r"^\{", out, re.MULTILINE)
    try:
        return json.JSONDecoder().raw_decode(out[begin.start():] if begin else "")[0]
    except ValueError:
        raise Failed(f"the load generator gave no report: {err.strip()[-400:] or out[-400:]}") from None


def first_of(report, *names, default=0):
    for name in names:
        if name in report:
            return report[name]
    return default


def latencies(report):
    found = report.get("latency_microseconds") or {}
    return {f"{key}_ms": (first_of(found, *names) or 0) / 1000 for key, names in (
        ("p50", ["p50"]), ("p90", ["p90"]), ("p99", ["p99"]), ("p999", ["p999", "p99_9"]), ("max", ["max"]))}


def finished_units(work, report):
    """What the processor time is divided by: connections, requests, or bytes."""
    if work.bulk:
        names = ["bytes_received"] if work.mode == "download" else ["bytes_confirmed_in_all", "bytes_sent"]
        return first_of(report, *names)
    unit = "requests" if work.mode == "requests" else "connections"
    return (first_of(report, f"{unit}_succeeded", "connections_succeeded")
            + first_of(report, f"{unit}_outside_measured_time", "connections_outside_measured_time"))


def rate_of(work, report):
    if work.bulk:
        return report["gigabits_per_second"]
    return first_of(report, "rate_per_second", "connections_per_second")


def cost_of(work, used, units):
    """Processor seconds per 1000 connections or requests, or per gigabyte (10^9 bytes)."""
    if not units or not used:
        return None
    return sum(used) * (1e9 if work.bulk else 1000) / units


def entry_of(work, report, used, lived):
    """The slice as a flat row. `used` holds the processor seconds of each process of the chain."""
    units = finished_units(work, report)
    errors = {name: count for name, count in report["errors"].items() if count}
    wrong = errors.get("mismatch", 0)
    entry = {
        "rate": rate_of(work, report), "cost": cost_of(work, used, units), "units": units,
        "rate_wanted": work.rate_wanted,
        "connects_per_second": units / lived if work.mode == "exchange" else 0.0,
        "errors": report["connections_failed"] - wrong, "mismatches": wrong, "errors_by_name": errors,
        "late_starts": report.get("late_starts", 0),
        "generator_busy": report["cpu_seconds"] / (lived * report.get("threads", 1)),
        "chain_seconds": sum(used), "lived": lived,
    }
    entry.update(latencies(report))
    return entry


def play(bench, work, chain, duration):
    """One slice of any work but idle."""
    origin = bench.origins[work.behaviour]
    words = bench.load_words(work, chain.address, duration)
    busy_before, _ = chains_process.machine_cpu_seconds()
    origin_before = chains_process.cpu_seconds_of([origin])
    before = [chains_process.cpu_seconds_of([process]) for process in chain.processes]
    report, lived = generate(words, duration)
    used = [chains_process.cpu_seconds_of([process]) - early for process, early in zip(chain.processes, before)]
    origin_used = chains_process.cpu_seconds_of([origin]) - origin_before
    busy_after, _ = chains_process.machine_cpu_seconds()
    chain.check_alive()
    origin.check_alive()
    entry = entry_of(work, report, used, lived)
    machine = busy_after - busy_before
    entry["chain_busy"] = max((one / (lived * chain.peer.threads) for one in used), default=0.0)
    entry["origin_busy"] = origin_used / lived
    entry["machine_busy"] = min(1.0, machine / (lived * PROCESSORS))
    # Ticks against nanoseconds: not exact, and never below nothing.
    entry["others_busy"] = max(0.0, (machine - sum(used) - origin_used - report["cpu_seconds"]) / (lived * PROCESSORS))
    return entry


def batches(connections):
    """Sizes of the loads that open them."""
    return [min(IDLE_BATCH, connections - begun) for begun in range(0, connections, IDLE_BATCH)]


def await_held(load):
    """How many connections this load holds, once it does."""
    deadline = time.monotonic() + LOAD_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = re.search(r"^idle (\d+)", load.text(), re.MULTILINE)
        if found:
            return int(found[1])
        load.check_alive()
        time.sleep(0.01)
    raise Failed(f"the load generator never held its connections: {load.text()[-400:]}")


def hold(bench, chain, connections, then):
    """Holds so many quiet connections while `then` runs. Its result, and the reports of the loads."""
    loads, reports, held = [], [], 0
    sizes = batches(connections)
    try:
        for index, size in enumerate(sizes):
            left = (len(sizes) - index) * (BATCH_SECONDS + 1) + QUIET_SECONDS + 1
            loads.append(Process("load (idle)", [
                bench.program, "load", "--connect", chain.address, "--mode", "idle", "--connections", str(size),
                "--duration", f"{round(left * 1000)}ms", "--timeout", "30s", "--json", "--allow-errors"]))
            held += await_held(loads[-1])
            if index + 1 < len(sizes):
                time.sleep(BATCH_SECONDS)
        time.sleep(QUIET_SECONDS)
        result = then()
        for load in loads:
            load.process.wait(timeout=LOAD_PATIENCE_SECONDS)
            reports.append(parse_report(load.text()))
    finally:
        for load in loads:
            load.stop()
    return result, reports, held


def play_idle(bench, chain, connections):
    """Memory that the chain's processes gain by holding so many quiet connections, for each of them."""
    before = chain.private_bytes()
    after, reports, held = hold(bench, chain, connections, chain.private_bytes)
    chain.check_alive()
    errors = {}
    for report in reports:
        for name, count in report["errors"].items():
            if count:
                errors[name] = errors.get(name, 0) + count
    wrong = errors.get("mismatch", 0)
    return {"bytes_per_connection": max(0, after["private"] - before["private"]) / max(1, held),
            "anonymous_per_connection": max(0, after["anonymous"] - before["anonymous"]) / max(1, held),
            "held": held, "wanted": connections, "errors": sum(errors.values()) - wrong, "mismatches": wrong,
            "errors_by_name": errors}
