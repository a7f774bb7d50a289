"""What is said again when the stream to the XMPP server is back (protocol A,
D2), for each state of E.4."""
import asyncio

from peers.jingleuser import find
from peers.lab import GW, Lab
from peers.proc import until
from peers.runner import case
from peers.xmppserver import local


async def away(lab, what=None, seconds=0.3):
    """The stream breaks, what() happens, the stream is back."""
    lab.server.cut()
    await asyncio.sleep(seconds)
    if what:
        what()
        await asyncio.sleep(0.2)
    await asyncio.wait_for(lab.server.up.wait(), 20)


@case
async def s_ringing__propose_again(t):
    """With its id: a device that saw the first knows it."""
    lab = await Lab(t).start()
    f = await lab.s2x("proposed")
    await away(lab)
    m = await f.user.get_jmi("propose")
    assert m.id == f.sid, m.id
    assert m.stanza.get("id") == f.propose.stanza.get("id")
    f.user.jmi("ringing", f.gw, f.sid)
    await f.sip.wait(180)
    f.user.jmi("proceed", f.gw, f.sid)
    await f.user.get_jingle("session-initiate", sid=f.sid)
    f.sip.cancel()
    await f.sip.wait(487)


@case
async def x_proposed__rings_while_away(t):
    lab = await Lab(t).start()
    f = await lab.x2s("invited")
    await away(lab, lambda: f.sip.reply(180))
    await f.user.get_jmi("ringing", sid=f.sid)
    f.sip.reply(486)
    m = await f.user.get_jmi("reject", sid=f.sid)
    assert m.reason == "busy", m.reason


@case
async def x_proposed__answered_while_away(t):
    """The telephone waits on the line until proceed can be said."""
    lab = await Lab(t).start()
    f = await lab.x2s("ringing")
    await away(lab, lambda: f.sip.reply(200, lab.sdp()))
    p = await f.user.get_jmi("proceed", sid=f.sid)
    f.user.initiate(p.sender, f.sid)
    await f.user.get_jingle("session-accept", sid=f.sid)
    await f.sip.hang_up()
    await lab.ended_in_xmpp(f)


@case
async def x_pending__answered_while_away(t):
    lab = await Lab(t).start()
    f = await lab.x2s("pending", direct=True)
    await away(lab, lambda: f.sip.reply(200, lab.sdp()))
    a = await f.user.get_jingle("session-accept", sid=f.sid)
    assert a.setup() in ("active", "passive")
    await f.sip.hang_up()
    await lab.ended_in_xmpp(f)


@case
async def x_proceed__proceed_again(t):
    lab = await Lab(t).start()
    f = await lab.x2s("proceed")
    await away(lab)
    p = await f.user.get_jmi("proceed", sid=f.sid)
    f.user.initiate(p.sender, f.sid)
    await f.user.get_jingle("session-accept", sid=f.sid)
    await f.sip.hang_up()
    await lab.ended_in_xmpp(f)


@case
async def x_pending__initiate_again(t):
    """One that was never acknowledged, with the same sid and credentials."""
    lab = await Lab(t).start()
    lab.server.auto_result = False
    f = await lab.s2x("initiated")
    await away(lab)
    a = await f.user.get_jingle("session-initiate", sid=f.sid)
    assert a.transport().get("ufrag") == f.init.transport().get("ufrag")
    lab.server.auto_result = True
    f.user.accept(a)
    await f.sip.wait(200)
    f.sip.ack()
    await lab.hang_up(f)


@case
async def active__ended_while_away(t):
    """The telephone hangs up: the client's session is unknown afterwards,
    which it learns when it asks."""
    lab = await Lab(t).start()
    f = await lab.s2x()
    await away(lab, f.sip.bye)
    e = await f.user.answer_to(f.user.info(f.gw, f.sid, ""))
    assert find(find(e, "error"), "unknown-session") is not None


@case
async def active__no_answer_keeps_the_call(t):
    """Silence is no news: ICE consent decides."""
    lab = await Lab(t).start()
    f = await lab.s2x()
    lab.server.auto_result = False
    await away(lab)
    a = await f.user.get_jingle("session-info", sid=f.sid)
    assert a.info() == []
    await f.sip.none("BYE", 3)
    lab.server.auto_result = True
    await f.sip.hang_up()


@case
async def invite_while_away__480(t):
    lab = await Lab(t).start()
    await lab.server.stop()
    await asyncio.sleep(0.3)
    c = await lab.ua.call("sip:alice@127.0.0.1:5070", lab.sdp())
    r = await c.wait(lambda m: m.code and m.code >= 300)
    assert r.code == 480, r
    assert r.get("Retry-After", "").startswith("30"), r.headers


@case(waits=8)
async def ping_unanswered__stream_is_replaced(t):
    """A server that is alive by TCP alone; a call goes on meanwhile."""
    lab = await Lab(t).start({"limits": {"xmpp_ping": 5,
                                         "xmpp_ping_timeout": 1}})
    f = await lab.s2x()
    n = lab.server.handshakes
    lab.server.auto_ping = False
    await until(lambda: lab.server.handshakes > n, 20, "new stream")
    lab.server.auto_ping = True
    assert not [s for s in lab.server.history if local(s) == "jingle"]
    assert GW in f.gw
    await f.sip.none("BYE", 0.2)
