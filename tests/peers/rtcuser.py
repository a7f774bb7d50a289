"""rtcuser.py: a user of the scripted XMPP server whose ICE, DTLS-SRTP and
sound are real (aiortc): a test can stand between it and the gateway."""
import xml.etree.ElementTree as ET

from peers.jingleuser import User
from peers.sipmsg import Sdp


class RtcUser(User):
    """What jingleclient.Session needs of its client, over stanzas."""
    codec = "PCMU"
    trickle, group, bend, ice_servers = False, True, None, []

    def __init__(self, lab, jid="rtc@xmpp.test/py", tones=(500, 700)):
        # Most cases of a module do without, and it takes long to load.
        from peers import jingleclient
        self.rtc = jingleclient
        super().__init__(lab.server, jid)
        self.lab, self.tones, self.boundjid = lab, tones, jid
        self.session = None

    def say(self, *args, **data):
        pass

    def summary(self):
        return ""

    async def jingle(self, peer, j):
        """As jingleclient's; the answer is left to the server's log."""
        self.s.stanza("iq", self.jid, peer, ET.tostring(j, "unicode"), "set")

    async def call(self, rtp, to="600@sip.xmpp.test", answer=None,
                   before=None):
        """Calls the lab's telephone, whose sound is rtp; returns the
        session when it has the gateway's session-accept; before(accept) is
        run just before it learns of it."""
        self.sid = self.propose(to)
        c = self.phone = await self.lab.ua.get_call()
        self.offer_sdp = Sdp(c.req.body)
        c.reply(200, answer or self.lab.sdp(
            codecs=((0, "PCMU/8000"),)).replace(
                "m=audio 30000", "m=audio %d" % rtp.port))
        await c.wait("ACK")
        p = await self.get_jmi("proceed", sid=self.sid)
        self.gw = p.sender
        s = self.session = self.rtc.Session(self, self.sid, self.gw,
                                            "audio", False)
        self.lab.t.later(s.close)
        await s.initiate()
        a = await self.get_jingle("session-accept", sid=self.sid)
        if before:
            await before(a)
        sdp, _, s.event = self.rtc.jingle_to_sdp(a.j)
        await s.pc.setRemoteDescription(
            self.rtc.RTCSessionDescription(sdp, "answer"))
        return s

    def ports(self):
        """(RTP, of the gateway towards the telephone)"""
        m = self.offer_sdp.audio
        return m.addr, m.port


def candidates(action):
    """[(ip, port)] of a session-accept."""
    return [(c.get("ip"), int(c.get("port"))) for c in action.transport()
            if c.tag.endswith("}candidate") and c.get("component") == "1"]
