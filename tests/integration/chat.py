"""Messages between XMPP and SIP (protocol B.3, B.4, D.1, D.2, G.4): a scripted
XMPP server and a scripted telephone."""
import asyncio
import difflib
import json
import os
import random
import re
import subprocess
import time
import xml.etree.ElementTree as ET

from peers import certs
from peers.attack import sanitized
from peers.dns import Dns
from peers.lab import EASY, DATA, GW, Lab, table
from peers.proc import PATIENCE, until
from peers.runner import case
from peers.sipmsg import Msg, tag, uri
from peers.sipua import Ua, token
from peers.xmltext import escape
from peers.xmppserver import condition, find, local, text

FULL = GW + "/sip"
RECEIPTS = "urn:xmpp:receipts"
DELAY = "urn:xmpp:delay"
STATES = "http://jabber.org/protocol/chatstates"
MARKERS = "urn:xmpp:chat-markers:0"
XML = "{http://www.w3.org/XML/1998/namespace}"
PLAIN = ("Content-Type", "text/plain;charset=UTF-8")
ALICE = "sip:alice@127.0.0.1:5070"


class Chat:
    """A Lab, and words for what its two sides write."""

    async def start(self, t, changes=None, **kw):
        conf = {"limits": {"message_rate": 10000, "message_burst": 10000}}
        for s, v in (changes or {}).items():
            conf[s] = dict(conf.get(s, {}), **v)
        self.lab = await Lab(t).start(conf, **kw)
        self.ua, self.server = self.lab.ua, self.lab.server
        self.alice = self.lab.alice.jid
        # the server has said yes: the gateway shall have heard it
        await until(lambda: "connected to" in self.lab.stoxd.text(), 20,
                    "connection")
        return self

    # ---- XMPP to SIP ----------------------------------------------------
    def write(self, inner, to=GW, type="chat", frm=None, id=None):
        """A stanza of alice; its id."""
        return self.server.stanza("message", frm or self.alice, to, inner,
                                  type, id)

    def say(self, body, more="", **kw):
        return self.write("<body>%s</body>%s" % (body, more), **kw)

    async def get(self, timeout=PATIENCE):
        """The next MESSAGE at the telephone."""
        while True:
            try:
                m = await asyncio.wait_for(self.ua.others.get(), timeout)
            except asyncio.TimeoutError:
                raise TimeoutError("no MESSAGE within %g s" % timeout) \
                    from None
            if m.method == "MESSAGE":
                return m

    async def silent(self, seconds=0.4):
        """The telephone gets none."""
        try:
            m = await self.get(seconds)
        except TimeoutError:
            return
        raise AssertionError("a MESSAGE: %r %r" % (m.headers, m.body))

    async def through(self, body, more="", code=200, headers=(), **kw):
        """What alice says, at the telephone and answered."""
        id = self.say(body, more, **kw)
        m = await self.get()
        self.ua.reply(m, code, headers=headers)
        return id, m

    # ---- SIP to XMPP ----------------------------------------------------
    async def send(self, body, headers=(PLAIN,), code=202, to=ALICE, **kw):
        """A MESSAGE of the telephone; its answer."""
        r = await self.ua.request("MESSAGE", to, list(headers), body, **kw)
        assert code is None or r.code == code, "%r, not %d" % (r, code)
        return r

    async def stanza(self, timeout=PATIENCE, test=None):
        """The next message stanza at alice's."""
        return await self.server.wait(
            lambda e: local(e) == "message" and (not test or test(e)),
            timeout, "message")

    async def error(self, id, cond=None, timeout=PATIENCE):
        """The error to a stanza, and its text."""
        e = await self.stanza(timeout, lambda e: e.get("id") == id
                              and e.get("type") == "error")
        assert e.get("from").startswith("6") and e.get("to"), text(e)
        if cond:
            assert condition(e)[0] == cond, "%s, not %s: %s" % (
                condition(e)[0], cond, text(e))
        t = find(find(e, "error"), "text")
        return t.text if t is not None else ""

    async def no_stanza(self, seconds=0.4):
        await self.server.none(lambda e: local(e) == "message", seconds,
                               "message")

    def status(self):
        return json.loads(self.lab.stoxd.ctl("--json", "status"))["messages"]


def body_of(e):
    b = find(e, "body")
    return None if b is None else b.text


# ---- a text ---------------------------------------------------------------
async def _both_ways(t, proto, changes=None, **kw):
    c = await Chat().start(t, changes, proto=proto, **kw)
    id, m = await c.through("Good day, \u0108u vi parolas? \U0001f44d")
    assert m.uri == "sip:600@127.0.0.1:5060", m.uri
    assert uri(m.get("To")) == m.uri and not tag(m.get("To")), m.get("To")
    assert uri(m.get("From")) == "sip:alice@127.0.0.1:5060", m.get("From")
    assert tag(m.get("From")) and m.get("Contact") is None
    assert m.get("Content-Type") == "text/plain;charset=UTF-8"
    assert m.body.decode() == "Good day, \u0108u vi parolas? \U0001f44d"
    assert m.get("Via").split()[0] == "SIP/2.0/" + proto.upper(), m.get("Via")
    await c.no_stanza(0.2)

    r = await c.send("Jes, \u0109iutage \U0001f44b")
    assert r.reason == "Accepted" and tag(r.get("To")), r
    e = await c.stanza()
    assert body_of(e) == "Jes, \u0109iutage \U0001f44b", text(e)
    assert e.get("from") == FULL and e.get("to") == "alice@xmpp.test"
    assert e.get("type") == "chat" and e.get("id").startswith("s-"), text(e)
    assert find(e, "origin-id", "urn:xmpp:sid:0").get("id") == e.get("id")
    assert find(e, "unstyled", "urn:xmpp:styling:0") is not None
    assert find(e, "thread") is None and find(e, "subject") is None
    s = c.status()
    assert (s["sent"], s["received"], s["failed"], s["waiting"]) \
        == (1, 1, 0, 0), s


@case
async def text_both_ways(t):
    await _both_ways(t, "udp")


@case
async def text_both_ways_tcp(t):
    await _both_ways(t, "tcp", {"trunk pbx": {
        "uri": "sip:127.0.0.1:5060;transport=tcp"}})


@case
async def text_both_ways_tls(t):
    """The telephone's certificate is checked, by name and authority."""
    ca = certs.Authority(t.dir)
    own = ca.issue("gateway", "DNS:gw.test,IP:127.0.0.1")
    pbx = ca.issue("pbx", "DNS:pbx.test")
    await _both_ways(t, "tls", {
        "sip": {"listen": "udp:127.0.0.1:5070, tls:127.0.0.1:5071",
                "certificate": own[0], "key": own[1]},
        "trunk pbx": {"uri": "sip:127.0.0.1:5060;transport=tls",
                      "tls_ca": ca.pem, "tls_name": "pbx.test"}},
        peer=("127.0.0.1", 5071), tls=(certs.server_context(*pbx),
                                       certs.client_context(ca.pem)))


@case
async def sender_fields(t):
    """D.1: subject, thread, language, nick, several bodies."""
    c = await Chat().start(t)
    c.write("<subject>On a walk</subject>"
            "<body xml:lang='de'>Guten Tag</body>"
            "<body xml:lang='en'>Good day</body>"
            "<nick xmlns='http://jabber.org/protocol/nick'>Al &quot;x&quot;"
            "</nick>", type="normal")
    m = await c.get()
    c.ua.reply(m, 200)
    assert m.get("Subject") == "On a walk", m.get("Subject")
    assert m.get("Content-Language") == "de" and m.body == b"Guten Tag"
    assert m.get("From").startswith('"Al \\"x\\"" <sip:'), m.get("From")
    c.server.send("<message xmlns='jabber:component:accept' from='%s' to='%s'"
                  " xml:lang='en'><body xml:lang='de'>Guten Tag</body>"
                  "<body>Good day</body></message>" % (c.alice, GW))
    m = await c.get()
    c.ua.reply(m, 200)
    assert m.get("Content-Language") == "en" and m.body == b"Good day"
    c.server.send("<message xmlns='jabber:component:accept' from='%s' to='%s'"
                  " xml:lang='en'><body xml:lang='de'>Guten Tag</body>"
                  "<body xml:lang='EN'>Good day</body></message>" % (
                      c.alice, GW))
    m = await c.get()
    c.ua.reply(m, 200)
    assert m.get("Content-Language") == "EN" and m.body == b"Good day"
    # nothing to read is nothing to send
    c.write("<subject>alone</subject>")
    c.write("")
    await c.silent()
    for kind in ("headline", "normal", None):
        await c.through("of type %s" % kind, type=kind)


@case
async def threads(t):
    """D16: thread <-> Call-ID, for those that we gave out."""
    c = await Chat().start(t)
    _, a = await c.through("1", "<thread>T-1@x</thread>")
    _, b = await c.through("2", "<thread>e0ffe42b28561960c6b1.4</thread>")
    _, d = await c.through("3", "<thread>e0ffe42b28561960c6b1.4</thread>")
    assert b.get("Call-ID") == d.get("Call-ID") == "e0ffe42b28561960c6b1.4"
    assert d.cseq[0] == b.cseq[0] + 1 and tag(b.get("From")) == tag(
        d.get("From"))
    assert "@" not in a.get("Call-ID") and a.get("Call-ID") != "T-1@x"
    _, x = await c.through("4")
    _, y = await c.through("5")
    assert x.get("Call-ID") != y.get("Call-ID")
    for callid, want in ((a.get("Call-ID"), "T-1@x"),
                         (b.get("Call-ID"), "e0ffe42b28561960c6b1.4"),
                         ("new-one", None), (x.get("Call-ID"), None)):
        raw = c.ua_message("answer", callid=callid)
        await c.ua.request("MESSAGE", ALICE, raw=raw)
        e = await c.stanza()
        th = find(e, "thread")
        assert (th.text if th is not None else None) == want, text(e)


def _ua_message(self, body, callid=None, cseq=1, ftag=None, to=ALICE,
                headers=(PLAIN,), branch=None, frm=None):
    """A MESSAGE of the telephone, to be sent by request(raw=)."""
    return Msg("MESSAGE %s SIP/2.0" % to, [
        ("Via", self.ua.via(branch)), ("Max-Forwards", "70"),
        ("From", "%s;tag=%s" % (frm or "<sip:600@127.0.0.1:5060>",
                                ftag or token("f"))),
        ("To", "<%s>" % to), ("Call-ID", callid or token("c")),
        ("CSeq", "%d MESSAGE" % cseq)] + list(headers), body)


Chat.ua_message = _ua_message


@case
async def receiver_fields(t):
    """D.1 and G.4 from SIP: subject, language, nick, line ends."""
    c = await Chat().start(t)
    m = c.ua_message("one\r\ntwo\n  three ", headers=[
        PLAIN, ("Subject", "Re: <walk> & \"talk\""),
        ("Content-Language", "en-GB, de")], frm='"Bob \\"B\\"" <sip:600@pbx>')
    r = await c.ua.request("MESSAGE", ALICE, raw=m)
    assert r.code == 202, r
    e = await c.stanza()
    assert body_of(e) == "one\ntwo\n  three ", repr(body_of(e))
    assert find(e, "subject").text == 'Re: <walk> & "talk"', text(e)
    assert e.get(XML + "lang") == "en-GB", text(e)
    assert find(e, "nick").text == 'Bob "B"', text(e)
    await c.ua.request("MESSAGE", ALICE, raw=c.ua_message(
        "again", frm='"Bob" <sip:600@pbx>'))
    e = await c.stanza()
    assert find(e, "nick") is None, text(e)


@case
async def strict_type(t):
    c = await Chat().start(t, {"chat": {"strict_type": "yes"}})
    await c.send("hello")
    assert (await c.stanza()).get("type") is None


# ---- once -----------------------------------------------------------------
@case
async def once_retransmitted_and_forked(t):
    """UDP: the same answer to the same branch, and to another branch of the
    same request: the text has arrived, and once."""
    c = await Chat().start(t)
    m = c.ua_message("once", callid="fork-1", ftag="f1")
    r = await c.ua.request("MESSAGE", ALICE, raw=m)
    assert r.code == 202, r
    again = await c.ua.request("MESSAGE", ALICE, raw=m)
    assert again.code == 202, again
    fork = c.ua_message("once", callid="fork-1", ftag="f1")
    r = await c.ua.request("MESSAGE", ALICE, raw=fork)
    assert r.code == 202, r
    e = await c.stanza()
    assert body_of(e) == "once"
    await c.no_stanza()
    other = c.ua_message("once", callid="fork-1", ftag="f1", cseq=2)
    await c.ua.request("MESSAGE", ALICE, raw=other)
    assert (await c.stanza()).get("id") != e.get("id")
    assert c.status()["received"] == 2


@case
async def once_over_two_transports(t):
    """A sender that tries TCP and then UDP, or TCP twice: told that it is
    delivered, and it is, once."""
    c = await Chat().start(t)
    for k, proto in enumerate(("tcp", "tcp", "udp")):
        c.ua.proto = proto
        m = c.ua_message("once", callid="fork-2", ftag="f1")
        r = await c.ua.request("MESSAGE", ALICE, raw=m)
        assert r.code in ((202,) if k < 2 else (202, 482)), (proto, r)
    assert body_of(await c.stanza()) == "once"
    await c.no_stanza()


@case
async def answer_lost(t):
    """What is sent again by UDP is one message, and its 200 counts once."""
    c = await Chat().start(t)
    lost = []

    def drop(m):
        if m.is_request and m.method == "MESSAGE" and len(lost) < 2:
            lost.append(m)
            return True
        return False
    c.ua.drop = drop
    c.say("hello", "<request xmlns='%s'/>" % RECEIPTS)
    m = await c.get(10)
    c.ua.reply(m, 200)
    assert len(lost) == 2 and {x.branch for x in lost} == {m.branch}
    e = await c.stanza()
    assert find(e, "received", RECEIPTS) is not None
    await c.no_stanza()


# ---- order ----------------------------------------------------------------
@case
async def one_in_flight_in_order(t):
    c = await Chat().start(t)
    for i in range(8):
        c.say("m%d" % i)
    c.say("elsewhere", to="601@sip.xmpp.test")
    first, other = await c.get(), await c.get()
    assert {first.body, other.body} == {b"m0", b"elsewhere"}
    if other.body == b"m0":
        first, other = other, first
    c.ua.reply(other, 200)
    await c.silent(0.3)
    c.ua.reply(first, 100)
    await c.silent(0.3)
    c.ua.reply(first, 202)
    for i in range(1, 8):
        m = await c.get()
        assert m.body == b"m%d" % i, m.body
        assert c.status()["waiting"] == 8 - i
        c.ua.reply(m, 200)
    await c.silent(0.2)
    assert c.status()["sent"] == 9


@case
async def memory_is_full(t):
    """Texts to many addresses, together more than the gateway keeps: those
    beyond are refused, and there is room again once the others are gone."""
    c = await Chat().start(t, {"chat": {"queue": 1000, "oversize": "split",
                                        "ttl": 5},
                               "limits": {"waiting_bytes": 200000}})
    c.ua.drop = lambda m: True
    ids = [c.say("x" * 4000, to=GW.replace("600", str(700 + i)))
           for i in range(100)]
    n = 0
    while True:
        e = await c.server.wait(
            lambda e: local(e) == "message" and e.get("type") == "error", 10,
            "error")
        if condition(e)[0] != "resource-constraint":
            break
        assert "too many messages wait" in find(
            find(e, "error"), "text").text, text(e)
        n += 1
    assert 50 <= n <= 90, n     # each in four parts
    assert ids
    for _ in range(100 - n - 1):
        await c.server.wait(
            lambda e: local(e) == "message" and e.get("type") == "error", 10,
            "error")
    c.ua.drop = None
    c.say("back")
    assert b"back" in (await c.get(10)).body


@case
async def queue_is_full(t):
    c = await Chat().start(t, {"chat": {"queue": 3}})
    for i in range(3):
        c.say("m%d" % i)
    m = await c.get()
    id = c.say("too much")
    words = await c.error(id, "resource-constraint")
    assert "3" in words, words
    c.ua.reply(m, 200)
    for i in (1, 2):
        m = await c.get()
        c.ua.reply(m, 200)
    await c.silent(0.2)


@case
async def too_old(t):
    """TTL: each that waited gets an error that quotes it."""
    c = await Chat().start(t, {"chat": {"ttl": 2}})
    ids = [c.say("word%d" % i) for i in range(3)]
    began = time.monotonic()
    for i, id in enumerate(ids):
        words = await c.error(id, "remote-server-timeout", 6)
        assert "word%d" % i in words and "2 s" in words, words
    assert 1.5 < time.monotonic() - began < 4
    s = c.status()
    assert s["failed"] == 3 and s["waiting"] == 0, s
    while not c.ua.others.empty():
        c.ua.others.get_nowait()
    await asyncio.sleep(0.1)
    _, m = await c.through("and now")
    assert m.body == b"and now"


@case
async def rate_of_a_jid(t):
    c = await Chat().start(t, {"limits": {"message_rate": 1,
                                          "message_burst": 4},
                               "chat": {"queue": 100}})
    ids = [c.say("m%d" % i) for i in range(10)]
    bad = 0
    for _ in range(5):
        e = await c.stanza()
        assert condition(e)[0] == "resource-constraint", text(e)
        assert e.get("id") in ids[4:]
        bad += 1
    for _ in range(4):
        c.ua.reply(await c.get(), 200)
    await c.through("bob is another", frm="bob@xmpp.test/x")


# ---- the PBX is away ------------------------------------------------------
@case
async def pbx_is_away_and_comes_back(t):
    """TCP: refused connections; what was written arrives once it is there."""
    c = await Chat().start(t, {"trunk pbx": {
        "uri": "sip:127.0.0.1:5060;transport=tcp"}}, ua=False, proto="tcp")
    a, b = c.say("first"), c.say("second")
    await c.no_stanza(1.0)
    assert c.status()["waiting"] == 2
    await c.ua.start()
    t.later(c.ua.close)
    for want in (b"first", b"second"):
        m = await c.get(15)
        assert m.body == want, m.body
        c.ua.reply(m, 200)
    await c.no_stanza(0.2)
    assert a != b and c.status()["sent"] == 2


@case
async def pbx_stays_away(t):
    c = await Chat().start(t, {"trunk pbx": {
        "uri": "sip:127.0.0.1:5060;transport=tcp"}, "chat": {"ttl": 3}},
        ua=False, proto="tcp")
    id = c.say("hello")
    words = await c.error(id, "remote-server-timeout", 8)
    assert "hello" in words, words


@case
async def busy_pbx(t):
    """503 is tried again; one that names too long a time ends it."""
    c = await Chat().start(t)
    c.say("hello")
    m = await c.get()
    c.ua.reply(m, 503, headers=[("Retry-After", "1")])
    began = time.monotonic()
    n = await c.get()
    assert 0.8 < time.monotonic() - began < 3, time.monotonic() - began
    assert n.get("Call-ID") == m.get("Call-ID")
    assert n.cseq[0] == m.cseq[0] + 1 and n.branch != m.branch
    c.ua.reply(n, 200)
    id = c.say("again")
    c.ua.reply(await c.get(), 503, headers=[("Retry-After", "600")])
    await c.error(id, "internal-server-error")


@case
async def only_target_is_silent(t):
    """It stays with the transaction, which sends again: one message."""
    c = await Chat().start(t)
    c.ua.drop = lambda m: m.is_request and m.method == "MESSAGE"
    c.say("hello")
    await c.silent(2.5)
    c.ua.drop = None
    m = await c.get(6)      # the only target: libre's retransmission
    c.ua.reply(m, 200)
    await c.no_stanza(0.2)
    assert c.status()["sent"] == 1


@case
async def next_target_when_first_is_silent(t):
    """The second of two SRV targets has the same message in under 4 s; a 503
    of it is for the sender only when nobody is left."""
    Dns.configure(t)
    names = await Dns({
        ("_sip._udp.pbx.test", "SRV"): [(10, 0, 5060, "one.pbx.test"),
                                        (20, 0, 5060, "two.pbx.test")],
        ("one.pbx.test", "A"): ["127.0.0.3"],
        ("two.pbx.test", "A"): ["127.0.0.4"]}).start()
    t.later(names.close)
    c = await Chat().start(t, {"trunk pbx": {
        "uri": "sip:pbx.test", "accept_from": "127.0.0.3, 127.0.0.4",
        "addressing": "trunk"}})
    one = await Ua(ip="127.0.0.3").start()
    t.later(one.close)
    two = await Ua(ip="127.0.0.4").start()
    t.later(two.close)
    one.drop = lambda m: m.method == "MESSAGE"
    began = time.monotonic()
    c.say("hello", ASK)
    c.ua = two
    m = await c.get(8)
    assert 1.5 < time.monotonic() - began < 4, time.monotonic() - began
    assert m.uri.startswith("sip:600@pbx.test"), m.uri
    two.reply(m, 200)
    assert find(await c.stanza(), "received") is not None
    two.auto = one.auto = {"OPTIONS": 200}
    one.drop = None
    c.say("busy")
    m = await c.get()
    two.reply(m, 503)
    c.ua = one
    n = await c.get()
    assert n.get("Call-ID") == m.get("Call-ID") and n.body == b"busy"
    one.reply(n, 200)
    await c.no_stanza(0.2)


@case
async def digest(t):
    c = await Chat().start(t)
    c.say("secret")
    m = await c.get()
    c.ua.reply(m, 401, headers=[(
        "WWW-Authenticate", 'Digest realm="pbx", nonce="n1", qop="auth", '
        'algorithm=SHA-256')])
    n = await c.get()
    assert 'username="gw"' in n.get("Authorization"), n.headers
    assert n.cseq[0] == m.cseq[0] + 1 and n.body == b"secret"
    c.ua.reply(n, 200)
    _, m = await c.through("next")
    assert m.get("Authorization"), "known nonce not used"
    id = c.say("refused")
    for k in range(3):
        m = await c.get()
        c.ua.reply(m, 407, headers=[(
            "Proxy-Authenticate", 'Digest realm="pbx", nonce="p1", '
            'qop="auth", algorithm=SHA-256')])
        if k == 1:
            break
    await c.error(id, "registration-required")


# ---- the XMPP server is away ----------------------------------------------
@case
async def link_is_down(t):
    c = await Chat().start(t, {"limits": {"reconnect_min": 2}})
    await c.send("hello")
    await c.stanza()
    id = c.say("do not lose me")
    m = await c.get()
    c.server.cut()
    await asyncio.sleep(0.3)
    r = await c.send("anybody?", code=480)
    assert r.get("Retry-After") == "30", r.headers
    c.ua.reply(m, 404)      # its sender cannot be told now
    await asyncio.sleep(0.2)
    await asyncio.wait_for(c.server.up.wait(), 20)
    await c.error(id, "item-not-found", 10)
    await c.send("again")
    assert body_of(await c.stanza()) == "again"


@case
async def held_for_a_server_that_is_away(t):
    """Errors wait for it, as many as there is memory for: the newest."""
    more = {"limits": {"message_rate": 10000, "message_burst": 10000,
                       "reconnect_min": 3, "waiting_bytes": 1000000}}
    c = await Chat().start(t, more)
    ids = [c.say("x" * 700, to=GW.replace("600", str(700 + i)))
           for i in range(120)]
    asked = [await c.get(9) for _ in ids]
    more["limits"]["waiting_bytes"] = 65536
    c.lab.stoxd.rewrite(dict(more, limits=dict(EASY, **more["limits"])))
    await asyncio.to_thread(c.lab.stoxd.ctl, "reload")
    c.server.cut()
    await asyncio.sleep(0.3)
    for m in asked:
        c.ua.reply(m, 404)
        await asyncio.sleep(0.01)
    await asyncio.wait_for(c.server.up.wait(), 20)
    got = []
    try:
        while True:
            e = await c.server.wait(
                lambda e: local(e) == "message"
                and e.get("type") == "error", 2, "error")
            got.append(e.get("id"))
    except (asyncio.TimeoutError, TimeoutError):
        pass
    assert 5 <= len(got) < len(ids), got
    last = [m.uri for m in asked][-len(got):]
    want = [ids[int(u.partition(":")[2].partition("@")[0]) - 700]
            for u in last]
    assert got == want, (got, want)


@case
async def stopped_with_messages_waiting(t):
    c = await Chat().start(t)
    a, b = c.say("one"), c.say("two")
    await c.get()
    await asyncio.sleep(0.1)
    c.lab.stoxd.p.terminate()
    for id, word in ((a, "one"), (b, "two")):
        words = await c.error(id, "recipient-unavailable")
        assert word in words and "stopped" in words, words


async def _again(c):
    """The next process."""
    await c.lab.stoxd.run()
    await asyncio.wait_for(c.server.up.wait(), PATIENCE)


@case(timeout=120)
async def killed_with_messages_waiting(t):
    """kill -9: the next process tells whoever wrote what nobody took, once,
    also when it is killed itself before it can; texts are on no disk."""
    c = await Chat().start(t, {"store": {"path": "stoxd.db"},
                               "chat": {"oversize": "split"}})
    await c.through("done", to="601@sip.xmpp.test")
    a, b = c.say("a secret"), c.say("word " * 500)
    long = c.say("word " * 500, to="602@sip.xmpp.test")
    for _ in range(2):
        m = await c.get()
        if "602@" in m.uri:
            c.ua.reply(m, 200)      # the first of its parts
    await c.get()
    with open(c.lab.stoxd.conf) as f:
        conf = f.read()
    for there in ("127.0.0.1:5347", "127.0.0.1:1"):
        c.lab.stoxd.p.kill()
        c.lab.stoxd.p.wait()
        with open(t.path("stoxd.db.messages"), "rb") as f:
            kept = f.read()
        for id in (a, b, long):
            assert id.encode() in kept, there
        assert b"secret" not in kept and b"word" not in kept
        if there[-1] == "7":        # the next one finds no server
            c.lab.stoxd.rewrite(text=conf.replace(there, "127.0.0.1:1"))
            await c.lab.stoxd.run()
    c.lab.stoxd.rewrite(text=conf)
    await _again(c)
    for id in (a, b, long):
        words = await c.error(id, "recipient-unavailable")
        assert "restarted" in words and "20" in words, words
    await c.no_stanza(0.3)
    await until(lambda: not os.path.exists(t.path("stoxd.db.messages")),
                PATIENCE,
                "end of the notes")
    c.lab.stoxd.p.kill()
    c.lab.stoxd.p.wait()
    await _again(c)
    await c.no_stanza(0.5)


@case(timeout=120)
async def stopped_while_the_server_is_away(t):
    """Its senders cannot be told: the next process does."""
    c = await Chat().start(t, {"store": {"path": "stoxd.db"},
                               "limits": {"reconnect_min": 30}})
    id = c.say("one")
    await c.get()
    c.server.cut()
    await asyncio.sleep(0.3)
    await c.lab.stoxd.stop()
    assert os.path.exists(t.path("stoxd.db.messages"))
    await _again(c)
    words = await c.error(id, "recipient-unavailable")
    assert "restarted" in words, words
    await c.through("and now")
    await c.lab.stoxd.stop()
    assert not os.path.exists(t.path("stoxd.db.messages"))
    await c.lab.stoxd.run()


# ---- who may --------------------------------------------------------------
@case
async def not_allowed(t):
    c = await Chat().start(t, {"route": {
        "a": "from carol@xmpp.test to * deny",
        "b": "from *@xmpp.test to 600 via pbx",
        "c": "from trunk:pbx to alice via xmpp:alice@xmpp.test"},
        "trunk pbx": {"addressing": "trunk"}})
    await c.through("yes")
    await c.error(c.say("no", to="601@sip.xmpp.test"), "forbidden")
    await c.error(c.say("no", frm="carol@xmpp.test/x"), "forbidden")
    await c.error(c.say("no", frm="eve@evil.test/x"), "forbidden")
    await c.send("yes")
    await c.stanza()
    await c.send("no", code=403, to="sip:carol@127.0.0.1:5070")
    await c.no_stanza(0.2)
    await c.silent(0.2)
    c.write("<composing xmlns='%s'/>" % STATES, frm="eve@evil.test/x")
    await c.no_stanza(0.2)


@case
async def anonymous(t):
    """D10: it is heard and cannot be answered."""
    c = await Chat().start(t)
    for frm, more in (('"A" <sip:anonymous@anonymous.invalid>', ()),
                      ("<sip:600@127.0.0.1>", [("Privacy", "id")])):
        m = c.ua_message("who am I", frm=frm, headers=[PLAIN] + list(more))
        r = await c.ua.request("MESSAGE", ALICE, raw=m)
        assert r.code == 202, r
        e = await c.stanza()
        assert e.get("from") == "anonymous@sip.xmpp.test/sip", text(e)
    e = None
    id = c.say("hello", to="anonymous@sip.xmpp.test/sip")
    e = await c.stanza(5, lambda e: e.get("id") == id)
    assert condition(e)[0] == "item-not-found", text(e)
    await c.silent(0.2)


@case
async def sip_addresses_that_are_none(t):
    c = await Chat().start(t)
    await c.send("x", code=404, to="sip:%00@127.0.0.1:5070")
    r = await c.send("x", code=480, to="sips:alice@127.0.0.1:5070")
    assert "380" in r.get("Warning", ""), r.headers
    await c.no_stanza(0.2)


@case
async def not_for_chat(t):
    """The gateway itself, rooms, errors."""
    c = await Chat().start(t)
    id = c.say("x", to="sip.xmpp.test")
    e = await c.stanza(5, lambda e: e.get("id") == id)
    assert condition(e)[0] == "service-unavailable", text(e)
    id = c.say("x", type="groupchat")
    await c.error(id, "service-unavailable")
    c.server.stanza("message", c.alice, GW, "<body>x</body><error type="
                    "'cancel'><service-unavailable xmlns='urn:ietf:params:xml"
                    ":ns:xmpp-stanzas'/></error>", "error", "zz")
    await c.silent(0.3)
    await c.no_stanza(0.1)


# ---- errors: B.3, B.4 -----------------------------------------------------
@case
async def errors_from_sip(t):
    """Each row of B.4: condition, its type, and the words of SIP."""
    c = await Chat().start(t)
    rows = [r for r in table("cond_from_sip") if r[0] not in ("503",)]
    for i, (code, cond) in enumerate(r[:2] for r in rows):
        id = c.say("hello", to="6%d@sip.xmpp.test" % i)
        m = await c.get()
        code = int(code.rpartition("-")[2])     # the last of a range
        c.ua.reply(m, code, phrase="Words of %d" % code)
        if code == 301:
            cond = "item-not-found"     # no address was given
        words = await c.error(id, cond)
        assert words == "Words of %d" % code, words


@case
async def moved(t):
    """301 and 302 name where to: RFC 6120 8.3.3.5, 8.3.3.14."""
    c = await Chat().start(t)
    for code, cond in ((301, "gone"), (302, "redirect")):
        id = c.say("hello")
        c.ua.reply(await c.get(), code, headers=[
            ("Contact", "<sip:777@127.0.0.1>")])
        e = await c.stanza(5, lambda e: e.get("id") == id)
        assert condition(e)[0] == cond, text(e)
        assert find(find(e, "error"), cond).text \
            == "xmpp:777@sip.xmpp.test", text(e)


@case
async def hostile_reason(t):
    c = await Chat().start(t)
    id = c.say("hello")
    c.ua.reply(await c.get(), 404, phrase="<b>&\"no\" ]]> " + "x" * 500)
    words = await c.error(id, "item-not-found")
    assert words.startswith("<b>&\"no\" ") and len(words) <= 256, words


# ---- receipts and reports: D.2 --------------------------------------------
ASK = "<request xmlns='%s'/>" % RECEIPTS
CPIM = ("Content-Type", "message/cpim")
IMDN_NS = "urn:ietf:params:xml:ns:imdn"
SUPPORT = [("Accept", "text/plain, message/cpim, "
            "application/im-iscomposing+xml")]


def cpim(body, headers=(), type="text/plain;charset=UTF-8", mime=(),
         frm="sip:600@127.0.0.1:5060", to="sip:alice@127.0.0.1:5070"):
    lines = ["From: <%s>" % frm, "To: <%s>" % to]
    lines += ["%s: %s" % h for h in headers]
    lines += ["", "Content-Type: " + type]
    lines += ["%s: %s" % h for h in mime] + ["", ""]
    return "\r\n".join(lines).encode() + (
        body if isinstance(body, bytes) else body.encode())


def uncpim(m):
    """Headers of a message/cpim, of its content, and the content."""
    assert m.get("Content-Type").startswith("message/cpim"), m.headers
    head, _, rest = m.body.decode().partition("\r\n\r\n")
    mime, _, body = rest.partition("\r\n\r\n")
    return (dict(x.split(": ", 1) for x in head.split("\r\n")),
            dict(x.split(": ", 1) for x in mime.split("\r\n")), body)


def imdn(id, kind, status):
    return ("<?xml version='1.0' encoding='UTF-8'?>\n<imdn xmlns='%s'>"
            "<message-id>%s</message-id><datetime>2026-11-22T13:00:00Z"
            "</datetime><%s-notification><status><%s/></status>"
            "</%s-notification></imdn>" % (IMDN_NS, id, kind, status, kind))


NS_LINE = ("NS", "imdn <urn:ietf:params:imdn>")


@case
async def receipt_of_200_and_202(t):
    """D18: 200 is the telephone, 202 is a store."""
    c = await Chat().start(t)
    id, m = await c.through("hello", ASK)
    assert m.get("Content-Type").startswith("text/plain"), m.headers
    e = await c.stanza()
    assert find(e, "received", RECEIPTS).get("id") == id, text(e)
    assert e.get("from") == FULL and e.get("to") == c.alice, text(e)
    assert find(e, "no-store", "urn:xmpp:hints") is not None
    assert find(e, "body") is None
    await c.through("hello", ASK, code=202)
    await c.through("hello")
    await c.no_stanza()


@case
async def imdn_of_our_messages(t):
    """D.2: after an Accept of message/cpim, reports are asked for and come
    back, each once."""
    c = await Chat().start(t)
    await c.through("first", ASK, headers=SUPPORT, code=202)
    id, m = await c.through(
        "\u0109u vi?", ASK + "<markable xmlns='%s'/><subject>S \"1\""
        "</subject>" % MARKERS, code=202, id="abcdefgh-1234")
    head, mime, body = uncpim(m)
    assert body == "\u0109u vi?" and mime["Content-Type"] \
        == "text/plain;charset=UTF-8", (mime, body)
    assert int(mime["Content-Length"]) == len(body.encode())
    assert head["From"] == "<sip:alice@127.0.0.1:5070>" or "alice" in \
        head["From"], head
    assert head["To"] == "<sip:600@127.0.0.1:5060>", head
    assert head["NS"] == "imdn <urn:ietf:params:imdn>", head
    assert head["imdn.Message-ID"] == id == "abcdefgh-1234", head
    assert head["imdn.Disposition-Notification"] \
        == "positive-delivery, negative-delivery, display", head
    assert head["Subject"] == 'S \\"1\\"', head
    await c.no_stanza(0.2)

    async def report(id, kind, status, wrapped=True):
        x = imdn(id, kind, status)
        if not wrapped:
            await c.send(x, [("Content-Type", "message/imdn+xml")])
            return
        await c.send(cpim(x, [NS_LINE, ("imdn.Message-ID", token("r"))],
                          "message/imdn+xml",
                          [("Content-Disposition", "notification")]), [CPIM])
    await report(id, "processing", "processed")
    await report("unknown-id-0", "delivery", "delivered")
    await c.no_stanza(0.2)
    await report(id, "delivery", "delivered")
    e = await c.stanza()
    assert find(e, "received", RECEIPTS).get("id") == id, text(e)
    assert e.get("to") == c.alice, text(e)
    await report(id, "delivery", "delivered")
    await report(id, "display", "displayed", wrapped=False)
    e = await c.stanza()
    assert find(e, "displayed", MARKERS).get("id") == id, text(e)
    await c.no_stanza(0.2)
    # a receipt of the 200 is not told again
    id, m = await c.through("again", ASK, id="abcdefgh-1235")
    await c.stanza()
    await report(id, "delivery", "delivered")
    await c.no_stanza(0.2)
    # another telephone cannot speak for this one
    id, m = await c.through("mine", ASK, id="abcdefgh-1236", code=202)
    raw = c.ua_message(imdn(id, "delivery", "delivered"), headers=[
        ("Content-Type", "message/imdn+xml")], frm="<sip:666@127.0.0.1>")
    await c.ua.request("MESSAGE", ALICE, raw=raw)
    await c.no_stanza(0.2)
    for i, (kind, status, _, _, _, told) in enumerate(table("imdn")):
        id, m = await c.through("x", ASK, id="abcdefgh-9%02d" % i, code=202)
        await report(id, kind, status)
        if told == "-":
            await c.no_stanza(0.2)
        elif told in ("received", "displayed"):
            e = await c.stanza()
            ns = RECEIPTS if told == "received" else MARKERS
            assert find(e, told, ns).get("id") == id, (kind, status, text(e))
        else:
            await c.error(id, told)


@case
async def message_ids_that_are_no_tokens(t):
    c = await Chat().start(t)
    await c.through("first", ASK, headers=SUPPORT, code=202)
    for id in ("a b", "7", "x" * 500, "<&>\u0109"):
        _, m = await c.through("x", ASK, id=id, code=202)
        msgid = uncpim(m)[0]["imdn.Message-ID"]
        assert msgid != id and len(msgid) == 32, msgid
        await c.send(imdn(msgid, "delivery", "delivered"),
                     [("Content-Type", "message/imdn+xml")])
        e = await c.stanza()
        assert find(e, "received", RECEIPTS).get("id") == id, text(e)


@case
async def cpim_refused(t):
    """415 to a CPIM: the same as plain text, and so for a day."""
    c = await Chat().start(t)
    await c.through("first", ASK, headers=SUPPORT, code=202)
    id = c.say("hello", ASK)
    m = await c.get()
    uncpim(m)
    c.ua.reply(m, 415, headers=[("Accept", "text/plain")])
    n = await c.get()
    assert n.get("Content-Type").startswith("text/plain") \
        and n.body == b"hello", n.headers
    c.ua.reply(n, 200)
    assert find(await c.stanza(), "received").get("id") == id
    _, m = await c.through("next", ASK, code=202, headers=SUPPORT)
    _, m = await c.through("next", ASK, code=202)
    assert m.get("Content-Type").startswith("text/plain"), m.headers


@case
async def imdn_wanted_by_sip(t):
    """CPIM in: what it asks for is asked of the client, and reported back."""
    c = await Chat().start(t)
    await c.send(cpim("Saluton", [
        ("DateTime", "2020-01-02T03:04:05+01:00"),
        ("Subject", "Ab\\n\\u0109u"), ("NS", "I <urn:ietf:params:imdn>"),
        ("I.Message-ID", "34jk324j"),
        ("I.Disposition-Notification", "positive-delivery, display")],
        mime=[("Content-Language", "eo")]), [CPIM])
    e = await c.stanza()
    assert body_of(e) == "Saluton" and e.get(XML + "lang") == "eo", text(e)
    assert find(e, "subject").text == "Ab \u0109u", text(e)
    d = find(e, "delay", DELAY)
    assert d.get("stamp") == "2020-01-02T02:04:05Z", text(e)
    assert d.get("from") == GW
    assert find(e, "request", RECEIPTS) is not None
    assert find(e, "markable", MARKERS) is not None
    for child, kind, status in (("received", "delivery", "delivered"),
                                ("displayed", "display", "displayed")):
        ns = RECEIPTS if child == "received" else MARKERS
        for again in range(2):
            c.write("<%s xmlns='%s' id='%s'/>" % (child, ns, e.get("id")))
        m = await c.get()
        c.ua.reply(m, 200)
        head, mime, body = uncpim(m)
        assert mime["Content-Type"] == "message/imdn+xml", mime
        assert mime["Content-Disposition"] == "notification", mime
        x = ET.fromstring(body)
        assert x.tag == "{%s}imdn" % IMDN_NS
        assert x.find("{%s}message-id" % IMDN_NS).text == "34jk324j"
        st = x.find("{%s}%s-notification/{%s}status" % (
            IMDN_NS, kind, IMDN_NS))
        assert st[0].tag == "{%s}%s" % (IMDN_NS, status), body
        await c.silent(0.2)
    # nobody asked for these
    await c.send(cpim("plain"), [CPIM])
    e = await c.stanza()
    assert find(e, "request") is None and find(e, "delay") is None
    c.write("<received xmlns='%s' id='%s'/>" % (RECEIPTS, e.get("id")))
    c.write("<received xmlns='%s' id='s-nothing'/>" % RECEIPTS)
    await c.silent(0.3)


@case
async def imdn_too_long(t):
    """A report that fits into no MESSAGE is left out, and holds up nothing."""
    c = await Chat().start(t)
    name = "a" * 500
    await c.send(cpim("hello", [
        NS_LINE, ("imdn.Message-ID", "n34jk324j"),
        ("imdn.Disposition-Notification", "display")]), [CPIM],
        to="sip:%s@127.0.0.1" % name)
    e = await c.stanza()
    jid = name + "@xmpp.test"
    assert e.get("to") == jid, text(e)
    c.write("<displayed xmlns='%s' id='%s'/>" % (MARKERS, e.get("id")),
            frm=jid + "/phone")
    c.say("after it")
    m = await c.get()
    assert m.body == b"after it", m.body
    c.ua.reply(m, 200)
    await until(lambda: c.status()["sent"] == 1, 20, "delivery")
    assert c.status()["waiting"] == 0, c.status()


@case
async def came_back(t):
    """After the 202 the server returns it: negative-delivery says failed."""
    c = await Chat().start(t)
    for wanted in ("negative-delivery", "positive-delivery"):
        await c.send(cpim("hello", [
            NS_LINE, ("imdn.Message-ID", "n34jk324j"),
            ("imdn.Disposition-Notification", wanted)]), [CPIM])
        e = await c.stanza()
        c.server.error(e, "service-unavailable")
        if wanted[0] == "n":
            m = await c.get()
            c.ua.reply(m, 200)
            assert "<failed/>" in uncpim(m)[2], m.body
        else:
            await c.silent(0.3)


@case
async def cpim_that_is_none(t):
    c = await Chat().start(t)
    for body in (b"", b"From: x", b"nonsense\r\n\r\nContent-Type: text/plain"
                 b"\r\n\r\nx", cpim("x")[:40]):
        r = await c.send(body, [CPIM], 400)
        assert r.reason == "Bad Message Body", r
    r = await c.send(cpim("x", frm="sip:666@127.0.0.1"), [CPIM], 403)
    assert r.reason == "From Differs In CPIM", r
    r = await c.send(cpim("x", [("Require", "MyFeatures.Vital")]), [CPIM],
                     415)
    assert "message/cpim" in r.get("Accept"), r.headers
    await c.send(cpim("eA==", mime=[("Content-Transfer-Encoding",
                                     "base64")]), [CPIM], 415)
    await c.send(cpim("x", type="image/png"), [CPIM], 415)
    await c.send("<imdn", [("Content-Type", "message/imdn+xml")], 400)
    await c.send("<a/>", [("Content-Type",
                           "application/im-iscomposing+xml")], 400)
    await c.no_stanza(0.2)
    await c.send(cpim("x", frm="im:600@127.0.0.1"), [CPIM])
    assert body_of(await c.stanza()) == "x"


# ---- chat states ----------------------------------------------------------
def composing(state, refresh=None):
    return ("<?xml version='1.0'?><isComposing xmlns='urn:ietf:params:xml:ns:"
            "im-iscomposing'><state>%s</state>%s</isComposing>" % (
                state, "<refresh>%s</refresh>" % refresh if refresh else ""))


COMPOSING = [("Content-Type", "application/im-iscomposing+xml")]


def state_of(e):
    return next((local(x) for x in e if x.tag.startswith("{%s}" % STATES)),
                None)


@case
async def states_from_sip(t):
    c = await Chat().start(t)
    for said, want in (("active", "composing"), ("idle", "active"),
                       ("active", "composing"), ("whatever", "active")):
        await c.send(composing(said), COMPOSING)
        e = await c.stanza()
        assert state_of(e) == want and find(e, "body") is None, text(e)
        assert find(e, "no-store", "urn:xmpp:hints") is not None
    await c.send("text")
    assert state_of(await c.stanza()) == "active"


@case(timeout=90, waits=60)
async def state_from_sip_runs_out(t):
    c = await Chat().start(t)
    await c.send(composing("active", 60), COMPOSING)
    assert state_of(await c.stanza()) == "composing"
    assert state_of(await c.stanza(70)) == "active"


@case
async def states_to_sip(t):
    """Only to those who showed that they know them; D21."""
    c = await Chat().start(t)

    def state(name):
        c.write("<%s xmlns='%s'/>" % (name, STATES))
    for name in ("composing", "paused", "active", "inactive", "gone"):
        state(name)
    await c.silent(0.3)
    await c.send(cpim("known, but not for this", []), [CPIM])
    await c.stanza()
    state("composing")
    await c.silent(0.3)
    await c.send(composing("idle"), COMPOSING)
    await c.stanza()
    state("paused")         # nothing was active: nothing to take back
    state("gone")
    await c.silent(0.3)
    for name, want in (("composing", "active"), ("paused", "idle"),
                       ("composing", "active"), ("inactive", "idle"),
                       ("composing", "active"), ("active", "idle")):
        state(name)
        state(name)         # again: not sent again
        m = await c.get()
        c.ua.reply(m, 200)
        assert m.get("Content-Type") == COMPOSING[0][1], m.headers
        x = ET.fromstring(m.body)
        ns = "{urn:ietf:params:xml:ns:im-iscomposing}"
        assert x.find(ns + "state").text == want, m.body
        r = x.find(ns + "refresh")
        assert (r.text if r is not None else None) == (
            "90" if want == "active" else None), m.body
        await c.silent(0.2)
    state("composing")
    c.ua.reply(await c.get(), 200)
    await c.through("the text", "<active xmlns='%s'/>" % STATES)
    state("paused")         # the text has said it
    await c.silent(0.3)
    state("composing")
    c.ua.reply(await c.get(), 415)
    await asyncio.sleep(0.2)    # it is heard before the next is said
    state("paused")
    state("composing")
    await c.silent(0.3)
    await c.no_stanza(0.1)


# ---- types ----------------------------------------------------------------
@case
async def types_from_sip(t):
    c = await Chat().start(t)
    with open(os.path.join(DATA, "chat_from_sip.txt")) as f:
        rows = [x.rstrip("\n").split(" | ") for x in f if x[0] != "#"]
    for headers, body, code, want in rows:
        body = body.encode("latin-1").decode("unicode_escape")
        r = await c.send(body.encode("latin-1"), [
            tuple(h.split(": ", 1)) for h in headers.split(" + ")], int(code))
        if code == "202":
            e = await c.stanza()
            e.set("lang", e.get(XML + "lang") or "")
            for name, value in (x.split("=", 1) for x in want.split(" + ")):
                value = value.encode("latin-1").decode("unicode_escape")
                got = e.get(name) if name in ("type", "lang", "from") \
                    else getattr(find(e, name), "text", None)
                assert got == value, (headers, name, got)
            assert len(e.findall("*")) == want.count(" + ") + 1 - want.count(
                "lang=") - want.count("type=") - want.count("from=") + 2, (
                    headers, text(e))     # and origin-id, unstyled
        if code == "415":
            assert r.tokens("Accept") == [
                "text/plain", "message/cpim",
                "application/im-iscomposing+xml", "message/imdn+xml"], r
            assert r.reason == "Unsupported Media Type", r
    await c.send("x", [PLAIN, ("Content-Encoding", "gzip")], 415)
    await c.send("x", (), 415)
    await c.no_stanza(0.2)


# ---- extensions of XMPP: G.4 ----------------------------------------------
@case
async def encrypted(t):
    c = await Chat().start(t)
    for x in ("<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
              "<encrypted xmlns='urn:xmpp:omemo:2'/>",
              "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>",
              "<openpgp xmlns='urn:xmpp:openpgp:0'>eA==</openpgp>",
              "<x xmlns='jabber:x:encrypted'>eA==</x>"):
        words = await c.error(c.say("I sent you an OMEMO encrypted message",
                                    x), "not-acceptable")
        assert words == "unencrypted messages only", words
    await c.silent()


@case
async def extensions_to_sip(t):
    c = await Chat().start(t)
    rows = (
        ("new", "<replace xmlns='urn:xmpp:message-correct:0' id='o'/>",
         "* new"),
        ("> quoted\nanswer", "<reply xmlns='urn:xmpp:reply:0' id='q'/>"
         "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>"
         "<body start='0' end='9'/></fallback>", "> quoted\nanswer"),
        ("*bold* _styled_", "", "*bold* _styled_"),
        ("", "<x xmlns='jabber:x:oob'><url>https://x.test/a.png</url></x>",
         "https://x.test/a.png"),
        ("https://x.test/a.png", "<x xmlns='jabber:x:oob'><url>https://x.test"
         "/a.png</url></x>", "https://x.test/a.png"),
        ("old", "<delay xmlns='%s' stamp='2002-09-10T23:08:25Z'/>" % DELAY,
         "[2002-09-10T23:08:25Z] old"),
        ("now", "<delay xmlns='%s' stamp='%s'/>" % (
            DELAY, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())),
         "now"),
        ("body", "<html xmlns='http://jabber.org/protocol/xhtml-im'><body "
         "xmlns='http://www.w3.org/1999/xhtml'><b>html</b></body></html>",
         "body"))
    for body, more, want in rows:
        _, m = await c.through(body, more)
        assert m.body.decode() == want, (m.body, want)
    for more in ("<reactions xmlns='urn:xmpp:reactions:0' id='r'><reaction>"
                 "\U0001f44d</reaction></reactions>",
                 "<retract xmlns='urn:xmpp:message-retract:1' id='r'/>"):
        c.say("fallback", more)
    await c.silent()
    await c.no_stanza(0.1)


@case
async def reactions_as_text(t):
    c = await Chat().start(t, {"chat": {"reactions": "yes"}})
    _, m = await c.through("> x\nfallback", "<reactions xmlns='urn:xmpp:"
                           "reactions:0' id='r'><reaction>\U0001f44d"
                           "</reaction></reactions>")
    assert m.body.decode() == "reacted \U0001f44d", m.body
    c.say("", "<reactions xmlns='urn:xmpp:reactions:0' id='r'/>")
    await c.silent()


# ---- size -----------------------------------------------------------------
def size_of(m):
    """Of the request as it was on the wire, or a few bytes more."""
    return len(m.bytes())


@case
async def too_large_rejected(t):
    c = await Chat().start(t)
    words = await c.error(c.say("x" * 1300), "policy-violation")
    assert "too long" in words, words
    fits = 0
    for n in range(800, 1300, 20):
        id = c.say("y" * n)
        try:
            m = await c.get(0.5)
        except TimeoutError:
            await c.error(id, "policy-violation")
            break
        assert size_of(m) <= 1300, size_of(m)
        fits = n
        c.ua.reply(m, 200)
    assert fits > 800, fits
    await c.silent(0.2)


@case
async def too_large_split(t):
    c = await Chat().start(t, {"chat": {"oversize": "split"}})
    body = " ".join("\u0109word%d" % i for i in range(400))
    id = c.say(body, ASK)
    c.say("after it")
    got, n = "", 0
    while len(got) < len(body):
        m = await c.get()
        assert size_of(m) <= 1300, size_of(m)
        got += m.body.decode()
        await c.no_stanza(0.05)
        c.ua.reply(m, 200)
        n += 1
    assert got == body and n > 3, (n, got[:80])
    e = await c.stanza()
    assert find(e, "received").get("id") == id, text(e)
    m = await c.get()
    assert m.body == b"after it"
    c.ua.reply(m, 200)
    # a part that fails: its sender is told which, the rest is not sent
    id = c.say(body)
    c.ua.reply(await c.get(), 200)
    c.ua.reply(await c.get(), 404, phrase="Nobody")
    words = await c.error(id, "item-not-found")
    assert words.startswith("part 2 of ") and words.endswith("Nobody"), words
    await c.silent()
    assert c.status()["waiting"] == 0


@case
async def too_large_by_tcp(t):
    c = await Chat().start(t, {"chat": {"oversize": "tcp"},
                               "trunk pbx": {"tcp": "yes"}})
    _, m = await c.through("x" * 8000)
    assert m.body == b"x" * 8000 and "TCP" in m.get("Via"), m.get("Via")
    _, m = await c.through("small")
    assert "UDP" in m.get("Via"), m.get("Via")
    await c.error(c.say("x" * 16300), "policy-violation")
    await c.error(c.say("x" * 17000), "policy-violation")
    await c.silent(0.2)


async def _on_tcp(t, mode):
    return await Chat().start(t, {"chat": {"oversize": mode}, "trunk pbx": {
        "uri": "sip:127.0.0.1:5060;transport=tcp"}}, proto="tcp")


@case
async def too_large_for_udp_alone(t):
    """A trunk by TCP takes it as it is."""
    c = await _on_tcp(t, "tcp")
    _, m = await c.through("x" * 8000)
    assert m.body == b"x" * 8000 and m.get("User-Agent"), m.headers


@case
async def too_large_also_by_tcp(t):
    """D19: who knows what lies behind the trunk?"""
    c = await _on_tcp(t, "reject")
    await c.error(c.say("x" * 1250), "policy-violation")


@case
async def too_large_and_no_tcp(t):
    c = await Chat().start(t, {"chat": {"oversize": "tcp"}})
    await c.error(c.say("x" * 2000), "policy-violation")


# ---- hostile text ---------------------------------------------------------
NASTY = ["\r\nX-Evil: 1", "\n\nSIP/2.0 200 OK\r\n", "\"quote\"", "<b>&amp;",
         "]]>", "%00", "\\", "\u202e", "\u2028", "\t", "';--", "{{7*7}}",
         "\U0001f469\u200d\U0001f4bb", "\ufffd", "e\u0301", "<?xml?>", "\x7f",
         "\x85", "\r", " ", "sip:a@b;x", ">", "\ufffc"]


def nasty(rnd):
    return "".join(rnd.choice(NASTY) if rnd.random() < 0.5 else
                   chr(rnd.choice((rnd.randrange(32, 127),
                                   rnd.randrange(0xa0, 0xd800),
                                   rnd.randrange(0x10000, 0x11000))))
                   for _ in range(rnd.randrange(1, 40)))


@case
async def hostile_texts_to_sip(t):
    """Nothing crosses as syntax: what arrives has the headers that it always
    has, and the text that was written (TEXTS: how many, SEED: which)."""
    seed = int(os.environ.get("SEED", random.getrandbits(32)))
    rnd = random.Random(seed)
    c = await Chat().start(t)
    names = None
    for i in range(int(os.environ.get("TEXTS", "1000"))):
        body, subj, thread, nick = (nasty(rnd) for _ in range(4))
        said = tuple(escape(x).replace("\r", "&#13;") for x in (
            "x" + body, "s" + subj, "t" + thread, "n" + nick))
        c.write("<body>%s</body><subject>%s</subject><thread>%s</thread>"
                "<nick xmlns='http://jabber.org/protocol/nick'>%s</nick>"
                % said,
                to="6%d@sip.xmpp.test" % i)
        m = await c.get()
        c.ua.reply(m, 200)
        assert m.body.decode() == "x" + body, (seed, body, m.body)
        have = sorted(k for k, _ in m.headers)
        names = names or have
        assert have == names, (seed, have, names)
        for k, v in m.headers:
            assert not re.search("[\x00-\x08\x0a-\x1f\x7f]", v), (seed, k, v)
        assert re.fullmatch(r"\S+", m.get("Call-ID")), (seed, m.headers)
        assert re.search(r'^".*" <sip:[^<>"]+>;tag=\w+$', m.get("From")), (
            seed, m.get("From"))


@case
async def hostile_texts_to_xmpp(t):
    seed = int(os.environ.get("SEED", random.getrandbits(32)))
    rnd = random.Random(seed)
    c = await Chat().start(t)
    for i in range(int(os.environ.get("TEXTS", "1000"))):
        body, subj = "x" + nasty(rnd), nasty(rnd)
        subj = re.sub(r"[\x00-\x1f\x7f\x85]", "", subj).strip() or "s"
        name = re.sub(r'[\x00-\x1f\x7f\x85"\\]', "", nasty(rnd)) or "n"
        m = c.ua_message(body, headers=[PLAIN, ("Subject", subj)],
                         frm='"%s" <sip:6%d@127.0.0.1>' % (name, i))
        r = await c.ua.request("MESSAGE", ALICE, raw=m)
        assert r.code == 202, (seed, r, m.bytes())
        e = await c.stanza()
        want = body.replace("\r\n", "\n").replace("\r", "\n")
        assert body_of(e) == want, (seed, want, body_of(e))
        have = {local(x) for x in e}
        assert {"body", "origin-id", "unstyled"} <= have and have <= {
            "body", "nick", "origin-id", "subject", "unstyled"}, (
                seed, text(e))
    # what XML cannot say is replaced
    await c.send("a\x00b\x01c\ufffe")
    b = body_of(await c.stanza())
    assert b[0] == "a" and b[2] == "b" and len(b) == 6, repr(b)


@case
async def log_without_texts(t):
    c = await Chat().start(t)
    await c.through("secret words", "<subject>hush</subject>")
    await c.send("private words")
    await c.stanza()
    log = c.lab.stoxd.text()
    assert "secret words" not in log and "private words" not in log
    lines = [x for x in log.splitlines() if "chat: " in x]
    assert any("alice@xmpp.test to sip:600@127.0.0.1:5060" in x
               for x in lines), lines
    assert any("600@sip.xmpp.test to alice@xmpp.test" in x
               for x in lines), lines
    trace = c.lab.stoxd.ctl("trace")
    assert "secret words" in trace and "private words" in trace


@case(timeout=120)
async def no_memory_no_crash(t):
    """Allocations refused here and there (NTH, RUNS: which): messages are
    refused or delivered, the daemon lives and ends well."""
    t.need("cc")
    lib = t.path("nomem.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", lib,
                    os.path.join(os.path.dirname(certs.__file__),
                                 "nomem.c")], check=True)
    first, fates = int(os.environ.get("NTH", "2500")), []
    for i in range(int(os.environ.get("RUNS", "4"))):
        c = Chat()
        await c.start(t, env={"LD_PRELOAD": lib, "NTH": str(first + 61 * i),
                              "STEP": str((37, 101, 23, 53)[i % 4])})
        c.ua.auto["MESSAGE"] = 200
        for k in range(20):
            try:
                c.say("m%d" % k, ASK + "<thread>t</thread><subject>s"
                      "</subject>", to="6%d@sip.xmpp.test" % k)
            except ConnectionError:
                await asyncio.sleep(0.2)    # it connects again
            m = c.ua_message(cpim("x", [NS_LINE, (
                "imdn.Message-ID", "n34jk324j"), (
                    "imdn.Disposition-Notification", "display")]),
                headers=[CPIM] if k % 2 else COMPOSING)
            if k % 2 == 0:
                m.body = composing("active")
            try:
                r = await c.ua.request("MESSAGE", ALICE, raw=m, timeout=0.3)
                fates.append(r.code)
            except asyncio.TimeoutError:
                fates.append(0)
            while not c.ua.others.empty():
                m = c.ua.others.get_nowait()
                if m.method == "MESSAGE":
                    c.ua.reply(m, 200, headers=SUPPORT)
        assert c.lab.stoxd.alive(), c.lab.stoxd.text()[-1500:]
        status = await c.lab.stoxd.stop()
        await c.server.stop()
        await c.ua.close()
        assert status in (0, -15), "%d: %d\n%s" % (
            first + 61 * i, status, c.lab.stoxd.text()[-1500:])
        t._cleanup = [x for x in t._cleanup if x[0].__name__ != "_stop"]
    print(fates)
    assert 202 in fates, fates
    assert sanitized(c.lab.stoxd) or set(fates) & {0, 400, 500}, fates


# ---- golden conversations -------------------------------------------------
class Script:
    """A conversation as lines: x> and x< what alice's client sends and gets,
    s> and s< the telephone; compared with tests/data/NAME.txt."""

    def __init__(self, c):
        self.c, self.lines, self.tags = c, [], {}

    def name(self, kind, value):
        """The same word for the same value."""
        have = self.tags.setdefault(kind, {})
        return have.setdefault(value, "%s%d" % (kind, len(have) + 1))

    def note(self, way, text):
        self.lines.append("%s %s" % (way, text))

    def stanza(self, way, e):
        parts = ["message"] + [
            "%s='%s'" % (k, e.get(k)) for k in ("from", "to", "type")
            if e.get(k)]
        if e.get(XML + "lang"):
            parts.append("xml:lang='%s'" % e.get(XML + "lang"))
        if e.get("id"):
            parts.append("id=" + self.name("ID", e.get("id")))
        self.note(way, " ".join(parts))
        for x in e:
            more = "".join(" " + self.name("ID", x.get(k))
                           for k in ("id",) if x.get(k))
            said = x.text if local(x) != "error" else condition(e)[0]
            self.note(way, "  %s%s%s" % (local(x), more, ": " + said
                                         if said else ""))

    def sip(self, way, m):
        self.note(way, m.start)
        for k in ("From", "To", "Call-ID", "CSeq", "Subject",
                  "Content-Language", "Content-Type"):
            v = m.get(k)
            if v is None or not m.is_request:
                continue
            if k in ("From", "To"):
                v = uri(v) + (";" + self.name("TAG", tag(v))
                              if tag(v) else "")
            elif k == "Call-ID" and not v.startswith("711609"):
                v = self.name("CALL", v)
            self.note(way, "  %s: %s" % (k, v))
        if m.is_request:
            self.note(way, "  " + (m.body if isinstance(m.body, str)
                               else m.body.decode()))

    def judge(self, name):
        with open(os.path.join(DATA, name + ".txt")) as f:
            want = [x.rstrip("\n") for x in f if not x.startswith("#")]
        assert self.lines == want, "\n".join(difflib.unified_diff(
            want, self.lines, name, "seen", lineterm=""))


@case
async def golden_rfc7572(t):
    """The exchanges of RFC 7572 sections 4, 5 and 8: a message each way, in
    a thread, with a language."""
    c = await Chat().start(t)
    s = Script(c)

    async def out(inner, lang=""):
        x = ("<message xmlns='jabber:component:accept' from='%s' to='%s' "
             "type='chat' id='%s'%s>%s</message>" % (
                 c.alice, GW, c.server.id("g"), lang, inner))
        s.stanza("x>", ET.fromstring(x))
        c.server.send(x)
        m = await c.get()
        s.sip("s<", m)
        s.sip("s>", c.ua.reply(m, 200))

    async def back(body, callid, headers=()):
        m = c.ua_message(body, callid=callid, headers=[PLAIN] + list(headers))
        s.sip("s>", m)
        s.sip("s<", await c.ua.request("MESSAGE", ALICE, raw=m))
        s.stanza("x<", await c.stanza())

    await out("<body>Are you at home?</body>")
    await back("I am.", "own-call-id")
    thread = "711609sa"
    await out("<subject>Tonight</subject><thread>%s</thread>"
              "<body>Shall we walk?</body>" % thread)
    await back("Yes, at eight.", thread, [("Subject", "Re: Tonight")])
    await out("<thread>%s</thread><body>Good.</body>" % thread)
    await out("<body>Dobr\u00fd den</body>", " xml:lang='cs'")
    await back("Nashledanou", "own-call-id-2",
               [("Content-Language", "cs")])
    s.judge("chat_rfc7572")


@case
async def golden_rfc7572_6_7(t):
    """RFC 7572 6 and 7: a text that is too large for page mode, and what is no
    plain text."""
    c = await Chat().start(t)
    s = Script(c)
    x = ("<message xmlns='jabber:component:accept' from='%s' to='%s' "
         "type='chat' id='%s'><body>%s</body></message>" % (
             c.alice, GW, c.server.id("g"), "A" * 1300))
    s.stanza("x>", ET.fromstring(x))
    c.server.send(x)
    s.stanza("x<", await c.stanza())
    await c.silent()
    for n, (ctype, body, there) in enumerate((
            ("text/plain", "Here.", True),
            ("text/html", "<p>And <b>there</b>.</p>", True),
            ("image/png", "?", False))):
        m = c.ua_message(body, callid="g%d" % n, headers=[
            ("Content-Type", ctype)])
        s.sip("s>", m)
        r = await c.ua.request("MESSAGE", ALICE, raw=m)
        s.sip("s<", r)
        if there:
            s.stanza("x<", await c.stanza())
        else:
            s.note("s<", "  Accept: " + ", ".join(r.tokens("Accept")))
    s.judge("chat_rfc7572_6_7")
