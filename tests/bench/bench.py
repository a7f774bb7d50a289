#!/usr/bin/python3
# bench.py [-n CALLS] [-r ROUNDS] [-t SECONDS] [--quick] [--rows
#          relay|calls|rest|chat|all]: what a relayed packet costs, beside
# rtpengine and the least that a relay can do, and how whole calls fare, both
# by stoxload (loadrows.py); what the gateway takes at rest (idlerows.py);
# messages, presence and accounts (chatrows.py).  Prints a table; writes
# bench.json and bench.svg into B.
#
# The machine may be busy with other things: those that are compared take
# turns, and what is judged are ratios within one round.
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.dont_write_bytecode = True
from peers import runner  # noqa: E402
from peers.daemon import BUILD  # noqa: E402
import chatrows  # noqa: E402
import idlerows  # noqa: E402
import loadrows  # noqa: E402
import plot  # noqa: E402

TOTAL = 900         # s, for each round of either kind
STARTS = 11         # of the gateway and of its libraries by themselves

WORDS = (
    ("relay_vs_rtpengine", "CPU a packet, to rtpengine's", 0.60),
    ("relay_vs_rtpengine_burst", "  in bursts of 20", 0.60),
    ("relay_vs_least", "CPU a packet, to the least relay's", 1.15),
    ("relay_vs_least_burst", "  in bursts of 20", 1.15),
    ("relay_gcm_vs_least", "  with AEAD_AES_128_GCM", 1.10),
    ("relay_gcm_vs_least_burst", "  the same in bursts of 20", 1.10),
    ("video_vs_rtpengine", "video, CPU a packet, to rtpengine's", 0.50),
    ("video_vs_rtpengine_mixed", "  in packets of 300 to 1200 bytes", 0.50),
    ("video_vs_least", "  to the least relay's", None),
    ("video_vs_least_mixed", "  to the least relay's, 300 to 1200", None),
    ("setup_cpu_ms", "CPU of a call's set-up and end, ms", None),
    ("setup_cpu_ms_paced", "  at 150 a second", None),
    ("call_kb", "memory of a call, kB", 60),
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
    ("syscalls_per_packet_burst", "  stoxd, in bursts of 20", None),
    ("syscalls_per_packet_least_burst", "  least relay, the same", None),
    ("syscalls_per_packet_busy", "  stoxd, busy, at random", 2.1),
    ("busy_core_percent", "    % of a core that stoxd has then", None),
    ("busy_calls", "    calls", None),
    ("allocs_per_packet", "heap allocations a packet: stoxd", 0),
    ("setup_vs_primitives", "CPU of a set-up and end, to its parts'", 1.5),
    ("setup_vs_primitives_paced", "  of those at 150 a second", None),
    ("primitives_us", "  those parts, us", None),
    ("timer_30000_vs_100", "moving one of 30000 timers, to of 100", 3),
    ("growth_1500_vs_100", "CPU of a call among 1500, to among 100", 1.10),
    ("idle_us_per_call", "CPU of a held call, us a second", 50),
    ("setups_per_core", "set-ups and ends a second of CPU", 300),
    ("setups_per_core_paced", "  at 150 a second", None),
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
    ("stoxd_delay_us_p50_burst", "  in bursts of 20, p50: stoxd", None),
    ("least_delay_us_p50_burst", "  least relay", None),
    ("stoxd_delay_us_p99_burst", "  p99: stoxd", None),
    ("least_delay_us_p99_burst", "  least relay", None),
    ("leftover_percent", "memory after 3 rounds, over after 1, %", 2),
    ("capacity_setups_per_second", "calls a second, 100 others up", None),
    ("shed_percent", "  at 1.5 times that: refused, %", None),
    ("shed_told_ms", "  told within, ms (p99)", 1000),
    ("shed_loss_points", "  loss of those up over alone, points", 0.1),
    ("shed_loss_after", "  and after it, %", None),
    ("rest_dirty_mb", "private dirty memory at rest, MB",
     idlerows.DIRTY_MB),
    ("rest_resident_vs_libraries", "resident at rest, to its libraries'",
     idlerows.RESIDENT),
    ("rest_resident_mb", "  MB", None),
    ("start_vs_libraries", "start to ready, to its libraries'",
     idlerows.START),
    ("start_ms", "  ms", None),
    ("messages_vs_ejabberd", "messages a core, to ejabberd's between two",
     chatrows.MESSAGES_VS_EJABBERD),
    ("message_out_us", "  CPU of one to SIP, us", None),
    ("message_in_us", "  of one from SIP", None),
    ("ejabberd_message_us", "  of one through ejabberd", None),
    ("messages_vs_echo_prosody", "messages through Prosody, to an echo's",
     chatrows.MESSAGES_VS_ECHO),
    ("echo_prosody_us", "  CPU of Prosody, with the echo, us", None),
    ("both_ways_prosody_us", "  with a phone", None),
    ("both_ways_stoxd_with_prosody_us", "  of stoxd, there and back", None),
    ("messages_vs_echo_ejabberd", "  through ejabberd",
     chatrows.MESSAGES_VS_ECHO),
    ("echo_ejabberd_us", "  CPU of ejabberd, with the echo, us", None),
    ("both_ways_ejabberd_us", "  with a phone", None),
    ("both_ways_stoxd_with_ejabberd_us", "  of stoxd, there and back", None),
    ("presence_vs_message", "subscription, to as many bare SIP messages",
     chatrows.PRESENCE_VS_MESSAGE),
    ("subscription_us", "  CPU of one, us", None),
    ("presence_kb", "  memory of one, kB", chatrows.PRESENCE_KB),
    ("start_accounts_vs_read", "start with accounts, to a read of them",
     chatrows.START_VS_READ),
    ("start_accounts_ms", "  CPU, ms", None),
    ("load_vs_stoxd", "stoxload's CPU a packet, to stoxd's", 0.7),
    ("load_vs_stoxd_burst", "  in bursts of 20", 0.7),
)

# Without it a run has measured nothing.
WANTED = {"relay": "relay_vs_least", "calls": "idle_us_per_call",
          "rest": "rest_dirty_mb", "chat": "message_out_us",
          "all": "relay_vs_least"}


def spread(values):
    return {"median": round(statistics.median(values), 3),
            "min": round(min(values), 3), "max": round(max(values), 3)}


def table(res):
    print("%-40s %8s %8s %8s %6s" % ("", "median", "min", "max", "aim"))
    for key, words, aim in WORDS:
        if key in res:
            v = res[key]
            print("%-40s %8.2f %8.2f %8.2f %6s" % (
                words, v["median"], v["min"], v["max"],
                "" if aim is None else aim))


def write(name, text):
    path = os.path.join(BUILD, name)
    with open(path, "w") as f:
        f.write(text)
    print("written to %s" % os.path.relpath(path))


def rounds(what, step, rows, opt):
    """step(number) opt.rounds times; says what went wrong in each."""
    print("%s, %d rounds" % (what, opt.rounds), flush=True)
    for n in range(1, opt.rounds + 1):
        began = time.monotonic()
        step(n)
        print("round %d: %.0f s%s" % (
            n, time.monotonic() - began, "".join(
                "\n  " + note for note in rows.notes)), flush=True)
        del rows.notes[:]


def inside(opt):
    with tempfile.TemporaryDirectory() as dir:
        rows = loadrows.Rows(dir, opt)
        if opt.rows in ("relay", "all"):
            rounds("%d calls, SRTP <-> RTP, 50 packets a second each way, %g "
                   "s; one worker on a core" % (opt.calls, opt.seconds),
                   rows.relays, rows, opt)
        if opt.rows in ("rest", "all"):
            rows.values.update(idlerows.rows(dir, 3 if opt.quick else STARTS))
        if opt.rows in ("chat", "all"):
            print("messages, presence, many accounts", flush=True)
            rows.values.update(chatrows.rows(dir, opt.quick))
        if opt.rows in ("calls", "all"):
            rounds("whole calls, one worker on a core", rows.whole, rows, opt)
    if rows.points:
        write("bench.svg", plot.svg(
            "What a call costs", "calls at one time, 5 packets a second each "
            "way", "CPU of a call, us a second", rows.points))
    res = {k: spread(v) for k, v in rows.values.items()}
    table(res)
    write("bench.json", json.dumps(res, indent=1, sort_keys=True) + "\n")
    return 0 if WANTED[opt.rows] in res else 1


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-n", "--calls", type=int, default=200)
    p.add_argument("-r", "--rounds", type=int, default=5)
    p.add_argument("-t", "--seconds", type=float, default=5)
    p.add_argument("-q", "--quick", action="store_true",
                   help="one round, few calls")
    p.add_argument("--rows", choices=("relay", "calls", "rest", "chat", "all"),
                   default="relay")
    opt = p.parse_args()
    if opt.quick:
        opt.rounds, opt.calls, opt.seconds = 1, min(opt.calls, 60), 2
    if os.environ.get("BENCH_INSIDE"):
        return inside(opt)
    argv = runner.namespace_argv()
    if not argv:
        print("bench: no network namespace can be made here")
        return 1
    limit = TOTAL * opt.rounds * (2 if opt.rows == "all" else 1)
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


if __name__ == "__main__":
    sys.exit(main())
