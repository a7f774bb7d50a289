"""movim.py: Movim, scripted after its source."""
from peers.client import Client, need
from peers.jingleuser import JMI


class Movim(Client):
    """Movim 0.34.1 (2026-08, commit bf7862603).

    - call button: caps with rtp:audio and JMI; JMI only (app/Info.php:309);
      sends ringing and finish (app/Widgets/Visio/Visio.php:166, 726), and can
      send an accept (src/Moxl/Stanza/Jingle.php:37)
    - libwebrtc with bundlePolicy max-bundle: an offer, and an answer to its
      own, must have the BUNDLE group (public/scripts/movim_jingles.js:17)
    - maps senders without the role: only both and none are understood
      (src/Movim/Librairies/JingletoSDP.php:31)
    - reads and writes ptime on the description (JingletoSDP.php:250,
      SDPtoJingle.php:351)"""
    name = "movim7Qp"
    needs = Client.needs + (JMI,)

    def content(self, **kw):
        return super().content(**kw).replace(
            "media='audio'>", "media='audio' ptime='20'>")

    def take(self, f):
        self.jmi("accept", self.bare, f.sid)
        self.jmi("accept", f.gw, f.sid)     # of a carbon that went astray
        super().take(f)

    def hang_up(self, f):
        super().hang_up(f)
        self.jmi("finish", f.gw, f.sid, "success")

    def judge_jingle(self, a):
        super().judge_jingle(a)
        for c in a.contents:
            need(c.get("senders", "both") in ("both", "none"),
                 "senders %s" % c.get("senders"))

    def judge_answer(self, a):
        super().judge_answer(a)
        need(a.group() == self.offers[a.sid], "group %s of a max-bundle call"
             % a.group())
