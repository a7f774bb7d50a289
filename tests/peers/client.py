"""client.py: what scripted clients share: calls both ways as a client of
libwebrtc makes them, and the judgement of all that came to it.

A client of its own file says how it differs; a fact there names the program
and the version that it was read in.  judge() goes through every stanza that
the client got and raises Refused where it would have given up."""
import re
import time

from peers.jingleuser import (DTLS, GROUP, HINTS, ICE, J, JMI, RTP, Action,
                              User, find, reason_of)
from peers.lab import GW, Flow
from peers.sipmsg import Sdp
from peers.xmppserver import DISCO, local

VIDEO = ("96", "VP8", "90000", "1")
NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*\Z")


class Refused(AssertionError):
    """The client would have given up here."""


def need(ok, what):
    if not ok:
        raise Refused(what)


class Client(User):
    name = "phone"
    direct = False          # never uses JMI
    jmi_ringing = True      # sends <ringing/>
    receipts = True         # sends XEP-0184 receipts for proposes
    bundle = True
    setup = "active"        # of its answers
    answers_one = False     # one payload type in an answer
    needs = (J, ICE, RTP, DTLS, "urn:xmpp:jingle:apps:rtp:audio")
    # s that it waits as a caller: for ringing or proceed, then while it
    # rings, then from proceed to a session
    patience = (30, 45, 15)
    codecs = (("111", "opus", "48000", "2"), ("9", "G722", "8000", "1"),
              ("0", "PCMU", "8000", "1"), ("8", "PCMA", "8000", "1"),
              ("110", "telephone-event", "48000", "1"),
              ("126", "telephone-event", "8000", "1"))

    def __init__(self, lab):
        super().__init__(lab.server, "alice@xmpp.test/" + self.name)
        self.lab, self.media = lab, {}      # media: sid -> what was proposed
        self.offers = {}                    # sid -> names we offered
        self.groups = {}                    # sid -> did the offer have one
        if self.direct:
            self.s.user_features[self.jid] = [
                f for f in self.s.user_features[self.jid] if f != JMI]

    async def button(self):
        """What must be there before it offers to call."""
        e = await self.s.iq(self.jid, GW + "/sip",
                            "<query xmlns='%s'/>" % DISCO)
        have = {f.get("var") for f in find(e, "query", DISCO)
                if local(f) == "feature"}
        for f in self.needs:
            need(f in have, "no call button without " + f)

    # ---- as caller ------------------------------------------------------
    def start(self, to, sid, video=False):
        """session-initiate."""
        inner = self.content(name="0", codecs=self.codecs)
        if video:
            inner += self.content(name="1", media="video", codecs=(VIDEO,))
        self.offers[sid] = ["0", "1"][:1 + video]
        self.groups[sid] = self.bundle
        if self.bundle:
            inner = "<group xmlns='%s' semantics='BUNDLE'>%s</group>" % (
                GROUP, "".join("<content name='%s'/>" % n
                               for n in self.offers[sid])) + inner
        self.jingle("session-initiate", to, sid, inner, initiator=self.jid)

    async def dial(self, video=False, ring=True):
        """Up to ringing."""
        f = Flow(self.lab, self)
        kinds = ("audio", "video")[:1 + video]
        if self.direct:
            f.sid = "mim%d" % len(self.offers)
            self.start(f.gw, f.sid, video)
        else:
            f.sid = self.propose(GW, media=kinds)
        self.media[f.sid] = list(kinds)
        f.sip = await self.lab.ua.get_call()
        if ring:
            f.sip.reply(180)
            await self.rings(f)
        return f

    async def rings(self, f):
        """Only now does it say that the phone rings."""
        if self.direct:
            a = await self.get_jingle("session-info", sid=f.sid)
            need(a.info() == ["ringing"], "ringing: %s" % a.info())
        else:
            await self.get_jmi("ringing", self.patience[0], f.sid)

    async def call(self, video=False, sdp=None):
        """Up to a session that was accepted."""
        f = await self.dial(video)
        f.sip.reply(200, sdp or self.lab.sdp())
        await f.sip.wait("ACK")
        since = time.monotonic()
        if not self.direct:
            p = await self.get_jmi("proceed", self.patience[1], f.sid)
            f.gw = p.sender
            self.start(f.gw, f.sid, video)
        f.accept = await self.get_jingle("session-accept", self.patience[2],
                                         f.sid)
        took = time.monotonic() - since
        need(took < self.patience[2] / 5, "%.1f s of its %d s are gone"
             " before ICE begins" % (took, self.patience[2]))
        return f

    def give_up(self, f):
        """Nobody answers and its user or its timer has had enough."""
        if self.direct:
            self.terminate(f.gw, f.sid, "cancel")
        else:
            self.jmi("retract", GW, f.sid, "cancel")

    async def refused(self, f, reason):
        """Told that the phone did not take the call."""
        if self.direct:
            a = await self.get_jingle("session-terminate", sid=f.sid)
            need(a.reason == reason, "terminate of %s" % a.reason)
            return a
        m = await self.get_jmi("reject", sid=f.sid)
        need(m.reason == reason, "reject of %s" % m.reason)
        return m

    # ---- as callee ------------------------------------------------------
    async def rung(self, sdp=None):
        """The phone calls; up to ringing."""
        f = Flow(self.lab, self)
        f.sip = await self.lab.ua.call(self.lab.dial % "alice",
                                       self.lab.sdp() if sdp is None else sdp)
        if self.direct:
            f.init = await self.get_jingle("session-initiate")
            f.sid, f.gw = f.init.sid, f.init.sender
            self.info(f.gw, f.sid, "ringing")
        else:
            f.propose = await self.get_jmi("propose")
            f.sid, f.gw = f.propose.id, f.propose.sender
            if self.receipts:
                self.receipt(f.gw, f.propose.stanza.get("id"))
            if self.jmi_ringing:
                self.jmi("ringing", f.gw, f.sid)
        await f.sip.wait(180, 6)
        return f

    def take(self, f):
        """Its user presses the green button."""
        self.jmi("proceed", f.gw, f.sid)

    def picked(self, offer):
        """What it takes of an offer, with the numbers of the offer."""
        mine = {(c[1].lower(), c[2]) for c in self.codecs}
        out = [tuple(p.get(k, "1") for k in ("id", "name", "clockrate",
                                             "channels"))
               for p in offer.description() if local(p) == "payload-type"
               and (p.get("name", "").lower(), p.get("clockrate")) in mine]
        need(out, "no codec in common")
        return out[:1] if self.answers_one else out

    async def answer(self, sdp=None):
        """Takes a call; up to the telephone's ACK."""
        f = await self.rung(sdp)
        if not self.direct:
            self.take(f)
            f.init = await self.get_jingle("session-initiate", 15, f.sid)
        self.accept(f.init, setup=self.setup, codecs=self.picked(f.init),
                    group=None if self.bundle else [])
        ok = await f.sip.wait("2xx", method="INVITE")
        f.answer_sdp = Sdp(ok.body)
        f.sip.ack()
        return f

    refuses_with = 486      # the final response that its no becomes

    def refuse(self, f):
        self.jmi("reject", f.gw, f.sid)

    def hang_up(self, f):
        self.terminate(f.gw, f.sid)

    async def hears_end(self, f):
        a = await self.get_jingle("session-terminate", sid=f.sid)
        if not self.direct:
            await self.get_jmi("finish", sid=f.sid)
        return a

    # ---- judgement ------------------------------------------------------
    def judge(self):
        sids = set()
        for st in self.s.history:
            if not self._mine(st) or st.get("type") in ("error", "result"):
                continue
            if local(st) == "message":
                self._judge_message(st, sids)
            elif local(st) == "iq" and find(st, "jingle", J) is not None:
                self.judge_jingle(Action(st))

    def _judge_message(self, st, sids):
        need(st.get("from") == GW + "/sip", "from %s" % st.get("from"))
        need(st.get("type") == "chat" and st.get("id"), "no chat with an id")
        e = next((c for c in st if c.tag.startswith("{%s}" % JMI)), None)
        if e is None:
            return
        need(not self.direct, "it knows no JMI")
        need(find(st, "store", HINTS) is not None, "no store hint")
        kind = local(e)
        to = self.bare if kind in ("propose", "retract") else self.jid
        need(st.get("to") == to, "%s to %s" % (kind, st.get("to")))
        if kind == "propose":
            need(e.get("id") not in sids, "sid %s again" % e.get("id"))
            sids.add(e.get("id"))
            self.media[e.get("id")] = [d.get("media") for d in e
                                       if local(d) == "description"]
        self.judge_jmi(kind, e)

    def judge_jmi(self, kind, e):
        if kind in ("reject", "retract", "finish"):
            need(reason_of(e)[0], "%s without a reason" % kind)

    def judge_jingle(self, a):
        need(a.sender == GW + "/sip", "%s from %s" % (a.action, a.sender))
        need(a.iq.get("to") == self.jid, "%s to %s" % (a.action,
                                                       a.iq.get("to")))
        if a.action == "session-terminate":
            need(a.reason, "session-terminate without a reason")
        if a.action == "session-initiate":
            self.judge_offer(a)
        elif a.action == "session-accept":
            self.judge_answer(a)
        if a.action in ("session-initiate", "session-accept"):
            self._judge_contents(a)
        if a.contents and a.action.startswith(("session", "transport")):
            for c in a.contents:
                self._judge_candidates(find(c, "transport", ICE))

    def _judge_contents(self, a):
        kinds = [find(c, "description", RTP).get("media")
                 for c in a.contents]
        need(kinds == self.media.get(a.sid, ["audio"]),
             "an %s call with %s" % (self.media.get(a.sid), kinds))
        prints = set()
        for i in range(len(a.contents)):
            d, t = a.description(i), a.transport(i)
            need(find(d, "rtcp-mux") is not None, "no rtcp-mux")
            p = find(t, "fingerprint", DTLS)
            need(p is not None and p.get("hash") == "sha-256",
                 "no fingerprint")
            prints.add((p.text.strip().upper(), p.get("setup")))
            ids = [x.get("id") for x in d if local(x) == "payload-type"]
            need(len(ids) == len(set(ids)), "payload types %s" % ids)
        need(len(prints) == 1, "contents with different fingerprints")

    def _judge_candidates(self, t):
        need(t.get("ufrag") and t.get("pwd"), "transport without credentials")
        for c in t:
            if local(c) != "candidate":
                continue
            need(c.get("protocol") == "udp" and c.get("component") == "1",
                 "candidate %s" % c.attrib)
            need(NCNAME.match(c.get("id", "")) and c.get("foundation")
                 and c.get("generation", "").isdigit(),
                 "candidate %s" % c.attrib)

    def judge_offer(self, a):
        need(a.setup() == "actpass", "offer with setup %s" % a.setup())
        need(a.group() == [c.get("name") for c in a.contents],
             "group of the offer: %s" % a.group())

    def judge_answer(self, a):
        names = [c.get("name") for c in a.contents]
        need(names == self.offers.get(a.sid), "contents %s" % names)
        need(a.setup() in ("active", "passive"), "setup %s" % a.setup())
        need((a.group() is not None) == self.groups[a.sid],
             "group of the answer: %s" % a.group())
