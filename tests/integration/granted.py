"""What a server grants the gateway of its users' presence (XEP-0356), and who
says that it is shown on; accounts that are registered while their users are
online."""
import asyncio

from peers.accounts import CONF, GATE, Accounts, merged
from peers.compositor import Compositor, basic, probed, shows
from peers.lab import GW, Lab
from peers.presence import Phone, pidf
from peers.reloading import reload
from peers.runner import case
from peers.sipmsg import uri
from peers.xmppserver import find, local

DISCO = "http://jabber.org/protocol/disco#info"
PUBLISH = {"presence": {"spacing": "1", "expires": "600"}}
PRESENCE = {"presence": {"expires": "60", "expires_min": "10", "grace": "1",
                         "retry": "1", "spacing": "1"}}


def grant(server, type="managed_entity", frm="xmpp.test", ns="2"):
    server.stanza("message", frm, GATE, "<privilege xmlns='urn:xmpp:privilege:"
                  "%s'><perm access='presence' type='%s'/></privilege>" % (
                      ns, type))


async def start(t, granted="managed_entity", expires="60", changes=None,
                **kw):
    lab = await Lab(t).start(merged({"presence": dict(
        PRESENCE["presence"], expires=expires)}, changes))
    while "connected" not in lab.stoxd.ctl("status"):
        await asyncio.sleep(0.05)
    lab.phone = Phone(lab.ua)
    lab.questions = asyncio.Queue()
    lab.server.answers.append(
        lambda iq: iq.get("from") == GW + "/sip"
        and (lab.questions.put_nowait(iq) or True))
    if granted:
        grant(lab.server, granted, **kw)
        await asyncio.sleep(0.2)
    return lab


def push(lab, type=None):
    lab.server.stanza("presence", lab.alice.bare + "/phone", GATE, "", type)


async def watched_by_one_who_hides(t, granted, expires="60", **kw):
    """A user who watches a contact and does not let it see her logs in: her
    server asks for the contact, and tells the gateway that she is there."""
    lab = await start(t, granted, expires, **kw)
    push(lab)
    lab.server.stanza("presence", lab.alice.bare, GW, "", "probe")
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == expires, s.req.get("Expires")
    return lab, s


@case
async def pushed_presence_watches(t):
    lab, s = await watched_by_one_who_hides(t, "managed_entity", "60")
    s.accept()
    s.notify("active;expires=60", pidf(note="there"))
    assert (await s.notified()).code == 200
    # pushed by the server: the user did not ask to see the gateway
    await lab.server.none(lambda e: local(e) == "presence"
                          and e.get("from") == GATE, 0.5, "presence")
    push(lab, "unavailable")
    r = await s.refresh(5)
    assert r.get("Expires") == "0", r.get("Expires")


async def asked_at_the_refresh(t):
    """The question to her device, when the subscription is due; it has
    answered the first one."""
    lab, s = await watched_by_one_who_hides(t, "managed_entity", "80")
    s.accept()
    s.notify("active;expires=80", pidf())
    assert (await s.notified()).code == 200
    lab.server.error(await disco(lab), "feature-not-implemented")
    r = await s.refresh(75)
    assert r.get("Expires") == "80", r.get("Expires")
    s.accept(req=r)
    q = await disco(lab)
    await lab.server.none(lambda e: local(e) == "presence"
                          and e.get("type") == "probe", 0.5, "probe")
    return lab, s, q


async def disco(lab):
    q = await asyncio.wait_for(lab.questions.get(), 5)
    assert find(q, "query", DISCO) is not None
    assert q.get("to") == lab.alice.bare + "/phone", q.attrib
    return q


@case(timeout=100, waits=66)
async def pushed_presence_needs_no_probe(t):
    """What was pushed holds until the server says otherwise: her contact is
    watched on while her device answers."""
    lab, s, q = await asked_at_the_refresh(t)
    lab.server.result(q, "<query xmlns='%s'/>" % DISCO)
    await s.quiet(2)


@case(timeout=100, waits=66)
async def pushed_session_was_cut(t):
    """Her server pushed nothing when her session was cut: the device is not
    there any more, and nobody watches for her."""
    lab, s, q = await asked_at_the_refresh(t)
    lab.server.error(q, "service-unavailable")
    r = await s.refresh(5)
    assert r.get("Expires") == "0", r.get("Expires")


@case
async def pushed_and_hidden(t):
    """Who lets no contact see her says so to a contact: she is there, and
    watches on; her device says so.  When it has gone nobody watches."""
    lab, s = await watched_by_one_who_hides(t, "managed_entity", "60")
    s.accept()
    s.notify("active;expires=60", pidf())
    assert (await s.notified()).code == 200
    lab.server.result(await disco(lab), "<query xmlns='%s'/>" % DISCO)

    def hides():
        for type in ("unsubscribed", "unavailable"):
            lab.server.stanza("presence", lab.alice.bare + "/phone", GW, "",
                              type)
    hides()
    lab.server.error(await disco(lab), "feature-not-implemented")
    await s.quiet(2.5)
    hides()
    lab.server.error(await disco(lab), "service-unavailable")
    r = await s.refresh(5)
    assert r.get("Expires") == "0", r.get("Expires")


@case
async def pushed_presence_of_rosters_and_of_version_1(t):
    await watched_by_one_who_hides(t, "roster", "60", ns="1")


@case
async def pushed_before_or_after_the_probe(t):
    lab = await start(t)
    lab.server.stanza("presence", lab.alice.bare, GW, "", "probe")
    await asyncio.sleep(0.1)
    push(lab)
    s = await lab.phone.subscription()
    assert s.req.get("Expires") == "60", s.req.get("Expires")


@case
async def strangers_grant_nothing(t):
    """Who shows itself to the gateway is shown it, as ever."""
    lab = await start(t, None)
    grant(lab.server, frm="elsewhere.test")
    await asyncio.sleep(0.2)
    push(lab)
    await lab.server.wait(lambda e: local(e) == "presence"
                          and e.get("from") == GATE, what="presence")


@case
async def grants_of_another_domain(t):
    """A server speaks for its own users: what another one grants has not
    changed, and nobody is shown the gateway for it."""
    lab = await start(t, None, changes={"xmpp": {
        "domains": "other.test, xmpp.test, third.test"}})
    grant(lab.server)
    lab.server.stanza("message", "other.test", GATE,
                      "<privilege xmlns='urn:xmpp:privilege:2'/>")
    grant(lab.server, frm="third.test")
    await asyncio.sleep(0.2)
    push(lab)
    await lab.server.none(lambda e: local(e) == "presence"
                          and e.get("from") == GATE, 0.5, "presence")
    lab.server.stanza("presence", "bob@other.test/r", GATE)
    await lab.server.wait(lambda e: local(e) == "presence" and
                          e.get("to").startswith("bob@"), 20, "presence")


@case
async def pushed_presence_is_not_published(t):
    """The server grants it to the gateway, not to the provider: that is for
    the user to say; who has said so is remembered."""
    a = await Accounts().start(t, PUBLISH)
    c = Compositor(a.registrar)
    grant(a.server)
    await asyncio.sleep(0.2)
    await a.registered()
    await probed(a)
    shows(a)
    await c.none(2)
    a.server.stanza("presence", a.alice.bare, GATE, "", "subscribed")
    shows(a)
    assert basic(await c.next()) == ["open"]

    d = a.lab.stoxd
    d.p.kill()
    d.p.wait()
    await d.run()
    while "connected" not in d.ctl("status"):
        await asyncio.sleep(0.05)
    grant(a.server)
    shows(a, "<show>away</show>")
    m = await c.next(10)
    assert "away" in m.body.decode(), m.body

    a.server.stanza("presence", a.alice.bare, GATE, "", "unsubscribed")
    m = await c.next(5)
    assert m.get("Expires") == "0", m.headers
    shows(a, "<show>dnd</show>")
    await c.none(2)


async def registers(a, n, seconds=6):
    """The n-th REGISTER with credentials."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        v = [m for m in a.registrar.registers if m.get("Authorization")]
        if len(v) >= n:
            return v[n - 1]
        assert asyncio.get_running_loop().time() < end, "%d of %d" % (
            len(v), n)
        await asyncio.sleep(0.05)


@case
async def registered_while_online(t):
    """stay_registered = no: X0100 4.4, 4.5."""
    a = await Accounts().start(t, {
        "account": {"stay_registered": "no", "publish": "no", "mwi": "no"},
        "presence": {"grace": "1"}})
    await a.registered()
    assert uri((await registers(a, 1)).get("To")).startswith("sip:bob@")
    shows(a)
    shows(a, type="unavailable")
    shows(a)                    # back within the grace: nothing happens
    await asyncio.sleep(2)
    assert "bob" in a.registrar.bound
    shows(a, type="unavailable")
    assert (await registers(a, 2)).get("Expires") == "0"
    assert "offline" in a.lab.stoxd.ctl("accounts"), \
        a.lab.stoxd.ctl("accounts")
    shows(a)
    assert (await registers(a, 3)).get("Expires") != "0"

    # after a restart its user is asked, and nobody registered before that
    d = a.lab.stoxd
    d.p.kill()
    d.p.wait()
    await d.run()
    await probed(a)
    await asyncio.sleep(1)
    assert len([m for m in a.registrar.registers
                if m.get("Authorization")]) == 3
    shows(a)
    await registers(a, 4)


@case
async def registered_while_online_from_now_on(t):
    """A changed stay_registered holds for the accounts that there are."""
    def conf(stay):
        return merged(CONF, {
            "account": {"stay_registered": stay, "publish": "no",
                        "mwi": "no"},
            "presence": {"grace": "1"}})
    a = await Accounts().start(t, conf("yes"))
    await a.registered()
    await registers(a, 1)
    shows(a)
    shows(a, type="unavailable")
    await reload(a.lab, conf("no"))
    assert (await registers(a, 2)).get("Expires") == "0"
    assert "offline" in a.lab.stoxd.ctl("accounts")
    await reload(a.lab, conf("yes"))
    assert (await registers(a, 3)).get("Expires") != "0"
    shows(a)
    await asyncio.sleep(0.2)
    await reload(a.lab, conf("no"))
    await asyncio.sleep(2)      # she is there
    assert "bob" in a.registrar.bound
    shows(a, type="unavailable")
    assert (await registers(a, 4)).get("Expires") == "0"
