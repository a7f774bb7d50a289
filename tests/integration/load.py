"""stoxload, the load of whole calls, against the daemon: each call answered,
each packet there and unchanged, both ways."""
import asyncio
import json
import os
import pty
import re
import signal
import socket
import subprocess
import time

from peers import reloading
from peers.daemon import BUILD
from peers.runner import case

TOOL = os.path.join(BUILD, "bench", "stoxload")
STOXD = os.path.join(BUILD, "stoxd")
MEDIA = "127.0.1.1"


async def run(*argv):
    """Exit status and output."""
    p = await asyncio.create_subprocess_exec(
        *argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await p.communicate()
    return p.returncode, out.decode(), err.decode()


async def load(t, *args, change=""):
    """stoxload on a stoxd with the configuration that it prints."""
    args = ["--address", MEDIA] + list(args)
    status, text, err = await run(TOOL, "--print-config", *args)
    assert status == 0, err
    conf = t.path("stoxload.conf")
    with open(conf, "w") as f:
        f.write(text + change)
    status, out, err = await run(TOOL, "--json", *args, "--", STOXD, "-c",
                                 conf)
    return status, json.loads(out), err


def whole(r, calls):
    c, p = r["calls"], r["packets"]
    assert c["attempted"] == c["answered"] == c["ended"] == calls, c
    assert c["failed"] == 0 and not c["reasons"], c
    assert p["sent"] == p["received"] and not p["wrong"], p
    assert not p["disordered"] and not p["unknown"], p


@case
async def load_of_calls_both_ways(t):
    """Two of the four begin in XMPP, two in SIP; nothing is lost."""
    status, r, err = await load(t, "--calls", "4", "--duration", "3")
    whole(r, 4)
    assert status == 0, err
    # 4 calls, 2 ways, 50 packets a second, 3 s
    assert 1150 <= r["packets"]["sent"] <= 1250, r["packets"]
    assert r["calls"]["setup_ms"]["n"] == 4, r["calls"]
    assert r["packets"]["delay_us"]["n"] == r["packets"]["received"]
    assert r["process"]["cpu_s"] > 0 and r["process"]["rss_all_kb"] > 1000


@case
async def load_with_other_media(t):
    """Opus, AES-GCM for the clients, SDES for the telephones; frames."""
    _, r, _ = await load(t, "--calls", "2", "--duration", "1", "--media",
                         "opus", "--srtp", "gcm", "--sdes", "cm80")
    whole(r, 2)
    _, r, _ = await load(t, "--calls", "2", "--duration", "1", "--media",
                         "video", "--sdes", "gcm", "--cadence", "burst")
    whole(r, 2)
    assert r["packets"]["sent"] > 2 * 2 * 25 * 3, r["packets"]


@case
async def load_of_calls_that_end(t):
    """Another begins where one has ended; held ones say nothing."""
    status, r, _ = await load(t, "--calls", "4", "--duration", "3", "--hold",
                              "0.5")
    whole(r, r["calls"]["attempted"])
    assert status == 0 and r["calls"]["attempted"] > 8, r["calls"]
    _, r, _ = await load(t, "--calls", "2", "--duration", "1", "--on-hold",
                         "--media", "none")
    whole(r, 2)
    assert r["packets"]["sent"] == 0, r["packets"]


@case
async def load_counts_what_fails(t):
    """Two calls are allowed: the others are refused, by their reasons."""
    status, r, _ = await load(t, "--calls", "4", "--duration", "1",
                              change="calls = 2\n")
    c = r["calls"]
    assert status == 1 and c["attempted"] == 4, r
    assert c["answered"] == c["ended"] == 2 and c["failed"] == 2, c
    assert sum(c["reasons"].values()) == 2, c
    assert all("reject" in k or "SIP 5" in k for k in c["reasons"]), c


@case
async def load_past_the_limit(t):
    """Of eight calls four are allowed: each other one is refused in words,
    by SIP and by Jingle, and those that are up lose nothing."""
    _, r, _ = await load(t, "--calls", "8", "--rate", "4", "--duration", "2",
                         change="calls = 4\n")
    c, p = r["calls"], r["packets"]
    assert c["attempted"] == 8 and c["answered"] == c["ended"] == 4, c
    assert c["reasons"] == {"SIP 503 Service Unavailable": 2,
                            "reject: resource-constraint": 2}, c
    assert p["sent"] == p["received"] > 4 * 2 * 50, p
    assert not p["wrong"] and not p["unknown"], p


@case
async def load_of_an_echo(t):
    status, out, err = await run(
        TOOL, "--json", "--probe", "--calls", "4", "--hold", "0.1",
        "--duration", "1", "--", TOOL, "--echo")
    c = json.loads(out)["calls"]
    assert status == 0 and not c["failed"], (c, err)
    assert c["invite_ms"]["n"] == c["proceed_ms"]["n"] == c["answered"] > 10


@case
async def load_says_what_it_does_not_take(t):
    for args in (["--calls", "0"], ["--calls", "many"], ["--media", "tone"],
                 ["--sip", "nowhere"], ["--srtp", ""], ["--no-such"]):
        status, out, err = await run(TOOL, *args)
        assert status == 2 and not out and err, (args, status, out)
    status, out, _ = await run(TOOL, "--help")
    assert status == 0 and "--direction" in out, out
    _, text, _ = await run(TOOL, "--print-config", "--sdes", "gcm")
    conf = t.path("load.conf")
    with open(conf, "w") as f:
        f.write(text)
    status, out, err = await run(STOXD, "--check", "-c", conf)
    assert status == 0, out + err


@case
async def load_while_reloaded(t):
    """The configuration changes twenty times while calls come and go: none is
    lost, nor is a packet."""
    r, log = await reloading.run(
        t.dir, 20, 0.15, ["--calls", "6", "--hold", "1", "--duration", "5"])
    whole(r, r["calls"]["attempted"])
    assert r["calls"]["attempted"] > 12, r["calls"]
    assert log.count("is in force") == 18, log
    assert log.count("stays as it was") == 2, log


@case
async def load_says_what_would_be_taken(t):
    """A wrong value is told with those that are right, not with all that
    there is."""
    for args, words in (
            (["--calls", "0"], "--calls takes a whole number from 1 to 20000,"
             ' not "0"'),
            (["--calls", "2.5"], 'whole number'),
            (["--rate", "fast"], "--rate takes a number from 0.01 to 10000"),
            (["--media", "tone"], "pcmu or opus or video or mixed or none"),
            (["--srtp", "cm32"], "--srtp takes none or gcm or cm80"),
            (["--address", "here"], "an IPv4 address"),
            (["--sip", "127.0.0.1"], "an IPv4 address, a colon and a port"),
            (["--attach", "prosody"], "--attach takes an IPv4 address"),
            (["--no-such"], "--help"),
            (["--pid", "4194304"], "no such process"),
            (["--pid", "1", "--", "true"], "--pid is not for"),
            (["--capacity", "--calls", "17000"], "16000 --calls"),
            (["--ng", "127.0.0.1:2223", "--on-hold"], "--ng")):
        status, out, err = await run(TOOL, *args)
        assert status == 2 and not out and words in err, (args, status, err)
        assert len(err.splitlines()) <= 2, err


@case
async def load_says_what_it_cannot_have(t):
    """The option whose address is taken or wrong, at once."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 5347))
    phone = socket.socket(type=socket.SOCK_DGRAM)
    phone.bind(("127.0.0.1", 5999))
    t.later(taken.close)
    t.later(phone.close)
    for args, words in (
            ([], "--listen 127.0.0.1:5347: Address already in use"),
            (["--sip", "127.0.0.1:5999"], "--sip 127.0.0.1:5999: Address al"),
            (["--address", "198.51.100.9"], "--address 198.51.100.9:0: Cannot"
             " assign"),
            (["--attach", "127.0.0.1:5998"], "--attach 127.0.0.1:5998: Conn"),
            (["--echo", "--listen", "127.0.0.1:5998"], "--attach 127.0.0.1:5"
             "998: Connection refused")):
        began = time.monotonic()
        status, out, err = await run(TOOL, *args)
        assert status == 1 and not out and words in err, (args, status, err)
        assert time.monotonic() - began < 5, args


@case
async def load_of_a_process_that_ends(t):
    """One that cannot be started, or dies with calls up: at once, and no
    figure of it."""
    for command, words in (("nonesuch", "status 127"),
                           ("false", "false ended with status 1")):
        began = time.monotonic()
        status, out, err = await run(TOOL, "--", command)
        assert status == 1 and not out and words in err, (status, err)
        assert time.monotonic() - began < 5
    _, text, _ = await run(TOOL, "--print-config", "--address", MEDIA)
    conf = t.path("stoxload.conf")
    with open(conf, "w") as f:
        f.write(text)
    p = await asyncio.create_subprocess_exec(
        TOOL, "--calls", "2", "--address", MEDIA, "--duration", "30", "--",
        "sh", "-c", "%s -c %s & sleep 2; kill -9 $!; kill -9 $$" % (
            STOXD, conf), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await asyncio.wait_for(p.communicate(), 15)
    assert p.returncode == 1 and not out, out
    assert b"sh was ended by signal 9" in err, err


@case(waits=10)
async def load_without_a_gateway(t):
    """Nobody comes, in ten seconds: what to do is said."""
    status, out, err = await run(TOOL, "--json")
    assert status == 1 and not out and "--print-config" in err, err


async def on_a_terminal(t, *args):
    """stoxload whose standard error is a terminal: (process, its screen)."""
    _, text, _ = await run(TOOL, "--print-config", "--address", MEDIA)
    conf = t.path("stoxload.conf")
    with open(conf, "w") as f:
        f.write(text)
    screen, tty = pty.openpty()
    p = await asyncio.create_subprocess_exec(
        TOOL, "--address", MEDIA, *args, "--", STOXD, "-c", conf,
        stdout=subprocess.PIPE, stderr=tty)
    os.close(tty)
    return p, screen


async def seen_until(screen, word):
    """What is on the screen until that word, or until its program ends."""
    seen = b""
    while word not in seen:
        try:
            seen += await asyncio.to_thread(os.read, screen, 65536)
        except OSError:     # the other end is closed, and all is read
            break
    return seen


@case
async def load_on_a_terminal(t):
    """A line that tells how far it is, and is gone in the end; results go to
    standard output, which is no terminal here."""
    p, screen = await on_a_terminal(t, "--calls", "2", "--duration", "2")
    seen = await seen_until(screen, b"never")
    out, _ = await p.communicate()
    assert p.returncode == 0 and b"2 attempted, 2 answered" in out, out
    assert b"s of CPU" in out and b"of the process's" in out, out
    line = re.findall(rb"\r(\w+) +2 begun, 2 up, 0 failed, (\d+) packets"
                      rb"\x1b\[K", seen)
    assert b"measuring" in [w for w, _ in line], seen
    assert int(line[-1][1]) > 100, line
    assert b"packets" not in seen[seen.rindex(b"\r\x1b[K"):], seen


@case
async def load_that_had_no_time(t):
    """A load that was stopped for half a second measured itself."""
    p, screen = await on_a_terminal(t, "--json", "--calls", "4", "--duration",
                                    "4")
    await seen_until(screen, b"measuring")
    p.send_signal(signal.SIGSTOP)
    await asyncio.sleep(0.6)
    p.send_signal(signal.SIGCONT)
    await seen_until(screen, b"never")
    out, _ = await p.communicate()
    r = json.loads(out)
    assert r["valid"] is False and r["own"]["late"] > 20, r["own"]
