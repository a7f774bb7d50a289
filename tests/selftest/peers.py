"""The scripted peers against each other: what they cannot show there, they
cannot show of the gateway either."""
import asyncio
import array

from peers import promlint, tone
from peers.rtp import Rtp
from peers.runner import case
from peers.sipmsg import Sdp, make_sdp
from peers.sipua import Ua


async def pair(t, **kw):
    a = await Ua(port=5060, peer=("127.0.0.1", 5070), **kw).start()
    b = await Ua(port=5070, peer=("127.0.0.1", 5060), user="alice",
                 **kw).start()
    t.later(a.close)
    t.later(b.close)
    return a, b


@case
async def tone_verdicts(t):
    # G.711's third harmonic of 2800 Hz is heard as 400
    assert not any({400, 2800} <= set(tone.draw()) for _ in range(500))
    a, b, c, d = tone.draw()

    def rec(*parts):
        x = array.array("h")
        for hz, secs in parts:
            x += tone.samples(hz, 8000, int(8000 * secs)) if hz \
                else array.array("h", [0] * int(8000 * secs))
        return x
    good = rec((a, 3), (b, 5))
    assert tone.listen(good, 8000, (a, b), (c, d), 8)
    assert not tone.listen(good, 8000, (b, a), (c, d), 8)
    assert not tone.listen(good, 8000, (c, d), (a, b), 8)
    assert not tone.listen(good, 8000, (a, b), (c, d), 9)
    assert not tone.listen(rec((a, 8)), 8000, (a, b), (c, d), 8)
    assert not tone.listen(rec((0, 8)), 8000, (a, b), (c, d), 8)
    assert not tone.listen(rec(), 8000, (a, b), (c, d), 8)
    assert not tone.listen(rec((a, 2), (b, 2), (a, 1), (b, 3)), 8000,
                           (a, b), (c, d), 8)
    echo = rec((c, 3), (d, 5))
    quiet = array.array("h", (v + w // 30 for v, w in zip(good, echo)))
    v = tone.listen(quiet, 8000, (a, b), (c, d), 8)
    assert not v and "echo" in v.why, v


@case
async def sip_call_both_tones_and_digits(t):
    ua, ub = await pair(t)
    w, x, y, z = tone.draw()
    ra, rb = await Rtp(tones=(w, x)).open(), await Rtp(tones=(y, z)).open()
    call = await ua.call("sip:alice@127.0.0.1:5070",
                         make_sdp("127.0.0.1", ra.port))
    other = await ub.get_call()
    offer = Sdp(other.req.body)
    other.reply(180)
    await call.wait(180)
    other.reply(200, make_sdp("127.0.0.1", rb.port))
    ok = await call.wait(200, method="INVITE")
    call.ack()
    await other.wait("ACK")
    ra.to((Sdp(ok.body).audio.addr, Sdp(ok.body).audio.port))
    rb.to((offer.audio.addr, offer.audio.port))
    await asyncio.sleep(7)
    ra.send_digits("12#")
    await asyncio.sleep(1.2)
    await call.hang_up()
    await other.wait("BYE")
    assert rb.digits == "12#", rb.digits
    v = ra.listen((y, z), 8.2)
    assert v, v
    v = rb.listen((w, x), 7.4)
    assert v, v


@case
async def sip_cancel_and_failure(t):
    ua, ub = await pair(t)
    call = await ua.call("sip:alice@127.0.0.1:5070", make_sdp("1.1.1.1", 4))
    other = await ub.get_call()
    other.reply(180)
    await call.wait("1xx")
    call.cancel()
    await other.wait("CANCEL")
    await call.wait(200, method="CANCEL")
    other.reply(487)
    await call.wait(487)
    await other.wait("ACK")


@case
async def sip_lost_messages(t):
    """Each message of a call is lost once: it still goes through."""
    ua, ub = await pair(t)
    seen = set()

    def lossy(m):
        key = (m.start, m.get("CSeq"), m.is_request)
        if key in seen:
            return False
        seen.add(key)
        return True
    ua.drop, ub.drop = lossy, lambda m: lossy(m)
    call = await ua.call("sip:alice@127.0.0.1:5070", make_sdp("1.1.1.1", 4))
    other = await ub.get_call()
    other.reply(200, make_sdp("1.1.1.1", 6))
    await call.wait(200, method="INVITE")
    call.ack()
    await other.wait("ACK", 5)
    await call.hang_up(10)


@case
async def sip_tcp(t):
    ua, ub = await pair(t, proto="tcp")
    call = await ua.call("sip:alice@127.0.0.1:5070", make_sdp("1.1.1.1", 4))
    other = await ub.get_call()
    other.reply(200, make_sdp("1.1.1.1", 6))
    await call.wait(200, method="INVITE")
    call.ack()
    await other.wait("ACK")
    await other.hang_up()
    await call.wait("BYE")
    r = await ua.request("OPTIONS", "sip:127.0.0.1:5070")
    assert r.code == 200


@case
async def xmpp_component_handshake(t):
    import hashlib
    from peers.xmppserver import Server
    s = await Server(log=t.path("xmpp.log")).start()
    t.later(s.stop)

    async def attach(secret):
        r, w = await asyncio.open_connection("127.0.0.1", 5347)
        w.write(b"<stream:stream xmlns='jabber:component:accept' xmlns:stream"
                b"='http://etherx.jabber.org/streams' to='sip.xmpp.test'>")
        head = (await r.readuntil(b"amp;")) + await r.readuntil(b">")
        sid = head.decode().split(" id=")[1].split('"')[1]
        sid = sid.replace("&amp;", "&")
        w.write(("<handshake>%s</handshake>" % hashlib.sha1(
            (sid + secret).encode()).hexdigest()).encode())
        return r, w, await r.read(400)
    _, _, said = await attach("wrong")
    assert b"not-authorized" in said, said
    r, w, said = await attach("lab-secret")
    assert said == b"<handshake/>", said
    w.write(b"<iq type='get' id='1' from='sip.xmpp.test' to='xmpp.test'>"
            b"<ping xmlns='urn:xmpp:ping'/></iq>"
            b"<message from='a@sip.xmpp.test/sip' to='alice@xmpp.test'>")
    assert b"result" in await r.read(400)
    w.write(b"<body>x</body></message>")
    m = await s.wait(lambda e: e.get("to") == "alice@xmpp.test")
    assert m[0].text == "x"


@case
async def baresip_and_scripted_phone(t):
    from peers.baresip import Baresip
    from peers.capture import Capture
    t.need("baresip")
    w, x, y, z = tone.draw()
    cap = Capture(t.path("packets.pcap"))
    t.later(cap.stop)
    phone = await Baresip(t.dir, tones=(y, z), port=5070,
                          name="alice").run()
    t.later(phone.stop)
    ua = await Ua().start()
    t.later(ua.close)
    rtp = await Rtp(tones=(w, x)).open()
    call = await ua.call("sip:alice@127.0.0.1:5070",
                         make_sdp("127.0.0.1", rtp.port))
    a = Sdp((await call.wait(200)).body).audio
    call.ack()
    rtp.to((a.addr, a.port))
    await phone.wait("CALL_ESTABLISHED")
    await asyncio.sleep(8)
    rtp.send_digits("95*")
    await asyncio.sleep(1)
    await phone.cmd("hangup")
    await call.wait("BYE")
    await asyncio.sleep(0.3)
    v = phone.listen((w, x), 8)
    assert v, v
    v = rtp.listen((y, z), 9)
    assert v, v
    assert phone.digits() == "95*", phone.events
    near = ("127.0.0.1", rtp.port)
    assert cap.clear([rtp.frames[0]], lambda s, d: s == near) > 100
    assert cap.clear([b"\x55" * 160], lambda s, d: s == near) == 0


async def two_clients(t, server, **kw):
    """Client calls client by way of a server: tones, digits, no cleartext."""
    from peers.capture import Capture
    from peers.jingleclient import Client, Session
    w, x, y, z = tone.draw()
    cap = Capture()
    t.later(cap.stop)
    await server.run()
    t.later(server.stop)
    a = await Client("alice", tones=(w, x), log=t.path("alice.log"),
                     **kw).login()
    t.later(a.logout)
    b = await Client("bob", tones=(y, z), codec="PCMU",
                     log=t.path("bob.log"), **kw).login()
    t.later(b.logout)
    a.jmi("bob@xmpp.test", "propose", "p1")
    e = await a.wait("jmi", kind="proceed", id="p1")
    s = a.sessions["p1"] = Session(a, "p1", e["frm"], "audio", False)
    await s.initiate()
    other = await b.get_session()
    await s.up()
    await other.up()
    await asyncio.sleep(7.5)
    s.send_digits("7#")
    await asyncio.sleep(1.5)
    await s.hang_up()
    await b.wait("terminated", reason="success")
    v = s.listen((y, z), 9)
    assert v, v
    v = other.listen((w, x), 8.6)
    assert v, v
    assert other.digits == "7#", other.digits
    assert s.wire and cap.clear(s.wire, lambda a, b: True) == 0
    return s


@case
async def aiortc_and_prosody(t):
    from peers.site import make_server
    await two_clients(t, make_server(t, "prosody"))


@case
async def aiortc_and_ejabberd(t):
    from peers.site import make_server
    await two_clients(t, make_server(t, "ejabberd"), trickle=True)


@case
async def aiortc_over_turn(t):
    from peers.coturn import Coturn
    from peers.site import make_server
    t.need("turnserver")
    turn = await Coturn(t.dir).run()
    t.later(turn.stop)
    s = await two_clients(t, make_server(t, "prosody"),
                          turn="turn:127.0.0.1:3478?transport=udp")
    assert s.pair.local_candidate.type == "relay", s.pair


@case
async def server_restarts(t):
    """Both servers come back on their data after kill -9."""
    from peers.site import make_server
    for name in ("prosody", "ejabberd"):
        s = make_server(t, name)
        t.later(s.stop)
        await s.run()
        await s.restart(0.2)
        await s.stop()


async def _phone_and_ua(t, phone):
    """A telephone of phones.py and a scripted one in the gateway's place."""
    w, x, y, z = tone.draw()
    ua = await Ua(port=5070, peer=("127.0.0.1", 5060), user="alice").start()
    t.later(ua.close)
    p = await phone(t, (y, z)).run()
    t.later(p.stop)
    rtp = await Rtp(tones=(w, x)).open()
    await p.dial()
    c = await ua.get_call()
    c.reply(180)
    await p.ringing()
    c.reply(200, make_sdp("127.0.0.1", rtp.port))
    await c.wait("ACK")
    a = Sdp(c.req.body).audio
    rtp.to((a.addr, a.port))
    await p.established()
    await asyncio.sleep(8)
    await c.hang_up()
    await p.closed()
    v = rtp.listen((y, z), 8)
    assert v, v
    v = p.listen((w, x), 8)
    assert v, v


@case
async def sipp_calls(t):
    from peers.phones import Sipp
    t.need("sipp")
    await _phone_and_ua(t, Sipp)


@case
async def sipp_answers(t):
    from peers.phones import Sipp
    t.need("sipp")
    w, x, y, z = tone.draw()
    ua = await Ua(port=5070, peer=("127.0.0.1", 5060)).start()
    t.later(ua.close)
    p = await Sipp(t, (y, z)).run()
    t.later(p.stop)
    rtp = await Rtp(tones=(w, x)).open()
    c = await ua.call("sip:600@127.0.0.1:5060",
                      make_sdp("127.0.0.1", rtp.port))
    await c.wait(180)
    a = Sdp((await c.wait(200)).body).audio
    c.ack()
    rtp.to((a.addr, a.port))
    await asyncio.sleep(8)
    await c.hang_up()
    v = rtp.listen((y, z), 8)
    assert v, v
    v = p.listen((w, x), 8)
    assert v, v


@case
async def registered_phone_calls(t):
    from peers.phones import Registered
    t.need("kamailio", "baresip")
    await _phone_and_ua(t, Registered)


@case
async def registered_phone_is_called(t):
    """As the gateway calls it: with digest, of user gw."""
    import hashlib
    import re
    from peers.phones import Registered
    t.need("kamailio", "baresip")
    ua = await Ua(port=5070, peer=("127.0.0.1", 5060), user="alice").start()
    t.later(ua.close)
    p = await Registered(t, (500, 700)).run()
    t.later(p.stop)
    rtp = await Rtp().open()
    sdp = make_sdp("127.0.0.1", rtp.port)
    c = await ua.call("sip:600@127.0.0.1:5060", sdp)
    r = await c.wait(407)
    q = dict(re.findall(r'(\w+)="([^"]*)"', r.get("Proxy-Authenticate")))

    def md5(*words):
        return hashlib.md5(":".join(words).encode()).hexdigest()
    to = "sip:600@127.0.0.1:5060"
    answer = md5(md5("gw", "sip.test", "gwpass"), q["nonce"],
                 md5("INVITE", to))
    c.remote_tag, c.target = None, to
    c.invite(sdp, [("Proxy-Authorization", 'Digest username="gw", realm='
                    '"sip.test", nonce="%s", uri="%s", response="%s"' % (
                        q["nonce"], to, answer))])
    await p.ring()
    answered = asyncio.ensure_future(p.answer())
    await c.wait(200, method="INVITE")
    c.ack()
    await answered
    await asyncio.sleep(1)
    await c.hang_up()
    await p.closed()


@case
async def sdes_both_ways(t):
    from peers.phones import Scripted, Softphone
    t.need("baresip")
    w, x, y, z = tone.draw()
    a = Scripted(t, (w, x), sdes=True)
    a.ua.port, a.ua.peer, a.ua.user = 5070, ("127.0.0.1", 5060), "alice"
    await a.run()
    t.later(a.stop)
    b = await Softphone(t, (y, z), "PCMU", sdes=True).run()
    t.later(b.stop)
    await b.dial()
    await a.ring()
    await a.answer()
    await b.established()
    await asyncio.sleep(7)
    await a.hang_up()
    await b.closed()
    v = a.listen((y, z), 7)
    assert v, v
    v = b.listen((w, x), 7)
    assert v, v


@case
async def rules_of_metrics(t):
    good = ("# HELP a_seconds How long.\n# TYPE a_seconds histogram\n"
            'a_seconds_bucket{le="+Inf"} 2\na_seconds_sum 0.5\n'
            "a_seconds_count 2\n# HELP n_total How many.\n"
            '# TYPE n_total counter\nn_total{of="x \\"y\\""} 1\n')
    assert promlint.lint(good) == []
    for old, new, want in (
            ("seconds", "milliseconds", "in seconds, not milliseconds"),
            ("seconds", "ms", "a unit is abbreviated"),
            ("a_sec", "gauge_a_sec", "its type is in its name"),
            ("a_sec", "aB_sec", "capital letters"),
            ("a_sec", "a:b_sec", "a colon is for rules"),
            ("n_total", "n", "_total is for counters"),
            ("total counter", "total gauge", "_total is for counters"),
            ("n_total", "n_count", "ends as a part"),
            ("{of=", "{le=", "label le is not for a counter"),
            ("{of=", "{oF=", "capital letters in label oF"),
            ("# HELP n_total How many.\n", "", "no help"),
            ("# TYPE n_total counter\n", "", "no type"),
            ("histogram", "histgram", "no type histgram"),
            ("a_seconds_sum 0.5", "a_seconds_sum x", "not a sample"),
            ("a_seconds_sum 0.5", "a_seconds_count 2", "twice"),
            ("# HELP n", "# HELP a_seconds X.\n# HELP n", "a second HELP")):
        assert old in good, old
        bad = promlint.lint(good.replace(old, new))
        assert any(want in x for x in bad), (want, bad)
    bad = promlint.lint(good + 'a_seconds_sum{x="1"} 1\n')
    assert bad == ["a_seconds: in two places"], bad
    assert "the last line has no end" in promlint.lint(good[:-1])
