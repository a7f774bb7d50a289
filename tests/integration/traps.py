"""Traps that others fell into.  Some stand where the rest of their matter is:
answers_are_never_actpass, group_as_in_the_offer, iq_results_go_to_full_jid,
disco_and_caps_of_contact (sorted features) and odd_offers_are_survived in
xmppside.py, s_ringing__s_cancel__retract in e4.py."""
import asyncio
import json

from peers.client import Client
from peers.jingleuser import (FINGERPRINT, GROUP, HINTS, ICE, J, JMI, RTP,
                              find)
from peers.lab import GW, Lab
from peers.runner import case
from peers.xmppserver import DISCO, condition, local

FULL = GW + "/sip"


# ---- an answer never carries setup=actpass --------------------------------
@case
async def answer_to_an_answer_of_actpass(t):
    """A client that falls into it: its session-accept says actpass; the
    gateway goes on as if it had said active, and never says it itself."""
    lab = await Lab(t).start()
    f = await lab.s2x("initiated")
    f.user.accept(f.init, setup="actpass")
    r = await f.sip.wait(lambda m: m.code and m.code >= 200
                         and m.cseq[1] == "INVITE")
    assert r.code in (200, 488), r      # taken or refused, never stuck
    if r.code == 200:
        f.sip.ack()
        await f.sip.hang_up()


@case
async def video_of_an_answer_is_not_actpass(t):
    """The content that is refused, too."""
    lab = await Lab(t).start()
    c = Client(lab)
    f = await c.call(video=True)
    for i in range(2):
        assert f.accept.setup(i) in ("active", "passive"), f.accept.setup(i)
    await f.sip.hang_up()


# ---- caps features are sorted ---------------------------------------------
@case
async def caps_of_the_gateway_itself(t):
    lab = await Lab(t).start()
    e = await lab.server.iq(lab.alice.jid, "sip.xmpp.test",
                            "<query xmlns='%s'/>" % DISCO)
    q = find(e, "query", DISCO)
    features = [f.get("var") for f in q if local(f) == "feature"]
    assert features == sorted(features, key=str.encode), features
    assert len(set(features)) == len(features), features


# ---- JMI is type='chat' with a <store/> hint ------------------------------
async def _every_jmi(lab, kinds):
    seen = {}
    for st in lab.server.history:
        e = next((c for c in st if c.tag.startswith("{%s}" % JMI)), None)
        if e is not None and st.get("type") != "error":
            seen[local(e)] = st
    assert set(seen) == set(kinds), sorted(seen)
    for kind, st in seen.items():
        assert st.get("type") == "chat", kind
        assert st.get("id"), kind
        assert find(st, "store", HINTS) is not None, kind


@case
async def every_jmi_is_chat_with_store(t):
    """All six that the gateway sends; carbons and archives need it."""
    lab = await Lab(t).start()
    f = await lab.x2s()                     # ringing, proceed
    await f.sip.hang_up()
    await f.user.get_jmi("finish", sid=f.sid)
    f = await lab.x2s("ringing")
    f.sip.reply(486)
    await f.user.get_jmi("reject", sid=f.sid)
    f = await lab.s2x("ringing")            # propose
    f.sip.cancel()
    await f.user.get_jmi("retract", sid=f.sid)
    await _every_jmi(lab, ("propose", "ringing", "proceed", "reject",
                           "retract", "finish"))


# ---- a terminate while still proposed is a retract ------------------------
@case
async def no_terminate_for_what_is_only_proposed(t):
    """Every end of a proposal that never became a session."""
    lab = await Lab(t).start({"trunk pbx": {"ring_timeout": 5}})
    f = await lab.s2x("ringing")
    f.sip.cancel()
    await f.user.get_jmi("retract", sid=f.sid)
    f = await lab.s2x("ringing")
    await f.sip.wait(480)
    await f.user.get_jmi("retract", sid=f.sid)
    f = await lab.s2x("ringing")
    (call,) = json.loads(lab.stoxd.ctl("--json", "calls"))
    lab.stoxd.ctl("call", "hangup", call["id"])
    await f.user.get_jmi("retract", sid=f.sid)
    assert not any(find(st, "jingle", J) is not None
                   for st in lab.server.history), "Jingle without a session"


@case
async def client_terminates_what_it_only_proposed(t):
    """The same trap on the other side: there is no such session."""
    lab = await Lab(t).start()
    f = await lab.x2s("ringing")
    e = await f.user.answer_to(f.user.terminate(FULL, f.sid, "cancel"))
    assert condition(e) == ("item-not-found", "unknown-session"), \
        condition(e)
    f.user.jmi("retract", GW, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)


# ---- IQ results go to the exact full JID ----------------------------------
@case
async def errors_go_to_the_full_jid_too(t):
    """With the id and the addresses of the question, capitals and all."""
    lab = await Lab(t).start()
    u = lab.alice
    odd = "alice@xmpp.test/Phone of <Al> & 'co'"
    for inner, kind in (("<ping xmlns='urn:xmpp:ping'/>", "get"),
                        ("<x xmlns='unknown:x'/>", "set"),
                        ("<jingle xmlns='%s' action='session-info' "
                         "sid='none'/>" % J, "set")):
        e = await lab.server.iq(odd, FULL, inner, kind)
        assert e.get("to") == odd and e.get("from") == FULL, e.attrib
    assert u.jid != odd


# ---- groups ---------------------------------------------------------------
@case
async def group_with_the_refused_content(t):
    """A max-bundle client offers both in one group: it must come back."""
    lab = await Lab(t).start()
    c = Client(lab)
    f = await c.call(video=True)
    assert f.accept.group() is not None
    assert set(f.accept.group()) <= {"0", "1"} and "0" in f.accept.group()
    await f.sip.hang_up()


@case
async def group_of_another_semantics(t):
    """Lip synchronisation is no BUNDLE."""
    lab = await Lab(t).start()
    u = lab.alice
    u.jingle("session-initiate", FULL, "ls",
             "<group xmlns='%s' semantics='LS'><content name='0'/></group>"
             % GROUP + u.content())
    c = await lab.ua.get_call()
    c.reply(200, lab.sdp())
    a = await u.get_jingle("session-accept", sid="ls")
    groups = [g.get("semantics") for g in a.j if local(g) == "group"]
    assert "BUNDLE" not in groups, groups
    await c.hang_up()


# ---- prefixes, empty parameters, other components -------------------------
@case
async def prefixes_in_an_accept(t):
    """A client that writes prefixes, as callee; candidates of TCP and of
    component 2 come with it and after it."""
    lab = await Lab(t).start()
    f = await lab.s2x("initiated")
    cand = "".join(
        "<i:candidate component='%s' foundation='1' generation='0' id='q%d' "
        "ip='%s' port='%d' priority='%d' protocol='%s' type='host'/>" % c
        for c in (("1", 1, "127.0.1.1", 9, 2130706431, "tcp"),
                  ("2", 2, "127.0.1.1", 4000, 2130706430, "udp"),
                  ("1", 3, "127.0.1.1", 4002, 2130706431, "udp")))
    name = f.init.contents[0].get("name")
    transport = ("<i:transport xmlns:i='%s' ufrag='aaaa' pwd='%s'>%%s%s"
                 "</i:transport>" % (ICE, "b" * 22, cand))
    inner = ("<content creator='initiator' name='%s'><r:description xmlns:r="
             "'%s' media='audio'><r:payload-type id='0' name='PCMU' clockrate"
             "='8000'><r:parameter name='x'/><r:parameter value='y'/>"
             "</r:payload-type><r:rtcp-mux/></r:description>%s</content>" % (
                 name, RTP, transport % (
                     "<d:fingerprint xmlns:d='urn:xmpp:jingle:apps:dtls:0' "
                     "hash='SHA-256' setup='active'>%s</d:fingerprint>"
                     % FINGERPRINT)))
    e = await f.user.answer_to(f.user.jingle("session-accept", f.gw, f.sid,
                                             inner))
    assert e.get("type") == "result", condition(e)
    await f.sip.wait(200, method="INVITE")
    f.sip.ack()
    e = await f.user.answer_to(f.user.jingle(
        "transport-info", f.gw, f.sid, "<content creator='initiator' name="
        "'%s'>%s</content>" % (name, transport % "")))
    assert e.get("type") == "result", condition(e)
    await f.sip.none("BYE", 0.3)
    await f.sip.hang_up()
    await lab.ended_in_xmpp(f)


# ---- who is meant ---------------------------------------------------------
@case
async def initiator_attribute_is_not_believed(t):
    """X0166 7.1: from counts, whatever the initiator says."""
    lab = await Lab(t).start()
    u = lab.alice
    u.jingle("session-initiate", FULL, "in", u.content(),
             initiator="mallory@evil.test/x")
    c = await lab.ua.get_call()
    assert "mallory" not in c.req.get("From"), c.req.get("From")
    c.reply(200, lab.sdp())
    await u.get_jingle("session-accept", sid="in")
    await c.hang_up()


@case
async def own_words_come_back(t):
    """Carbons of a careless server: what the gateway said means nothing."""
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")
    for kind in ("retract", "proceed", "propose"):
        lab.server.stanza(
            "message", FULL, FULL, "<%s xmlns='%s' id='%s'/>" % (
                kind, JMI, f.sid), "chat")
    await asyncio.sleep(0.3)
    await f.sip.none("4xx", 0.1)
    said = [e for e in lab.server.history
            if (e.get("to") or "").startswith(GW)]
    assert not said, said       # it would come back again
    f.user.jmi("proceed", f.gw, f.sid)
    await f.user.get_jingle("session-initiate", sid=f.sid)


# ---- presence without caps ------------------------------------------------
@case
async def client_without_caps_is_asked(t):
    """Older clients send none and know no JMI: asked what it can do, it is
    called by a session-initiate (D28)."""
    lab = await Lab(t).start()
    u, s = lab.alice, lab.server
    s.user_features[u.jid] = [f for f in s.user_features[u.jid] if f != JMI]
    s.stanza("presence", u.jid, GW, "")
    for _ in range(2):      # the second answer comes after what it was asked
        await s.iq(u.jid, GW + "/sip", "<ping xmlns='urn:xmpp:ping'/>")
    sip = await lab.ua.call(lab.dial % "alice", lab.sdp())
    init = await u.get_jingle("session-initiate")
    assert init.sender == FULL, init.sender
    sip.cancel()
    await sip.wait(487)
    await u.get_jingle("session-terminate", sid=init.sid)
