"""Glare, crossings, forks, losses and duplicates (protocol E.4)."""
import asyncio
import random
import time

from peers.jingleuser import JMI, User, find
from peers.lab import GW, Lab
from peers.runner import case
from peers.sipmsg import Sdp, tag
from peers.xmppserver import condition


@case
async def both_reinvite__491_and_retry(t):
    lab = await Lab(t).start()
    f = await lab.x2s("active", direct=True)
    # the gateway owns the Call-ID: it retries after 2.1 to 4 s
    f.user.info(f.gw, f.sid, "hold")
    theirs = await f.sip.wait("INVITE")
    f.sip.invite(lab.sdp(version=2))
    r = await f.sip.wait(lambda m: m.code and m.code >= 200
                         and m.cseq[1] == "INVITE")
    assert r.code == 491, r
    f.sip.reply(491, req=theirs)
    since = time.monotonic()
    again = await f.sip.wait("INVITE", 6)
    assert 1.9 < time.monotonic() - since < 4.5, time.monotonic() - since
    assert Sdp(again.body).audio.direction == "sendonly"
    f.sip.reply(200, lab.sdp(version=2, direction="recvonly"), req=again)
    await f.sip.wait("ACK")
    await lab.hang_up(f)


@case
async def both_reinvite__theirs_first(t):
    """491 both ways; theirs comes again before ours: it is answered at once,
    with the client's hold in it, and ours is not said twice."""
    lab = await Lab(t).start()
    f = await lab.x2s("active", direct=True)
    f.user.info(f.gw, f.sid, "hold")
    f.sip.reply(491, req=await f.sip.wait("INVITE"))
    await asyncio.sleep(0.5)
    since = time.monotonic()
    f.sip.invite(lab.sdp(version=2, direction="sendonly"))
    r = await f.sip.wait(200, 5)
    assert time.monotonic() - since < 2, time.monotonic() - since
    assert Sdp(r.body).audio.direction == "inactive", r.body
    f.sip.ack()
    await f.sip.none("INVITE", 4.5)
    await lab.hang_up(f)


@case
async def glare_not_owner__retry_soon(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    f.user.info(f.gw, f.sid, "hold")
    f.sip.reply(491, req=await f.sip.wait("INVITE"))
    since = time.monotonic()
    again = await f.sip.wait("INVITE", 6)
    assert time.monotonic() - since < 2.5
    f.sip.reply(200, lab.sdp(version=2, direction="recvonly"), req=again)
    await f.sip.wait("ACK")
    await lab.hang_up(f)


@case
async def second_invite_before_final__500(t):
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")
    f.sip.request("INVITE", lab.sdp(version=2))
    r = await f.sip.wait(lambda m: m.code and m.code >= 300)
    assert r.code in (500, 482), r
    if r.code == 500:
        assert 0 <= int(r.get("Retry-After").split()[0]) <= 10
    f.user.jmi("reject", f.gw, f.sid, "busy")
    await f.sip.wait(486)


@case
async def bye_crosses_terminate(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    f.user.terminate(f.gw, f.sid)
    f.sip.bye()
    await f.sip.wait(lambda m: m.code in (200, 481)
                     and m.cseq[1] == "BYE")
    e = await f.user.answer_to(f.user.info(f.gw, f.sid, ""))
    assert condition(e)[1] == "unknown-session"


@case
async def bye_crosses_bye(t):
    """The gateway's BYE is on its way when the telephone's comes."""
    lab = await Lab(t).start()
    f = await lab.s2x()
    lab.ua.auto.pop("BYE")
    f.user.terminate(f.gw, f.sid)
    theirs = await f.sip.wait("BYE")
    f.sip.bye()
    r = await f.sip.wait(lambda m: m.code and m.cseq[1] == "BYE")
    assert r.code in (200, 481), r
    f.sip.reply(200, req=theirs)
    await f.sip.none("BYE", 1)


@case
async def cancel_crosses_accept(t):
    """Whoever is first: both sides hear one clear end."""
    lab = await Lab(t).start()
    for i in range(6):
        lab.alice = lab.new_user()
        f = await lab.s2x("initiated")
        if i % 2:
            f.user.accept(f.init)
            f.sip.cancel()
        else:
            f.sip.cancel()
            f.user.accept(f.init)
        r = await f.sip.wait(lambda m: m.code and m.code >= 200
                             and m.cseq[1] == "INVITE")
        assert r.code in (200, 487), r
        if r.code == 200:
            f.sip.ack()
            await f.sip.hang_up()
        await lab.ended_in_xmpp(f)


@case
async def retract_and_200_at_once(t):
    lab = await Lab(t).start()
    for i in range(6):
        lab.alice = lab.new_user()
        f = await lab.x2s("ringing")
        if i % 2:
            f.sip.reply(200, lab.sdp())
            f.user.jmi("retract", GW, f.sid, "cancel")
        else:
            f.user.jmi("retract", GW, f.sid, "cancel")
            f.sip.reply(200, lab.sdp())
        await f.sip.wait("ACK")
        await f.sip.wait("BYE")


@case
async def proceeds_within_10_ms(t):
    lab = await Lab(t).start()
    devices = [User(lab.server, "alice@xmpp.test/d%d" % i) for i in range(4)]
    f = await lab.s2x("ringing")
    for d in devices:
        d.jmi("proceed", f.gw, f.sid)
    a = await devices[0].get_jingle("session-initiate")
    devices[0].accept(a)
    await f.sip.wait(200)
    f.sip.ack()
    for d in devices[1:]:
        e = await lab.server.wait(
            lambda s: s.get("to") == d.jid and s.get("type") == "error")
        assert condition(e)[0] == "item-not-found"
        await d.no_jingle("session-initiate", 0.1)
    await f.sip.hang_up()
    await devices[0].get_jingle("session-terminate")


@case
async def invite_while_proposing__486(t):
    """A call the other way round for a pair with an open propose (D30)."""
    lab = await Lab(t).start()
    f = await lab.x2s("ringing")
    other = await lab.ua.call("sip:alice@127.0.0.1:5070", lab.sdp())
    r = await other.wait(lambda m: m.code and m.code >= 300)
    assert r.code in (482, 486), r      # 482: D12, within 2 s
    await f.user.no_jmi("propose", 0.3)
    f.user.jmi("retract", GW, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)


@case
async def propose_while_active__busy(t):
    """From another device while this one still speaks (X0353 4.2; when it
    is lost: migrate.py).  Another address may be called."""
    lab = await Lab(t).start()
    f = await lab.x2s()
    tablet = User(lab.server, "alice@xmpp.test/tablet")
    for u in (tablet, f.user):
        sid = u.propose(GW)
        m = await u.get_jmi("reject", sid=sid)
        assert m.to == u.jid and m.reason == "busy", m.reason
    assert lab.ua.incoming.empty()
    await f.sip.none("BYE", 0.3)
    g = await lab.x2s("ringing", user=tablet, to="601@sip.xmpp.test")
    tablet.jmi("retract", "601@sip.xmpp.test", g.sid, "cancel")
    await g.sip.wait("CANCEL")
    g.sip.reply(487)
    await lab.hang_up(f)


@case
async def initiate_while_active__busy(t):
    lab = await Lab(t).start()
    f = await lab.x2s()
    tablet = User(lab.server, "alice@xmpp.test/tablet")
    sid = tablet.initiate(f.gw)
    a = await tablet.get_jingle("session-terminate", sid=sid)
    assert a.reason == "busy", a.reason
    assert lab.ua.incoming.empty()
    await lab.hang_up(f)


@case
async def fork_18x__ringing_once(t):
    lab = await Lab(t).start()
    f = await lab.x2s("invited")
    for fork in ("a", "b", "c"):
        f.sip.reply(180, to_tag="fork" + fork)
    await f.user.get_jmi("ringing", sid=f.sid)
    await f.user.no_jmi("ringing", 0.3)
    f.sip.reply(200, lab.sdp(), to_tag="forkb")
    a = await f.sip.wait("ACK")
    assert tag(a.get("To")) == "forkb", a.get("To")
    await f.user.get_jmi("proceed", sid=f.sid)


@case
async def fork_2xx__first_wins(t):
    lab = await Lab(t).start()
    f = await lab.x2s("ringing")
    f.sip.reply(200, lab.sdp(), to_tag="forka")
    await f.sip.wait(lambda m: m.method == "ACK"
                     and tag(m.get("To")) == "forka")
    f.sip.reply(200, lab.sdp(), to_tag="forkb")
    await f.sip.wait(lambda m: m.method == "ACK"
                     and tag(m.get("To")) == "forkb")
    b = await f.sip.wait("BYE")
    assert tag(b.get("To")) == "forkb", b.get("To")
    f.gw = (await f.user.get_jmi("proceed", sid=f.sid)).sender
    await f.user.no_jmi("proceed", 0.2)
    f.user.initiate(f.gw, f.sid)
    await f.user.get_jingle("session-accept", sid=f.sid)
    await f.sip.none("BYE", 0.2)


@case
async def redirect_within_trunk(t):
    lab = await Lab(t).start()
    f = await lab.x2s("invited")
    f.sip.reply(302, headers=[("Contact", "<sip:601@127.0.0.1:5060>")])
    again = await f.sip.next_invite()
    assert again.uri.startswith("sip:601@"), again.uri
    f.sip.reply(200, lab.sdp(), req=again)
    await f.sip.wait(lambda m: m.method == "ACK"
                     and m.cseq[0] == again.cseq[0])
    await f.user.get_jmi("proceed", sid=f.sid)


@case
async def redirect_for_ever__gone(t):
    lab = await Lab(t).start()
    f = await lab.x2s("invited")
    invite, n = f.sip.req, 0
    try:
        while n < 9:
            n += 1
            f.sip.reply(302, req=invite, headers=[(
                "Contact", "<sip:6%02d@127.0.0.1:5060>" % n)])
            invite = await f.sip.next_invite(1)
    except TimeoutError:
        pass
    assert 2 <= n <= 6, n
    m = await f.user.get_jmi("reject", sid=f.sid)
    assert m.reason == "gone", m.reason


@case
async def redirect_elsewhere_is_not_followed(t):
    lab = await Lab(t).start()
    f = await lab.x2s("invited")
    f.sip.reply(302, headers=[("Contact", "<sip:x@127.0.0.9:5060>")])
    m = await f.user.get_jmi("reject", sid=f.sid)
    assert m.reason == "gone", m.reason


async def _refused(t, cond, said=""):
    """The final response when the device refuses the session so."""
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")

    def refuse(iq):
        if iq.get("type") != "set":
            return False
        lab.server.stanza(
            "iq", iq.get("to"), iq.get("from"),
            "<error type='modify'><%s xmlns='urn:ietf:params:xml:ns:"
            "xmpp-stanzas'>%s</%s></error>" % (cond, said, cond), "error",
            iq.get("id"))
        return True
    lab.server.answers.append(refuse)
    f.user.jmi("proceed", f.gw, f.sid)
    return await f.sip.wait(lambda m: m.code and m.code >= 300)


@case
async def xmpp_redirect__302(t):
    r = await _refused(t, "redirect", "xmpp:bob@xmpp.test")
    assert r.code == 302, r
    assert "bob" in r.get("Contact"), r.get("Contact")


@case
async def xmpp_gone__301(t):
    r = await _refused(t, "gone", "xmpp:bob@xmpp.test")
    assert (r.code, r.reason) == (301, "Moved Permanently"), r
    assert "bob" in r.get("Contact"), r.get("Contact")


@case
async def xmpp_gone_without_address__410(t):
    r = await _refused(t, "gone")
    assert r.code == 410 and not r.get("Contact"), r


@case
async def xmpp_feature_not_implemented__405(t):
    r = await _refused(t, "feature-not-implemented")
    assert r.code == 405, r


@case(timeout=60, waits=33)
async def ack_never_comes__bye(t):
    lab = await Lab(t).start()
    f = await lab.s2x("initiated")
    f.user.accept(f.init)
    await f.sip.wait(200)
    n = 0
    since = time.monotonic()
    while time.monotonic() - since < 40:
        m = await f.sip.wait(lambda m: m.code == 200 or m.method == "BYE",
                             40)
        if m.method == "BYE":
            break
        n += 1
    assert n >= 8, "%d retransmissions" % n
    # ICE of the scripted client never connects: that end comes before
    await lab.ended_in_xmpp(f)


@case
async def lost_ack__200_again(t):
    lab = await Lab(t).start()
    f = await lab.s2x("initiated")
    f.user.accept(f.init)
    await f.sip.wait(200)
    await f.sip.wait(200, 2)
    f.sip.ack()
    await f.sip.none(200, 2.5)
    await lab.hang_up(f)


async def _both_ways(lab):
    for way in (lab.x2s, lab.s2x):
        lab.alice = lab.new_user()
        f = await way()
        f.user.info(f.gw, f.sid, "hold")
        m = await f.sip.wait("INVITE", 8)
        f.sip.reply(200, lab.sdp(version=2, direction="recvonly"), req=m)
        await f.sip.wait("ACK", 8)
        await f.sip.hang_up(12)
        await lab.ended_in_xmpp(f)


@case
async def everything_twice(t):
    lab = await Lab(t).start()
    lab.ua.mangle = lambda data: [data, data]
    await _both_ways(lab)


@case(timeout=90)
async def everything_lost_once(t):
    lab = await Lab(t).start()
    seen = set()

    def lossy(m):
        key = (m.start, m.get("Call-ID"), m.get("CSeq"))
        if key in seen:
            return False
        seen.add(key)
        # an ICE that never comes up ends calls after 15 s
        return m.method in ("INVITE", "CANCEL", "BYE") or m.code == 100
    lab.ua.drop = lossy
    await _both_ways(lab)


@case
async def reordered(t):
    """A random half of the datagrams arrives 60 ms late."""
    lab = await Lab(t).start()
    rnd = random.Random(5)

    def shuffle(data):
        if rnd.random() < 0.5:
            return [data]
        asyncio.get_running_loop().call_later(
            0.06, lambda: lab.ua._udp.sendto(data, lab.ua.peer))
        return []
    lab.ua.mangle = shuffle
    for _ in range(5):
        lab.alice = lab.new_user()
        f = await lab.x2s()
        await f.sip.hang_up()
        await lab.ended_in_xmpp(f)


@case
async def session_initiates_cross__lower_sid_wins(t):
    """No JMI, both sides call: nobody is left with a dangling session."""
    lab = await Lab(t).start()
    f = await lab.x2s("pending", direct=True)
    other = await lab.ua.call("sip:alice@127.0.0.1:5070", lab.sdp())
    r = await other.wait(lambda m: m.code and m.code >= 300)
    assert r.code in (482, 486), r
    f.user.terminate(f.gw, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)


# ---- both propose, both initiate (E.4) -------------------------------------
LOW, HIGH = "00000000-0000-4000-8000-000000000000", \
    "ffffffff-ffff-4fff-bfff-ffffffffffff"


@case
async def both_propose__lower_of_client_wins(t):
    """The gateway takes its own back and goes on with the client's."""
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")
    lab.alice.propose(GW, LOW)
    m = await f.user.get_jmi("retract", sid=f.sid)
    assert m.reason == "expired", m.reason
    assert find(m.element, "tie-break", JMI) is not None
    await f.sip.wait(486)
    call = await lab.ua.get_call()
    call.reply(200, lab.sdp())
    p = await f.user.get_jmi("proceed", sid=LOW)
    f.user.initiate(p.sender, LOW)
    await f.user.get_jingle("session-accept", sid=LOW)
    await call.hang_up()


@case
async def both_propose__lower_of_gateway_wins(t):
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")
    f.user.propose(GW, HIGH)
    m = await f.user.get_jmi("reject", sid=HIGH)
    assert m.reason == "expired", m.reason
    assert find(m.element, "tie-break", JMI) is not None
    assert lab.ua.incoming.empty()
    await f.sip.none("4xx", 0.2)
    f.user.jmi("proceed", f.gw, f.sid)
    a = await f.user.get_jingle("session-initiate", sid=f.sid)
    f.user.accept(a)
    await f.sip.wait(200)
    f.sip.ack()
    await lab.hang_up(f)


async def _direct_s2x(lab):
    u = lab.alice
    lab.server.user_features[u.jid] = [
        x for x in lab.server.user_features[u.jid] if x != JMI]
    u.available(GW)
    await asyncio.sleep(0.3)
    call = await lab.ua.call("sip:alice@127.0.0.1:5070", lab.sdp())
    return u, call, await u.get_jingle("session-initiate")


@case
async def both_initiate__lower_of_client_wins(t):
    lab = await Lab(t).start()
    u, call, a = await _direct_s2x(lab)
    u.initiate(a.sender, LOW)
    await call.wait(486)
    e = await u.get_jingle("session-terminate", sid=a.sid)
    assert e.reason == "alternative-session", e.reason
    other = await lab.ua.get_call()
    other.reply(200, lab.sdp())
    await u.get_jingle("session-accept", sid=LOW)
    await other.hang_up()


@case
async def both_initiate__lower_of_gateway_wins(t):
    lab = await Lab(t).start()
    u, call, a = await _direct_s2x(lab)
    u.initiate(a.sender, HIGH)
    e = await lab.server.wait(
        lambda s: s.get("to") == u.jid and s.get("type") == "error")
    assert condition(e) == ("conflict", "tie-break"), condition(e)
    assert lab.ua.incoming.empty()
    u.accept(a)
    await call.wait(200)
    call.ack()
    await call.hang_up()


@case
async def second_proceed_of_the_winner(t):
    """A client that says it twice: one session, no error."""
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")
    for _ in range(3):
        f.user.jmi("proceed", f.gw, f.sid)
    a = await f.user.get_jingle("session-initiate", sid=f.sid)
    await f.user.no_jingle("session-initiate", 0.3)
    await lab.server.none(lambda s: s.get("type") == "error", 0.1)
    f.user.accept(a)
    await f.sip.wait(200)
    f.sip.ack()
    await lab.hang_up(f)


@case
async def same_action_both_ways__initiator_wins(t):
    """Both restart ICE at once (X0166 7.2.16): the call goes on."""
    lab = await Lab(t).start()
    f = await lab.s2x()
    for n in range(2):
        f.user.jingle(
            "transport-info", f.gw, f.sid, "<content creator='initiator' "
            "name='%s'><transport xmlns='urn:xmpp:jingle:transports:"
            "ice-udp:1' ufrag='new%d' pwd='%s'/></content>" % (
                f.init.contents[0].get("name"), n, "y" * 22))
    await f.sip.none("BYE", 0.5)
    await f.user.get_jingle("transport-info", sid=f.sid)
    await lab.hang_up(f)
