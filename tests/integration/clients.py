"""Clients that are scripted after their source (peers/clients.py)."""
import asyncio

from peers import clients
from peers.jingleuser import User, find
from peers.lab import GW, Lab
from peers.runner import add, case


async def caller(t, kind):
    lab = await Lab(t).start()
    c = kind(lab)
    phone, gw, sid, a = await c.call()
    getattr(c, "hang_up", c.terminate)(gw, sid)
    await phone.wait("BYE")


async def callee(t, kind):
    lab = await Lab(t).start()
    c = kind(lab)
    c.available(GW)     # capable and online: 180 without a word from it
    await asyncio.sleep(0.3)
    phone = await lab.ua.call("sip:alice@127.0.0.1:5070",
                              lab.sdp(codecs=c.sip_codecs))
    gw, sid = await c.answer(phone)
    await phone.hang_up()
    await c.get_jingle("session-terminate", sid=sid)
    await c.get_jmi("finish", sid=sid)


async def button(t, kind):
    lab = await Lab(t).start()
    await kind(lab).button()


for kind in clients.ALL:
    word = kind.__name__.lower()
    add(word + "_has_a_call_button", button, kind)
    add(word + "_calls", caller, kind)
    add(word + "_is_called", callee, kind)


@case
async def conversations_rejects_without_reason(t):
    lab = await Lab(t).start()
    c = clients.Conversations(lab)
    phone = await lab.ua.call("sip:alice@127.0.0.1:5070", lab.sdp())
    p = await c.get_jmi("propose")
    c.refuse(p)
    await phone.wait(486)


@case
async def conversations_needs_all_contents(t):
    """Proposed with video: the answer holds both contents."""
    lab = await Lab(t).start()
    c = clients.Conversations(lab)
    sid = c.propose(GW, media=("audio", "video"))
    phone = await lab.ua.get_call()
    phone.reply(200, lab.sdp())
    p = await c.get_jmi("proceed", sid=sid)
    c.jingle("session-initiate", p.sender, sid, c.content() + c.content(
        name="1", media="video", codecs=(clients.VIDEO_PT,)))
    a = await c.get_jingle("session-accept", sid=sid)
    assert [x.get("name") for x in a.contents] == ["0", "1"]
    await phone.hang_up()


@case
async def conversations_restarts_ice_without_candidates(t):
    """transport-info with new credentials and no candidate is an offer."""
    lab = await Lab(t).start()
    f = await lab.x2s()
    old = f.accept.transport().get("ufrag")
    f.user.jingle(
        "transport-info", f.gw, f.sid, "<content creator='initiator' name="
        "'0'><transport xmlns='%s' ufrag='neww' pwd='%s'/></content>" % (
            clients.ICE, "z" * 22))
    a = await f.user.get_jingle("transport-info", sid=f.sid)
    while a.transport().get("ufrag") == old:
        a = await f.user.get_jingle("transport-info", sid=f.sid)
    await f.sip.none("BYE", 0.3)
    await lab.hang_up(f)


@case
async def monal_gives_no_answer_to_hold(t):
    lab = await Lab(t).start()
    lab.alice = clients.Monal(lab)
    f = await lab.s2x()
    f.sip.invite(lab.sdp(version=2, direction="sendonly"))
    await f.sip.wait(200, method="INVITE")
    f.sip.ack()
    await f.user.get_jingle("session-info", sid=f.sid)
    await f.sip.none("BYE", 1)
    await lab.hang_up(f)


@case
async def gateway_sends_credentials_with_candidates(t):
    lab = await Lab(t).start()
    lab.alice = c = clients.Monal(lab)
    f = await lab.s2x("initiated")
    try:
        while True:
            c.check_transport_info(
                await c.get_jingle("transport-info", 0.5, f.sid), f.init)
    except TimeoutError:
        pass
    f.sip.cancel()
    await f.sip.wait(487)


@case
async def dino_accept_to_itself_is_ignored(t):
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")
    f.user.message(GW, "<accept xmlns='urn:xmpp:jingle-message:0' id='%s'/>"
                   % f.sid)
    await f.user.no_jingle("session-initiate", 0.3)
    f.user.jmi("proceed", f.gw, f.sid)
    await f.user.get_jingle("session-initiate", sid=f.sid)


@case
async def mongooseim_user_calls_directly(t):
    """mod_jingle_sip's users knew no JMI; failures carried a sip-error."""
    lab = await Lab(t).start()
    f = await lab.x2s("pending", direct=True, group=False)
    f.sip.reply(486)
    a = await lab.ended_in_xmpp(f, "busy")
    r = find(a.j, "reason")
    assert find(r, "sip-error").get("code") == "486"


@case
async def mongooseim_user_is_called_directly(t):
    lab = await Lab(t).start()
    u = User(lab.server, "dave@xmpp.test/mim")
    lab.server.user_features[u.jid] = [
        x for x in lab.server.user_features[u.jid]
        if x != "urn:xmpp:jingle-message:0"]
    u.available(GW)
    await asyncio.sleep(0.3)
    call = await lab.ua.call("sip:dave@127.0.0.1:5070", lab.sdp())
    a = await u.get_jingle("session-initiate")
    u.terminate(a.sender, a.sid, "decline")
    await call.wait(603)
