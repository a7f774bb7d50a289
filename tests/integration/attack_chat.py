"""What a hostile telephone, PBX or user could do with messages and presence
(hardening 1, 3; protocol B.5, C, D): each case was a way in once."""
import asyncio
import re

from peers.lab import GW, Lab
from peers.presence import Phone, Watcher, pidf, shown
from peers.proc import PATIENCE
from peers.runner import case
from peers.sipmsg import Msg, tag, uri
from peers.sipua import Ua, token
from peers.xmppserver import condition, find, local

ALICE = "sip:alice@127.0.0.1:5070"
PLAIN = ("Content-Type", "text/plain;charset=UTF-8")
FAST = {"expires": "60", "expires_min": "10", "grace": "1", "retry": "1",
        "retry_max": "4", "giveup": "1", "spacing": "1", "answer": "2"}
CPIM = ("Content-Type", "message/cpim")


async def start(t, changes=None, **kw):
    conf = {"presence": FAST,
            "limits": {"message_rate": 10000, "message_burst": 10000}}
    for s, v in (changes or {}).items():
        conf[s] = dict(conf.get(s, {}), **v)
    lab = await Lab(t).start(conf, **kw)
    while "connected" not in lab.stoxd.ctl("status"):
        await asyncio.sleep(0.05)
    lab.phone = Phone(lab.ua)
    return lab


def say(lab, type=None, inner="", to=GW, frm=None):
    bare = type in ("subscribe", "unsubscribe", "subscribed", "probe")
    return lab.server.stanza(
        "presence", frm or lab.alice.bare + ("" if bare else "/phone"), to,
        inner, type)


def write(lab, body, more="", id="abcdefgh-1", to=GW, frm=None):
    return lab.server.stanza("message", frm or lab.alice.jid, to,
                             "<body>%s</body>%s" % (body, more), "chat", id)


async def got(lab, what, type=None, timeout=PATIENCE):
    return await lab.server.wait(
        lambda e: local(e) == what and e.get("type") == type, timeout,
        "%s type=%s" % (what, type))


async def text(lab, timeout=PATIENCE):
    """The next stanza that is for people."""
    return await lab.server.wait(
        lambda e: local(e) == "message" and find(e, "body") is not None,
        timeout, "a text")


async def told(lab, timeout=PATIENCE):
    """The next MESSAGE at the telephone."""
    return await lab.phone.take(lambda m: True, timeout, "MESSAGE")


def pairs(lab):
    m = re.search(r"presence: (\d+) pairs", lab.stoxd.ctl("status"))
    return int(m.group(1))


def subscribe(lab, name, expires=60, headers=(), to=ALICE):
    return Watcher(lab.phone, to, name=name).subscribe(expires, headers)


# ---- messages within calls, and back to where they came from ----------------
async def _within(lab, f, body):
    """A MESSAGE in the dialog of a call; its answer."""
    m = f.sip.make("MESSAGE", body, [PLAIN])
    return await lab.ua.request("", "", raw=m)


@case
async def message_within_a_call(t):
    """RFC 3428 4: in the dialog of a call a text is a text."""
    lab = await start(t)
    f = await lab.s2x()
    r = await _within(lab, f, "the door is open")
    assert r.code == 202, r
    e = await text(lab)
    assert find(e, "body").text == "the door is open"
    assert (e.get("from"), e.get("to")) == (GW + "/sip", lab.alice.bare)
    # an old one is refused, and no refusal ends the call (RFC 5057 5.1)
    m = f.sip.make("MESSAGE", "late", [PLAIN], cseq=1)
    assert (await lab.ua.request("", "", raw=m)).code == 500
    m = f.sip.make("MESSAGE", "x", [("Content-Type", "image/png")])
    assert (await lab.ua.request("", "", raw=m)).code == 415
    await lab.hang_up(f)


@case
async def message_within_a_call_to_sip(t):
    """The same where the gateway has called."""
    lab = await start(t)
    f = await lab.x2s()
    r = await _within(lab, f, "wait a moment")
    assert r.code == 202, r
    e = await text(lab)
    assert find(e, "body").text == "wait a moment"
    assert e.get("to") == lab.alice.bare, e.get("to")
    await lab.hang_up(f)


@case
async def message_of_a_strange_dialog(t):
    lab = await start(t)
    f = await lab.s2x()
    m = f.sip.make("MESSAGE", "x", [PLAIN])
    m.set("To", m.get("To") + "x")
    assert (await lab.ua.request("", "", raw=m)).code == 481
    m = f.sip.make("MESSAGE", "x", [PLAIN])
    m.set("From", m.get("From") + "x")
    assert (await lab.ua.request("", "", raw=m)).code == 481
    await lab.server.none(lambda e: local(e) == "message" and
                          find(e, "body") is not None, 0.3, "a text")
    await lab.hang_up(f)


@case
async def message_loop(t):
    """B.5: what a PBX sends back to us is refused, and its sender told."""
    lab = await start(t)
    write(lab, "round and round")
    m = await told(lab)
    back = Msg("MESSAGE sip:600@127.0.0.1:5070 SIP/2.0", [
        ("Via", lab.ua.via()), ("Max-Forwards", "69"),
        ("From", "<%s>;tag=%s" % (uri(m.get("From")), token("f"))),
        ("To", m.get("To")), ("Call-ID", token("c")),
        ("CSeq", "1 MESSAGE"), PLAIN], m.body)
    r = await lab.ua.request("", "", raw=back)
    assert r.code == 482, r
    lab.ua.reply(m, 482)
    e = await got(lab, "message", "error")
    assert condition(e)[0] == "not-acceptable", condition(e)
    # an answer is no loop
    write(lab, "how are you?", id="abcdefgh-2")
    lab.ua.reply(await told(lab), 200)
    r = await lab.ua.request("MESSAGE", ALICE, [PLAIN], "well")
    assert r.code == 202, r


@case
async def message_from_one_of_us(t):
    """B.5: nobody at a PBX is a user of ours."""
    lab = await start(t, {"trunk pbx": {"addressing": "escaped"}})
    r = await lab.ua.request(
        "MESSAGE", "sip:alice%40xmpp.test@sip.xmpp.test", [PLAIN], "trust me",
        from_uri="sip:bob%40xmpp.test@sip.xmpp.test")
    assert r.code == 482, r
    r = await lab.ua.request(
        "MESSAGE", "sip:alice%40xmpp.test@sip.xmpp.test", [PLAIN], "hello",
        from_uri="sip:bob@example.net")
    assert r.code == 202, r


@case
async def one_text_one_error(t):
    """A text that went in parts comes back once, not once for each part."""
    lab = await start(t, {"chat": {"oversize": "split", "ttl": "3"}})
    write(lab, " ".join("word%d" % i for i in range(1000)), id="long-one-1")
    lab.ua.drop = lambda m: m.method == "MESSAGE"
    e = await got(lab, "message", "error", 10)
    assert e.get("id") == "long-one-1", e.get("id")
    await lab.server.none(lambda e: local(e) == "message", 2, "another error")


@case
async def one_delivery_report(t):
    """RFC 5438 7.2.1.1: delivered and then failed is one too many."""
    lab = await start(t)
    body = "\r\n".join([
        "From: <sip:600@127.0.0.1>", "To: <sip:alice@127.0.0.1>",
        "NS: imdn <urn:ietf:params:imdn>", "imdn.Message-ID: abc123",
        "imdn.Disposition-Notification: positive-delivery, negative-delivery",
        "", "Content-Type: text/plain", "", "hello"])
    assert (await lab.ua.request("MESSAGE", ALICE, [CPIM], body)).code == 202
    e = await got(lab, "message", "chat")
    id = e.get("id")
    lab.server.stanza("message", lab.alice.jid, GW + "/sip",
                      "<received xmlns='urn:xmpp:receipts' id='%s'/>" % id)
    m = await told(lab)
    assert b"<delivered/>" in m.body, m.body
    lab.ua.reply(m, 200)
    # nor may another user speak for alice
    lab.server.stanza("message", "eve@xmpp.test/x", GW + "/sip",
                      "<received xmlns='urn:xmpp:receipts' id='%s'/>" % id)
    lab.server.stanza(
        "message", lab.alice.jid, GW + "/sip", "<error type='cancel'>"
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
        "</error>", "error", id)
    try:
        m = await told(lab, 0.5)
    except TimeoutError:
        return
    raise AssertionError("another report: %r" % m.body)


# ---- presence: what others can make us keep ---------------------------------
@case
async def refused_watchers_leave_nothing(t):
    """While the server was away each refused SUBSCRIBE left a pair, for
    ever."""
    lab = await start(t)
    await lab.server.stop()
    while "not connected" not in lab.stoxd.text() and \
            "connected" in lab.stoxd.ctl("status").split("\n")[0]:
        await asyncio.sleep(0.05)
    for i in range(10):
        r = await subscribe(lab, "r%d" % i)
        assert r.code in (480, 200), r
    codes = [(await subscribe(lab, "s%d" % i)).code for i in range(10)]
    assert codes == [480] * 10, codes
    assert pairs(lab) <= 10, pairs(lab)


@case
async def strangers_who_ask(t):
    """A user is not asked about more strangers than one can look at."""
    lab = await start(t)
    for i in range(50):
        assert (await subscribe(lab, "n%d" % i)).code == 200, i
    assert (await subscribe(lab, "n50")).code == 480
    assert pairs(lab) == 50, pairs(lab)
    # others may be asked, and who is allowed is not in the way
    assert (await subscribe(lab, "n50", to="sip:bob@127.0.0.1:5070")).code \
        == 200
    say(lab, "subscribed", to="n0@sip.xmpp.test")
    await asyncio.sleep(0.2)
    assert (await subscribe(lab, "n50")).code == 200
    await asyncio.sleep(0.2)  # what it asks the user follows its answer
    assert sum(1 for e in lab.server.history if local(e) == "presence"
               and e.get("type") == "subscribe"
               and e.get("to") == lab.alice.bare) == 51


@case
async def contacts_of_a_user(t):
    """Hardening 3, "subs per JID": the PBX is asked for no more."""
    lab = await start(t, {"limits": {"subscriptions_per_jid": "20"}})
    for i in range(25):
        say(lab, "subscribe", to="7%02d@sip.xmpp.test" % i)
    for i in range(20):
        await lab.phone.subscription()
    assert await lab.phone.quiet(0.5)
    for i in range(5):
        await got(lab, "presence", "unsubscribed")
    assert pairs(lab) == 20, pairs(lab)
    # the limit is each user's own
    say(lab, "subscribe", to="799@sip.xmpp.test", frm="bob@xmpp.test")
    s = await lab.phone.subscription()
    assert s.req.uri.startswith("sip:799@"), s.req.uri


@case
async def bulky_subscribe(t):
    """A subscription holds what was in its request for an hour."""
    lab = await start(t)
    r = await subscribe(lab, "601", headers=[
        ("Record-Route", "<sip:127.0.0.1:5060;lr;x=%s>" % ("r" * 1900))] * 3)
    assert r.code == 513, r
    w = Watcher(lab.phone, ALICE, event="presence;id=" + "7" * 5000)
    assert (await w.subscribe(60)).code == 513
    assert pairs(lab) == 0, pairs(lab)
    assert (await subscribe(lab, "601")).code == 200


@case
async def notify_flood(t):
    """What changes all the time is shown now and then, and at its last."""
    lab = await start(t)
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    s.accept()
    s.notify("active;expires=60", pidf())
    await s.notified()
    await got(lab, "presence", "subscribed")
    for i in range(60):
        s.notify("active;expires=60", pidf(note="n%d" % i))
        await asyncio.sleep(0.02)
    assert (await s.notified()).code == 200
    seen = []
    while "n59" not in seen:
        seen.append(shown(await got(lab, "presence"))[1])
    assert len(seen) <= 10, seen


@case
async def subscription_that_ends_at_once(t):
    """RFC 6665 4.1.3 wants a new one at once; for ever would be a loop."""
    lab = await start(t)
    say(lab, "subscribe")
    n, end = 0, asyncio.get_running_loop().time() + 4
    while True:
        try:
            s = await lab.phone.subscription(
                end - asyncio.get_running_loop().time())
        except TimeoutError:
            break
        n += 1
        s.accept()
        s.notify("active;expires=60", pidf())
        await s.notified()
        s.notify("terminated;reason=deactivated")
        await s.notified()
    assert 2 <= n <= 5, n


@case
async def fetch_that_never_ends(t):
    """RFC 6665 4.4.3: a notifier that calls a fetch active keeps nobody from
    subscribing later."""
    lab = await start(t)
    say(lab, "probe")
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == "0"
    s.accept()
    s.notify("active;expires=3600", pidf(note="fetched"))
    assert (await s.notified()).code == 200
    assert shown(await got(lab, "presence"))[1] == "fetched"
    say(lab)
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == "60", s.req.get("Expires")


@case
async def fetch_that_is_pending(t):
    """Without an end of its own: Timer N."""
    lab = await start(t)
    say(lab, "probe")
    s = await lab.phone.subscription()
    s.accept()
    s.notify("pending")
    assert (await s.notified()).code == 200
    await asyncio.sleep(2.5)
    say(lab)
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == "60", s.req.get("Expires")


# ---- presence: answers ------------------------------------------------------
@case
async def never_longer_than_asked(t):
    """RFC 6665 4.2.1.1"""
    lab = await start(t)
    w = Watcher(lab.phone, ALICE)
    r = await w.subscribe(5)
    assert r.code == 423 and r.get("Min-Expires") == "10", r.headers
    r = await w.subscribe(10)
    assert r.code == 200 and r.get("Expires") == "10", r.headers
    await w.notify()
    r = await w.subscribe(3)
    assert r.code == 423 and r.get("Min-Expires") == "10", r.headers


@case
async def same_subscribe_twice(t):
    """RFC 3261 8.2.2.2: by two ways, one subscription."""
    lab = await start(t)
    w = Watcher(lab.phone, ALICE)
    assert (await w.subscribe(60)).code == 200
    await w.notify()
    w.cseq, w.remote, w.target = 0, "<%s>" % ALICE, ALICE
    assert (await w.subscribe(60)).code == 482
    assert await w.quiet(0.5)


# ---- credentials ------------------------------------------------------------
async def _elsewhere(t, lab):
    other = await Ua("127.0.0.2", 5099, log=t.path("other.log")).start()
    t.later(other.close)
    other.phone = Phone(other)
    return other


CHALLENGE = [("WWW-Authenticate", 'Digest realm="pbx", nonce="evil1", '
              'qop="auth", algorithm=MD5')]
NEAR = {"trunk pbx": {"media_from": "127.0.0.2"}}


@case
async def credentials_for_a_contact(t):
    """Hardening 1, "Digest leak": a watcher's Contact is not the trunk, and
    learns no digest of the trunk's password."""
    lab = await start(t, NEAR)
    evil = await _elsewhere(t, lab)
    w = Watcher(lab.phone, ALICE)
    w.ua.contact, keep = evil.contact, w.ua.contact
    assert (await w.subscribe(60)).code == 200
    w.ua.contact = keep
    m = await evil.phone.take(lambda m: True, 5, "NOTIFY")
    assert m.get("Authorization") is None
    evil.reply(m, 401, headers=CHALLENGE)
    try:
        m = await evil.phone.take(lambda m: True, 1, "NOTIFY")
    except TimeoutError:
        return
    raise AssertionError("NOTIFY with %s" % m.get("Authorization"))


@case
async def credentials_for_a_notifier(t):
    """The same of a contact that is watched: neither is a digest that the
    trunk once asked for shown to it, nor its own challenge answered."""
    lab = await start(t, NEAR)
    evil = await _elsewhere(t, lab)
    say(lab, "subscribe")
    s = await lab.phone.subscription()
    s.reply(401, headers=[("WWW-Authenticate", 'Digest realm="pbx", '
                           'nonce="n1", qop="auth", algorithm=MD5')])
    s = await lab.phone.subscription(again=s)
    assert s.req.get("Authorization"), s.req.headers
    s.ua.contact, keep = evil.contact, s.ua.contact
    s.accept()
    s.notify("active;expires=10", pidf())
    await s.notified()
    s.ua.contact = keep
    say(lab)                    # alice is there: the subscription is renewed
    m = await evil.phone.take(lambda m: True, 12)
    assert m.method == "SUBSCRIBE" and tag(m.get("To")), m
    assert m.get("Authorization") is None, m.get("Authorization")
    evil.reply(m, 401, headers=CHALLENGE)
    try:
        m = await evil.phone.take(lambda m: True, 1)
    except TimeoutError:
        return
    raise AssertionError("SUBSCRIBE with %s" % m.get("Authorization"))
