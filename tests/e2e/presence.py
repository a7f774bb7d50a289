"""Presence between real ones: Prosody and ejabberd, slixmpp, Kamailio as
presence server, baresip as watcher."""
import asyncio
import signal

from peers.baresip import Baresip
from peers.daemon import Stoxd
from peers.presence import pidf
from peers.presenceserver import PresenceServer
from peers.proc import until
from peers.runner import Skip, add
from peers.site import CONTACT, make_server
from peers.sipua import Ua

FAST = {"presence": {"spacing": "1", "grace": "2", "retry": "2"}}
ENTITY = "sip:600@127.0.0.1:5060"


async def start(t, server, presence=(), **kw):
    from peers.rosteruser import RosterUser
    xmpp = make_server(t, server, **kw)
    t.later(xmpp.stop)
    await xmpp.run()
    d = Stoxd(t.dir, {"presence": dict(FAST["presence"], **dict(presence))})
    t.later(d.stop)
    await d.run()
    await until(lambda: ": connected to " in d.text(), 20, "connection")
    alice = RosterUser("alice")
    t.later(alice.logout)
    await alice.login()
    return xmpp, d, alice


class Publisher:
    """A telephone that tells the presence server how it is."""

    def __init__(self, ua):
        self.ua, self.etag = ua, None

    async def publish(self, **kw):
        h = [("Event", "presence"), ("Expires", "600"),
             ("Content-Type", "application/pidf+xml")]
        if self.etag:
            h.append(("SIP-If-Match", self.etag))
        r = await self.ua.request("PUBLISH", ENTITY, h, pidf(**kw),
                                  from_uri=ENTITY)
        assert r.code == 200, r
        self.etag = r.get("SIP-ETag")


async def phone_is_watched(t, server):
    """Kamailio notifies: open, on the phone, closed; after a log-in, after
    restarts of the XMPP server and of Kamailio."""
    t.need("kamailio")
    if not PresenceServer.installed():
        raise Skip("kamailio-presence-modules, kamailio-sqlite-modules")
    pbx = PresenceServer(t.dir)
    t.later(pbx.stop)
    await pbx.run()
    ua = await Ua(port=5066, peer=("127.0.0.1", 5060),
                  log=t.path("phone.log")).start()
    t.later(ua.close)
    phone = Publisher(ua)
    xmpp, d, alice = await start(t, server)
    await phone.publish(note="at the desk")
    alice.watch(CONTACT)
    await alice.sees(CONTACT, "available", "", "at the desk")
    await phone.publish(activities=["on-the-phone"])
    await alice.sees(CONTACT, None, "dnd", "On the phone")
    await phone.publish(basic="closed")
    await alice.sees(CONTACT, "unavailable")
    await phone.publish(note="back")
    await alice.sees(CONTACT, "available", "", "back")

    await alice.logout()
    await asyncio.sleep(4)
    await phone.publish(note="while she was out")
    await alice.login()
    await alice.sees(CONTACT, None, None, "while she was out")

    await xmpp.restart()
    await until(lambda: d.text().count(": connected to ") > 1, 60,
                "second connection")
    await alice.login(20)
    await alice.sees(CONTACT, None, None, "while she was out", 20)

    pbx.kill(signal.SIGKILL)
    pbx.p.wait()
    await until(lambda: "no answer to OPTIONS" in d.text(), 45, "silence")
    await pbx.run()
    phone.etag = None
    await phone.publish(note="after the restart")
    await alice.sees(CONTACT, None, None, "after the restart", 40)


async def user_is_watched(t, server):
    """baresip sees alice: away is not told by it, closed and open are."""
    t.need("baresip")
    _, d, alice = await start(t, server)
    phone = Baresip(t.dir, contact="sip:alice@127.0.0.1:5070;presence=p2p",
                    apps="presence")
    t.later(phone.stop)
    await phone.run()

    await phone.shows("Online")
    alice.send_presence(ptype="unavailable")
    await phone.shows("Offline")
    alice.send_presence()
    await phone.shows("Online")
    assert "active" in d.text()


async def granted(t, server):
    """A server that shows the gateway who is there (XEP-0356): a user who
    lets nobody see her watches a telephone as long as she is logged in, and
    until the next refresh when she is cut off, which ejabberd does not
    tell."""
    t.need("kamailio")
    if not PresenceServer.installed():
        raise Skip("kamailio-presence-modules, kamailio-sqlite-modules")
    pbx = PresenceServer(t.dir)
    t.later(pbx.stop)
    await pbx.run()
    ua = await Ua(port=5066, peer=("127.0.0.1", 5060),
                  log=t.path("phone.log")).start()
    t.later(ua.close)
    phone = Publisher(ua)
    xmpp, d, alice = await start(t, server, {"expires": "80"},
                                 privileged=True)
    await until(lambda: "grants rosters presence" in d.text(), 20, "grant")
    alice.auto_authorize = alice.auto_subscribe = False
    await phone.publish(note="at the desk")
    alice.watch(CONTACT)
    await alice.sees(CONTACT, "available", "", "at the desk")

    async def away(seconds):
        await until(lambda: "active" not in d.ctl("subscriptions"), seconds,
                    "end")
        await phone.publish(note="while she was out")
        await alice.login()
        await alice.sees(CONTACT, "available", "", "while she was out")
        await phone.publish(note="a change while she is there")
        await alice.sees(CONTACT, "available", "",
                         "a change while she is there")
    alice.send_presence(ptype="unavailable")
    await alice.logout()
    alice.auto_authorize = None     # from here on she lets requests lie
    await away(30)
    assert "active" in d.ctl("subscriptions")
    await alice.logout()
    await away(100)


add("x2s.ejabberd.granted", granted, "ejabberd", timeout=240, waits=66)
for _s in ("prosody", "ejabberd"):
    add("x2s." + _s, phone_is_watched, _s, timeout=200)
    add("s2x." + _s, user_is_watched, _s, timeout=90)
