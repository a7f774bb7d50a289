"""mongooseim.py: MongooseIM's component port, and the clients of its former
mod_jingle_sip, scripted after their source."""
from peers.client import Client, need
from peers.jingleuser import ICE, J, RTP, find
from peers.xmppserver import Server, local

BAD = ("<error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:"
       "xmpp-stanzas'/></error>")


class Component(Server):
    """MongooseIM (2026-08, commit 475087c6; functions of
    src/component/mongoose_component_connection.erl).

    - the from of each stanza must be in the component's domain, and it must
      have a to (check_from), else it comes back with bad-request
      (handle_stream_established, valid_from_jid_to_host_type)
    - of two connections the newer wins (conflict_behaviour kick_old) or loses
      (disconnect) (handle_registration_conflict)
    - no STARTTLS, no XEP-0225, no acknowledgements: that file has none"""
    kick_old = False

    def __init__(self, **kw):
        super().__init__(**kw)
        self.invalid = []

    def _element(self, writer, e):
        if local(e) == "handshake" and self._writer is not None:
            if self.kick_old:
                self.refuse, old = "conflict", self._writer
                self._stream_error(old)
            else:
                self.refuse = "conflict"
                self._stream_error(writer)
                self.refuse = None
                return
            self.refuse = None
        if local(e) != "handshake":
            domain = e.get("from", "").partition("/")[0].rpartition("@")[2]
            if domain != self.domain or not e.get("to"):
                self.invalid.append(e.attrib)
                self.stanza(local(e), e.get("to") or self.domain,
                            e.get("from") or self.domain, BAD, "error",
                            e.get("id"))
                return
        super()._element(writer, e)


class JingleSipUser(Client):
    """A client of mod_jingle_sip (MongooseIM before 6.7, at b44fb715a^; lines
    of src/jingle_sip/jingle_sip_callbacks.erl).

    - session-initiate straight to the contact and from it, no JMI (103)
    - ringing is session-info (294-309); a failure is session-terminate with
      general-error and the like, and a sip-error child with the code
      (338-339)"""
    name = "mim"
    direct = True
    needs = (J, RTP, ICE)
    refuses_with = 603

    def __init__(self, lab):
        super().__init__(lab)
        self.available("600@sip.xmpp.test")

    def refuse(self, f):
        self.terminate(f.gw, f.sid, "decline")

    def judge_failure(self, a, code):
        e = find(find(a.j, "reason"), "sip-error")
        need(e is not None and e.get("code") == str(code),
             "no sip-error %d" % code)
