#!/usr/bin/python3
# bench.py [-n CALLS] [-r ROUNDS] [-t SECONDS] [-s cm80|gcm] [--quick]
#          [--rows relay|calls|all]: what a relayed packet, a set-up and a call
# cost, beside rtpengine and beside the least that a relay can do; how whole
# calls fare (loadrows.py).  Prints a table; writes bench.json and bench.svg
# into B.
#
# The machine may be busy with other things: the relays take turns, and what is
# judged are ratios within one round.
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.dont_write_bytecode = True
from peers import runner  # noqa: E402
from peers.daemon import BUILD, config_text  # noqa: E402
import loadrows  # noqa: E402
import plot  # noqa: E402

TIMEOUT = 60        # s, one relay in one round
TOTAL = 300         # s, all of it, and as much for each round of calls
ENOUGH = 220        # s, after which no round begins
MEDIA = "127.0.1.1"
# Many calls at once, from one machine, are what is wanted here.
LIMITS = {"half_open": 10000, "setup_burst": 10000,
          "setup_per_minute": 10000, "calls_per_jid": 10000,
          "sip_source_rate": 100000, "sip_source_burst": 100000}
RTPENGINE = ["rtpengine", "--config-file=none", "--foreground",
             "--log-stderr", "--log-level=3", "--table=-1",
             "--interface=127.0.0.1", "--listen-ng=127.0.0.1:2223",
             "--port-min=40000", "--port-max=49999"]


def tool(name):
    return os.path.join(BUILD, "bench", name)


class Relay:
    """One that is measured: how the load tool gets at it."""

    def __init__(self, name, way, command, suite=None, counted=False):
        self.name, self.way, self.command = name, way, command
        self.suite, self.counted = suite, counted

    def run(self, opt, dir):
        """The load tool's results, or None."""
        media = [] if self.way == "ng" else ["-m", MEDIA]
        log = os.path.join(dir, self.name + ".log")
        env, command = dict(os.environ), self.command
        if self.counted:
            env["COUNTS"] = os.path.join(dir, self.name + ".counts")
            command = ["env", "LD_PRELOAD=" + os.path.abspath(
                tool("count.so"))] + command
        with open(log, "w") as f:
            try:
                p = subprocess.run(
                    [tool("load"), "-n", str(opt.calls), "-t",
                     str(opt.seconds), "-s", self.suite or opt.suite] + media
                    + [self.way] + command, stdout=subprocess.PIPE,
                    stderr=f, timeout=TIMEOUT, text=True, env=env)
            except subprocess.TimeoutExpired:
                print("bench: %s took over %d s" % (self.name, TIMEOUT))
                return None
        try:
            r = json.loads(p.stdout)
        except ValueError:
            r = None
        if p.returncode or not r:
            print("bench: %s failed: %s" % (
                self.name, "%(up)d of %(calls)d calls up, %(ended)d ended, "
                "%(failed)s" % r if r else "no result"))
            with open(log) as f:
                sys.stdout.writelines(f.readlines()[-5:])
            return None
        return r


def relays(opt, dir):
    conf = os.path.join(dir, "stoxd.conf")
    with open(conf, "w") as f:
        f.write(config_text({
            "media": {"address": MEDIA, "workers": 1}, "limits": LIMITS,
            "log": {"level": "info"}}))
    stoxd = [os.path.join(BUILD, "stoxd"), "-c", conf]
    yield Relay("stoxd", "gateway", stoxd)
    yield Relay("least", "ng", [tool("least")])
    if opt.suite != "cm80":
        return
    if shutil.which("rtpengine"):
        yield Relay("rtpengine", "ng", RTPENGINE)
    else:
        print("bench: without rtpengine: the package rtpengine-daemon is "
              "not installed")
    yield Relay("stoxd_counted", "gateway", stoxd, counted=True)
    yield Relay("least_counted", "ng", [tool("least")], counted=True)
    yield Relay("stoxd_gcm", "gateway", stoxd, "gcm")
    yield Relay("least_gcm", "ng", [tool("least")], "gcm")


def spread(values):
    return {"median": round(statistics.median(values), 3),
            "min": round(min(values), 3), "max": round(max(values), 3)}


def trusted(r):
    """Whole: a relay that lost packets did less, and cost less or more."""
    return r and r["received"] >= 0.99 * r["sent"] and not r["wrong"]


def ratios(rounds, other, own="stoxd"):
    """Of our packet to the other's, round by round."""
    return [r[own]["packet_us"] / r[other]["packet_us"] for r in rounds
            if trusted(r.get(own)) and trusted(r.get(other))
            and r[other]["packet_us"]]


def summary(rounds):
    own = [r["stoxd"] for r in rounds if r.get("stoxd")]
    out = {"setup_cpu_ms": [r["setup_ms"] + r["end_ms"] for r in own],
           "call_kb": [r["call_kb"] for r in own]}
    for other in ("rtpengine", "least"):
        out["relay_vs_" + other] = ratios(rounds, other)
    for name, key in (("stoxd_counted", ""), ("least_counted", "_least")):
        got = [r[name] for r in rounds if trusted(r.get(name))]
        out["syscalls_per_packet" + key] = [
            r["syscalls"] / r["received"] for r in got]
        out["allocs_per_packet" + key] = [
            max(0, r["allocations"] - r["silent_allocations"])
            / r["received"] for r in got]
    out["relay_gcm_vs_least"] = ratios(rounds, "least_gcm", "stoxd_gcm")
    for name in ("stoxd", "rtpengine", "least", "stoxd_gcm", "least_gcm"):
        got = [r[name] for r in rounds if r.get(name)]
        out[name + "_packet_us"] = [r["packet_us"] for r in got
                                    if trusted(r)]
        out[name + "_lost_percent"] = [
            100.0 * (r["sent"] - r["received"]) / r["sent"] for r in got]
    return {k: spread(v) for k, v in out.items() if v}


WORDS = (
    ("relay_vs_rtpengine", "CPU a packet, to rtpengine's", 0.60),
    ("relay_vs_least", "CPU a packet, to the least relay's", 1.15),
    ("relay_gcm_vs_least", "  with AEAD_AES_128_GCM", 1.10),
    ("setup_cpu_ms", "CPU of a call's set-up and end, ms", None),
    ("call_kb", "memory of a call, kB", None),
    ("stoxd_packet_us", "CPU a packet, us: stoxd", None),
    ("rtpengine_packet_us", "  rtpengine", None),
    ("least_packet_us", "  least relay", None),
    ("stoxd_gcm_packet_us", "  stoxd with GCM", None),
    ("least_gcm_packet_us", "  least relay with GCM", None),
    ("stoxd_lost_percent", "packets lost, %: stoxd", None),
    ("rtpengine_lost_percent", "  rtpengine", None),
    ("least_lost_percent", "  least relay", None),
    ("syscalls_per_packet", "system calls a packet: stoxd", None),
    ("syscalls_per_packet_least", "  least relay", None),
    ("allocs_per_packet", "heap allocations a packet: stoxd", None),
    ("setup_vs_primitives", "CPU of a set-up and end, to its parts'", 1.5),
    ("primitives_us", "  those parts, us", None),
    ("timer_30000_vs_100", "moving one of 30000 timers, to of 100", 3),
    ("growth_1500_vs_100", "CPU of a call among 1500, to among 100", 1.10),
    ("idle_us_per_call", "CPU of a held call, us a second", 50),
    ("setups_per_core", "set-ups and ends a second of CPU", 200),
    ("signal_delay_vs_echo", "signalling delay p99, to an echo's", 3),
    ("signal_delay_vs_echo_p50", "  p50", None),
    ("packet_delay_vs_least", "packet delay p50, to the least relay's", 1.3),
    ("packet_delay_vs_least_p99", "  p99", 1.3),
    ("packet_delay_vs_least_burst", "  in bursts of 20, p50", 1.3),
    ("packet_delay_vs_least_burst_p99", "  p99", 1.3),
    ("stoxd_delay_us_p50", "packet delay p50, us: stoxd", None),
    ("least_delay_us_p50", "  least relay", None),
    ("stoxd_delay_us_p99", "packet delay p99, us: stoxd", None),
    ("least_delay_us_p99", "  least relay", None),
    ("leftover_percent", "memory after 3 rounds, over after 1, %", 2),
    ("capacity_setups_per_second", "calls a second, 100 others up", None),
    ("shed_percent", "  at 1.5 times that: refused, %", None),
    ("shed_told_ms", "  told within, ms (p99)", 1000),
    ("shed_loss_points", "  loss of those up over alone, points", 0.1),
    ("shed_loss_after", "  and after it, %", None),
    ("load_vs_stoxd", "stoxload's CPU a packet, to stoxd's", 0.7),
    ("load_vs_stoxd_burst", "  in bursts of 20", 0.7),
)


def table(res):
    print("%-40s %8s %8s %8s %6s" % ("", "median", "min", "max", "aim"))
    for key, words, aim in WORDS:
        if key in res:
            v = res[key]
            print("%-40s %8.2f %8.2f %8.2f %6s" % (
                words, v["median"], v["min"], v["max"],
                aim if aim else ""))


def all_trusted(r):
    return all(trusted(v) for v in r.values())


def describe(name, r):
    if not r:
        return name + " failed"
    return "%s %.2f us%s" % (name, r["packet_us"], "" if trusted(r) else
                             " (%d of %d packets arrived, %d wrong)" % (
                                 r["received"], r["sent"], r["wrong"]))


def write(name, text):
    path = os.path.join(BUILD, name)
    with open(path, "w") as f:
        f.write(text)
    print("written to %s" % os.path.relpath(path))


def whole_calls(opt):
    """What stoxload measures, and its plot."""
    with tempfile.TemporaryDirectory() as dir:
        rows = loadrows.Rows(dir, opt.quick)
        print("whole calls, stoxd with one worker on a core, %d rounds"
              % opt.rounds, flush=True)
        for n in range(1, opt.rounds + 1):
            rows.round(n)
    if rows.points:
        write("bench.svg", plot.svg(
            "What a call costs", "calls at one time, 5 packets a second each "
            "way", "CPU of a call, us a second", rows.points))
    return {k: spread(v) for k, v in rows.values.items()}


def inside(opt):
    res, failed = {}, False
    if opt.rows != "calls":
        res, failed = relayed(opt)
    if opt.rows != "relay":
        res.update(whole_calls(opt))
    table(res)
    write("bench.json", json.dumps(res, indent=1, sort_keys=True) + "\n")
    return 1 if failed or not res else 0


def relayed(opt):
    """The relays in turn; their figures, and whether one is not to be
    believed."""
    rounds = []
    with tempfile.TemporaryDirectory() as dir:
        all = list(relays(opt, dir))
        print("%d calls, SRTP <-> RTP, 50 packets/s each way, %g s, "
              "%d rounds" % (opt.calls, opt.seconds, opt.rounds))
        began = time.monotonic()
        good = 0
        while good < opt.rounds and time.monotonic() - began < ENOUGH:
            r = {x.name: x.run(opt, dir) for x in all}
            rounds.append(r)
            good += all_trusted(r)
            print("round %d: %s" % (len(rounds), ", ".join(
                describe(k, v) for k, v in r.items())), flush=True)
    if good < opt.rounds:
        print("bench: only %d of %d rounds without loss: the machine is too "
              "busy" % (good, opt.rounds))
    res = summary(rounds)
    failed = any(not r["stoxd"] or r["stoxd"]["wrong"] for r in rounds)
    return res, failed or not res.get("stoxd_packet_us")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-n", "--calls", type=int, default=200)
    p.add_argument("-r", "--rounds", type=int, default=5)
    p.add_argument("-t", "--seconds", type=float, default=4)
    p.add_argument("-s", "--suite", choices=("cm80", "gcm"), default="cm80")
    p.add_argument("-q", "--quick", action="store_true",
                   help="one round, few calls")
    p.add_argument("--rows", choices=("relay", "calls", "all"),
                   default="relay")
    opt = p.parse_args()
    if opt.quick:
        opt.rounds, opt.calls, opt.seconds = 1, min(opt.calls, 100), 2
    if os.environ.get("BENCH_INSIDE"):
        return inside(opt)
    argv = runner.namespace_argv()
    if not argv:
        print("bench: no network namespace can be made here")
        return 1
    limit = TOTAL * (1 if opt.rows == "relay" else 1 + opt.rounds)
    if opt.rows != "relay":
        limit += loadrows.SEARCH
    with tempfile.TemporaryDirectory() as dir:
        try:
            return subprocess.run(
                argv + ["sh", "-c", runner.NAMESPACE, "sh", dir,
                        sys.executable, os.path.abspath(__file__)]
                + sys.argv[1:], timeout=limit,
                env=dict(os.environ, BENCH_INSIDE="1")).returncode
        except subprocess.TimeoutExpired:
            print("bench: took over %d s" % limit)
            return 1


sys.exit(main())
