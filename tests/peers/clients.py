"""clients.py: clients that do not run here, scripted after their source: what
each sends, in which order, and what it refuses.  The versions read are those
of the README's table; each fact names the program it is from."""
from peers.jingleuser import (DTLS, EVENT, ICE, J, JMI, OPUS, PCMA, PCMU,
                              RTP, User, find)
from peers.xmppserver import DISCO, local

CONTACT = "600@sip.xmpp.test"
VIDEO_PT = ("96", "VP8", "90000", "1")


class Refused(AssertionError):
    """The client would have given up here."""


def need(ok, what):
    if not ok:
        raise Refused(what)


class Client(User):
    """A JMI caller and callee on libwebrtc; the others say how they
    differ."""
    name = "phone"
    jmi_ringing = True          # sends <ringing/>
    receipts = True             # sends XEP-0184 receipts for proposes
    bundle = True
    setup = "active"
    codecs = (OPUS, PCMU, PCMA, EVENT)
    sip_codecs = ((0, "PCMU/8000"), (8, "PCMA/8000"))   # that it can meet
    ring_timeout = 30           # s as caller until ringing or proceed

    def __init__(self, lab):
        super().__init__(lab.server, "alice@xmpp.test/" + self.name)
        self.lab = lab

    async def button(self):
        """Features that must be there before it offers to call."""
        e = await self.s.iq(self.jid, CONTACT + "/sip",
                            "<query xmlns='%s'/>" % DISCO)
        have = {f.get("var") for f in find(e, "query", DISCO)
                if local(f) == "feature"}
        for f in self.needs:
            need(f in have, "no call button without " + f)

    needs = (J, ICE, RTP, DTLS, "urn:xmpp:jingle:apps:rtp:audio")

    # ---- as caller ------------------------------------------------------
    async def call(self):
        """Returns (gateway's JID, sid, session-accept)."""
        sid = self.propose(CONTACT)
        phone = await self.lab.ua.get_call()
        phone.reply(180)
        await self.rings(sid)
        phone.reply(200, self.lab.sdp(codecs=self.sip_codecs))
        p = await self.get_jmi("proceed", self.ring_timeout, sid)
        need(p.sender.partition("/")[0] == CONTACT, "proceed of another")
        self.initiate(p.sender, sid, codecs=self.codecs, group=self.bundle)
        a = await self.get_jingle("session-accept", 15, sid)
        need(a.sender == p.sender, "session-accept of another full JID")
        self.check_answer(a, ["0"])
        return phone, p.sender, sid, a

    async def rings(self, sid):
        await self.get_jmi("ringing", self.ring_timeout, sid)

    def check_answer(self, a, names):
        need([c.get("name") for c in a.contents] == names,
             "other contents than offered")
        need(a.setup() in ("active", "passive"), "setup " + str(a.setup()))
        need((a.group() is not None) == self.bundle, "group of the answer")
        need(find(a.description(), "rtcp-mux") is not None, "no rtcp-mux")

    # ---- as callee ------------------------------------------------------
    async def answer(self, phone):
        """Takes the call that phone (a sip Call) has placed."""
        p = await self.get_jmi("propose")
        if self.receipts:
            self.receipt(p.sender, p.stanza.get("id"))
        if self.jmi_ringing:
            self.jmi("ringing", p.sender, p.id)
        await phone.wait(180, 6)
        self.jmi(*self.announce(p))
        self.jmi("proceed", p.sender, p.id)
        i = await self.get_jingle("session-initiate", 15, p.id)
        need(i.sender == p.sender, "session-initiate of another full JID")
        self.check_offer(i)
        self.accept(i, setup=self.setup, codecs=self.codecs,
                    group=None if self.bundle else [])
        await phone.wait(200)
        phone.ack()
        return p.sender, p.id

    def announce(self, p):
        """To its own other devices (X0353 before 0.8)."""
        return "accept", self.bare, p.id

    def check_offer(self, i):
        need(i.setup() == "actpass", "offer with setup " + str(i.setup()))
        media = [find(c, "description", RTP).get("media")
                 for c in i.contents]
        need(media == ["audio"], "an audio call with %s" % media)
        prints = {find(i.transport(n), "fingerprint", DTLS).text
                  for n in range(len(i.contents))}
        need(len(prints) == 1, "contents with different fingerprints")
        need(find(i.description(), "rtcp-mux") is not None, "no rtcp-mux")

    def check_transport_info(self, act, i):
        """act: a transport-info that came, i: the session-initiate."""


class Conversations(Client):
    """2.12.8: shows ringing only after a receipt for jm-propose-SID; rejects
    without a reason; knows no JMI ringing; ignores session-info."""
    name = "Conversations.aB3x"
    jmi_ringing = False

    async def rings(self, sid):
        await self.get_receipt("jm-propose-" + sid, self.ring_timeout)

    def refuse(self, p):
        self.jmi("reject", p.sender, p.id)


class Cheogram(Conversations):
    """Conversations' code; a roster contact of a domain whose gateway has the
    identity gateway/pstn counts as callable."""
    name = "Cheogram.k2"

    async def button(self):
        e = await self.s.iq(self.jid, "sip.xmpp.test",
                            "<query xmlns='%s'/>" % DISCO)
        ids = [(i.get("category"), i.get("type"))
               for i in find(e, "query", DISCO) if local(i) == "identity"]
        need(("gateway", "pstn") in ids, "gateway/pstn not in %s" % ids)


class Monal(Client):
    """2024-10: needs ufrag and pwd of the session in every transport-info;
    never answers session-info; audio calls with video are refused."""
    name = "Monal-iOS.9f"
    needs = (J,)

    def __init__(self, lab):
        super().__init__(lab)
        self.s.answers.append(self._silent)

    def _silent(self, iq):
        j = find(iq, "jingle", J)
        if iq.get("type") != "set" or j is None \
                or j.get("action") != "session-info":
            return False
        self.s.unread.append(iq)
        return True

    def check_transport_info(self, act, i):
        for k in ("ufrag", "pwd"):
            need(act.transport().get(k) == i.transport().get(k),
                 "transport-info with other " + k)


class Movim(Client):
    """0.34.1: libwebrtc with max-bundle; understands senders both and none
    only; ptime as attribute of the description; sends finish itself."""
    name = "movim7Qp"
    needs = Client.needs + (JMI,)

    def content(self, **kw):
        return super().content(**kw).replace(
            "media='audio'>", "media='audio' ptime='20'>")

    def check_offer(self, i):
        super().check_offer(i)
        need(i.group() is not None, "max-bundle without a BUNDLE group")
        for c in i.contents:
            need(c.get("senders", "both") in ("both", "none"),
                 "senders " + str(c.get("senders")))

    def hang_up(self, gw, sid):
        self.terminate(gw, sid)
        self.jmi("finish", gw, sid, "success")


class Dino(Client):
    """0.5: no JMI ringing, no receipt for proposes; never bundles; answers
    active with one codec and candidates of component 2; SDES crypto too."""
    name = "dino.4b1f"
    jmi_ringing = receipts = bundle = False
    codecs, sip_codecs = (OPUS,), ((96, "opus/48000/2"),)
    needs = (RTP, ICE)

    def content(self, **kw):
        s = super().content(**kw)
        s = s.replace("<rtcp-mux/>", "<encryption><crypto tag='1' "
                      "crypto-suite='AES_CM_128_HMAC_SHA1_80' key-params="
                      "'inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz'/>"
                      "</encryption><rtcp-mux/>")
        return s.replace("</transport>", "<candidate component='2' "
                         "foundation='1' generation='0' id='c2' ip="
                         "'127.0.1.1' port='10' priority='2130706430' "
                         "protocol='udp' type='host' network='0'/>"
                         "</transport>")


ALL = (Conversations, Cheogram, Monal, Movim, Dino)
