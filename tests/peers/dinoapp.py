"""dinoapp.py: Dino itself, on a display, a sound server and a session bus of
its own.  It takes calls by its notification and places them by the button of
its window (hand.py); what it says on the wire is read off its own log."""
import asyncio
import os
import random
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time
from types import SimpleNamespace

from peers import tone
from peers.daemon import BUILD
from peers.events import Events
from peers.proc import Gone, Proc, tail, until

PULSE = """load-module module-native-protocol-unix auth-anonymous=1 socket=%s
load-module module-null-sink sink_name=speaker rate=48000 channels=1
load-module module-pipe-source source_name=mic file=%s format=s16le \
rate=48000 channels=1
set-default-sink speaker
set-default-source mic
"""
# The bus is told to others, who press buttons on it; what Dino plays is heard.
START = """echo "$DBUS_SESSION_BUS_ADDRESS" >"$HOME/bus"
/usr/bin/python3 "$NOTIFY" $PRESS >"$HOME/notifications" 2>&1 &
parec -d speaker.monitor --file-format=wav --rate=48000 --channels=1 \
"$HOME/heard.wav" &
sleep 1
echo $$ >"$HOME/pid"
exec $AHEAD dino-im --print-xmpp=all
"""
# What moves is drawn by the processor, as fast as it can.
STILL = "[Settings]\ngtk-enable-animations=false\n"
AHEAD = ["nice", "-n", "-10"]
# Its microphone (GStreamer's pulsesrc) forgets to negotiate, and is mute for
# the whole call, if its thread has not run before Dino links the encoder some
# 3 ms later.  So threads of GLib's pool, which run as the first of them was
# told to, come at once and before the one that links.
THREADS, LINKS = 2, 1       # real-time priorities
AT_ONCE = ["chrt", "--rr", str(THREADS)]
ACCOUNT = """insert into account(bare_jid, resourcepart, password, enabled,
mam_earliest_synced) values(?, 'dino', ?, 1, 0)"""
HERE = os.path.dirname(os.path.abspath(__file__))
STARTS = 3          # of it at most, until its window shows the call button
# Made by the first case; each takes seconds.
EMPTY = os.path.join(BUILD, "dino-empty.db")
REGISTRY = os.path.join(BUILD, "dino-gstreamer.bin")
# The button of its notification that is pressed.
PRESS = {"auto": "accept", "decline": "reject", "ring": ""}
STANZA = re.compile(r"^XMPP (IN|OUT) \[.*\n((?:.+\n)*)\n", re.M)
# Names of elements right below jingle's session-info, and a reason's.
INFO = re.compile(r"\{urn:xmpp:jingle:apps:rtp:info:1\}:([a-z]+)")
REASON = re.compile(r":reason(?: [^>]*)?>\s*<\{[^}]*\}:([a-z-]+)")
PORT = re.compile(r":candidate [^>]*:port='(\d+)'")
JMI = re.compile(r"<\{urn:xmpp:jingle-message:0\}:([a-z]+) ")
JINGLE = re.compile(r"<\{urn:xmpp:jingle:1\}:jingle [^>]*:action='([a-z-]+)'")


def at_once():
    """How to start Dino, as far as we may."""
    may = subprocess.run([*AT_ONCE, "true"], capture_output=True)
    return AHEAD if may.returncode else AT_ONCE


def trust(ca):
    """In this mount namespace the system trusts this authority alone."""
    subprocess.run(["mount", "--bind", ca,
                    "/etc/ssl/certs/ca-certificates.crt"], check=True)


# What Dino does to sound before it sends it (its plugins/rtp, WebRTC's audio
# processing) takes a steady tone for noise, hence PULSE_ON; and for an echo
# what keeps its phase, from one block of 64 samples at 16 kHz to the next, to
# anything in what is played: what differs from it by a multiple of BLOCKS.
# A tone that was G.711 has all its odd harmonics, folded at 8 kHz; those of
# one that is a multiple of BLOCKS are multiples, too.
RATE = 48000
PULSE_ON = 0.3      # s of each PULSE_ALL
PULSE_ALL = 0.6     # s
BLOCKS = 250        # Hz
OWN_DB = -20.0      # beside which it may be a trace of switching it on and off
SAID = 0.3          # of a call its pulses are heard, at least; half is sent
TURN = 4.2          # s that it speaks in its first tone
LOUD = 1e4          # mean square of what is not silence
CHANGE = 14.0       # s after which others change theirs: it tries every codec
                    # before its first call, and is not heard until then


def fit(tones):
    """Would Dino's echo canceller let pass the first two beside the others?"""
    return all(hz % BLOCKS for hz in tones[:2]) \
        and not any(hz % BLOCKS for hz in tones[2:])


class Mouth:
    """Writes what the microphone hears, in real time: nothing, then silence,
    then its tones."""

    def __init__(self, path, tones):
        self.path, self.task, self.since = path, None, None
        self.frames = [tone.samples(hz, RATE, RATE // 50).tobytes()
                       for hz in tones]
        self.silence = bytes(len(self.frames[0]))

    def open(self):
        fd = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        self.task = asyncio.ensure_future(self._run(fd))

    def speak(self):
        self.since = time.monotonic()

    def close(self):
        if self.task:
            self.task.cancel()

    def _frame(self, at):
        if self.since is None or (at - self.since) % PULSE_ALL >= PULSE_ON:
            return self.silence
        return self.frames[at - self.since >= TURN]

    async def _run(self, fd):
        at = time.monotonic()
        try:
            while True:
                now = time.monotonic()
                at = max(at, now - 0.2)     # what is later is lost
                while at <= now:
                    try:
                        os.write(fd, self._frame(at))
                    except BlockingIOError:
                        pass
                    at += 0.02
                await asyncio.sleep(at - now)
        finally:
            os.close(fd)


class Session:
    sid, wire, ended = None, (), None

    def __init__(self, client):
        self.c = client
        client.session = self

    async def up(self, timeout=30):
        """It hears something; from now on it speaks."""
        await until(self.c.hears, timeout, "sound at Dino")
        await self._microphone()
        self.c.mouth.speak()
        return self

    async def _microphone(self):
        """Dino starts it before it has linked all that its samples go to.
        Samples that come before that (and a thread that comes after it, see
        AT_ONCE) end their flow for the rest of the call: GStreamer's log says
        "pausing after gst_pad_push() = flushing" or "ringbuffer in wrong
        state".  So there are none before the call is up; and where it says
        nothing then, which is before anything of ours, do what its user would
        and the output tells: mute it, and again."""
        for again in (False, True, True, True):
            if again:
                await self.c.hand("press", "mute")
                await self.c.hand("press", "mute")
                await asyncio.sleep(0.5)
            self.c.mouth.open()
            try:
                await until(self._sent, 3, "packets")
                return
            except TimeoutError:
                self.c.mouth.close()
                self.c.remark("Dino's microphone does not start")
        raise TimeoutError("Dino's microphone does not start")

    async def hang_up(self, reason="success"):
        await self.c.hang_up()

    @property
    def heard(self):
        """What was heard but silence, of 96000 bytes a second."""
        x, rate = tone.read_wav(self.c.path("heard.wav"))
        n = int(rate * tone.FRAME)
        return bytes(2 * n * sum(
            sum(v * v for v in x[i:i + n:8]) * 8 > LOUD * n
            for i in range(0, len(x) - n + 1, n)))

    def _sent(self):
        """How many packets of sound, by the ports of its candidates."""
        out = {}
        for _, src, dst, p in self.c.capture.udp:
            if src[1] in self.c.ports and len(p) > 12 and p[0] >> 6 == 2 \
                    and not 192 <= p[1] <= 223:
                out[src[1]] = out.get(src[1], 0) + 1
        return out

    @property
    def pair(self):
        """Of its candidates, the one that sent most."""
        sent = self._sent()
        return SimpleNamespace(local_candidate=SimpleNamespace(
            port=max(sent, key=sent.get)))

    def said(self, v):
        """Is v, what the telephone heard, what it said: one tone, then the
        other, both pulsed, and nothing of what the telephone itself said?"""
        seq, (first, then) = [hz for hz in v.labels if hz], self.c.tones
        turn = seq.index(then) if then in seq else 0
        return set(seq[:turn]) == {first} and set(seq[turn:]) == {then} \
            and v.own_db < OWN_DB \
            and len(seq) * tone.FRAME > SAID * v.seconds

    def listen(self, want, seconds):
        return tone.listen(*tone.read_wav(self.c.path("heard.wav")), want,
                           self.c.tones, seconds)


class Client(Events):
    hears_digits = False

    def __init__(self, name, dir, capture, contact, remark,
                 tones=(500, 700), jmi=True, log=None, answer="auto",
                 codec=None):
        """contact: whose conversation it shows; remark() takes what the
        output shall say; codec: the telephone's, who has that one alone."""
        self.keep_events(log)
        self.name, self.dir, self.tones = name, dir, tones
        self.capture, self.contact, self.remark = capture, contact, remark
        self.home, self.parts, self.start = None, [], 0
        self.mouth, self.press = None, PRESS[answer]
        self.ports = set()      # of its candidates
        self.proposed = 0       # calls
        self.sent_end = []      # reasons of what it ended itself
        self.boundjid, self.session = name + "@xmpp.test/dino", None

    def path(self, name):
        return os.path.join(self.home, name)

    def _spawn(self, name, argv):
        if self.start > 1:
            name += "-%d" % self.start
        p = Proc(self.dir, "dino-" + name, argv, env=self.env).start()
        self.parts.append(p)
        return p

    async def login(self):
        """Up to here a Dino that does not come up is begun anew."""
        while True:
            self.start += 1
            try:
                await self._come_up()
                break
            except (Gone, TimeoutError) as e:
                if self.start == STARTS:
                    raise
                self.remark("start %d of Dino: %s" % (
                    self.start, str(e).split("\n")[0]))
                await self._leave()
        self._task = asyncio.ensure_future(self._watch())
        self.say("online")
        return self

    async def _come_up(self):
        """Until it is online and shows its call button."""
        # short: sockets are made below
        self.home = tempfile.mkdtemp(prefix="stoxd-dino.")
        n = random.randrange(200, 30000)
        self._environment(n)
        os.makedirs(self.path("config/gtk-4.0"))
        with open(self.path("config/gtk-4.0/settings.ini"), "w") as f:
            f.write(STILL)
        with open(self.path("pulse.pa"), "w") as f:
            f.write(PULSE % (self.path("sound.sock"), self.path("mic")))
        sound = self._spawn("sound", [
            *AHEAD, "pulseaudio", "-n", "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no", "--disable-shm=yes", "-F",
            self.path("pulse.pa")])
        screen = self._spawn("screen", [
            *AHEAD, "Xvfb", ":%d" % n, "-screen", "0", "1280x800x24",
            "-nolisten", "tcp"])
        await sound.up(lambda: os.path.exists(self.path("sound.sock")))
        self.mouth = Mouth(self.path("mic"), self.tones)
        await sound.up(lambda: os.path.exists(self.path("mic")))
        await screen.up(lambda: os.path.exists("/tmp/.X11-unix/X%d" % n))
        await self._account()
        self.dino = self._spawn("app", ["dbus-run-session", "--", "sh", "-c",
                                        START])
        await self.dino.up(lambda: "jabber:iq:roster" in self.dino.text(),
                           20, "login")
        await self.hand("open", "xmpp:%s?message" % self.contact)
        await self.hand("show", "call")
        with open(self.path("pid")) as f:
            pid = int(f.read())
        if os.sched_getscheduler(pid) == os.SCHED_RR:
            os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(LINKS))

    def _environment(self, display):
        self.env = {
            "HOME": self.home, "XDG_RUNTIME_DIR": self.home,
            "XDG_CONFIG_HOME": self.path("config"),
            "XDG_DATA_HOME": self.path("data"),
            "XDG_CACHE_HOME": self.path("cache"), "DISPLAY": ":%d" % display,
            "PULSE_SERVER": "unix:" + self.path("sound.sock"),
            "LANG": "C.UTF-8",
            # Else GLib tells it with each new route (the kernel's own, of
            # IPv6, come seconds after an interface is up) that without a
            # default route there is no network.  It takes that for the end
            # of its stream and is mute on it from then on.
            "GIO_USE_NETWORK_MONITOR": "base",
            "GSETTINGS_BACKEND": "memory", "GSK_RENDERER": "cairo",
            "PRESS": self.press,
            "AHEAD": " ".join(at_once()), "GST_REGISTRY": REGISTRY,
            "NOTIFY": os.path.join(HERE, "notify.py")}

    async def _account(self):
        """Its database with an account: an empty one is kept from the first
        case on, for which it is run once without."""
        db = self.path("data/dino/dino.db")
        os.makedirs(os.path.dirname(db))
        if not os.path.exists(EMPTY):
            await self._empty(db)
        if not os.path.exists(db):
            shutil.copyfile(EMPTY, db)
        with sqlite3.connect(db) as c:
            c.execute(ACCOUNT, (self.name + "@xmpp.test",
                                self.name + "-pw"))

    async def _empty(self, db):
        def there():
            try:
                with sqlite3.connect("file:%s?mode=ro" % db, uri=True) as c:
                    c.execute("select count(*) from account")
                return True
            except sqlite3.Error:
                return False
        first = self._spawn("first", ["dbus-run-session", "--", "dino-im"])
        await first.up(there, 20, "database")
        await asyncio.sleep(3)      # what else it does at its first start
        await first.stop()
        part = EMPTY + ".%d" % random.getrandbits(32)
        with sqlite3.connect(db) as c, sqlite3.connect(part) as out:
            c.backup(out)
        os.replace(part, EMPTY)

    async def logout(self):
        if self.mouth:
            self.mouth.close()
        await self._leave()

    async def _leave(self):
        for p in reversed(self.parts):
            await p.stop(2)
        self.parts = []
        if self.home:
            shutil.rmtree(self.home, ignore_errors=True)

    async def _watch(self):
        at = 0
        while True:
            await asyncio.sleep(0.1)
            text = self.dino.text()
            for m in STANZA.finditer(text, at):
                at = m.end() - 1
                self._stanza(m.group(1) == "IN", m.group(2))

    def _stanza(self, came, text):
        if not came:
            self.ports.update(map(int, PORT.findall(text)))
        reason = REASON.search(text)
        reason = reason and reason.group(1)
        action, kind = JINGLE.search(text), JMI.search(text)
        if action:
            action = action.group(1)
            self.say("jingle", action=action)
            if not came and action == "session-terminate":
                self.sent_end.append(reason)
            if came:
                self.say("got", action=action, reason=reason,
                         info=INFO.findall(text))
            if came and action == "session-terminate":
                if self.session:
                    self.session.ended = reason
                self.say("terminated", sid=None, reason=reason)
        elif kind and kind.group(1) != "accept":
            kind = kind.group(1)
            self.say("jmi" if came else "sent-jmi", kind=kind, reason=reason)
            self.proposed += not came and kind == "propose"
            if not came and kind == "retract":
                self.sent_end.append(reason)

    def hears(self):
        try:
            x, _ = tone.read_wav(self.path("heard.wav"))
        except (OSError, ValueError):
            return False
        last = x[-9600:]
        return bool(last) and sum(v * v for v in last) / len(last) > LOUD

    # ---- verbs ----------------------------------------------------------
    async def hand(self, verb, what):
        """hand.py, on its bus."""
        with open(self.path("bus")) as f:
            bus = f.read().strip()
        p = Proc(self.dir, "dino-hand", [
            "/usr/bin/python3", os.path.join(HERE, "hand.py"), verb, what],
            env=dict(self.env, DBUS_SESSION_BUS_ADDRESS=bus)).start()
        await until(lambda: not p.alive(), 25, "end of hand.py")
        if p.p.returncode:
            raise TimeoutError(tail(p.log, 1).strip())

    async def call(self, to, timeout=20):
        """By the button of the conversation that it shows."""
        if to != self.contact:
            raise ValueError("Dino shows another conversation")
        before = self.proposed
        await self.hand("press", "call")
        await until(lambda: self.proposed > before, 20, "propose of Dino")
        return await self.get_session(timeout)

    async def get_session(self, timeout=20):
        await self.wait("jingle", timeout, action="session-accept")
        return Session(self)

    async def hang_up(self):
        """By the red button, also while it rings elsewhere."""
        before = len(self.sent_end)
        await self.hand("press", "end")
        await until(lambda: len(self.sent_end) > before, 20, "end by Dino")
