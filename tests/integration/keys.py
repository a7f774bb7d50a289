"""Keys of the configuration by what they do: a key that is read and has no
effect fails here.  (What another suite shows is not repeated: TLS, public
addresses, register, trusted, dtmf, addressing, routes, numbers of calls.)"""
import asyncio
import os
import re
import struct

from peers import tone
from peers.capture import Capture
from peers.jingleuser import EVENT, ICE, OPUS, PCMA, PCMU, User
from peers.lab import GW, Lab
from peers.proc import until
from peers.rtcuser import RtcUser
from peers.rtp import Rtp
from peers.runner import case
from peers.sipmsg import Msg, Sdp, uri
from peers.sipua import Ua
from peers.xmppserver import condition, local

OURS = "sip:127.0.0.1:5070"


def final(m):
    return m.code and m.code >= 200 and m.cseq[1] == "INVITE"


async def site(t, changes=None, **rtp):
    """A client with real ICE, DTLS and sound, a telephone with sound."""
    w, x, y, z = tone.draw()
    lab = await Lab(t).start(changes)
    phone = await Rtp(tones=(y, z), **rtp).open()
    t.later(phone.close)
    return lab, phone, RtcUser(lab, tones=(w, x))


class Marks(Capture):
    """The DSCP of every packet, by where it came from."""

    def __init__(self):
        self.seen = set()       # (kind, source, DSCP)
        super().__init__()

    def _packet(self, now, p):
        if p[0] >> 4 == 4:
            at = (p[0] & 15) * 4
            port = struct.unpack_from("!H", p, at)[0]
            self.seen.add(({6: "tcp", 17: "udp"}.get(p[9]),
                           ".".join(map(str, p[12:16])), port, p[1] >> 2))


# ---- [sip], [trunk] -------------------------------------------------------
@case
async def dscp_of_media_and_sip(t):
    lab, phone, user = await site(t, {
        "media": {"dscp": "AF41", "dscp_sip": "11"}})
    marks = Marks()
    s = await user.call(phone)
    phone.to(user.ports())
    await s.up()
    await until(lambda: phone.received > 25, 20, "sound at the telephone")
    await until(lambda: s.rtp_in > 25, 20, "sound at the client")
    marks.stop()
    rtp = user.ports()[1]
    assert {d for k, ip, port, d in marks.seen if port == rtp} == {34}
    ours = {d for k, ip, port, d in marks.seen
            if ip == "127.0.1.1" and port >= 10000 and k == "udp"}
    assert 34 in ours, "media towards the client: %s" % ours
    assert {d for k, ip, port, d in marks.seen if port == 5070} == {11}
    await s.hang_up()


@case
async def dscp_of_sip_by_tcp(t):
    """Of connections both ways."""
    lab = await Lab(t).start({
        "trunk pbx": {"uri": "sip:127.0.0.1:5060;transport=tcp"},
        "media": {"dscp_sip": "11"}})
    marks = Marks()
    lab.ua.proto = "tcp"
    f = await lab.x2s()
    port = f.sip.req.source[1]
    await lab.hang_up(f)
    r = await lab.ua.request("OPTIONS", OURS)
    assert r.code == 200
    marks.stop()
    for want in (port, 5070):   # what is said, not the handshake
        assert 11 in {d for _, _, p, d in marks.seen if p == want}, want


@case
async def listen_of_a_trunk(t):
    lab = await Lab(t).start({
        "sip": {"listen": "udp:127.0.0.1:5070, udp:127.0.0.1:5072"},
        "trunk pbx": {"listen": "udp:127.0.0.1:5072"}})
    f = await lab.x2s("invited")
    assert f.sip.req.source == ("127.0.0.1", 5072), f.sip.req.source
    assert ":5072" in uri(f.sip.req.get("Contact")), f.sip.req
    f.sip.reply(486)


@case
async def outbound_proxy(t):
    lab = await Lab(t).start({"trunk pbx": {
        "uri": "sip:pbx.example", "outbound_proxy": "sip:127.0.0.1:5060"}})
    f = await lab.x2s("invited")
    assert f.sip.req.uri.startswith("sip:600@pbx.example"), f.sip.req.uri
    assert "pbx.example" in f.sip.req.get("To")
    f.sip.reply(486)


async def _challenged(t, realm):
    lab = await Lab(t).start({"trunk pbx": {"auth_realm": "ours"}})
    f = await lab.x2s("invited")
    f.sip.reply(401, headers=[("WWW-Authenticate", 'Digest realm="%s", '
                               'nonce="n", qop="auth"' % realm)])
    await f.sip.wait("ACK")
    return lab, f


@case
async def auth_realm_of_the_trunk(t):
    lab, f = await _challenged(t, "ours")
    again = await f.sip.wait("INVITE")
    assert 'realm="ours"' in again.get("Authorization", "")
    f.sip.reply(486, req=again)


@case
async def auth_realm_of_others(t):
    lab, f = await _challenged(t, "theirs")
    m = await f.user.get_jmi("reject", sid=f.sid)
    assert m.reason, "no reason"
    await f.sip.none("INVITE", 0.3)
    assert not [m for _, w, m in lab.ua.history
                if m.is_request and m.get("Authorization")]


@case
async def user_agent(t):
    lab = await Lab(t).start({"sip": {"user_agent": "Lab Gateway 7"}})
    f = await lab.x2s("invited")
    assert f.sip.req.get("User-Agent") == "Lab Gateway 7", f.sip.req.headers
    f.sip.reply(486)
    r = await lab.ua.request("OPTIONS", OURS)
    assert "Lab Gateway 7" in (r.get("Server"), r.get("User-Agent"))


async def _large(t, **trunk):
    lab = await Lab(t).start({"trunk pbx": trunk})
    u = lab.alice
    u.jid = u.bare = "a" * 900 + "@xmpp.test"
    u.jid += "/phone"
    lab.server.user_features[u.jid] = lab.server.user_features[
        "alice@xmpp.test/phone"]
    f = await lab.x2s("invited", user=u)
    assert len(f.sip.req.bytes()) > 1300, len(f.sip.req.bytes())
    f.sip.reply(486)
    return lab, f.sip.req


@case
async def tcp_for_large_requests(t):
    lab, req = await _large(t, tcp="yes")
    assert req.writer and req.get("Via").startswith("SIP/2.0/TCP"), req


@case
async def no_tcp_for_large_requests(t):
    lab, req = await _large(t)
    assert not req.writer and req.get("Via").startswith("SIP/2.0/UDP"), req
    assert "'tcp = yes'" in lab.stoxd.text()


@case
async def early_media_connect_and_prack(t):
    """A reliable 183 is acknowledged, its answer is the call's."""
    lab = await Lab(t).start({"trunk pbx": {"early_media": "connect"}})
    f = await lab.x2s("invited")
    f.sip.reply(183, lab.sdp(codecs=((8, "PCMA/8000"),)),
                [("Require", "100rel"), ("RSeq", "41")])
    p = await f.sip.wait("PRACK")
    assert p.get("RAck") == "41 %d INVITE" % f.sip.req.cseq[0]
    p = await f.user.get_jmi("proceed", sid=f.sid)
    f.user.initiate(p.sender, f.sid)
    a = await f.user.get_jingle("session-accept", sid=f.sid)
    assert "PCMA" in a.codecs() and "PCMU" not in a.codecs(), a.codecs()
    f.sip.reply(200)            # the answer was said already: RFC 6337 2
    await f.sip.wait("ACK")
    await f.sip.none("BYE", 0.5)
    await lab.hang_up(f)


async def _latched(t, mode, stranger, heard):
    """Do packets of a stranger reach the client of a call whose telephone
    says nothing?"""
    lab, phone, user = await site(t, {"trunk pbx": {"latch": mode}})
    s = await user.call(phone)
    other = await Rtp(ip=stranger, tones=phone.tones).open()
    t.later(other.close)
    await s.up()
    before = s.rtp_in
    other.to(user.ports())
    if heard:
        await until(lambda: s.rtp_in - before > 40, 20, "sound of a stranger")
    else:
        await until(lambda: other.sent > 60, 20, "packets")
        await asyncio.sleep(0.3)
        assert s.rtp_in == before, s.rtp_in - before
    await s.hang_up()


@case
async def latch_restricted(t):
    """Another host of the telephones' network (media_from) is believed."""
    await _latched(t, "restricted", "127.0.0.77", True)


@case
async def latch_restricted_to_networks(t):
    await _latched(t, "restricted", "127.9.0.1", False)


@case
async def latch_off(t):
    """The host that SDP names and no other."""
    await _latched(t, "off", "127.0.0.77", False)


@case
async def latch_any(t):
    await _latched(t, "any", "127.9.0.1", True)


# ---- [media] --------------------------------------------------------------
@case
async def workers(t):
    lab = await Lab(t).start({"media": {"workers": "5"}})
    names = []
    base = "/proc/%d/task" % lab.stoxd.p.pid
    for tid in os.listdir(base):
        with open("%s/%s/comm" % (base, tid)) as f:
            names.append(f.read().strip())
    assert len(names) >= 6, names
    await lab.hang_up(await lab.s2x())


# ---- [limits] -------------------------------------------------------------
@case
async def limit_of_candidates(t):
    lab = await Lab(t).start({"limits": {"candidates": "2"}})
    u = lab.alice

    def some(n):
        one = ("<candidate xmlns='%s' component='1' foundation='1' "
               "generation='0' id='k%%d' ip='127.0.0.1' port='4%%03d' "
               "priority='99' protocol='udp' type='host' network='0'/>" % ICE)
        return u.content(candidates=False).replace(
            "</transport>", "".join(one % (i, i) for i in range(n))
            + "</transport>") if "</transport>" in u.content(
                candidates=False) else None
    assert some(1), "no place for candidates"
    u.jingle("session-initiate", GW + "/sip", "three", some(3))
    e = await lab.server.wait(lambda e: local(e) == "iq" and
                              e.get("type") == "error")
    assert condition(e)[0] == "policy-violation", condition(e)
    u.jingle("session-initiate", GW + "/sip", "two", some(2))
    c = await lab.ua.get_call()
    c.reply(486)


@case
async def limit_of_codecs(t):
    lab = await Lab(t).start({"limits": {"codecs": "3"}})
    u = lab.alice
    u.jingle("session-initiate", GW + "/sip", "four",
             u.content(codecs=(OPUS, PCMU, PCMA, EVENT)))
    e = await lab.server.wait(lambda e: local(e) == "iq" and
                              e.get("type") == "error")
    assert condition(e)[0] == "policy-violation", condition(e)
    many = ((0, "PCMU/8000"), (8, "PCMA/8000"), (9, "G722/8000"))
    c = await lab.ua.call("sip:alice@127.0.0.1:5070", lab.sdp(codecs=many))
    r = await c.wait(final)
    assert r.code == 488, r
    f = await lab.s2x(codecs=(PCMU, EVENT))
    await lab.hang_up(f)


@case
async def limit_of_sdp(t):
    lab = await Lab(t).start({"limits": {"sdp_bytes": "1024"}})
    c = await lab.ua.call("sip:alice@127.0.0.1:5070", lab.sdp(
        extra=["x-%d:%s" % (i, "y" * 60) for i in range(20)]))
    r = await c.wait(final)
    assert r.code in (413, 488), r
    await lab.hang_up(await lab.s2x())


@case
async def limit_of_a_message_by_tcp(t):
    lab = await Lab(t).start({"limits": {"sip_tcp_bytes": "4096"}})

    def options(n):
        return Msg("OPTIONS %s SIP/2.0" % OURS, [
            ("Via", "SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bKl%d" % n),
            ("From", "<sip:6@127.0.0.1>;tag=1"), ("To", "<%s>" % OURS),
            ("Call-ID", "l%d" % n), ("CSeq", "1 OPTIONS"),
            ("Max-Forwards", "70"), ("Subject", "s" * n)], "").bytes()
    r, w = await asyncio.open_connection("127.0.0.1", 5070)
    w.write(options(3000))
    assert (await asyncio.wait_for(r.read(7), 3)) == b"SIP/2.0"
    await r.readuntil(b"\r\n\r\n")
    w.write(options(4096))
    rest = await asyncio.wait_for(r.read(), 3)
    assert rest == b"", "answered: %r" % rest[:60]
    w.close()
    assert re.search(r"size 1\b", lab.stoxd.ctl("status")) or \
        "hung up on" in lab.stoxd.text()


@case
async def limit_of_messages(t):
    """What is over the rate is refused, each by its name; others go on."""
    lab = await Lab(t).start({"limits": {"message_rate": "1",
                                         "message_burst": "4"}})
    u = lab.alice
    for i in range(30):
        u.message(GW, "<body>%d</body>" % i, "m%d" % i)
    await asyncio.sleep(0.5)
    got = [condition(e)[0] for e in lab.server.history
           if local(e) == "message" and e.get("type") == "error"
           and e.get("to") == u.jid]
    assert 25 <= len(got) <= 26 and set(got) == {"resource-constraint"}, got
    lab.new_user().message("601@sip.xmpp.test", "<body>hi</body>", "other")
    m = await asyncio.wait_for(lab.ua.others.get(), 20)
    while m.body != b"hi":
        m = await asyncio.wait_for(lab.ua.others.get(), 20)
    lab.ua.reply(m, 200)
    await lab.hang_up(await lab.s2x())


@case
async def limit_of_calls_per_trunk(t):
    lab = await Lab(t).start({"limits": {"calls_per_trunk": "1"}})
    f = await lab.s2x()
    u = lab.new_user()
    sid = u.propose(GW)
    e = await lab.server.wait(lambda e: e.get("to") in (u.jid, u.bare) and (
        e.get("type") == "error" or any(x.get("id") == sid for x in e)))
    assert lab.ua.incoming.empty()
    c = await lab.ua.call(lab.dial % "u77", lab.sdp())
    r = await c.wait(final)
    assert r.code == 486, r     # busy; others of the gateway's are not
    await lab.hang_up(f)
    lab.alice = lab.new_user()
    await lab.hang_up(await lab.s2x())


@case(waits=8)
async def limit_of_silence(t):
    """rtp_warn and rtp_timeout: the log says which side and why, then both
    sides are told."""
    lab, phone, user = await site(t, {
        "limits": {"rtp_warn": "2", "rtp_timeout": "6"}})
    s = await user.call(phone)
    await s.up()
    await until(lambda: "no sound from the SIP side" in lab.stoxd.text(), 20,
                "a line about the silence")
    line = re.search(r".*no sound from the SIP side.*",
                     lab.stoxd.text()).group()
    assert "for 2 s: nothing received from 127.0.0.1:%d" % phone.port in line
    assert "no sound from the XMPP side" not in lab.stoxd.text()
    b = await user.phone.wait("BYE", 8)
    assert b, "no BYE"
    a = await user.get_jingle("session-terminate", 5, user.sid)
    assert a.reason == "media-error", a.reason


@case
async def silence_of_a_muted_client(t):
    """Who says that it is muted may send nothing; afterwards it may not."""
    lab, phone, user = await site(t, {"limits": {"rtp_warn": "2"}})
    s = await user.call(phone)
    phone.to(user.ports())
    await s.up()
    await s.info("mute")
    sender = s.pc.getSenders()[0]
    track = sender.track
    sender.replaceTrack(None)
    await asyncio.sleep(4)
    assert "no sound" not in lab.stoxd.text(), "a muted client is no fault"
    await s.info("unmute")
    await until(lambda: "no sound from the XMPP side" in lab.stoxd.text(), 20,
                "a line about the silence")
    sender.replaceTrack(track)
    await s.hang_up()


@case(waits=16)
async def silence_without_a_candidate_pair(t):
    """The client's candidates lead nowhere: the log says that, not that it
    was silent."""
    lab = await Lab(t).start({"limits": {"rtp_warn": "2"}})
    f = await lab.x2s()
    await until(lambda: "no sound from the XMPP side" in lab.stoxd.text(), 20,
                "a line about the silence")
    line = re.search(r".*no sound from the XMPP side.*",
                     lab.stoxd.text()).group()
    assert "candidate pair" in line, line
    a = await lab.ended_in_xmpp(f, "connectivity-error", 20)
    assert a.text, "no words"
    await f.sip.wait("BYE")


@case
async def calls_by_a_second_telephone_of_accept_from(t):
    """accept_from may name a network."""
    lab = await Lab(t).start({"trunk pbx": {
        "accept_from": "127.0.0.1, 127.7.0.0/16"}})
    other = await Ua(ip="127.7.3.4").start()
    t.later(other.close)
    c = await other.call("sip:alice@127.0.0.1:5070", lab.sdp())
    p = await lab.alice.get_jmi("propose")
    lab.alice.jmi("reject", p.sender, p.id, "busy")
    await c.wait(486)


@case
async def ports_of_all_media(t):
    """RTP, RTCP and every candidate of ours, and nothing else is bound."""
    lab = await Lab(t).start({"media": {"ports": "12000-12099"}})
    for way in (lab.x2s, lab.s2x):
        f = await way()
        s = Sdp(f.sip.req.body) if f.accept else f.answer_sdp
        assert s.audio.port in range(12000, 12099, 2), s.text
        rtcp = s.audio.attr("rtcp")
        assert rtcp is None or int(rtcp.split()[0]) == s.audio.port + 1
        a = f.accept or f.init
        ports = [int(c.get("port")) for c in a.transport()
                 if c.tag.endswith("}candidate")]
        assert ports and all(12000 <= p <= 12099 for p in ports), ports
        with open("/proc/%d/net/udp" % lab.stoxd.p.pid) as udp:
            bound = {int(x.split()[1][9:], 16) for x in udp
                     if x.split()[1].startswith("0101007F")}
        theirs = {p for p in bound if not 12000 <= p <= 12099}
        assert not theirs, theirs
        await lab.hang_up(f)


@case
async def check_says_what_holds(t):
    """Each key of the manual with its value, no secret, and the policy."""
    import subprocess
    from peers.daemon import BUILD, ROOT, config_text

    def check(changes=None):
        with open(t.path("a.conf"), "w") as f:
            f.write(config_text(changes))
        return subprocess.run([BUILD + "/stoxd", "--check", "-c",
                               t.path("a.conf")], capture_output=True,
                              text=True, timeout=10)
    p = check({"plan a": {"who": "xmpp.test"}})
    assert p.returncode == 0, p.stderr
    out = p.stdout + p.stderr
    assert "lab-secret" not in out and "gwpass" not in out, out
    with open(ROOT + "/conf/stoxd.conf") as f:
        keys = set(re.findall(r"(?m)^#?([a-z0-9_]+) =", f.read()))
    shown = set(re.findall(r"(?m)^([a-z0-9_]+) =", out))
    assert not keys - shown - {
        "secret_file", "password_file", "read_token_file",
        "write_token_file"}, keys - shown
    without = out
    p = check({"route": {"out": "from *@xmpp.test to * via pbx"}})
    assert p.returncode == 0, p.stderr
    with_rule = p.stdout + p.stderr
    said = [line for line in without.splitlines()
            if line not in with_rule and " = " not in line]
    assert any("xmpp.test" in line and "pbx" in line for line in said), said
    assert any("refused" in line for line in with_rule.splitlines()
               if line not in without), with_rule[-400:]


@case
async def addressing_by_domain(t):
    """The component's domain is the SIP domain, the users' is theirs."""
    lab = Lab(t)
    lab.dial = "sip:%s@xmpp.test"
    await lab.start({"trunk pbx": {"addressing": "domain"},
                     "xmpp": {"domains": "xmpp.test, two.test"}})
    f = await lab.x2s("invited")
    m = f.sip.req
    assert m.uri.partition(";")[0] == "sip:600@sip.xmpp.test", m.uri
    assert uri(m.get("From")) == "sip:alice@xmpp.test", m.get("From")
    f.sip.reply(486)
    await f.user.get_jmi("reject", sid=f.sid)
    c = await lab.ua.call(lab.dial % "alice", lab.sdp(),
                          from_uri="sip:601@sip.xmpp.test")
    p = await lab.alice.get_jmi("propose")
    assert p.sender == "601@sip.xmpp.test/sip", p.sender
    lab.alice.jmi("reject", p.sender, p.id, "busy")
    await c.wait(486)
    dora = User(lab.server, "dora@two.test/phone")
    c = await lab.ua.call("sip:dora@two.test", lab.sdp(),
                          from_uri="sip:601@sip.xmpp.test")
    p = await dora.get_jmi("propose")
    dora.jmi("reject", p.sender, p.id, "busy")
    await c.wait(486)


@case
async def addressing_escaped(t):
    """Any SIP domain, through the trunk."""
    lab = Lab(t)
    lab.dial = "sip:%s%%40xmpp.test@127.0.0.1:5070"
    await lab.start({"trunk pbx": {"addressing": "escaped"}})
    sid = lab.alice.propose("bob\\40other.test@sip.xmpp.test")
    c = await lab.ua.get_call()
    assert c.req.uri.partition(";")[0] == "sip:bob@other.test", c.req.uri
    c.reply(486)
    await lab.alice.get_jmi("reject", sid=sid)
    c = await lab.ua.call(lab.dial % "alice", lab.sdp(),
                          from_uri="sip:bob@other.test")
    p = await lab.alice.get_jmi("propose")
    assert p.sender == "bob\\40other.test@sip.xmpp.test/sip", p.sender
    lab.alice.jmi("reject", p.sender, p.id, "busy")
    await c.wait(486)


async def _sized(t, body, **limits):
    """What of 60 packets with this many bytes of sound passes."""
    lab, phone, user = await site(t, {"limits": limits})
    s = await user.call(phone)
    phone.frames = [f[:1] * body for f in phone.frames]
    phone.to(user.ports())
    await s.up()
    before = s.rtp_in
    await until(lambda: phone.sent > 60, 20, "packets")
    n = s.rtp_in - before
    await s.hang_up()
    return n


@case
async def datagram_within_the_limit(t):
    assert await _sized(t, 1280, datagram_in="1300", datagram_out="1320") > 30


@case
async def limit_of_datagrams_in(t):
    assert await _sized(t, 1310, datagram_in="1300") == 0


@case
async def limit_of_datagrams_out(t):
    """What grows over it by SRTP's tag is not sent."""
    assert await _sized(t, 1300, datagram_out="1310") == 0
