# SPDX-License-Identifier: Apache-2.0
"""What bench/wire/chains computes, concludes and draws. No load is made and no time is asserted."""

import os
import pathlib
import socket
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "bench/wire"))
import chains_net
import chains_peers
import chains_plan
import chains_process
import chains_report
import chains_run
import chains_stats
import chains_svg
import chains_targets
import chains_work

NET = {"ports": 50000, "tcp_tw_reuse": 1, "port_rest_seconds": 1.0, "namespace": True, "problem": "",
       "port_range": "15000 65535"}


def a_slice(**changes):
    entry = {"rate": 1000.0, "cost": 0.1, "units": 600, "rate_wanted": 0, "connects_per_second": 1000.0, "errors": 0,
             "mismatches": 0, "errors_by_name": {}, "generator_busy": 0.5, "origin_busy": 0.3, "chain_busy": 0.5,
             "machine_busy": 0.6, "others_busy": 0.0, "p50_ms": 1.0, "p90_ms": 2.0, "p99_ms": 3.0, "p999_ms": 4.0,
             "max_ms": 5.0, "late_starts": 0}
    entry.update(changes)
    return entry


def entry_of(slices, work="cps", depth=8):
    step = chains_plan.Step(next(one for one in chains_plan.WORKS if one.name == work), depth, tuple(slices))
    return chains_run.conclude(step, slices, NET)


class Ratios(unittest.TestCase):
    def test_pairs_are_taken_within_a_rotation(self):
        # The machine got three times slower after the first rotation; ours was always twice as fast.
        slices = {"ours": [a_slice(rate=600), a_slice(rate=200), a_slice(rate=210)],
                  "base": [a_slice(rate=300), a_slice(rate=100), a_slice(rate=100)]}
        ratio = chains_stats.ratio_of(slices, "ours", "base", "rate")
        self.assertEqual(ratio["median"], 2.0)
        self.assertEqual(ratio["pairs"], 3)

    def test_the_median_of_ratios_is_not_the_ratio_of_medians(self):
        slices = {"ours": [a_slice(rate=rate) for rate in (100, 20, 90)],
                  "base": [a_slice(rate=rate) for rate in (10, 20, 30)]}
        self.assertEqual(chains_stats.ratio_of(slices, "ours", "base", "rate")["median"], 3.0)

    def test_a_slice_without_a_value_makes_no_pair(self):
        slices = {"ours": [a_slice(cost=None), None, a_slice(cost=0.3)], "base": [a_slice(cost=0.1)] * 3}
        ratio = chains_stats.ratio_of(slices, "ours", "base", "cost")
        self.assertAlmostEqual(ratio["median"], 3.0)
        self.assertEqual(ratio["pairs"], 1)

    def test_no_pairs_give_no_ratio(self):
        ratio = chains_stats.ratio_of({"ours": [a_slice()]}, "ours", "base", "rate")
        self.assertEqual((ratio["median"], ratio["pairs"]), (None, 0))

    def test_quartiles(self):
        self.assertEqual(chains_stats.quartiles([5, 1, 2, 4, 3]), (2, 4))
        self.assertEqual(chains_stats.quartiles([7]), (7, 7))
        self.assertEqual(chains_stats.quartiles([]), (None, None))


class Verdicts(unittest.TestCase):
    def verdict(self, **changes):
        return chains_stats.bottleneck(a_slice(**changes), NET)

    def test_nothing_at_its_limit_is_fine(self):
        self.assertEqual(self.verdict(), "")

    def test_a_busy_generator_before_a_lazy_chain(self):
        self.assertIn("generator", self.verdict(generator_busy=0.97))

    def test_a_busy_origin_behind_a_lazy_chain(self):
        self.assertIn("origin", self.verdict(origin_busy=0.97))

    def test_a_chain_at_its_limit_is_the_bottleneck_itself(self):
        self.assertEqual(self.verdict(generator_busy=0.97, chain_busy=0.95), "")

    def test_on_a_full_machine_processor_time_decides(self):
        self.assertEqual(self.verdict(generator_busy=0.97, machine_busy=0.99), "")

    def test_connects_without_a_port(self):
        self.assertIn("port space: 3 connects", self.verdict(errors_by_name={"no_local_port": 3}))

    def test_ports_that_rest_a_minute(self):
        net = dict(NET, port_rest_seconds=60.0)
        self.assertIn("port space", chains_stats.bottleneck(a_slice(connects_per_second=700), net))
        self.assertEqual(chains_stats.bottleneck(a_slice(connects_per_second=600), net), "")

    def test_ports_that_rest_a_second(self):
        self.assertIn("port space", self.verdict(connects_per_second=41000))
        self.assertEqual(self.verdict(connects_per_second=39000), "")

    def test_an_open_loop_that_fell_behind(self):
        self.assertIn("4000 were wanted", self.verdict(rate=3000, rate_wanted=4000))
        self.assertEqual(self.verdict(rate=3999, rate_wanted=4000), "")

    def test_one_odd_slice_among_eight_spoils_nothing_and_three_do(self):
        odd = a_slice(generator_busy=0.99)
        self.assertEqual(chains_stats.headline([odd] + [a_slice()] * 7, NET), "")
        self.assertIn("3 of 8 slices", chains_stats.headline([odd] * 3 + [a_slice()] * 5, NET))

    def test_no_slice_is_no_headline(self):
        self.assertEqual(chains_stats.headline([], NET), "no slice ended")


class Parsing(unittest.TestCase):
    REPORT = {"connections_succeeded": 900, "connections_outside_measured_time": 100, "connections_failed": 5,
              "connections_per_second": 1500.0, "errors": {"mismatch": 2, "reset": 3, "timeout": 0},
              "cpu_seconds": 0.35, "threads": 1, "latency_microseconds": {"p50": 1000, "p99": 9000, "p99_9": 9900}}

    def work(self, name):
        return next(work for work in chains_plan.WORKS if work.name == name)

    def test_a_report_of_connections(self):
        entry = chains_work.entry_of(self.work("cps"), self.REPORT, [0.2, 0.3], 0.7)
        self.assertEqual(entry["rate"], 1500.0)
        # Those of the warm-up cost the chain too.
        self.assertAlmostEqual(entry["cost"], 0.5)
        self.assertEqual((entry["errors"], entry["mismatches"]), (3, 2))
        self.assertEqual(entry["errors_by_name"], {"mismatch": 2, "reset": 3})
        self.assertAlmostEqual(entry["generator_busy"], 0.5)
        self.assertEqual((entry["p50_ms"], entry["p999_ms"]), (1.0, 9.9))

    def test_bytes_cost_by_the_gigabyte(self):
        report = dict(self.REPORT, bytes_received=2_000_000_000, bytes_sent=5, gigabits_per_second=16.0)
        entry = chains_work.entry_of(self.work("download16"), report, [0.5], 1.0)
        self.assertEqual((entry["rate"], entry["cost"]), (16.0, 0.25))

    def test_no_connection_has_no_cost(self):
        report = dict(self.REPORT, connections_succeeded=0, connections_outside_measured_time=0)
        self.assertIsNone(chains_work.entry_of(self.work("cps"), report, [0.5], 1.0)["cost"])

    def test_the_document_may_stand_between_lines(self):
        self.assertEqual(chains_work.parse_report('idle 5000\n{\n "a": 1\n}\nsluice: a word\n'), {"a": 1})

    def test_no_document_is_said_with_the_programs_words(self):
        with self.assertRaisesRegex(chains_process.Failed, "cannot connect"):
            chains_work.parse_report("", "cannot connect")

    def test_batches_hold_all_connections_and_none_is_a_loop_to_our_breaker(self):
        self.assertEqual(sum(chains_work.batches(5000)), 5000)
        self.assertLess(max(chains_work.batches(5000)), 2048)
        self.assertEqual(chains_work.batches(10), [10])

    def test_memory(self):
        text = "00400000-7fff rollup\nRss:  900 kB\nPrivate_Clean:   4 kB\nPrivate_Dirty:  100 kB\nAnonymous: 80 kB\n"
        self.assertEqual(chains_process.parse_smaps_rollup(text), {"private": 104 * 1024, "anonymous": 80 * 1024})

    def test_smaps_of_this_process_is_understood(self):
        text = pathlib.Path("/proc/self/smaps_rollup").read_text()
        self.assertGreater(chains_process.parse_smaps_rollup(text)["private"], 0)


class Processes(unittest.TestCase):
    def test_processor_time_is_that_of_the_process(self):
        self.assertAlmostEqual(chains_process.cpu_seconds(os.getpid()), time.process_time(), delta=0.5)

    def test_processor_time_is_finer_than_ticks(self):
        seen = {chains_process.cpu_seconds(os.getpid()) for _ in range(500)}
        self.assertGreater(len(seen), 100)

    def test_children_belong_to_a_process(self):
        process = chains_process.Process("parent", ["sh", "-c", "sleep 60 & echo listening on $!; wait"])
        try:
            child = int(process.listening_on())
            self.assertEqual(sorted(process.pids()), sorted([process.pid, child]))
            os.kill(child, 15)
        finally:
            process.stop()

    def test_a_program_that_dies_is_said_with_its_words(self):
        process = chains_process.Process("bad", ["sh", "-c", "echo no such thing >&2; exit 3"])
        with self.assertRaisesRegex(chains_process.Failed, "bad ended with 3: no such thing"):
            process.listening_on()
        process.stop()

    def test_a_taken_port_is_passed_over(self):
        first = chains_net.Ports().take()
        host, port = first.split(":")
        with socket.socket() as taken:
            taken.bind((host, int(port)))
            taken.listen()
            self.assertNotEqual(chains_net.Ports().take(), first)


class Plans(unittest.TestCase):
    def steps(self, works, depths=None, peers=None, extra=()):
        return chains_plan.steps([work for work in chains_plan.WORKS if work.name in works], depths, peers, extra)

    def test_depths_narrow_only_works_that_have_several(self):
        found = [(step.work.name, step.depth) for step in self.steps(["cps", "requests"], [1, 2])]
        self.assertEqual(found, [("cps", 1), ("cps", 2), ("requests", 8)])

    def test_other_builds_join_wherever_ours_plays(self):
        step, = self.steps(["rate"], peers=["haproxy2"], extra=["new"])
        self.assertEqual(step.peers, ("haproxy2", "new"))

    def test_a_missing_base_is_replaced(self):
        step, = self.steps(["rate"], peers=["sluice", "nginx"])
        self.assertEqual(step.base(), "sluice")

    def test_every_peer_of_the_plan_exists(self):
        known = chains_peers.all_peers()
        for work in chains_plan.WORKS:
            for name in work.peers + (work.base,):
                self.assertIn(name, known)

    def test_targets_name_what_the_plan_measures(self):
        works = {work.name: work for work in chains_plan.WORKS}
        for what, work, depth, peer, other, *_ in chains_targets.RATIOS:
            self.assertIn(depth, works[work].depths, what)
            self.assertIn(peer, works[work].peers, what)
            self.assertIn(other, works[work].peers, what)

    def test_the_whole_table_takes_less_than_a_quarter_of_an_hour(self):
        plan = self.steps([work.name for work in chains_plan.WORKS])
        self.assertLess(chains_plan.seconds_wanted(plan, 8, 0.6), 13 * 60)

    def test_templates_are_filled_in(self):
        for name in ("haproxy1", "haproxy2", "haproxy2-splice", "nginx"):
            peer = chains_peers.all_peers()[name]
            text = peer.configuration("127.0.0.1:10001", "127.0.0.1:10002", "/some/where")
            self.assertNotIn("@", text)
            for word in ("127.0.0.1:10001", "127.0.0.1:10002"):
                self.assertIn(word, text)
            self.assertEqual("splice-response" in text, name == "haproxy2-splice")


class Targets(unittest.TestCase):
    TARGET = ("rate at depth 8", "cps", 8, "sluice", "haproxy2", "rate", chains_targets.AT_LEAST, 1.5)

    def judge(self, ours, others, pairs=8):
        entry = entry_of({"sluice": [ours] * pairs, "haproxy2": [others] * pairs})
        return chains_targets.judge_ratio([entry], self.TARGET)

    def test_met_and_missed(self):
        self.assertEqual(self.judge(a_slice(rate=1500), a_slice(rate=1000))["verdict"], "met")
        self.assertEqual(self.judge(a_slice(rate=1490), a_slice(rate=1000))["verdict"], "missed")

    def test_ahead_of_is_not_as_good_as(self):
        self.assertFalse(chains_targets.holds(1.0, chains_targets.MORE_THAN, 1.0))
        self.assertTrue(chains_targets.holds(1.0, chains_targets.AT_MOST, 1.0))

    def test_idle_memory_is_judged_by_what_was_built(self):
        held = {"bytes_per_connection": 2048.0, "anonymous_per_connection": 2048.0, "held": 100, "wanted": 100,
                "errors": 0, "mismatches": 0, "errors_by_name": {}}
        rows = chains_targets.judge([entry_of({"sluice": [held], "wine": [held]}, "idle", 1)])
        verdicts = {row["compared"]: row["verdict"] for row in rows if row["value"] is not None}
        self.assertEqual(verdicts, {"sluice": "missed", "wine": "met"})

    def test_memory_of_connections_that_were_not_held_is_no_headline(self):
        none = {"bytes_per_connection": 0.0, "anonymous_per_connection": 0.0, "held": 0, "wanted": 100,
                "errors": 100, "mismatches": 0, "errors_by_name": {}}
        row, = [row for row in chains_targets.judge([entry_of({"sluice": [none]}, "idle", 1)]) if row["value"] is not None]
        self.assertEqual(row["verdict"], "no headline")

    def test_a_bottleneck_elsewhere_is_no_headline(self):
        row = self.judge(a_slice(rate=1500, generator_busy=0.99), a_slice(rate=1000))
        self.assertEqual(row["verdict"], "no headline")
        self.assertIn("sluice: generator", row["note"])

    def test_on_a_shared_machine_only_processor_time_is_judged(self):
        ours, others = a_slice(rate=1500, others_busy=0.3), a_slice(rate=1000, others_busy=0.3)
        row = self.judge(ours, others)
        self.assertEqual(row["verdict"], "no headline")
        self.assertIn("sluice: machine: other programs used 30 %", row["note"])
        entry = entry_of({"sluice": [ours] * 8, "haproxy2": [others] * 8})
        cost = ("cost", "cps", 8, "sluice", "haproxy2", "cost", chains_targets.AT_MOST, 1.0)
        self.assertEqual(chains_targets.judge_ratio([entry], cost)["verdict"], "met")
        self.assertIn("but for processor time", chains_report.table(entry))

    def test_few_pairs_and_errors_are_said(self):
        row = self.judge(a_slice(rate=1500, errors=2), a_slice(rate=1000), pairs=3)
        self.assertIn("only 3 pairs", row["note"])
        self.assertIn("sluice: 6 errors", row["note"])

    def test_what_was_not_measured_is_not_met(self):
        self.assertEqual(chains_targets.judge_ratio([], self.TARGET)["verdict"], "not measured")
        rows = chains_targets.judge([])
        self.assertTrue(all(row["verdict"] == "not measured" for row in rows))
        text = chains_targets.table(rows)
        self.assertIn(f"0 met, 0 missed, {len(rows)} not judged", text)
        self.assertNotIn("sluice / haproxy2", text)


class Pictures(unittest.TestCase):
    def parsed(self, picture):
        root = ElementTree.fromstring(picture.svg())
        for element in root.iter():
            for value in element.attrib.values():
                self.assertNotIn("nan", value)
        return root

    def texts(self, root):
        return ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]

    def test_names_with_odd_letters_are_well_formed(self):
        root = self.parsed(chains_svg.Picture("a < b & c", "", ["1", "2"], {'x"<&>': [1.0, 2.0]}, "y", "x"))
        self.assertIn("a < b & c", self.texts(root))

    def test_a_gap_a_single_point_and_nothing_at_all(self):
        for log in (False, True):
            self.parsed(chains_svg.Picture("t", "", [1, 2, 4], {"gap": [5.0, None, 7.0]}, "y", "x", log))
            self.parsed(chains_svg.Picture("t", "", [1], {"one": [5.0]}, "y", "x", log))
            self.parsed(chains_svg.Picture("t", "", [1], {"none": [None]}, "y", "x", log))

    def test_every_line_is_named_once_with_its_last_value(self):
        root = self.parsed(chains_svg.Picture("t", "", [1, 2], {"ours": [5.0, 6.5], "theirs": [5.0, 6.5]}, "y", "x"))
        texts = self.texts(root)
        self.assertEqual(texts.count("ours  6.5"), 1)
        self.assertEqual(texts.count("theirs  6.5"), 1)

    def test_names_do_not_cover_each_other(self):
        heights = sorted(chains_svg.spread_names([100, 101, 99, 400, 399], 60, 400))
        self.assertTrue(all(after - before >= chains_svg.NAME_GAP for before, after in zip(heights, heights[1:])))
        self.assertLessEqual(heights[-1], 400)
        self.assertEqual(chains_svg.spread_names([60, 60, 61], 60, 400), [60, 77, 94])

    def test_ticks_hold_the_values(self):
        self.assertEqual(chains_svg.nice_ticks(0.73)[-1], 0.8)
        self.assertEqual(chains_svg.log_ticks(1198, 15000), [1000, 2000, 5000, 10000, 20000])
        self.assertEqual(chains_svg.log_ticks(5, 5), [5, 10])

    def test_the_pictures_of_a_result(self):
        entries = [entry_of({"sluice": [a_slice()], "haproxy2": [a_slice(cost=None)]}, depth=depth) for depth in (1, 8)]
        entries.append(entry_of({"sluice": [a_slice()]}, "rate", 2))
        found = chains_svg.pictures(entries, "where and when")
        self.assertEqual(set(found), {"cps.svg", "cpu.svg", "ratio.svg", "latency-cps-8.svg", "latency-rate-2.svg"})
        for text in found.values():
            ElementTree.fromstring(text)


class Reports(unittest.TestCase):
    def test_a_table_shows_errors_and_wrong_bytes_of_each_peer(self):
        text = chains_report.table(entry_of({"sluice": [a_slice(errors=41, mismatches=7)], "haproxy2": [a_slice()]}))
        line = next(line for line in text.splitlines() if line.startswith("  sluice"))
        self.assertEqual(line.split()[-2:], ["41", "7"])

    def test_a_table_says_why_there_is_no_headline(self):
        text = chains_report.table(entry_of({"sluice": [a_slice(generator_busy=0.99)]}))
        self.assertIn("no headline: generator", text)

    def test_idle_connections_that_were_not_held(self):
        held = {"bytes_per_connection": 2048.0, "anonymous_per_connection": 1024.0, "held": 90, "wanted": 100,
                "errors": 10, "mismatches": 0, "errors_by_name": {}}
        text = chains_report.table(entry_of({"sluice": [held]}, "idle", 1))
        self.assertIn("2.00", text)
        self.assertIn("no headline: held 90 of 100", text)

    def test_the_csv_has_a_line_for_each_slice(self):
        lines = chains_report.as_csv([entry_of({"sluice": [a_slice()] * 3, "haproxy2": [a_slice(cost=None)] * 3})])
        rows = lines.splitlines()
        self.assertEqual(len(rows), 7)
        self.assertTrue(rows[1].startswith("cps,8,sluice,1,1000.0,0.1,"))
        self.assertTrue(rows[4].startswith("cps,8,haproxy2,1,1000.0,,"))

    def test_a_disturbed_run_says_so(self):
        quiet, loud = a_slice(), a_slice(others_busy=0.4)
        self.assertEqual(chains_report.disturbances([entry_of({"sluice": [quiet] * 8})]), "")
        self.assertIn("1 of 8 slices", chains_report.disturbances([entry_of({"sluice": [quiet] * 7 + [loud]})]))


if __name__ == "__main__":
    unittest.main()
