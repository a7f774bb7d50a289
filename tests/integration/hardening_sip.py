"""What a hostile SIP side may try (docs/hardening.md); the number in a name
says who was hurt by it."""
import asyncio
import time

from peers.attack import (ALICE, HOSTILE, MARK, OURS, Ear, control_bytes, cpu,
                          descriptors, own, raw, resident, sanitized, scan)
from peers.jingleuser import find
from peers.lab import GW, Lab
from peers.runner import add, case
from peers.sipua import token

STRICT = {"sip_source_rate": "10", "sip_source_burst": "60"}


async def still_well(lab, way="s2x"):
    """The gateway lives and carries a call."""
    assert lab.stoxd.alive(), "stoxd died: %s" % lab.stoxd.p.poll()
    lab.alice = lab.new_user()
    f = await (lab.s2x() if way == "s2x" else lab.x2s())
    await lab.hang_up(f)


async def refused(lab, data, codes=(400, 403, 404, 405, 413, 414, 415, 416,
                                    420, 481, 482, 483, 486, 488, 489, 493,
                                    500, 501, 503, 505, 513)):
    """A datagram gets one of these or silence, and nobody is rung."""
    before = len(lab.ua.history)
    lab.ua._udp.sendto(data, lab.ua.peer)
    await asyncio.sleep(0.15)
    for _, way, m in lab.ua.history[before:]:
        if way == "<" and m.code and m.code > 100:
            assert m.code in codes, m
    await lab.server.none(
        lambda s: any(find(s, k) is not None
                      for k in ("propose", "jingle")), 0.05, "call")


# ---- headers and bodies ---------------------------------------------------
HEADERS = {
    "es2017_01_cve_2017_9372_cseq": [
        {"CSeq": "1 INVITE" + "A" * 4000},
        {"CSeq": "9" * 4000 + " INVITE"}, {"CSeq": "4294967296 INVITE"},
        {"CSeq": "-1 INVITE"}, {"CSeq": "1"}, {"CSeq": "INVITE"}],
    "es2018_05_cve_2018_8828_tag": [
        {"To": "<%s>;tag=%s" % (ALICE, "t" * n)}
        for n in (127, 128, 129, 255, 256, 1024, 9000)] + [
        {"From": "<sip:6@127.0.0.1>;tag="},
        {"Via": "SIP/2.0/UDP 127.0.0.1:5060;branch=" + "b" * 9000},
        {"Via": "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK"}],
    "pjsip_c82123ea6_digest": [
        {"Authorization": "Digest username=\"%s\", realm=\"%s\"" % (
            "u" * 3000, "r" * 3000), "To": "<%s>;tag=x" % ALICE},
        {"Proxy_Authorization": "Digest ,,,=\"", "To": "<%s>;tag=x" % ALICE},
        {"WWW_Authenticate": "Digest " + "a=b," * 2000,
         "To": "<%s>;tag=x" % ALICE}],
    "contact_of_every_kind": [
        {"Contact": "<sip:600@127.0.0.1:99999>"}, {"Contact": "*"},
        {"Contact": "<sip:" + "a" * 9000 + "@127.0.0.1>"},
        {"Contact": "<sip:600@[::1>"}, {"Contact": "<mailto:a@b>"},
        {"Contact": "<sip:>"}, {"Contact": None}],
    "routes_and_timers": [
        {"Session_Expires": "99999999999999999999"},
        {"Session_Expires": "-1", "Supported": "timer"},
        {"Min_SE": "x" * 5000}, {"RAck": "1", "To": "<%s>;tag=1" % ALICE},
        {"Replaces": "a;to-tag=b;from-tag=c", "Require": "replaces"},
        {"Max_Forwards": "256"}, {"Max_Forwards": "x"},
        {"Content_Length": "x"}],
}


async def headers(t, rows):
    lab = await Lab(t).start()
    for change in rows:
        for method in ("INVITE", "SUBSCRIBE", "BYE"):
            c = dict(change)
            if "CSeq" in c:
                c["CSeq"] = c["CSeq"].replace("INVITE", method)
            await refused_or_rung(lab, raw(method, body=lab.sdp(), **c))
    await still_well(lab)


async def refused_or_rung(lab, data):
    """Some odd headers are legal: then the call is rejected by its user."""
    lab.ua._udp.sendto(data, lab.ua.peer)
    try:
        p = await lab.alice.get_jmi("propose", 0.05)
        lab.alice.jmi("reject", p.sender, p.id, "busy")
    except TimeoutError:
        pass


for name, rows in HEADERS.items():
    add(name, headers, rows)


@case
async def cve_2018_7284_accept_list(t):
    """More Accept headers in a SUBSCRIBE than an array had room for."""
    lab = await Lab(t).start()
    more = [("Event", "presence"), ("Expires", "60")] + [
        ("Accept", "text/x%d" % i) for i in range(60)]
    r = await lab.ua.request("SUBSCRIBE", ALICE, more)
    assert r.code in (400, 406), r
    r = await lab.ua.request("SUBSCRIBE", ALICE, more[:2] + [
        ("Accept", "a/b") for _ in range(400)])
    assert r.code in (400, 406), r
    await still_well(lab)


@case
async def cve_2018_1000098_cve_2018_1000099_sdp(t):
    """SDP whose formats and format parameters lie."""
    lab = await Lab(t).start()
    good = lab.sdp()
    for body in (
            good.replace("RTP/AVP 0 8 101", "RTP/AVP 4294967296"),
            good.replace("RTP/AVP 0 8 101", "RTP/AVP -1 -2"),
            good.replace("RTP/AVP 0 8 101", "RTP/AVP"),
            good.replace("RTP/AVP 0 8 101", "RTP/AVP " + "9 " * 900),
            good.replace("a=fmtp:101 0-15", "a=fmtp:" + "1" * 3000),
            good.replace("a=rtpmap:0 PCMU/8000", "a=rtpmap:0 PCMU/0"),
            good.replace("a=rtpmap:0 PCMU/8000",
                         "a=rtpmap:0 " + "P" * 5000 + "/8000"),
            good.replace("a=ptime:20", "a=ptime:4294967295\r\na=maxptime:0"),
            good.replace("m=audio 30000", "m=audio 70000"),
            good.replace("m=audio 30000", "m=audio 30000/65535"),
            good.replace("c=IN IP4 127.0.0.1", "c=IN IP4 %s" % ("1" * 900)),
            good.replace("v=0", "v=0\r\n" + "a=x\r\n" * 2500),
            "\0" * 3000, "v=0\r\n" + "m=\r\n" * 100):
        c = await lab.ua.call(ALICE, body)
        try:
            p = await lab.alice.get_jmi("propose", 0.2)
            lab.alice.jmi("reject", p.sender, p.id, "busy")
        except TimeoutError:
            pass
        r = await c.wait(lambda m: m.code and m.code >= 200)
        assert 400 <= r.code < 500, (body[:200], r)
    await still_well(lab)


@case
async def es2017_02_multipart(t):
    """Bodies of the wrong kind and with broken boundaries."""
    lab = await Lab(t).start()
    for kind, body in (
            ("multipart/mixed", lab.sdp()),
            ("multipart/mixed;boundary=", "--\r\n--"),
            ("multipart/mixed;boundary=" + "b" * 3000, "--b\r\n"),
            ("multipart/mixed;boundary=\"x", "--x\r\n\r\n--x--"),
            ("text/plain", "hi"), ("application/" + "s" * 3000, "v=0")):
        data = raw(headers=[("Content-Type", kind)], body="").replace(
            b"Content-Length: 0\r\n\r\n", b"Content-Length: %d\r\n\r\n%s" % (
                len(body), body.encode()))
        await refused_or_rung(lab, data)
    await still_well(lab)


@case
async def pjsip_f5bbe2a68_too_many_media(t):
    lab = await Lab(t).start()
    for n in (17, 60, 400):
        c = await lab.ua.call(ALICE, lab.sdp()
                              + "m=audio 40000 RTP/AVP 0\r\n" * n)
        r = await c.wait(lambda m: m.code and m.code >= 200)
        assert 400 <= r.code < 500, (n, r)
    await still_well(lab)


# ---- what is not for strangers --------------------------------------------
METHODS = ("MESSAGE", "SUBSCRIBE", "NOTIFY", "REGISTER", "REFER", "PUBLISH",
           "INFO", "UPDATE", "PRACK", "BYE", "CANCEL", "OPTIONS", "INVITE")


@case
async def cve_2021_37624_cve_2021_41157_methods(t):
    """No method of a stranger gets an answer, let alone through; not by TCP
    and not within a made-up dialog either (hardening: reflection)."""
    lab = await Lab(t).start()
    ear = await Ear.open(t, "127.0.0.9", 5060)
    for m in METHODS:
        for to in ("<%s>" % ALICE, "<%s>;tag=1" % ALICE):
            ear.send(raw(m, source="127.0.0.9:5060", To=to,
                         body="hello"), OURS)
    await asyncio.sleep(0.5)
    # a made-up dialog of a media address may be told that it is none
    told = {d.split(b"\r\n")[0] for d, _ in ear.heard}
    assert told <= {b"SIP/2.0 481 Call/Transaction Does Not Exist"}, told
    far = await Ear.open(t, "127.9.0.9", 5060)
    for m in METHODS:
        for to in ("<%s>" % ALICE, "<%s>;tag=1" % ALICE):
            far.send(raw(m, source="127.9.0.9:5060", To=to, body="hello"),
                     OURS)
    await asyncio.sleep(0.5)
    assert not far.heard, far.heard
    assert not [e for e in lab.server.history
                if e.tag.endswith("message")], "a stranger reached XMPP"
    await still_well(lab)


@case
async def trunk_methods_without_handler_are_refused(t):
    """What is not built is refused to the trunk, too: nothing crosses."""
    lab = await Lab(t).start()
    for m in ("NOTIFY", "REGISTER", "REFER", "PUBLISH"):
        r = await lab.ua.request(m, ALICE, [("Event", "presence"),
                                            ("Content-Type", "text/plain")],
                                 "hello")
        assert r.code in (405, 481, 489, 501), (m, r)
    assert not [e for e in lab.server.history if e.tag.endswith("message")]


@case
async def cve_2026_28799_subscribe_expires_0(t):
    """The end of a subscription inside and outside of dialogs."""
    lab = await Lab(t).start()
    f = await lab.s2x()
    for _ in range(20):
        r = await lab.ua.request("SUBSCRIBE", ALICE, [
            ("Event", "presence"), ("Expires", "0")])
        assert r.code == 200, r     # a fetch
        f.sip.request("SUBSCRIBE", headers=[("Event", "presence"),
                                            ("Expires", "0")])
        r = await f.sip.wait(lambda m: m.code and m.cseq[1] == "SUBSCRIBE")
        assert r.code in (405, 481, 489, 501), r
    await f.sip.none("BYE", 0.2)
    await lab.hang_up(f)


@case
async def reflection_no_gain(t):
    """What is malformed and spoofed gets no answer larger than it (1.1)."""
    lab = await Lab(t).start()
    ear = await Ear.open(t, "127.0.0.1", 5088)
    v = "SIP/2.0/UDP 127.0.0.1:5088;branch=z9hG4bK%d"
    asked = 0
    for i, start in enumerate(("FLY sip:a SIP/2.0", "OPTIONS x SIP/2.0",
                               "BYE sip:a SIP/2.0", "INVITE sip:a@b;x=?y "
                               "SIP/2.0", "REGISTER mailto:a SIP/2.0")):
        data = ("%s\r\nVia: %s\r\n\r\n" % (start, v % i)).encode()
        ear.send(data, OURS)
        asked += len(data)
    await asyncio.sleep(0.5)
    got = sum(len(d) for d, _ in ear.heard)
    assert got <= 1.1 * asked, "%d bytes for %d" % (got, asked)


@case
async def es2020_01_cve_2020_28361_smuggled_headers(t):
    """Headers of an untrusted trunk, however spelt, reach nobody; theirs do
    not come back either."""
    lab = await Lab(t).start()
    words = []
    hs = []
    for i, n in enumerate((
            "P-Asserted-Identity", "P-Asserted-Identity ",
            "p-asserted-IDENTITY\t", "P-Preferred-Identity", "Diversion",
            "History-Info", "X-Secret", "Remote-Party-ID", "Identity",
            "Call-Info", "Alert-Info", "Subject", "Organization",
            "Referred-By", "User-Agent", "Geolocation")):
        words.append("%s%d" % (MARK, i))
        hs.append((n, "\"%s%d\" <sip:%s%d@evil.test>" % ((MARK, i) * 2)))
    f = await lab.s2x(headers=hs)
    assert f.gw == GW + "/sip", f.gw
    await lab.hang_up(f)
    assert not scan(t.path("xmpp.log"), words), scan(t.path("xmpp.log"),
                                                     words)
    for _, way, m in lab.ua.history:
        if way == "<":
            assert MARK not in m.bytes().decode(), m.bytes()


@case
async def identity_only_from_trusted_trunk(t):
    """P-Asserted-Identity is believed from a trusted trunk alone."""
    lab = await Lab(t).start({"trunk pbx": {"trusted": "yes"}})
    f = await lab.s2x(headers=[("P-Asserted-Identity",
                                "<sip:777@127.0.0.1:5060>")])
    assert f.gw == "777@sip.xmpp.test/sip", f.gw
    await lab.hang_up(f)


# ---- text -----------------------------------------------------------------
@case
async def ghsa_2grh_7mhv_fcfw_to_xmpp(t):
    """Quotes, markup, control and bidi characters of a caller's name: only
    well-formed XML 1.0 text arrives."""
    lab = await Lab(t).start()
    names = ["\"%s\"" % HOSTILE.replace("\\", "\\\\").replace('"', '\\"'),
             '"%s \x1b[31m\x07\x0b\x7f"' % MARK, '"%s\udcff\udcfe"' % MARK,
             '"' + MARK + "n" * 6000 + '"', MARK + " bare name",
             '"%s\\\r\n X: y"' % MARK, '"%s=?utf-8?q?=0d=0a?="' % MARK]
    for n in names:
        user = lab.new_user()
        before = len(lab.server.history)
        lab.ua._udp.sendto(raw(
            uri="sip:%s@127.0.0.1:5070" % user.bare.partition("@")[0],
            body=lab.sdp(), From="%s <sip:600@127.0.0.1:5060>;tag=%s" % (
                n, token("f"))), lab.ua.peer)
        try:
            p = await user.get_jmi("propose", 1)
            user.jmi("reject", p.sender, p.id, "busy")
        except TimeoutError:
            pass    # refused: as good
        for e in lab.server.history[before:]:
            for x in e.iter():
                for s in [x.text or ""] + list(x.attrib.values()):
                    bad = [c for c in s if ord(c) < 32 or 127 <= ord(c) < 160
                           or c in "\u202a\u202b\u202d\u202e\u2066\u2067"
                           "\u2068\u2028"]
                    assert not bad, (n, s)
    assert not control_bytes(lab.stoxd.log), control_bytes(lab.stoxd.log)
    await still_well(lab)


@case
async def es2021_02_log_and_trace_lines(t):
    """What a peer writes makes no line and no colour of its own in the log,
    nor on the terminal of stoxctl."""
    lab = await Lab(t).start({"log": {"level": "debug", "trace": "yes"}})
    for s in ("\x1b[2J\x1b]0;x\x07", "a\rcall 00000000: forged", "\x9b31m",
              "%0acall 00000000: forged", "\x7f\x08\x08"):
        lab.ua._udp.sendto(raw(
            body=lab.sdp(), headers=[("X-A", s)], From=(
                "\"%s\" <sip:6%%0a0@127.0.0.1>;tag=%s" % (s, token("f")))),
            lab.ua.peer)
        lab.ua._udp.sendto(raw("FLY" + s[:1], uri="sip:%s" % s),
                           lab.ua.peer)
        u = lab.new_user()
        u.message(GW, "<body>%s</body>" % "".join(
            c for c in s if ord(c) > 31))
    await asyncio.sleep(0.5)
    bad = control_bytes(lab.stoxd.log)
    assert not bad, bad
    forged = [x for x in lab.stoxd.text().splitlines()
              if x.startswith("call 00000000")]
    assert not forged, forged
    out = lab.stoxd.ctl("trace").encode("utf-8", "surrogateescape")
    bad = {b for b in out if (b < 32 and b not in (9, 10, 13)) or b == 127}
    assert MARK or out
    assert not bad, bad


# ---- floods ---------------------------------------------------------------
@case(timeout=120)
async def cve_2018_7286_cve_2020_28327_tcp_flood(t):
    """10 000 INVITEs by TCP, the connection closed in their middle."""
    lab = await Lab(t).start({"limits": STRICT})
    before = resident(lab.stoxd)
    for k in range(20):
        data = b"".join(raw(body=lab.sdp(), proto="TCP") for _ in range(500))
        r, w = await asyncio.open_connection(*OURS)
        w.write(data[:-200])
        if k % 2:
            await asyncio.sleep(0.05)
            w.transport.abort()
        else:
            try:
                await asyncio.wait_for(w.drain(), 2)
            except (asyncio.TimeoutError, ConnectionError):
                pass
            w.close()
        await asyncio.sleep(0.02)
    await asyncio.sleep(1)
    grown = resident(lab.stoxd) - before
    assert sanitized(lab.stoxd) or grown < 16 * 1024, "%d KiB" % grown
    for _ in range(40):     # whoever it rang says no
        try:
            p = await lab.alice.get_jmi("propose", 0.2)
            lab.alice.jmi("reject", p.sender, p.id, "busy")
        except TimeoutError:
            break
    await asyncio.sleep(7)  # the bucket of the source
    await still_well(lab, "x2s")
    print("grown by %d KiB" % grown)


@case(timeout=90)
async def es2021_06_cve_2021_41145_udp_flood(t):
    """10 000 INVITEs of a stranger and of a spoofed trunk: memory stays, and
    calls of ours go on."""
    lab = await Lab(t).start({"limits": STRICT})
    f = await lab.s2x()
    ears = [await Ear.open(t, "127.%d.0.%d" % (8 + i % 4, 2 + i))
            for i in range(8)]
    before, at = resident(lab.stoxd), cpu(lab.stoxd)
    since = time.monotonic()
    for k in range(10000):
        e = ears[k % 8]
        e.send(raw(source="%s:%d" % e.addr, body="v=0"), OURS)
        if k % 50 == 0:
            await asyncio.sleep(0)
    spoof = await Ear.open(t, "127.0.0.1")
    for k in range(2000):
        spoof.send(raw(uri="sip:spoof%d@127.0.0.1:5070" % k,
                       source="%s:%d" % spoof.addr, body=lab.sdp()), OURS)
        if k % 50 == 0:
            await asyncio.sleep(0)
    await f.sip.none("BYE", 0.5)
    f.user.info(f.gw, f.sid, "ringing")     # the call's own requests pass
    await lab.hang_up(f)
    grown = resident(lab.stoxd) - before
    print("grown by %d KiB, %.2f s of CPU in %.2f s" % (
        grown, cpu(lab.stoxd) - at, time.monotonic() - since))
    assert sanitized(lab.stoxd) or grown < 16 * 1024, "%d KiB" % grown
    assert not any(e.heard for e in ears), "strangers were answered"
    await asyncio.sleep(7)
    await still_well(lab, "x2s")


@case(timeout=90)
async def many_connections_slow_and_silent(t):
    """Connections that say nothing, a byte a time, or only spaces."""
    lab = await Lab(t).start({"limits": {"tcp_per_source": "16"}})
    before, conns = descriptors(lab.stoxd), []

    async def one(data):
        try:
            r, w = await asyncio.open_connection(*OURS)
            conns.append((r, w))
            for b in data:
                w.write(bytes([b]))
                await asyncio.sleep(0.005)
        except (ConnectionError, OSError):
            pass
    data = raw("OPTIONS", proto="TCP", uri="sip:127.0.0.1:5070")
    await asyncio.gather(*(one(d) for d in [b""] * 100 + [data[:40]] * 60
                           + [b"\r\n" * 30] * 40 + [data] * 40))
    await asyncio.sleep(0.5)
    print("%d descriptors for %d connections" % (
        descriptors(lab.stoxd) - before, len(conns)))
    await still_well(lab)
    at = cpu(lab.stoxd)
    await asyncio.sleep(1)
    assert cpu(lab.stoxd) - at < 0.3, "busy with idle connections"
    for _, w in conns:
        w.transport.abort()
    await asyncio.sleep(0.5)
    assert descriptors(lab.stoxd) - before < 40, "descriptors are kept"


@case
async def oversize(t):
    """Datagrams and messages above the limits; headers without end."""
    lab = await Lab(t).start()
    big = raw(headers=[("X-%d" % i, "y" * 100) for i in range(400)])
    lab.ua._udp.sendto(big[:60000], lab.ua.peer)
    for data in (raw(headers=[("X", "y" * 70000)], proto="TCP"),
                 raw(proto="TCP", headers=[("X-%d" % i, "")
                                           for i in range(5000)]),
                 raw(proto="TCP").replace(b"Content-Length: 0",
                                          b"Content-Length: 99999999999"),
                 raw(proto="TCP").replace(b"Content-Length: 0",
                                          b"Content-Length: -5"),
                 b"\r\n" * 100000, b"A" * 200000):
        r, w = await asyncio.open_connection(*OURS)
        w.write(data)
        try:
            await asyncio.wait_for(w.drain(), 1)
            await asyncio.sleep(0.1)
        except (ConnectionError, asyncio.TimeoutError):
            pass
        w.transport.abort()
    await still_well(lab)


@case
async def junk_and_stun_to_the_sip_port(t):
    """RFC 7983's other protocols, random bytes, every first byte."""
    import random
    lab = await Lab(t).start()
    ear = await Ear.open(t, "127.0.0.1")
    rnd = random.Random(3)
    for first in range(256):
        for n in (1, 19, 20, 200, 1500):
            ear.send(bytes([first]) + rnd.randbytes(n - 1), OURS)
        await asyncio.sleep(0.001)
    ear.send(b"\0\1\0\0!\x12\xa4B" + b"\0" * 12, OURS)
    await asyncio.sleep(0.3)
    assert not ear.heard, ear.heard[:3]
    await still_well(lab)


# ---- addresses ------------------------------------------------------------
@case
async def cve_2020_26262_where_peers_send_us(t):
    """Contact, Record-Route and 3xx name addresses that are nobody's
    business: nothing of ours goes there."""
    lab = await Lab(t).start()
    traps = [await Ear.open(t, own(ip), 5060) for ip in (
        "10.99.0.1", "169.254.169.254")]
    f = await lab.x2s("invited")
    f.sip.reply(302, headers=[("Contact", "<sip:601@10.99.0.1:5060>")])
    await f.user.get_jmi("reject", sid=f.sid)
    lab.alice = lab.new_user()
    f = await lab.x2s("invited")
    f.sip.reply(200, lab.sdp(), headers=[
        ("Record-Route", "<sip:169.254.169.254:5060;lr>")])
    await asyncio.sleep(1)
    lab.alice = lab.new_user()
    f = await lab.s2x(headers=[("Contact", "<sip:600@10.99.0.1:5060>")])
    f.user.terminate(f.gw, f.sid)   # the BYE would go to Contact
    await asyncio.sleep(1)
    for e in traps:
        assert not e.heard, (e.addr, e.heard[0])
