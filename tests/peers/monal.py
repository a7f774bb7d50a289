"""monal.py: Monal, scripted after its source."""
from peers.client import Client, need
from peers.jingleuser import J, find


class Monal(Client):
    """Monal (2024-10, commit 133bfd394; files below Monal/Classes).

    - JMI only; any contact has a call button (MLCall.m:892-922: the propose
      asks nobody what it can do)
    - a transport-info must carry the ufrag and pwd of the session, for each
      content (MLCall.m:1376-1386)
    - never answers session-info (MLCall.m:1440-1580 knows initiate, accept
      and terminate alone)
    - an audio call with a video content is a security error (MLCall.m:1546)
    - gives up 30 s after propose without ringing or proceed (MLCall.m:803),
      45 s after ringing (MLCall.m:792), 15 s after proceed when not connected
      (MLCall.m:761)"""
    name = "Monal-iOS.9f"
    needs = (J,)
    patience = (30, 45, 15)

    def __init__(self, lab):
        super().__init__(lab)
        self._keys = {}     # (sid, content) -> (ufrag, pwd)
        self._news = {}     # sid -> those of a restart that it asked for
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

    def keys_of(self, a, i=0):
        return a.transport(i).get("ufrag"), a.transport(i).get("pwd")

    def restarted(self, sid, keys):
        """It asked for a restart of ICE, and these are the other end's."""
        self._news[sid] = keys

    def judge_jingle(self, a):
        super().judge_jingle(a)
        for i, c in enumerate(a.contents):
            if a.action in ("session-initiate", "session-accept"):
                self._keys[a.sid, c.get("name")] = self.keys_of(a, i)
            elif a.action == "transport-info":
                self.trickled += 1
                known = self._keys.get((a.sid, c.get("name")))
                need(self.keys_of(a, i) in (known, self._news.get(a.sid)),
                     "transport-info of other credentials")
