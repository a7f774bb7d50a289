"""conversations.py: Conversations, scripted after its source."""
from peers.client import Client, need


class Conversations(Client):
    """Conversations 2.12.8 (2023-08).

    - call button: a presence from a full JID whose caps hold jingle, ice,
      rtp, dtls and rtp:audio
    - compares exact JIDs: the full JID that proceeds must be the one that
      all of the session comes from
    - shows "ringing" only at an XEP-0184 receipt for jm-propose-SID; knows
      no JMI ringing and no finish, sends neither
    - an offer must be actpass; all contents share a fingerprint and setup
    - ends with security-error where the set of media is not the proposed one
    - content-remove ends the call unless it takes back an add of its own;
      session-info and content-modify are answered and ignored
    - rejects without a reason, by itself after 30 s; a sid that was used is
      remembered for 24 h"""
    name = "Conversations.aB3x"
    jmi_ringing = False
    auto_reject = 30        # s

    async def rings(self, f):
        await self.get_receipt("jm-propose-" + f.sid, self.patience[0])

    def judge_jingle(self, a):
        super().judge_jingle(a)
        need(a.action != "content-remove", "content-remove ends its calls")
