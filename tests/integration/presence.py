"""Presence (protocol C): XMPP users watch phones, phones watch XMPP users; a
scripted server and a scripted telephone."""
import asyncio
import os
import re
import sqlite3
import time

from peers.daemon import config_text
from peers.lab import DATA, GW, Lab, table
from peers.presence import (Phone, Watcher, dialog_info, document, pidf,
                            shown)
from peers.proc import PATIENCE, until
from peers.reloading import conf, reload
from peers.runner import add, case
from peers.sipmsg import tag
from peers.sipua import Ua
from peers.xmppserver import condition, find, local

FULL = GW + "/sip"
BOB = "bob\\40example.net@sip.xmpp.test"
CAPS = "http://jabber.org/protocol/caps"
FAST = {"presence": {"expires": "60", "expires_min": "10", "grace": "1",
                     "retry": "1", "retry_max": "4", "giveup": "1",
                     "spacing": "1", "answer": "2"}}


def presence(type, to=None, frm=GW):
    def test(e):
        return local(e) == "presence" and e.get("type") == type \
            and e.get("from", "").partition("/")[0] == frm \
            and (to is None or e.get("to", "").partition("/")[0] == to)
    return test


async def start(t, changes=None, **kw):
    lab = await Lab(t).start(dict(FAST, **(changes or {})), **kw)
    await until(lambda: "connected" in lab.stoxd.ctl("status"), 20,
                "connection")
    lab.phone = Phone(lab.ua)
    return lab


def say(lab, type=None, inner="", to=GW, resource="/phone"):
    frm = lab.alice.bare + ("" if type in ("subscribe", "unsubscribe",
                                           "subscribed", "unsubscribed",
                                           "probe") else resource)
    return lab.server.stanza("presence", frm, to, inner, type)


async def got(lab, type=None, timeout=PATIENCE):
    return await lab.server.wait(presence(type, lab.alice.bare), timeout,
                                 "presence type=%s" % type)


async def none(lab, type, seconds):
    await lab.server.none(presence(type, lab.alice.bare), seconds,
                          "presence type=%s" % type)


async def watch(lab, body=None):
    """Alice is subscribed and sees the phone; the phone's subscription."""
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    s.accept()
    s.notify("active;expires=" + s.req.get("Expires"),
             pidf() if body is None else body)
    await s.notified()
    await got(lab, "subscribed")
    return s


# ---- C.1: the life of a subscription ----------------------------------------
@case
async def subscribed_when_the_phone_says_so(t):
    lab = await start(t)
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    m = s.req
    assert m.get("Event") == "presence", m.get("Event")
    assert "application/pidf+xml" in m.tokens("Accept"), m.all("Accept")
    assert m.get("Expires") == "60", m.get("Expires")
    assert re.search(r"<sip:[^@>]+@127.0.0.1:5070", m.get("Contact"))
    assert "NOTIFY" in m.tokens("Allow"), m.all("Allow")
    s.accept()
    await none(lab, "subscribed", 0.3)
    s.notify("active;expires=60", pidf(note="at the desk", show="away"))
    assert (await s.notified()).code == 200
    await got(lab, "subscribed")
    p = await got(lab)
    assert p.get("from") == FULL, p.get("from")
    assert shown(p) == ("away", "at the desk"), shown(p)
    assert find(p, "c", CAPS) is not None
    await got(lab, "subscribe")     # D52


@case
async def pending_says_nothing(t):
    lab = await start(t)
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    s.accept(202)
    s.notify("pending;expires=60")
    assert (await s.notified()).code == 200
    await lab.server.none(lambda e: local(e) == "presence", 2.5, "presence")
    s.notify("active;expires=60", pidf())
    await got(lab, "subscribed")
    await got(lab)


@case
async def empty_document_is_closed(t):
    lab = await start(t)
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    s.accept()
    s.notify("active;expires=60")
    await got(lab, "subscribed")
    await none(lab, None, 0.3)
    s.notify("active;expires=60", pidf())
    await got(lab)


@case
async def notify_before_the_response(t):
    lab = await start(t)
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    s.notify("active;expires=60", pidf())
    assert (await s.notified()).code == 200
    await got(lab, "subscribed")
    s.accept()
    s.notify("active;expires=60", pidf(note="later"))
    assert (await s.notified()).code == 200
    await got(lab)
    assert shown(await got(lab))[1] == "later"


@case
async def notify_out_of_order(t):
    lab = await start(t)
    s = await watch(lab)
    s.notify("active;expires=60", pidf(note="new"), cseq=10)
    assert (await s.notified()).code == 200
    s.notify("active;expires=60", pidf(note="old"), cseq=9)
    assert (await s.notified()).code == 500
    assert shown(await got(lab)) == (None, None)
    assert shown(await got(lab))[1] == "new"
    await none(lab, None, 0.3)


@case
async def notify_whose_answer_was_lost(t):
    """The same answer again, also to the one before the last; no news."""
    lab = await start(t)
    s = await watch(lab)
    await got(lab)
    sent = [s.notify("active;expires=60", pidf(note="one"))]
    assert (await s.notified()).code == 200
    sent.append(s.notify("active;expires=60", pidf(note="two")))
    assert (await s.notified()).code == 200
    assert [shown(await got(lab))[1] for _ in sent] == ["one", "two"]
    for m in reversed(sent):
        s.send(m)
        assert (await s.notified()).code == 200
    await none(lab, None, 0.3)


@case
async def notify_of_another_fork(t):
    """RFC 3856 6.9: one dialog a SUBSCRIBE."""
    lab = await start(t)
    s = await watch(lab)
    s.notify("active;expires=60", pidf(note="other"), from_tag="other")
    assert (await s.notified()).code == 481
    s.notify("active;expires=60", pidf(), callid="nobody")
    assert (await s.notified()).code == 481


@case
async def notify_that_is_wrong(t):
    lab = await start(t)
    s = await watch(lab)
    await got(lab)
    s.notify("active;expires=60", pidf(), event="dialog")
    assert (await s.notified()).code == 489
    s.notify("active;expires=60", "v=0", ctype="application/sdp")
    r = await s.notified()
    assert r.code == 415 and "application/pidf+xml" in r.get("Accept"), r
    s.notify(None, pidf())
    assert (await s.notified()).code == 400
    for junk in ("<presence", "<!DOCTYPE x><presence/>", "<x/>", "\0" * 10,
                 "<presence xmlns='urn:ietf:params:xml:ns:pidf'>" + "<a>" *
                 1000):
        s.notify("active;expires=60", junk)
        assert (await s.notified()).code == 200, junk
    await none(lab, None, 0.3)
    s.notify("active;expires=60", pidf(note="well"))
    assert shown(await got(lab))[1] == "well"


@case
async def refresh_while_online(t):
    lab = await start(t, {"presence": dict(FAST["presence"], expires="10")})
    s = await watch(lab)
    say(lab)
    r = await s.refresh(12)
    assert tag(r.get("To")) == s.ltag, r.get("To")
    assert r.get("Call-ID") == s.req.get("Call-ID")
    assert r.get("Expires") == "10" and r.cseq[0] > s.req.cseq[0]


@case
async def no_refresh_when_the_user_is_gone(t):
    """D13: nobody answers the probe, so nobody needs to be watched."""
    lab = await start(t, {"presence": dict(FAST["presence"], expires="10")})
    s = await watch(lab)
    await got(lab, "probe", 12)
    r = await s.refresh(12)
    assert r.get("Expires") == "0", r.get("Expires")


@case
async def log_out_and_in(t):
    lab = await start(t)
    s = await watch(lab)
    await got(lab)
    say(lab)
    await asyncio.sleep(0.2)
    say(lab, "unavailable")
    r = await s.refresh(5)
    assert r.get("Expires") == "0"
    s.accept(req=r)
    say(lab, "probe")
    say(lab)
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == "60"
    s.accept()
    s.notify("active;expires=60", pidf(show="dnd"))
    assert shown(await got(lab))[0] == "dnd"


@case
async def a_trunk_that_moves(t):
    """Its phones are left where it was and asked where it is now; without it
    what they said is no longer true."""
    lab = await start(t)
    s = await watch(lab)
    await got(lab)
    say(lab)
    ua = await Ua(ip="127.0.0.2", log=t.path("sip-2.log")).start()
    t.later(ua.close)
    phone = Phone(ua)
    await reload(lab, conf(trunk_pbx={"uri": "sip:127.0.0.2:5060",
                                      "accept_from": "127.0.0.2"}, **FAST))
    r = await s.refresh(5)
    assert r.get("Expires") == "0", r.get("Expires")
    s.accept(req=r)
    s = await phone.subscription()
    assert s.req.get("Expires") == "60"
    s.accept()
    s.notify("active;expires=60", pidf(show="dnd"))
    assert shown(await got(lab))[0] == "dnd"
    text = config_text(conf(**FAST)).replace("[trunk pbx]", "[trunk new]")
    await reload(lab, text=text + "\n[trunk other]\nuri = sip:127.0.0.3\n")
    r = await s.refresh(5)
    assert r.get("Expires") == "0", r.get("Expires")
    await got(lab, "unavailable", 15)


@case
async def short_absence_changes_nothing(t):
    lab = await start(t, {"presence": dict(FAST["presence"], grace="3")})
    s = await watch(lab)
    say(lab)
    await asyncio.sleep(0.2)
    say(lab, "unavailable")
    await asyncio.sleep(1)
    say(lab)
    assert await s.quiet(4)


@case
async def unsubscribe(t):
    lab = await start(t)
    s = await watch(lab)
    say(lab, "unsubscribe")
    r = await s.refresh(5)
    assert r.get("Expires") == "0"
    await none(lab, "unsubscribed", 0.3)
    s.accept(req=r)
    await got(lab, "unsubscribed")
    s.notify("terminated;reason=timeout")
    await s.notified()
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    s.accept()


@case
async def probe_of_one_who_is_not_there_is_a_fetch(t):
    lab = await start(t)
    say(lab, "probe")
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == "0", s.req.get("Expires")
    s.accept()
    s.notify("terminated;reason=timeout", pidf(note="fetched"))
    assert shown(await got(lab))[1] == "fetched"


@case
async def fetch_without_notify(t):
    """Timer N."""
    lab = await start(t)
    say(lab, "probe")
    s = await lab.phone.subscription()
    s.accept()
    await asyncio.sleep(2.5)
    say(lab, "probe")
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == "0"


@case
async def fetch_that_fails(t):
    """Its end is no refusal: who comes is asked for as ever."""
    lab = await start(t)
    say(lab, "probe")
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == "0", s.req.get("Expires")
    s.reply(500)
    await until(lambda: "500: later" in lab.stoxd.text(), 20, "the answer")
    assert await lab.phone.quiet(2.5), "it is fetched again"
    say(lab)
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == "60", s.req.get("Expires")


@case
async def no_retry_for_one_who_is_away(t):
    """What waits for its time waits for the next log-in."""
    lab = await start(t, {"presence": dict(FAST["presence"], grace="30")})
    s = await watch(lab)
    say(lab)
    s.notify("terminated;reason=giveup")
    assert (await s.notified()).code == 200
    say(lab, "unavailable")
    assert await lab.phone.quiet(2.5), "asked for nobody"
    say(lab)
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == "60", s.req.get("Expires")


@case
async def unsubscribe_of_one_who_watches(t):
    """The phone goes on seeing Alice, and she may ask for it again."""
    lab = await start(t)
    w = await onlook(lab)
    await alice_allows(lab, w)
    s = await watch(lab)
    say(lab, "unsubscribe")
    r = await s.refresh(5)
    assert r.get("Expires") == "0", r.get("Expires")
    s.accept(req=r)
    await got(lab, "unsubscribed")
    s.notify("terminated;reason=timeout")
    await s.notified()
    assert (await w.subscribe(30)).code == 200
    assert state(await w.notify()).startswith("active;")
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == "60", s.req.get("Expires")


# ---- C.1: responses ---------------------------------------------------------
async def _response(t, code, mode, action, headers=()):
    trunk, to = {}, GW
    if mode == "open":
        trunk = {"username": None, "password": None}
    elif mode == "strict":
        trunk = {"no_presence": "strict"}
    elif mode == "escaped":
        trunk, to = {"addressing": "escaped"}, BOB
    lab = await start(t, {"trunk pbx": trunk})
    say(lab, "subscribe", to=to)
    s = await lab.phone.subscription()
    s.reply(code, headers=headers)
    if action == "none":
        e = await lab.server.wait(presence("error", lab.alice.bare, BOB))
        assert condition(e)[0] == "item-not-found", condition(e)
        await lab.server.wait(presence("unsubscribed", None, BOB))
        return
    if action == "refuse":
        await got(lab, "unsubscribed")
        await none(lab, "subscribed", 0.2)
        assert await lab.phone.quiet(1.5)
    elif action == "synthetic":
        await got(lab, "subscribed")
        p = await got(lab)
        assert find(p, "c", CAPS) is not None and shown(p) == (None, None)
        assert await lab.phone.quiet(1.5)
    elif action == "again":
        s = await lab.phone.subscription(1)
        assert not tag(s.req.get("To"))
    elif action == "later":
        assert await lab.phone.quiet(0.6)
        s = await lab.phone.subscription(2)
        s.reply(code, headers=headers)
        await lab.phone.subscription(4)


for _row in table("presence_response"):
    add("response_%s_%s" % (_row[0], _row[1]), _response, int(_row[0]),
        *_row[1:])


@case
async def response_423(t):
    lab = await start(t)
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    s.reply(423, headers=[("Min-Expires", "120")])
    s = await lab.phone.subscription(again=s)
    assert s.req.get("Expires") == "120", s.req.get("Expires")
    s.accept()
    s.notify("active;expires=120", pidf())
    await got(lab, "subscribed")


@case
async def response_401(t):
    lab = await start(t)
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    s.reply(401, headers=[("WWW-Authenticate", 'Digest realm="pbx", '
                           'nonce="n1", algorithm=MD5, qop="auth"')])
    s = await lab.phone.subscription(again=s)
    assert 'username="gw"' in s.req.get("Authorization"), s.req.headers
    s.reply(401, headers=[("WWW-Authenticate", 'Digest realm="pbx", '
                           'nonce="n2", algorithm=MD5, qop="auth"')])
    await got(lab, "unsubscribed")


@case
async def response_481_to_a_refresh(t):
    lab = await start(t, {"presence": dict(FAST["presence"], expires="10")})
    s = await watch(lab)
    say(lab)
    r = await s.refresh(12)
    s.reply(481, req=r)
    n = await lab.phone.subscription()
    assert n.req.get("Call-ID") != s.req.get("Call-ID")


@case
async def silence_keeps_the_call_button(t):
    """D14: who says nothing to SUBSCRIBE may still take calls."""
    lab = await start(t)
    say(lab, "subscribe")
    await lab.phone.subscription()
    await got(lab, "subscribed", 4)
    assert find(await got(lab), "c", CAPS) is not None


@case
async def silence_after_a_challenge(t):
    """A proxy that asks who we are, and a phone behind it that is silent."""
    lab = await start(t)
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    s.reply(407, headers=[("Proxy-Authenticate", 'Digest realm="pbx", '
                           'nonce="n1", algorithm=MD5, qop="auth"')])
    await lab.phone.subscription(again=s)
    await got(lab, "subscribed", 4)
    assert find(await got(lab), "c", CAPS) is not None


@case
async def two_failures_are_unavailable(t):
    lab = await start(t)
    s = await watch(lab)
    await got(lab)
    s.notify("terminated;reason=probation;retry-after=1")
    for _ in range(2):
        s = await lab.phone.subscription(6)
        s.reply(480)
    await got(lab, "unavailable")


# ---- C.1: ends --------------------------------------------------------------
async def _terminated(t, reason, action):
    lab = await start(t)
    s = await watch(lab)
    await got(lab)
    param = "" if reason == "-" else ";reason=" + reason
    s.notify("terminated" + param)
    assert (await s.notified()).code == 200
    if action == "refuse":
        await got(lab, "unsubscribed")
        assert await lab.phone.quiet(1.5)
    elif action == "again":
        await lab.phone.subscription(1)
    elif action == "pause":
        assert await lab.phone.quiet(0.6)
        await lab.phone.subscription(3)
    elif action == "freeze":
        assert await lab.phone.quiet(2.5)
        await none(lab, "unavailable", 0.1)
        say(lab, "probe")
        await got(lab)


for _row in table("presence_reason"):
    add("terminated_%s" % ("none" if _row[0] == "-" else _row[0]),
        _terminated, _row[0], _row[1])


@case
async def terminated_with_retry_after(t):
    lab = await start(t, {"presence": dict(FAST["presence"], giveup="60")})
    s = await watch(lab)
    s.notify("terminated;reason=giveup;retry-after=2")
    since = time.monotonic()
    await lab.phone.subscription(4)
    assert time.monotonic() - since > 1.4


# ---- C.3 --------------------------------------------------------------------
@case
async def closed_is_unavailable(t):
    lab = await start(t)
    s = await watch(lab)
    await got(lab)
    s.notify("active;expires=60", pidf(basic="closed"))
    await got(lab, "unavailable")


@case
async def closed_means_xa(t):
    lab = await start(t, {"trunk pbx": {"closed_means": "xa"}})
    await watch(lab, pidf(basic="closed", note="gone home"))
    assert shown(await got(lab)) == ("xa", "gone home")


@case
async def best_of_several_tuples(t):
    lab = await start(t)
    body = pidf(tuples=[("closed", "1.0", "off"), ("open", "0.2", "desk"),
                        ("open", "0.8", "mobile"), ("open", None, "x")])
    await watch(lab, body)
    p = await got(lab)
    assert shown(p) == (None, "mobile"), shown(p)
    assert find(p, "priority").text == "102"    # round(127 * 0.8)


@case
async def on_the_phone_by_rpid(t):
    lab = await start(t)
    await watch(lab, pidf(activities=["on-the-phone"]))
    assert shown(await got(lab)) == ("dnd", "On the phone")


@case
async def busy_lamp(t):
    """D47: the dialog package of a trunk with blf = yes."""
    lab = await start(t, {"trunk pbx": {"blf": "yes"}})
    say(lab, "subscribe")
    both = {}
    for _ in range(2):
        s = await lab.phone.subscription()
        both[s.req.get("Event")] = s
        s.accept()
    assert "application/dialog-info+xml" in both["dialog"].req.get("Accept")
    both["presence"].notify("active;expires=60", pidf())
    await got(lab, "subscribed")
    assert shown(await got(lab)) == (None, None)
    d = both["dialog"]
    d.notify("active;expires=60", dialog_info(0, "full", [("a", "early")]))
    await none(lab, None, 0.3)
    d.notify("active;expires=60", dialog_info(1, "partial",
                                              [("a", "confirmed")]))
    assert shown(await got(lab)) == ("dnd", "On the phone")
    d.notify("active;expires=60", dialog_info(2, "partial",
                                              [("a", "terminated")]))
    assert shown(await got(lab)) == (None, None)
    # a document was lost: the full state is asked for
    d.notify("active;expires=60", dialog_info(5, "partial",
                                              [("b", "confirmed")]))
    r = await d.refresh(2)
    assert r.get("Event") == "dialog"


@case
async def busy_lamps_of_their_trunk_alone(t):
    lab = await start(t, {
        "trunk pbx": {"addressing": "trunk"},
        "trunk two": {"uri": "sip:127.0.0.4:5060", "addressing": "trunk",
                      "blf": "yes"},
        "route": {"a": "from xmpp.test to 6* via pbx",
                  "b": "from xmpp.test to 7* via two"}})
    s = await watch(lab)
    assert s.req.get("Event") == "presence", s.req.get("Event")
    assert await lab.phone.quiet(1), "its lamp is asked for"


@case
async def busy_lamp_without_presence(t):
    lab = await start(t, {"trunk pbx": {"blf": "yes"}})
    say(lab, "subscribe")
    for _ in range(2):
        s = await lab.phone.subscription()
        if s.req.get("Event") == "presence":
            s.reply(489)
            continue
        s.accept()
        d = s
    await got(lab, "subscribed")
    await got(lab)
    d.notify("active;expires=60", dialog_info(0, "full",
                                              [("a", "confirmed")]))
    assert shown(await got(lab)) == ("dnd", "On the phone")


@case
async def call_shows_as_busy(t):
    """A call through the gateway, on both sides."""
    lab = await start(t)
    await watch(lab)
    await got(lab)
    w = await onlook(lab)
    await alice_allows(lab, w)
    f = await lab.x2s()
    assert shown(await got(lab)) == ("dnd", "On the phone")
    n = await w.notify()
    assert "on-the-phone" in n.body.decode(), n.body
    await lab.hang_up(f)
    assert shown(await got(lab)) == (None, None)
    n = await w.notify()
    assert "on-the-phone" not in n.body.decode(), n.body


# ---- C.2 --------------------------------------------------------------------
ALICE = "sip:alice@127.0.0.1:5070"


async def onlook(lab, expires=30, to=ALICE):
    w = Watcher(lab.phone, to)
    r = await w.subscribe(expires)
    assert r.code == 200, r
    w.first = await w.notify()
    return w


async def alice_allows(lab, w, inner="", resource="/phone"):
    say(lab, "subscribed")
    n = await w.notify()
    assert n.get("Subscription-State").startswith("active;"), n.headers
    say(lab, None, inner, resource=resource)
    n = await w.notify()
    return n


def state(n):
    return n.get("Subscription-State")


@case
async def watcher_pending_then_allowed(t):
    lab = await start(t)
    w = Watcher(lab.phone, ALICE)
    r = await w.subscribe(3600)
    assert r.code == 200 and r.get("Expires") == "60", r.headers
    n = await w.notify()
    assert re.match(r"pending;expires=(60|59)$", state(n)), state(n)
    assert n.get("Event") == "presence" and not n.body, n.headers
    assert tag(n.get("From")) == tag(r.get("To"))
    e = await got(lab, "subscribe")
    assert e.get("from") == GW and e.get("to") == lab.alice.bare, e.attrib
    say(lab, "subscribed")
    n = await w.notify()
    assert state(n).startswith("active;expires=") and not n.body, n.body
    say(lab, None, "<show>away</show><status xml:lang='de'>weg</status>"
        "<priority>5</priority>")
    n = await w.notify()
    assert n.get("Content-Type") == "application/pidf+xml"
    rows, acts = document(n)
    assert [r[1:] for r in rows] == [("open", "away", "0.039", "weg")], rows
    assert rows[0][0].startswith("ID-") and "phone" not in n.body.decode()
    assert acts == ["away"], acts
    assert b"xml:lang='de'" in n.body and b"entity='pres:alice@" in n.body


@case
async def watcher_rejected(t):
    lab = await start(t)
    w = await onlook(lab)
    say(lab, "unsubscribed")
    n = await w.notify()
    assert state(n) == "terminated;reason=rejected" and not n.body
    r = await w.subscribe(60)
    assert r.code == 481, r


@case
async def watcher_revoked(t):
    lab = await start(t)
    w = await onlook(lab)
    await alice_allows(lab, w)
    say(lab, "unsubscribed")
    n = await w.notify()
    assert state(n) == "terminated;reason=rejected" and not n.body


@case
async def watcher_of_nobody(t):
    lab = await start(t)
    w = await onlook(lab)
    e = await got(lab, "subscribe")
    lab.server.error(e, "item-not-found")
    assert state(await w.notify()) == "terminated;reason=noresource"


@case(timeout=120)
async def watcher_errors(t):
    """B.3: what came back from XMPP, and what the watcher is told of it."""
    lab = await start(t)
    kept = []
    for cond, _, _, reason in table("cond_to_sip"):
        user = cond.replace("-", "") + "@xmpp.test"
        w = await onlook(lab, to="sip:%s@127.0.0.1:5070" % cond.replace(
            "-", ""))
        e = await lab.server.wait(presence("subscribe", user))
        lab.server.error(e, cond)
        if reason == "-":
            kept.append((user, w))
        else:
            n = await w.notify()
            assert state(n) == "terminated;reason=" + reason, (cond, state(n))
            assert not n.body, n.body
    for user, w in kept:
        lab.server.stanza("presence", user, GW, "", "subscribed")
        n = await w.notify()
        assert state(n).startswith("active;"), (user, state(n))


@case
async def watcher_never_decided(t):
    lab = await start(t)
    w = await onlook(lab, 10)
    n = await w.notify(13)
    assert state(n) == "terminated;reason=timeout" and not n.body, n.body


@case
async def watcher_refreshes(t):
    lab = await start(t)
    w = await onlook(lab)
    await alice_allows(lab, w, "<show>dnd</show>")
    r = await w.subscribe(40)
    assert r.code == 200 and r.get("Expires") == "40", r.headers
    n = await w.notify()
    rows, acts = document(n)
    assert rows[0][2] == "dnd" and acts == ["busy"], (rows, acts)
    say(lab, "unavailable")
    n = await w.notify()
    assert [r[1] for r in document(n)[0]] == ["closed"], n.body


@case
async def watcher_refreshes_unknown(t):
    """8048 5.3.2: empty when nothing is known."""
    lab = await start(t)
    w = await onlook(lab)
    say(lab, "subscribed")
    await w.notify()
    await w.subscribe(40)
    n = await w.notify()
    assert state(n).startswith("active") and not n.body, n.body


@case
async def watcher_leaves(t):
    lab = await start(t)
    w = await onlook(lab)
    await alice_allows(lab, w)
    r = await w.subscribe(0)
    assert r.code == 200 and r.get("Expires") == "0"
    n = await w.notify()
    assert state(n) == "terminated;reason=timeout"
    assert [x[1] for x in document(n)[0]] == ["closed"], n.body
    e = await got(lab, "unavailable")
    assert e.get("to") == lab.alice.bare
    # it is allowed still: the next one is active at once
    w = await onlook(lab)
    assert state(w.first).startswith("active"), state(w.first)
    await got(lab, "probe")


@case
async def fetch_of_a_user(t):
    lab = await start(t)
    w = Watcher(lab.phone, ALICE)
    r = await w.subscribe(0)
    assert r.code == 200, r
    e = await got(lab, "probe")
    assert e.get("from") == GW
    say(lab, None, "<show>xa</show>")
    n = await w.notify()
    assert state(n) == "terminated;reason=timeout"
    assert document(n)[0][0][2] == "xa", n.body


@case
async def fetch_without_an_answer(t):
    lab = await start(t)
    w = Watcher(lab.phone, ALICE)
    await w.subscribe(0)
    since = time.monotonic()
    n = await w.notify(6)
    assert state(n) == "terminated;reason=timeout" and not n.body
    assert 3 < time.monotonic() - since < 5.5


@case
async def several_resources(t):
    lab = await start(t)
    w = await onlook(lab)
    await alice_allows(lab, w, "<priority>-1</priority>", "/bot")
    say(lab, None, "<show>chat</show><priority>127</priority>",
        resource="/desk")
    rows, acts = document(await w.notify())
    assert [(r[1], r[2], r[3]) for r in rows] == [
        ("open", "chat", "1.000"), ("open", None, None)], rows
    assert len({r[0] for r in rows}) == 2
    lab.server.stanza("presence", lab.alice.bare + "/desk", GW, "",
                      "unavailable")
    rows2, _ = document(await w.notify())
    assert {r[0]: r[1] for r in rows2} == {
        rows[0][0]: "closed", rows[1][0]: "open"}, rows2


@case
async def notifies_are_spaced(t):
    """3856 6.10: the latest, once in the spacing."""
    lab = await start(t, {"presence": dict(FAST["presence"], spacing="2")})
    w = await onlook(lab)
    say(lab, "subscribed")
    await w.notify()
    since = time.monotonic()
    for i in range(20):
        say(lab, None, "<status>%d</status>" % i)
        await asyncio.sleep(0.02)
    n = await w.notify()
    assert time.monotonic() - since > 1.5
    assert document(n)[0][0][4] == "19", n.body
    assert await w.quiet(2.5)


@case
async def notify_refused_ends_it(t):
    lab = await start(t)
    w = await onlook(lab)
    say(lab, "subscribed")
    await w.notify(code=481)
    say(lab)
    assert await w.quiet(2)
    assert (await w.subscribe(60)).code == 481


@case
async def other_packages(t):
    lab = await start(t)
    for event in ("dialog", "message-summary", None):
        r = await Watcher(lab.phone, ALICE, event).subscribe(60)
        assert r.code == 489, r
        assert r.get("Allow-Events") == "presence", r.headers
    w = Watcher(lab.phone, ALICE)
    r = await w.subscribe(60, [("Accept", "application/xpidf+xml")])
    assert r.code == 406 and r.get("Accept") == "application/pidf+xml", r
    w = Watcher(lab.phone, ALICE)
    r = await w.subscribe("junk")
    assert r.code == 400, r


@case
async def who_may_not_watch(t):
    lab = await start(t)
    w = Watcher(lab.phone, "sip:alice@127.0.0.1:5070")
    w.local = "<sip:anonymous@anonymous.invalid>;tag=a1"
    assert (await w.subscribe(60)).code == 403
    assert not [e for e in lab.server.history
                if local(e) == "presence"]


@case
async def presence_no(t):
    lab = await start(t, {"trunk pbx": {"presence": "no"}})
    assert (await Watcher(lab.phone, ALICE).subscribe(60)).code == 489
    say(lab, "subscribe")
    await got(lab, "subscribed", 1)
    await got(lab, None, 1)
    assert await lab.phone.quiet(0.5)


@case
async def presence_synthetic(t):
    lab = await start(t, {"trunk pbx": {"presence": "synthetic"}})
    say(lab, "subscribe")
    await got(lab, "subscribed", 1)
    await got(lab, None, 1)
    assert await lab.phone.quiet(0.5)
    w = await onlook(lab)
    await alice_allows(lab, w)


@case
async def only_the_watcher_learns(t):
    """8048 8.2: what is for one contact is for no other."""
    lab = await start(t)
    w = await onlook(lab)
    await alice_allows(lab, w)
    other = Watcher(lab.phone, ALICE, name="601")
    await other.subscribe(60)
    n = await other.notify()
    assert state(n).startswith("pending") and not n.body
    say(lab, None, "<status>secret</status>")
    assert document(await w.notify())[0][0][4] == "secret"
    assert await other.quiet(1.5)


# ---- restarts ---------------------------------------------------------------
@case
async def xmpp_server_comes_back(t):
    lab = await start(t)
    s = await watch(lab, pidf(show="away"))
    await got(lab)
    say(lab)
    await asyncio.sleep(0.2)
    lab.server.cut()
    await asyncio.wait_for(lab.server.up.wait(), 20)
    assert shown(await got(lab))[0] == "away"
    await got(lab, "probe")
    say(lab)
    assert await s.quiet(1)


@case
async def gateway_stops_politely(t):
    lab = await start(t)
    s = await watch(lab)
    await got(lab)
    w = await onlook(lab)
    await alice_allows(lab, w)
    await lab.stoxd.stop()
    await got(lab, "unavailable")
    n = await w.notify()
    assert state(n) == "terminated;reason=deactivated", state(n)
    assert (await s.refresh()).get("Expires") == "0"
    await lab.stoxd.run()


@case(timeout=90)
async def gateway_is_killed(t):
    """With a store: nobody does a thing, and both see each other again."""
    lab = await start(t, {"store": {"path": "stoxd.db"}})
    await watch(lab, pidf(show="away"))
    await got(lab)
    w = await onlook(lab)
    await alice_allows(lab, w)
    db = t.path("stoxd.db")
    await until(lambda: sqlite3.connect(db).execute(
        "SELECT flags FROM pair").fetchall() == [(3,)], PATIENCE,
                "both ways")
    lab.stoxd.p.kill()
    lab.stoxd.p.wait()
    lab.server.unread.clear()
    await lab.stoxd.run()
    await got(lab, "probe")
    say(lab)            # as her server answers, she does nothing
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == "60", s.req.get("Expires")
    s.accept()
    s.notify("active;expires=60", pidf(show="dnd"))
    assert shown(await got(lab))[0] == "dnd"
    # the phone's dialog is gone, which its next refresh tells it
    assert (await w.subscribe(30)).code == 481
    w = await onlook(lab)
    assert state(w.first).startswith("active"), state(w.first)
    assert not [e for e in lab.server.unread if e.get("type") in (
        "subscribe", "subscribed")], "it is asked once more"


@case(timeout=120, waits=33)
async def pbx_comes_back(t):
    """It forgot its subscriptions while it was away: they were not to be
    renewed for half an hour."""
    lab = await start(t, {"presence": dict(FAST["presence"],
                                           expires="3600")})
    s = await watch(lab)
    say(lab)
    auto = dict(lab.ua.auto)
    end = time.monotonic() + 50
    lab.ua.drop = lambda m: m.method == "OPTIONS"
    while "no answer to OPTIONS" not in lab.stoxd.text():
        assert time.monotonic() < end
        await asyncio.sleep(0.2)
    lab.ua.drop, lab.ua.auto = None, auto
    r = await s.refresh(40)     # the next OPTIONS
    s.reply(481, req=r)
    s = await lab.phone.subscription()
    s.accept()
    s.notify("active;expires=60", pidf(note="back"))
    await got(lab)
    assert shown(await got(lab))[1] == "back"


@case
async def pbx_restarts_fast(t):
    """Nobody saw it go; two phones of it lost their dialogs: the third is
    asked now, in an hour nobody would know."""
    lab = await start(t)
    say(lab)
    subs = {}
    for n in ("600", "601", "602"):
        lab.server.stanza("presence", lab.alice.bare,
                          GW.replace("600", n), "", "subscribe")
        s = await lab.phone.subscription()
        s.reply(200, [("Expires", "3600" if n == "602" else "10"),
                      ("Contact", lab.ua.contact())])
        s.notify("active;expires=%s" % ("3600" if n == "602" else "10"),
                 pidf())
        assert (await s.notified()).code == 200
        subs[n] = s
    for n in ("600", "601"):
        r = await subs[n].refresh(12)
        say(lab)
        subs[n].reply(481, req=r)
    r = await subs["602"].refresh(4)
    assert tag(r.get("To")), "in its dialog, which may still be there"
    subs["602"].reply(481, req=r)
    for _ in range(3):
        s = await lab.phone.subscription(8)
        assert s.req.get("Call-ID") not in [
            x.req.get("Call-ID") for x in subs.values()]
        s.accept()
        s.notify("active;expires=60", pidf(note="back"))


@case
async def no_storm(t):
    """Many log in at once: not more SUBSCRIBEs than the rate."""
    lab = await start(t, {"presence": dict(FAST["presence"], rate="20")})
    for i in range(60):
        lab.server.stanza("presence", "u%d@xmpp.test" % i, GW, "",
                          "subscribe")
    times = []
    for i in range(60):
        s = await lab.phone.subscription(6)
        times.append(time.monotonic())
        s.reply(489)
    worst = max(sum(1 for x in times if a <= x < a + 1) for a in times)
    assert worst <= 30, "%d in a second" % worst
    assert times[-1] - times[0] > 2, times[-1] - times[0]


# ---- RFC 8048, flow by flow -------------------------------------------------
def _sip_line(m):
    what = m.start.split(" ")[0] if m.is_request else "%d %s" % (
        m.code, m.cseq[1])
    if m.is_request and m.method == "SUBSCRIBE":
        what += " %s Expires: %s" % (m.get("Event"), m.get("Expires"))
    if m.is_request and m.method == "NOTIFY":
        what += " " + re.sub(r";expires=\d+", "", state(m)) + (
            " with a document" if m.body else "")
        for _, basic, show, _, _ in document(m)[0] if m.body else ():
            what += ", " + basic + (" " + show if show else "")
    return what


async def _golden(lab, t, name):
    """What went over both wires is what tests/data/NAME.txt says; each line
    from the gateway's point of view."""
    await asyncio.sleep(0.3)
    out, seen = [], set()
    for when, way, m in lab.ua.history:
        key = (m.branch, m.start)
        if "OPTIONS" not in m.get("CSeq") and key not in seen:
            seen.add(key)
            out.append((when, "sip %s %s" % ("<" if way == ">" else ">",
                                             _sip_line(m))))
    with open(t.path("xmpp.log")) as f:
        skew = time.monotonic() - time.time()
        for line in f:
            way, when, text = line.split(" ", 2)
            p = re.match(r"<(?:\w+:)?presence ", text)
            if not p:
                continue
            type = re.search(r" type=['\"](\w+)", text)
            frm = re.search(r" from=['\"]([^'\"]+)", text).group(1)
            show = re.search(r"<(?:\w+:)?show>(\w+)", text)
            out.append((float(when) + skew, "xmpp %s presence %s%s from %s" % (
                "<" if way == ">" else ">",
                type.group(1) if type else "available",
                " " + show.group(1) if show else "", frm)))
    got_it = [line for _, line in sorted(out, key=lambda x: x[0])]
    with open(os.path.join(DATA, name + ".txt")) as f:
        want = [x.rstrip("\n") for x in f if x[0] != "#" and x.strip()]
    for wire in ("xmpp", "sip"):    # the two are not of one clock
        a = [x for x in got_it if x.startswith(wire)]
        b = [x for x in want if x.startswith(wire)]
        assert a == b, "\n".join(["got:"] + got_it + ["want:"] + want)


@case
async def flow_8048_5_2(t):
    """An XMPP user subscribes, and no more."""
    lab = await start(t)
    s = await watch(lab, pidf(show="away"))
    await got(lab)
    await got(lab, "subscribe")
    say(lab, "unsubscribe")
    r = await s.refresh()
    s.accept(req=r)
    await got(lab, "unsubscribed")
    s.notify("terminated;reason=timeout")
    await s.notified()
    await _golden(lab, t, "presence_flow_5_2")


@case
async def flow_8048_5_2_1(t):
    """Its server has not asked the contact yet (F1 to F15)."""
    lab = await start(t)
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    s.accept()
    s.notify("pending;expires=60")
    await s.notified()
    s.notify("active;expires=60", pidf())
    await s.notified()
    await got(lab)
    await _golden(lab, t, "presence_flow_5_2_1")


@case
async def flow_8048_5_2_2(t):
    """A notification dialog is refreshed while its user is online."""
    lab = await start(t, {"presence": dict(FAST["presence"], expires="10")})
    s = await watch(lab)
    say(lab)
    r = await s.refresh(12)
    s.accept(req=r)
    s.notify("active;expires=10", pidf(show="dnd"))
    await s.notified()
    await got(lab)
    await _golden(lab, t, "presence_flow_5_2_2")


@case
async def flow_8048_5_3(t):
    """A SIP user subscribes, renews, and no more."""
    lab = await start(t)
    w = await onlook(lab)
    await got(lab, "subscribe")
    await alice_allows(lab, w, "<show>dnd</show>")
    await w.subscribe(40)
    await w.notify()
    await w.subscribe(0)
    await w.notify()
    await got(lab, "unavailable")
    await _golden(lab, t, "presence_flow_5_3")


@case
async def flow_8048_5_3_1(t):
    """A SIP user subscribes and is rejected (examples 15 and 16)."""
    lab = await start(t)
    w = await onlook(lab)
    await got(lab, "subscribe")
    say(lab, "unsubscribed")
    await w.notify()
    await _golden(lab, t, "presence_flow_5_3_1")


@case
async def flow_8048_6_2(t):
    """An XMPP user changes and goes (examples 18 and 19)."""
    lab = await start(t)
    w = await onlook(lab)
    await got(lab, "subscribe")
    await alice_allows(lab, w)
    say(lab, None, "<show>away</show>")
    await w.notify()
    say(lab, "unavailable")
    await w.notify()
    await _golden(lab, t, "presence_flow_6_2")


@case
async def flow_8048_6_3(t):
    """A SIP user changes and goes (examples 20 and 21)."""
    lab = await start(t)
    s = await watch(lab)
    await got(lab)
    s.notify("active;expires=60", pidf(show="away"))
    await s.notified()
    await got(lab)
    s.notify("active;expires=60", pidf(basic="closed"))
    await s.notified()
    await got(lab, "unavailable")
    await _golden(lab, t, "presence_flow_6_3")


@case
async def flow_8048_7_1(t):
    """An XMPP user asks once."""
    lab = await start(t)
    say(lab, "probe")
    s = await lab.phone.subscription()
    s.accept()
    s.notify("terminated;reason=timeout", pidf())
    await got(lab)
    await _golden(lab, t, "presence_flow_7_1")


@case
async def flow_8048_7_2(t):
    """A SIP user asks once."""
    lab = await start(t)
    w = Watcher(lab.phone, ALICE)
    await w.subscribe(0)
    await got(lab, "probe")
    say(lab, None, "<show>xa</show>")
    await w.notify()
    await _golden(lab, t, "presence_flow_7_2")
