#!/usr/bin/python3
# bench.py [-n CALLS] [-r ROUNDS] [-t SECONDS] [-s cm80|gcm]: what a
# relayed packet, a set-up and a call cost, beside rtpengine and beside the
# least that a relay can do.  Prints a table; writes bench.json into B.
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

TIMEOUT = 60        # s, one relay in one round
TOTAL = 240         # s, all of it
ENOUGH = 150        # s, after which no round begins
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

    def __init__(self, name, way, command):
        self.name, self.way, self.command = name, way, command

    def run(self, opt, dir):
        """The load tool's results, or None."""
        media = [] if self.way == "ng" else ["-m", MEDIA]
        log = os.path.join(dir, self.name + ".log")
        with open(log, "w") as f:
            try:
                p = subprocess.run(
                    [tool("load"), "-n", str(opt.calls), "-t",
                     str(opt.seconds), "-s", opt.suite] + media
                    + [self.way] + self.command, stdout=subprocess.PIPE,
                    stderr=f, timeout=TIMEOUT, text=True)
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
            "media": {"address": MEDIA}, "limits": LIMITS,
            "log": {"level": "info"}}))
    yield Relay("stoxd", "gateway", [os.path.join(BUILD, "stoxd"), "-c",
                                     conf])
    if opt.suite != "cm80":
        return
    if shutil.which("rtpengine"):
        yield Relay("rtpengine", "ng", RTPENGINE)
    else:
        print("bench: without rtpengine: the package rtpengine-daemon is "
              "not installed")
    yield Relay("least", "ng", [tool("least")])


def spread(values):
    return {"median": round(statistics.median(values), 3),
            "min": round(min(values), 3), "max": round(max(values), 3)}


def trusted(r):
    """Whole: a relay that lost packets did less, and cost less or more."""
    return r and r["received"] >= 0.99 * r["sent"] and not r["wrong"]


def ratios(rounds, other):
    """Of our packet to the other's, round by round."""
    return [r["stoxd"]["packet_us"] / r[other]["packet_us"] for r in rounds
            if trusted(r.get("stoxd")) and trusted(r.get(other))
            and r[other]["packet_us"]]


def summary(rounds):
    own = [r["stoxd"] for r in rounds if r.get("stoxd")]
    out = {"setup_cpu_ms": [r["setup_ms"] + r["end_ms"] for r in own],
           "call_kb": [r["call_kb"] for r in own]}
    for other in ("rtpengine", "least"):
        out["relay_vs_" + other] = ratios(rounds, other)
    for name in ("stoxd", "rtpengine", "least"):
        got = [r[name] for r in rounds if r.get(name)]
        out[name + "_packet_us"] = [r["packet_us"] for r in got
                                    if trusted(r)]
        out[name + "_lost_percent"] = [
            100.0 * (r["sent"] - r["received"]) / r["sent"] for r in got]
    return {k: spread(v) for k, v in out.items() if v}


WORDS = (
    ("relay_vs_rtpengine", "CPU a packet, to rtpengine's", 0.65),
    ("relay_vs_least", "CPU a packet, to the least relay's", 1.15),
    ("setup_cpu_ms", "CPU of a call's set-up and end, ms", None),
    ("call_kb", "memory of a call, kB", None),
    ("stoxd_packet_us", "CPU a packet, us: stoxd", None),
    ("rtpengine_packet_us", "  rtpengine", None),
    ("least_packet_us", "  least relay", None),
    ("stoxd_lost_percent", "packets lost, %: stoxd", None),
    ("rtpengine_lost_percent", "  rtpengine", None),
    ("least_lost_percent", "  least relay", None),
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


def inside(opt):
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
    table(res)
    path = os.path.join(BUILD, "bench.json")
    with open(path, "w") as f:
        json.dump(res, f, indent=1, sort_keys=True)
        f.write("\n")
    print("written to %s" % os.path.relpath(path))
    failed = any(not r["stoxd"] or r["stoxd"]["wrong"] for r in rounds)
    return 1 if failed or not res.get("stoxd_packet_us") else 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-n", "--calls", type=int, default=200)
    p.add_argument("-r", "--rounds", type=int, default=5)
    p.add_argument("-t", "--seconds", type=float, default=4)
    p.add_argument("-s", "--suite", choices=("cm80", "gcm"), default="cm80")
    opt = p.parse_args()
    if os.environ.get("BENCH_INSIDE"):
        return inside(opt)
    argv = runner.namespace_argv()
    if not argv:
        print("bench: no network namespace can be made here")
        return 1
    with tempfile.TemporaryDirectory() as dir:
        try:
            return subprocess.run(
                argv + ["sh", "-c", runner.NAMESPACE, "sh", dir,
                        sys.executable, os.path.abspath(__file__)]
                + sys.argv[1:], timeout=TOTAL,
                env=dict(os.environ, BENCH_INSIDE="1")).returncode
        except subprocess.TimeoutExpired:
            print("bench: took over %d s" % TOTAL)
            return 1


sys.exit(main())
