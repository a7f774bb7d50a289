"""The XMPP side by itself (protocol A, E.1, G): attachment, disco, errors of
Jingle, what other clients' stanzas look like."""
import asyncio
import base64
import hashlib
import signal
import time

from peers.jingleuser import (EVENT, FINGERPRINT, ICE, INFO, J, OPUS, PCMU,
                              RTP, find)
from peers.lab import GW, Lab
from peers.proc import until
from peers.runner import case
from peers.sipmsg import Sdp
from peers.xmppserver import DISCO, condition, local

FULL = GW + "/sip"


# ---- attachment -----------------------------------------------------------
@case
async def server_comes_later(t):
    lab = await Lab(t).start(server=False)
    r = await lab.ua.request("OPTIONS", "sip:127.0.0.1:5070")
    assert r.code == 200, r
    c = await lab.ua.call("sip:alice@127.0.0.1:5070", lab.sdp())
    r = await c.wait(lambda m: m.code and m.code >= 300)
    assert r.code == 480 and r.get("Retry-After"), r
    await lab.server.start()
    t.later(lab.server.stop)
    await asyncio.wait_for(lab.server.up.wait(), 20)


async def _refused(t, how, *words):
    lab = Lab(t)
    await lab.start(server=False)
    lab.server.refuse = how
    await lab.server.start()
    t.later(lab.server.stop)
    await until(lambda: how in lab.stoxd.text(), 20, "word about " + how)
    line = [x for x in lab.stoxd.text().splitlines() if how in x][0]
    assert all(w in line for w in words), line
    assert "lab-secret" not in lab.stoxd.text()


@case
async def refused_not_authorized(t):
    await _refused(t, "not-authorized", "secret_file", "component_secret")


@case
async def refused_host_unknown(t):
    await _refused(t, "host-unknown", "sip.xmpp.test", "add Component",
                   "ejabberd_service")


@case
async def refused_conflict(t):
    await _refused(t, "conflict", "another connection", "kick_old",
                   "conflict_behaviour")


@case
async def call_survives_server(t):
    """The stream breaks and comes back: the call goes on (D2)."""
    lab = await Lab(t).start()
    f = await lab.s2x()
    lab.server.cut()
    await asyncio.sleep(0.2)
    await f.sip.none("BYE", 0.2)
    await asyncio.wait_for(lab.server.up.wait(), 20)
    a = await f.user.get_jingle("session-info", sid=f.sid)
    assert a.info() == [], a.info()
    f.sip.invite(lab.sdp(version=2))
    await f.sip.wait(200, method="INVITE")
    f.sip.ack()
    await lab.hang_up(f)


@case
async def call_lost_while_server_was_away(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    lab.server.auto_result = False

    def gone(iq):
        j = find(iq, "jingle", J)
        if iq.get("type") != "set" or j is None:
            return False
        lab.server.error(iq, "item-not-found", app="<unknown-session xmlns="
                         "'urn:xmpp:jingle:errors:1'/>")
        return True
    lab.server.answers.append(gone)
    lab.server.cut()
    await asyncio.wait_for(lab.server.up.wait(), 20)
    await f.sip.wait("BYE")


@case
async def pieces_and_prefixes(t):
    """Stanzas in pieces of one byte, and clients that write prefixes."""
    lab = await Lab(t).start()
    inner = ("<p:ping xmlns:p='urn:xmpp:ping'/>")
    s = ("<iq xmlns='jabber:component:accept' type='get' id='pp' from="
         "'alice@xmpp.test/phone' to='sip.xmpp.test'>%s</iq>" % inner)
    for c in s:
        lab.server.send(c)
        await asyncio.sleep(0.001)
    e = await lab.server.wait(lambda e: e.get("id") == "pp")
    assert e.get("type") == "result", e.attrib


# ---- disco ----------------------------------------------------------------
async def info(lab, to, node=None):
    e = await lab.server.iq(lab.alice.jid, to, "<query xmlns='%s'%s/>" % (
        DISCO, " node='%s'" % node if node else ""))
    if e.get("type") == "error":
        return None, condition(e)[0]
    q = find(e, "query", DISCO)
    ids = [(i.get("category"), i.get("type"), i.get("name") or "")
           for i in q if local(i) == "identity"]
    return ids, [f.get("var") for f in q if local(f) == "feature"]


@case
async def disco_of_gateway(t):
    lab = await Lab(t).start()
    ids, features = await info(lab, "sip.xmpp.test")
    assert ("gateway", "simple") in [i[:2] for i in ids], ids
    for f in (DISCO, "urn:xmpp:ping", "jabber:iq:version",
              "jid\\20escaping", "jabber:iq:gateway"):
        assert f in features, (f, features)


@case
async def disco_with_addresses(t):
    """XEP-0157, gateway/sms (G.1), and the caps that go with them."""
    who = ["mailto:voice@example.com", "xmpp:helpdesk@example.com"]
    lab = await Lab(t).start({"xmpp": {
        "admin_addresses": ", ".join(who), "support_addresses": who[1],
        "sms": "yes"}})
    gate = "sip.xmpp.test"
    e = await lab.server.iq(lab.alice.jid, gate, "<query xmlns='%s'/>" % DISCO)
    q = find(e, "query", DISCO)
    fields = {f.get("var"): [v.text for v in f]
              for f in find(q, "x", "jabber:x:data")}
    assert fields == {
        "FORM_TYPE": ["http://jabber.org/network/serverinfo"],
        "admin-addresses": who, "support-addresses": who[1:]}, fields
    ids = sorted("%s/%s//%s<" % (i.get("category"), i.get("type"),
                                 i.get("name")) for i in q
                 if local(i) == "identity")
    assert "gateway/sms//SIP Gateway<" in ids, ids
    features = sorted(f.get("var") + "<" for f in q
                      if local(f) == "feature")
    text = "".join(ids + features) + fields["FORM_TYPE"][0] + "<" + "".join(
        k + "<" + "".join(v + "<" for v in sorted(fields[k]))
        for k in sorted(fields) if k != "FORM_TYPE")
    want = base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()
    lab.server.stanza("presence", lab.alice.jid, gate, "")
    p = await lab.server.wait(lambda e: local(e) == "presence"
                              and e.get("from") == gate, what="presence")
    c = find(p, "c", "http://jabber.org/protocol/caps")
    assert c.get("ver") == want, (c.get("ver"), want)
    ids2, _ = await info(lab, gate, c.get("node") + "#" + want)
    assert len(ids2) == len(ids), ids2


@case
async def disco_and_caps_of_contact(t):
    lab = await Lab(t).start()
    ids, features = await info(lab, FULL)
    assert ids == [("client", "phone", "SIP")], ids
    assert features == sorted(features), features
    s = "client/phone//SIP<" + "".join(f + "<" for f in sorted(features))
    ver = base64.b64encode(hashlib.sha1(s.encode()).digest()).decode()
    assert ver == "5GAK1803ghyaYflWanPbNfPKwoA=", (ver, features)
    ids, features = await info(lab, GW)
    assert ("account", "registered") in [i[:2] for i in ids], ids


@case
async def call_button_appears(t):
    """A subscription is accepted and mirrored; presence carries the caps."""
    lab = await Lab(t).start()
    lab.server.stanza("presence", lab.alice.bare, GW, type="subscribe")

    def presence(type):
        return lambda e: local(e) == "presence" \
            and e.get("to", "").startswith(lab.alice.bare) \
            and e.get("type") == type
    await lab.server.wait(presence("subscribed"), what="subscribed")
    await lab.server.wait(presence("subscribe"), what="subscribe")
    p = await lab.server.wait(presence(None), what="presence")
    assert p.get("from") == FULL, p.get("from")
    c = find(p, "c", "http://jabber.org/protocol/caps")
    assert c.get("ver") == "5GAK1803ghyaYflWanPbNfPKwoA=", c.attrib
    assert c.get("hash") == "sha-1"
    ids, features = await info(lab, FULL, "%s#%s" % (c.get("node"),
                                                     c.get("ver")))
    assert len(features) == 15, features


@case
async def goodbye_at_the_end(t):
    """Who saw a contact or the gateway is told that they are gone, after
    the calls have ended and before the stream does."""
    lab = await Lab(t).start()
    for to in (GW, "sip.xmpp.test"):
        lab.server.stanza("presence", lab.alice.bare, to, type="subscribe")
    f = await lab.s2x()
    lab.stoxd.kill(signal.SIGTERM)
    await f.user.get_jingle("session-terminate", sid=f.sid)
    for full in (FULL, "sip.xmpp.test"):
        await lab.server.wait(
            lambda e: local(e) == "presence" and e.get("from") == full
            and e.get("to") == lab.alice.bare
            and e.get("type") == "unavailable", what="unavailable of " + full)
    await until(lambda: not lab.stoxd.alive(), 20, "end of stoxd")


@case
async def small_queries(t):
    lab = await Lab(t).start()
    a = lab.alice.jid
    for to in ("sip.xmpp.test", FULL):
        e = await lab.server.iq(a, to, "<ping xmlns='urn:xmpp:ping'/>")
        assert e.get("type") == "result", to
        e = await lab.server.iq(a, to,
                                "<query xmlns='jabber:iq:version'/>")
        assert e.get("type") == "result", to
        e = await lab.server.iq(a, to, "<x xmlns='unknown:x'/>")
        assert condition(e)[0] == "service-unavailable", condition(e)
        e = await lab.server.iq(a, to, "<x xmlns='unknown:x'/>", "set")
        assert condition(e)[0] == "service-unavailable", condition(e)
    e = await lab.server.iq(a, "sip.xmpp.test",
                            "<query xmlns='jabber:iq:gateway'/>")
    assert find(find(e, "query"), "prompt") is not None
    e = await lab.server.iq(
        a, "sip.xmpp.test", "<query xmlns='jabber:iq:gateway'>"
        "<prompt>sip:600@127.0.0.1</prompt></query>", "set")
    assert find(find(e, "query"), "jid").text.endswith("@sip.xmpp.test")
    e = await lab.server.iq(a, GW, "<vCard xmlns='vcard-temp'/>")
    assert e.get("type") == "result"


@case
async def other_queries_of_contacts(t):
    """G.2: nothing is listed and nothing is faked."""
    lab = await Lab(t).start()
    for to in (FULL, GW):
        e = await lab.server.iq(
            lab.alice.jid, to,
            "<query xmlns='http://jabber.org/protocol/disco#items'/>")
        assert e.get("type") == "result", condition(e)
        assert len(find(e, "query")) == 0
    for inner in ("<time xmlns='urn:xmpp:time'/>",
                  "<query xmlns='jabber:iq:last'/>",
                  "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>"):
        e = await lab.server.iq(lab.alice.jid, FULL, inner)
        assert condition(e)[0] == "service-unavailable", condition(e)


@case
async def stranger_is_forbidden(t):
    lab = await Lab(t).start()
    e = await lab.server.iq("eve@evil.test/x", FULL,
                            "<ping xmlns='urn:xmpp:ping'/>")
    assert e.get("type") in ("error", "result")
    id = lab.server.stanza(
        "message", "eve@evil.test/x", GW, "<propose xmlns='urn:xmpp:jingle-"
        "message:0' id='e1'><description xmlns='%s' media='audio'/>"
        "</propose>" % RTP, "chat")
    m = await lab.server.wait(lambda e: e.get("to") == "eve@evil.test/x")
    assert m.get("type") == "error" and m.get("id") == id \
        or find(m, "reject") is not None, m.attrib
    assert lab.ua.incoming.empty()


# ---- errors of Jingle -----------------------------------------------------
@case
async def jingle_errors(t):
    lab = await Lab(t).start()
    u = lab.alice

    async def said(id):
        return condition(await u.answer_to(id))
    got = await said(u.info(FULL, "nosuch", "ringing"))
    assert got == ("item-not-found", "unknown-session"), got
    got = await said(u.jingle("session-dance", FULL, "x"))
    assert got[0] == "bad-request", got
    f = await lab.x2s("pending", direct=True)
    got = await said(u.info(f.gw, f.sid, "juggle"))
    assert got == ("feature-not-implemented", "unsupported-info"), got
    got = await said(u.info(f.gw, f.sid, "transfer",
                            "urn:xmpp:jingle:transfer:0"))
    assert got == ("feature-not-implemented", "unsupported-info"), got
    got = await said(u.jingle("session-accept", f.gw, f.sid, u.content()))
    assert got == ("unexpected-request", "out-of-order"), got
    e = await u.answer_to(u.info(f.gw, f.sid, ""))
    assert e.get("type") == "result"
    f.sip.reply(486)
    await lab.ended_in_xmpp(f)


async def _refused_offer(t, reason, inner=None, **kw):
    lab = await Lab(t).start()
    u = lab.alice
    if inner:
        sid = "s1"
        id = u.jingle("session-initiate", FULL, sid, inner(u))
    else:
        sid = u.initiate(FULL, **kw)
        id = None
    e = await lab.server.wait(
        lambda e: e.get("to") == u.jid and local(e) == "iq"
        and (e.get("type") == "error" or e.get("type") == "set"))
    if e.get("type") == "error":
        assert id is None or e.get("id") == id
        assert reason in ("error", None), condition(e)
    else:
        lab.server.unread.insert(0, e)
        a = await u.get_jingle("session-terminate", sid=sid)
        assert a.reason == reason, a.reason
    assert lab.ua.incoming.empty(), "it was called all the same"


@case
async def no_fingerprint__security_error(t):
    await _refused_offer(t, "security-error", fingerprint=None)


@case
async def sha1_fingerprint__security_error(t):
    await _refused_offer(t, "security-error", hash="sha-1",
                         fingerprint=FINGERPRINT[:59])


@case
async def no_common_codec__incompatible(t):
    await _refused_offer(t, "incompatible-parameters",
                         codecs=(("97", "speex", "16000", "1"),))


@case
async def no_rtp__unsupported_applications(t):
    await _refused_offer(
        t, "unsupported-applications", lambda u:
        "<content creator='initiator' name='f'><description xmlns='urn:xmpp:"
        "jingle:apps:file-transfer:5'/><transport xmlns='%s'/></content>"
        % ICE)


@case
async def raw_udp__unsupported_transports(t):
    await _refused_offer(
        t, "unsupported-transports", lambda u:
        "<content creator='initiator' name='a'><description xmlns='%s' "
        "media='audio'><payload-type id='0' name='PCMU' clockrate='8000'/>"
        "</description><transport xmlns='urn:xmpp:jingle:transports:"
        "raw-udp:1'/></content>" % RTP)


# ---- traps ----------------------------------------------------------------
@case
async def answers_are_never_actpass(t):
    lab = await Lab(t).start()
    for setup, ok in (("actpass", ("active", "passive")),
                      ("active", ("passive",)), ("passive", ("active",))):
        lab.alice = lab.new_user()
        f = await lab.x2s(direct=True, setup=setup)
        assert f.accept.setup() in ok, (setup, f.accept.setup())
        await lab.hang_up(f)


@case
async def group_as_in_the_offer(t):
    lab = await Lab(t).start()
    for group in (True, False):
        lab.alice = lab.new_user()
        f = await lab.x2s(direct=True, group=group)
        assert (f.accept.group() is not None) == group, f.accept.group()
        await lab.hang_up(f)


@case
async def iq_results_go_to_full_jid(t):
    lab = await Lab(t).start()
    f = await lab.x2s("pending", direct=True)
    e = await f.user.answer_to(f.user.info(f.gw, f.sid, "active"))
    assert e.get("to") == f.user.jid and e.get("from") == f.gw
    f.sip.reply(486)


@case
async def odd_offers_are_survived(t):
    """Prefixes, a parameter without value, TCP candidates, component 2,
    .local names, no candidates at all."""
    lab = await Lab(t).start()
    u = lab.alice
    pts = ("<r:payload-type id='111' name='opus' clockrate='48000' "
           "channels='2'><r:parameter name='minptime' value='10'/>"
           "<fb:rtcp-fb xmlns:fb='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' "
           "type='transport-cc'/></r:payload-type>"
           "<r:payload-type id='63' name='red' clockrate='48000' "
           "channels='2'><r:parameter name='111/111'/></r:payload-type>"
           "<r:payload-type id='0' name='PCMU' clockrate='8000'/>")
    cand = "".join(
        "<candidate xmlns='%s' component='%s' foundation='%d' "
        "generation='0' id='x%d' ip='%s' port='%d' priority='%d' "
        "protocol='%s' type='host' network='0'/>" % (
            ICE, comp, i, i, ip, port, 2130706431 - i, proto)
        for i, (comp, ip, port, proto) in enumerate((
            ("1", "127.0.1.1", 9, "tcp"), ("2", "127.0.1.1", 4000, "udp"),
            ("1", "abc.local", 4002, "udp"), ("1", "::1", 4004, "udp"),
            ("1", "127.0.1.1", 4006, "UDP"))))
    inner = ("<content creator='initiator' name='a b'><r:description xmlns:r="
             "'%s' media='audio'>%s<r:rtcp-mux/></r:description><i:transport "
             "xmlns:i='%s' ufrag='aaaa' pwd='bbbbbbbbbbbbbbbbbbbbbb'>"
             "<d:fingerprint xmlns:d='urn:xmpp:jingle:apps:dtls:0' hash="
             "'sha-256' setup='actpass'> %s\n</d:fingerprint>%s"
             "</i:transport></content>" % (
                 RTP, pts, ICE, FINGERPRINT.lower(), cand))
    u.jingle("session-initiate", FULL, "odd", inner)
    c = await lab.ua.get_call()
    assert "opus/48000/2" in Sdp(c.req.body).audio.codecs().values()
    c.reply(200, lab.sdp(codecs=((0, "PCMU/8000"),)))
    a = await u.get_jingle("session-accept", sid="odd")
    assert a.contents[0].get("name") == "a b"
    assert a.codecs() == ["PCMU"], a.codecs()
    u.jingle("transport-info", FULL, "odd",
             "<content creator='initiator' name='a b'><transport xmlns='%s' "
             "ufrag='aaaa' pwd='bbbbbbbbbbbbbbbbbbbbbb'>%s</transport>"
             "</content>" % (ICE, cand))
    await c.hang_up()


@case
async def rejected_video_is_kept(t):
    """Every offered content is in the answer, video with senders none."""
    lab = await Lab(t).start()
    u = lab.alice
    sid = "v1"
    u.jingle("session-initiate", FULL, sid, u.content() + u.content(
        name="1", media="video", codecs=(("96", "VP8", "90000", "1"),)))
    c = await lab.ua.get_call()
    c.reply(200, lab.sdp())
    a = await u.get_jingle("session-accept", sid=sid)
    assert [x.get("name") for x in a.contents] == ["0", "1"]
    assert a.contents[1].get("senders") == "none", a.contents[1].attrib
    await c.hang_up()


@case
async def one_codec_on_both_legs(t):
    lab = await Lab(t).start()
    f = await lab.x2s(direct=True, codecs=(OPUS, PCMU, EVENT),
                      answer=lab.sdp(codecs=((0, "PCMU/8000"),)))
    assert f.accept.codecs()[0] == "PCMU" \
        and "opus" not in f.accept.codecs(), f.accept.codecs()
    await lab.hang_up(f)


@case
async def hold_of_client_is_not_echoed(t):
    lab = await Lab(t).start()
    f = await lab.x2s()
    f.user.info(f.gw, f.sid, "mute", INFO, " creator='initiator' name='0'")
    await f.sip.none("INVITE", 0.4)
    await f.user.no_jingle("session-info", 0.1)
    await lab.hang_up(f)


@case
async def limits_of_stanzas(t):
    """Too deep, too large, a DTD: the stream is closed, the daemon lives."""
    lab = await Lab(t).start({"limits": {"reconnect_max": 1}})
    for s in ("<a>" * 60, "<message from='a@xmpp.test' to='b@sip.xmpp.test'>"
              "<body>%s</body>" % ("x" * 300000), "<!DOCTYPE x []>",
              "<x>&undefined;</x>", "<a></b>"):
        lab.server.send(s)
        end = time.monotonic() + 12
        n = lab.server.handshakes
        while lab.server.handshakes == n:
            assert time.monotonic() < end, "not closed after %.20s" % s
            await asyncio.sleep(0.05)
        await asyncio.wait_for(lab.server.up.wait(), 20)


@case
async def too_many_calls_of_one_user(t):
    lab = await Lab(t).start({"limits": {"calls_per_jid": 2}})
    flows = [await lab.x2s("ringing", to="60%d@sip.xmpp.test" % i)
             for i in range(2)]
    sid = lab.alice.propose("609@sip.xmpp.test")
    m = await lab.server.wait(
        lambda e: e.get("type") == "error" or find(e, "reject") is not None)
    assert m.get("to") == lab.alice.jid
    assert lab.ua.incoming.empty() and sid
    for f in flows:
        f.sip.reply(486)


@case
async def shutdown_tells_both_sides(t):
    """Calls end in words, and the daemon by itself (protocol A)."""
    lab = await Lab(t).start()
    f = await lab.x2s()
    ending = asyncio.ensure_future(lab.stoxd.stop())
    a = await lab.ended_in_xmpp(f)
    assert a.reason == "gone" and a.text, (a.reason, a.text)
    await f.sip.wait("BYE")
    assert await ending in (0, -15)
    lab.stoxd.alive = lambda: True      # its end is what was asked for
