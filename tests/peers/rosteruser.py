"""rosteruser.py: an XMPP user (slixmpp) with a roster: subscribes, allows who
asks, and notes each presence that comes."""
import asyncio
import logging

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from peers import plain
from peers.proc import PATIENCE, woken

logging.getLogger("slixmpp").setLevel(logging.ERROR)


class RosterUser(slixmpp.ClientXMPP):
    def __init__(self, name, resource="desk"):
        super().__init__("%s@xmpp.test/%s" % (name, resource), name + "-pw")
        self.seen, self.read = [], 0
        self._online, self._wake = asyncio.Event(), asyncio.Event()
        self.add_event_handler("session_start", self._started)
        self.register_handler(Callback(
            "all presence", MatchXPath("{jabber:client}presence"),
            self._presence))

    async def _started(self, _):
        await self.get_roster()
        self.send_presence()
        self._online.set()

    def _presence(self, p):
        self.seen.append((str(p["from"]), p["type"], str(p["show"] or ""),
                          p["status"]))
        self._wake.set()

    async def login(self, timeout=PATIENCE):
        self._online.clear()
        plain.connect(self, 5222)
        await asyncio.wait_for(self._online.wait(), timeout)
        return self

    async def logout(self):
        await self.disconnect(wait=1)

    def watch(self, jid):
        self.send_presence_subscription(pto=jid, ptype="subscribe")

    async def sees(self, contact, type=None, show=None, status=None,
                   timeout=PATIENCE):
        """The next presence of contact like that, or one not yet read."""
        def test():
            while self.read < len(self.seen):
                frm, t, s, text = self.seen[self.read]
                self.read += 1
                if frm.partition("/")[0] == contact and \
                        type in (None, t) and show in (None, s) and \
                        status in (None, text):
                    return frm, t, s, text
            return None
        return await woken(self._wake, test, timeout, lambda: (
            "presence %s %s %s of %s; seen: %s" % (type, show, status, contact,
                                                   self.seen)))
