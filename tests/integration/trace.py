"""What happened to a call: the ladder, files for Wireshark (read by tshark),
copies for a collector by HEPv3 (read by sngrep), and what is logged."""
import asyncio
import json
import os
import re
import socket
import struct
import subprocess

from peers import confine, http, tone
from peers.daemon import BUILD, ROOT
from peers.lab import Lab
from peers.proc import until
from peers.rtcuser import RtcUser
from peers.rtp import Rtp
from peers.runner import case


def argv_of(lab, *argv):
    return [os.path.join(BUILD, "stoxctl"), "-s",
            os.path.join(lab.stoxd.dir, "stoxd.sock")] + list(argv)


def run(lab, argv):
    return subprocess.run(argv_of(lab, *argv), capture_output=True,
                          timeout=20)


async def ask(lab, *argv, status=0):
    """stdout (stderr of what fails), bytes."""
    r = await asyncio.to_thread(run, lab, argv)
    assert r.returncode == status, (argv, r.returncode, r.stderr)
    return r.stderr if status else r.stdout


async def ids(lab):
    return {c["from"]: c["id"] for c in
            json.loads(await ask(lab, "--json", "calls"))}


async def lines(lab, *argv):
    out = await ask(lab, "--json", *argv)
    return [json.loads(x) for x in out.decode().splitlines()]


async def site(t, changes=None):
    """A client with real ICE, DTLS and sound, a telephone with sound."""
    w, x, y, z = tone.draw()
    lab = await Lab(t).start(changes)
    phone = await Rtp(tones=(y, z)).open()
    t.later(phone.close)
    return lab, phone, RtcUser(lab, tones=(w, x))


async def talk(lab, phone, user):
    s = await user.call(phone)
    phone.to(user.ports())
    await s.up()
    await until(lambda: phone.received > 25, 20, "sound at the telephone")
    await until(lambda: s.rtp_in > 25, 20, "sound at the client")
    return s


def in_order(text, words):
    at = -1
    for w in words:
        found = text.find(w, at + 1)
        assert found > at, "%r not after the others in\n%s" % (w, text)
        at = found


# ---- the ladder -----------------------------------------------------------
@case
async def ladder(t):
    """Both lanes and the media between, in order; and the end."""
    lab, phone, user = await site(t)
    s = await talk(lab, phone, user)
    name = (await ids(lab))["xmpp"]
    await s.hang_up()
    await asyncio.sleep(0.3)
    text = (await ask(lab, "call", "trace", name)).decode()
    in_order(text, ("calls sip:600@", "INVITE (SDP)", "200 OK (SDP)", "ACK",
                    "session-accept"))
    for want in (r"\* XMPP: pair 127\.0\.1\.1:\d+ host - ",
                 r"\* XMPP: DTLS done as (client|server)",
                 r"\* XMPP: media up", r"\* SIP: RTP to 127",
                 r"\* XMPP: first RTP packet, from 127",
                 r"\* SIP: first RTP packet, from 127",
                 r"\* ended by "):
        assert len(re.findall(want, text)) == 1, (want, text)
    rows = text.splitlines()
    assert "XMPP" in rows[0] and "SIP" in rows[0], rows[0]
    right = [x for x in rows if "INVITE (SDP)" in x]
    assert len(right) == 1 and re.search(
        r"\|\s+\|- INVITE \(SDP\) -+>\|$", right[0]), right
    left = [x for x in rows if "session-accept" in x]
    assert re.search(r"\|<-+ session-accept -\|\s+\|$", left[0]), left
    assert all(re.match(r" +\d+\.\d{3} \|", x) for x in rows[1:]), text
    full = (await ask(lab, "call", "trace", name, "full")).decode()
    assert "INVITE sip:600@127.0.0.1" in full and "<jingle" in full
    v = await lines(lab, "call", "trace", name)
    assert {x["kind"] for x in v} == {"xmpp", "sip", "media"}, v
    sip = [x for x in v if x["kind"] == "sip"]
    assert sip[0]["what"] == "INVITE (SDP)", sip[0]
    assert sip[0]["local"] == "127.0.0.1:5070", sip[0]
    assert sip[0]["remote"] == "127.0.0.1:5060", sip[0]
    assert sip[0]["way"] == "UDP" and sip[0]["sent"] is True, sip[0]
    xmpp = [x for x in v if x["kind"] == "xmpp"]
    assert xmpp[0]["remote"] == "127.0.0.1:5347", xmpp[0]
    assert xmpp[0]["way"] == "TCP", xmpp[0]


@case
async def hold_in_the_ladder(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    name = (await ids(lab))["sip"]
    f.sip.invite(lab.sdp(version=f.sip.cseq + 1, direction="sendonly"))
    await f.sip.wait(200, method="INVITE")
    f.sip.ack()
    await asyncio.sleep(0.2)
    text = (await ask(lab, "call", "trace", name)).decode()
    in_order(text, ("session-initiate", "session-accept", "* SIP holds"))


@case
async def chat_and_presence_are_traced(t):
    lab = await Lab(t).start()
    lab.alice.message("600@sip.xmpp.test", "<body>seen in the trace</body>")
    await asyncio.sleep(0.5)
    v = await lines(lab, "trace", "seen in the trace")
    assert {x["kind"] for x in v} == {"xmpp", "sip"}, v


@case
async def messages_that_are_gone(t):
    """A small ring, much traffic: the call says that its first messages are
    gone, later that all are, and never shows others'."""
    lab = await Lab(t).start({"log": {"trace_memory": "1"}})
    f = await lab.x2s()
    name = (await ids(lab))["xmpp"]
    assert b"gone" not in await ask(lab, "call", "trace", name)

    async def flood():
        for i in range(120):
            lab.new_user().message("600@sip.xmpp.test/x", "<body>%s</body>"
                                   % ("flood " * 2000), type="headline")
            if i % 20 == 0:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
    await flood()
    err = await ask(lab, "call", "trace", name, status=1)
    assert b"gone" in err, err
    f.sip.bye()
    await f.sip.wait(200, method="BYE")
    await asyncio.sleep(0.2)
    text = (await ask(lab, "call", "trace", name)).decode()
    assert text.startswith("the first messages of call %s are gone" % name)
    assert "BYE" in text and "INVITE" not in text, text
    assert "flood" not in text, text
    v = await lines(lab, "call", "trace", name)
    assert v[0]["kind"] == "gone", v[0]


@case
async def without_a_trace(t):
    lab = await Lab(t).start({"log": {"trace_memory": "0"}})
    await lab.x2s()
    name = (await ids(lab))["xmpp"]
    err = await ask(lab, "call", "trace", name, status=1)
    assert b"trace_memory" in err, err
    await ask(lab, "call", "pcap", name, status=1)
    assert await ask(lab, "trace") == b""


# ---- files for Wireshark --------------------------------------------------
def tshark(t, path, *argv):
    env = dict(os.environ, HOME=t.dir, XDG_CONFIG_HOME=t.dir)
    r = subprocess.run(["tshark", "-n", "-r", path] + list(argv), env=env,
                       capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r.stderr
    said = [x for x in r.stderr.splitlines() if "as user" not in x]
    assert not said, said
    return r.stdout


def fields(t, path, where, *names):
    argv = ["-Y", where, "-T", "fields", "-E", "separator=;"]
    for n in names:
        argv += ["-e", n]
    return [x.split(";") for x in tshark(t, path, *argv).splitlines()]


def clean(t, path):
    bad = tshark(t, path, "-o", "ip.check_checksum:TRUE", "-o",
                 "udp.check_checksum:TRUE", "-Y",
                 "_ws.malformed || udp.checksum.status == 0 || "
                 "ip.checksum.status == 0 || _ws.expert.severity >= 8388608")
    assert not bad, bad


@case
async def pcap_of_a_call(t):
    """tshark reads it without a complaint: SIP with true addresses, XMPP as
    XMPP, nothing of another call."""
    t.need("tshark")
    lab = await Lab(t).start()
    f = await lab.x2s()
    other = await lab.s2x(user=lab.new_user())
    name = (await ids(lab))["xmpp"]
    f.sip.bye()
    await f.sip.wait(200, method="BYE")
    path = t.path("call.pcapng")
    with open(path, "wb") as out:
        out.write(await ask(lab, "call", "pcap", name))
    clean(t, path)
    sip = fields(t, path, "sip", "ip.src", "udp.srcport", "ip.dst",
                 "udp.dstport", "sip.Method", "sip.Call-ID")
    assert sip[0][:5] == ["127.0.0.1", "5070", "127.0.0.1", "5060",
                          "INVITE"], sip[0]
    assert "BYE" in [x[4] for x in sip], sip
    assert len({x[5] for x in sip}) == 1, sip
    xmpp = fields(t, path, "xmpp", "exported_pdu.ipv4_dst",
                  "exported_pdu.dst_port", "xmpp.jingle.sid")
    assert len(xmpp) >= 4, xmpp
    assert {x[1] for x in xmpp} >= {"5347"}, xmpp
    sids = {x[2] for x in xmpp} - {""}
    assert sids == {f.sid}, sids
    with open(path, "rb") as stored:
        data = stored.read()
    assert other.sid.encode() not in data
    assert b"trunk pbx" in data     # lines between are comments
    assert b"gwpass" not in data and b"lab-secret" not in data


@case
async def pcap_over_tcp(t):
    t.need("tshark")
    lab = await Lab(t).start({
        "trunk pbx": {"uri": "sip:127.0.0.1:5060;transport=tcp"}},
        proto="tcp")
    await lab.x2s()
    path = t.path("tcp.pcapng")
    with open(path, "wb") as out:
        out.write(await ask(lab, "call", "pcap",
                            (await ids(lab))["xmpp"]))
    clean(t, path)
    sip = fields(t, path, "sip", "exported_pdu.ipv4_dst",
                 "exported_pdu.dst_port", "sip.Method")
    assert sip[0] == ["127.0.0.1", "5060", "INVITE"], sip


@case(timeout=120)
async def pcap_with_sound(t):
    """What the telephone sends and hears, in clear, on its own addresses;
    for the time asked for, and not a packet after its reader has gone."""
    t.need("tshark")
    lab, phone, user = await site(t)
    s = await talk(lab, phone, user)
    name = (await ids(lab))["xmpp"]
    path = t.path("sound.pcapng")
    before = phone.sent, phone.received
    data = await ask(lab, "call", "media", name, "2s")
    after = phone.sent, phone.received
    with open(path, "wb") as out:
        out.write(data)
    # both peers go on meanwhile: who is silent for long loses the call
    await asyncio.to_thread(clean, t, path)
    port = str(phone.port)
    for i, way in enumerate(("src", "dst")):
        rtp = await asyncio.to_thread(
            tshark, t, path, "-d", "udp.port==%s,rtp" % port, "-Y",
            "rtp && udp.%sport == %s" % (way, port))
        n, went = len(rtp.splitlines()), after[i] - before[i]
        # none that did not go by; those of the two seconds of it
        assert 25 < n <= went + 2, (way, n, went)
    sip = await asyncio.to_thread(fields, t, path, "sip", "sip.Method")
    assert sip[0] == ["INVITE"], sip[0]
    assert "records" not in lab.stoxd.text()
    assert "its sound goes to a file of" in lab.stoxd.text()
    # one at a time, and whoever goes away ends it
    p = subprocess.Popen(argv_of(lab, "call", "media", name, "60s"),
                         stdout=subprocess.PIPE)
    head = await asyncio.to_thread(p.stdout.read, 4)
    assert head == b"\n\r\r\n", head
    err = await ask(lab, "call", "media", name, status=1)
    assert b"another" in err, err
    p.kill()
    p.stdout.close()
    await asyncio.to_thread(p.wait)
    await asyncio.sleep(0.5)
    # and the end of the call ends it
    p = subprocess.Popen(argv_of(lab, "call", "media", name, "60s"),
                         stdout=subprocess.PIPE)
    await asyncio.to_thread(p.stdout.read, 4)
    await s.hang_up()
    await asyncio.wait_for(asyncio.to_thread(p.communicate), 8)
    assert p.returncode == 0
    err = await ask(lab, "call", "media", name, status=1)
    assert b"no call" in err, err


@case(timeout=100, waits=65)
async def sound_by_http(t):
    """What takes longer than an answer may take to leave is answered."""
    lab, phone, user = await site(t, {"admin": http.tokens(t, False)})
    await http.up()
    await talk(lab, phone, user)
    head = "POST /api/v1/call/media/%s/62s HTTP/1.1\r\nHost: localhost\r\n" \
        "Content-Length: 0\r\nConnection: close\r\n" \
        "Authorization: Bearer %s\r\n\r\n" % (
            (await ids(lab))["xmpp"], http.WRITE)
    a = http.Answer(await http.raw(head.encode(), timeout=75))
    assert a.code == 200 and a.body[:4] == b"\n\r\r\n", (a.code, a.body[:99])
    assert await ids(lab), "no call for so long"


# ---- HEP ------------------------------------------------------------------
def hep_decode(data):
    """{chunk: bytes} of a datagram of HEPv3; strict."""
    assert data[:4] == b"HEP3", data[:8]
    assert struct.unpack_from("!H", data, 4)[0] == len(data), len(data)
    out, at = {}, 6
    while at < len(data):
        vendor, kind, n = struct.unpack_from("!HHH", data, at)
        assert vendor == 0 and n >= 6 and at + n <= len(data), (kind, n)
        assert kind not in out, kind
        out[kind] = data[at + 6:at + n]
        at += n
    return out


class Collector:
    def __init__(self, t):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind(("127.0.0.1", 0))
        self.s.setblocking(False)
        self.got = []
        t.later(self.s.close)
        self.addr = "udp:127.0.0.1:%d" % self.s.getsockname()[1]

    def read(self):
        while True:
            try:
                self.got.append(hep_decode(self.s.recv(65536)))
            except BlockingIOError:
                return self.got

    def of(self, kind):
        return [c for c in self.read() if c[11] == bytes([kind])]


SIP, XMPP, RTCP = 1, 2, 5


@case
async def hep_of_a_call(t):
    """SIP, XMPP and RTCP of one call carry one correlation id, another call
    another; addresses, times and the agent's number are there."""
    col = Collector(t)
    lab, phone, user = await site(t, {"log": {"hep": col.addr,
                                              "hep_id": "77"}})
    s = await talk(lab, phone, user)
    other = await lab.s2x(user=lab.new_user())
    await until(lambda: col.of(RTCP), 20, "a report")
    await s.hang_up()
    await asyncio.sleep(0.5)
    name = next(x for x in lab.stoxd.text().splitlines()
                if " calls sip:600@" in x).split()[1].rstrip(":")
    mine = {c[17] for c in col.read()
            if c.get(17, b"").endswith(name.encode())}
    assert len(mine) == 1, mine
    ours = [c for c in col.got if c.get(17) in mine]
    assert {c[11][0] for c in ours} == {SIP, XMPP, RTCP}, ours
    text = [c[15].decode() for c in ours if c[11][0] == SIP]
    assert text[0].startswith("INVITE sip:600@"), text[0]
    assert any(x.startswith("BYE") for x in text), text
    xmpp = b"".join(c[15] for c in ours if c[11][0] == XMPP)
    assert b"session-initiate" in xmpp and b"propose" in xmpp
    assert other.sid.encode() not in xmpp
    first = next(c for c in ours if c[11][0] == SIP)
    assert first[1] == b"\x02" and first[2] == b"\x11", first
    assert (first[3], first[4]) == (b"\x7f\0\0\1", b"\x7f\0\0\1"), first
    assert struct.unpack("!HH", first[7] + first[8]) == (5070, 5060), first
    assert struct.unpack("!I", first[12])[0] == 77, first
    report = json.loads([c for c in ours if c[11][0] == RTCP][0][15])
    assert report["type"] in (200, 201) and report["ssrc"], report
    assert any(other.sid.encode() in c[15] for c in col.got)
    assert not any(b"lab-secret" in c[15] for c in col.got)


@case
async def hep_to_sngrep(t):
    """A program of others takes our copies for what they are."""
    t.need("sngrep", "tshark")
    path = t.path("sngrep.pcap")
    p = subprocess.Popen(
        ["sngrep", "-N", "-q", "-L", "udp:127.0.0.1:9061", "-O", path],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ, TERM="xterm", HOME=t.dir))
    t.later(p.kill)
    await asyncio.sleep(1)
    assert p.poll() is None, "sngrep does not stay"
    lab = await Lab(t).start({"log": {"hep": "udp:127.0.0.1:9061"}})
    f = await lab.x2s()
    f.sip.bye()
    await f.sip.wait(200, method="BYE")
    await asyncio.sleep(1)
    p.terminate()
    await asyncio.to_thread(p.wait)
    sip = fields(t, path, "sip", "udp.srcport", "udp.dstport", "sip.Method",
                 "sip.Status-Code")
    assert ["5070", "5060", "INVITE", ""] in sip, sip
    assert ["5060", "5070", "BYE", ""] in sip, sip


@case
async def hep_never_waits(t):
    """A collector that is not there: calls go on."""
    lab = await Lab(t).start({"log": {"hep": "udp:127.0.0.1:9"}})
    for _ in range(3):
        await lab.hang_up(await lab.x2s())
        await asyncio.sleep(0.2)
    n = lab.stoxd.text().count("log: the collector 127.0.0.1:9 did not take")
    assert n == 1, n


# ---- the log --------------------------------------------------------------
def said(lab, since=0):
    return lab.stoxd.text()[since:]


@case
async def log_levels_by_command(t):
    """Of all, of an area, of a call, of a user; with an end, and back."""
    lab = await Lab(t).start({"log": {"level": "warning"}})
    quiet = await lab.x2s()
    await lab.hang_up(quiet)
    assert not re.search(r"^call ", said(lab), re.M), said(lab)
    at = len(said(lab))
    out = await ask(lab, "log", "level", "debug", "area=call", "for=1h")
    assert b"area call: debug for 3600 s" in out, out
    f = await lab.x2s()
    one = (await ids(lab))["xmpp"]
    await lab.hang_up(f)
    assert "call %s: new -> " % one in said(lab, at), said(lab, at)
    assert not re.search(r"^(sip|jingle): ", said(lab, at), re.M)
    v = json.loads(await ask(lab, "--json", "log", "show"))
    assert v[0]["level"] == "warning" and v[0]["for"] == "all", v
    assert v[1]["name"] == "call" and 3500 < v[1]["seconds_left"], v
    assert v[1]["for"] == "area", v
    await ask(lab, "log", "level", "default", "area=call")

    # a user's calls, and no others
    at = len(said(lab))
    u = lab.new_user()
    await ask(lab, "log", "level", "debug", "jid=" + u.bare)
    v = json.loads(await ask(lab, "--json", "log", "show"))
    assert (v[1]["for"], v[1]["name"]) == ("jid", u.bare), v
    f = await lab.x2s(user=u)
    name = (await ids(lab))["xmpp"]
    await lab.hang_up(f)
    await lab.hang_up(await lab.x2s(user=lab.new_user()))
    calls = set(re.findall(r"^call ([0-9a-f]+):", said(lab, at), re.M))
    assert calls == {name}, calls
    assert "call %s: " % name + "new -> " in said(lab, at) or \
        " -> " in said(lab, at), said(lab, at)
    await ask(lab, "log", "level", "default", "jid=" + u.bare)

    # one call
    f = await lab.x2s()
    name = (await ids(lab))["xmpp"]
    at = len(said(lab))
    await ask(lab, "log", "level", "info", "call=" + name)
    v = json.loads(await ask(lab, "--json", "log", "show"))
    assert (v[1]["for"], v[1]["name"]) == ("call", name), v
    await lab.hang_up(f)
    await lab.hang_up(await lab.x2s())
    calls = set(re.findall(r"^call ([0-9a-f]+):", said(lab, at), re.M))
    assert calls == {name}, calls
    err = await ask(lab, "log", "level", "debug", "area=sip", "call=" + name,
                    status=2)
    assert b"an area, a call or a JID" in err, err
    await ask(lab, "log", "level", "default", "area=nothing", status=1)


@case
async def log_level_ends_by_itself(t):
    lab = await Lab(t).start({"log": {"level": "error"}})
    await ask(lab, "log", "level", "debug", "for=2s")
    await lab.hang_up(await lab.x2s())
    assert "active -> ended" in said(lab), said(lab)
    await asyncio.sleep(2.5)
    v = json.loads(await ask(lab, "--json", "log", "show"))
    assert [x["level"] for x in v] == ["error"], v
    at = len(said(lab))
    await lab.hang_up(await lab.x2s())
    assert said(lab, at) == "", said(lab, at)


@case
async def log_areas_of_the_configuration(t):
    lab = await Lab(t).start({"log": {"level": "warning",
                                      "areas": "media:info, xmpp:info"}})
    f = await lab.x2s()
    await lab.hang_up(f)
    text = said(lab)
    assert re.search(r"^call [0-9a-f]+: flow \d+: RTP to ", text, re.M), text
    assert re.search(r"^xmpp: .*connected", text, re.M), text
    assert "through trunk pbx" not in text, text


@case
async def log_as_json(t):
    """An object a line, whatever peers write."""
    lab = await Lab(t).start({"log": {"level": "debug", "format": "json",
                                      "trace": "yes"}})
    bad = "\"\\\x1b[2J\x07 \u2028 \u00e9"
    lab.alice.message("600@sip.xmpp.test", "<body>%s</body>"
                      % "".join(c for c in bad if ord(c) > 31))
    lab.ua._udp.sendto(b"FLY \xff\xfe\" SIP/2.0\r\nX: \x00\x01\"\\\r\n\r\n",
                       lab.ua.peer)
    f = await lab.x2s()
    name = (await ids(lab))["xmpp"]
    await lab.hang_up(f)
    v = [json.loads(x) for x in said(lab).split("\n") if x]
    assert len(v) > 20
    for x in v:
        assert set(x) <= {"time", "level", "area", "call", "text"}, x
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
                        x["time"]), x
    mine = [x for x in v if x.get("call") == name]
    assert mine and all(x["area"] == "call" for x in mine), mine
    with open(lab.stoxd.log, "rb") as stored:
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", stored.read())


@case
async def fail2ban_reads_json(t):
    lab = await Lab(t).start({"log": {"level": "info", "format": "json"}})
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    t.later(s.close)
    s.bind(("127.9.0.9", 0))
    s.sendto(b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66\r\n"
             b"From: <sip:a\",\"text\":\"sip: refused 192.0.2.67 port 1 UDP"
             b" - 0 junk trunk -\"}@b>;tag=1\r\nTo: <sip:x>\r\nCall-ID: 1"
             b"\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
             ("127.0.0.1", 5070))
    await until(lambda: "refused 127.9.0.9" in lab.stoxd.text(), 20, "a line")
    with open(os.path.join(ROOT, "conf/fail2ban/stoxd.conf")) as f:
        rx = re.search(r"^failregex = .*\n +(.*)$", f.read(), re.M).group(1)
    rx = re.compile(rx.replace("<ADDR>", r"(?P<a>[0-9a-fA-F.:]+)"))
    found = [rx.match("gw stoxd[7]: " + x) for x in said(lab).split("\n")]
    assert {m.group("a") for m in found if m} == {"127.9.0.9"}, said(lab)


@case
async def log_for_the_journal(t):
    lab = await Lab(t).start({"log": {"level": "debug",
                                      "format": "journal"}})
    await lab.hang_up(await lab.x2s())
    v = said(lab).splitlines()
    assert v and all(re.match(r"<[3467]>[a-z]+", x) for x in v), v
    assert any(re.match(r"<6>call [0-9a-f]+: active", x) for x in v), v


@case
async def mistakes_for_the_journal(t):
    """A start that fails says why as errors, and ends with the status that
    keeps the unit from starting it again."""
    with open(t.path("wrong.conf"), "w") as f:
        f.write("[xmpp]\nsecret = s\nnonsense = 1\n")
    with open(t.path("said"), "w+") as f:
        st = os.fstat(f.fileno())
        env = dict(os.environ,
                   JOURNAL_STREAM="%d:%d" % (st.st_dev, st.st_ino))
        r = subprocess.run([os.path.join(BUILD, "stoxd"), "-c",
                            t.path("wrong.conf")], stderr=f, env=env,
                           timeout=20)
        f.seek(0)
        v = f.read().splitlines()
    assert len(v) >= 3 and all(x.startswith("<3>main: ") for x in v), v
    assert any("nonsense" in x for x in v), v
    keys = confine.unit(os.path.join(ROOT, "conf", "stoxd.service"))
    assert keys["RestartPreventExitStatus"] == [str(r.returncode)], r
