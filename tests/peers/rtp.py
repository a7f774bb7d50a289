"""rtp.py: one end of a PCMU stream: sends a tone that changes once, records
what it hears, sends and sees RFC 4733 digits."""
import array
import asyncio
import random
import struct
import time
import warnings

from peers import tone

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

DIGITS = "0123456789*#ABCD"


class _Port(asyncio.DatagramProtocol):
    def __init__(self, got):
        self.got = got

    def datagram_received(self, data, addr):
        self.got(data, addr)


class Rtp:
    """Even port of its own on ip; to(addr) begins to send.  codec: PCMU or
    PCMA (or G729, by name alone); srtp: (tx, rx) sessions of pylibsrtp, or
    None."""

    def __init__(self, ip="127.0.0.1", tones=(500, 700), codec="PCMU",
                 dtmf=101, srtp=None):
        self.ip, self.tones, self.dtmf, self.srtp = ip, tones, dtmf, srtp
        self.pt = {"PCMU": 0, "PCMA": 8, "G729": 18}[codec]
        enc = audioop.lin2ulaw if codec == "PCMU" else audioop.lin2alaw
        self._dec = audioop.ulaw2lin if codec == "PCMU" else audioop.alaw2lin
        self.frames = [enc(tone.samples(hz, 8000, 160).tobytes(), 2)
                       for hz in tones]
        self.heard, self.digits, self.sources = bytearray(), "", {}
        self.received = self.sent = self.odd = self.muted = 0
        self.first = self.last = None
        self.dest, self.started, self._pending = None, None, []
        self._event, self._task = None, None
        self.ssrc = random.getrandbits(32)
        self.seq, self.ts = random.getrandbits(15), random.getrandbits(31)

    async def open(self):
        loop = asyncio.get_running_loop()
        for port in range(20000 + 2 * random.randrange(2000), 30000, 2):
            try:
                self._tr, _ = await loop.create_datagram_endpoint(
                    lambda: _Port(self._got), local_addr=(self.ip, port))
                self.port = port
                self._rtcp, _ = await loop.create_datagram_endpoint(
                    lambda: _Port(lambda d, a: None),
                    local_addr=(self.ip, port + 1))
                return self
            except OSError:
                continue
        raise OSError("no RTP port")

    def close(self):
        if self._task:
            self._task.cancel()
        self._tr.close()
        self._rtcp.close()

    def to(self, addr):
        self.dest = addr
        if not self._task:
            self._task = asyncio.ensure_future(self._run())

    def mute(self, on):
        """Sends nothing while on, as a phone on hold."""
        self.muted = on

    async def _run(self):
        self.started = start = time.monotonic()
        n = 0
        while True:
            late = start + n * 0.02 - time.monotonic()
            if late > 0:
                await asyncio.sleep(late)
            if not self.muted:
                self._send(n)
            n += 1
            self.ts = (self.ts + 160) & 0xffffffff

    def _send(self, n):
        if self._pending:
            marker, pt, ts, payload = self._pending.pop(0)(self.ts)
        else:
            i = 0 if n * 0.02 < tone.CHANGE else 1
            marker, pt, ts = self.sent == 0, self.pt, self.ts
            payload = self.frames[i]
        p = struct.pack("!BBHII", 0x80, pt | (0x80 if marker else 0),
                        self.seq, ts, self.ssrc) + payload
        if self.srtp:
            p = self.srtp[0].protect(p)
        self.seq = (self.seq + 1) & 0xffff
        self.sent += 1
        self._tr.sendto(p, self.dest)

    def send_digits(self, digits, ms=100):
        """Queues digits as RFC 4733 events, 60 ms of tone between them."""
        for d in digits:
            at = []

            def packet(ts, d=d, k=0, last=False, at=at):
                if not at:
                    at.append(ts)
                dur = min((k + 1) * 160, ms * 8)
                body = struct.pack("!BBH", DIGITS.index(d),
                                   (0x80 if last else 0) | 10, dur)
                return k == 0, self.dtmf, at[0], body
            n = max(2, ms // 20)
            for k in range(n):
                self._pending.append(
                    lambda ts, k=k, f=packet: f(ts, k=k))
            for k in range(3):      # RFC 4733 2.5.1.4: the end thrice
                self._pending.append(
                    lambda ts, f=packet, n=n: f(ts, k=n, last=True))
            for k in range(3):
                self._pending.append(lambda ts: (
                    False, self.pt, ts, self.frames[1]))

    def _got(self, p, addr):
        if self.srtp:
            try:
                p = self.srtp[1].unprotect(p)
            except Exception:       # pylibsrtp.Error: not for us
                self.odd += 1
                return
        if len(p) < 12 or p[0] >> 6 != 2:
            self.odd += 1
            return
        pt, now = p[1] & 0x7f, time.monotonic()
        at = 12 + 4 * (p[0] & 15)
        if p[0] & 0x10:
            at += 4 + 4 * struct.unpack_from("!H", p, at + 2)[0]
        body = p[at:len(p) - (p[-1] if p[0] & 0x20 else 0)]
        self.sources[addr] = self.sources.get(addr, 0) + 1
        if pt == self.pt:
            self.received += 1
            self.first = self.first or now
            self.last = now
            self.heard += self._dec(body, 2)
        elif pt == self.dtmf and len(body) >= 4:
            ts = struct.unpack_from("!I", p, 4)[0]
            if ts != self._event:
                self._event = ts
                self.digits += DIGITS[body[0]] if body[0] < 16 else "?"
        else:
            self.odd += 1

    def listen(self, want, seconds):
        """What a recording of the call holds: tone.Verdict."""
        return tone.listen(array.array("h", bytes(self.heard)), 8000, want,
                           self.tones, seconds)
