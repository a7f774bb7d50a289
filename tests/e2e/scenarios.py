"""What no telephone here does by itself, by sipp: subscriptions that wait, end
for each reason, are refused or forked, the dialog package, waiting messages,
texts that come twice; seen by slixmpp on a real server."""
import asyncio
import os
import xml.etree.ElementTree as ET

from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from peers.daemon import Stoxd
from peers.proc import Proc, bound, until
from peers.rosteruser import RosterUser
from peers.runner import HERE, add
from peers.site import CONTACT, make_server

GATE = "sip.xmpp.test"
FAST = {"presence": {"expires": "60", "expires_min": "10", "grace": "2",
                     "retry": "2", "giveup": "2", "spacing": "1"}}
ACCOUNT = {"store": {"path": "stoxd.db"},
           "account": {"providers": "127.0.0.1", "publish": "no"}}


def sipp(t, scenario, *argv):
    p = Proc(t.dir, "sipp", [
        "sipp", "-nostdin", "-sf",
        os.path.join(HERE, "e2e", "sipp", scenario), "-aa", "-i",
        "127.0.0.1", "-p", "5060", "-trace_err", "-error_file",
        t.path("sipp.err"), "-trace_msg", "-message_file",
        t.path("sipp.msg")] + list(argv), cwd=t.dir)
    t.later(p.stop)
    p.start()
    return p


async def start(t, server, scenario, *argv, changes=None):
    t.need("sipp")
    xmpp = make_server(t, server)
    t.later(xmpp.stop)
    await xmpp.run()
    p = None
    if scenario:
        p = sipp(t, scenario, *argv)
        await p.up(lambda: bound(5060), 5)
    d = Stoxd(t.dir, dict(FAST, **(changes or {})))
    t.later(d.stop)
    await d.run()
    await until(lambda: ": connected to " in d.text(), 20, "connection")
    alice = RosterUser("alice")
    t.later(alice.logout)
    await alice.login()
    return d, alice, p


async def done(p, seconds=40):
    """sipp has been through its scenario, and every answer was as there; its
    -m counts the answer to the first OPTIONS, too."""
    await until(lambda: not p.alive(), seconds, "end of sipp")
    assert p.p.returncode == 0, p.text()[-2000:]


async def pending(t, server):
    """Nothing is said while nobody has decided; then she sees it."""
    d, alice, p = await start(t, server, "pending.xml", "-m", "2")
    alice.watch(CONTACT)
    await until(lambda: "pending" in d.ctl("subscriptions"), 20, "pending")
    assert not [x for x in alice.seen if x[0].startswith(CONTACT)], alice.seen
    await alice.sees(CONTACT, "subscribed")
    await alice.sees(CONTACT, "available", "", "decided")
    alice.send_presence_subscription(pto=CONTACT, ptype="unsubscribe")
    await alice.sees(CONTACT, "unavailable")
    await done(p)


# RFC 6665 4.1.3: does it ask again, or is that the end?
REASONS = {"rejected": False, "noresource": False, "invariant": None,
           "deactivated": True, "timeout": True, "probation": True,
           "giveup": True}


async def terminated(t, server, reason):
    again = REASONS[reason]
    d, alice, p = await start(t, server, "terminated.xml", "-m",
                              "3" if again else "2", "-key", "reason", reason)
    alice.watch(CONTACT)
    await alice.sees(CONTACT, "subscribed")
    await alice.sees(CONTACT, "available", "", "there")
    await done(p)       # that often, and each end was taken
    if again is False:
        await alice.sees(CONTACT, "unsubscribed")
    else:
        assert not [x for x in alice.seen if x[0].startswith(CONTACT)
                    and x[1] == "unsubscribed"], alice.seen
    if again is None:   # what is known stays
        assert "frozen" in d.ctl("subscriptions"), d.ctl("subscriptions")


async def nopackage(t, server):
    """489: it can be called, so it is shown."""
    d, alice, p = await start(t, server, "nopackage.xml", "-m", "2")
    alice.watch(CONTACT)
    await alice.sees(CONTACT, "subscribed")
    await alice.sees(CONTACT, "available")
    await done(p)
    assert "489" in d.text()


async def dialog(t, server):
    """A lamp: busy while it talks, whoever with."""
    d, alice, p = await start(t, server, "dialog.xml", "-m", "3",
                              changes={"trunk pbx": {"blf": "yes"}})
    alice.watch(CONTACT)
    await alice.sees(CONTACT, "available", "")
    await alice.sees(CONTACT, None, "dnd", "On the phone")
    await alice.sees(CONTACT, "available", "")
    await until(lambda: "SIP/2.0 200" in d.ctl("trace"), 20, "answers")
    await done(p)


async def mwi(t, server):
    """A headline for each increase, and none for the same again."""
    d, alice, p = await start(t, server, "mwi.xml", changes=ACCOUNT)
    inbox = []
    alice.register_handler(Callback(
        "texts", MatchXPath("{jabber:client}message/{jabber:client}body"),
        inbox.append))
    q = ET.Element("{jabber:iq:register}query")
    x = ET.SubElement(q, "{jabber:x:data}x", type="submit")
    for k, v in {"FORM_TYPE": "jabber:iq:register", "username": "carol",
                 "password": "carol-pw", "domain": "127.0.0.1",
                 "outbound_proxy": "127.0.0.1:5060"}.items():
        f = ET.SubElement(x, "{jabber:x:data}field", var=k)
        ET.SubElement(f, "{jabber:x:data}value").text = v
    iq = alice.make_iq_set(ito=GATE)
    iq.xml.append(q)
    await iq.send(timeout=15)

    def headlines():
        return [m["body"] for m in inbox if m["type"] == "headline"]
    await until(lambda: len(headlines()) == 2, 20, "headlines")
    await asyncio.sleep(1)
    said = headlines()
    assert len(said) == 2 and "2" in said[0] and "3" in said[1], said


async def fork(t, server):
    """Two branches of a proxy bring a text: both are told that it arrived,
    and it does, once."""
    d, alice, _ = await start(t, server, None)
    inbox = []
    alice.register_handler(Callback(
        "texts", MatchXPath("{jabber:client}message/{jabber:client}body"),
        inbox.append))
    p = sipp(t, "fork.xml", "-m", "1", "-s", "alice", "127.0.0.1:5070")
    await until(lambda: inbox, 20, "text")
    await done(p)
    await asyncio.sleep(1)
    assert [m["body"] for m in inbox] == ["forked"], inbox


async def notifiers(t, server):
    """Of a SUBSCRIBE that was forked one dialog is taken (RFC 3856 6.9)."""
    d, alice, p = await start(t, server, "notifiers.xml", "-m", "2")
    alice.watch(CONTACT)
    await alice.sees(CONTACT, "subscribed")
    await alice.sees(CONTACT, "available", "", "first")
    await alice.sees(CONTACT, "available", "", "first again")
    await done(p)
    assert not [x for x in alice.seen if x[3] == "second"], alice.seen


CELLS = {"x2s.pending": pending, "x2s.489": nopackage, "x2s.dialog": dialog,
         "s2x.mwi": mwi, "s2x.forked-text": fork,
         "x2s.forked-subscribe": notifiers}

for _s in ("prosody", "ejabberd"):
    for _name, _func in CELLS.items():
        add("%s.slixmpp.sipp.%s" % (_s, _name), _func, _s, timeout=90,
            full=_s != "prosody")
for _reason in REASONS:
    add("prosody.slixmpp.sipp.x2s.terminated-" + _reason, terminated,
        "prosody", _reason, timeout=90)
