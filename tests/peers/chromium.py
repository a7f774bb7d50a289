"""chromium.py: a Jingle client that is not ours: stanza for XMPP and Jingle,
headless Chromium for the rest.  The page (e2e/browser) is served from here,
asks here for commands and tells here what happens; XEP-0353, which the library
lacks, is spoken from here.  Same verbs as jingleclient.py."""
import array
import asyncio
import itertools
import json
import os
import shutil
import tempfile
import uuid
import xml.etree.ElementTree as ET
from types import SimpleNamespace
from xml.sax.saxutils import quoteattr

from peers import tone
from peers.daemon import BUILD, ROOT
from peers.events import Events
from peers.proc import PATIENCE, Gone, Proc, tail
from peers.runner import Skip

J = "urn:xmpp:jingle:1"
JMI = "urn:xmpp:jingle-message:0"
SEEN = "seen"        # of the ping after the first presence
RTP = "urn:xmpp:jingle:apps:rtp:1"
PAGE = os.path.join(ROOT, "tests", "e2e", "browser")
BUNDLE = os.path.join(BUILD, "browser", "jingle.js")
SCRIPTS = {"/jingle.js": BUNDLE, "/ear.js": os.path.join(PAGE, "ear.js"),
           "/tap.js": os.path.join(PAGE, "tap.js")}
HTML = b"<!doctype html><meta charset=utf-8><link rel=icon href=data:,>" \
       b"<body><script src=/jingle.js></script>"
FLAGS = """--headless --no-sandbox --no-first-run --disable-gpu
 --disable-dev-shm-usage --disable-quic --disable-background-networking
 --disable-component-update --disable-default-apps --disable-extensions
 --disable-sync --disable-background-timer-throttling
 --disable-backgrounding-occluded-windows --disable-renderer-backgrounding
 --disable-breakpad --no-proxy-server --password-store=basic
 --autoplay-policy=no-user-gesture-required
 --allow-loopback-in-peer-connection
 --disable-features=WebRtcHideLocalIpsWithMdns,Translate,MediaRouter
 --enable-logging=stderr""".split()
RESOLVE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


def need_bundle():
    if not os.path.exists(BUNDLE):
        raise Skip("no %s (make browser)" % BUNDLE)


def local(tag):
    return tag.rpartition("}")[2]


def reason_of(e):
    r = next((x for x in e if local(x.tag) == "reason"), None)
    return None if r is None else next(
        (local(x.tag) for x in r if local(x.tag) != "text"), None)


class Web:
    """The web server of one page: HTTP/1.1, as much as the page uses."""

    def __init__(self, client):
        self.client, self.todo, self._new = client, [], asyncio.Event()

    async def start(self):
        self._s = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.port = self._s.sockets[0].getsockname()[1]

    def stop(self):
        self._s.close()

    def command(self, c):
        self.todo.append(c)
        self._new.set()

    async def _connection(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path = head.split()[:2]
                size = next((int(x.split(":")[1]) for x in head.split("\r\n")
                             if x.lower().startswith("content-length:")), 0)
                body = await reader.readexactly(size)
                kind, out = await self._answer(method, path, body)
                writer.write(b"HTTP/1.1 %s\r\nContent-Type: %s\r\n"
                             b"Content-Length: %d\r\n\r\n" % (
                                 b"200 OK" if kind else b"404 Not Found",
                                 kind.encode() or b"text/plain", len(out)))
                writer.write(out)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, method, path, body):
        if path == "/":
            return "text/html", HTML
        if path in SCRIPTS:
            with open(SCRIPTS[path], "rb") as f:
                return "text/javascript", f.read()
        if path == "/commands":
            await self._new.wait()
            self._new.clear()
            out, self.todo = self.todo, []
            return "application/json", json.dumps(out).encode()
        if method == "POST":
            self.client.posted(path, body)
            return "text/plain", b""
        return "", b""


class Session:
    """One Jingle session of a client."""

    def __init__(self, client, sid, peer):
        self.c, self.sid, self.peer = client, sid, peer
        self.heard, self.wire, self.digits = bytearray(), [], ""
        self.ended = self.pair = self.stats = None
        self.connected, self.over = asyncio.Event(), asyncio.Event()
        self.connectionState = "new"
        self.pc = self

    async def up(self, timeout=PATIENCE):
        """ICE and DTLS stand."""
        try:
            await asyncio.wait_for(self.connected.wait(), timeout)
        except asyncio.TimeoutError:
            raise TimeoutError("%s: not connected within %g s; %s" % (
                self.c.boundjid, timeout, self.c.summary())) from None
        await self.look()
        return self

    async def look(self):
        """Which pair is in use now: ICE may move to a better one."""
        s = self.stats = await self.c.command("stats", self.sid)
        self.pair = SimpleNamespace(
            local_candidate=SimpleNamespace(**s["local"]),
            remote_candidate=SimpleNamespace(**s["remote"]))

    def send_digits(self, digits):
        self.c.tell("dtmf", self.sid, digits)

    async def info(self, name):
        await self.c.command({"hold": "hold", "unhold": "resume"}[name],
                             self.sid)

    async def hang_up(self, reason="success"):
        if not self.ended:
            self.ended = "here"
            await self.c.command("end", self.sid, reason)
        self.over.set()

    def listen(self, want, seconds):
        x = array.array("h", bytes(self.heard))
        return tone.listen(x, 48000, want, self.c.tones, seconds)


class Client(Events):
    """answer: as of jingleclient.Client.  bundle: RTCPeerConnection's
    bundlePolicy."""

    hears_digits = False

    def __init__(self, name, dir, resource="browser", tones=(500, 700),
                 codec=None, jmi=True, answer="auto", turn=None,
                 bundle="balanced", receipts=False, log=None):
        self.keep_events(log)
        self.receipts = receipts
        self.name, self.resource, self.dir = name, resource, dir
        self.tones, self.codec, self.use_jmi = tones, codec, jmi
        self.answer, self.bundle, self.turn = answer, bundle, turn
        self.sessions, self.incoming = {}, asyncio.Queue()
        self._ids, self._answers = itertools.count(1), {}
        self.web, self.p = Web(self), None

    # ---- the page -------------------------------------------------------
    def tell(self, name, *args):
        id = next(self._ids)
        self._answers[id] = asyncio.get_running_loop().create_future()
        self.web.command({"id": id, "name": name, "args": args})
        return self._answers[id]

    async def command(self, name, *args, timeout=PATIENCE):
        """What the page's command returns."""
        try:
            e = await asyncio.wait_for(self.tell(name, *args), timeout)
        except asyncio.TimeoutError:
            raise TimeoutError("%s: no answer to %s; %s" % (
                self.boundjid, name, self.summary())) from None
        if "error" in e:
            raise RuntimeError("%s: %s" % (name, e["error"]))
        return e.get("value")

    def posted(self, path, body):
        _, what, *sid = path.split("/")
        s = self.sessions.get(sid[0]) if sid else None
        if what == "heard" and s:
            s.heard += body
        elif what == "wire" and s:
            s.wire.append(body)
        elif what == "events":
            e = json.loads(body)
            f = getattr(self, "_on_" + e.pop("type").replace("-", "_"), None)
            if f:
                f(**e)

    def _on_done(self, id, **e):
        f = self._answers.pop(id)
        if not f.done():
            f.set_result(e)

    def _on_ready(self):
        self.say("ready")

    def _on_log(self, text):
        self.say("log", text=text)

    def _on_disconnected(self):
        self.say("disconnected")

    def _on_sent_xml(self, xml):
        self.note("sent-xml", xml)

    def _on_connection(self, sid, state):
        s = self.sessions.get(sid)
        self.say("connection", sid=sid, state=state)
        if s:
            s.connectionState = state
            if state == "connected":
                s.connected.set()

    def _on_chat(self, **e):
        self.say("chat", **e)

    def _on_receipt(self, **e):
        self.say("receipt", **e)

    def _on_shown(self, **e):
        self.say("shown", **e)

    def _on_accepted(self, sid):
        self.say("accepted", sid=sid)

    def _on_terminated(self, sid, reason):
        s = self.sessions.get(sid)
        if s and not s.ended:
            s.ended = reason
        if s:
            s.over.set()
        self.say("terminated", sid=sid, reason=reason)

    def _on_incoming(self, sid, peer):
        asyncio.ensure_future(self._take(sid, peer))

    async def _take(self, sid, peer):
        s = self.sessions[sid] = Session(self, sid, peer)
        if not self.use_jmi:
            await self.command("ring", sid)
            if self.answer in ("busy", "decline"):
                await s.hang_up(self.answer)
            if self.answer != "auto":
                return
        await self.command("accept", sid)
        self.incoming.put_nowait(s)

    # ---- XMPP -----------------------------------------------------------
    def _on_xml(self, xml):
        try:
            e = ET.fromstring(xml)
        except ET.ParseError:
            return
        self.note("xml", xml)
        if e.get("id") == SEEN:
            self.say("online")
            return
        jingle = e.find("{%s}jingle" % J)
        if local(e.tag) == "iq" and e.get("type") == "set" \
                and jingle is not None:
            self.say("got", action=jingle.get("action"),
                     sid=jingle.get("sid"), reason=reason_of(jingle),
                     info=[local(x.tag) for x in jingle])
        elif local(e.tag) == "presence" and e.get("type") == "subscribe":
            self.presence(e.get("from"), "subscribed")
        elif local(e.tag) == "presence" and not e.get("type"):
            self.say("sees", who=e.get("from"))
        elif e.get("type") == "error":
            self.say("error", condition=next(
                (local(y.tag) for x in e if local(x.tag) == "error"
                 for y in x), None))
        elif local(e.tag) == "message":
            for x in e:
                if x.tag.startswith("{%s}" % JMI):
                    self._on_jmi(e.get("from"), x)

    def _on_jmi(self, frm, e):
        kind, id = local(e.tag), e.get("id")
        self.say("jmi", kind=kind, id=id, frm=frm, reason=reason_of(e))
        if kind != "propose" or frm.split("/")[0] == "%s@xmpp.test" \
                % self.name:
            return
        if self.answer in ("auto", "ring", "manual"):
            self.jmi(frm, "ringing", id)
        if self.answer == "auto":
            self.jmi(frm, "proceed", id)
        if self.answer in ("busy", "decline"):
            self.jmi(frm, "reject", id, self.answer)

    def jmi(self, to, kind, id, reason=None):
        inner = "<description xmlns='%s' media='audio'/>" % RTP \
            if kind == "propose" else ""
        if reason:
            inner = "<reason xmlns='%s'><%s/></reason>" % (J, reason)
        self.tell("write", (
            "<message xmlns='jabber:client' to=%s type='chat' id='jm-%s-%s'>"
            "<%s xmlns='%s' id='%s'>%s</%s><store xmlns='urn:xmpp:hints'/>"
            "</message>") % (quoteattr(to), kind, id, kind, JMI, id, inner,
                             kind))
        self.say("sent-jmi", kind=kind, id=id)

    def presence(self, to, type):
        self.tell("write", "<presence xmlns='jabber:client' to=%s "
                  "type='%s'/>" % (quoteattr(to), type))

    def subscribe(self, to):
        self.presence(to, "subscribe")

    # ---- verbs ----------------------------------------------------------
    async def login(self):
        await self.web.start()
        # short: it makes sockets below, whose paths end at 108 bytes
        home = self.home = tempfile.mkdtemp(prefix="stoxd-br.")
        self.p = Proc(self.dir, "chromium-" + self.resource, [
            "chromium", "--user-data-dir=" + home, RESOLVE] + FLAGS + [
            "http://127.0.0.1:%d/" % self.web.port], env={
                "HOME": home, "XDG_RUNTIME_DIR": home, "TMPDIR": home})
        self.p.start()
        try:
            await self.wait("ready", 25)
        except TimeoutError:
            raise Gone("chromium did not open the page:\n"
                       + tail(self.p.log)) from None
        ice = [{"urls": self.turn, "username": "gw",
                "credential": "turnpass"}] if self.turn else []
        self.boundjid = await self.command("login", {
            "jid": self.name + "@xmpp.test", "password": self.name + "-pw",
            "resource": self.resource, "tones": self.tones,
            "codec": self.codec, "bundle": self.bundle, "jmi": self.use_jmi,
            "receipts": self.receipts,
            "websocket": "ws://127.0.0.1:5280/xmpp-websocket", "ice": ice,
            "relay": bool(ice)})
        # answered after the presence has been seen to
        self.tell("write", "<iq xmlns='jabber:client' type='get' id='%s' "
                  "to='xmpp.test'><ping xmlns='urn:xmpp:ping'/></iq>" % SEEN)
        await self.wait("online", PATIENCE)
        return self

    async def logout(self):
        if self.p:
            await self.p.stop(2)
            self.web.stop()
            shutil.rmtree(self.home, ignore_errors=True)

    async def call(self, to, timeout=20):
        """As jingleclient.Client.call()."""
        sid, peer = str(uuid.uuid4()), to + "/sip"
        if self.use_jmi:
            self.jmi(to, "propose", sid)
            peer = (await self.wait("jmi", timeout, kind="proceed",
                                    id=sid))["frm"]
        s = self.sessions[sid] = Session(self, sid, peer)
        await self.command("call", peer, sid)
        await self.wait("accepted", timeout, sid=sid)
        return s

    async def get_session(self, timeout=20):
        """The next session that is being, or was, accepted by us."""
        try:
            return await asyncio.wait_for(self.incoming.get(), timeout)
        except asyncio.TimeoutError:
            raise TimeoutError("%s: no session-initiate; %s" % (
                self.boundjid, self.summary())) from None
