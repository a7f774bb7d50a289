"""What strangers may send to media ports (docs/hardening.md): the client's
side is a real ICE and DTLS agent, the telephone is scripted."""
import asyncio
import json
import os
import random
import struct

from peers import tone
from peers.attack import Ear, own
from peers.jingleuser import ICE
from peers.lab import Lab
from peers.proc import until
from peers.runner import case
from peers.rtp import Rtp
from peers.rtcuser import RtcUser, candidates
from peers.sipmsg import Sdp


async def site(t, changes=None):
    w, x, y, z = tone.draw()
    lab = await Lab(t).start(changes)
    rtp = await Rtp(tones=(y, z)).open()
    t.later(rtp.close)
    user = RtcUser(lab, tones=(w, x))
    return lab, rtp, user


async def sound(user, rtp):
    """Both go on hearing the other."""
    s, a, b = user.session, rtp.received, user.session.rtp_in
    await until(lambda: rtp.received - a > 25, 20, "sound at the telephone")
    await until(lambda: s.rtp_in - b > 25, 20, "sound at the client")


async def end(lab, user):
    await user.session.hang_up()
    await user.phone.wait("BYE")
    assert lab.stoxd.alive()


def flows(lab):
    """{"xmpp": counters, "sip": counters} of the one call."""
    call = json.loads(lab.stoxd.ctl("--json", "calls"))[0]["id"]
    c = json.loads(lab.stoxd.ctl("--json", "call", "show", call))
    return {f["side"]: f for f in c["flows"]}


def packet(pt=0, seq=1, ssrc=0xdeadbeef, body=b"\x55" * 160):
    return struct.pack("!BBHII", 0x80, pt, seq & 0xffff, seq * 160 & (
        2 ** 32 - 1), ssrc) + body


def hello():
    """DTLS 1.2 ClientHello, as far as a parser looks before its cookie."""
    body = b"\xfe\xfd" + os.urandom(32) + b"\0\0\0\2\xc0\x2b\1\0"
    size = struct.pack("!I", len(body))[1:]
    hs = b"\1" + size + b"\0\0\0\0\0" + size + body
    return b"\x16\xfe\xff\0\0\0\0\0\0\0\0" + struct.pack("!H", len(hs)) + hs


JUNK = [hello, lambda: b"\x15\xfe\xfd" + b"\0" * 8 + b"\0\2\2\x28",
        lambda: b"\x14\xfe\xfd" + b"\0" * 8 + b"\0\1\1",
        lambda: bytes([random.randrange(20, 64)]) + os.urandom(100),
        lambda: packet(), lambda: b"\x80\xc8" + os.urandom(60),
        lambda: bytes([random.randrange(256)]) + os.urandom(1700),
        lambda: b"\x80", lambda: b"\0\1\0\0!\x12\xa4B" + os.urandom(12),
        lambda: b"\x40\0" + os.urandom(30)]


@case
async def cve_2023_49786_dtls_race(t):
    """ClientHellos and alerts of strangers, before ICE stands, while DTLS
    shakes hands and afterwards: the call comes up and stays."""
    lab, rtp, user = await site(t)
    ears = [await Ear.open(t, "127.0.1.1"), await Ear.open(t, "127.0.0.1")]
    stop = asyncio.Event()

    async def flood(to):
        while not stop.is_set():
            for e in ears:
                for one in JUNK[:4]:
                    e.send(one(), to)
            await asyncio.sleep(0.002)

    async def before(accept):
        for to in candidates(accept):
            tasks.append(asyncio.ensure_future(flood(to)))
        await asyncio.sleep(0.3)
    tasks = []
    s = await user.call(rtp, before=before)
    assert tasks, "no candidates"
    rtp.to(user.ports())
    await s.up()
    await sound(user, rtp)
    stop.set()
    await asyncio.gather(*tasks)
    for e in ears:
        assert not [d for d, _ in e.heard if d[:1] and 20 <= d[0] <= 63], \
            "DTLS was spoken with a stranger"
    print(flows(lab)["xmpp"])
    assert flows(lab)["xmpp"]["rx_unknown_source"] > 10
    await end(lab, user)


@case
async def cve_2021_41105_srtp_errors(t):
    """SRTP and SRTCP that do not authenticate, of strangers and of the
    client's own address, by the hundred: counted, no hang-up, not heard."""
    lab, rtp, user = await site(t)
    got = []

    async def before(accept):
        got.extend(candidates(accept))
    s = await user.call(rtp, before=before)
    rtp.to(user.ports())
    await s.up()
    await sound(user, rtp)
    ear = await Ear.open(t, "127.0.1.1")
    ice = s._transport().transport
    heard = rtp.odd
    for i in range(400):
        for one in JUNK:
            ear.send(one(), got[0])
        await ice._send(packet(seq=i))
        await ice._send(b"\x80\xc8\0\6" + os.urandom(40))
        await ice._send(b"\x17\xfe\xfd" + os.urandom(60))
        if i % 10 == 0:
            await asyncio.sleep(0.005)
    await sound(user, rtp)
    f = flows(lab)["xmpp"]
    print(f)
    assert f["rx_auth_fail"] >= 300, f
    assert rtp.odd == heard, "forged packets were passed on"
    await end(lab, user)


@case
async def cve_2017_14099_cve_2025_53399_rtp(t):
    """RTP of strangers to the telephone's port, before and after it is
    known: neither heard nor answered, and the telephone keeps its stream."""
    lab, rtp, user = await site(t)
    s = await user.call(rtp)
    to = user.ports()
    ears = [await Ear.open(t, ip) for ip in ("127.9.0.1", "127.0.0.77",
                                             "127.0.0.1", "127.0.1.1")]
    foreign = ears[0]       # in no network of the trunk's

    async def inject(who, n=100):
        for i in range(n):
            for e in who:
                e.send(packet(seq=i), to)
                e.send(packet(seq=i, body=b"\x2a" * 160, ssrc=rtp.ssrc), to)
                if e.addr[0] != "127.0.0.1":    # the telephone's host may
                    e.send(b"\x81\xc9\0\7" + os.urandom(28),
                           (to[0], to[1] + 1))
            await asyncio.sleep(0.002)
    before = s.rtp_in
    await inject([foreign])
    await s.up()
    await asyncio.sleep(0.3)
    assert s.rtp_in == before, "a foreign network was let in"
    rtp.to(to)
    await asyncio.sleep(0.5)
    await sound(user, rtp)
    a = s.rtp_in
    await inject(ears, 150)
    await sound(user, rtp)
    f = flows(lab)["sip"]
    print(f, s.rtp_in - a)
    assert f["rx_unknown_source"] > 100, f
    # nobody took the telephone's place
    for e in ears:
        assert len(e.heard) == 0, (e.addr, len(e.heard))
    # it sends 50 a second; 1 200 were injected
    assert s.rtp_in - a < 600, s.rtp_in - a
    await end(lab, user)


@case
async def janus_b45efcbf_rtp_parser(t):
    """RTP and RTCP whose lengths lie, from the telephone's own address."""
    lab, rtp, user = await site(t)
    s = await user.call(rtp)
    rtp.to(user.ports())
    await s.up()
    await sound(user, rtp)
    ip, port = user.ports()
    rnd = random.Random(9)
    shapes = [b"\x90\0", b"\x9f\x80" + b"\xff" * 10, b"\xa0\0" + b"\xff" * 11,
              b"\xb0\0" + b"\0" * 10 + b"\xbe\xde\xff\xff", b"\x8f" * 12,
              b"\x90\0" + b"\0" * 10 + b"\xbe\xde\0\1\x1f\0\0\0"]
    rtcp = [b"\x80\xc8", b"\x9f\xc8\xff\xff" + b"\0" * 24,
            b"\x81\xc8\0\0", b"\x81\xcb\0\1\0\0\0\1", b"\xa0\xca\0\0",
            b"\x8f\xcd\0\3" + b"\xff" * 12, b"\x8f\xce\0\5REMB" + b"\xff" * 9,
            b"\x81\xca\0\1\0\0\0\1\1\xff"]
    for i in range(300):
        base = rnd.choice(shapes)
        rtp._tr.sendto(base + rnd.randbytes(rnd.randrange(1500)), (ip, port))
        rtp._rtcp.sendto(rnd.choice(rtcp) + rnd.randbytes(
            rnd.randrange(200)), (ip, port + 1))
        if i % 20 == 0:
            await asyncio.sleep(0.005)
    rtp._tr.sendto(b"\x80\0" + b"x" * 9000, (ip, port))
    await asyncio.sleep(0.3)
    await sound(user, rtp)
    await end(lab, user)


async def wrong_print(t, bend):
    """A certificate that is not the announced one: the call is refused with
    security-error and no sound passes."""
    lab, rtp, user = await site(t)
    user.bend = bend
    await user.call(rtp)
    rtp.to(user.ports())
    a = await user.get_jingle("session-terminate", 15, user.sid)
    assert a.reason == "security-error", a.reason
    await user.phone.wait("BYE")
    assert rtp.received == 0, "sound in spite of the wrong certificate"


@case
async def rfc8827_6_5_certificate_of_another(t):
    await wrong_print(t, lambda s: s[:-2] + ("00" if s[-2:] != "00"
                                             else "01"))


@case
async def rtp_ports_even_and_unpredictable(t):
    """CVE-2025-53399's guess: ports of calls one after the other."""
    lab = await Lab(t).start()
    ports = []
    for _ in range(24):
        lab.alice = lab.new_user()
        f = await lab.x2s("invited")
        ports.append(Sdp(f.sip.req.body).audio.port)
        f.sip.reply(486)
    assert all(p % 2 == 0 for p in ports), ports
    steps = [b - a for a, b in zip(ports, ports[1:])]
    assert len(set(steps)) > len(steps) // 2, steps
    assert len(set(ports)) > 20, ports


@case
async def ice_candidates_to_foreign_addresses(t):
    """CVE-2020-26262: candidates in networks that are nobody's business get
    no check of ours; .local names are not looked up."""
    lab = await Lab(t).start()
    traps = [await Ear.open(t, own(ip), 4444) for ip in (
        "10.99.0.1", "169.254.169.254", "192.168.7.7")]
    cand = "".join(
        "<candidate xmlns='%s' component='1' foundation='%d' generation='0' "
        "id='x%d' ip='%s' port='4444' priority='%d' protocol='udp' "
        "type='%s' network='0'/>" % (ICE, i, i, ip, 2130706431 - i, kind)
        for i, (ip, kind) in enumerate((
            ("10.99.0.1", "host"), ("10.99.0.1", "srflx"),
            ("192.168.7.7", "relay"), ("0.0.0.0", "host"),
            ("::ffff:10.99.0.1", "host"), ("169.254.169.254", "host"),
            ("abc.local", "host"))))
    u = lab.alice
    sid = u.propose("600@sip.xmpp.test")
    c = await lab.ua.get_call()
    c.reply(200, lab.sdp())
    p = await u.get_jmi("proceed", sid=sid)
    u.jingle("session-initiate", p.sender, sid, u.content().replace(
        "</transport>", cand + "</transport>"))
    await u.get_jingle("session-accept", sid=sid)
    await asyncio.sleep(2)
    for e in traps:
        stun = [d for d, _ in e.heard]
        assert not stun, (e.addr, len(stun))
    await c.hang_up()


@case
async def cve_2020_26262_sdp_to_foreign_networks(t):
    """c= of a network that is not the trunk's: the call is refused, or not
    a packet goes there."""
    lab, rtp, user = await site(t)
    traps = [await Ear.open(t, own(ip), 30000) for ip in (
        "10.99.0.1", "169.254.169.254")]
    for e in traps:
        user = RtcUser(lab, "r%d@xmpp.test/py" % e.addr[1])
        try:
            s = await asyncio.wait_for(user.call(rtp, answer=lab.sdp(codecs=(
                (0, "PCMU/8000"),)).replace("127.0.0.1", e.addr[0])), 3)
            await s.up(3)
            await asyncio.sleep(1)
            await s.hang_up()
        except (TimeoutError, asyncio.TimeoutError) as x:
            print("refused:", x)
        assert not e.heard, (e.addr, len(e.heard))
