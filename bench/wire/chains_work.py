# SPDX-License-Identifier: Apache-2.0
"""One slice: a load on one chain for a short time, and what it cost."""

import json
import os
import subprocess
import time

import chains_process
from chains_process import Failed

PROCESSORS = os.cpu_count()
WARM_UP_SECONDS = 0.1
LOAD_PATIENCE_SECONDS = 40


def generate(program, address, flags, duration):
    """Runs the load generator. Its report, and how long it lived."""
    words = [str(program), "load", "--connect", address, "--duration", f"{round(duration * 1000)}ms",
             "--warmup", f"{round(WARM_UP_SECONDS * 1000)}ms", "--json", "--allow-errors"] + flags
    begun = time.monotonic()
    try:
        done = subprocess.run(words, capture_output=True, text=True,
                              timeout=duration + LOAD_PATIENCE_SECONDS,
                              preexec_fn=chains_process.die_with_parent)
    except subprocess.TimeoutExpired:
        raise Failed(f"the load generator did not end: {' '.join(words)}") from None
    lived = time.monotonic() - begun
    try:
        return json.loads(done.stdout), lived
    except ValueError:
        raise Failed(f"the load generator gave no report ({done.returncode}): {done.stderr.strip()[-400:]}") from None


def latencies(report):
    found = report.get("latency_microseconds", {})
    return {"p50_ms": found.get("p50", 0) / 1000, "p90_ms": found.get("p90", 0) / 1000,
            "p99_ms": found.get("p99", 0) / 1000,
            "p999_ms": found.get("p999", found.get("p99_9", 0)) / 1000, "max_ms": found.get("max", 0) / 1000}


def process_times(chain):
    return [chains_process.cpu_seconds_of([process]) for process in chain.processes]


def slice_of_connections(chain, generator, flags, duration, threads=1):
    """A closed or open loop of short connections."""
    busy_before, _ = chains_process.machine_cpu_seconds()
    before = process_times(chain)
    report, lived = generate(generator, chain.address, flags + ["--threads", str(threads)], duration)
    after = process_times(chain)
    busy_after, _ = chains_process.machine_cpu_seconds()
    chain.check_alive()
    used = [late - early for early, late in zip(before, after)]
    finished = report["connections_succeeded"] + report["connections_outside_measured_time"]
    entry = {
        "connections_per_second": report["connections_per_second"],
        "cpu_per_1000": 1000 * sum(used) / finished if finished and used else None,
        "connections": finished,
        "errors": report["connections_failed"] - report["errors"]["mismatch"],
        "mismatches": report["errors"]["mismatch"],
        "errors_by_name": {name: count for name, count in report["errors"].items() if count},
        "generator_busy": report["cpu_seconds"] / (lived * threads),
        "chain_busy": max((one / (lived * chain.peer.threads) for one in used), default=0.0),
        "machine_busy": min(1.0, (busy_after - busy_before) / (lived * PROCESSORS)),
        "late_starts": report.get("late_starts", 0),
    }
    entry.update(latencies(report))
    return entry
