"""What is finite: ports, descriptors, half-open calls, connections, memory
(docs/hardening.md)."""
import asyncio
import json
import os
import re
import resource
import signal
import socket
import subprocess
import time

from peers import attack
from peers.attack import cpu, descriptors, resident, sanitized
from peers.daemon import ROOT
from peers.jingleuser import J, User, find
from peers.lab import GW, Lab
from peers.proc import until
from peers.runner import case
from peers.xmppserver import condition, local

OURS = ("127.0.0.1", 5070)
ALICE = "sip:alice@127.0.0.1:5070"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"


async def fill(lab, most):
    """Calls by SIP until one is refused: (the calls, the refusal)."""
    up = []
    for _ in range(most):
        u = lab.new_user()
        c = await lab.ua.call("sip:%s@127.0.0.1:5070" % u.bare.partition(
            "@")[0], lab.sdp())
        while True:
            try:
                p = await u.get_jmi("propose", 0.1)
                u.jmi("ringing", p.sender, p.id)
            except TimeoutError:
                pass
            m = c._find(lambda m: m.code and m.code >= 180, None)
            if m:
                break
        if m.code != 180:
            return up, m
        up.append((c, u, p))
    return up, None


async def refused_on_xmpp(lab):
    """A user who calls now is told that there is no room."""
    u = lab.new_user()
    u.initiate(GW + "/sip", "full")
    e = await lab.server.wait(
        lambda e: e.get("to") == u.jid and local(e) == "iq" and (
            e.get("type") == "error" or find(e, "jingle", J) is not None))
    if e.get("type") == "error":
        assert condition(e)[0] == "resource-constraint", condition(e)
    else:
        lab.server.unread.insert(0, e)
        a = await u.get_jingle("session-terminate", sid="full")
        assert a.reason in ("general-error", "busy"), a.reason
    u = lab.new_user()
    u.propose(GW)
    e = await lab.server.wait(lambda e: e.get("to") in (u.jid, u.bare) and (
        e.get("type") == "error" or find(e, "reject") is not None))
    if e.get("type") == "error":
        assert condition(e)[0] == "resource-constraint", condition(e)
    assert lab.ua.incoming.empty()


async def exhausted(lab, what, most, least=1):
    """New calls are refused in words, those that are up go on, and room that
    was given back is used again."""
    first = await lab.s2x()
    up, m = await fill(lab, most)
    assert m is not None and m.code == 503 and m.get("Retry-After"), (
        len(up), m)
    assert len(up) >= least, len(up)
    # what is full is said so; of ports single ones may be left, which are no
    # pair
    s = json.loads(lab.stoxd.ctl("--json", "status"))["load"]
    assert s[what + "_max"] // 2 < s[what] <= s[what + "_max"], s
    await refused_on_xmpp(lab)
    first.sip.invite(lab.sdp(version=2))
    r = await first.sip.wait(200, method="INVITE")
    first.sip.ack()
    assert r.code == 200
    for c, u, p in up:
        c.cancel()
    for c, u, p in up:
        await c.wait(487, 10)
    lab.alice = lab.new_user()
    f = await lab.s2x()
    await lab.hang_up(f)
    await first.sip.hang_up()
    return len(up)


@case
async def ports_exhausted(t):
    lab = await Lab(t).start({"media": {"ports": "12000-12031"}})
    print("%d calls in 32 ports" % await exhausted(lab, "ports", 40))


@case
async def descriptors_exhausted(t):
    """RLIMIT_NOFILE 400: 256 are kept for what is no call."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
    lab = await Lab(t).start()
    n = await exhausted(lab, "descriptors", 70, 10)
    print("%d calls in 400 descriptors" % n)
    assert lab.stoxd.ctl("status")


async def turned_away(port):
    """A connection is ended at once, by whoever listens there."""
    r, w = await (asyncio.open_connection("127.0.0.1", port)
                  if isinstance(port, int)
                  else asyncio.open_unix_connection(port))
    try:
        assert await asyncio.wait_for(r.read(1), 2) == b"", port
    except ConnectionError:
        pass
    w.close()


@case
async def no_descriptor_for_a_connection(t):
    """When the last one is gone, who connects by SIP, HTTP or the control
    socket is sent away, nobody waits in a busy loop, and it passes."""
    t.need("prlimit")
    lab = await Lab(t).start({"limits": {"tcp_per_source": 1000},
                              "admin": {"http": "127.0.0.1:5080"}},
                             env={"STOXD_UNDER": "prlimit --nofile=400:400"})
    f = await lab.x2s()
    held, ended = [], "a connection is turned away: Too many open files"
    while len(held) < 400 and ended not in lab.stoxd.text():
        held.append(await asyncio.open_connection("127.0.0.1", 5070))
        await asyncio.sleep(0.002)
    before = cpu(lab.stoxd)
    for port in (5070, 5080, lab.stoxd.dir + "/stoxd.sock"):
        await turned_away(port)
    await asyncio.sleep(2)
    assert cpu(lab.stoxd) - before < 0.5, cpu(lab.stoxd) - before
    await lab.hang_up(f)
    for _, w in held:
        w.close()
    await asyncio.sleep(0.3)
    assert lab.stoxd.ctl("status")
    await lab.hang_up(await lab.x2s())


async def status(lab, shedding):
    """What status says of the load, as soon as it is so."""
    def load():
        r = json.loads(lab.stoxd.ctl("--json", "status"))["load"]
        return r["shedding"] == shedding and r
    return await until(load, 20, "shedding: %s" % shedding)


@case
async def overload_refuses_new_calls(t):
    """Signalling that was held up for 3 s has no time for a new call: it is
    refused in words at once, both ways, and what is up goes on."""
    lab = await Lab(t).start({"limits": {"signalling_lag": "20"},
                              "emergency": {"112": "pbx"}})
    await status(lab, False)
    first = await lab.s2x()
    pid = lab.stoxd.p.pid
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(3)
    os.kill(pid, signal.SIGCONT)
    s = await status(lab, True)
    assert s["signalling_lag_us"] >= 10000, s
    u = lab.new_user()
    u.propose(GW)
    c = await lab.ua.call(ALICE, lab.sdp())
    e = await lab.server.wait(lambda e: e.get("to") == u.jid and
                              find(e, "reject") is not None)
    assert any(x.tag == "{%s}resource-constraint" % STANZAS
               for x in e.iter()), e
    m = await c.wait(503)
    assert m.get("Retry-After") and "busy" in m.get("Warning"), m.headers
    first.sip.invite(lab.sdp(version=2))
    await first.sip.wait(200, method="INVITE")
    first.sip.ack()
    # For help there is always time.
    lab.alice = lab.new_user()
    f = await lab.x2s("ringing", to="112@sip.xmpp.test")
    f.sip.reply(486)
    s = await status(lab, False)
    assert s["refused"] == 2, s
    text = lab.stoxd.text()
    assert text.count("load: new calls are refused") == 1
    assert text.count("load: new calls are taken again, ") == 1
    lab.alice = lab.new_user()
    await lab.hang_up(await lab.s2x())
    await first.sip.hang_up()


@case
async def half_open_calls_end(t):
    """256 that ring at once, the next is told when to come again."""
    lab = await Lab(t).start({"limits": {"half_open": "20"}})
    up, m = await fill(lab, 22)
    assert len(up) == 20 and m.code == 503, (len(up), m)
    assert m.get("Retry-After"), m.headers
    for c, u, p in up:
        u.jmi("reject", p.sender, p.id, "busy")
    for c, u, p in up:
        await c.wait(486)
    lab.alice = lab.new_user()
    await lab.hang_up(await lab.s2x())


@case
async def half_open_jingle_sessions(t):
    """Those that have proceeded are begun, for the gateway; for Jingle they
    are half open until they are accepted: a further one gets the same words,
    not a server's error."""
    lab = await Lab(t).start({"limits": {"half_open": "3"}})
    begun = [await lab.x2s("proceed", user=lab.new_user()) for _ in range(3)]
    c = await lab.ua.call(ALICE, lab.sdp())
    m = await c.wait(503)
    assert m.get("Retry-After"), m.headers
    assert "being set up" in m.get("Reason"), m.headers
    for f in begun:
        f.user.initiate(f.gw, f.sid)
        await f.user.get_jingle("session-accept", sid=f.sid)
    lab.alice = lab.new_user()
    await lab.hang_up(await lab.s2x())


async def knock(ip, n):
    """n connections from ip; those that are still open after a while."""
    loop, socks = asyncio.get_running_loop(), []
    for _ in range(n):
        s = socket.socket()
        s.setblocking(False)
        s.bind((ip, 0))
        socks.append(s)
        try:
            await asyncio.wait_for(loop.sock_connect(s, OURS), 1)
        except (OSError, asyncio.TimeoutError):
            pass
    await asyncio.sleep(0.3)
    open_ = 0
    for s in socks:
        try:
            s.recv(1)       # b"": they hung up
        except BlockingIOError:
            open_ += 1
        except OSError:
            pass
    return socks, open_


@case
async def silent_connections_of_strangers(t):
    """They hold no descriptor, and a trunk's source holds 16."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))
    lab = await Lab(t).start()
    before = descriptors(lab.stoxd)
    mine, n = await knock("127.9.0.1", 60)
    assert n == 0, "%d of a stranger" % n
    assert descriptors(lab.stoxd) - before < 4
    for s in mine:
        s.close()
    mine, n = await knock("127.0.0.1", 24)
    assert n == 16, "%d of the trunk" % n
    at = cpu(lab.stoxd)
    await asyncio.sleep(1)
    assert cpu(lab.stoxd) - at < 0.3, "busy with idle connections"
    lab.alice = lab.new_user()
    await lab.hang_up(await lab.s2x())
    for s in mine:
        s.close()
    await asyncio.sleep(0.3)
    mine, n = await knock("127.0.0.1", 6)
    assert n == 6, "places are not given back: %d" % n
    for s in mine:
        s.close()


# ---- which test is for which key -------------------------------------------
@case
async def each_key_has_its_test(t):
    """The last table of docs/hardening.md: all of [limits], and tests that
    are there."""
    with open(os.path.join(ROOT, "conf", "stoxd.conf")) as f:
        limits = f.read().partition("\n[limits]\n")[2].partition("\n[")[0]
    keys = re.findall(r"(?m)^#([a-z_]+) =", limits)
    with open(os.path.join(ROOT, "docs", "hardening.md")) as f:
        table = f.read().partition("## Each key of [limits]\n")[2]
    rows = [line.split("|")[1:3] for line in table.splitlines()
            if line.startswith("| `")]
    named = [k for row in rows for k in re.findall(r"`([a-z_]+)`", row[0])]
    assert sorted(named) == sorted(keys), set(named) ^ set(keys)
    for row in rows:
        tests = re.findall(r"([a-z_/]+\.(?:py|c)):([a-z0-9_]+)", row[1])
        assert tests, row
        for file, name in tests:
            path = file if "/" in file else "tests/integration/" + file
            with open(os.path.join(ROOT, path)) as f:
                assert re.search(r"(?m)^(async def|START_TEST).%s\b" % name,
                                 f.read()), (file, name)


# ---- stanzas --------------------------------------------------------------
def stanza(bytes=0, depth=2, attrs=3, children=1):
    """A message with so much of each; the message itself counts."""
    inner = "".join("<d>" for _ in range(depth - 1)) \
        + "".join("</d>" for _ in range(depth - 1))
    # by short ones alone the memory of a stanza would end before
    inner += "<c>as long as texts are</c>" * (children - depth + 1)
    more = "".join(" a%d='1'" % i for i in range(attrs - 3))
    text = "<message from='alice@xmpp.test/x' to='%s' id='n'%s>%s</message>" \
        % (GW, more, inner)
    return text.replace("</message>",
                        "x" * (bytes - len(text)) + "</message>")


@case(timeout=90)
async def stanzas_as_large_as_configured(t):
    """stanza_bytes, _depth, _attrs and _children are what the file says: up
    to them a stanza is read, over them the stream is ended."""
    lab = await Lab(t).start({"limits": {
        "stanza_bytes": 10000, "stanza_depth": 8, "stanza_attrs": 16,
        "stanza_children": 64, "reconnect_max": 1}})
    for name, least, most, why in (
            ("bytes", 9000, 12000, "too long"), ("depth", 6, 11, "too deep"),
            ("attrs", 14, 19, "too many attributes"),
            ("children", 58, 70, "too many elements")):
        n = lab.server.handshakes
        lab.server.send(stanza(**{name: least}))
        await lab.server.iq(lab.alice.jid, GW + "/sip",
                            "<ping xmlns='urn:xmpp:ping'/>")
        assert lab.server.handshakes == n, "%s: ended at %d" % (name, least)
        lab.server.send(stanza(**{name: most}))
        await until(lambda: lab.server.handshakes > n, 20,
                    "end of the stream at %s %d" % (name, most))
        assert why in lab.stoxd.text(), (name, why)
        await asyncio.wait_for(lab.server.up.wait(), 20)


# ---- slow readers ---------------------------------------------------------
@case
async def xmpp_server_reads_nothing(t):
    """Answers by the ten thousand for a server that takes none: memory ends
    at the queue's limit, and the gateway goes on when it reads again."""
    lab = await Lab(t).start({"limits": {"reconnect_max": "1"}})
    before, w = resident(lab.stoxd), lab.server._writer
    w.transport.pause_reading()
    for i in range(9000):
        lab.server.stanza(
            "iq", "u%d@xmpp.test/%d" % (i % 50, i), GW + "/sip",
            "<query xmlns='http://jabber.org/protocol/disco#info'/>", "get")
        if i % 500 == 0:
            await asyncio.sleep(0.01)
    await asyncio.sleep(2)
    grown = resident(lab.stoxd) - before
    print("grown by %d KiB" % grown)
    assert sanitized(lab.stoxd) or grown < 24 * 1024, grown
    n = lab.server.handshakes
    w.transport.resume_reading()
    await asyncio.sleep(1.5)
    await asyncio.wait_for(lab.server.up.wait(), 20)
    print("reconnected %d times" % (lab.server.handshakes - n))
    lab.alice = lab.new_user()
    await lab.hang_up(await lab.s2x())


@case
async def sip_peer_reads_nothing(t):
    """The same by TCP."""
    lab = await Lab(t).start()
    before = resident(lab.stoxd)
    r, w = await asyncio.open_connection(*OURS)
    w.transport.pause_reading()
    one = ("OPTIONS sip:127.0.0.1:5070 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:"
           "5060;branch=z9hG4bKs%d\r\nFrom: <sip:6@127.0.0.1>;tag=1\r\n"
           "To: <sip:127.0.0.1>\r\nCall-ID: s%d\r\nCSeq: 1 OPTIONS\r\n"
           "Content-Length: 0\r\n\r\n")
    try:
        for i in range(40000):
            w.write((one % (i, i)).encode())
            if i % 200 == 0:
                await asyncio.wait_for(w.drain(), 1)
    except (asyncio.TimeoutError, ConnectionError) as e:
        print("after %d: %r" % (i, e))
    await asyncio.sleep(0.5)
    grown = resident(lab.stoxd) - before
    print("grown by %d KiB" % grown)
    assert sanitized(lab.stoxd) or grown < 32 * 1024, grown
    lab.alice = lab.new_user()
    await lab.hang_up(await lab.s2x())
    w.transport.abort()


# ---- control socket -------------------------------------------------------
@case
async def ghsa_v6hp_ghsa_wcvv_control_socket(t):
    """Nobody else's; junk, long lines, many and slow clients do no harm."""
    lab = await Lab(t).start()
    path = t.path("stoxd.sock")
    assert os.stat(path).st_mode & 0o077 == 0, oct(os.stat(path).st_mode)
    f = await lab.s2x()

    async def say(data, wait=0.2, half=False):
        try:
            r, w = await asyncio.open_unix_connection(path)
            w.write(data)
            if half:
                return r, w
            got = await asyncio.wait_for(r.read(65536), wait)
            w.close()
            return got
        except (asyncio.TimeoutError, ConnectionError):
            return None
    for data in (b"\0\n", b"\n", b" \n", b"json\n", b"x" * 600,
                 b"x" * 511 + b"\n", b"call\n", b"call a b c d e f\n",
                 b"hangup %s%n\n", b"hangup ../../etc/passwd\n",
                 b"trace \x1b[2J\n", b"json json json call x\n",
                 b"call \"\\\n", b"status\nstatus\n", b"\xff\xfe\n",
                 b"hangup " + b"a" * 400 + b"\n", b"!sh\n"):
        got = await say(data)
        if got:
            assert not [b for b in got if (b < 32 and b not in (10, 9))
                        or b == 127], (data, got[:200])
    held = [await say(b"stat", half=True) for _ in range(40)]
    for i in range(20):         # gone before the answer
        x = await say(b"trace\n", half=True)
        if x:
            x[1].transport.abort()
    for h in held:
        if h:
            h[1].transport.abort()
    await asyncio.sleep(0.2)
    assert "1 of" in lab.stoxd.ctl("status"), lab.stoxd.ctl("status")
    call = json.loads(lab.stoxd.ctl("--json", "calls"))[0]["id"]
    assert lab.stoxd.ctl("call", "hangup", call)
    await f.sip.wait("BYE")
    await lab.ended_in_xmpp(f)


# ---- memory ---------------------------------------------------------------
async def one_after_the_other(lab, n, ways):
    for i in range(n):
        lab.alice = User(lab.server, "c%d@xmpp.test/p" % (i % 40))
        f = await ways[i % len(ways)]()
        await lab.hang_up(f)
        # what the telephone still repeats is younger
        del lab.ua.history[:-3000]
        del lab.server.history[:], lab.server.unread[:]


@case(timeout=150 + int(os.environ.get("CALLS", "100")) // 2)
async def memory_does_not_grow_with_calls(t):
    """Calls set up and torn down by the hundred (CALLS=1000: so many):
    memory and descriptors as before; leaks are the sanitizer's."""
    # a trace that the first half fills
    lab = await Lab(t).start({"log": {"level": "info", "trace_memory": 1}})
    n = int(os.environ.get("CALLS", "100"))
    # SIP transactions are kept for 32 s (RFC 3261 17.1.1.2, Timer D)
    wait = 36 if n >= 1000 else 1

    async def direct():
        return await lab.x2s(direct=True)

    async def cancelled():
        f = await lab.s2x("initiated")
        f.sip.cancel()
        await f.sip.wait(487)
        return await lab.s2x(user=lab.new_user())
    ways = (lab.x2s, lab.s2x, direct, cancelled)
    await one_after_the_other(lab, n, ways)
    await asyncio.sleep(wait)
    before, fds = resident(lab.stoxd), descriptors(lab.stoxd)
    since = time.monotonic()
    await one_after_the_other(lab, n, ways)
    took = time.monotonic() - since
    await asyncio.sleep(wait)
    grown = resident(lab.stoxd) - before
    print("%d calls in %.1f s: %d KiB more (of %d), %d descriptors more" % (
        n, took, grown, before, descriptors(lab.stoxd) - fds))
    assert descriptors(lab.stoxd) - fds <= 2
    most = 1024 if n >= 1000 else 40 * n
    assert sanitized(lab.stoxd) or grown < most, grown


async def starved(t, lib, nth, step):
    """One life of the daemon with refused allocations; False: it did not
    start, which is an answer, too."""
    lab = Lab(t)
    lab._stop = lambda: None
    lab.server = None
    try:
        await lab.start(env={"LD_PRELOAD": lib, "NTH": str(nth),
                             "STEP": str(step)})
    except Exception:
        if lab.server:
            await lab.server.stop()
            await lab.ua.close()
        status = await lab.stoxd.stop()
        assert status in (0, 1, -15, 2), "start: status %s" % status
        return False
    for way, upto in ((lab.s2x, "active"), (lab.x2s, "active"),
                      (lab.s2x, "initiated"), (lab.x2s, "ringing")):
        lab.alice = lab.new_user()
        try:
            f = await asyncio.wait_for(way(upto), 1)
            if upto == "active":
                f.user.info(f.gw, f.sid, "hold")
                await asyncio.wait_for(lab.hang_up(f), 1)
        except (TimeoutError, asyncio.TimeoutError, AssertionError,
                ConnectionError, IndexError):
            pass        # refused, or forgotten: but not dead
        if not lab.stoxd.alive():
            break
    alive = lab.stoxd.alive()
    status = await lab.stoxd.stop()
    await lab.server.stop()
    await lab.ua.close()
    assert alive and status in (0, -15), "allocation %d/%d: status %s\n%s" % (
        nth, step, status, lab.stoxd.text()[-1500:])
    return True


@case(timeout=150)
async def no_memory_no_crash(t):
    """Allocations of the running daemon refused, one here, one there
    (NTH, STRIDE, RUNS: which)."""
    t.need("cc")
    lib, source = t.path("nomem.so"), os.path.join(os.path.dirname(
        attack.__file__), "nomem.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", lib, source],
                   check=True)
    first = int(os.environ.get("NTH", "150"))
    stride = int(os.environ.get("STRIDE", "397"))
    for i in range(int(os.environ.get("RUNS", "6"))):
        nth, step = first + stride * i, (0, 37, 101, 211)[i % 4]
        up = await starved(t, lib, nth, step)
        print("allocation %d, then each %d.: %s" % (
            nth, step, "up" if up else "did not start"))
