"""dino.py: Dino, scripted after its source; the real one runs in the lab."""
from peers.client import Client, need
from peers.jingleuser import ICE, RTP

CRYPTO = ("<encryption><crypto tag='1' crypto-suite='AES_CM_128_HMAC_SHA1_80'"
          " key-params='inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz'/>"
          "</encryption>")
SECOND = ("<candidate component='2' foundation='1' generation='0' id='c2' "
          "ip='127.0.1.1' port='10' priority='2130706430' protocol='udp' "
          "type='host' network='0'/>")


class Dino(Client):
    """Dino 0.5.0+106 (2026-06, commit 45723ac2; 0167 and 0353 are files
    below xmpp-vala/src/module/xep).

    - the button is always on; JMI where any caps have it, else direct
      (libdino/src/service/call_peer_state.vala:72-96)
    - never bundles: no word of it below xmpp-vala; a transport with two
      components for each content (0167_jingle_rtp/content_type.vala:8)
    - answers active (plugins/ice/src/transport_parameters.vala:75), with one
      payload type (0167_jingle_rtp/content_parameters.vala:195); no
      telephone-event at all (plugins/rtp/src/module.vala:134)
    - SDES beside the fingerprint, in offers and answers
      (0167_jingle_rtp/content_parameters.vala:206)
    - sends neither JMI ringing nor a receipt; sends an accept to itself
      (0353_jingle_message_initiation.vala:29)
    - mutes by session-info (libdino/src/service/call_peer_state.vala:190)"""
    name = "dino.4b1f"
    jmi_ringing = receipts = bundle = False
    answers_one = True
    needs = (RTP, ICE)
    codecs = (("111", "opus", "48000", "2"), ("98", "speex", "32000", "1"),
              ("9", "G722", "8000", "1"), ("0", "PCMU", "8000", "1"),
              ("8", "PCMA", "8000", "1"))

    def content(self, **kw):
        return super().content(**kw).replace(
            "<rtcp-mux/>", CRYPTO + "<rtcp-mux/>").replace(
            "</transport>", SECOND + "</transport>")

    def take(self, f):
        self.jmi("accept", self.bare, f.sid)
        super().take(f)

    def judge_answer(self, a):
        super().judge_answer(a)
        need("telephone-event" not in a.codecs(),
             "an answer with more than was offered: %s" % a.codecs())
