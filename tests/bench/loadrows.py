"""loadrows.py: the figures that stoxload measures: one round of each, as lists
of values by key; what is measured on core 0, stoxd with one worker, and
stoxload on core 1."""
import json
import os
import shutil
import subprocess
import sys

from peers.daemon import BUILD, config_text

MEDIA = "127.0.1.1"
NG = "127.0.0.1:2223"
RTPENGINE = ["rtpengine", "--config-file=none", "--foreground",
             "--log-stderr", "--log-level=3", "--table=-1",
             "--interface=" + MEDIA, "--listen-ng=" + NG,
             "--port-min=40000", "--port-max=49999"]
STREAMS = 40        # of video: a call has one each way
BUSY = 60           # percent of its core that a busy worker has to do, and
BUSY_AIM = 68       # what is aimed at; stoxload needs its own core, too
BUSY_TRIES = 3
TIMEOUT = 240       # s, one run
SETTLE = 42         # s; slack.c gives memory back 35 s after the last calls
SEARCH = 500        # s, one search for the capacity
# Many calls at once, from one machine, are what is wanted here.
LIMITS = {"half_open": 100000, "setup_burst": 10000,
          "setup_per_minute": 100000, "calls_per_jid": 10000,
          "sip_source_rate": 100000, "sip_source_burst": 100000}
FEW, MANY, MARK = 100, 1500, 200
BETWEEN = (300, 700)
TINY = {"few": 30, "many": 150, "mark": 50, "between": (80,), "held": 60,
        "half": 100, "rounds": 40, "seconds": 2, "spoken": 20, "trial": 3}
FULL = {"few": FEW, "many": MANY, "mark": MARK, "between": BETWEEN,
        "held": 300, "half": 400, "rounds": 100, "seconds": 6, "spoken": 100,
        "trial": 20}


def tool(name):
    return os.path.join(BUILD, "bench", name)


def pinned(core, argv):
    """argv on one core, where there are two."""
    if len(os.sched_getaffinity(0)) < 2 or not shutil.which("taskset"):
        return argv
    return ["taskset", "-c", str(core)] + argv


class Rows:
    def __init__(self, dir, opt):
        self.dir, self.opt = dir, opt
        self.size = TINY if opt.quick else FULL
        self.values, self.points, self.notes = {}, {}, []
        self.busy_calls = 0     # that a worker needs to be busy, once known
        self.conf = os.path.join(dir, "stoxload.conf")
        with open(self.conf, "w") as f:
            f.write(config_text({
                "media": {"address": MEDIA, "workers": 1,
                          "ports": "10000-29999"},
                "limits": LIMITS, "log": {"level": "info"}}))

    def stoxd(self):
        return [os.path.join(BUILD, "stoxd"), "-c", self.conf]

    def run(self, what, args, command, timeout=TIMEOUT, env=None):
        """Results of one run that all went well in, or None."""
        log = os.path.join(self.dir, "stoxload.log")
        argv = pinned(1, [tool("stoxload"), "--json", "--address", MEDIA]
                      + args + ["--"] + pinned(0, command))
        with open(log, "w") as f:
            try:
                p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=f,
                                   timeout=timeout, text=True,
                                   env=dict(os.environ, **(env or {})))
            except subprocess.TimeoutExpired:
                self.notes.append("%s: took over %d s" % (what, timeout))
                return None
        try:
            r = json.loads(p.stdout)
        except ValueError:
            r = None
        if r and not r["valid"]:
            self.notes.append("%s: stoxload had no time%s" % (
                what, "" if "own" not in r else ": %.0f %% of its core, "
                "%d packets late" % (r["own"]["core_percent"],
                                     r["own"]["late"])))
            return None
        if p.returncode or not r:
            self.notes.append("%s: %s" % (what, "no result" if not r else
                              "%(answered)d of %(attempted)d calls answered,"
                              " %(ended)d ended, %(reasons)s" % r["calls"]))
            return None
        return r

    def add(self, key, value):
        self.values.setdefault(key, []).append(value)

    # ---- relays in turn -------------------------------------------------
    def turn(self, what, args, others, counted=False):
        """The same load on stoxd and on others, one after the other; those
        that lost packets did less, and are left out."""
        commands = {"stoxd": ([], self.stoxd()),
                    "least": (["--ng", NG], [tool("least")]),
                    "rtpengine": (["--ng", NG], RTPENGINE)}
        got = {}
        for name in ("stoxd",) + others:
            more, command = commands[name]
            if not shutil.which(command[0]):
                self.notes.append("%s is not installed" % command[0])
                continue
            env = {}
            if counted:
                env["COUNTS"] = os.path.join(self.dir, name + ".counts")
                command = ["env", "LD_PRELOAD=" + os.path.abspath(
                    tool("count.so"))] + command
            r = self.run("%s, %s" % (what, name), [
                "--rate", "150", "--at-once", "10", "--duration",
                str(self.opt.seconds)] + args + more, command, env=env)
            if r and r["packets"]["lost_percent"] < 1:
                got[name] = r
            elif r:
                self.notes.append("%s, %s: %.1f %% of its packets lost" % (
                    what, name, r["packets"]["lost_percent"]))
        return got

    def ratio(self, key, got, other):
        if "stoxd" in got and other in got:
            self.add(key, got["stoxd"]["process"]["packet_us"]
                     / got[other]["process"]["packet_us"])

    def counts(self, got, end):
        for name, r in got.items():
            p, n = r["process"], r["packets"]["received"]
            if name == "stoxd" and not end:
                self.add("allocs_per_packet", max(
                    0, p["allocations"] - p["silent_allocations"]) / n)
            self.add("syscalls_per_packet%s%s" % (
                "" if name == "stoxd" else "_" + name, end),
                p["syscalls"] / n)

    def relays(self, number):
        """CPU of a packet, at both cadences."""
        n = str(self.opt.calls)
        for cadence, end in (("random", ""), ("burst", "_burst")):
            load = ["--calls", n, "--cadence", cadence]
            got = self.turn(cadence, load, ("least", "rtpengine"))
            self.ratio("relay_vs_least" + end, got, "least")
            self.ratio("relay_vs_rtpengine" + end, got, "rtpengine")
            if not end:
                self.plain(got)
            got = self.turn(cadence + ", GCM", load + ["--srtp", "gcm"],
                            ("least",))
            self.ratio("relay_gcm_vs_least" + end, got, "least")
            if not end:
                for name, r in got.items():
                    self.add(name + "_gcm_packet_us",
                             r["process"]["packet_us"])
            self.counts(self.turn(cadence + ", counted", load, ("least",),
                                  True), end)
        self.busy()
        for media, end in (("video", ""), ("mixed", "_mixed")):
            got = self.turn(media, ["--calls", str(STREAMS // 2), "--media",
                                    media], ("least", "rtpengine"))
            self.ratio("video_vs_rtpengine" + end, got, "rtpengine")
            self.ratio("video_vs_least" + end, got, "least")

    def busy(self):
        """System calls a packet where the worker has most of its core to do:
        as many calls as that takes, at the random cadence."""
        n = self.busy_calls or 3 * self.opt.calls
        for _ in range(BUSY_TRIES):
            got = self.turn("busy, counted", ["--calls", str(n)], (), True)
            if "stoxd" not in got:
                return
            core = got["stoxd"]["process"]["core_percent"]
            if core >= BUSY or self.opt.quick:
                break
            # a packet costs less the more there are
            n = int(n * min(2, 1.1 * BUSY_AIM / core))
        else:
            self.notes.append("busy: %.0f %% of a core only" % core)
            return
        self.busy_calls = n
        self.add("busy_calls", n)
        self.add("busy_core_percent", core)
        self.counts(got, "_busy")

    def plain(self, got):
        for name, r in got.items():
            self.add(name + "_packet_us", r["process"]["packet_us"])
            self.add(name + "_lost_percent", r["packets"]["lost_percent"])

    # ---- whole calls ----------------------------------------------------
    def growth(self, first):
        """CPU of a call with 5 packets a second each way."""
        s, cost = self.size, {}
        for n in (s["few"], s["many"]) + (s["between"] if first else ()):
            r = self.run("%d calls" % n, [
                "--calls", str(n), "--rate", "150", "--at-once", "10",
                "--pps", "5", "--mark", str(s["mark"]),
                "--duration", str(s["seconds"])], self.stoxd())
            if not r:
                continue
            p = r["process"]
            cost[n] = p["call_us_per_s"]
            self.points.setdefault(n, []).append(cost[n])
            if n == s["many"] and p["rss_mark_kb"]:
                self.add("call_kb", (p["rss_all_kb"] - p["rss_mark_kb"])
                         / (n - p["marked"]))
        if len({s["few"], s["many"]} & set(cost)) == 2:
            self.add("growth_1500_vs_100", cost[s["many"]] / cost[s["few"]])

    def held(self):
        """An established call on hold."""
        r = self.run("calls on hold", [
            "--calls", str(self.size["held"]), "--rate", "150", "--at-once",
            "10", "--on-hold", "--media", "none", "--duration",
            str(self.size["seconds"])], self.stoxd())
        if r:
            self.add("idle_us_per_call", r["process"]["call_us_per_s"])

    def setup(self, end, rate, at_once):
        """How a call gets up and ends: no packet of it is in the figure, and
        no hold."""
        r = self.run("set-ups" + end, [
            "--calls", str(self.size["held"]), "--rate", rate, "--at-once",
            at_once, "--media", "none", "--duration", "1"], self.stoxd())
        if not r:
            return None
        p = r["process"]
        cpu = p["setup_cpu_ms"] + p["end_cpu_ms"]
        self.add("setup_cpu_ms" + end, cpu)
        self.add("setups_per_core" + end, 1000 / cpu)

        return cpu

    def setups(self):
        """What a set-up and end cost, to the sum of what they cannot do
        without; half of the calls have each role in DTLS.  One after the
        other without a pause, as the primitives are timed, and at a pace,
        between whose calls the core sleeps or does others' work."""
        cpu = {end: self.setup(end, *pace) for end, pace in (
            ("", ("2000", "40")), ("_paced", ("150", "10")))}
        p = subprocess.run(pinned(0, [tool("primitives")]),
                           stdout=subprocess.PIPE, timeout=TIMEOUT, text=True)
        try:
            r = json.loads(p.stdout)
        except ValueError:
            self.notes.append("primitives: no result")
            return
        parts = (r["sum_client_us"] + r["sum_server_us"]) / 2
        self.add("primitives_us", parts)
        self.add("timer_30000_vs_100", r["timer_30000_vs_100"])
        for end, ms in cpu.items():
            if ms:
                self.add("setup_vs_primitives" + end, 1000 * ms / parts)

    def signalling(self):
        """20 calls a second, and as many messages to an echo: the later of
        propose to INVITE and 200 to proceed, p99."""
        pace = ["--calls", "60", "--rate", "20", "--media", "none",
                "--duration", str(self.size["seconds"])]
        ours = self.run("signalling", pace + ["--hold", "0.5"], self.stoxd())
        echo = self.run("echo", pace + ["--probe", "--hold", "0.5"],
                        [tool("stoxload"), "--echo"])
        if ours and echo:
            for part in ("p50", "p99"):
                a, b = [max(r["calls"][k][part]
                            for k in ("invite_ms", "proceed_ms"))
                        for r in (ours, echo)]
                if b:
                    self.add("signal_delay_vs_echo" + (
                        "" if part == "p99" else "_p50"), a / b)

    def delay(self, cadence):
        """One way, a packet, with half of what one core carries."""
        load = ["--calls", str(self.size["half"]), "--rate", "150",
                "--at-once", "10", "--cadence", cadence, "--duration",
                str(self.size["seconds"])]
        ours = self.run("delay, " + cadence, load, self.stoxd())
        least = self.run("delay, least relay, " + cadence,
                         load + ["--ng", NG], [tool("least")])
        name = "" if cadence == "random" else "_burst"
        for r, who in ((ours, "stoxd"), (least, "least")):
            if r:
                for part in ("p50", "p99"):
                    self.add("%s_delay_us_%s%s" % (who, part, name),
                             r["packets"]["delay_us"][part])
        if ours and least:
            a, b = ours["packets"]["delay_us"], least["packets"]["delay_us"]
            self.add("packet_delay_vs_least" + name, a["p50"] / b["p50"])
            self.add("packet_delay_vs_least%s_p99" % name,
                     a["p99"] / b["p99"])
        if ours:
            self.add("load_vs_stoxd" + name, ours["own"]["of_process"])

    def leftover(self):
        """Memory after three rounds of calls, beside that after the first,
        which has made what a process makes once; each looked at when the
        last transactions are over and freed memory was given back."""
        r = self.run("three rounds", [
            "--calls", str(self.size["rounds"]), "--rate", "150", "--at-once",
            "10", "--rounds", "3", "--duration", "1", "--settle",
            str(SETTLE)], self.stoxd())
        if r and r["process"]["rss_first_kb"]:
            p = r["process"]
            self.add("leftover_percent", 100 * (
                p["rss_end_kb"] / p["rss_first_kb"] - 1))

    def capacity(self):
        """Set-ups a second with calls up, and what becomes of both beyond
        it."""
        r = self.run("capacity", [
            "--calls", str(self.size["spoken"]), "--rate", "40",
            "--duration", str(self.size["trial"]), "--capacity"],
            self.stoxd(), SEARCH)
        if not r or not r["rate"]:
            return
        self.add("capacity_setups_per_second", r["rate"])
        self.add("shed_percent", 100 * r["overload"]["failed"]
                 / r["overload"]["attempted"])
        if r["told_ms"]["n"]:
            self.add("shed_told_ms", r["told_ms"]["p99"])
        alone = r["alone"]["lost_percent"]
        self.add("shed_loss_points", r["overload"]["lost_percent"] - alone)
        self.add("shed_loss_after", r["after"]["lost_percent"])

    def whole(self, number):
        if number == 1:
            self.capacity()
        self.growth(number == 1)
        self.held()
        self.setups()
        self.signalling()
        self.delay("random")
        self.delay("burst")
        if number == 1:     # it waits two minutes
            self.leftover()


if __name__ == "__main__":
    sys.exit("loadrows.py is a part of bench.py")
