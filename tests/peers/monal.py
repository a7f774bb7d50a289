"""monal.py: Monal, scripted after its source."""
from peers.client import Client, need
from peers.jingleuser import ICE, J, find


class Monal(Client):
    """Monal (2024-10).

    - JMI only; any contact has a call button
    - a transport-info must carry the ufrag and pwd of the session, for each
      content
    - never answers session-info
    - an audio call with a video content is a security error
    - gives up 30 s after propose without ringing or proceed, 45 s after
      ringing, 15 s after proceed when not connected"""
    name = "Monal-iOS.9f"
    needs = (J,)
    patience = (30, 45, 15)

    def __init__(self, lab):
        super().__init__(lab)
        self._keys = {}     # (sid, content) -> (ufrag, pwd)
        self.trickled = 0
        self.s.answers.append(self._silent)

    def _silent(self, iq):
        j = find(iq, "jingle", J)
        if iq.get("type") != "set" or j is None or not self._mine(iq) \
                or j.get("action") != "session-info":
            return False
        self.s.unread.append(iq)
        self.s._wake.set()
        return True

    def judge_jingle(self, a):
        super().judge_jingle(a)
        for c in a.contents:
            t = find(c, "transport", ICE)
            key, said = (a.sid, c.get("name")), None
            if t is not None:
                said = t.get("ufrag"), t.get("pwd")
            if a.action in ("session-initiate", "session-accept"):
                self._keys[key] = said
            elif a.action == "transport-info":
                self.trickled += 1
                need(self._keys.get(key) == said,
                     "transport-info of other credentials: %s" % (said,))
