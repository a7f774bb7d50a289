"""jingleclient.py: a Jingle caller that is not ours: slixmpp for XMPP; aiortc
for ICE, DTLS-SRTP, RTP and codecs.  XEP-0166, 0167, 0176, 0320, 0338, 0353 are
written out here, for slixmpp 1.8 has none of the first five."""
import array
import asyncio
import fractions
import struct
import time
import uuid
import xml.etree.ElementTree as ET

import aioice.ice
import av
import slixmpp
from aiortc import (MediaStreamTrack, RTCConfiguration, RTCIceServer,
                    RTCPeerConnection, RTCSessionDescription)
from aiortc.rtcrtpsender import RTCRtpSender
from aiortc.sdp import candidate_from_sdp
from slixmpp.xmlstream.handler import CoroutineCallback
from slixmpp.xmlstream.matcher import MatchXPath

from peers import plain, tone
from peers.events import Events
from peers.proc import PATIENCE

J = "urn:xmpp:jingle:1"
RTP = "urn:xmpp:jingle:apps:rtp:1"
INFO = "urn:xmpp:jingle:apps:rtp:info:1"
ICE = "urn:xmpp:jingle:transports:ice-udp:1"
DTLS = "urn:xmpp:jingle:apps:dtls:0"
GROUP = "urn:xmpp:jingle:apps:grouping:0"
JMI = "urn:xmpp:jingle-message:0"
DTMF = "urn:xmpp:jingle:dtmf:0"
FEATURES = (J, RTP, "urn:xmpp:jingle:apps:rtp:audio", ICE, DTLS)
DIGITS = "0123456789*#ABCD"
EVENT_PT = 126

# It leaves out loopback addresses, and there are no others here.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.1.1"]


def q(namespace, name):
    return "{%s}%s" % (namespace, name)


class Tone(MediaStreamTrack):
    """tones[0], and from tone.CHANGE seconds on tones[1]."""
    kind = "audio"

    def __init__(self, tones):
        super().__init__()
        self.frames = [tone.samples(hz, 48000, 960).tobytes()
                       for hz in tones]
        self.n, self.start = 0, None

    async def recv(self):
        self.start = self.start or time.monotonic()
        late = self.start + self.n * 0.02 - time.monotonic()
        if late > 0:
            await asyncio.sleep(late)
        f = av.AudioFrame(format="s16", layout="mono", samples=960)
        f.planes[0].update(
            self.frames[0 if self.n * 0.02 < tone.CHANGE else 1])
        f.sample_rate, f.pts = 48000, self.n * 960
        f.time_base = fractions.Fraction(1, 48000)
        self.n += 1
        return f


# ---- one audio m-line of SDP <-> Jingle ----------------------------------
def sdp_to_jingle(sdp, action, sid, name, initiator, candidates=True,
                  event=EVENT_PT, group=True, bend=None):
    """bend: what to do to the fingerprint's text."""
    j = ET.Element(q(J, "jingle"), action=action, sid=sid,
                   initiator=initiator)
    c = ET.SubElement(j, q(J, "content"), creator="initiator", name=name,
                      senders="both")
    d = ET.SubElement(c, q(RTP, "description"), media="audio")
    t = ET.SubElement(c, q(ICE, "transport"))
    fp, setup, pts = None, "actpass", {}
    for line in sdp.splitlines():
        k, _, v = line[2:].partition(":")
        if line.startswith("a=rtpmap"):
            pt, _, enc = v.partition(" ")
            n, r, ch = (enc.split("/") + ["1"])[:3]
            pts[pt] = ET.SubElement(d, q(RTP, "payload-type"), id=pt, name=n,
                                    clockrate=r, channels=ch)
        elif line.startswith("a=fmtp"):
            pt, _, params = v.partition(" ")
            for p in params.split(";"):
                n, _, val = p.strip().partition("=")
                ET.SubElement(pts[pt], q(RTP, "parameter"), name=n,
                              value=val)
        elif k == "ice-ufrag":
            t.set("ufrag", v)
        elif k == "ice-pwd":
            t.set("pwd", v)
        elif k == "setup":
            setup = v
        elif k == "fingerprint" and v.startswith("sha-256"):
            fp = v.split(" ", 1)
        elif k == "candidate" and line.startswith("a=") and candidates:
            w = v.split()
            ET.SubElement(t, q(ICE, "candidate"), foundation=w[0],
                          component=w[1], protocol=w[2].lower(),
                          priority=w[3], ip=w[4], port=w[5], type=w[7],
                          generation="0", network="0",
                          id="c" + uuid.uuid4().hex[:8])
    if event:
        ET.SubElement(d, q(RTP, "payload-type"), id=str(event),
                      name="telephone-event", clockrate="8000")
    ET.SubElement(d, q(RTP, "rtcp-mux"))
    f = ET.SubElement(t, q(DTLS, "fingerprint"), hash=fp[0], setup=setup)
    f.text = bend(fp[1]) if bend else fp[1]
    if group:
        g = ET.SubElement(j, q(GROUP, "group"), semantics="BUNDLE")
        ET.SubElement(g, q(GROUP, "content"), name=name)
    return j


def candidate_line(c):
    s = "candidate:%s %s %s %s %s %s typ %s" % tuple(
        c.get(k) for k in ("foundation", "component", "protocol", "priority",
                           "ip", "port", "type"))
    if c.get("rel-addr"):
        s += " raddr %s rport %s" % (c.get("rel-addr"), c.get("rel-port"))
    return s


def jingle_to_sdp(j, only=None):
    """(SDP, content name, number of telephone-event or None)"""
    c = next(c for c in j.findall(q(J, "content"))
             if c.find(q(RTP, "description")).get("media") == "audio")
    d, t = c.find(q(RTP, "description")), c.find(q(ICE, "transport"))
    fp, event = t.find(q(DTLS, "fingerprint")), None
    pts = d.findall(q(RTP, "payload-type"))
    for p in pts:
        if p.get("name") == "telephone-event" \
                and p.get("clockrate") == "8000":
            event = int(p.get("id"))
    if only:
        pts = [p for p in pts if p.get("name", "").lower() == only.lower()]
    pts = [p for p in pts if p.get("name") != "telephone-event"]
    s = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0",
         "a=group:BUNDLE 0", "m=audio 9 UDP/TLS/RTP/SAVPF "
         + " ".join(p.get("id") for p in pts), "c=IN IP4 0.0.0.0", "a=mid:0",
         "a=sendrecv", "a=rtcp-mux", "a=ice-ufrag:" + t.get("ufrag"),
         "a=ice-pwd:" + t.get("pwd"),
         "a=fingerprint:%s %s" % (fp.get("hash"), fp.text.strip()),
         "a=setup:" + fp.get("setup")]
    for p in pts:
        ch = p.get("channels", "1")
        s.append("a=rtpmap:%s %s/%s%s" % (
            p.get("id"), p.get("name"), p.get("clockrate"),
            "" if ch == "1" else "/" + ch))
    s += ["a=" + candidate_line(x) for x in t.findall(q(ICE, "candidate"))]
    return "\r\n".join(s) + "\r\n", c.get("name"), event


def reason_of(e):
    r = e.find(q(J, "reason"))
    if r is None:
        return None
    return next((x.tag.rpartition("}")[2] for x in r
                 if not x.tag.endswith("}text")), None)


class Session:
    """One Jingle session of a client."""

    def __init__(self, client, sid, peer, name, incoming):
        self.c, self.sid, self.peer, self.name = client, sid, peer, name
        self.incoming, self.heard, self.digits = incoming, bytearray(), ""
        self.ended = self.connected_at = self.event = self.pair = None
        self.initiator = peer if incoming else str(client.boundjid)
        self.pc = RTCPeerConnection(RTCConfiguration(client.ice_servers))
        self.pc.on("connectionstatechange", self._state)
        self.pc.on("track", lambda tr: asyncio.ensure_future(self._hear(tr)))
        self.connected = asyncio.Event()
        self.over = asyncio.Event()
        self._digit, self._last_event = [], None
        self.wire = []      # a few encrypted packets' clear payloads
        self.rtp_out = self.rtp_in = 0

    def _state(self):
        s = self.pc.connectionState
        self.c.say("connection", sid=self.sid, state=s)
        if s == "connected":
            self.connected_at = time.monotonic()
            self.connected.set()
            self._tap()

    def _transport(self):
        return self.pc.getSenders()[0].transport

    def _tap(self):
        """Sees what comes in before the jitter buffer and what goes out: that
        is where RFC 4733, which aiortc lacks, is read and written."""
        tr = self._transport()
        route, send = tr._rtp_router.route_rtp, tr._send_rtp

        def routed(packet):
            self.rtp_in += 1
            if packet.payload_type == self.event and len(packet.payload) > 3:
                if packet.timestamp != self._last_event:
                    self._last_event = packet.timestamp
                    d = packet.payload[0]
                    self.digits += DIGITS[d] if d < 16 else "?"
                    self.c.say("digit", digit=self.digits[-1])
            return route(packet)

        async def sending(data):
            if len(data) > 12 and not 192 <= data[1] <= 223:
                self.rtp_out += 1
                if len(self.wire) < 400:
                    self.wire.append(bytes(data[12:]))
                if self._digit:
                    data = self._digit.pop(0)(data)
            await send(data)
        tr._rtp_router.route_rtp, tr._send_rtp = routed, sending

    def send_digits(self, digits, ms=100):
        """RFC 4733 in place of audio packets."""
        for d in digits:
            at, n = [], max(2, ms // 20)
            for k in range(n + 3):
                def packet(data, d=d, k=k, at=at, n=n):
                    if not at:
                        at.append(data[4:8])
                    return struct.pack(
                        "!BB", 0x80, self.event | (0x80 if k == 0 else 0)
                    ) + data[2:4] + at[0] + data[8:12] + struct.pack(
                        "!BBH", DIGITS.index(d),
                        (0x80 if k >= n else 0) | 10,
                        min(k + 1, n) * 160)
                self._digit.append(packet)
            self._digit += [lambda data: data] * 4

    async def _hear(self, track):
        resample = av.AudioResampler(format="s16", layout="mono", rate=48000)
        try:
            while True:
                frame = await track.recv()
                for f in resample.resample(frame):
                    self.heard += f.to_ndarray().tobytes()
        except Exception as e:      # MediaStreamError at the end
            self.c.say("track-ended", why=type(e).__name__)

    def _prefer(self):
        if self.c.codec:
            caps = [c for c in RTCRtpSender.getCapabilities("audio").codecs
                    if c.mimeType.lower() == "audio/" + self.c.codec.lower()]
            for t in self.pc.getTransceivers():
                t.setCodecPreferences(caps)

    async def _send_candidates(self):
        """Trickle: all of them, one transport-info each."""
        j = self._write("transport-info")
        for t in j.iter(q(ICE, "transport")):
            for cand in t.findall(q(ICE, "candidate")):
                one = ET.Element(q(J, "jingle"), action="transport-info",
                                 sid=self.sid)
                c = ET.SubElement(one, q(J, "content"), creator="initiator",
                                  name=self.name)
                tr = ET.SubElement(c, q(ICE, "transport"),
                                   ufrag=t.get("ufrag"), pwd=t.get("pwd"))
                tr.append(cand)
                await self.c.jingle(self.peer, one)

    def _write(self, action, candidates=True):
        return sdp_to_jingle(
            self.pc.localDescription.sdp, action, self.sid, self.name,
            self.initiator, candidates, self.event or 0,
            group=self.c.group, bend=self.c.bend)

    async def initiate(self):
        self.event = EVENT_PT
        self.pc.addTrack(Tone(self.c.tones))
        self._prefer()
        await self.pc.setLocalDescription(await self.pc.createOffer())
        await self.c.jingle(self.peer, self._write("session-initiate",
                                                   not self.c.trickle))
        if self.c.trickle:
            await self._send_candidates()

    async def offered(self, j):
        sdp, _, self.event = jingle_to_sdp(j, self.c.codec)
        await self.pc.setRemoteDescription(
            RTCSessionDescription(sdp, "offer"))

    async def accept(self):
        self.pc.addTrack(Tone(self.c.tones))
        self._prefer()
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        await self.c.jingle(self.peer, self._write("session-accept"))

    async def info(self, name, namespace=INFO, **attrs):
        j = ET.Element(q(J, "jingle"), action="session-info", sid=self.sid)
        ET.SubElement(j, q(namespace, name), attrs)
        return await self.c.jingle(self.peer, j)

    async def hang_up(self, reason="success"):
        if not self.ended:
            self.ended = "here"
            j = ET.Element(q(J, "jingle"), action="session-terminate",
                           sid=self.sid)
            ET.SubElement(ET.SubElement(j, q(J, "reason")), q(J, reason))
            await self.c.jingle(self.peer, j)
        await self.close()

    async def close(self):
        self.over.set()
        await self.pc.close()

    async def wait(self, event, timeout, what):
        try:
            await asyncio.wait_for(event.wait(), timeout)
        except asyncio.TimeoutError:
            raise TimeoutError("%s: not %s within %g s; %s" % (
                self.c.boundjid, what, timeout, self.c.summary())) from None

    async def up(self, timeout=PATIENCE):
        """ICE and DTLS stand."""
        await self.wait(self.connected, timeout, "connected")
        ice = self._transport().transport
        self.pair = ice._connection._nominated[1]
        return self

    def listen(self, want, seconds):
        x = array.array("h", bytes(self.heard))
        return tone.listen(x, 48000, want, self.c.tones, seconds)


class Client(Events, slixmpp.ClientXMPP):
    """answer: "auto" (JMI ringing, proceed, session-accept), "ring" (never
    goes on), "manual" (a test sends proceed), "busy", "decline".  turn: URL
    of the one way to reach it.  ip: its one address.  bend: what to do to
    its fingerprint."""
    hears_digits = True

    def __init__(self, name, resource="py", tones=(500, 700), codec=None,
                 jmi=True, answer="auto", trickle=False, group=True,
                 bend=None, turn=None, port=5222, ip=None, log=None):
        super().__init__("%s@xmpp.test/%s" % (name, resource), name + "-pw")
        self.tones, self.codec, self.use_jmi = tones, codec, jmi
        self.answer, self.trickle, self.group = answer, trickle, group
        self.bend, self.c2s, self.sessions = bend, port, {}
        self.keep_events(log)
        self.ice_servers = []
        if turn:        # nothing but relayed candidates then
            aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: []
            self.ice_servers = [RTCIceServer(turn, "gw", "turnpass")]
        if ip:
            aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [ip]
        self.incoming = asyncio.Queue()
        for p in ("xep_0030", "xep_0115", "xep_0199"):
            self.register_plugin(p)
        self["feature_mechanisms"].unencrypted_plain = True
        for f in FEATURES + ((JMI,) if jmi else ()):
            self["xep_0030"].add_feature(f)
        self.add_event_handler("session_start", self._started)
        self.add_event_handler("failed_auth",
                               lambda e: self.say("auth-failed"))
        self.add_event_handler("presence_subscribe", lambda p: None)
        self.add_event_handler("presence_available",
                               lambda p: self.say("sees",
                                                  who=str(p["from"])))
        self.register_handler(CoroutineCallback(
            "jingle", MatchXPath("{jabber:client}iq/" + q(J, "jingle")),
            self._on_jingle))
        for k in ("propose", "proceed", "ringing", "retract", "reject",
                  "finish"):
            self.register_handler(CoroutineCallback(
                "jmi-" + k, MatchXPath("{jabber:client}message/" + q(JMI, k)),
                self._on_jmi))

    async def login(self):
        plain.connect(self, self.c2s)
        await self.wait("online", PATIENCE)
        return self

    async def logout(self):
        for s in self.sessions.values():
            if not s.over.is_set():
                await s.close()
        # the server's end of the stream says that it knows
        await asyncio.wait({asyncio.ensure_future(self.disconnect(wait=3))},
                           timeout=5)

    async def _started(self, _):
        self.send_presence()
        try:    # answered after the presence has been seen to
            await self["xep_0199"].send_ping(self.boundjid.domain, timeout=5)
        except slixmpp.exceptions.XMPPError:
            pass
        self.say("online")

    def subscribe(self, to):
        self.send_presence_subscription(pto=to, ptype="subscribe")

    # ---- JMI ------------------------------------------------------------
    def jmi(self, to, kind, id, reason=None):
        m = self.make_message(mto=to, mtype="chat")
        e = ET.SubElement(m.xml, q(JMI, kind), id=id)
        if kind == "propose":
            ET.SubElement(e, q(RTP, "description"), media="audio")
            ET.SubElement(m.xml, "{urn:xmpp:receipts}request")
        if reason:
            ET.SubElement(ET.SubElement(e, q(J, "reason")), q(J, reason))
        ET.SubElement(m.xml, "{urn:xmpp:hints}store")
        m["id"] = "jm-%s-%s" % (kind, id)
        m.send()
        self.say("sent-jmi", kind=kind, id=id)

    async def _on_jmi(self, m):
        e = next(e for e in m.xml if e.tag.startswith(q(JMI, "")))
        kind, id = e.tag.rpartition("}")[2], e.get("id")
        mine = m["from"].bare == self.boundjid.bare
        self.say("jmi", kind=kind, id=id, frm=str(m["from"]),
                 reason=reason_of(e))
        if mine or not self.use_jmi:
            return
        if kind == "propose":
            if self.answer in ("auto", "ring", "manual"):
                self.jmi(m["from"], "ringing", id)
            if self.answer == "auto":
                self.jmi(m["from"], "proceed", id)
            if self.answer in ("busy", "decline"):
                self.jmi(m["from"], "reject", id, self.answer)

    # ---- Jingle ---------------------------------------------------------
    async def jingle(self, peer, j):
        iq = self.make_iq_set(ito=peer)
        iq.xml.append(j)
        self.say("sent", action=j.get("action"), sid=j.get("sid"))
        try:
            await iq.send(timeout=PATIENCE)
            return None
        except slixmpp.exceptions.XMPPError as e:
            cond = getattr(e, "condition", "timeout")
            self.say("error", action=j.get("action"), condition=cond)
            return cond

    async def call(self, to, timeout=20):
        """Calls a bare JID by JMI, or to/sip directly; returns once the
        session-accept is there."""
        sid = str(uuid.uuid4())
        peer = to + "/sip"
        if self.use_jmi:
            self.jmi(to, "propose", sid)
            e = await self.wait("jmi", timeout, kind="proceed", id=sid)
            peer = e["frm"]
        s = self.sessions[sid] = Session(self, sid, peer, "audio", False)
        await s.initiate()
        await self.wait("accepted", timeout, sid=sid)
        return s

    async def get_session(self, timeout=20):
        """The next session that is being, or was, accepted by us."""
        try:
            return await asyncio.wait_for(self.incoming.get(), timeout)
        except asyncio.TimeoutError:
            raise TimeoutError("%s: no session-initiate; %s" % (
                self.boundjid, self.summary())) from None

    async def _on_jingle(self, iq):
        if iq["type"] != "set":
            return
        iq.reply().send()
        j = iq.xml.find(q(J, "jingle"))
        action, sid = j.get("action"), j.get("sid")
        s = self.sessions.get(sid)
        self.say("got", action=action, sid=sid, reason=reason_of(j),
                 info=[x.tag.rpartition("}")[2] for x in j])
        if action == "session-initiate":
            await self._offered(iq, j, sid)
        elif s is None:
            return
        elif action == "session-accept":
            sdp, _, s.event = jingle_to_sdp(j)
            await s.pc.setRemoteDescription(
                RTCSessionDescription(sdp, "answer"))
            self.say("accepted", sid=sid)
        elif action == "transport-info":
            for c in j.iter(q(ICE, "candidate")):
                x = candidate_from_sdp(candidate_line(c)[10:])
                x.sdpMid = "0"
                await s.pc.addIceCandidate(x)
        elif action == "session-terminate":
            s.ended = reason_of(j) or "none"
            self.say("terminated", sid=sid, reason=s.ended)
            await s.close()

    async def _offered(self, iq, j, sid):
        name = jingle_to_sdp(j)[1]
        s = self.sessions[sid] = Session(self, sid, str(iq["from"]), name,
                                         True)
        if not self.use_jmi:
            await s.info("ringing")
        if self.answer in ("busy", "decline") and not self.use_jmi:
            await s.hang_up(self.answer)
            return
        await s.offered(j)
        if self.answer == "auto" or self.use_jmi:
            await s.accept()
        self.incoming.put_nowait(s)
