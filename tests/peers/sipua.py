"""sipua.py: a scripted SIP user agent.

It does what a test says, message by message, and by itself only what every
agent does: retransmits requests and 2xx over UDP, answers retransmissions with
what it said before, acknowledges failures, and (unless told otherwise by
ua.auto) says 200 to BYE, OPTIONS, INFO, PRACK."""
import asyncio
import itertools
import random
import time

from peers.proc import PATIENCE, woken
from peers.sipmsg import PHRASE, Msg, address, tag, uri

T1, T2 = 0.5, 4.0   # s, RFC 3261 17.1.1.1
_ids = itertools.count(1)


def token(prefix):
    return "%s%x%04x" % (prefix, next(_ids), random.getrandbits(16))


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, ua):
        self.ua = ua

    def datagram_received(self, data, addr):
        self.ua.received(data, addr, None)

    def error_received(self, exc):
        self.ua.errors.append(exc)


class Ua:
    """Listens on ip:port by UDP and TCP; requests go to peer by proto.
    tls: (server, client) contexts; then it listens by TLS in place of TCP."""

    def __init__(self, ip="127.0.0.1", port=5060, peer=("127.0.0.1", 5070),
                 proto="udp", user="600", log=None, tls=(None, None)):
        self.ip, self.port, self.peer, self.proto = ip, port, peer, proto
        self.tls = tls
        self.host = "[%s]" % ip if ":" in ip else ip
        self.user, self.calls, self.errors = user, {}, []
        self.auto = {"BYE": 200, "OPTIONS": 200, "INFO": 200, "PRACK": 200}
        self.incoming, self.others = asyncio.Queue(), asyncio.Queue()
        self.history = []       # (time, "<" or ">", Msg)
        self.drop = None        # drop(msg) true: it was lost on the way in
        self.mangle = None      # mangle(bytes) -> list of bytes to send
        self.auto_trying = True
        self.pong, self.pings = False, 0    # RFC 5626 3.5.1, by TCP
        self._seen = {}         # (branch, method) -> last answer or None
        self._stray = {}        # branch -> future, requests outside calls
        self._conn, self._tasks = {}, set()
        self._file = open(log, "w") if log else None

    async def start(self):
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Udp(self), local_addr=(self.ip, self.port))
        self._tcp = await asyncio.start_server(
            self._accepted, self.ip, self.port, ssl=self.tls[0])
        return self

    async def close(self):
        for t in list(self._tasks):
            t.cancel()
        self._udp.close()
        self._tcp.close()
        for w in self._conn.values():
            w.close()
        if self._file:
            self._file.close()

    def task(self, coro):
        t = asyncio.ensure_future(coro)
        self._tasks.add(t)
        t.add_done_callback(self._tasks.discard)
        return t

    # ---- wire -----------------------------------------------------------
    async def _accepted(self, reader, writer):
        self._conn[writer.get_extra_info("peername")[:2]] = writer
        await self._read(reader, writer)

    async def _read(self, reader, writer):
        addr = writer.get_extra_info("peername")[:2]
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                head = head.lstrip(b"\r\n")
                if not head:
                    self.pings += 1
                    if self.pong:
                        writer.write(b"\r\n")
                    continue
                n = Msg.parse(head).get("Content-Length") or "0"
                self.received(head + await reader.readexactly(int(n)),
                              addr, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def note(self, way, m):
        self.history.append((time.monotonic(), way, m))
        if self._file:
            self._file.write("%s %.3f\n%s\n" % (
                way, time.time(), m.bytes().decode("utf-8", "replace")))
            self._file.flush()

    def send(self, m, addr=None, proto=None, writer=None):
        self.note(">", m)
        data = m.bytes()
        for one in (self.mangle(data) if self.mangle else [data]):
            if (proto or self.proto) == "udp" and writer is None:
                self._udp.sendto(one, addr or self.peer)
            else:
                self.task(self._send_tcp(one, addr or self.peer, writer))

    async def _send_tcp(self, data, addr, writer):
        w = writer or self._conn.get(addr)
        if w is None or w.is_closing():
            reader, w = await asyncio.open_connection(*addr, ssl=self.tls[1])
            self._conn[addr] = w
            self.task(self._read(reader, w))
        w.write(data)

    def received(self, data, addr, writer):
        if not data.strip(b"\r\n\0"):
            return
        m = Msg.parse(data)
        m.source, m.writer = addr, writer
        if self.drop and self.drop(m):
            return
        self.note("<", m)
        if m.is_request:
            self._request(m)
        else:
            self._response(m)

    def _request(self, m):
        key = (m.branch, m.method)
        if m.method != "ACK" and key in self._seen:
            if self._seen[key]:
                self.send(self._seen[key], m.source, writer=m.writer)
            return
        if m.method != "ACK":
            self._seen[key] = None
        call = self.calls.get(m.get("Call-ID"))
        if m.method == "INVITE" and call is None:
            call = Call(self, m)
            if self.auto_trying:
                self.reply(m, 100)
            self.incoming.put_nowait(call)
        elif call is None:
            if m.method in self.auto and m.method == "OPTIONS":
                self.reply(m, 200)
            elif m.method in self.auto and m.method != "ACK":
                self.reply(m, 481)
            self.others.put_nowait(m)
        else:
            call.got(m)

    def _response(self, m):
        f = self._stray.get(m.branch)
        if f and not f.done() and m.code >= 200:
            f.set_result(m)
        call = self.calls.get(m.get("Call-ID"))
        if call:
            call.got(m)

    # ---- messages -------------------------------------------------------
    def via(self, branch=None, proto=None):
        return "SIP/2.0/%s %s:%d;rport;branch=%s" % (
            (proto or self.proto).upper(), self.host, self.port,
            branch or token("z9hG4bK"))

    def contact(self):
        more = "" if self.proto == "udp" else ";transport=" + self.proto
        return "<sip:%s@%s:%d%s>" % (self.user, self.host, self.port, more)

    def reply(self, req, code, body="", headers=(), to_tag=None, phrase=None):
        """Answers a request; sent again when the request is."""
        h = [("Via", v) for v in req.all("Via")]
        h += [("Record-Route", v) for v in req.all("Record-Route")]
        to = req.get("To")
        if not tag(to) and code > 100:
            to += ";tag=" + (to_tag or token("u"))
        h += [("From", req.get("From")), ("To", to),
              ("Call-ID", req.get("Call-ID")), ("CSeq", req.get("CSeq"))]
        if req.method in ("INVITE", "UPDATE") and 100 < code < 300:
            h.append(("Contact", self.contact()))
        if body:
            h.append(("Content-Type", "application/sdp"))
        m = Msg("SIP/2.0 %d %s" % (code, phrase or PHRASE.get(code, "Code")),
                h + list(headers), body)
        self._seen[(req.branch, req.method)] = m
        self.send(m, req.source, writer=req.writer)
        return m

    async def request(self, method, to, headers=(), body="", timeout=PATIENCE,
                      from_uri=None, raw=None):
        """A request outside calls; its final response."""
        m = raw or Msg("%s %s SIP/2.0" % (method, to), [
            ("Via", self.via()), ("Max-Forwards", "70"),
            ("From", "<%s>;tag=%s" % (from_uri or "sip:%s@%s:%d" % (
                self.user, self.host, self.port), token("f"))),
            ("To", "<%s>" % to), ("Call-ID", token("c")),
            ("CSeq", "1 " + method), ("Contact", self.contact())]
            + list(headers), body)
        f = self._stray[m.branch] = asyncio.get_running_loop().create_future()
        t = self.task(self.retransmit(m, f.done))
        try:
            return await asyncio.wait_for(f, timeout)
        finally:
            t.cancel()

    async def retransmit(self, m, stop, addr=None, limit=64 * T1):
        """Sends m, and over UDP again (RFC 3261 17.1), until stop()."""
        wait, spent = T1, 0.0
        while not stop() and spent < limit:
            self.send(m, addr)
            if self.proto != "udp":
                return
            await asyncio.sleep(wait)
            spent += wait
            wait = wait * 2 if m.method == "INVITE" else min(wait * 2, T2)

    async def call(self, to, sdp="", headers=(), from_uri=None, name=None):
        """Sends INVITE; the Call goes on from there."""
        c = Call(self, None, to, from_uri or "sip:%s@%s:%d" % (
            self.user, self.host, self.port), name)
        c.invite(sdp, headers)
        return c

    async def get_call(self, timeout=PATIENCE):
        """The next incoming call."""
        try:
            return await asyncio.wait_for(self.incoming.get(), timeout)
        except asyncio.TimeoutError:
            raise TimeoutError("no INVITE within %g s" % timeout) from None


class Call:
    """A dialog, or what becomes one.  inbox holds what came and was not yet
    waited for."""

    def __init__(self, ua, invite, to=None, from_uri=None, name=None):
        self.ua, self.req = ua, invite
        self.inbox, self._wake = [], asyncio.Event()
        self.cseq, self.routes, self.acked = 0, [], False
        self.last_ack, self.last_invite, self._invites = None, None, {}
        if invite:
            self.id = invite.get("Call-ID")
            self.local_tag, self.remote_tag = token("u"), tag(
                invite.get("From"))
            self.local, self.remote = invite.get("To"), invite.get("From")
            self.target = uri(invite.get("Contact", invite.get("From")))
            self.routes = invite.all("Record-Route")
        else:
            self.id = token("c")
            self.local_tag, self.remote_tag = token("f"), None
            self.local = ('"%s" ' % name if name else "") + "<%s>;tag=%s" % (
                from_uri, self.local_tag)
            self.remote, self.target = "<%s>" % to, to
        ua.calls[self.id] = self

    def __repr__(self):
        return "call %s, unread: %s" % (self.id, self.inbox)

    # ---- in -------------------------------------------------------------
    def got(self, m):
        if m.is_request:
            if m.method == "ACK":
                self.acked = True
            elif m.method == "CANCEL":
                self.ua.reply(m, 200, to_tag=self.local_tag)
            elif m.method in self.ua.auto:
                self.ua.reply(m, self.ua.auto[m.method])
        elif m.code >= 200:
            if m.cseq[1] == "INVITE":
                if self._again(m):
                    return
                if m.code >= 300:
                    self._ack_failure(m)
        if not m.is_request and m.cseq[1] == "INVITE" and m.code < 300:
            self._learn(m)
        self.inbox.append(m)
        self._wake.set()

    def _again(self, m):
        """A retransmitted final: acknowledged once more, if it ever was."""
        if not self.last_ack or m.cseq[0] != self.last_ack.cseq[0]:
            return False
        if tag(m.get("To")) != tag(self.last_ack.get("To")):
            return False
        self.ua.send(self.last_ack, self._next_hop(m.code < 300))
        return True

    def _learn(self, m):
        if m.code == 100 or (m.code < 200 and self.remote_tag):
            return
        if m.code >= 200 or tag(m.get("To")):
            self.remote_tag = tag(m.get("To"))
            self.remote = m.get("To")
            self.routes = list(reversed(m.all("Record-Route")))
            if m.get("Contact"):
                self.target = uri(m.get("Contact"))

    def _next_hop(self, dialog=True):
        if not dialog or not self.remote_tag:
            return self.ua.peer
        host, port, _ = address(uri(self.routes[0]) if self.routes
                                else self.target)
        return host, port or 5060

    def _ack_failure(self, m):
        r = self._invites.get(m.branch)
        if r is None:
            return
        a = Msg("ACK %s SIP/2.0" % r.uri, [
            ("Via", r.get("Via")), ("Max-Forwards", "70"),
            ("From", r.get("From")), ("To", m.get("To")),
            ("Call-ID", self.id), ("CSeq", "%d ACK" % r.cseq[0])])
        if r is self.last_invite:
            self.last_ack = a
        self.ua.send(a)

    def _find(self, what, method):
        for m in self.inbox:
            if callable(what):
                ok = what(m)
            elif isinstance(what, int):
                ok = m.code == what
            elif what[1:] == "xx":
                ok = m.code and m.code // 100 == int(what[0]) \
                    and m.code != 100
            else:
                ok = m.method == what
            if ok and (method is None or m.cseq[1] == method):
                self.inbox.remove(m)
                return m
        return None

    async def wait(self, what, timeout=PATIENCE, method=None):
        """Takes the first unread message that is what: 180, "2xx", "BYE", or
        a function; method: of the request that a response answers."""
        return await woken(self._wake, lambda: self._find(what, method),
                           timeout, lambda: "%s by SIP; %r" % (what, self))

    async def next_invite(self, timeout=PATIENCE):
        """The INVITE that is tried instead of this one, in this call or (a
        new Call-ID) in another."""
        other = asyncio.ensure_future(self.ua.incoming.get())
        same = asyncio.ensure_future(self.wait("INVITE", timeout))
        done, _ = await asyncio.wait({other, same}, timeout=timeout,
                                     return_when=asyncio.FIRST_COMPLETED)
        if other in done:
            same.cancel()
            call = other.result()
            self.ua.calls[call.id] = self
            self.id, self.local = call.id, call.local
            self.remote, self.target = call.remote, call.target
            return call.req
        other.cancel()
        return await same

    async def none(self, what, seconds, method=None):
        """Fails if such a message is there or comes within seconds."""
        try:
            m = await self.wait(what, seconds, method)
        except TimeoutError:
            return
        raise AssertionError("SIP: unexpected %r" % m)

    # ---- out ------------------------------------------------------------
    def make(self, method, body="", headers=(), cseq=None, via=None):
        if cseq is None and method not in ("ACK", "CANCEL"):
            self.cseq += 1
        h = [("Via", via or self.ua.via()), ("Max-Forwards", "70")]
        h += [("Route", r) for r in self.routes]
        local = self.local
        if not tag(local):
            local += ";tag=" + self.local_tag
        h += [("From", local), ("To", self.remote), ("Call-ID", self.id),
              ("CSeq", "%d %s" % (cseq or self.cseq, method))]
        if method in ("INVITE", "UPDATE"):
            h.append(("Contact", self.ua.contact()))
        if body:
            h.append(("Content-Type", "application/sdp"))
        own = {k.lower() for k, _ in headers}
        h = [(k, v) for k, v in h if k.lower() not in own] + list(headers)
        return Msg("%s %s SIP/2.0" % (method, self.target), h, body)

    def request(self, method, body="", headers=(), cseq=None):
        """Sends a request of this call; retransmitted until answered."""
        m = self.make(method, body, headers, cseq)
        if method == "INVITE":
            self._invites[m.branch] = m
        self.ua.task(self.ua.retransmit(
            m, lambda: any(x.branch == m.branch for _, w, x
                           in self.ua.history if w == "<"
                           and not x.is_request),
            self._next_hop()))
        return m

    def invite(self, sdp="", headers=()):
        """INVITE, or re-INVITE once there is a dialog."""
        self.last_ack = None
        self.last_invite = self.request("INVITE", sdp, headers)
        return self.last_invite

    def ack(self, sdp="", to=None):
        """Acknowledges the 2xx of the last INVITE."""
        self.last_ack = self.make("ACK", sdp, cseq=self.last_invite.cseq[0])
        if to:      # another fork's 2xx
            self.last_ack.set("To", to)
        self.ua.send(self.last_ack, self._next_hop())

    def cancel(self, headers=()):
        r = self.last_invite
        m = Msg("CANCEL %s SIP/2.0" % r.uri, [
            ("Via", r.get("Via")), ("Max-Forwards", "70"),
            ("From", r.get("From")), ("To", r.get("To")),
            ("Call-ID", self.id), ("CSeq", "%d CANCEL" % r.cseq[0])]
            + list(headers))
        self.ua.send(m)

    def bye(self, headers=()):
        return self.request("BYE", headers=headers)

    def reply(self, code, sdp="", headers=(), req=None, to_tag=None,
              phrase=None):
        """Answers req (the call's INVITE); 2xx over UDP are repeated until
        the ACK comes."""
        req = req or self.req
        m = self.ua.reply(req, code, sdp, headers,
                          to_tag or self.local_tag, phrase)
        if req.method == "INVITE" and 200 <= code < 300:
            self.acked = False
            self.ua.task(self._repeat(m, req))
        return m

    async def _repeat(self, m, req):
        wait, spent = T1, 0.0
        while spent < 64 * T1:
            await asyncio.sleep(wait)
            spent += wait
            wait = min(2 * wait, T2)
            if self.acked or req.writer:
                return
            self.ua.send(m, req.source)

    async def hang_up(self, timeout=PATIENCE, headers=()):
        """BYE and its answer."""
        self.bye(headers)
        return await self.wait("2xx", timeout, "BYE")
