"""Messages between real peers: slixmpp on a real server, and baresip, baresip
behind Kamailio with digest, or sipp for what these lack (CPIM); a client in a
browser; Kamailio as the store of a telephone that is away."""
import asyncio
import os
import random
import re
import xml.etree.ElementTree as ET

from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from peers.baresip import Baresip
from peers.daemon import Stoxd
from peers.jingleclient import Client
from peers.kamailio import Kamailio
from peers.proc import Proc, bound, until
from peers.runner import HERE, Skip, add
from peers.site import CONTACT, make_server

RECEIPTS = "urn:xmpp:receipts"
STATES = "http://jabber.org/protocol/chatstates"


def words():
    """A text that nothing on the way may change."""
    return "%x \u0108u \u20ac <b>&amp; \"x\" 'y' \\ %%41 \U0001f44d" % \
        random.getrandbits(48)


class Writer(Client):
    """A client of another make that writes and reads."""

    def __init__(self, name, **kw):
        super().__init__(name, jmi=False, **kw)
        self.inbox = []
        # its event "message" leaves out what has no body
        self.register_handler(Callback(
            "all", MatchXPath("{jabber:client}message"), self.inbox.append))

    def write(self, body, *children):
        m = self.make_message(mto=CONTACT, mbody=body, mtype="chat")
        m["id"] = self.new_id()
        for ns, name in children:
            ET.SubElement(m.xml, "{%s}%s" % (ns, name))
        m.send()
        return m["id"]

    async def take(self, test, seconds=10, what="message"):
        found = []

        def there():
            found.extend(m for m in self.inbox if test(m))
            return bool(found)
        await until(there, seconds, what)
        self.inbox.remove(found[0])
        return found[0]

    async def receipt(self, id):
        await self.take(lambda m: m.xml.find("{%s}received[@id='%s']" % (
            RECEIPTS, id)) is not None, what="receipt of " + id)


class Phone:
    """baresip as the trunk, or registered at a Kamailio that is it."""

    def __init__(self, t, kamailio):
        self.k = Kamailio(t.dir) if kamailio else None
        self.p = Baresip(
            t.dir, port=0 if kamailio else 5060, answer="manual",
            registrar="127.0.0.1:5060" if kamailio else None,
            contact="sip:alice@" + ("xmpp.test" if kamailio
                                    else "127.0.0.1:5070"))

    async def run(self):
        if self.k:
            await self.k.run()
        await self.p.run()
        return self

    async def stop(self):
        await self.p.stop()
        if self.k:
            await self.k.stop()


async def site(t, server, changes=None, phone=None):
    t.need(*{"kamailio": ["baresip", "kamailio"], "baresip": ["baresip"],
             "sipp": ["sipp"]}[phone])
    s = make_server(t, server)
    t.later(s.stop)
    await s.run()
    p = None
    if phone != "sipp":
        p = Phone(t, phone == "kamailio")
        t.later(p.stop)
        await p.run()
    stoxd = await Stoxd(t.dir, changes).run()

    async def stop():
        assert await stoxd.stop() in (0, -15), "stoxd did not end well"
    t.later(stop)
    await until(lambda: "connected" in stoxd.text(), 20, "connection")
    alice = Writer("alice", log=t.path("client.log"))
    t.later(alice.logout)
    await alice.login()
    return stoxd, alice, p


async def x2s(t, server, phone):
    """Each text is accepted by the telephone, in order, and a receipt says
    so."""
    stoxd, alice, p = await site(t, server, phone=phone)
    said = [words() for _ in range(5)]
    ids = [alice.write(x, (RECEIPTS, "request")) for x in said]
    for id in ids:
        await alice.receipt(id)
    trace = stoxd.ctl("trace")
    at = [trace.index(x.split()[0]) for x in said]
    assert at == sorted(at)
    sent = re.findall(r"^ *MESSAGE (\S+) SIP", trace, re.M)
    assert sent and set(sent) == {"sip:600@127.0.0.1:5060"} or phone == \
        "kamailio", sent


async def s2x(t, server, phone):
    stoxd, alice, p = await site(t, server, phone=phone)
    for _ in range(3):
        text = "hello %x \u20ac" % random.getrandbits(48)
        await p.p.cmd("message", text)
        m = await alice.take(lambda m: m["body"] == text)
        assert m["from"].full == CONTACT + "/sip" and m["type"] == "chat", m
    assert "202 Accepted" in stoxd.ctl("trace")


async def nobody(t, server, phone):
    """A number that is not there: its error, in words."""
    stoxd, alice, p = await site(t, server, phone=phone)
    m = alice.make_message(mto="699@sip.xmpp.test", mbody="hello",
                           mtype="chat")
    m["id"] = "nobody-1"
    m.send()
    e = await alice.take(lambda m: m["type"] == "error"
                         and m["id"] == "nobody-1", 15, "error")
    assert e["error"]["condition"] in (
        "recipient-unavailable", "item-not-found"), str(e)
    assert e["error"]["text"], str(e)


async def offline(t, server, phone):
    """The telephone is told 202, the server keeps it, and it is there at the
    next login."""
    stoxd, alice, p = await site(t, server, phone=phone)
    await alice.logout()
    await asyncio.sleep(0.5)
    text = "while away %x" % random.getrandbits(48)
    await p.p.cmd("message", text)
    await until(lambda: "202 Accepted" in stoxd.ctl("trace"), 20, "202")
    again = Writer("alice", resource="two", log=t.path("client2.log"))
    t.later(again.logout)
    await again.login()
    m = await again.take(lambda m: m["body"] == text)
    assert m["from"].bare == CONTACT, str(m)


async def sipp(t):
    """Writes by one scenario and answers what comes by another."""
    def path(name):
        return os.path.join(HERE, "e2e", "sipp", name)
    p = Proc(t.dir, "sipp", [
        "sipp", "-nostdin", "-sf", path("cpim.xml"), "-oocsf",
        path("answer.xml"), "-i", "127.0.0.1", "-p", "5060", "-m", "1",
        "-s", "alice", "-trace_err", "-error_file", t.path("sipp.err"),
        "-trace_msg", "-message_file", t.path("sipp.msg"), "-timeout", "30s",
        "-timeout_error", "127.0.0.1:5070"], cwd=t.dir)
    p.start()
    t.later(p.stop)
    return p


async def cpim(t, server, phone):
    """sipp writes in CPIM and wants reports; slixmpp sends a receipt and sipp
    gets its IMDN; then isComposing."""
    stoxd, alice, _ = await site(t, server, phone=phone)
    p = await sipp(t)
    m = await alice.take(lambda m: m["body"] == "wrapped \u20ac")
    assert m.xml.find("{%s}request" % RECEIPTS) is not None, str(m)
    r = alice.make_message(mto=m["from"], mtype="chat")
    ET.SubElement(r.xml, "{%s}received" % RECEIPTS, id=m["id"])
    r.send()

    def got():
        with open(t.path("sipp.msg"), encoding="utf-8") as f:
            return "<message-id>e2e34jk324j</message-id>" in f.read()
    await until(got, 20, "IMDN at sipp")
    await alice.take(lambda m: m.xml.find("{%s}composing" % STATES)
                     is not None, what="chat state")
    await until(lambda: not p.alive(), 30, "end of sipp")
    assert p.p.returncode == 0, p.text()[-2000:]
    report = [e for e in stoxd.ctl("trace").split("sip ")
              if "delivery-notification" in e]
    assert report and "<delivered/>" in report[0], report
    assert "Content-Disposition: notification" in report[0], report


async def browser(t, server, phone):
    """A browser client: texts both ways, a receipt for hers, hers for the
    telephone's report, and each sees the other come and go."""
    from peers import chromium
    t.need("baresip", "chromium")
    chromium.need_bundle()
    s = make_server(t, server)
    t.later(s.stop)
    await s.run()
    p = Baresip(t.dir, answer="manual", apps="presence",
                contact="sip:alice@127.0.0.1:5070;presence=p2p")
    t.later(p.stop)
    stoxd = Stoxd(t.dir, {"presence": {"spacing": "1", "grace": "2"}})
    t.later(stoxd.stop)
    await stoxd.run()
    await until(lambda: "connected" in stoxd.text(), 20, "connection")
    alice = chromium.Client("alice", t.dir, receipts=True,
                            log=t.path("client.log"))
    t.later(alice.logout)
    await alice.login()
    await p.run()

    # the page lets it see her, as it lets whoever asks
    await p.shows("Online")
    alice.subscribe(CONTACT)
    await alice.wait("shown", 20, who=CONTACT + "/sip", kind="available")
    for _ in range(3):
        text = words()
        await alice.command("message", {
            "to": CONTACT, "type": "chat", "body": text,
            "receipt": {"type": "request"}, "chatState": "active"})
        await alice.wait("receipt", 10, who=CONTACT + "/sip")
        assert text.split()[0] in stoxd.ctl("trace")
    for _ in range(3):
        text = "hello %x \u20ac" % random.getrandbits(48)
        await p.cmd("message", text)
        await alice.wait("chat", 10, who=CONTACT + "/sip", body=text)
    await alice.command("show", {"type": "unavailable"})
    await p.shows("Offline")
    await alice.command("show", {"show": "away", "status": "out"})
    await p.shows("Online")
    assert ">away</show>" in stoxd.ctl("trace")


async def stored(t, server, phone):
    """Kamailio keeps a text for a telephone that is away (msilo): 202 is no
    receipt for her; it is there with the next REGISTER, and from her."""
    t.need("kamailio", "baresip")
    if not Kamailio.stores():
        raise Skip("kamailio-sqlite-modules")
    s = make_server(t, server)
    t.later(s.stop)
    k = Kamailio(t.dir, store=True)
    t.later(k.stop)
    await asyncio.gather(s.run(), k.run())
    stoxd = Stoxd(t.dir)
    t.later(stoxd.stop)
    await stoxd.run()
    await until(lambda: "connected" in stoxd.text(), 20, "connection")
    alice = Writer("alice", log=t.path("client.log"))
    t.later(alice.logout)
    await alice.login()
    text = words()
    id = alice.write(text, (RECEIPTS, "request"))
    await until(lambda: "202 Accepted" in stoxd.ctl("trace"), 20, "202")
    await asyncio.sleep(1)
    assert not [m for m in alice.inbox if m["type"] == "error"
                or m.xml.find("{%s}received" % RECEIPTS) is not None], \
        alice.inbox

    p = Baresip(t.dir, port=0, answer="manual", registrar="127.0.0.1:5060",
                contact="sip:alice@xmpp.test", trace=True)
    t.later(p.stop)
    await p.run()
    await until(lambda: text.split()[0] in p.text(), 20,
                "text at the telephone")
    assert "sip:alice@" in p.text(), p.text()[-3000:]
    id = alice.write(words(), (RECEIPTS, "request"))
    await alice.receipt(id)     # and now it is there itself


FEATURES = {"message": {"x2s": x2s, "s2x": s2x},
            "nobody": {"x2s": nobody}, "offline": {"s2x": offline}}

for _server in ("prosody", "ejabberd"):
    for _phone in ("baresip", "kamailio"):
        for _name, _ways in FEATURES.items():
            for _way, _func in _ways.items():
                if _name == "nobody" and _phone == "baresip":
                    continue    # it answers for every number
                add(".".join((_server, "slixmpp", _phone, _way, _name)),
                    _func, _server, _phone, timeout=90,
                    full=_name != "message" and _server == "ejabberd")
    add("%s.slixmpp.sipp.s2x.cpim" % _server, cpim, _server, "sipp",
        timeout=90)
    add("%s.chromium.baresip.both.chat" % _server, browser, _server, "baresip",
        timeout=90)
    add("%s.slixmpp.kamailio.x2s.stored" % _server, stored, _server,
        "kamailio", timeout=90, full=_server == "ejabberd")
