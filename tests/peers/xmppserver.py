"""xmppserver.py: the server's side of XEP-0114, scripted.

Takes the gateway's component connection and speaks for its users: a test sends
any stanza as anyone and waits for what comes.  By itself it answers pings,
disco#info of users (service-unavailable unless user_features says more) and
acknowledges IQ-sets to users; each can be turned off."""
import asyncio
import hashlib
import itertools
import re
import time
import xml.etree.ElementTree as ET

from peers.proc import PATIENCE, taken, woken
from peers.xmltext import escape, quoteattr

NS = "jabber:component:accept"
STREAM = "http://etherx.jabber.org/streams"
DISCO = "http://jabber.org/protocol/disco#info"
PING = "urn:xmpp:ping"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"


def local(e):
    return e.tag.rpartition("}")[2]


def ns(e):
    return e.tag[1:].partition("}")[0] if e.tag[0] == "{" else ""


def find(e, name, namespace=None):
    """First child of that local name (and namespace), or None."""
    for c in e:
        if local(c) == name and namespace in (None, ns(c)):
            return c
    return None


def text(e):
    """One line, for messages of failures."""
    s = re.sub(r"\s+", " ", ET.tostring(e, "unicode"))
    return s if len(s) < 400 else s[:400] + ".."


def condition(stanza):
    """(condition, application condition or None) of an error stanza."""
    err = find(stanza, "error")
    if err is None:
        return None, None
    cond = app = None
    for c in err:
        if ns(c) == STANZAS and local(c) != "text":
            cond = local(c)
        elif ns(c) != STANZAS:
            app = local(c)
    return cond, app


class Server:
    def __init__(self, domain="sip.xmpp.test", secret="lab-secret",
                 port=5347, log=None):
        self.domain, self.secret, self.port = domain, secret, port
        self.refuse = None      # a stream error instead of the handshake
        self.handshakes = 0
        self.up = asyncio.Event()
        self.unread, self.history = [], []
        self.auto_result = True     # to IQ-sets that users get
        self.auto_ping = True
        self.user_features = {}     # full or bare JID -> list of features
        self.answers = []           # functions asked first: iq -> bool
        self._wake, self._ids = asyncio.Event(), itertools.count(1)
        self._server = self._writer = None
        self._file = open(log, "w") if log else None

    async def start(self):
        self._server = await asyncio.start_server(
            self._connection, "127.0.0.1", self.port)
        return self

    async def stop(self):
        """Closes the port and the stream, as a server that ends."""
        if self._server:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self):
        """Ends the connection without a word."""
        self.up.clear()
        if self._writer:
            self._writer.transport.abort()
            self._writer = None

    def note(self, way, s):
        if self._file and not self._file.closed:
            self._file.write("%s %.3f %s\n" % (way, time.time(), s))
            self._file.flush()

    async def _connection(self, reader, writer):
        parser, depth = ET.XMLPullParser(("start", "end")), 0
        root = None
        try:
            while True:
                data = await reader.read(65536)
                if not data:
                    break
                parser.feed(data)
                for ev, e in parser.read_events():
                    depth += 1 if ev == "start" else -1
                    if ev == "start" and depth == 1:
                        root = e
                        self._opened(writer, e)
                    elif ev == "end" and depth == 1:
                        self._element(writer, e)
                        root.remove(e)
                    elif ev == "end" and depth == 0:
                        self.note("<", "</stream:stream>")
        except (ConnectionError, ET.ParseError) as e:
            self.note("<", repr(e))
        finally:
            if writer is self._writer:
                self.up.clear()
                self._writer = None
            writer.close()

    def _opened(self, writer, e):
        self.note("<", text(e))
        to = e.get("to")
        writer.stream_id = "id&%d" % next(self._ids)    # needs un-escaping
        writer.write((
            "<?xml version='1.0'?><stream:stream xmlns='%s' "
            "xmlns:stream='%s' from=%s id=%s>" % (
                NS, STREAM, quoteattr(to or ""),
                quoteattr(writer.stream_id))).encode())
        if self.refuse == "host-unknown":
            self._stream_error(writer)

    def _stream_error(self, writer):
        writer.write((
            "<stream:error><%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
            "</stream:error></stream:stream>" % self.refuse).encode())
        writer.close()

    def _element(self, writer, e):
        self.note("<", ET.tostring(e, "unicode"))
        if local(e) == "handshake":
            want = hashlib.sha1((writer.stream_id
                                 + self.secret).encode()).hexdigest()
            self.handshakes += 1
            if e.text != want and not self.refuse:
                self.refuse, was = "not-authorized", None
                self._stream_error(writer)
                self.refuse = was
            elif self.refuse:
                self._stream_error(writer)
            else:
                writer.write(b"<handshake/>")
                self._writer = writer
                self.up.set()
            return
        self.history.append(e)
        if local(e) == "iq" and self._auto(e):
            return
        self.unread.append(e)
        self._wake.set()

    def _auto(self, iq):
        if any(f(iq) for f in self.answers):
            return True
        kind, to = iq.get("type"), iq.get("to", "")
        if kind == "get" and find(iq, "ping") is not None:
            if self.auto_ping:
                self.result(iq)
            return True
        if kind == "get" and find(iq, "query", DISCO) is not None:
            have = self.user_features.get(to)
            if have is None:
                self.error(iq, "service-unavailable")
            else:
                node = find(iq, "query", DISCO).get("node")
                self.result(iq, "<query xmlns='%s'%s><identity category="
                            "'client' type='pc'/>%s</query>" % (
                                DISCO, " node=%s" % quoteattr(node)
                                if node else "",
                                "".join("<feature var=%s/>" % quoteattr(f)
                                        for f in have)))
            return True
        if kind == "set" and self.auto_result:
            self.result(iq)
        return False

    # ---- out ------------------------------------------------------------
    def id(self, prefix="t"):
        return "%s%d" % (prefix, next(self._ids))

    def send(self, s):
        if not isinstance(s, str):
            s = ET.tostring(s, "unicode")
        self.note(">", s)
        if self._writer is None:
            raise ConnectionError("the component is not connected")
        self._writer.write(s.encode())

    def stanza(self, kind, frm, to, inner="", type=None, id=None):
        """Sends a stanza and returns its id."""
        id = id or self.id()
        self.send("<%s xmlns='%s' from=%s to=%s id=%s%s>%s</%s>" % (
            kind, NS, quoteattr(frm), quoteattr(to), quoteattr(id),
            " type='%s'" % type if type else "", inner, kind))
        return id

    def result(self, iq, inner=""):
        self.stanza("iq", iq.get("to"), iq.get("from"), inner, "result",
                    iq.get("id"))

    def error(self, st, cond, kind="cancel", app="", words=""):
        said = "<text xmlns='%s'>%s</text>" % (STANZAS, escape(words)) \
            if words else ""
        self.stanza(local(st), st.get("to"), st.get("from"),
                    "<error type='%s'><%s xmlns='%s'/>%s%s</error>" % (
                        kind, cond, STANZAS, said, app), "error",
                    st.get("id"))

    # ---- in -------------------------------------------------------------
    async def wait(self, test, timeout=PATIENCE, what="stanza"):
        """Takes the first unread stanza for which test is true."""
        return await woken(
            self._wake, lambda: taken(self.unread, test), timeout,
            lambda: "%s from the gateway; unread: %s" % (
                what, " ".join(map(text, self.unread)) or "nothing"))

    async def none(self, test, seconds, what="stanza"):
        try:
            e = await self.wait(test, seconds)
        except TimeoutError:
            return
        raise AssertionError("XMPP: unexpected %s: %s" % (what, text(e)))

    async def iq(self, frm, to, inner, type="get", timeout=PATIENCE):
        """Sends an IQ and returns its answer, whatever its type."""
        id = self.stanza("iq", frm, to, inner, type)
        return await self.wait(
            lambda e: local(e) == "iq" and e.get("id") == id
            and e.get("type") in ("result", "error") and e.get("to") == frm,
            timeout, "answer to IQ %s" % id)
