"""What `make bench` measures, without measuring: which rows a round has and
in which order, what bench.json and the plot say of them."""
import argparse
import contextlib
import io
import json
import os
import re
import sys
import types
import xml.etree.ElementTree as tree

from peers.daemon import ROOT
from peers.runner import case

sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
import bench  # noqa: E402
import loadrows  # noqa: E402
import plot  # noqa: E402

# Those that a relay is judged by; others stand beside them.
KEYS = ("relay_vs_rtpengine relay_vs_least relay_gcm_vs_least "
        "video_vs_rtpengine growth_1500_vs_100 idle_us_per_call "
        "syscalls_per_packet allocs_per_packet setup_vs_primitives "
        "setups_per_core signal_delay_vs_echo packet_delay_vs_least call_kb "
        "leftover_percent timer_30000_vs_100").split()
CADENCES = ("relay_vs_rtpengine", "relay_vs_least", "relay_gcm_vs_least",
            "syscalls_per_packet", "packet_delay_vs_least")
SVG = "{http://www.w3.org/2000/svg}"


def parts(n):
    return {"p50": n, "p95": 2 * n, "p99": 3 * n, "n": 9}


def result(n):
    """What stoxload may have said; everything costs n."""
    trial = {"attempted": 10, "answered": 6, "failed": 4, "lost_percent": 0}
    return {
        "valid": True, "rate": 100, "alone": trial, "overload": trial,
        "after": trial, "told_ms": dict(parts(9)),
        "calls": {"invite_ms": parts(n), "proceed_ms": parts(n),
                  "answered": 1, "attempted": 1, "ended": 1, "reasons": {}},
        "packets": {"received": 100, "lost_percent": 0,
                    "delay_us": parts(n)},
        "own": {"of_process": 0.5, "core_percent": 9, "late": 0},
        "process": {
            "packet_us": n, "core_percent": 70, "call_us_per_s": n,
            "setup_cpu_ms": n,
            "end_cpu_ms": n, "syscalls": 200 * n, "allocations": 7,
            "silent_allocations": 7, "rss_mark_kb": 1000, "marked": 50,
            "rss_all_kb": 5000, "rss_first_kb": 4000, "rss_end_kb": 4040}}


class Told:
    """Runs nothing, and remembers what was to be run."""

    def __init__(self):
        self.asked, self.n = [], 0

    def run(self, what, args, command, timeout=0, env=None):
        self.asked.append((what, args, command))
        self.n += 1
        return result(self.n % 7 + 1)


@contextlib.contextmanager
def put(*places):
    """(object, name, value): as long as it lasts."""
    old = [getattr(o, name) for o, name, _ in places]
    for o, name, v in places:
        setattr(o, name, v)
    try:
        yield
    finally:
        for (o, name, _), v in zip(places, old):
            setattr(o, name, v)


def rounds(t, n):
    """(what was run, output) of n rounds of everything."""
    told, out = Told(), io.StringIO()
    primitives = types.SimpleNamespace(stdout=json.dumps({
        "sum_client_us": 900, "sum_server_us": 1100,
        "timer_30000_vs_100": 1.5}))
    opt = argparse.Namespace(calls=60, rounds=n, seconds=2, quick=True,
                             rows="all")
    with put((loadrows.Rows, "run", lambda self, *a, **k: told.run(*a, **k)),
             (loadrows.shutil, "which", lambda name: name),
             (loadrows.subprocess, "run", lambda *a, **k: primitives),
             (bench.idlerows, "rows", lambda *a: {}),
             (bench.chatrows, "rows", lambda *a: {}),
             (bench, "BUILD", t.dir)), contextlib.redirect_stdout(out):
        assert bench.inside(opt) == 0
    return told.asked, out.getvalue()


@case
async def every_figure_with_its_spread(t):
    """In bench.json each has median, min and max; in the table a line."""
    _, out = rounds(t, 3)
    with open(t.path("bench.json")) as f:
        got = json.load(f)
    lacking = set(KEYS) - set(got)
    assert not lacking, lacking
    for key in CADENCES:
        assert key + "_burst" in got, key
    for key, v in got.items():
        assert sorted(v) == ["max", "median", "min"], (key, v)
        assert v["min"] <= v["median"] <= v["max"], (key, v)
    words = {key: (said, aim) for key, said, aim in bench.WORDS}
    assert not set(got) - set(words), set(got) - set(words)
    for key, v in got.items():
        said, aim = words[key]
        want = {"%.2f" % v["median"]} | ({str(aim)} if aim else set())
        assert any(x.startswith(said + " ") and want <= set(x.split())
                   for x in out.splitlines()), key
    assert bench.spread([5, 1, 3]) == {"median": 3, "min": 1, "max": 5}


@case
async def those_that_are_compared_take_turns(t):
    asked, _ = rounds(t, 2)
    names = [what for what, _, _ in asked]
    for cadence in ("random", "burst"):
        at = [i for i, x in enumerate(names) if x == cadence + ", stoxd"]
        assert len(at) == 2, names      # once a round
        for i in at:
            who = [x.rpartition(", ")[2] for x in names[i:i + 3]]
            assert who == ["stoxd", "least", "rtpengine"], names
            loads = [args[:4] for _, args, _ in asked[i:i + 3]]
            assert loads[0] == loads[1] == loads[2], loads
    # the gateway and the load have a core each
    with put((loadrows.os, "sched_getaffinity", lambda pid: {0, 1}),
             (loadrows.shutil, "which", lambda name: name)):
        assert loadrows.pinned(0, ["x"]) == ["taskset", "-c", "0", "x"]
        assert loadrows.pinned(1, ["x"]) == ["taskset", "-c", "1", "x"]
    with open(os.path.join(t.dir, "bench.json")) as f:
        assert json.load(f)


@case
async def the_plot_is_a_picture(t):
    """Cost of a call over their number: both axes have words and numbers, a
    mark for each number of calls, a line from its lowest to its highest."""
    points = {100: [300, 310, 290], 700: [320], 1500: [330, 350]}
    root = tree.fromstring(plot.svg("What a call costs", "calls", "us",
                                    points))
    text = [e.text for e in root.iter(SVG + "text")]
    for word in ("What a call costs", "calls", "us", "0", "500", "1500"):
        assert word in text, (word, text)
    assert len(list(root.iter(SVG + "circle"))) == 3
    w, h = float(root.get("width")), float(root.get("height"))
    for c in root.iter(SVG + "circle"):
        assert 0 < float(c.get("cx")) < w and 0 < float(c.get("cy")) < h
    line = root.find(SVG + "polyline").get("points").split()
    xs = [float(p.partition(",")[0]) for p in line]
    assert len(line) == 3 and xs == sorted(xs), line
    _, out = rounds(t, 1)
    assert "bench.svg" in out and "bench.json" in out, out
    with open(t.path("bench.svg")) as f:
        root = tree.fromstring(f.read())
    said = " ".join(e.text for e in root.iter(SVG + "text"))
    assert re.search(r"calls at one time.* CPU of a call, us", said), said
