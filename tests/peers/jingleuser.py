"""jingleuser.py: a user's client, in stanzas only: JMI and Jingle as a script
says, over xmppserver.Server.  Its ICE candidates and fingerprint are valid and
lead nowhere."""
import base64
import hashlib
import uuid

from peers.proc import PATIENCE
from peers.xmppserver import find, local, ns

J = "urn:xmpp:jingle:1"
RTP = "urn:xmpp:jingle:apps:rtp:1"
INFO = "urn:xmpp:jingle:apps:rtp:info:1"
ICE = "urn:xmpp:jingle:transports:ice-udp:1"
DTLS = "urn:xmpp:jingle:apps:dtls:0"
GROUP = "urn:xmpp:jingle:apps:grouping:0"
JMI = "urn:xmpp:jingle-message:0"
RECEIPTS = "urn:xmpp:receipts"
HINTS = "urn:xmpp:hints"
FEATURES = ["http://jabber.org/protocol/disco#info", J, RTP,
            "urn:xmpp:jingle:apps:rtp:audio", ICE, DTLS, JMI]
FINGERPRINT = ":".join("%02X" % (7 * i % 256) for i in range(32))
OPUS = ("111", "opus", "48000", "2")
PCMU = ("0", "PCMU", "8000", "1")
PCMA = ("8", "PCMA", "8000", "1")
EVENT = ("126", "telephone-event", "8000", "1")


def reason_of(e):
    """("busy", text or None) of an element with <reason/>; (None, None)."""
    r = find(e, "reason")
    if r is None:
        return None, None
    name = words = None
    for c in r:
        if local(c) == "text":
            words = c.text
        elif ns(c) == J and name is None:
            name = local(c)
    return name, words


class Message:
    """A JMI element as it came."""

    def __init__(self, stanza, e):
        self.stanza, self.kind, self.id = stanza, local(e), e.get("id")
        self.sender, self.to = stanza.get("from"), stanza.get("to")
        self.element = e
        self.reason, self.text = reason_of(e)


class Action:
    """A <jingle/> as it came; the IQ has been answered."""

    def __init__(self, iq):
        self.iq, self.j = iq, find(iq, "jingle", J)
        self.action, self.sid = self.j.get("action"), self.j.get("sid")
        self.sender = iq.get("from")
        self.reason, self.text = reason_of(self.j)
        self.contents = [c for c in self.j if local(c) == "content"]

    def info(self):
        """Names of the session-info payload."""
        return [local(c) for c in self.j]

    def description(self, i=0):
        return find(self.contents[i], "description", RTP)

    def transport(self, i=0):
        return find(self.contents[i], "transport", ICE)

    def codecs(self, i=0):
        return [p.get("name") for p in self.description(i)
                if local(p) == "payload-type"]

    def setup(self, i=0):
        f = find(self.transport(i), "fingerprint", DTLS)
        return None if f is None else f.get("setup")

    def group(self):
        g = find(self.j, "group", GROUP)
        return None if g is None else [c.get("name") for c in g]


class User:
    def __init__(self, server, jid="alice@xmpp.test/phone", features=True):
        self.s, self.jid = server, jid
        self.bare = jid.partition("/")[0]
        if features:
            server.user_features[jid] = FEATURES

    # ---- JMI ------------------------------------------------------------
    def message(self, to, inner, id=None, type="chat"):
        return self.s.stanza("message", self.jid, to, inner, type, id)

    def propose(self, to, sid=None, media=("audio",), receipt=True):
        sid = sid or str(uuid.uuid4())
        self.message(to, "<propose xmlns='%s' id='%s'>%s</propose>%s"
                     "<store xmlns='%s'/>" % (
                         JMI, sid, "".join(
                             "<description xmlns='%s' media='%s'/>" % (RTP, m)
                             for m in media),
                         "<request xmlns='%s'/>" % RECEIPTS if receipt
                         else "", HINTS), "jm-propose-" + sid)
        return sid

    def jmi(self, kind, to, sid, reason=None, words=None, extra=""):
        """ringing, proceed, reject, retract, finish."""
        r = "<reason xmlns='%s'><%s/>%s</reason>" % (
            J, reason, "<text>%s</text>" % words if words else "") \
            if reason else ""
        self.message(to, "<%s xmlns='%s' id='%s'>%s%s</%s>"
                     "<store xmlns='%s'/>" % (kind, JMI, sid, r, extra, kind,
                                              HINTS))

    def receipt(self, to, id):
        self.message(to, "<received xmlns='%s' id='%s'/>" % (RECEIPTS, id))

    def _mine(self, st):
        return st.get("to") in (self.jid, self.bare)

    async def get_jmi(self, kind, timeout=PATIENCE, sid=None):
        def test(st):
            if local(st) != "message" or not self._mine(st):
                return False
            e = find(st, kind, JMI)
            return e is not None and sid in (None, e.get("id"))
        st = await self.s.wait(test, timeout, "JMI %s" % kind)
        return Message(st, find(st, kind, JMI))

    async def get_receipt(self, id, timeout=PATIENCE):
        def test(st):
            r = find(st, "received", RECEIPTS)
            return r is not None and r.get("id") == id and self._mine(st)
        return await self.s.wait(test, timeout, "receipt %s" % id)

    async def no_jmi(self, kind, seconds, sid=None):
        await self.s.none(
            lambda st: local(st) == "message" and self._mine(st)
            and find(st, kind, JMI) is not None, seconds, kind)

    # ---- Jingle ---------------------------------------------------------
    def content(self, name="0", codecs=(OPUS, PCMU, PCMA, EVENT),
                setup="actpass", media="audio", senders="both",
                creator="initiator", fingerprint=FINGERPRINT, hash="sha-256",
                candidates=True, mux=True, ufrag="uf12"):
        pts = "".join("<payload-type id='%s' name='%s' clockrate='%s' "
                      "channels='%s'/>" % c for c in codecs)
        fp = "<fingerprint xmlns='%s' hash='%s' setup='%s'>%s</fingerprint>" \
            % (DTLS, hash, setup, fingerprint) if fingerprint else ""
        cand = ("<candidate component='1' foundation='1' generation='0' "
                "id='c1' ip='127.0.1.1' port='9' priority='2130706431' "
                "protocol='udp' type='host' network='0'/>") \
            if candidates else ""
        return ("<content xmlns='%s' creator='%s' name='%s' senders='%s'>"
                "<description xmlns='%s' media='%s'>%s%s</description>"
                "<transport xmlns='%s' ufrag='%s' "
                "pwd='abcdefghijklmnopqrstuv'>%s%s</transport></content>" % (
                    J, creator, name, senders, RTP, media, pts,
                    "<rtcp-mux/>" if mux else "", ICE, ufrag, fp, cand))

    def jingle(self, action, to, sid, inner="", **attrs):
        """Sends an IQ with <jingle/>; returns its id."""
        more = "".join(" %s='%s'" % x for x in attrs.items())
        return self.s.stanza(
            "iq", self.jid, to, "<jingle xmlns='%s' action='%s' sid='%s'%s>"
            "%s</jingle>" % (J, action, sid, more, inner), "set")

    def initiate(self, to, sid=None, group=True, **kw):
        sid = sid or str(uuid.uuid4())
        g = "<group xmlns='%s' semantics='BUNDLE'><content name='0'/>" \
            "</group>" % GROUP if group else ""
        self.jingle("session-initiate", to, sid, g + self.content(**kw),
                    initiator=self.jid)
        return sid

    def accept(self, act, group=None, **kw):
        """session-accept of a received session-initiate."""
        kw.setdefault("setup", "active")
        names = act.group() if group is None else group
        g = "<group xmlns='%s' semantics='BUNDLE'>%s</group>" % (
            GROUP, "".join("<content name='%s'/>" % n for n in names)) \
            if names else ""
        return self.jingle(
            "session-accept", act.sender, act.sid,
            g + "".join(self.content(name=c.get("name"), **kw)
                        for c in act.contents), responder=self.jid)

    def terminate(self, to, sid, reason="success", words=None):
        r = "<reason>%s%s</reason>" % (
            "<%s/>" % reason, "<text>%s</text>" % words if words else "") \
            if reason else ""
        return self.jingle("session-terminate", to, sid, r)

    def info(self, to, sid, what, namespace=INFO, attrs=""):
        return self.jingle("session-info", to, sid,
                           "<%s xmlns='%s'%s/>" % (what, namespace, attrs)
                           if what else "")

    async def get_jingle(self, action, timeout=PATIENCE, sid=None):
        def test(st):
            if local(st) != "iq" or st.get("to") != self.jid \
                    or st.get("type") != "set":
                return False
            j = find(st, "jingle", J)
            return j is not None and j.get("action") == action \
                and sid in (None, j.get("sid"))
        return Action(await self.s.wait(test, timeout, action))

    async def answer_to(self, id, timeout=PATIENCE):
        """The result or error of an IQ of ours."""
        return await self.s.wait(
            lambda st: local(st) == "iq" and st.get("id") == id
            and st.get("to") == self.jid
            and st.get("type") in ("result", "error"), timeout,
            "answer to %s" % id)

    async def no_jingle(self, action, seconds):
        await self.s.none(
            lambda st: local(st) == "iq" and st.get("to") == self.jid
            and find(st, "jingle", J) is not None
            and find(st, "jingle", J).get("action") == action, seconds,
            action)

    # ---- presence -------------------------------------------------------
    def available(self, to):
        """Presence with caps (XEP-0115) of what disco#info of it says."""
        s = "client/pc//<" + "".join(
            f + "<" for f in sorted(self.s.user_features[self.jid]))
        ver = base64.b64encode(hashlib.sha1(s.encode()).digest()).decode()
        self.s.stanza("presence", self.jid, to,
                      "<c xmlns='http://jabber.org/protocol/caps' hash="
                      "'sha-1' node='https://client.test' ver='%s'/>" % ver)

    def unavailable(self, to):
        self.s.stanza("presence", self.jid, to, type="unavailable")
