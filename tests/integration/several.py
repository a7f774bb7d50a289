"""Several of everything in one process: components, listeners."""
import asyncio

from peers.jingleuser import User
from peers.lab import Lab
from peers.runner import case
from peers.sipua import Ua
from peers.xmppserver import Server

SECOND = {"xmpp two": {"component": "sip.other.test",
                       "server": "127.0.0.1:5348",
                       "secret": "other-secret", "domains": "other.test"}}


async def _second(t, changes):
    lab = Lab(t)
    other = Server("sip.other.test", "other-secret", 5348,
                   t.path("xmpp-two.log"))
    await other.start()
    t.later(other.stop)
    await lab.start(dict(SECOND, **changes))
    await asyncio.wait_for(other.up.wait(), 20)
    return lab, User(other, "dora@other.test/phone")


@case
async def two_components(t):
    """Each has its users; a call of one says nothing to the other."""
    lab, dora = await _second(t, {})
    sid = dora.propose("600@sip.other.test")
    c = await lab.ua.get_call()
    assert "dora" in c.req.get("From"), c.req.get("From")
    c.reply(486)
    m = await dora.get_jmi("reject", sid=sid)
    assert m.reason == "busy", m.reason

    out = await lab.x2s()
    assert not [x for x in dora.s.history if out.sid in str(x)]

    c = await lab.ua.call("sip:dora%40other.test@127.0.0.1:5070", lab.sdp())
    p = await dora.get_jmi("propose")
    assert p.sender == "600@sip.other.test/sip", p.sender
    dora.jmi("reject", p.sender, p.id)
    r = await c.wait(lambda m: m.code and m.code >= 300)
    assert r.code == 486, r

    # one's users are strangers to the other's component
    alien = User(lab.server, "dora@other.test/phone")
    sid = alien.propose("600@sip.xmpp.test")
    await asyncio.sleep(0.3)
    assert lab.ua.incoming.empty()


@case
async def one_component_down(t):
    """The calls of the other go on."""
    lab, dora = await _second(t, {})
    f = await lab.x2s()
    await dora.s.stop()
    out = lab.stoxd.ctl("status")
    assert "connected" in out, out
    f.sip.bye()
    await f.sip.wait(200, method="BYE")
    await f.user.get_jingle("session-terminate", sid=f.sid)
    c = await lab.ua.call("sip:dora%40other.test@127.0.0.1:5070", lab.sdp())
    r = await c.wait(lambda m: m.code and m.code >= 300)
    assert r.code == 480 and r.get("Retry-After"), r


@case
async def two_listeners(t):
    """A call is answered from the listener that it came to."""
    listen = "udp:127.0.0.1:5070, udp:127.0.0.2:5072, tcp:127.0.0.1:5070"
    lab = await Lab(t).start({"sip": {"listen": listen},
                              "trunk pbx": {"accept_from":
                                            "127.0.0.1, 127.0.0.3"}})
    ua = await Ua(ip="127.0.0.3", port=5061,
                  peer=("127.0.0.2", 5072)).start()
    t.later(ua.close)
    c = await ua.call("sip:alice@127.0.0.2:5072", lab.sdp())
    p = await lab.alice.get_jmi("propose")
    lab.alice.jmi("ringing", p.sender, p.id)
    r = await c.wait(180)
    assert "@127.0.0.2:5072" in r.get("Contact"), r.get("Contact")
    lab.alice.jmi("reject", p.sender, p.id)
    r = await c.wait(lambda m: m.code and m.code >= 300)
    assert r.code == 486, r
