"""The SIP side by itself (protocol F.3, hardening 1): what is advertised,
refused, retried, refreshed."""
import asyncio
import hashlib
import re

from peers.lab import GW, Lab
from peers.runner import case
from peers.sipmsg import Sdp, uri
from peers.sipua import Ua

OURS = "sip:127.0.0.1:5070"


def final(m):
    return m.code and m.code >= 200 and m.cseq[1] == "INVITE"


@case
async def options_advertises_what_works(t):
    lab = await Lab(t).start()
    r = await lab.ua.request("OPTIONS", OURS)
    assert r.code == 200, r
    allow = r.tokens("Allow")
    for m in "INVITE ACK CANCEL BYE OPTIONS PRACK UPDATE INFO".split():
        assert m in allow, allow
    for method in allow:
        if method in ("INVITE", "ACK", "CANCEL"):
            continue
        a = await lab.ua.request(method, "sip:alice@127.0.0.1:5070")
        assert a.code not in (405, 501), (method, a)
    for option in r.tokens("Supported"):
        a = await lab.ua.request("OPTIONS", OURS,
                                 [("Require", option)])
        assert a.code != 420, (option, a)
    assert "application/sdp" in r.tokens("Accept")


@case
async def unknown_method_refused(t):
    lab = await Lab(t).start()
    r = await lab.ua.request("FLY", OURS)
    assert r.code in (405, 501), r
    assert "INVITE" in r.tokens("Allow")
    r = await lab.ua.request("PUBLISH", OURS, [("Event", "presence")])
    assert r.code in (405, 489, 501), r


@case
async def unknown_require_refused(t):
    lab = await Lab(t).start()
    c = await lab.ua.call("sip:alice@127.0.0.1:5070", lab.sdp(),
                          [("Require", "teleport")])
    r = await c.wait(final)
    assert r.code == 420 and r.tokens("Unsupported") == ["teleport"], r


@case
async def max_forwards_0(t):
    lab = await Lab(t).start()
    c = await lab.ua.call("sip:alice@127.0.0.1:5070", lab.sdp(),
                          [("Max-Forwards", "0")])
    assert (await c.wait(final)).code == 483


@case
async def max_breadth_0(t):
    """RFC 5393: nothing is left for the branch that the call would be."""
    lab = await Lab(t).start()
    c = await lab.ua.call("sip:alice@127.0.0.1:5070", lab.sdp(),
                          [("Max-Breadth", "0")])
    m = await c.wait(final)
    assert (m.code, m.reason) == (440, "Max-Breadth Exceeded"), m.reason
    await lab.alice.no_jmi("propose", 0.2)


@case
async def sips_refused(t):
    lab = await Lab(t).start()
    c = await lab.ua.call("sips:alice@127.0.0.1:5070", lab.sdp())
    r = await c.wait(final)
    assert r.code in (480, 416), r


@case
async def stranger_gets_nothing(t):
    """Only configured trunks get further: silence or 403 for others."""
    lab = await Lab(t).start()
    other = await Ua(ip="127.0.0.9").start()
    t.later(other.close)
    c = await other.call("sip:alice@127.0.0.1:5070", lab.sdp())
    try:
        r = await c.wait(final, 2)
        assert r.code == 403, r
    except TimeoutError:
        pass
    await lab.alice.no_jmi("propose", 0.2)


@case
async def junk_dies(t):
    lab = await Lab(t).start()
    for data in (b"\0" * 400, b"x" * 60000, b"INVITE", b"\r\n\r\n",
                 b"INVITE sip:a@b SIP/2.0\r\n\r\n",
                 b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n",
                 b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP " + b"a" * 9000
                 + b"\r\n\r\n", b"\0\1\0\0!\x12\xa4B" + b"\0" * 12,
                 b"GET / HTTP/1.1\r\n\r\n"):
        lab.ua._udp.sendto(data, lab.ua.peer)
    r = await lab.ua.request("OPTIONS", OURS)
    assert r.code == 200


@case
async def unroutable_user_404(t):
    lab = await Lab(t).start()
    c = await lab.ua.call("sip:%FF%FE@127.0.0.1:5070", lab.sdp())
    r = await c.wait(final)
    assert r.code in (400, 404), r


@case
async def no_common_codec_488(t):
    lab = await Lab(t).start()
    c = await lab.ua.call("sip:alice@127.0.0.1:5070", lab.sdp(
        codecs=((18, "G729/8000"),), dtmf=0))
    r = await c.wait(final, 5)
    assert r.code == 488, r
    assert r.get("Warning"), "no Warning"


@case
async def broken_sdp_refused(t):
    lab = await Lab(t).start()
    for body in ("v=0\r\nnonsense", "\xff\0", "v=0\r\n" * 2400):
        c = await lab.ua.call("sip:alice@127.0.0.1:5070", body)
        r = await c.wait(lambda m: m.code and m.code >= 200)
        assert 400 <= r.code < 500, r


@case
async def late_offer(t):
    lab = await Lab(t).start()
    f = await lab.s2x("proposed", sdp="")
    f.user.jmi("ringing", f.gw, f.sid)
    await f.sip.wait(180)
    f.user.jmi("proceed", f.gw, f.sid)
    a = await f.user.get_jingle("session-initiate", sid=f.sid)
    f.user.accept(a)
    r = await f.sip.wait(200)
    offer = Sdp(r.body)
    assert offer.audio.port and "PCMU/8000" in offer.audio.codecs().values()
    f.sip.ack(lab.sdp(codecs=((0, "PCMU/8000"),)))
    await f.sip.none("BYE", 0.5)
    await lab.hang_up(f)


@case
async def late_offer_without_answer__bye(t):
    lab = await Lab(t).start()
    f = await lab.s2x("ringing", sdp="")
    f.user.jmi("proceed", f.gw, f.sid)
    f.user.accept(await f.user.get_jingle("session-initiate", sid=f.sid))
    await f.sip.wait(200)
    f.sip.ack()
    await f.sip.wait("BYE")
    await lab.ended_in_xmpp(f)


# ---- reliable provisional responses (RFC 3262) ----------------------------
@case
async def prack_as_uac(t):
    lab = await Lab(t).start()
    f = await lab.x2s("invited")
    assert "100rel" in f.sip.req.tokens("Supported")
    f.sip.reply(183, lab.sdp(), [("Require", "100rel"), ("RSeq", "7")])
    p = await f.sip.wait("PRACK")
    n = f.sip.req.cseq[0]
    assert p.get("RAck") == "7 %d INVITE" % n, p.get("RAck")
    f.sip.reply(180, headers=[("Require", "100rel"), ("RSeq", "8")])
    p = await f.sip.wait("PRACK")
    assert p.get("RAck").startswith("8 "), p.get("RAck")
    f.sip.reply(200)
    await f.sip.wait("ACK")
    await f.user.get_jmi("proceed", sid=f.sid)


@case
async def prack_as_uas(t):
    lab = await Lab(t).start()
    f = await lab.s2x("proposed", headers=[("Require", "100rel")])
    f.user.jmi("ringing", f.gw, f.sid)
    r = await f.sip.wait(180)
    assert "100rel" in r.tokens("Require") and r.get("RSeq")
    await asyncio.sleep(0.7)
    again = await f.sip.wait(180)
    assert again.get("RSeq") == r.get("RSeq")
    f.sip.request("PRACK", headers=[("RAck", "%s %d INVITE" % (
        r.get("RSeq"), f.sip.last_invite.cseq[0]))])
    await f.sip.wait(200, method="PRACK")
    await f.sip.none(180, 1.2)
    f.sip.cancel()
    await f.sip.wait(487)


# ---- session timers (RFC 4028) --------------------------------------------
@case
async def session_timer_422(t):
    lab = await Lab(t).start()
    c = await lab.ua.call(
        "sip:alice@127.0.0.1:5070", lab.sdp(),
        [("Supported", "timer"), ("Session-Expires", "30")])
    r = await c.wait(lambda m: m.code and m.code >= 180
                     and m.cseq[1] == "INVITE")
    assert r.code == 422 and int(r.get("Min-SE")) == 90, r


@case
async def session_timer_agreed(t):
    lab = await Lab(t).start()
    f = await lab.s2x(headers=[
        ("Supported", "timer"), ("Session-Expires", "90;refresher=uas")])
    ok = [m for _, w, m in lab.ua.history if w == "<" and m.code == 200
          and m.cseq[1] == "INVITE"][0]
    assert "timer" in ok.tokens("Require") + ok.tokens("Supported")
    assert re.match(r"90\s*;\s*refresher=uas", ok.get("Session-Expires"))
    await lab.hang_up(f)


@case
async def session_timer_422_raises(t):
    lab = await Lab(t).start()
    f = await lab.x2s("invited")
    assert f.sip.req.get("Session-Expires", "").startswith("1800")
    f.sip.reply(422, headers=[("Min-SE", "3600")])
    await f.sip.wait("ACK")
    again = await f.sip.wait("INVITE") if lab.ua.incoming.empty() \
        else (await lab.ua.get_call()).req
    assert int(again.get("Session-Expires").split(";")[0]) >= 3600
    assert int(again.get("Min-SE")) >= 3600
    f.sip.reply(200, lab.sdp(), req=again)
    await f.user.get_jmi("proceed", sid=f.sid)


# ---- digest (RFC 3261 22, 8760) -------------------------------------------
def _response(h, method, algorithm):
    """What the response of an Authorization header must be."""
    p = dict(re.findall(r'(\w+)="?([^",]+)"?', h))
    hash = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def H(s):
        return hash(s.encode()).hexdigest()
    ha1 = H("gw:%s:gwpass" % p["realm"])
    ha2 = H("%s:%s" % (method, p["uri"]))
    return p, H(":".join((ha1, p["nonce"], p["nc"], p["cnonce"], p["qop"],
                          ha2)))


async def _digest(t, code, offered, expected):
    lab = await Lab(t).start()
    f = await lab.x2s("invited")
    name = "WWW-Authenticate" if code == 401 else "Proxy-Authenticate"
    f.sip.reply(code, headers=[
        (name, 'Digest realm="pbx", nonce="n%s", qop="auth", algorithm=%s'
         % (a, a)) for a in offered])
    await f.sip.wait("ACK")
    again = await f.sip.wait("INVITE")
    h = again.get("Authorization" if code == 401 else "Proxy-Authorization")
    p, want = _response(h, "INVITE", expected)
    assert p["username"] == "gw" and p["algorithm"] == expected, h
    assert p["response"] == want, h
    assert again.cseq[0] > f.sip.req.cseq[0]
    f.sip.reply(code, req=again, headers=[
        (name, 'Digest realm="pbx", nonce="again", qop="auth"')])
    m = await f.user.get_jmi("reject", sid=f.sid)
    assert m.reason == "general-error", m.reason
    assert "gwpass" not in lab.stoxd.text()


@case
async def digest_md5_401(t):
    await _digest(t, 401, ["MD5"], "MD5")


@case
async def digest_sha256_407(t):
    await _digest(t, 407, ["SHA-256", "MD5"], "SHA-256")


@case
async def digest_of_two_calls_at_once(t):
    """Both are challenged with one nonce, as servers do that make it of the
    time; the second is answered like the first."""
    lab = await Lab(t).start()
    one, two = await lab.x2s("invited"), await lab.x2s(
        "invited", user=lab.new_user())
    for f in one, two:
        f.sip.reply(407, headers=[("Proxy-Authenticate",
                                   'Digest realm="pbx", nonce="n", '
                                   'qop="auth"')])
        await f.sip.wait("ACK")
        again = await f.sip.wait("INVITE")
        p, want = _response(again.get("Proxy-Authorization"), "INVITE", "MD5")
        assert p["nonce"] == "n" and p["response"] == want, again
        f.sip.reply(486, req=again)


@case
async def digest_not_to_foreign_request(t):
    """A challenge to a request within a call is not answered blindly."""
    lab = await Lab(t).start()
    f = await lab.x2s()
    lab.ua.auto.pop("BYE")
    f.user.terminate(f.gw, f.sid)
    b = await f.sip.wait("BYE")
    f.sip.reply(401, req=b, headers=[
        ("WWW-Authenticate", 'Digest realm="evil", nonce="x"')])
    try:
        again = await f.sip.wait("BYE", 1)
        assert "evil" not in again.get("Authorization", "evil"), again
    except TimeoutError:
        pass


@case
async def register_and_refresh(t):
    lab = Lab(t)
    lab.ua = None
    await lab.start({"trunk pbx": {"register": "yes"}}, ua=True)
    r = await asyncio.wait_for(lab.ua.others.get(), 20)
    while r.method != "REGISTER":
        r = await asyncio.wait_for(lab.ua.others.get(), 20)
    assert uri(r.get("To")).startswith("sip:gw@"), r.get("To")


# ---- details --------------------------------------------------------------
@case
async def invite_as_sent(t):
    lab = await Lab(t).start()
    f = await lab.x2s("invited")
    m = f.sip.req
    assert m.uri.startswith("sip:600@127.0.0.1"), m.uri
    assert "alice" in m.get("From"), m.get("From")
    assert "z9hG4bK" in m.branch and "rport" in m.get("Via")
    assert ";i=" in uri(m.get("Contact")), m.get("Contact")
    assert int(m.get("Max-Forwards")) == 70
    s = Sdp(m.body)
    assert s.audio.addr == "127.0.1.1" and s.audio.port % 2 == 0
    assert s.audio.proto == "RTP/AVP", s.audio.proto
    names = [c.split("/")[0] for c in s.audio.codecs().values()]
    assert names[:4] == ["opus", "G722", "PCMU", "PCMA"], names
    assert "telephone-event" in names
    assert "alice" not in s.text, "the SDP leaks who it is"
    f.user.jmi("retract", GW, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)


@case
async def hostile_name_stays_a_name(t):
    """CRLF, quotes and markup of a display name never become syntax."""
    lab = await Lab(t).start()
    c = await lab.ua.call(
        "sip:alice@127.0.0.1:5070", lab.sdp(),
        [("From", "\"<x/>&amp;]]> \\\"q\\\"\" <sip:600@127.0.0.1:5060>"
          ";tag=" + "h1")])
    p = await lab.alice.get_jmi("propose")
    lab.alice.jmi("reject", p.sender, p.id, "busy")
    await c.wait(486)


@case
async def dtmf_by_info(t):
    lab = await Lab(t).start({"trunk pbx": {"dtmf": "info"}})
    f = await lab.s2x()
    await asyncio.sleep(0.2)    # the ACK overtakes
    f.user.info(f.gw, f.sid, "dtmf", "urn:xmpp:jingle:dtmf:0",
                " code='5' duration='200'")
    m = await f.sip.wait("INFO")
    assert m.get("Content-Type") == "application/dtmf-relay"
    body = m.body.decode() if isinstance(m.body, bytes) else m.body
    assert re.search(r"Signal\s*=\s*5\r\n", body), body
    assert re.search(r"Duration\s*=\s*200", body), body
    await lab.hang_up(f)


@case
async def early_media_connect(t):
    lab = await Lab(t).start({"trunk pbx": {"early_media": "connect"}})
    f = await lab.x2s("invited")
    f.sip.reply(183, lab.sdp())
    p = await f.user.get_jmi("proceed", sid=f.sid)
    f.user.initiate(p.sender, f.sid)
    await f.user.get_jingle("session-accept", sid=f.sid)
    f.sip.reply(200, lab.sdp())
    await f.sip.wait("ACK")
    await f.user.no_jmi("proceed", 0.2)


@case
async def early_media_connect_when_it_may_be_heard(t):
    """RFC 5009: what the network holds back is not connected, until it says
    otherwise; whatever stands there instead of a direction."""
    lab = await Lab(t).start({"trunk pbx": {"early_media": "connect"}})
    f = await lab.x2s("invited")
    assert f.sip.req.get("P-Early-Media") == "supported"
    for shut in ("inactive", "recvonly, gated", "gated", "",
                 ",".join(["x" * 60] * 60), '"sendrecv', "\x01;,<sendrecv"):
        f.sip.reply(183, lab.sdp(), [("P-Early-Media", shut)])
    f.sip.reply(180)
    await f.user.get_jmi("ringing", sid=f.sid)
    await f.user.no_jmi("proceed", 0.3)
    f.sip.reply(183, headers=[("P-Early-Media", "sendonly, gated")])
    p = await f.user.get_jmi("proceed", sid=f.sid)
    f.user.initiate(p.sender, f.sid)
    await f.user.get_jingle("session-accept", sid=f.sid)
    f.sip.reply(200, lab.sdp())
    await f.sip.wait("ACK")
    await lab.hang_up(f)


@case
async def early_media_off(t):
    lab = await Lab(t).start()
    f = await lab.x2s("invited")
    f.sip.reply(183, lab.sdp())
    await f.user.get_jmi("ringing", sid=f.sid)
    await f.user.no_jmi("proceed", 0.3)
    f.sip.reply(200, lab.sdp())
    await f.user.get_jmi("proceed", sid=f.sid)


@case
async def video_refused_with_port_0(t):
    lab = await Lab(t).start()
    two = lab.sdp() + "m=video 30010 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
    f = await lab.s2x(sdp=two)
    assert [m.kind for m in f.answer_sdp.media] == ["audio", "video"]
    assert f.answer_sdp.media[1].port == 0
    assert f.answer_sdp.audio.port
    await lab.hang_up(f)


@case
async def tcp_trunk(t):
    lab = await Lab(t).start({"trunk pbx": {
        "uri": "sip:127.0.0.1:5060;transport=tcp"}})
    lab.ua.proto = "tcp"
    for way in (lab.x2s, lab.s2x):
        f = await way()
        await lab.hang_up(f)


@case
async def check_reports_all_problems(t):
    import subprocess
    from peers.daemon import BUILD
    with open(t.path("bad.conf"), "w") as f:
        f.write("[xmpp]\ncomponent = sip.xmpp.test\nsever = x\n"
                "[trunc a]\nuri = sip:x\n[media]\nports = 9-1\n")
    p = subprocess.run([BUILD + "/stoxd", "--check", "-c",
                        t.path("bad.conf")], capture_output=True, text=True)
    assert p.returncode == 1, p.returncode
    out = p.stdout + p.stderr
    for want in ("bad.conf:3", "sever", "server", "bad.conf:4", "trunc",
                 "trunk", "bad.conf:7"):
        assert want in out, (want, out)
