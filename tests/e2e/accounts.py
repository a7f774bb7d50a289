"""A user's own account at a real registrar: Kamailio asks for digest, carries
calls and messages both ways, and shows others what is published."""
import random
import xml.etree.ElementTree as ET

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from peers.baresip import Baresip
from peers.daemon import Stoxd
from peers.presenceserver import PresenceServer
from peers.proc import until
from peers.runner import Skip, add
from peers.site import Site, make_server

GATE = "sip.xmpp.test"
PLACE = "127.0.0.1:5060"
CONF = {"store": {"path": "stoxd.db"},
        "account": {"providers": "sip.test, " + PLACE, "mwi": "no",
                    "like": "pbx"},
        "presence": {"spacing": "1"}}
RECEIPTS = "urn:xmpp:receipts"


async def register(client, **more):
    """carol's account becomes alice's, by the form (XEP-0077)."""
    values = dict({"FORM_TYPE": "jabber:iq:register", "username": "carol",
                   "password": "carol-pw", "domain": "sip.test",
                   "outbound_proxy": PLACE}, **more)
    q = ET.Element("{jabber:iq:register}query")
    x = ET.SubElement(q, "{jabber:x:data}x", type="submit")
    for k, v in values.items():
        f = ET.SubElement(x, "{jabber:x:data}field", var=k)
        ET.SubElement(f, "{jabber:x:data}value").text = v
    iq = client.make_iq_set(ito=GATE)
    iq.xml.append(q)
    await iq.send(timeout=15)


async def call(t, server):
    """Both ways with sound, and a message each way."""
    t.need("baresip", "kamailio")
    s = await Site(t).start(server, "kamailio", CONF,
                            contact="sip:carol@sip.test")
    alice = await s.client()
    try:
        await register(alice, password="wrong")
        raise AssertionError("registered with a wrong password")
    except slixmpp.exceptions.IqError as e:
        assert e.condition == "not-authorized", e.condition
    await register(alice)
    inbox = []
    alice.register_handler(Callback(
        "texts", MatchXPath("{jabber:client}message/{jabber:client}body"),
        inbox.append))

    session = await s.call(alice, "x2s")
    await s.talk(session, 6)
    await s.hang_up(alice, session)
    s.judge(session)

    s.phone.to = "sip:%s@sip.test"
    await s.phone.dial("carol")
    session = await alice.get_session(20)
    await s.phone.established(20)
    await session.up()
    await s.talk(session, 6)
    await s.hang_up(alice, session, "phone")
    s.judge(session)
    trace = s.stoxd.ctl("trace")
    assert "INVITE sip:600@sip.test SIP/2.0" in trace, trace[-4000:]
    assert "<sip:carol@sip.test>" in trace

    word = "%x" % random.getrandbits(48)
    m = alice.make_message(mto="600@" + GATE, mbody=word, mtype="chat")
    ET.SubElement(m.xml, "{%s}request" % RECEIPTS)
    receipts = []
    alice.register_handler(Callback(
        "receipts", MatchXPath("{jabber:client}message/{%s}received"
                               % RECEIPTS), receipts.append))
    m.send()
    await until(lambda: receipts, 20, "receipt: the phone has it")
    word = "%x" % random.getrandbits(48)
    await s.phone.p.cmd("message", word)
    await until(lambda: any(word in m["body"] for m in inbox), 20,
                "text at the client")


async def published(t, server):
    """What alice shows is seen by a phone that watches carol."""
    from peers.rosteruser import RosterUser
    t.need("kamailio", "baresip")
    if not PresenceServer.installed():
        raise Skip("kamailio-presence-modules, kamailio-sqlite-modules")
    pbx = PresenceServer(t.dir, registrar=True)
    t.later(pbx.stop)
    await pbx.run()
    xmpp = make_server(t, server)
    t.later(xmpp.stop)
    await xmpp.run()
    d = Stoxd(t.dir, CONF)
    t.later(d.stop)
    await d.run()
    await until(lambda: ": connected to " in d.text(), 20, "connection")
    alice = RosterUser("alice")
    t.later(alice.logout)
    await alice.login()
    await register(alice)
    await alice.sees(GATE, "subscribe")     # she lets it see her
    alice.send_presence_subscription(pto=GATE, ptype="subscribed")
    alice.send_presence()

    phone = Baresip(t.dir, port=5066, apps="presence",
                    contact="sip:carol@sip.test;presence=p2p",
                    registrar=PLACE)
    t.later(phone.stop)
    await phone.run()

    await phone.shows("Online")
    alice.send_presence(ptype="unavailable")
    await phone.shows("Offline")
    alice.send_presence(pshow="away")
    await phone.shows("Online")
    trace = d.ctl("trace")
    assert "SIP-If-Match" in trace and "SIP-ETag" in trace, trace[-3000:]

    # a gateway that is killed goes on with what it had published
    words = "registered as sip:carol@sip.test", ": connected to "
    n = [d.text().count(w) for w in words]
    d.p.kill()
    d.p.wait()
    await d.run()
    await until(lambda: all(d.text().count(w) > k for w, k in zip(words, n)),
                20, "registration and connection")
    alice.send_presence(ptype="unavailable")
    await phone.shows("Offline", 30)


for _s in ("prosody", "ejabberd"):
    add("account.%s.kamailio.call" % _s, call, _s, timeout=120)
    add("account.%s.kamailio.presence" % _s, published, _s, timeout=120)
