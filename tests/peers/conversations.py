"""conversations.py: Conversations, scripted after its source."""
from peers.client import Client, need


class Conversations(Client):
    """Conversations 2.12.8 (2023-08, commit 0677ddc59b58; files below
    src/main/java/eu/siacs/conversations, xmpp/jingle where no folder is
    named).

    - call button: a presence from a full JID whose caps hold jingle, ice,
      rtp, dtls and rtp:audio (RtpCapability.java:18-41)
    - compares exact JIDs: the full JID that proceeds must be the one that
      all of the session comes from (JingleConnectionManager.java:422-431,
      the session's id)
    - shows "ringing" only at an XEP-0184 receipt for jm-propose-SID
      (parser/MessageParser.java:945); knows no JMI ringing and no finish,
      sends neither (JingleConnectionManager.java:255-455)
    - an offer must be actpass (RtpContentMap.java:142); all contents share a
      fingerprint and setup (RtpContentMap.java:235-260)
    - ends with security-error where the set of media is not the proposed one
      (JingleRtpConnection.java:1034)
    - content-remove ends the call unless it takes back an add of its own
      (JingleRtpConnection.java:585); session-info and content-modify are
      answered and ignored (JingleRtpConnection.java:240)
    - rejects without a reason (generator/MessageGenerator.java:258), by
      itself after 30 s (JingleRtpConnection.java:77, 1523); a sid that was
      used is remembered for 24 h (JingleConnectionManager.java:64)"""
    name = "Conversations.aB3x"
    jmi_ringing = False
    auto_reject = 30        # s

    async def rings(self, f):
        await self.get_receipt("jm-propose-" + f.sid, self.patience[0])

    def judge_jingle(self, a):
        super().judge_jingle(a)
        need(a.action != "content-remove", "content-remove ends its calls")
