"""presence.py: the phone's side of SUBSCRIBE and NOTIFY, on a scripted
telephone: subscriptions that reach it, and those that it makes."""
import asyncio
import re
import xml.etree.ElementTree as ET

from peers.proc import PATIENCE
from peers.sipmsg import Msg, tag, uri
from peers.sipua import token
from peers.xmppserver import find

PIDF = "urn:ietf:params:xml:ns:pidf"
DM = "urn:ietf:params:xml:ns:pidf:data-model"
RPID = "urn:ietf:params:xml:ns:pidf:rpid"


def pidf(basic="open", note=None, show=None, tuples=None, activities=(),
         lang=None):
    """A PIDF document; tuples: [(basic, priority, note)]."""
    rows = tuples or [(basic, None, note)]
    out = "<?xml version='1.0' encoding='UTF-8'?>\n<!-- ours -->" \
        "<p:presence xmlns:p='%s' entity='pres:600@127.0.0.1'>" % PIDF
    for i, (b, q, n) in enumerate(rows):
        out += "<p:tuple id='t%d'><p:status><p:basic>%s</p:basic>" % (i, b)
        if show:
            out += "<show xmlns='jabber:client'>%s</show>" % show
        out += "</p:status>"
        if q:
            out += "<p:contact priority='%s'>sip:600@127.0.0.1" \
                "</p:contact>" % q
        if n:
            out += "<p:note%s>%s</p:note>" % (
                " xml:lang='%s'" % lang if lang else "", n)
        out += "</p:tuple>"
    if activities:
        out += "<dm:person xmlns:dm='%s' xmlns:r='%s' id='p'>" \
            "<r:activities>%s</r:activities></dm:person>" % (
                DM, RPID, "".join("<r:%s/>" % a for a in activities))
    return out + "</p:presence>"


def dialog_info(version, state, dialogs):
    """RFC 4235; dialogs: [(id, state)]."""
    return "<?xml version='1.0'?><dialog-info xmlns='urn:ietf:params:xml:" \
        "ns:dialog-info' version='%d' state='%s' entity='sip:600@x'>%s" \
        "</dialog-info>" % (version, state, "".join(
            "<dialog id='%s'><state>%s</state></dialog>" % d
            for d in dialogs))


def shown(p):
    """(show, status) of a presence stanza."""
    out = []
    for name in ("show", "status"):
        e = find(p, name)
        out.append(None if e is None else e.text)
    return tuple(out)


class Subscription:
    """One that the gateway makes; req is its first SUBSCRIBE."""

    def __init__(self, phone, req):
        self.phone, self.ua, self.req = phone, phone.ua, req
        self.ltag, self.cseq = token("n"), 0
        self.last = None

    def reply(self, code, headers=(), req=None):
        return self.ua.reply(req or self.req, code, headers=headers,
                             to_tag=self.ltag)

    def accept(self, code=200, req=None):
        req = req or self.req
        self.reply(code, [("Expires", req.get("Expires")),
                          ("Contact", self.ua.contact())], req)

    def notify(self, state, body="", cseq=None, from_tag=None, callid=None,
               event=None, ctype=None):
        self.cseq = cseq or self.cseq + 1
        event = event or self.req.get("Event")
        to = self.req.get("To")
        if not tag(to):
            to += ";tag=" + self.ltag
        if from_tag:
            to = self.req.get("To") + ";tag=" + from_tag
        ua = self.ua
        m = Msg("NOTIFY %s SIP/2.0" % uri(self.req.get("Contact")), [
            ("Via", ua.via()), ("Max-Forwards", "70"), ("From", to),
            ("To", self.req.get("From")),
            ("Call-ID", callid or self.req.get("Call-ID")),
            ("CSeq", "%d NOTIFY" % self.cseq), ("Contact", ua.contact()),
            ("Event", event)], body)
        if state:
            m.headers.append(("Subscription-State", state))
        if body:
            m.headers.append(("Content-Type", ctype or (
                "application/pidf+xml" if event == "presence"
                else "application/dialog-info+xml")))
        self.send(m)
        return m

    def send(self, m):
        """A NOTIFY as it was, for who had no answer."""
        self.last = asyncio.ensure_future(self.ua.request("", "", raw=m))
        self.ua._tasks.add(self.last)

    async def notified(self):
        """The answer to the last NOTIFY."""
        return await self.last

    async def refresh(self, timeout=PATIENCE):
        """The next SUBSCRIBE of the same dialog."""
        return await self.phone.take(
            lambda m: m.get("Call-ID") == self.req.get("Call-ID"), timeout)

    async def quiet(self, seconds):
        return await self.phone.quiet(seconds)


class Watcher:
    """One that the phone makes."""

    def __init__(self, phone, to, event="presence", name="600"):
        self.phone, self.ua, self.event = phone, phone.ua, event
        self.callid, self.ltag, self.cseq = token("w"), token("f"), 0
        self.to, self.remote, self.target = to, "<%s>" % to, to
        self.local = "<sip:%s@127.0.0.1:5060>;tag=%s" % (name, self.ltag)

    async def subscribe(self, expires=3600, headers=(), timeout=PATIENCE):
        self.cseq += 1
        m = Msg("SUBSCRIBE %s SIP/2.0" % self.target, [
            ("Via", self.ua.via()), ("Max-Forwards", "70"),
            ("From", self.local), ("To", self.remote),
            ("Call-ID", self.callid),
            ("CSeq", "%d SUBSCRIBE" % self.cseq),
            ("Contact", self.ua.contact())] + list(headers))
        if self.event:
            m.headers.append(("Event", self.event))
        if expires is not None:
            m.headers.append(("Expires", str(expires)))
        r = await self.ua.request("", "", raw=m, timeout=timeout)
        if r.code < 300:
            self.remote = r.get("To")
            self.target = uri(r.get("Contact"))
        return r

    async def notify(self, timeout=PATIENCE, code=200):
        """The next NOTIFY, answered with code."""
        m = await self.phone.take(
            lambda m: m.get("Call-ID") == self.callid, timeout, "NOTIFY")
        self.ua.reply(m, code)
        return m

    async def quiet(self, seconds):
        try:
            await self.notify(seconds)
        except TimeoutError:
            return True
        return False


class Phone:
    """Takes what comes outside of calls to ua."""

    def __init__(self, ua):
        self.ua, self.unread = ua, []

    async def take(self, test, timeout=PATIENCE, method="SUBSCRIBE"):
        end = asyncio.get_running_loop().time() + timeout
        while True:
            for m in self.unread:
                if m.method == method and test(m):
                    self.unread.remove(m)
                    return m
            left = end - asyncio.get_running_loop().time()
            try:
                self.unread.append(await asyncio.wait_for(
                    self.ua.others.get(), max(left, 0.001)))
            except asyncio.TimeoutError:
                raise TimeoutError("SIP: no %s within %g s; unread: %s" % (
                    method, timeout, self.unread)) from None

    async def subscription(self, timeout=PATIENCE, again=None):
        """A SUBSCRIBE without a dialog; again: its next try."""
        m = await self.take(
            lambda m: not tag(m.get("To"))
            and (again is None
                 or m.get("Call-ID") == again.req.get("Call-ID")), timeout)
        return Subscription(self, m)

    async def quiet(self, seconds):
        try:
            await self.take(lambda m: True, seconds)
        except TimeoutError:
            return True
        return False


def document(m):
    """[(id, basic, show, priority, note)] and activities of a NOTIFY."""
    root = ET.fromstring(m.body)
    assert root.tag == "{%s}presence" % PIDF, root.tag
    out = []
    for t in root.findall("{%s}tuple" % PIDF):
        status = t.find("{%s}status" % PIDF)
        show = status.find("{jabber:client}show")
        contact = t.find("{%s}contact" % PIDF)
        note = t.find("{%s}note" % PIDF)
        out.append((t.get("id"), status.find("{%s}basic" % PIDF).text,
                    None if show is None else show.text,
                    None if contact is None else contact.get("priority"),
                    None if note is None else note.text))
    act = root.findall(".//{%s}activities/*" % RPID)
    return out, [re.sub(r"{.*}", "", a.tag) for a in act]
