"""dinoapp.py: Dino itself, on a display, a sound server and a session bus of
its own.  It takes calls by its notification and places them by clicks; what it
says on the wire is read off its own log."""
import asyncio
import os
import random
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time
import wave
from types import SimpleNamespace

from peers import tone
from peers.events import Events
from peers.proc import Proc

PULSE = """load-module module-native-protocol-unix auth-anonymous=1 socket=%s
load-module module-null-sink sink_name=speaker rate=48000 channels=1
load-module module-null-sink sink_name=mouth rate=48000 channels=1
load-module module-remap-source master=mouth.monitor source_name=mic \
rate=48000 channels=1
set-default-sink speaker
set-default-source mic
"""
# The bus is told to others, who press buttons on it; what Dino plays is heard.
START = """echo "$DBUS_SESSION_BUS_ADDRESS" >"$HOME/bus"
/usr/bin/python3 "$NOTIFY" >"$HOME/notifications" 2>&1 &
parec -d speaker.monitor --file-format=wav --rate=48000 --channels=1 \
"$HOME/heard.wav" &
sleep 1
exec dino-im --print-xmpp=all
"""
ACCOUNT = """insert into account(bare_jid, resourcepart, password, enabled,
mam_earliest_synced) values(?, 'dino', ?, 1, 0)"""
# In a window of 1280x800: the telephone in the title bar, then "Audio call",
# beside the tooltip.
CLICKS = """mousemove 978 28 click 1 sleep 1 mousemove 940 95 sleep 0.5
mousemove 956 87 sleep 0.3 click 1"""


def trust(ca):
    """In this mount namespace the system trusts this authority alone."""
    subprocess.run(["mount", "--bind", ca,
                    "/etc/ssl/certs/ca-certificates.crt"], check=True)


def write_pulses(path, hz, seconds=60):
    """300 ms of tone, 300 ms of none: Dino suppresses noise and echo, and for
    one of them it takes a steady tone, and any that comes later."""
    with wave.open(path, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(48000)
        w.writeframes((tone.samples(hz, 48000, 14400).tobytes()
                       + bytes(2 * 14400)) * int(seconds / 0.6))


class Session:
    def __init__(self, client):
        self.c, self.sid, self.wire, self.ended = client, None, [], None

    async def up(self, timeout=15):
        """Something is heard; from now on it speaks."""
        end = time.monotonic() + timeout
        while not self.c.hears():
            if time.monotonic() > end:
                raise TimeoutError("Dino hears nothing")
            await asyncio.sleep(0.2)
        self.c.speak()
        return self

    @property
    def pair(self):
        """Of its candidates, the one that sent most."""
        sent = {}
        mine = set(map(int, re.findall(r":candidate [^>]*:port='(\d+)'",
                                       self.c.dino.text())))
        for _, src, dst, p in self.c.capture.udp:
            if src[1] in mine and len(p) > 12 and p[0] >> 6 == 2:
                sent[src[1]] = sent.get(src[1], 0) + 1
        return SimpleNamespace(local_candidate=SimpleNamespace(
            port=max(sent, key=sent.get)))

    def said(self, v):
        """Is v, what the telephone heard, what it said: one tone, pulsed?"""
        hz = self.c.tones[0]
        return set(v.labels) <= {None, hz} \
            and v.labels.count(hz) * tone.FRAME > 0.4 * v.seconds

    def listen(self, want, seconds):
        return tone.listen(*tone.read_wav(self.c.path("heard.wav")), want,
                           self.c.tones, seconds)


class Client(Events):
    def __init__(self, name, dir, capture, tones=(500, 700), jmi=True,
                 log=None):
        self.keep_events(log)
        self.name, self.dir, self.tones = name, dir, tones
        self.capture, self.home, self.parts = capture, None, []
        self.boundjid = name + "@xmpp.test/dino"

    def path(self, name):
        return os.path.join(self.home, name)

    def _spawn(self, name, argv):
        p = Proc(self.dir, "dino-" + name, argv, env=self.env).start()
        self.parts.append(p)
        return p

    async def login(self):
        # short: sockets are made below
        self.home = tempfile.mkdtemp(prefix="stoxd-dino.")
        n = random.randrange(200, 30000)
        self.env = {
            "HOME": self.home, "XDG_RUNTIME_DIR": self.home,
            "XDG_CONFIG_HOME": self.path("config"),
            "XDG_DATA_HOME": self.path("data"),
            "XDG_CACHE_HOME": self.path("cache"), "DISPLAY": ":%d" % n,
            "PULSE_SERVER": "unix:" + self.path("sound.sock"),
            "NO_AT_BRIDGE": "1", "LANG": "C.UTF-8",
            "GSETTINGS_BACKEND": "memory", "NOTIFY": os.path.join(
                os.path.dirname(os.path.abspath(__file__)), "notify.py")}
        with open(self.path("pulse.pa"), "w") as f:
            f.write(PULSE % self.path("sound.sock"))
        write_pulses(self.path("says.wav"), self.tones[0])
        sound = self._spawn("sound", [
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1",
            "--use-pid-file=no", "-F", self.path("pulse.pa")])
        screen = self._spawn("screen", [
            "Xvfb", ":%d" % n, "-screen", "0", "1280x800x24", "-nolisten",
            "tcp"])
        await sound.up(lambda: os.path.exists(self.path("sound.sock")))
        await screen.up(lambda: os.path.exists("/tmp/.X11-unix/X%d" % n))
        await self._account()
        self.dino = self._spawn("app", ["dbus-run-session", "--", "sh", "-c",
                                        START])
        await self.dino.up(lambda: "jabber:iq:roster" in self.dino.text(),
                           20, "login")
        self._task = asyncio.ensure_future(self._watch())
        await asyncio.sleep(2)      # presence of contacts, and their caps
        self.say("online")
        return self

    async def _account(self):
        """Run once without, so that it makes its database."""
        db = self.path("data/dino/dino.db")
        first = self._spawn("first", ["dbus-run-session", "--", "dino-im"])

        def there():
            try:
                with sqlite3.connect("file:%s?mode=ro" % db, uri=True) as c:
                    c.execute("select count(*) from account")
                return True
            except sqlite3.Error:
                return False
        await first.up(there, 20, "database")
        await asyncio.sleep(1)
        await first.stop()
        with sqlite3.connect(db) as c:
            c.execute(ACCOUNT, (self.name + "@xmpp.test",
                                self.name + "-pw"))

    async def logout(self):
        for p in reversed(self.parts):
            await p.stop(2)
        if self.home:
            shutil.rmtree(self.home, ignore_errors=True)

    async def _watch(self):
        at = 0
        while True:
            await asyncio.sleep(0.1)
            text = self.dino.text()
            for a in re.findall(r":jingle [^>]*:action='([a-z-]+)'",
                                text[at:].rpartition(">")[0]):
                self.say("jingle", action=a)
                if a == "session-terminate":
                    self.say("terminated", sid=None, reason=None)
            at = len(text.rpartition(">")[0])

    def hears(self):
        try:
            x, _ = tone.read_wav(self.path("heard.wav"))
        except (OSError, ValueError):
            return False
        last = x[-9600:]
        return bool(last) and sum(v * v for v in last) / len(last) > 1e4

    def speak(self):
        self._spawn("speaks", ["paplay", "-d", "mouth",
                               self.path("says.wav")])

    # ---- verbs ----------------------------------------------------------
    def _press(self, *argv):
        with open(self.path("bus")) as f:
            bus = f.read().strip()
        return Proc(self.dir, "dino-press", list(argv), env=dict(
            self.env, DBUS_SESSION_BUS_ADDRESS=bus)).start()

    async def call(self, to, timeout=20):
        """Clicks an audio call to a contact that is online."""
        p = self._press("dino-im", "xmpp:%s?message" % to)
        await asyncio.sleep(2)      # the running one opens the conversation
        p.kill()
        p = self._press("xdotool", *CLICKS.split())
        await self.wait("jingle", timeout, action="session-accept")
        return Session(self)

    async def get_session(self, timeout=20):
        await self.wait("jingle", timeout, action="session-accept")
        return Session(self)
