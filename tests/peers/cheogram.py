"""cheogram.py: Cheogram Android, scripted after its source."""
from peers.client import need
from peers.conversations import Conversations
from peers.jingleuser import find
from peers.xmppserver import DISCO, local


class Cheogram(Conversations):
    """Cheogram Android (fork of Conversations).  Its source was searched for
    words, not read through, so that its lines cannot be named.

    - besides, any roster contact of a domain whose gateway has the identity
      gateway/pstn counts as callable, and goes to the system's dialler
    - sends digits as telephone-event: the answer must keep it
    - else as Conversations, conversations.py"""
    name = "Cheogram.k2"

    async def button(self):
        e = await self.s.iq(self.jid, "sip.xmpp.test",
                            "<query xmlns='%s'/>" % DISCO)
        ids = [(i.get("category"), i.get("type"))
               for i in find(e, "query", DISCO) if local(i) == "identity"]
        need(("gateway", "pstn") in ids, "gateway/pstn not in %s" % ids)

    def judge_answer(self, a):
        super().judge_answer(a)
        need("telephone-event" in a.codecs(), "no digits: %s" % a.codecs())
