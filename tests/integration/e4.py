"""Every cell of the table of states (protocol E.4)."""
import asyncio

from peers.lab import GW, Lab, cause
from peers.jingleuser import HINTS, JMI, PCMU, RTP, User
from peers.runner import case
from peers.sipmsg import Sdp
from peers.xmppserver import condition, find


# ---- X-PROPOSED: an early INVITE is out ----------------------------------
@case
async def x_proposed__s_1xx__ringing_once(t):
    lab = await Lab(t).start()
    f = await lab.x2s("invited")
    f.sip.reply(180)
    m = await f.user.get_jmi("ringing", sid=f.sid)
    assert m.sender == GW + "/sip" and m.to == f.user.jid, m.stanza.attrib
    assert m.stanza.get("type") == "chat" and m.stanza.get("id")
    assert find(m.stanza, "store", HINTS) is not None
    await f.user.get_receipt("jm-propose-" + f.sid)
    f.sip.reply(180)
    f.sip.reply(183)
    await f.user.no_jmi("ringing", 0.5)


@case
async def x_proposed__s_2xx__proceed(t):
    lab = await Lab(t).start()
    f = await lab.x2s("invited")
    f.sip.reply(200, lab.sdp())
    await f.sip.wait("ACK")
    m = await f.user.get_jmi("proceed", sid=f.sid)
    assert m.sender == GW + "/sip" and m.to == f.user.jid
    assert m.stanza.get("type") == "chat"
    assert find(m.stanza, "store", HINTS) is not None


@case
async def x_proposed__s_failure__reject(t):
    lab = await Lab(t).start()
    f = await lab.x2s("ringing")
    f.sip.reply(486)
    await f.sip.wait("ACK")
    m = await f.user.get_jmi("reject", sid=f.sid)
    assert m.reason == "busy", m.reason


@case
async def x_proposed__x_retract__cancel(t):
    lab = await Lab(t).start()
    f = await lab.x2s("ringing")
    f.user.jmi("retract", GW, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)
    await f.sip.wait("ACK")


@case
async def x_proposed__x_retract_before_1xx(t):
    """RFC 3261 9.1: no CANCEL before a provisional response."""
    lab = await Lab(t).start()
    lab.ua.auto_trying = False
    f = await lab.x2s("invited")
    f.user.jmi("retract", GW, f.sid, "cancel")
    await f.sip.none("CANCEL", 0.4)
    f.sip.reply(180)
    await f.sip.wait("CANCEL")
    f.sip.reply(487)
    await f.sip.wait("ACK")


@case
async def x_proposed__retract_crosses_200(t):
    lab = await Lab(t).start()
    f = await lab.x2s("ringing")
    f.sip.reply(200, lab.sdp())
    f.user.jmi("retract", GW, f.sid, "cancel")
    await f.sip.wait("ACK")
    await f.sip.wait("BYE")


@case
async def x_proposed__200_crosses_cancel(t):
    """The 2xx came although the INVITE was cancelled: ACK and BYE."""
    lab = await Lab(t).start()
    f = await lab.x2s("ringing")
    f.user.jmi("retract", GW, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(200, lab.sdp())
    await f.sip.wait("ACK")
    await f.sip.wait("BYE")
    await f.user.no_jmi("proceed", 0.3)


# ---- X-PROCEED: answered, waiting for session-initiate --------------------
@case
async def x_proceed__s_2xx_again__ack(t):
    lab = await Lab(t).start()
    lab.ua.drop = lambda m: m.method == "ACK" and not drop.append(m) \
        and len(drop) < 3
    drop = []
    f = await lab.x2s("ringing")
    f.sip.reply(200, lab.sdp())
    await f.sip.wait("ACK", 8)
    assert len(drop) == 3


@case
async def x_proceed__s_bye__finish(t):
    lab = await Lab(t).start()
    f = await lab.x2s("proceed")
    await f.sip.hang_up()
    m = await f.user.get_jmi("finish", sid=f.sid)
    assert m.reason == "success", m.reason


@case
async def x_proceed__x_retract__bye(t):
    lab = await Lab(t).start()
    f = await lab.x2s("proceed")
    f.user.jmi("retract", f.gw, f.sid, "cancel")
    await f.sip.wait("BYE")


@case
async def x_proceed__x_finish__bye(t):
    lab = await Lab(t).start()
    f = await lab.x2s("proceed")
    f.user.jmi("finish", f.gw, f.sid, "success")
    await f.sip.wait("BYE")


@case(timeout=40, waits=21)
async def x_proceed__nothing_for_20_s__bye(t):
    lab = await Lab(t).start()
    f = await lab.x2s("proceed")
    b = await f.sip.wait("BYE", 25)
    assert cause(b) == 102, b.all("Reason")
    m = await f.user.get_jmi("finish", sid=f.sid)
    assert m.reason == "timeout", m.reason


@case
async def x_proceed__other_media__security_error(t):
    lab = await Lab(t).start()
    f = await lab.x2s("proceed")
    u = f.user
    u.jingle("session-initiate", f.gw, f.sid, u.content() + u.content(
        name="1", media="video", codecs=(("96", "VP8", "90000", "1"),)))
    await lab.ended_in_xmpp(f, "security-error")
    await f.sip.wait("BYE")


@case
async def x_proceed__initiate_of_other_device__item_not_found(t):
    lab = await Lab(t).start()
    f = await lab.x2s("proceed")
    other = User(lab.server, "alice@xmpp.test/tablet")
    other.initiate(f.gw, f.sid)
    e = await lab.server.wait(
        lambda s: s.get("to") == other.jid and s.get("type") == "error")
    assert condition(e)[0] == "item-not-found", condition(e)
    f.user.initiate(f.gw, f.sid)
    await f.user.get_jingle("session-accept", sid=f.sid)


@case
async def x_proceed__no_common_codec__reinvite(t):
    """The answer was PCMA, the client has PCMU: one re-INVITE, its answer is
    what the client gets."""
    lab = await Lab(t).start()
    f = await lab.x2s("proceed", answer=lab.sdp(
        codecs=((8, "PCMA/8000"),)))
    f.user.initiate(f.gw, f.sid, codecs=(PCMU,))
    again = await f.sip.wait("INVITE")
    assert "PCMU/8000" in Sdp(again.body).audio.codecs().values()
    f.sip.reply(200, lab.sdp(codecs=((0, "PCMU/8000"),), version=2),
                req=again)
    await f.sip.wait("ACK")
    a = await f.user.get_jingle("session-accept", sid=f.sid)
    assert a.codecs() == ["PCMU"], a.codecs()


@case
async def x_proceed__reinvite_refused__incompatible(t):
    lab = await Lab(t).start()
    f = await lab.x2s("proceed", answer=lab.sdp(
        codecs=((8, "PCMA/8000"),)))
    f.user.initiate(f.gw, f.sid, codecs=(PCMU,))
    again = await f.sip.wait("INVITE")
    f.sip.reply(488, req=again)
    await lab.ended_in_xmpp(f, "incompatible-parameters")
    b = await f.sip.wait("BYE")
    assert cause(b) == 65, b.all("Reason")


@case
async def x_proceed__s_reinvite__answered(t):
    lab = await Lab(t).start()
    f = await lab.x2s("proceed")
    f.sip.invite(lab.sdp(version=2))
    await f.sip.wait(200, method="INVITE")
    f.sip.ack()
    f.user.initiate(f.gw, f.sid)
    await f.user.get_jingle("session-accept", sid=f.sid)


# ---- S-RINGING: proposed to the user's devices ----------------------------
@case
async def s_ringing__s_cancel__retract(t):
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")
    f.sip.cancel()
    await f.sip.wait(200, method="CANCEL")
    await f.sip.wait(487)
    m = await f.user.get_jmi("retract", sid=f.sid)
    assert m.reason in ("cancel", None), m.reason
    assert m.to == f.user.bare, m.to
    await f.user.no_jingle("session-terminate", 0.3)


@case
async def s_ringing__propose(t):
    lab = await Lab(t).start()
    f = await lab.s2x("proposed")
    m = f.propose
    assert m.stanza.get("type") == "chat" and m.to == f.user.bare
    assert m.sender == GW + "/sip", m.sender
    assert find(m.stanza, "store", HINTS) is not None
    assert find(m.stanza, "request", "urn:xmpp:receipts") is not None
    d = find(m.element, "description", RTP)
    assert d.get("media") == "audio"
    f.sip.cancel()
    await f.sip.wait(487)


@case
async def s_ringing__receipt_rings(t):
    """An X0184 receipt says as much as <ringing/>."""
    lab = await Lab(t).start()
    f = await lab.s2x("proposed")
    f.user.receipt(f.gw, f.propose.stanza.get("id"))
    await f.sip.wait(180)


@case
async def s_ringing__x_proceed__initiate(t):
    lab = await Lab(t).start()
    f = await lab.s2x("initiated")
    a = f.init
    assert a.setup() == "actpass", a.setup()
    assert a.sender == f.gw and a.iq.get("to") == f.user.jid
    assert a.group() == [c.get("name") for c in a.contents]
    assert "PCMU" in a.codecs(), a.codecs()
    assert a.transport().get("ufrag") and a.transport().get("pwd")


@case
async def s_ringing__x_reject__final(t):
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")
    f.user.jmi("reject", f.gw, f.sid)
    r = await f.sip.wait(lambda m: m.code and m.code >= 300)
    assert r.code == 486, r       # without a reason


@case(timeout=80, waits=46)
async def s_ringing__nobody_for_45_s__480(t):
    lab = await Lab(t).start()
    f = await lab.s2x("proposed")
    await f.sip.none("1xx", 2)
    r = await f.sip.wait(480, 60)
    assert cause(r) == 20, r.all("Reason")
    await f.user.get_jmi("retract", sid=f.sid)


@case(timeout=40)
async def s_ringing__no_answer__480(t):
    lab = await Lab(t).start({"trunk pbx": {"ring_timeout": 5}})
    f = await lab.s2x("ringing")
    r = await f.sip.wait(480, 15)
    assert cause(r) == 19, r.all("Reason")
    m = await f.user.get_jmi("retract", sid=f.sid)
    assert m.reason in ("cancel", None), m.reason


@case
async def s_ringing__two_devices_proceed(t):
    """The first wins, the second is told privately."""
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")
    other = User(lab.server, "alice@xmpp.test/tablet")
    f.user.jmi("proceed", f.gw, f.sid)
    other.jmi("proceed", f.gw, f.sid)
    await f.user.get_jingle("session-initiate", sid=f.sid)
    e = await lab.server.wait(
        lambda s: s.get("to") == other.jid and s.get("type") == "error")
    assert condition(e)[0] == "item-not-found", condition(e)
    assert find(e, "private", "urn:xmpp:carbons:2") is not None
    assert find(e, "no-copy", HINTS) is not None
    await other.no_jingle("session-initiate", 0.3)


@case
async def s_ringing__bare_address_proceed(t):
    """X0353 before 0.8.0: answers went to the bare JID."""
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")
    f.user.jmi("proceed", GW, f.sid)
    await f.user.get_jingle("session-initiate", sid=f.sid)


# ---- X-PENDING: Jingle initiated, not accepted ----------------------------
@case
async def x_pending__direct_call(t):
    lab = await Lab(t).start()
    f = await lab.x2s("active", direct=True)
    assert f.accept.setup() in ("active", "passive"), f.accept.setup()
    await lab.hang_up(f)


@case
async def x_pending__s_failure__terminate(t):
    lab = await Lab(t).start()
    f = await lab.x2s("pending", direct=True)
    f.sip.reply(486)
    await f.sip.wait("ACK")
    await lab.ended_in_xmpp(f, "busy")


@case
async def x_pending__x_terminate__cancel(t):
    lab = await Lab(t).start()
    f = await lab.x2s("pending", direct=True)
    f.user.terminate(f.gw, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)
    await f.sip.wait("ACK")


@case
async def x_pending__s_cancel__terminate(t):
    lab = await Lab(t).start()
    f = await lab.s2x("initiated")
    f.sip.cancel()
    await f.sip.wait(487)
    await lab.ended_in_xmpp(f, "cancel")


@case
async def x_pending__x_terminate__final(t):
    lab = await Lab(t).start()
    f = await lab.s2x("initiated")
    f.user.terminate(f.gw, f.sid, "busy")
    await f.sip.wait(486)


@case
async def x_pending__s2x_without_jmi(t):
    """Every online resource lacks JMI: session-initiates at once."""
    lab = await Lab(t).start()
    u = User(lab.server, "dave@xmpp.test/old")
    lab.server.user_features[u.jid] = [
        x for x in lab.server.user_features[u.jid] if x != JMI]
    u.available(GW)
    u.available("sip.xmpp.test")
    await asyncio.sleep(0.5)
    call = await lab.ua.call("sip:dave@127.0.0.1:5070", lab.sdp())
    f = await u.get_jingle("session-initiate")
    u.info(f.sender, f.sid, "ringing")
    await call.wait(180)
    u.accept(f)
    await call.wait(200)
    call.ack()
    await call.hang_up()
    await u.get_jingle("session-terminate", sid=f.sid)


@case
async def x_pending__two_devices_without_jmi(t):
    """Both get a session, the first accept wins, the other <cancel/>."""
    lab = await Lab(t).start()
    both = [User(lab.server, "dave@xmpp.test/" + r) for r in ("a", "b")]
    for u in both:
        lab.server.user_features[u.jid] = [
            x for x in lab.server.user_features[u.jid] if x != JMI]
        u.available(GW)
        u.available("sip.xmpp.test")
    await asyncio.sleep(0.5)
    call = await lab.ua.call("sip:dave@127.0.0.1:5070", lab.sdp())
    offers = [await u.get_jingle("session-initiate") for u in both]
    both[1].accept(offers[1])
    both[0].accept(offers[0])
    await call.wait(200)
    call.ack()
    a = await both[0].get_jingle("session-terminate")
    assert a.reason == "cancel", a.reason
    await call.hang_up()
    await both[1].get_jingle("session-terminate")


# ---- ACTIVE ---------------------------------------------------------------
@case
async def active__s_bye__terminate_and_finish(t):
    lab = await Lab(t).start()
    f = await lab.x2s()
    await f.sip.hang_up()
    await lab.ended_in_xmpp(f, "success")
    m = await f.user.get_jmi("finish", sid=f.sid)
    assert m.reason == "success" and m.to == f.user.jid


@case
async def active__x_terminate__bye(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    await f.user.answer_to(f.user.terminate(f.gw, f.sid))
    b = await f.sip.wait("BYE")
    assert cause(b) in (16, None), b.all("Reason")


@case
async def active__x_finish_alone__bye(t):
    lab = await Lab(t).start()
    f = await lab.x2s()
    f.user.jmi("finish", f.gw, f.sid, "success")
    await f.sip.wait("BYE")


@case
async def active__s_reinvite__answered(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    first = f.answer_sdp
    f.sip.invite(lab.sdp(version=2))
    r = Sdp((await f.sip.wait(200, method="INVITE")).body)
    f.sip.ack()
    assert r.audio.direction == "sendrecv"
    assert r.audio.port == first.audio.port
    f.sip.invite(lab.sdp(version=2))    # nothing new: the same answer
    again = Sdp((await f.sip.wait(200, method="INVITE")).body)
    f.sip.ack()
    assert again.origin == r.origin, (again.origin, r.origin)
    await lab.hang_up(f)


@case
async def active__s_reinvite_without_offer(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    f.sip.invite("")
    r = await f.sip.wait(200, method="INVITE")
    assert Sdp(r.body).audio.port
    f.sip.ack(lab.sdp(version=2))
    await f.sip.none("BYE", 0.5)
    await lab.hang_up(f)


@case
async def active__s_hold_and_resume(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    for direction, answer, info in (
            ("sendonly", "recvonly", "hold"), ("sendrecv", "sendrecv",
                                               "unhold"),
            ("inactive", "inactive", "hold"), ("sendrecv", "sendrecv",
                                               "unhold")):
        f.sip.invite(lab.sdp(version=f.sip.cseq + 1, direction=direction))
        r = Sdp((await f.sip.wait(200, method="INVITE")).body)
        f.sip.ack()
        assert r.audio.direction == answer, (direction, r.audio.direction)
        a = await f.user.get_jingle("session-info", sid=f.sid)
        names = a.info()
        assert names == [info] or (info == "unhold"
                                   and names == ["active"]), names
    await lab.hang_up(f)


@case
async def active__x_hold_and_resume(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    f.user.info(f.gw, f.sid, "hold")
    m = await f.sip.wait("INVITE")
    assert Sdp(m.body).audio.direction == "sendonly", m.body
    f.sip.reply(200, lab.sdp(version=2, direction="recvonly"), req=m)
    await f.sip.wait("ACK")
    f.user.info(f.gw, f.sid, "unhold")
    m = await f.sip.wait("INVITE")
    assert Sdp(m.body).audio.direction == "sendrecv", m.body
    f.sip.reply(200, lab.sdp(version=3), req=m)
    await f.sip.wait("ACK")
    await lab.hang_up(f)


@case
async def active__s_update(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    f.sip.request("UPDATE", lab.sdp(version=2, direction="sendonly"))
    r = await f.sip.wait(200, method="UPDATE")
    assert Sdp(r.body).audio.direction == "recvonly"
    await f.user.get_jingle("session-info", sid=f.sid)
    f.sip.request("UPDATE")
    await f.sip.wait(200, method="UPDATE")
    await lab.hang_up(f)


async def _reinvite_answered(t, code):
    lab = await Lab(t).start()
    f = await lab.s2x()
    f.user.info(f.gw, f.sid, "hold")
    m = await f.sip.wait("INVITE")
    f.sip.reply(code, req=m)
    await f.sip.wait("BYE")
    await lab.ended_in_xmpp(f)


@case
async def active__408_to_reinvite__bye(t):
    await _reinvite_answered(t, 408)


@case
async def active__481_to_reinvite__bye(t):
    await _reinvite_answered(t, 481)


@case
async def active__488_to_reinvite__goes_on(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    f.user.info(f.gw, f.sid, "hold")
    f.sip.reply(488, req=await f.sip.wait("INVITE"))
    await f.sip.wait("ACK")
    await f.sip.none("BYE", 0.5)
    await lab.hang_up(f)


@case(timeout=50, waits=16)
async def active__ice_never_connects__both_told(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    await lab.ended_in_xmpp(f, "connectivity-error", 30)
    await f.sip.wait("BYE")


# ---- ENDED ----------------------------------------------------------------
@case
async def ended__sip_481(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    await lab.hang_up(f)
    f.sip.invite(lab.sdp(version=3))
    r = await f.sip.wait(lambda m: m.code and m.code >= 200
                         and m.cseq[1] == "INVITE")
    assert r.code == 481, r


@case
async def ended__jingle_unknown_session(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    await lab.hang_up(f)
    e = await f.user.answer_to(f.user.info(f.gw, f.sid, ""))
    assert condition(e) == ("item-not-found", "unknown-session"), \
        condition(e)


@case
async def ended__jmi_of_ended_call_is_ignored(t):
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")
    f.sip.cancel()
    await f.sip.wait(487)
    f.user.jmi("proceed", f.gw, f.sid)
    await f.user.no_jingle("session-initiate", 0.5)
