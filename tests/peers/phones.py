"""phones.py: telephones of three makes with one set of verbs, for scenarios.

run, stop; ring (wait until it rings), answer, refuse, dial, established,
hang_up, closed, hold, resume, send_digits, digits, listen."""
import array
import asyncio
import os
import re

from peers import tone
from peers.baresip import Baresip
from peers.kamailio import Kamailio
from peers.proc import PATIENCE, Proc, bound
from peers.rtp import Rtp
from peers.sipmsg import Sdp, make_sdp
from peers.sipua import Ua

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Scripted:
    """sipua and rtp; opt: codec, proto ("udp", "tcp", "tls" with a Trunk of
    certs.py as tls), sdes (True, or "osrtp"), v6."""
    digits_out = True
    auth = None

    def __init__(self, t, tones, codec="PCMU", proto="udp", sdes=False,
                 tls=None, v6=False):
        self.t, self.tones, self.codec, self.sdes = t, tones, codec, sdes
        ip, port = "::1" if v6 else "127.0.0.1", 5071 if tls else 5070
        self.media_ip = "fd00:1ab::1" if v6 else ip
        self.ua = Ua(ip=ip, proto=proto, log=t.path("phone.log"),
                     peer=(ip, port),
                     tls=tls.contexts() if tls else (None, None))
        self.to = "sip:%%s@%s:%d" % (self.ua.host, port) + (
            ";transport=tls" if tls else "")
        self.call, self.tag = None, "1"

    async def run(self):
        await self.ua.start()
        self.rtp = await Rtp(self.media_ip, self.tones, self.codec).open()
        self.version = 0
        return self

    async def stop(self):
        self.rtp.close()
        await self.ua.close()

    def _sdp(self, direction="sendrecv"):
        self.version += 1
        extra, proto = [], "RTP/AVP"
        if self.sdes:
            from peers.sdes import SUITE, inline
            proto = "RTP/AVP" if self.sdes == "osrtp" else "RTP/SAVP"
            self.key = getattr(self, "key", None) or os.urandom(30)
            extra = ["crypto:%s %s inline:%s" % (self.tag, SUITE,
                                                 inline(self.key))]
        return make_sdp(self.media_ip, self.rtp.port, codecs=(
            (self.rtp.pt, self.codec + "/8000"),), version=self.version,
            direction=direction, proto=proto, extra=extra)

    def _media(self, body):
        a = Sdp(body).audio
        for pt, name in a.codecs().items():
            if name == "telephone-event/8000":
                self.rtp.dtmf = pt
        if self.sdes:
            from peers.sdes import choose, sessions
            want = "RTP/AVP" if self.sdes == "osrtp" else "RTP/SAVP"
            assert a.proto in (want, want + "F"), a.proto
            self.rtp.srtp = sessions(self.key,
                                     choose(a.attr_all("crypto")))
        self.rtp.to((a.addr, a.port))

    async def ring(self, timeout=PATIENCE):
        self.call = await self.ua.get_call(timeout)
        self.call.reply(180)

    async def answer(self):
        if self.sdes:       # RFC 4568 5.1.2: the answer has the tag chosen
            from peers.sdes import choose
            self.tag = choose(Sdp(self.call.req.body).audio.attr_all(
                "crypto")).split()[0]
        self.call.reply(200, self._sdp())
        await self.call.wait("ACK")
        self._media(self.call.req.body)

    async def refuse(self, code=486):
        self.call.reply(code)

    async def dial(self, user="alice"):
        self.call = await self.ua.call(self.to % user, self._sdp())

    async def ringing(self, timeout=PATIENCE):
        await self.call.wait(180, timeout)

    async def established(self, timeout=PATIENCE):
        if self.call.req is None:
            ok = await self.call.wait("2xx", timeout, "INVITE")
            self.call.ack()
            self._media(ok.body)

    async def failed(self, timeout=PATIENCE):
        """Code of the failure that the INVITE met."""
        m = await self.call.wait(lambda m: m.code and m.code >= 300,
                                 timeout)
        return m.code

    async def cancelled(self, timeout=PATIENCE):
        await self.call.wait("CANCEL", timeout)
        self.call.reply(487)

    async def cancel(self):
        self.call.cancel()

    async def hang_up(self):
        await self.call.hang_up()

    async def closed(self, timeout=PATIENCE):
        await self.call.wait("BYE", timeout)

    async def _change(self, direction):
        self.call.invite(self._sdp(direction))
        await self.call.wait(200, method="INVITE")
        self.call.ack()

    async def hold(self):
        await self._change("sendonly")
        self.rtp.mute(True)

    async def resume(self):
        await self._change("sendrecv")
        self.rtp.mute(False)

    async def send_digits(self, digits):
        self.rtp.send_digits(digits)

    def digits(self):
        return self.rtp.digits

    def listen(self, want, seconds):
        return self.rtp.listen(want, seconds)

    @property
    def payloads(self):
        return self.rtp.frames

    def ports(self):
        return {self.rtp.port}


class Softphone:
    """baresip as the trunk itself."""
    digits_out = True
    payloads = ()

    def __init__(self, t, tones, codec=None, proto="udp", sdes=False,
                 registrar=None, dial="sip:%s@127.0.0.1:5070", tls=None,
                 v6=False, contact=None):
        self.t, self.to, self.proto = t, dial, proto
        kw = {"contact": contact}
        if tls:
            self.to = "sip:%s@127.0.0.1:5071"
            kw["certificate"] = tls.chain()
        if v6:
            self.to = "sip:%s@[::1]:5070"
            kw["ip"], kw["media_ip"] = "[::1]", "fd00:1ab::1"
        if codec:
            kw["codecs"] = {"opus": "opus/48000/2",
                            "G722": "G722/16000"}.get(codec, codec)
        self.p = Baresip(t.dir, tones=tones, answer="manual",
                         port=0 if registrar else 5060, transport=proto,
                         enc={False: "", "osrtp": "srtp"}.get(
                             sdes, "srtp-mand"),
                         registrar=registrar, **kw)

    async def run(self):
        await self.p.run()
        return self

    async def stop(self):
        await self.p.stop()

    async def ring(self, timeout=PATIENCE):
        await self.p.wait("CALL_INCOMING", timeout)

    async def answer(self):
        await self.p.cmd("accept")
        await self.p.wait("CALL_ESTABLISHED")

    async def refuse(self, code=486):
        await self.p.cmd("hangup")

    async def dial(self, user="alice"):
        self.p.calling = True
        more = ";transport=" + self.proto if self.proto != "udp" else ""
        await self.p.cmd("dial", self.to % user + more)

    async def ringing(self, timeout=PATIENCE):
        await self.p.wait("CALL_RINGING", timeout)

    async def established(self, timeout=PATIENCE):
        if getattr(self.p, "calling", False):
            await self.p.wait("CALL_ESTABLISHED", timeout)

    async def failed(self, timeout=PATIENCE):
        e = await self.p.wait("CALL_CLOSED", timeout)
        word = (e.get("param") or "").split()
        return int(word[0]) if word and word[0].isdigit() else 0

    async def cancelled(self, timeout=PATIENCE):
        await self.p.wait("CALL_CLOSED", timeout)

    async def cancel(self):
        await self.p.cmd("hangup")

    async def hang_up(self):
        await self.p.cmd("hangup")
        await asyncio.sleep(0.3)

    async def closed(self, timeout=PATIENCE):
        await self.p.wait("CALL_CLOSED", timeout)
        await asyncio.sleep(0.3)    # its recording is written

    async def hold(self):
        await self.p.cmd("hold")

    async def resume(self):
        await self.p.cmd("resume")

    async def send_digits(self, digits):
        for d in digits:
            await self.p.cmd("sndcode", d)
            await asyncio.sleep(0.25)

    def digits(self):
        return self.p.digits()

    def listen(self, want, seconds):
        return self.p.listen(want, seconds)


class Registered(Softphone):
    """baresip registered with digest at a Kamailio, which is the trunk."""

    def __init__(self, t, tones, codec=None, proto="udp", sdes=False,
                 contact=None):
        super().__init__(t, tones, codec, proto, sdes, "127.0.0.1:5060",
                         "sip:%s@xmpp.test", contact=contact)
        self.k = Kamailio(t.dir)

    async def run(self):
        await self.k.run()
        return await super().run()

    async def stop(self):
        await super().stop()
        await self.k.stop()


class Sipp:
    """sipp: plays a file after ACK; what it gets is read off the wire."""
    digits_out = False

    def __init__(self, t, tones, codec="PCMU", proto="udp", sdes=False):
        self.t, self.tones, self.port = t, tones, 30000
        with open(t.path("tone.ul"), "wb") as f:
            frames = Rtp(tones=tones).frames
            f.write(frames[0] * int(tone.CHANGE * 50) + frames[1] * 3000)
        self.payloads = Rtp(tones=tones).frames
        self.p = None
        self.proto = proto

    def _start(self, scenario, *argv):
        self.p = Proc(self.t.dir, "sipp", [
            "sipp", "-nostdin", "-sf",
            os.path.join(HERE, "e2e", "sipp", scenario), "-aa",
            "-t", "t1" if self.proto == "tcp" else "u1",
            "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", "5060",
            "-mp", str(self.port), "-trace_msg", "-message_file",
            self.t.path("sipp-messages.log"), "-trace_err", "-error_file",
            self.t.path("sipp-errors.log")] + list(argv), cwd=self.t.dir)
        self.p.start()

    async def run(self):
        from peers.capture import Capture
        self.capture = Capture()
        self._start("uas.xml")
        await self.p.up(lambda: self.proto == "tcp" or bound(5060))
        return self

    async def stop(self):
        self.capture.stop()
        await self.p.stop()

    async def ring(self, timeout=PATIENCE):
        await self._said("180 Ringing", timeout)

    async def answer(self):
        pass        # the scenario does, after a second

    async def _said(self, words, timeout):
        def there():
            try:
                with open(self.t.path("sipp-messages.log")) as f:
                    return words in f.read()
            except OSError:
                return False
        if not there():     # it ends by itself after the last
            await self.p.up(there, timeout, words)

    async def dial(self, user="alice"):
        await self.p.stop()
        self._start("uac.xml", "-m", "1", "-s", user, "127.0.0.1:5070")

    async def ringing(self, timeout=PATIENCE):
        await self._said("180 Ringing", timeout)

    async def established(self, timeout=PATIENCE):
        await self._said("ACK sip:", timeout)

    async def closed(self, timeout=PATIENCE):
        await self._said("BYE sip:", timeout)

    async def hang_up(self):
        raise NotImplementedError("sipp only waits for BYE")

    def digits(self):
        return ""

    def listen(self, want, seconds):
        dec, heard = Rtp()._dec, bytearray()
        with open(self.t.path("sipp-messages.log")) as f:
            port = int(re.search(r"m=audio (\d+) RTP/AVP 0\r?\n",
                                 f.read()).group(1))
        for p, body in self.capture.rtp(
                lambda s, d: d == ("127.0.0.1", port)):
            if p[1] & 0x7f == 0:
                heard += dec(body, 2)
        return tone.listen(array.array("h", bytes(heard)), 8000, want,
                           self.tones, seconds)


MAKES = {"scripted": Scripted, "baresip": Softphone,
         "kamailio": Registered, "sipp": Sipp}
