"""Masses of what is allowed one by one, from a telephone, a user or a server:
memory and descriptors stay as they are, and others are served meanwhile."""
import asyncio
import ssl
import time

from peers import certs
from peers.accounts import merged
from peers.attack import (ALICE, OURS, Ear, descriptors, raw, resident,
                          sanitized)
from peers.lab import GW, Lab
from peers.proc import until
from peers.runner import case
from peers.sipmsg import Msg
from peers.sipua import token
from peers.xmppserver import DISCO, find, local

GATE = "sip.xmpp.test"
ROSTER = "jabber:iq:roster"
TEXT = [("Content-Type", "text/plain")]
# A trace that is full at once; a slow machine is no reason to refuse calls.
CONF = {"log": {"level": "info", "trace_memory": 1},
        "limits": {"signalling_lag": 0, "media_lag": 0}}


async def begin(t, changes=None, **kw):
    lab = await Lab(t).start(merged(CONF, changes), **kw)
    while "connected" not in lab.stoxd.ctl("status"):
        await asyncio.sleep(0.05)
    return lab


async def still_well(lab):
    lab.alice = lab.new_user()
    await lab.hang_up(await lab.s2x())


async def bulk(lab, stanzas, at_once=500):
    """Many stanzas, not noted; the longest that a ping between took, in s."""
    worst, w = 0, lab.server._writer
    for i in range(0, len(stanzas), at_once):
        w.write("".join(stanzas[i:i + at_once]).encode())
        await w.drain()
        since = time.monotonic()
        e = await lab.server.iq(lab.alice.jid, GATE,
                                "<ping xmlns='urn:xmpp:ping'/>", timeout=30)
        assert e.get("type") == "result"
        worst = max(worst, time.monotonic() - since)
    return worst


def kept(lab, before, most, what):
    grown = resident(lab.stoxd) - before
    print("%s: %d KiB more" % (what, grown))
    assert sanitized(lab.stoxd) or grown < most, "%s: %d KiB" % (what, grown)


# ---- SIP --------------------------------------------------------------------
def words(data):
    """A request without a body gets one."""
    return data.replace(b"Content-Length: 0\r\n\r\n",
                        b"Content-Length: 2\r\n\r\nhi")


async def vias(ear, data):
    """Of the answer to a request; a line of Via may hold several."""
    n = len(ear.heard)
    ear.send(data, OURS)
    await until(lambda: len(ear.heard) > n, 20, "an answer to %r" % data)
    m = Msg.parse(ear.heard[n][0])
    return m.code, [v.strip() for x in m.all("Via") for v in x.split(",")]


@case
async def vias_of_one_line(t):
    """RFC 3261 7.3.1, 18.2.1, RFC 3581 4: rport and received are of the first
    value, and the second is the next proxy's as it was."""
    await begin(t)
    ear = await Ear.open(t, "127.0.0.1")
    second = "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKy"
    for code, method, change in (
            (202, "MESSAGE", {"headers": TEXT}),
            (415, "MESSAGE", {"headers": [("Content-Type", "a/b")]}),
            (481, "BYE", {"To": "<%s>;tag=none" % ALICE}),
            (400, "OPTIONS", {"CSeq": "none OPTIONS"}),
            (200, "OPTIONS", {"uri": "sip:127.0.0.1:5070"})):
        for comma in (", ", "\r\nVia: ", " ,\r\n "):
            first = "SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK" + token("x")
            data = words(raw(method, Via=first + comma + second, **change))
            got, v = await vias(ear, data)
            what = (method, comma, got, v)
            assert got == code and len(v) == 2, what
            assert v[1] == second, what
            assert ";rport=%d" % ear.addr[1] in v[0], what
            assert v[0].count("rport") == 1, what
            assert ";received=127.0.0.1" in v[0], what


@case(timeout=90)
async def messages_in_masses(t):
    """Texts of a trunk far above its rate, and 5 000 times the same one."""
    lab = await begin(t, {"limits": {
        "sip_source_rate": "10", "sip_source_burst": "60"}})
    ear = await Ear.open(t, "127.0.0.1")
    source = "%s:%d" % ear.addr
    before = resident(lab.stoxd)
    for k in range(8000):
        ear.send(words(raw("MESSAGE", source=source, headers=TEXT)), OURS)
        if k % 50 == 0:
            await asyncio.sleep(0)
    same = words(raw("MESSAGE", source=source, headers=TEXT))
    for k in range(5000):
        ear.send(same, OURS)
        if k % 50 == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0.5)
    kept(lab, before, 8 * 1024, "13 000 texts")
    await asyncio.sleep(7)      # the bucket of the source
    lab.server.unread.clear()
    await still_well(lab)


@case(timeout=90)
async def headers_in_masses(t):
    """Requests that are nothing but Via, Route and Record-Route: those that
    may be are answered, and none of it stays."""
    lab = await begin(t)
    ear = await Ear.open(t, "127.0.0.1")
    source = "%s:%d" % ear.addr
    via = ["SIP/2.0/UDP 10.0.0.%d;branch=z9hG4bKv%d" % (i, i)
           for i in range(80)]
    route = ["<sip:10.0.0.%d;lr;x=%s>" % (i, "y" * 40) for i in range(150)]
    lines = {
        "vias": [("Via", v) for v in via[:60]],
        "one line": [("Via", ", ".join(via[:60]))],
        "too many": [("Via", v) for v in via],
        "too many in one line": [("Via", ", ".join(via))],
        "routes": [("Route", r) for r in route],
        "one line of routes": [("Route", ", ".join(route))],
        "recorded": [("Record-Route", r) for r in route],
        "one line of those": [("Record-Route", ", ".join(route))],
        "all": [(n, ", ".join(v)) for n, v in (
            ("Via", via[:60]), ("Route", route), ("Record-Route", route[:9]))],
    }

    async def round(n):
        for what, headers in lines.items():
            for method in ("SUBSCRIBE", "MESSAGE", "INVITE", "OPTIONS",
                           "NOTIFY", "BYE"):
                for _ in range(n):
                    ear.send(words(raw(
                        method, source=source, body="", headers=headers + [
                            ("Event", "presence"), ("Expires", "0")])), OURS)
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.5)

    await round(3)
    # what was answered by a transaction is kept for 32 s
    before = resident(lab.stoxd)
    await round(10)
    kept(lab, before, 24 * 1024, "540 requests")
    codes = {Msg.parse(d).code for d, _ in ear.heard}
    assert codes & {400, 481, 501, 513} and 200 in codes, codes
    await still_well(lab)


@case
async def once_more_and_not_the_same(t):
    """What comes under the name of another request changes nothing of it."""
    lab = await begin(t)
    ear = await Ear.open(t, "127.0.0.1")
    source = "%s:%d" % ear.addr
    parts = {"Via": "SIP/2.0/UDP %s;rport;branch=z9hG4bKsame" % source,
             "From": "<sip:600@127.0.0.1>;tag=same", "Call-ID": "same"}

    def say(method, body="", **more):
        m = Msg.parse(raw(method, source=source, headers=TEXT,
                          **dict(parts, **more)))
        m.body = body
        return m.bytes()

    async def answered(data):
        n = len(ear.heard)
        ear.send(data, OURS)
        while len(ear.heard) == n:
            await asyncio.sleep(0.02)
        return Msg.parse(ear.heard[n][0])

    first = await answered(say("MESSAGE", "the first"))
    assert first.code == 202, first
    for body in ("another", "the first"):
        m = await answered(say("MESSAGE", body))
        assert m.code == 202 and m.get("To") == first.get("To"), m
    e = await lab.server.wait(lambda e: find(e, "body") is not None)
    assert find(e, "body").text == "the first"
    await lab.server.none(lambda e: find(e, "body") is not None, 0.3, "text")
    # another method of the same branch: there is nothing to cancel or end
    assert (await answered(say("CANCEL", CSeq="1 CANCEL"))).code == 481
    assert (await answered(say("BYE", To=first.get("To"),
                               CSeq="1 BYE"))).code == 481
    m = await answered(say("SUBSCRIBE", CSeq="1 SUBSCRIBE"))
    assert m.code in (400, 406, 489), m
    ear.send(say("ACK", CSeq="1 ACK"), OURS)
    assert (await answered(say("OPTIONS", CSeq="1 OPTIONS"))).code == 200
    await still_well(lab)


@case
async def answers_that_nobody_was_asked_for(t):
    """Responses with branches that were guessed, or of what is over: the text
    that waits for its answer gets that alone."""
    lab = await begin(t)
    thief = await Ear.open(t, "127.0.0.1")
    id = lab.server.stanza("message", lab.alice.jid, GW,
                           "<body>hi</body><request xmlns='urn:xmpp:receipts'"
                           "/>", "chat")
    m = await asyncio.wait_for(lab.ua.others.get(), 20)
    while m.method != "MESSAGE":    # OPTIONS
        m = await asyncio.wait_for(lab.ua.others.get(), 20)
    r = Msg("SIP/2.0 486 Busy Here", [
        (k, m.get(k)) for k in ("Via", "From", "To", "Call-ID", "CSeq")])
    via = m.get("Via")
    for i in range(2000):
        r.set("Via", via.replace(m.branch, "z9hG4bK%016x" % i))
        thief.send(r.bytes(), OURS)
        lab.ua._udp.sendto(r.bytes(), lab.ua.peer)
        if i % 50 == 0:
            await asyncio.sleep(0.005)
    for odd in ("", "z9hG4bK", m.branch + "0", m.branch[:-1],
                m.branch.upper() + "x"):
        r.set("Via", via.replace(m.branch, odd))
        lab.ua._udp.sendto(r.bytes(), lab.ua.peer)
    await lab.server.none(lambda e: e.get("id") == id or
                          e.get("type") == "error", 0.5, "an error")
    lab.ua.reply(m, 200)
    await lab.server.wait(lambda e: find(e, "received") is not None)
    for i in range(200):        # and once more, when all is over
        r.set("Via", via)
        lab.ua._udp.sendto(r.bytes(), lab.ua.peer)
    await lab.server.none(lambda e: e.get("type") == "error", 0.5, "an error")
    await still_well(lab)


@case(timeout=90, waits=34)
async def tls_that_is_never_shaken(t):
    """Connections that begin TLS and say no more, or a byte a second: they
    are a source's 16 at most, and are gone after 32 s."""
    own = certs.Authority(t.dir).issue("gateway", "IP:127.0.0.1")
    lab = await begin(t, {
        "sip": {"listen": "udp:127.0.0.1:5070, tls:127.0.0.1:5071",
                "certificate": own[0], "key": own[1]}})
    context = ssl.create_default_context()
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = context.wrap_bio(into, out, server_hostname="gw.test")
    try:
        half.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello, conns = out.read(), []
    before = descriptors(lab.stoxd)
    since = time.monotonic()
    for i in range(40):
        try:
            r, w = await asyncio.open_connection("127.0.0.1", 5071)
            w.write(hello[:(0, 3, 60, len(hello))[i % 4]])
            conns.append((r, w))
        except ConnectionError:
            pass
    await until(lambda: descriptors(lab.stoxd) - before <= 17, 20,
                "the end of those that are too many")
    at = 0      # who comes by UDP does not notice
    while time.monotonic() < since + 34:
        for r, w in conns:
            if not w.is_closing():
                w.write(hello[60 + at:61 + at])
        at += 1
        r = await lab.ua.request("OPTIONS", "sip:127.0.0.1:5070")
        assert r.code == 200, r
        await asyncio.sleep(1)
    await until(lambda: descriptors(lab.stoxd) - before <= 1, 20,
                "the end of all of them")
    for r, w in conns:
        w.transport.abort()
    await still_well(lab)


# ---- XMPP -------------------------------------------------------------------
def pushed(name, type=None, inner=""):
    return "<presence from='%s@xmpp.test/r' to='%s'%s>%s</presence>" % (
        name, GATE, " type='%s'" % type if type else "", inner)


@case(timeout=90)
async def users_in_masses(t):
    """A server that pushes the presence of 60 000 users (XEP-0356): half of
    the places are for those who show themselves."""
    lab = await begin(t)
    lab.server.stanza(
        "message", "xmpp.test", GATE, "<privilege xmlns='urn:xmpp:privilege:2'"
        "><perm access='presence' type='managed_entity'/></privilege>")
    worst = await bulk(lab, [pushed("u%d" % i) for i in range(26000)])
    before = resident(lab.stoxd)
    worst = max(worst, await bulk(lab, [
        pushed("x%d" % i, inner="<c xmlns='http://jabber.org/protocol/caps' "
               "hash='sha-1' node='n' ver='%d'/>" % i)
        for i in range(34000)]))
    kept(lab, before, 2 * 1024, "34 000 more")
    print("a ping took %.2f s at most" % worst)
    asked = sum(1 for e in lab.server.history if local(e) == "presence"
                and e.get("from") == GATE)
    assert not asked, "%d were shown the gateway" % asked
    # one whom nobody pushed finds room
    lab.server.stanza("presence", lab.alice.jid, GW)
    await lab.server.wait(lambda e: local(e) == "presence" and
                          e.get("from", "").startswith(GW), 20, "presence")
    await lab.hang_up(await lab.s2x())
    await bulk(lab, [pushed("u%d" % i, "unavailable") for i in range(26000)])
    await bulk(lab, [pushed("y%d" % i) for i in range(26000)])
    kept(lab, before, 4 * 1024, "26 000 gone, others in their place")
    await lab.hang_up(await lab.x2s())


@case(timeout=60)
async def software_in_masses(t):
    """A device that is another program each time, and says of none what it
    can do (XEP-0115): 128 questions at most are open, and 4 096 kept."""
    lab = await begin(t)
    open_ = []

    def silent(iq):
        if find(iq, "query", DISCO) is None:
            return False
        open_.append(iq.get("id"))
        return True
    lab.server.answers.append(silent)
    caps = "<presence from='%s' to='%s'><c xmlns='http://jabber.org/" \
        "protocol/caps' hash='sha-1' node='n' ver='%s'/></presence>"

    def all(what, n):
        return [caps % ("eve%d@xmpp.test/d" % (i % 40), GW, "%s%d" % (what, i))
                for i in range(n)]
    since = time.monotonic()
    await bulk(lab, all("a", 6000))
    before = resident(lab.stoxd)
    await bulk(lab, all("b", 12000))
    # each is given up after 15 s, or when 4 096 others came meanwhile
    most = 128 * (2 + 18000 // 4096 + int(time.monotonic() - since) // 15)
    assert 0 < len(open_) <= most, len(open_)
    kept(lab, before, 1024, "12 000 programs")
    lab.server.answers.clear()
    await still_well(lab)


@case(timeout=60)
async def rosters_in_masses(t):
    """Roster pushes and results that nobody asked for, from users and from
    their server, to the gateway and to contacts."""
    lab = await begin(t)
    items = "".join("<item jid='c%d@sip.xmpp.test' subscription='both' "
                    "name='n%d'/>" % (i, i) for i in range(50))
    before = None

    def iqs(type, n):
        return ["<iq from='%s' to='%s' id='r%d' type='%s'><query xmlns='%s' "
                "ver='%d'>%s</query></iq>" % (
                    ("xmpp.test", "u%d@xmpp.test" % i, lab.alice.jid)[i % 3],
                    (GATE, GW)[i % 2], i, type, ROSTER, i, items)
                for i in range(n)]
    for type in ("set", "result", "set"):
        lab.server.history.clear()
        await bulk(lab, iqs(type, 2000))
        n = sum(1 for e in lab.server.history if local(e) == "iq"
                and e.get("id", "").startswith("r")
                and e.get("type") == "error")
        assert n == (2000 if type == "set" else 0), (type, n)
        lab.server.unread.clear()
        if before is None:
            before = resident(lab.stoxd)
    kept(lab, before, 2 * 1024, "4 000 rosters")
    await still_well(lab)
