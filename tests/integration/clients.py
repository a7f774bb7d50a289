"""Clients that are scripted after their source (peers/client.py and the files
of their names): each both ways, against what it needs and refuses."""
import asyncio
import hashlib
import re
import time

from peers.cheogram import Cheogram
from peers.client import need
from peers.conversations import Conversations
from peers.dino import Dino
from peers.jingleuser import DTLS, ICE, find
from peers.lab import GW, Lab, cause
from peers.mongooseim import Component, JingleSipUser
from peers.monal import Monal
from peers.movim import Movim
from peers.runner import add, case
from peers.sipmsg import Sdp

ALL = (Conversations, Cheogram, Monal, Movim, Dino, JingleSipUser)
VIDEO_LINE = ("m=video 30002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n")


async def meet(t, kind, changes=None, online=True):
    lab = await Lab(t).start(changes)
    c = kind(lab)
    if online:
        c.available(GW)     # or 180 would have to wait for its ringing
        await asyncio.sleep(0.2)
    return lab, c


async def button(t, kind):
    lab, c = await meet(t, kind)
    await c.button()


async def calls(t, kind):
    """Out, ended by it; out, ended by the telephone; then a new sid."""
    lab, c = await meet(t, kind)
    f = await c.call()
    c.hang_up(f)
    b = await f.sip.wait("BYE")
    assert cause(b) in (16, None), b.all("Reason")
    g = await c.call()
    await g.sip.hang_up()
    a = await c.hears_end(g)
    assert a.reason == "success", a.reason
    c.judge()


async def is_called(t, kind):
    """In, ended by the telephone; in, ended by it."""
    lab, c = await meet(t, kind)
    f = await c.answer()
    assert f.answer_sdp.audio.port
    await f.sip.hang_up()
    await c.hears_end(f)
    g = await c.answer()
    need(g.sid != f.sid, "a sid that was used before")
    c.hang_up(g)
    await g.sip.wait("BYE")
    c.judge()


async def refuses(t, kind):
    """Declines, then lets it ring."""
    lab, c = await meet(t, kind, {"trunk pbx": {"ring_timeout": 5}})
    f = await c.rung()
    c.refuse(f)
    await f.sip.wait(kind.refuses_with)
    f = await c.rung()
    r = await f.sip.wait(480)
    assert cause(r) == 19, r.all("Reason")
    if kind.direct:
        await c.get_jingle("session-terminate", sid=f.sid)
    else:
        await c.get_jmi("retract", sid=f.sid)
    f = await c.rung()
    f.sip.cancel()
    await f.sip.wait(487)
    c.judge()


async def is_refused(t, kind):
    """Busy, declined; nobody answers and it gives up."""
    lab, c = await meet(t, kind)
    for code, reason in ((486, "busy"), (603, "decline"), (404, "gone")):
        f = await c.dial(ring=code != 404)
        f.sip.reply(code)
        a = await c.refused(f, reason)
        if kind.direct:
            c.judge_failure(a, code)
    f = await c.dial()
    c.give_up(f)
    await f.sip.wait("CANCEL")
    f.sip.reply(487)
    await f.sip.wait("ACK")
    c.judge()


async def holds(t, kind):
    """The telephone holds and resumes; the client mutes, which is nobody's
    business but its own."""
    lab, c = await meet(t, kind)
    f = await c.answer()
    for n, (direction, back, word) in enumerate((
            ("sendonly", "recvonly", ("hold",)),
            ("sendrecv", "sendrecv", ("unhold", "active")))):
        f.sip.invite(lab.sdp(version=2 + n, direction=direction))
        r = await f.sip.wait(200, method="INVITE")
        f.sip.ack()
        assert Sdp(r.body).audio.direction == back, r.body
        a = await c.get_jingle("session-info", sid=f.sid)
        assert a.info()[0] in word, a.info()
    for word in ("mute", "unmute"):
        e = await c.answer_to(c.info(f.gw, f.sid, word, attrs=" creator="
                                     "'initiator' name='0'"))
        assert e.get("type") == "result", word
    await f.sip.none("INVITE", 0.3)
    c.info(f.gw, f.sid, "hold")
    m = await f.sip.wait("INVITE")
    assert Sdp(m.body).audio.direction == "sendonly", m.body
    f.sip.reply(200, lab.sdp(version=9, direction="recvonly"), req=m)
    await f.sip.wait("ACK")
    c.hang_up(f)
    await f.sip.wait("BYE")
    c.judge()


async def video(t, kind):
    """Offered by it: both contents are answered, one with senders none.
    Offered by the telephone: refused there, not shown here."""
    lab, c = await meet(t, kind)
    f = await c.call(video=True)
    assert [x.get("senders", "both") for x in f.accept.contents] \
        == ["both", "none"], f.accept.contents
    assert all(m.port == 0 for m in Sdp(f.sip.req.body).media
               if m.kind == "video")
    await f.sip.hang_up()
    await c.hears_end(f)
    g = await c.answer(lab.sdp() + VIDEO_LINE)
    need(len(g.init.contents) == 1, "video that it was not asked for")
    assert [m.port > 0 for m in g.answer_sdp.media] == [True, False]
    c.hang_up(g)
    await g.sip.wait("BYE")
    c.judge()


async def digits(t, kind):
    """telephone-event reaches both legs where the client has it, with its
    number and clock; digits by XEP-0181 work beside it."""
    lab, c = await meet(t, kind, {"trunk pbx": {"dtmf": "info"}})
    f = await c.call()
    has = any(x[1] == "telephone-event" for x in kind.codecs)
    got = [(p.get("id"), p.get("clockrate")) for p in f.accept.description()
           if p.get("name") == "telephone-event"]
    need(bool(got) == has, "telephone-event: %s" % got)
    for id, clock in got:
        need((id, "telephone-event", clock, "1") in kind.codecs,
             "telephone-event with another number: %s" % got)
    c.info(f.gw, f.sid, "dtmf", "urn:xmpp:jingle:dtmf:0",
           " code='5' duration='200'")
    m = await f.sip.wait("INFO")
    assert b"Signal=5" in m.body.replace(b" ", b""), m.body
    await f.sip.hang_up()
    await c.hears_end(f)
    g = await c.answer()
    need("telephone-event" in g.init.codecs(), "none offered")
    c.hang_up(g)
    await g.sip.wait("BYE")
    c.judge()


for kind in ALL:
    word = kind.__name__.lower()
    add(word + "_has_a_call_button", button, kind)
    for f in (calls, is_called, refuses, is_refused, holds, video, digits):
        add(word + "_" + f.__name__, f, kind)


# ---- Conversations --------------------------------------------------------
@case(timeout=60, waits=31)
async def conversations_rejects_by_itself(t):
    """After 30 s without a reason, while the gateway would have waited."""
    lab, c = await meet(t, Conversations)
    f = await c.rung()
    await f.sip.none(480, Conversations.auto_reject)
    c.refuse(f)
    await f.sip.wait(486)
    c.judge()


@case
async def conversations_removes_a_content_that_it_added(t):
    """It offers video in a call, is refused, and goes on."""
    lab, c = await meet(t, Conversations)
    f = await c.call()
    e = await c.answer_to(c.jingle(
        "content-add", f.gw, f.sid, c.content(
            name="v", media="video", codecs=(("96", "VP8", "90000", "1"),))))
    assert e.get("type") == "result", e.attrib
    a = await c.get_jingle("content-reject", sid=f.sid)
    need([x.get("name") for x in a.contents] == ["v"], "another content")
    await f.sip.none("BYE", 0.3)
    await f.sip.hang_up()
    await c.hears_end(f)
    c.judge()


@case
async def conversations_restarts_ice_without_candidates(t):
    """transport-info with new credentials and no candidate is an offer; the
    answer has new credentials, candidates, and the same DTLS."""
    lab, c = await meet(t, Conversations)
    f = await c.call()
    old = f.accept.transport().get("ufrag")
    c.jingle("transport-info", f.gw, f.sid,
             "<content creator='initiator' name='0'><transport xmlns='%s' "
             "ufrag='neww' pwd='%s'/></content>" % (ICE, "z" * 22))
    a = await c.get_jingle("transport-info", sid=f.sid)
    while a.transport().get("ufrag") == old:
        a = await c.get_jingle("transport-info", sid=f.sid)
    cand = find(a.transport(), "candidate")
    need(cand is not None and cand.get("generation") != "0",
         "no candidate of a new generation")
    was = find(f.accept.transport(), "fingerprint", DTLS).text
    now = find(a.transport(), "fingerprint", DTLS)
    need(now is None or now.text == was, "another DTLS identity")
    await f.sip.none("BYE", 0.3)
    await f.sip.hang_up()
    await c.hears_end(f)


# ---- Monal ----------------------------------------------------------------
@case
async def monal_gets_credentials_with_every_transport(t):
    """It restarts ICE: what is told from then on has one new pair of
    credentials, the same in every transport-info."""
    lab, c = await meet(t, Monal)
    f = await c.answer()
    c.jingle("transport-info", f.gw, f.sid,
             "<content creator='initiator' name='0'><transport xmlns='%s' "
             "ufrag='neww' pwd='%s'><candidate component='1' foundation='1' "
             "generation='1' id='n1' ip='127.0.1.1' port='9' "
             "priority='2130706431' protocol='udp' type='host'/></transport>"
             "</content>" % (ICE, "z" * 22))
    a = await c.get_jingle("transport-info", sid=f.sid)
    old = c.keys_of(f.init)
    new = c.keys_of(a)
    need(all(new) and new != old, "no new credentials: %s" % (new,))
    c.restarted(f.sid, new)
    c.hang_up(f)
    await f.sip.wait("BYE")
    c.judge()
    need(c.trickled, "nothing was told")


@case
async def monal_hears_ringing_in_time(t):
    """A trunk that rings late, and one that never says so."""
    lab, c = await meet(t, Monal)
    f = await c.dial(ring=False)
    await asyncio.sleep(1)
    f.sip.reply(200, lab.sdp())     # no 18x at all
    p = await c.get_jmi("proceed", c.patience[0], f.sid)
    c.start(p.sender, f.sid)
    await c.get_jingle("session-accept", c.patience[2], f.sid)
    await f.sip.hang_up()
    await c.hears_end(f)
    c.judge()


# ---- Dino -----------------------------------------------------------------
@case
async def dino_accept_to_itself_is_ignored(t):
    lab, c = await meet(t, Dino)
    f = await c.rung()
    c.jmi("accept", GW, f.sid)
    await c.no_jingle("session-initiate", 0.3)
    c.take(f)
    await c.get_jingle("session-initiate", sid=f.sid)


@case
async def dino_says_nothing_and_rings(t):
    """Neither ringing nor receipt: 180 comes 3 s after the propose (D28)."""
    lab, c = await meet(t, Dino)
    f = await lab.s2x("proposed", user=c)
    await f.sip.none(180, 2)
    await f.sip.wait(180, 6)
    f.sip.cancel()
    await f.sip.wait(487)


@case
async def dino_with_two_transports(t):
    """Audio and video unbundled: each content keeps a transport."""
    lab, c = await meet(t, Dino)
    f = await c.call(video=True)
    need(f.accept.group() is None, "a group that it never offered")
    keys = {f.accept.transport(i).get("ufrag") for i in range(2)}
    need(len(keys) == 2, "one transport for two contents: %s" % keys)
    await f.sip.hang_up()
    await c.hears_end(f)


# ---- MongooseIM -----------------------------------------------------------
async def _mongooseim(t):
    lab = Lab(t)
    await lab.start(server=False)
    lab.server = lab.alice = None
    lab.server = await Component(log=t.path("mongooseim.log")).start()
    t.later(lab.server.stop)
    await asyncio.wait_for(lab.server.up.wait(), 20)
    return lab, JingleSipUser(lab)


@case
async def mongooseim_takes_every_stanza(t):
    """Nothing has a from or to that its component port sends back."""
    lab, c = await _mongooseim(t)
    await asyncio.sleep(0.2)
    f = await c.call()
    await f.sip.hang_up()
    await c.hears_end(f)
    g = await c.answer()
    c.hang_up(g)
    await g.sip.wait("BYE")
    c.unavailable(GW)
    await asyncio.sleep(0.3)
    need(not lab.server.invalid, "sent back %s" % lab.server.invalid)
    assert lab.server.up.is_set()
    c.judge()


@case(timeout=60, waits=33)
async def mongooseim_kicks_the_older_connection(t):
    """A second instance takes the domain: 30 s of peace (D1), so that the
    two do not kick each other for ever; the call goes on."""
    lab, c = await _mongooseim(t)
    lab.server.kick_old = True
    await asyncio.sleep(0.2)
    f = await c.call()
    reader, writer = await asyncio.open_connection("127.0.0.1", 5347)
    writer.write(b"<stream:stream xmlns='jabber:component:accept' xmlns:"
                 b"stream='http://etherx.jabber.org/streams' "
                 b"to='sip.xmpp.test'>")
    head = await reader.readuntil(b">")
    while b"<stream:stream" not in head:
        head = await reader.readuntil(b">")
    id = re.search(r'id="([^"]*)"', head.decode()).group(1)
    digest = hashlib.sha1((id.replace("&amp;", "&")
                           + lab.server.secret).encode()).hexdigest()
    writer.write(("<handshake>%s</handshake>" % digest).encode())
    await reader.readuntil(b"<handshake/>")
    since = time.monotonic()
    n = lab.server.handshakes
    writer.close()
    await f.sip.none("BYE", 2)
    await f.sip.hang_up()
    while lab.server.handshakes == n:
        await asyncio.sleep(0.1)
    took = time.monotonic() - since
    assert 29 < took < 40, "back after %.1f s" % took
    e = await c.answer_to(c.info(f.gw, f.sid, ""))
    need(find(find(e, "error"), "unknown-session") is not None,
         "the call that ended meanwhile is still there")
