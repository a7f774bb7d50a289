"""Numbers, identities and who may call what: plans, classes, limits of an
hour and a day, emergency numbers, and the log that fail2ban reads."""
import asyncio
import json
import os
import re
import shutil
import subprocess
import time

from peers.attack import Ear
from peers.daemon import ROOT
from peers.dns import Dns
from peers.lab import GW, Lab
from peers.proc import until
from peers.runner import case
from peers.sipmsg import Msg, uri
from peers.sipua import Ua, token
from peers.xmppserver import find, text

OURS = ("127.0.0.1", 5070)
HERE = {"country": "49", "national": "0"}


def at(number):
    return GW.replace("600@", number + "@")


def raw(method="INVITE", source="127.9.0.9:5060", **change):
    """Bytes of a request; change: replaces From, To .. by name."""
    n = token("n")
    h = {"Via": "SIP/2.0/UDP %s;rport;branch=z9hG4bK%s" % (source, n),
         "Max-Forwards": "70", "From": "<sip:6@%s>;tag=%s" % (source, n),
         "To": "<sip:alice@127.0.0.1>", "Call-ID": n, "CSeq": "1 " + method,
         "Contact": "<sip:6@%s>" % source}
    h.update((k.replace("_", "-"), v) for k, v in change.items())
    return Msg("%s sip:alice@127.0.0.1:5070 SIP/2.0" % method,
               list(h.items()), "").bytes()


def final(m):
    return m.code and m.code >= 200 and m.cseq[1] == "INVITE"


async def invited(lab, number, **how):
    f = await lab.x2s("invited", to=at(number), **how)
    f.sip.reply(486)
    return f.sip.req


async def refused(lab, number, user=None):
    """Words of the refusal."""
    u = user or lab.alice
    sid = u.propose(at(number))
    m = await u.get_jmi("reject", sid=sid)
    return m.reason, m.text


async def one(ua, method):
    """The next request of this method."""
    while True:
        m = await asyncio.wait_for(ua.others.get(), 20)
        if m.method == method:
            return m


async def told(lab, *argv):
    return await asyncio.to_thread(lab.stoxd.ctl, *argv)


# ---- numbers --------------------------------------------------------------
@case
async def numbers_leave_as_the_trunk_wants(t):
    lab = await Lab(t).start({"trunk pbx": dict(
        HERE, dial="e164", caller_id="+49301000", caller_name="Example Ltd",
        pai="yes", privacy_prefix="*31#")})
    for dialled in ("03012345", "0049-30-12345", "+4930 12345".replace(
            " ", ".")):
        r = await invited(lab, dialled)
        assert r.uri == "sip:+493012345@127.0.0.1:5060;user=phone", r.uri
    for name in ("From", "P-Asserted-Identity"):
        v = r.get(name)
        assert uri(v) == "sip:+49301000@127.0.0.1:5060", (name, v)
        assert '"Example Ltd"' in v, (name, v)
    assert r.get("Privacy") is None
    r = await invited(lab, "600")
    assert r.uri == "sip:600@127.0.0.1:5060", r.uri
    r = await invited(lab, "*31#03012345")
    assert r.uri == "sip:+493012345@127.0.0.1:5060;user=phone", r.uri
    assert r.get("Privacy") == "id", r
    assert "anonymous@anonymous.invalid" in r.get("From"), r.get("From")
    assert "+49301000" in r.get("P-Asserted-Identity"), r


@case
async def numbers_leave_as_tel(t):
    """uri_scheme = tel: in INVITE, its CANCEL, MESSAGE and SUBSCRIBE; what is
    no number of the world has no such URI."""
    lab = await Lab(t).start({"trunk pbx": dict(
        HERE, dial="e164", uri_scheme="tel", addressing="trunk")})
    f = await lab.x2s("ringing", to=at("03012345"))
    assert f.sip.req.uri == "tel:+493012345", f.sip.req.uri
    assert f.sip.req.get("To") == "<tel:+493012345>", f.sip.req.get("To")
    f.user.jmi("retract", at("03012345"), f.sid)
    m = await f.sip.wait("CANCEL")
    assert m.uri == "tel:+493012345", m.uri
    f.sip.reply(487)
    f = await lab.x2s(to=at("+493012345"))      # and with a dialog
    await lab.hang_up(f)

    lab.server.stanza("message", lab.alice.jid, at("03012345"),
                      "<body>hello</body>", "chat")
    while True:
        m = await asyncio.wait_for(lab.ua.others.get(), 20)
        if m.method == "MESSAGE":
            break
    assert m.uri == "tel:+493012345", m.uri
    lab.ua.reply(m, 200)
    r = await invited(lab, "600")
    assert r.uri == "sip:600@127.0.0.1:5060", r.uri

    lab.server.stanza("presence", lab.alice.bare, at("03012345"), "",
                      "subscribe")
    while True:
        m = await asyncio.wait_for(lab.ua.others.get(), 20)
        if m.method == "SUBSCRIBE":
            break
    assert m.uri == "tel:+493012345", m.uri
    assert m.get("To") == "<tel:+493012345>", m.get("To")
    lab.ua.reply(m, 489)


@case
async def same_extensions_of_two_trunks(t):
    """label: 1001 of one trunk is another contact than 1001 of the other, for
    calls, messages and presence, both ways."""
    lab = await Lab(t).start({
        "trunk pbx": {"addressing": "trunk"},
        "trunk two": {"uri": "sip:127.0.0.4:5060", "addressing": "trunk",
                      "accept_from": "127.0.0.4", "label": "berlin",
                      "media_from": "127.0.0.0/8"},
        "route": {"a": "from xmpp.test to 1* via pbx",
                  "b": "from xmpp.test to 1* via two",
                  "c": "from trunk:* to * via xmpp:*@xmpp.test"}})
    other = await Ua(ip="127.0.0.4", log=t.path("two.log")).start()
    t.later(other.close)
    theirs = at("1001\\40berlin")

    r = await invited(lab, "1001")
    assert r.uri == "sip:1001@127.0.0.1:5060", r.uri
    sid = lab.alice.propose(theirs)
    c = await other.get_call()
    assert c.req.uri == "sip:1001@127.0.0.4:5060", c.req.uri
    assert "berlin" not in c.req.get("To") + c.req.get("From")
    c.reply(486)
    assert (await lab.alice.get_jmi("reject", sid=sid)).sender.startswith(
        theirs)

    lab.server.stanza("message", lab.alice.jid, theirs,
                      "<body>hello</body>", "chat")
    m = await one(other, "MESSAGE")
    assert m.uri == "sip:1001@127.0.0.4:5060", m.uri
    other.reply(m, 200)
    lab.server.stanza("presence", lab.alice.bare, theirs, "", "subscribe")
    m = await one(other, "SUBSCRIBE")
    assert m.uri == "sip:1001@127.0.0.4:5060", m.uri
    other.reply(m, 489)

    for ua, sender in ((lab.ua, at("1001")), (other, theirs)):
        c = await ua.call("sip:alice@127.0.0.1:5070", lab.sdp(),
                          from_uri="sip:1001@" + ua.ip)
        m = await lab.alice.get_jmi("propose")
        assert m.sender == sender + "/sip", m.sender
        c.cancel()
        await c.wait(487)
    out = await told(lab, "route", "test", "1001@berlin", "alice@xmpp.test")
    assert "1001 of trunk two" in out and "rule b: trunk two" in out, out
    assert "calls sip:1001@127.0.0.4:5060" in out, out
    out = await told(lab, "route", "test", "2001@berlin", "alice@xmpp.test")
    assert "refused" in out, out
    st = lab.server.stanza(
        "iq", lab.alice.jid, "sip.xmpp.test", "<query xmlns='jabber:iq:"
        "gateway'><prompt>1001@Berlin</prompt></query>", "set")
    r = await lab.server.wait(lambda e: e.get("id") == st
                              and e.get("type") == "result", what="jid")
    assert find(find(r, "query"), "jid").text == theirs, text(r)


E164 = {("5.4.3.2.1.0.3.9.4.e164.test", "NAPTR"): [
    (20, 10, "u", "E2U+sip", "!^.*$!sip:late@example.net!"),
    (10, 5, "u", "E2U+h323", "!^.*$!sip:h323@example.net!"),
    (10, 6, "s", "E2U+sip", "!^.*$!sip:flag@example.net!"),
    (10, 30, "u", "E2U+mailto", "!^.*$!mailto:bob@example.net!"),
    (10, 20, "u", "E2U+sip", "!^.*$!sip:bob@192.0.2.1!"),
    (10, 25, "u", "E2U+sip", "!^.*$!sip:0900@127.0.0.1:5060!"),
    (10, 40, "u", "E2U+sip", r"!^\+49(.*)$!sip:0\1@example.net;maddr=h!")]}


@case
async def numbers_are_looked_up(t):
    """RFC 6116: the first record that holds, through the same trunk; nothing
    that leads to an address, or to the trunk's own numbers."""
    Dns.configure(t)
    names = await Dns(E164).start()
    t.later(names.close)
    lab = await Lab(t).start({"trunk pbx": dict(
        HERE, dial="e164", enum="e164.test", addressing="trunk"),
        "emergency": {"112": "pbx"}})
    r = await invited(lab, "03012345")
    assert r.uri == "sip:03012345@example.net", r.uri
    assert r.get("To") == "<sip:03012345@example.net>", r.get("To")
    asked = list(names.asked)
    r = await invited(lab, "03099999")      # NXDOMAIN
    assert r.uri.startswith("sip:+493099999@127.0.0.1"), r.uri
    assert len(names.asked) == len(asked) + 1, names.asked
    for number in ("600", "112"):
        r = await invited(lab, number)
        assert r.uri == "sip:%s@127.0.0.1:5060" % number, r.uri
    assert len(names.asked) == len(asked) + 1, names.asked
    out = await told(lab, "route", "test", "03012345", "alice@xmpp.test")
    assert "or what ENUM has for +493012345 in e164.test" in out, out
    assert "\nENUM: sip:03012345@example.net\n" in out, out
    out = await told(lab, "--json", "route", "test", "03012345",
                     "alice@xmpp.test")
    assert json.loads(out)["uri"] == "sip:03012345@example.net", out
    out = await told(lab, "route", "test", "03099999", "alice@xmpp.test")
    assert "\nENUM: nothing\n" in out, out


@case
async def numbers_of_the_trunk_are_not_believed(t):
    """Who has a number could send calls to a dear one there."""
    Dns.configure(t)
    name = "5.4.3.2.1.0.3.9.4.e164.test"
    names = await Dns({(name, "NAPTR"): [
        (1, 1, "u", "E2U+sip", "!^.*$!sip:0900@LOCALHOST:5060!"),
        (1, 2, "u", "E2U+sip", "!^.*$!sip:0901@localhost!")]}).start()
    t.later(names.close)
    lab = await Lab(t).start({"trunk pbx": dict(
        HERE, dial="e164", enum="e164.test", addressing="trunk",
        uri="sip:localhost:5060")})
    r = await invited(lab, "03012345")
    assert (name, "NAPTR") in names.asked
    assert r.uri.startswith("sip:+493012345@localhost:5060"), r.uri
    assert "not believed" in lab.stoxd.text()


@case
async def a_name_server_that_is_silent(t):
    """Two seconds, then the number; who gives up meanwhile calls nobody."""
    Dns.configure(t)
    names = await Dns(E164).start()
    t.later(names.close)
    names.datagram_received = lambda p, addr: names.asked.append(p)
    lab = await Lab(t).start({"trunk pbx": dict(
        HERE, dial="e164", enum="e164.test", addressing="trunk")})
    before = time.monotonic()
    r = await invited(lab, "03012345")
    assert r.uri.startswith("sip:+493012345@127.0.0.1"), r.uri
    assert 1.5 < time.monotonic() - before < 4
    sid = lab.alice.propose(at("03012345"))
    await asyncio.sleep(0.3)
    lab.alice.jmi("retract", at("03012345"), sid)
    try:
        await lab.ua.get_call(3)
        raise AssertionError("called all the same")
    except (asyncio.TimeoutError, TimeoutError):
        pass


@case
async def hidden_callers_stay_hidden(t):
    """Without pai = yes nothing of a hidden caller is sent, trusted or not."""
    lab = await Lab(t).start({
        "trunk pbx": {"trusted": "yes"},
        "plan shy": {"who": "xmpp.test", "privacy": "yes"}})
    r = await invited(lab, "600")
    assert r.get("Privacy") == "id" and not r.get("P-Asserted-Identity"), r
    assert b"alice" not in r.bytes(), r.bytes()


@case
async def callers_arrive_as_numbers_of_the_world(t):
    lab = await Lab(t).start({"trunk pbx": dict(HERE, trusted="yes")})
    for pai, want in (("sip:03012345@127.0.0.1", "+493012345"),
                      ("tel:+33123456789", "+33123456789"),
                      ("sip:600@127.0.0.1:5060", "600")):
        f = await lab.s2x(user=lab.new_user(), headers=[
            ("P-Asserted-Identity", "<%s>" % pai)])
        assert f.gw == at(want) + "/sip", f.gw
        await lab.hang_up(f)


@case
async def identity_from(t):
    """A trusted trunk whose From counts, not what it asserts."""
    lab = await Lab(t).start({"trunk pbx": {"trusted": "yes",
                                            "identity": "from"}})
    f = await lab.s2x(headers=[("P-Asserted-Identity",
                                "<sip:777@127.0.0.1:5060>")])
    assert f.gw == GW + "/sip", f.gw
    await lab.hang_up(f)


# ---- who may call what ----------------------------------------------------
DENY = {"class": {"premium": "+49900, +4911"},
        "trunk pbx": dict(HERE, allow="+49, @short", deny="@premium")}


@case
async def refused_callers_are_told_why(t):
    lab = await Lab(t).start(DENY)
    for number, want in (
            ("09001234567", "calls to premium numbers are not allowed"),
            ("0033123456789",
             "this number is not among those that you may call"),
            ("*21*09001234567#", "dial this number with + and the country")):
        reason, words = await refused(lab, number)
        assert (reason, words) == ("decline", want), (number, reason, words)
    r = await invited(lab, "03012345")
    assert r.uri == "sip:03012345@127.0.0.1:5060", r.uri


@case
async def users_of_a_trunk(t):
    path = t.path("staff")
    with open(path, "w") as f:
        f.write("# the desk\nu1@xmpp.test\n")
    lab = await Lab(t).start({"trunk pbx": {
        "users": "carol@xmpp.test", "users_file": path}})
    assert await refused(lab, "600") == (
        "decline", "you may not use trunk pbx")
    await invited(lab, "600", user=lab.new_user())


@case
async def route_test_is_the_real_decision(t):
    lab = await Lab(t).start(dict(DENY, **{
        "plan staff": {"who": "alice@xmpp.test", "caller_id": "+49301001"}}))
    out = await told(lab, "route", "test", "03012345", "alice@xmpp.test")
    for want in ("plan staff", "the only trunk, pbx", "+493012345",
                 "are allowed", "calls sip:03012345@127.0.0.1:5060",
                 "as sip:+49301001@127.0.0.1:5060", "\nallowed\n"):
        assert want in out, (want, out)
    r = await invited(lab, "03012345")
    assert r.uri == "sip:03012345@127.0.0.1:5060", r.uri
    assert "+49301001@" in r.get("From"), r.get("From")
    out = await told(lab, "route", "test", "09001234567", "alice@xmpp.test")
    assert "refused: calls to premium numbers" in out, out
    assert "allowed\n" not in out.splitlines()[-1] + "\n" or \
        "not allowed" in out, out
    out = await told(lab, "route", "test", "600", "eve@evil.test")
    assert "refused: your domain may not use this gateway" in out, out
    out = await told(lab, "acl", "test", "alice@xmpp.test")
    assert "trunk pbx: may be used" in out and "plan staff" in out, out


# ---- limits ---------------------------------------------------------------
async def attempts(lab, n, parallel):
    """A thief's: how many INVITEs came out of n, each answered by 486."""
    u, calls, ends = lab.alice, 0, 0
    sids = []

    async def phone():
        nonlocal calls
        while True:
            c = await lab.ua.get_call(60)
            calls += 1
            if parallel:
                ringing.append(c)
                c.reply(180)
            else:
                c.reply(486)

    async def refusals():
        nonlocal ends
        while True:
            m = await u.get_jmi("reject", 60)
            assert m.text, "refused without a word"
            ends += 1
    ringing = []
    tasks = [asyncio.ensure_future(phone())]
    for _ in range(n):
        sids.append(u.propose(GW))
        if not parallel:
            await u.get_jmi("reject", sid=sids[-1])
    if parallel:    # either may come before the other
        tasks.append(asyncio.ensure_future(refusals()))
        await until(lambda: ends + len(ringing) >= n, 30, "answers")
    await asyncio.sleep(0.3)
    assert not any(t.done() for t in tasks)
    for t in tasks:
        t.cancel()
    for c in ringing:
        c.reply(486)
    return calls


@case
async def a_stolen_account_in_parallel(t):
    """A thousand attempts at once: as many calls as the limits allow."""
    lab = await Lab(t).start({"limits": {"calls_per_jid": "4"}})
    n = await attempts(lab, 1000, True)
    assert n == 4, "%d calls" % n


@case
async def a_stolen_account_in_sequence(t):
    lab = await Lab(t).start({"limits": {"calls_per_jid": "4",
                                         "calls_per_hour": "25"}})
    n = await attempts(lab, 1000, False)
    assert n == 25, "%d calls" % n
    assert await refused(lab, "600") == (
        "decline", "as many calls in an hour as one user may make")
    await invited(lab, "600", user=lab.new_user())


async def killed(lab):
    lab.stoxd.p.kill()
    lab.stoxd.p.wait()
    await lab.stoxd.run()
    await asyncio.wait_for(lab.server.up.wait(), 20)


@case
async def a_stolen_account_and_kill_9(t):
    """A gateway that is killed again and again allows no more than one that
    is not."""
    lab = await Lab(t).start({"limits": {"calls_per_day": "25"},
                              "store": {"path": "stoxd.db"}})
    n = 0
    for _ in range(3):
        n += await attempts(lab, 10, False)
        await asyncio.sleep(0.3)
        await killed(lab)
    n += await attempts(lab, 20, False)
    assert n == 25, "%d calls" % n
    assert await refused(lab, "600") == (
        "decline", "as many calls in a day as one user may make")
    out = await told(lab, "acl", "test", "alice@xmpp.test")
    assert "as many calls in a day" in out, out
    await invited(lab, "600", user=lab.new_user())


@case
async def minutes_are_kept(t):
    """Talk that is over counts after kill -9."""
    lab = await Lab(t).start({"limits": {"minutes_per_hour": "1"},
                              "store": {"path": "stoxd.db"}})
    flows = [await lab.x2s("proceed") for _ in range(20)]
    for f in flows:
        f.user.initiate(f.gw, f.sid)
    await asyncio.gather(*(
        lab.ended_in_xmpp(f, "expired", 15) for f in flows))
    await asyncio.sleep(0.3)
    await killed(lab)
    assert (await refused(lab, "600"))[1] == \
        "your minutes of the hour are used up"


@case
async def running_calls_end_with_the_minutes(t):
    """Twenty calls use a minute up in three seconds; then each is told."""
    lab = await Lab(t).start({
        "limits": {"minutes_per_hour": "1"},
        "emergency": {"112": "pbx"}})
    flows = [await lab.x2s("proceed") for _ in range(20)]
    for f in flows:
        f.user.initiate(f.gw, f.sid)
    ends = await asyncio.gather(*(
        lab.ended_in_xmpp(f, "expired", 15) for f in flows))
    assert {e.text for e in ends} == {"the caller's minutes are used up"}
    for f in flows:
        await lab.ended_in_sip(f)
    assert (await refused(lab, "600"))[1] == \
        "your minutes of the hour are used up"
    out = await told(lab, "acl", "test", "alice@xmpp.test")
    assert "your minutes of the hour are used up" in out, out
    await invited(lab, "112")       # emergencies have no limit


@case
async def emergency_numbers(t):
    """No rule, no list, no limit; never hidden."""
    lab = await Lab(t).start({
        "emergency": {"112": "pbx"},
        "route": {"none": "from * to * deny"},
        "trunk pbx": {"users": "nobody@xmpp.test", "deny": "*", "add": "9",
                      "privacy": "yes", "addressing": "trunk"},
        "limits": {"setup_per_minute": "1", "setup_burst": "1",
                   "calls_per_jid": "1"}})
    flows = []
    for _ in range(5):
        f = await lab.x2s("ringing", to=at("112"))
        assert f.sip.req.uri == "sip:112@127.0.0.1:5060", f.sip.req.uri
        assert not f.sip.req.get("Privacy"), f.sip.req
        assert "alice" in f.sip.req.get("From"), f.sip.req
        flows.append(f)
    for f in flows:
        f.sip.reply(486)
    assert (await refused(lab, "600"))[0] == "decline"


# ---- the log --------------------------------------------------------------
def filtered(log):
    """Addresses that conf/fail2ban/stoxd.conf finds in these lines."""
    with open(os.path.join(ROOT, "conf/fail2ban/stoxd.conf")) as f:
        rx = re.search(r"^failregex = (.*)$", f.read(), re.M).group(1)
    rx = re.compile(rx.replace("<ADDR>", r"(?P<a>[0-9a-fA-F.:]+)"))
    return [m.group("a") for m in map(rx.match, log) if m]


def with_fail2ban(t, log):
    """The same by the program itself, where it is installed."""
    if not shutil.which("fail2ban-regex"):
        return
    path = t.path("journal.log")
    with open(path, "w") as f:
        f.writelines("2026-11-22T12:00:00 %s\n" % line for line in log)
    out = subprocess.run(
        ["fail2ban-regex", "-v", path,
         os.path.join(ROOT, "conf/fail2ban/stoxd.conf")],
        capture_output=True, text=True, timeout=60).stdout
    n = re.search(r"Failregex: (\d+) total", out)
    assert n and int(n.group(1)) == len(filtered(log)), out


FORGED = "sip: refused 192.0.2.66 port 5060 UDP INVITE 403 call trunk -"


@case
async def refused_sources_are_logged(t):
    """Each refused request is a line with the socket's address; nothing of
    the request can make another line, or another address."""
    lab = await Lab(t).start({"trunk pbx": {"users": "*"}})
    far = await Ear.open(t, "127.9.0.9", 5060)
    far.send(raw(source="192.0.2.66:5060", From="\"%s\" <sip:6@192.0.2.66>"
                 ";tag=1" % FORGED, Call_ID=FORGED.replace(" ", "-")), OURS)
    far.send(raw("FLY", source="192.0.2.66:5060"), OURS)
    far.send(b"\r\nstoxd[1]: " + FORGED.encode() + b"\r\n", OURS)
    await asyncio.sleep(0.3)
    # the trunk itself: refused, told apart
    for name in (FORGED, "gw stoxd[1]: " + FORGED,
                 "x\r\n stoxd[1]: " + FORGED):
        r = await lab.ua.request(
            "MESSAGE", "sip:a%%0d%%0agw%%20stoxd[1]:%%20%s@nowhere.test"
            % FORGED.replace(" ", "%20"),
            [("Content-Type", "text/plain"), ("Subject", name[:60])], "hello")
        assert r.code >= 400, r
    c = await lab.ua.call("sip:nobody%40else.test@127.0.0.1:5070", lab.sdp())
    r = await c.wait(final)
    assert r.code == 404, r
    assert r.get("Warning") == '399 stoxd "no such user here"', r.headers
    for method, event in (("SUBSCRIBE", "dialog"), ("NOTIFY", "presence")):
        r = await lab.ua.request(method, "sip:alice@127.0.0.1:5070",
                                 [("Event", event)])
        assert r.code in (489, 481), r
    await asyncio.sleep(0.2)
    lines = ["gw stoxd[77]: " + line
             for line in lab.stoxd.text().splitlines()]
    said = [line for line in lines if ": sip: refused " in line]
    assert any("refused 127.9.0.9 port 5060 UDP INVITE 0 stranger trunk -"
               in line for line in said), said
    assert any("refused 127.9.0.9 port 5060 UDP - 0" in line
               for line in said), said
    assert any("refused 127.0.0.1 port 5060 UDP INVITE 404 call trunk pbx"
               in line for line in said), said
    assert any("MESSAGE" in line and "trunk pbx" in line
               for line in said), said
    for words in ("SUBSCRIBE 489 watcher", "NOTIFY 481 dialog"):
        assert any(words + " trunk pbx" in line for line in said), said
    found = filtered(lines)
    assert set(found) == {"127.9.0.9"}, found
    assert len(found) == 3, found
    with_fail2ban(t, lines)


@case
async def a_flood_does_not_fill_the_log(t):
    lab = await Lab(t).start({"limits": {"sip_source_rate": "10",
                                         "sip_source_burst": "20"}})
    # from many ports, so that no line is a repeated one
    for port in range(5060, 5100):
        far = await Ear.open(t, "127.9.0.9", port)
        for _ in range(50):
            far.send(raw(source="127.9.0.9:%d" % port), OURS)
    await asyncio.sleep(1.5)
    n = sum(": refused " in line and "refused 127.9.0.9" in line
            for line in lab.stoxd.text().splitlines())
    assert 20 <= n <= 120, n
