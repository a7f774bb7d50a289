"""baresip.py: a baresip telephone as trunk or registered phone, driven by its
control port (netstrings of JSON)."""
import array
import asyncio
import glob
import json
import os
import subprocess
import time

from peers import tone
from peers.proc import PATIENCE, Proc, listening, taken, woken

CONFIG = """
poll_method         epoll
sip_listen          %(ip)s:%(port)d
%(tls)s
call_local_timeout  120
call_max_calls      8
audio_player        aubridge,null
audio_source        aufile,%(wav)s
audio_alert         aubridge,alert
ausrc_srate         48000
ausrc_channels      2
auplay_srate        48000
rtp_ports           20000-29998
rtcp_mux            no
rtp_stats           yes
jitter_buffer_delay 1-4
net_interface       %(media)s
module_path         %(modules)s
%(list)s
ctrl_tcp_listen     127.0.0.1:%(control)d
snd_path            heard
audio_path          /nonexistent
ringback_disabled   yes
opus_bitrate        64000
"""
MODULES = "opus g722 g711 sndfile ausine aufile aubridge stun srtp"
APPS = "contact debug_cmd menu ctrl_tcp"


def module_path():
    out = subprocess.run(["dpkg", "-L", "baresip-core"], capture_output=True,
                         text=True).stdout
    return next((os.path.dirname(x) for x in out.split()
                 if x.endswith("/aufile.so")), "/usr/lib/baresip/modules")


class Baresip(Proc):
    """registrar: "127.0.0.1:5060" to register NAME there as in sip.test with
    password NAME-pw; None: listens on port, as a trunk that knows nobody, and
    with a certificate (PEM, its key in the same file) by TLS on the next.
    trace: its output has what it sends and gets."""

    def __init__(self, dir, name="600", port=5060, tones=(500, 700),
                 answer="auto", codecs="PCMU,PCMA,G722/16000,opus/48000/2",
                 enc="", registrar=None, transport="udp", control=14400,
                 ip="127.0.0.1", media_ip="127.0.0.1", certificate=None,
                 contact=None, apps="", trace=False):
        self.dir = os.path.join(dir, "phone-" + name)
        self.tones, self.control, self.events = tones, control, []
        self.registrar = registrar
        os.makedirs(os.path.join(self.dir, "heard"))
        wav = os.path.join(self.dir, "says.wav")
        tone.write_wav(wav, tones)
        mods = ["module %s.so" % m for m in MODULES.split()]
        mods += ["module_tmp account.so"]
        mods += ["module_app %s.so" % m for m in (APPS + " " + apps).split()]
        with open(os.path.join(self.dir, "config"), "w") as f:
            f.write(CONFIG % {"port": port, "wav": wav, "dir": self.dir,
                              "modules": module_path(), "control": control,
                              "ip": ip, "media": media_ip,
                              "tls": "sip_certificate " + certificate
                              if certificate else "",
                              "list": "\n".join(mods)})
        domain, out = ip, ";regint=0"
        if registrar:
            domain = "sip.test"
            out = ';outbound="sip:%s;transport=%s";regint=60' % (registrar,
                                                                 transport)
        with open(os.path.join(self.dir, "accounts"), "w") as f:
            f.write("<sip:%s@%s;transport=%s>;auth_user=%s;auth_pass=%s-pw%s"
                    ";answermode=%s;audio_codecs=%s%s\n" % (
                        name, domain, transport, name, name, out, answer,
                        codecs, ";mediaenc=" + enc if enc else ""))
        with open(os.path.join(self.dir, "contacts"), "w") as f:
            if contact:     # whom the command "message TEXT" writes to
                uri, semi, params = contact.partition(";")
                f.write('"x" <%s>%s\n' % (uri, semi + params))
        # where it records is relative: it cuts names of over 128 bytes
        super().__init__(dir, "phone-" + name,
                         ["baresip", "-f", self.dir, "-v"] + ["-s"] * trace,
                         cwd=self.dir)

    async def run(self):
        self.start()
        await self.up(lambda: listening(self.control))
        self._r, self._w = await asyncio.open_connection("127.0.0.1",
                                                         self.control)
        self._wake, self._answers, self._n = asyncio.Event(), {}, 0
        self._task = asyncio.ensure_future(self._read())
        if self.registrar:
            await self.up(lambda: "200 OK" in self.text(), what="registration")
        return self

    async def stop(self, seconds=5):
        if hasattr(self, "_task"):
            self._task.cancel()
            self._w.close()
        return await super().stop(seconds)

    async def _read(self):
        buf = b""
        while True:
            more = await self._r.read(65536)
            if not more:
                return
            buf += more
            while b":" in buf:
                size, _, rest = buf.partition(b":")
                if len(rest) <= int(size):
                    break
                m = json.loads(rest[:int(size)].decode("utf-8", "replace"),
                               strict=False)
                buf = rest[int(size) + 1:]
                if m.get("response"):
                    self._answers[m.get("token")] = m
                else:
                    self.events.append(dict(m, t=time.monotonic()))
                self._wake.set()

    async def _until(self, test, timeout, what):
        return await woken(self._wake, test, timeout, lambda: (
            "%s at the phone; events: %s" % (what, " ".join(
                str(e.get("type")) for e in self.events))))

    async def cmd(self, command, params=""):
        self._n += 1
        token = str(self._n)
        b = json.dumps({"command": command, "params": params,
                        "token": token}).encode()
        self._w.write(b"%d:%s," % (len(b), b))
        m = await self._until(lambda: self._answers.pop(token, None), PATIENCE,
                              "answer to " + command)
        if not m.get("ok"):
            raise RuntimeError("%s: %s" % (command, m.get("data")))
        return m.get("data", "")

    async def wait(self, type, timeout=PATIENCE):
        """Takes the first event of this type: CALL_INCOMING, CALL_RINGING,
        CALL_ESTABLISHED, CALL_CLOSED, CALL_DTMF_START ..."""
        return await self._until(
            lambda: taken(self.events, lambda e: e.get("type") == type),
            timeout, type)

    async def shows(self, word, seconds=20):
        """Until its list of contacts has that word."""
        for _ in range(int(seconds * 5)):
            out = await self.cmd("contacts")
            if word in out:
                return
            await asyncio.sleep(0.2)
        raise TimeoutError("no %s in %r" % (word, out))

    def digits(self):
        return "".join(e.get("param", "") for e in self.events
                       if e.get("type") == "CALL_DTMF_START")

    def listen(self, want, seconds):
        """Judges the recording of the (last) call; hang up before."""
        files = sorted(glob.glob(os.path.join(self.dir, "heard",
                                              "*-dec.wav")))
        if not files:
            return tone.listen(array.array("h"), 8000, want, self.tones,
                               seconds)
        return tone.listen(*tone.read_wav(files[-1]), want, self.tones,
                           seconds)
