"""What a hostile XMPP user or server may try (docs/hardening.md)."""
import asyncio
import time

from peers.attack import MARK, control_bytes, resident, sanitized, scan
from peers.jingleuser import (DTLS, FINGERPRINT, GROUP, ICE, J, JMI, RTP,
                              User, find)
from peers.lab import GW, Lab
from peers.runner import add, case
from peers.sipmsg import Sdp
from peers.xmppserver import local

FULL = GW + "/sip"
CRLF = "&#13;&#10;%s: 1&#10;a=%s&#13;%s" % (MARK, MARK, MARK)


async def still_well(lab):
    assert lab.stoxd.alive(), "stoxd died: %s" % lab.stoxd.p.poll()
    lab.ua.calls.clear()
    while not lab.ua.incoming.empty():
        lab.ua.incoming.get_nowait()
    lab.alice = lab.new_user()
    f = await lab.x2s()
    await lab.hang_up(f)


async def back(lab):
    """The stream was given up and is there again."""
    n = lab.server.handshakes
    end = time.monotonic() + 12
    while lab.server.handshakes == n:
        assert time.monotonic() < end, "the stream is kept"
        await asyncio.sleep(0.05)
    await asyncio.wait_for(lab.server.up.wait(), 20)


async def drain(lab, user):
    """Ends what a hostile offer began, on both sides."""
    await asyncio.sleep(0.15)
    while not lab.ua.incoming.empty():
        c = lab.ua.incoming.get_nowait()
        c.reply(486)
    await asyncio.sleep(0.05)


# ---- sessions of others ---------------------------------------------------
@case
async def hijack_by_another_user(t):
    """A session belongs to the full JID that has it: nobody else's accept,
    info, terminate, candidates or JMI touch it."""
    lab = await Lab(t).start()
    f = await lab.s2x()
    thieves = [User(lab.server, "bob@xmpp.test/phone"),
               User(lab.server, "alice@xmpp.test/other"),
               User(lab.server, "alice@xmpp.test.evil.test/phone"),
               User(lab.server, "eve@evil.test/x")]
    for u in thieves:
        for action in ("session-terminate", "session-accept", "session-info",
                       "transport-info", "content-add", "content-remove",
                       "content-modify", "transport-replace",
                       "description-info", "security-info"):
            # whom a stanza claims in "initiator" says nothing
            id = u.jingle(action, f.gw, f.sid,
                          u.content(creator="responder"),
                          initiator=f.user.jid, responder=f.user.jid)
            e = await u.answer_to(id)
            assert e.get("type") == "error", (u.jid, action)
        for kind in ("reject", "retract", "finish", "proceed", "ringing"):
            if u.bare != f.user.bare:
                u.jmi(kind, f.gw, f.sid, "success")
    await f.sip.none("BYE", 0.5)
    e = await f.user.answer_to(f.user.info(f.gw, f.sid, ""))
    assert e.get("type") == "result"
    await lab.hang_up(f)


@case
async def hijack_while_ringing(t):
    """The same before the call is answered, both ways."""
    lab = await Lab(t).start()
    f = await lab.s2x("ringing")
    bob = User(lab.server, "bob@xmpp.test/phone")
    for kind in ("reject", "proceed", "accept", "finish", "retract"):
        bob.jmi(kind, f.gw, f.sid)
    await f.sip.none(lambda m: m.code and m.code >= 200, 0.5)
    await bob.no_jingle("session-initiate", 0.1)
    f.user.jmi("reject", f.gw, f.sid, "busy")
    await f.sip.wait(486)
    g = await lab.x2s("ringing")
    bob.jmi("retract", GW, g.sid, "cancel")
    await g.sip.none("CANCEL", 0.4)
    bob.initiate(FULL, g.sid)       # its sid, another's name
    await asyncio.sleep(0.2)
    await g.sip.none("CANCEL", 0.1)
    g.user.jmi("retract", GW, g.sid, "cancel")
    await g.sip.wait("CANCEL")
    g.sip.reply(487)


@case
async def identity_comes_from_the_stanza(t):
    """What the Jingle payload claims as initiator is nobody's identity; who
    is not of the domains may not call at all."""
    lab = await Lab(t).start()
    u = lab.alice
    u.jingle("session-initiate", FULL, "claim", u.content(),
             initiator="boss@xmpp.test/desk")
    c = await lab.ua.get_call()
    assert "alice" in c.req.get("From") and b"boss" not in c.req.bytes()
    c.reply(486)
    for jid in ("boss@evil.test/x", "xmpp.test", "alice@xmpp.test.x",
                "alice@notxmpp.test/x", "alice@sip.xmpp.test/sip",
                "@xmpp.test/x", "a@b@xmpp.test/x"):
        eve = User(lab.server, jid, features=False)
        eve.initiate(FULL)
        eve.propose(GW)
    await asyncio.sleep(0.5)
    assert lab.ua.incoming.empty(), lab.ua.incoming.get_nowait().req.bytes()
    await still_well(lab)


# ---- malformed Jingle -----------------------------------------------------
def candidates(n, **over):
    a = dict(component="1", foundation="1", generation="0", id="c",
             ip="127.0.1.1", port="9", priority="1", protocol="udp",
             type="host", network="0")
    a.update(over)
    return "".join("<candidate %s/>" % " ".join(
        "%s='%s'" % (k, v.replace("@", str(i))) for k, v in a.items()
        if v is not None) for i in range(n))


def offer(description="", transport="", content="creator='initiator' "
          "name='0' senders='both'", media="audio", fingerprint=FINGERPRINT,
          pts="<payload-type id='0' name='PCMU' clockrate='8000'/>"):
    return ("<content xmlns='%s' %s><description xmlns='%s' media='%s'>%s%s"
            "<rtcp-mux/></description><transport xmlns='%s' ufrag='uf12' "
            "pwd='abcdefghijklmnopqrstuv'><fingerprint xmlns='%s' "
            "hash='sha-256' setup='actpass'>%s</fingerprint>%s</transport>"
            "</content>" % (J, content, RTP, media, pts, description, ICE,
                            DTLS, fingerprint, transport))


MALFORMED = {
    "candidates_by_the_thousand": [
        offer(transport=candidates(65)), offer(transport=candidates(1500))],
    "candidates_that_lie": [
        offer(transport=candidates(1, **c)) for c in (
            {"ip": "256.1.1.1"}, {"ip": "127.0.1.1\u2028"}, {"ip": ""},
            {"ip": "::ffff:127.0.0.1"}, {"ip": "0.0.0.0"}, {"ip": "::"},
            {"ip": "169.254.169.254"}, {"ip": "224.0.0.1"},
            {"ip": "255.255.255.255"}, {"ip": "fe80::1%lo"},
            {"ip": "a" * 5000}, {"ip": "localhost"}, {"ip": None},
            {"port": "0"}, {"port": "65536"}, {"port": "-1"}, {"port": "x"},
            {"priority": "99999999999999"}, {"priority": "-1"},
            {"component": "257"}, {"component": "0"}, {"component": None},
            {"foundation": "f" * 3000}, {"type": "nothing"},
            {"protocol": "sctp"}, {"generation": "4294967297"})],
    "payload_types_that_lie": [
        offer(pts="<payload-type %s/>" % p + "<payload-type id='0' "
              "name='PCMU' clockrate='8000'/>") for p in (
            "id='-1' name='a' clockrate='1'", "id='128' name='a'", "",
            "id='0'", "id='96' name='%s' clockrate='8000'" % ("n" * 5000),
            "id='96' name='x' clockrate='99999999999'",
            "id='96' name='x' clockrate='0' channels='0'",
            "id='96' name='x' clockrate='8000' channels='65536'",
            "id='0' name='PCMU' clockrate='8000' ptime='4294967295'")]
        + [offer(pts="<payload-type id='0' name='PCMU' clockrate='8000'/>"
                 * n) for n in (65, 600)]
        + [offer(pts="<payload-type id='96' name='opus' clockrate='48000' "
                 "channels='2'>%s</payload-type>" % (
                     "<parameter name='p' value='v'/>" * 800))],
    "contents_that_lie": [
        "", offer() * 17, offer() + offer(),
        offer(content="creator='nobody' name='0'"),
        offer(content="creator='initiator'"),
        offer(content="creator='initiator' name=''"),
        offer(content="creator='initiator' name='%s'" % ("n" * 5000)),
        offer(media="%s" % ("m" * 5000)), offer(media=""),
        "<content creator='initiator' name='0'/>",
        "<group xmlns='%s' semantics='BUNDLE'>%s</group>" % (
            GROUP, "<content name='nosuch'/>" * 300) + offer(),
        "<group xmlns='%s'/>" % GROUP + offer(),
        "text &amp; more" + offer()],
    "credentials_that_lie": [
        offer().replace("uf12", "u" * n) for n in (0, 1, 3, 257, 5000)] + [
        offer().replace("abcdefghijklmnopqrstuv", "p" * n)
        for n in (0, 21, 257, 5000)] + [
        offer().replace("uf12", x) for x in ("u f:1", "\u00e4" * 9)],
    "rfc8827_6_5_fingerprints": [
        offer(fingerprint=x) for x in (
            "", "AB", FINGERPRINT[:-3], FINGERPRINT + ":00",
            FINGERPRINT.replace(":", ""), FINGERPRINT.replace("A", "G"),
            "A" * 5000, ":" * 95)] + [
        offer().replace("sha-256", h) for h in (
            "md5", "sha-1", "none", "", "sha-256/sha-512", "sha-2560")],
}


async def malformed(t, offers, name):
    """Each is answered: an error, or the session is ended in words; what is
    let through is a call that the telephone rejects."""
    lab = await Lab(t).start({"limits": {"iq_timeout": "15"}})
    for i, inner in enumerate(offers):
        u = User(lab.server, "m%d@xmpp.test/p" % i)
        id = u.jingle("session-initiate", FULL, "m%d" % i, inner)
        e = await u.answer_to(id)
        if e.get("type") == "result":
            ends = asyncio.ensure_future(
                u.get_jingle("session-terminate", sid="m%d" % i))
            while not ends.done():
                await asyncio.sleep(0.02)
                while not lab.ua.incoming.empty():
                    c = lab.ua.incoming.get_nowait()
                    assert not name.startswith("rfc8827"), inner[:600]
                    c.reply(486)
            a = await ends
            assert a.reason, (inner[:300], a.reason)
            if name.startswith("rfc8827"):
                assert a.reason == "security-error", (inner[-500:], a.reason)
    await still_well(lab)


for name, offers in MALFORMED.items():
    add(name, malformed, offers, name)


@case
async def session_initiate_with_10000_candidates(t):
    """Over the limits of a stanza: the stream is renewed, calls live on."""
    lab = await Lab(t).start({"limits": {"reconnect_max": "1"}})
    f = await lab.s2x()
    lab.server.send("<iq xmlns='jabber:component:accept' type='set' id='big' "
                    "from='bob@xmpp.test/x' to='%s'><jingle xmlns='%s' "
                    "action='session-initiate' sid='b'>%s</jingle></iq>" % (
                        FULL, J, offer(transport=candidates(10000))))
    await back(lab)
    await f.sip.none("BYE", 0.3)
    await f.sip.hang_up()
    await still_well(lab)


@case
async def trickle_without_end(t):
    """Candidates by transport-info for as long as one likes."""
    lab = await Lab(t).start()
    f = await lab.x2s()
    before = resident(lab.stoxd)
    for i in range(400):
        f.user.jingle("transport-info", f.gw, f.sid, offer(
            transport=candidates(20, ip="127.0.1.1", port="%d" % (
                2000 + i * 20), foundation="@")).replace("description", "d"))
        if i % 20 == 0:
            await asyncio.sleep(0.02)
    await asyncio.sleep(1)
    e = await f.user.answer_to(f.user.info(f.gw, f.sid, ""))
    assert e.get("type") == "result"
    grown = resident(lab.stoxd) - before
    print("grown by %d KiB" % grown)
    assert sanitized(lab.stoxd) or grown < 8 * 1024, grown
    await lab.hang_up(f)


@case
async def actions_in_every_state(t):
    """Each action, with and without sense, at each station of a call."""
    lab = await Lab(t).start()
    actions = ("content-accept", "content-add", "content-modify",
               "content-reject", "content-remove", "description-info",
               "security-info", "session-info", "transport-accept",
               "transport-info", "transport-reject", "transport-replace",
               "session-accept", "session-initiate")
    for way, station in ((lab.x2s, "pending"), (lab.x2s, "proceed"),
                         (lab.x2s, "active"), (lab.s2x, "ringing"),
                         (lab.s2x, "initiated"), (lab.s2x, "active")):
        lab.alice = lab.new_user()
        f = await (way(station, direct=True) if station == "pending"
                   else way(station))
        for a in actions[:-2]:
            for inner in ("", offer().replace("name='0'", "name='zz'"),
                          offer() * 3, "<x xmlns='a'/>"):
                e = await f.user.answer_to(f.user.jingle(a, f.gw, f.sid,
                                                         inner))
                assert e.get("type") in ("result", "error")
        e = await f.user.answer_to(f.user.jingle(
            "session-terminate", f.gw, f.sid, "<reason><none/></reason>"))
        await drain(lab, f.user)
        while lab.server.unread:
            lab.server.unread.pop()
        f.user.jmi("retract", GW, f.sid, "cancel")
        f.user.jmi("reject", f.gw, f.sid, "busy")
        await asyncio.sleep(0.1)
        assert lab.stoxd.alive()
    await still_well(lab)


@case
async def jmi_that_lies(t):
    lab = await Lab(t).start()
    u = lab.alice
    long = "i" * 5000
    for kind in ("propose", "proceed", "retract", "reject", "ringing",
                 "finish", "accept", "nonsense"):
        for attrs in ("", " id=''", " id='%s'" % long, " id='x&#10;y'",
                      " id='a' id2='b'"):
            for inner in ("", "<description xmlns='%s' media='audio'/>" % RTP
                          * 300, "<reason xmlns='%s'/>" % J,
                          "<description/>"):
                u.message(GW, "<%s xmlns='%s'%s>%s</%s>" % (
                    kind, JMI, attrs, inner, kind))
    await asyncio.sleep(0.5)
    await drain(lab, u)
    await still_well(lab)


# ---- text -----------------------------------------------------------------
@case
async def ghsa_2grh_7mhv_fcfw_to_sip(t):
    """Line ends and quotes in Jingle never make a line of SIP or SDP."""
    lab = await Lab(t).start()
    hostile = (
        offer(pts="<payload-type id='96' name='opus%s' clockrate='48000' "
              "channels='2'/><payload-type id='0' name='PCMU' "
              "clockrate='8000'/>" % CRLF),
        offer(pts="<payload-type id='96' name='opus' clockrate='48000' "
              "channels='2'><parameter name='a%s' value='b%s'/>"
              "<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' "
              "type='nack%s' subtype='%s'/></payload-type>" % ((CRLF,) * 4)),
        offer(content="creator='initiator' name='0%s'" % CRLF),
        offer(description="<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-"
              "hdrext:0' id='1' uri='u%s'/>" % CRLF),
        offer(description="<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' "
              "ssrc='1'><parameter name='cname' value='x%s'/></source>"
              % CRLF),
        offer().replace("ufrag='uf12'", "ufrag='uf12%s'" % CRLF))
    for i, inner in enumerate(hostile):
        u = User(lab.server, "h%d@xmpp.test/p" % i)
        u.jingle("session-initiate", FULL, "h%d%s" % (i, "" if i else CRLF),
                 inner)
        try:
            c = await lab.ua.get_call(0.3)
            c.reply(486)
        except TimeoutError:
            pass
    # reasons with words, and a caller whose name is syntax
    for words in ("%s&quot;;cause=1%s" % (MARK, CRLF), "\u202e\u2028" + MARK,
                  MARK * 900):
        lab.alice = lab.new_user()
        f = await lab.x2s()
        f.user.terminate(f.gw, f.sid, "decline", words)
        await f.sip.wait("BYE")
        lab.alice = lab.new_user()
        f = await lab.s2x("ringing")
        f.user.jmi("reject", f.gw, f.sid, "decline", words)
        await f.sip.wait(lambda m: m.code and m.code >= 400)
    for name in ("a%22%3e", "\u00e4", "'\"".replace("'", "&apos;").replace(
            '"', "&quot;"), "a\u202eb", "x;tag=1", "x?h=v", "a%0d%0ab"):
        u = User(lab.server, "x@xmpp.test/p")
        lab.server.send(
            "<message xmlns='jabber:component:accept' type='chat' id='n' "
            "from='%s@xmpp.test/p' to='%s'><propose xmlns='%s' id='%s'>"
            "<description xmlns='%s' media='audio'/></propose></message>" % (
                name, GW, JMI, "id" + str(abs(hash(name))), RTP))
        try:
            c = await lab.ua.get_call(0.3)
            c.reply(486)
        except TimeoutError:
            pass
    for _, way, m in lab.ua.history:
        if way != "<":
            continue
        raw = m.bytes()
        for line in raw.replace(b"\r\n", b"\n").split(b"\n"):
            assert not line.startswith((MARK.encode(), b"a=" + MARK.encode(),
                                        b" " + MARK.encode())), raw
            assert not any(b < 32 or b == 127 for b in line), raw
            assert "\u202e".encode() not in line, raw
            assert "\u2028".encode() not in line, raw
    assert not control_bytes(lab.stoxd.log), control_bytes(lab.stoxd.log)
    await still_well(lab)


@case
async def ghsa_mxgm_8c6f_5p8f_prefixes(t):
    """Namespace prefixes of any length and redefinition are names only."""
    lab = await Lab(t).start()
    for p in ("p" * 5000, "a-b.c", "_"):
        e = await lab.server.iq(
            lab.alice.jid, FULL, "<%s:ping xmlns:%s='urn:xmpp:ping'/>" % (
                p, p))
        assert e.get("type") == "result", p
    many = "".join(" xmlns:n%d='u:%d'" % (i, i) for i in range(60))
    e = await lab.server.iq(lab.alice.jid, FULL,
                            "<ping xmlns='urn:xmpp:ping'%s/>" % many)
    assert e.get("type") in ("result", "error")
    await still_well(lab)


# ---- XML ------------------------------------------------------------------
@case(timeout=90, waits=17)
async def cve_2026_43507_xml_bombs(t):
    """What the server's stream may hold: each breaks the stream alone, no
    memory is kept."""
    lab = await Lab(t).start({"limits": {"reconnect_max": "1"}})
    before = resident(lab.stoxd)
    laughs = "<!DOCTYPE l [<!ENTITY a 'ha'>%s]><x>&z;</x>" % "".join(
        "<!ENTITY %s '%s'>" % (chr(98 + i), ("&%s;" % chr(97 + i)) * 10)
        for i in range(9))
    for bomb in (laughs, "<?xml version='1.0'?><!DOCTYPE a SYSTEM 'file:///"
                 "etc/passwd'>", "<a>" * 33, "<a %s/>" % " ".join(
                     "a%d='x'" % i for i in range(65)),
                 "<x>" + "<y/>" * 5000 + "</x>",
                 "<message from='a@xmpp.test' to='sip.xmpp.test'><body>"
                 + "&#120;" * 60000 + "</body></message>",
                 "<%s/>" % ("n" * 300000), "<x a='%s'/>" % ("v" * 300000),
                 "<x><![CDATA[" + "]" * 300000, "<x><!--" + "-" * 300000,
                 "<?pi " + "x" * 300000, "\x00", "\xff\xfe<x/>",
                 "<x>&#0;</x>", "<x>\x0b</x>", "</stream:stream>"):
        lab.server.send(bomb)
        await back(lab)
    grown = resident(lab.stoxd) - before
    print("grown by %d KiB" % grown)
    assert sanitized(lab.stoxd) or grown < 8 * 1024, grown
    await still_well(lab)


@case(timeout=60)
async def stanza_flood(t):
    """Thousands of stanzas of all kinds: each IQ is answered, nothing is
    kept."""
    lab = await Lab(t).start()
    before = resident(lab.stoxd)
    kinds = ("<query xmlns='http://jabber.org/protocol/disco#info'/>",
             "<x xmlns='u:n'/>", "<jingle xmlns='%s' action='session-info' "
             "sid='no'/>" % J, "<vCard xmlns='vcard-temp'/>", "")
    ids = [lab.server.stanza(
        "iq", "u%d@xmpp.test/%d" % (i % 700, i), FULL if i % 2 else
        "sip.xmpp.test", kinds[i % 5], "get") for i in range(3000)]
    for i in range(3000):
        lab.server.stanza("presence", "v%d@xmpp.test/%d" % (i, i), GW,
                          type=("subscribe", None, "probe",
                                "unsubscribe")[i % 4])
        lab.server.stanza("message", "w%d@xmpp.test/%d" % (i, i), GW,
                          "<body>hi</body>", "chat")
    e = await lab.server.iq(lab.alice.jid, FULL,
                            "<ping xmlns='urn:xmpp:ping'/>", timeout=20)
    assert e.get("type") == "result"
    done = {e.get("id") for e in lab.server.history if local(e) == "iq"}
    assert not set(ids) - done, len(set(ids) - done)
    grown = resident(lab.stoxd) - before
    print("grown by %d KiB" % grown)
    assert sanitized(lab.stoxd) or grown < 16 * 1024, grown
    await still_well(lab)


# ---- what may be called ---------------------------------------------------
@case
async def toll_fraud_first_rule_denies_the_rest(t):
    """One [route] line and everything else is refused; the pace and the
    number of one user's calls end."""
    lab = await Lab(t).start({
        "route": {"out": "from *@xmpp.test to 6* via pbx"},
        "trunk pbx": {"addressing": "trunk"},
        "limits": {"setup_burst": "5", "setup_per_minute": "20",
                   "calls_per_jid": "4"}})
    u = lab.alice
    for to in ("0900123@sip.xmpp.test", "+1900555@sip.xmpp.test",
               "evil\\40evil.test@sip.xmpp.test", "7@sip.xmpp.test",
               "sip\\3a6@sip.xmpp.test"):
        sid = u.propose(to)
        m = await lab.server.wait(
            lambda e: e.get("to") == u.jid and (
                e.get("type") == "error" or find(e, "reject") is not None))
        assert sid and m.get("from").startswith(to), m.attrib
    assert lab.ua.incoming.empty()
    rung = []
    for i in range(30):
        u.propose("6%02d@sip.xmpp.test" % i)
    await asyncio.sleep(0.5)
    while not lab.ua.incoming.empty():
        rung.append(lab.ua.incoming.get_nowait())
    assert len(rung) == 4, "%d calls at once" % len(rung)
    for c in rung:
        c.reply(486)
    await asyncio.sleep(0.2)
    for i in range(30):
        u.propose("6%02d@sip.xmpp.test" % i)
    await asyncio.sleep(0.3)
    assert lab.ua.incoming.qsize() <= 1, lab.ua.incoming.qsize()


# ---- addresses ------------------------------------------------------------
@case
async def topology_private_address_stays(t):
    """With public_address set no private one leaves, on either side, in any
    station of a call."""
    lab = await Lab(t).start({
        "sip": {"listen": "udp:127.0.0.1:5070",
                "public_address": "198.51.100.7"},
        "media": {"public_address": "198.51.100.8"}})
    f = await lab.x2s("invited")
    m = f.sip.req
    ours = m.bytes().replace(b"received=127.0.0.1", b"")
    for name in ("Via", "Contact", "From"):
        assert "198.51.100.7" in m.get(name) or name == "From", m.get(name)
    assert Sdp(m.body).audio.addr == "198.51.100.8", m.body
    f.user.jmi("retract", GW, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)
    lab.alice = lab.new_user()
    f = await lab.s2x("initiated")
    await asyncio.sleep(0.5)
    assert not scan(t.path("xmpp.log"), []) and ours
    with open(t.path("xmpp.log")) as log:
        sent = [x for x in log if x.startswith("<")]
    for x in sent:
        for ip in ("127.0.1.1", "127.0.0.1", "10.", "192.168."):
            assert "ip=\"%s" % ip not in x and "rel-addr=\"%s" % ip not in x \
                and ("'%s" % ip) not in x, x
    f.sip.cancel()
    await f.sip.wait(487)
    for _, way, m in lab.ua.history:
        if way != "<":
            continue
        via = m.get("Via") if m.is_request else ""
        text = via + m.get("Contact", "") + (
            m.body.decode() if m.body else "")
        assert "127.0.1.1" not in text and "127.0.0.1" not in text, \
            m.bytes()


@case
async def topology_nothing_of_one_side_on_the_other(t):
    """Addresses, JIDs of devices and Call-IDs stay on their side."""
    lab = await Lab(t).start()
    f = await lab.x2s()
    g_sip = f.sip.req.bytes()
    for word in (b"/phone", f.sid.encode(), b"5347", b"lab-secret"):
        assert word not in g_sip, (word, g_sip)
    await lab.hang_up(f)
    lab.alice = lab.new_user()
    f = await lab.s2x()
    words = [f.sip.id, f.sip.local_tag, "127.0.0.1:5060", "lab-secret"]
    with open(t.path("xmpp.log")) as log:
        got = [x for x in log if x.startswith("<")]
    for x in got:
        assert not [w for w in words if w in x], x
    await lab.hang_up(f)
