"""Presence of users with accounts, published at their provider (RFC 3903,
protocol C.3): a scripted XMPP server and a scripted compositor."""
import asyncio
import re
import sqlite3
import os

from peers.accounts import CONF, GATE, Accounts, merged
from peers.compositor import Compositor, basic, body, probed, shows
from peers.proc import until
from peers.reloading import reload
from peers.runner import case
from peers.sipmsg import uri

FAST = {"presence": {"spacing": "1", "expires": "600"}}


async def begin(t, changes=None, script=()):
    a = await Accounts().start(t, dict(FAST, **(changes or {})))
    c = Compositor(a.registrar, script)
    await a.registered()
    await probed(a)
    return a, c


@case
async def shown_changed_and_taken_back(t):
    a, c = await begin(t)
    await c.none(0.5)           # nothing is known of her yet
    shows(a, "<show>away</show><status>Tea &amp; cake</status>")
    m = await c.next()
    assert m.uri == "sip:bob@127.0.0.3", m.uri
    for name in ("From", "To"):
        assert uri(m.get(name)) == "sip:bob@127.0.0.3", m.get(name)
    assert m.get("Event") == "presence", m.headers
    assert m.get("Content-Type") == "application/pidf+xml", m.headers
    assert m.get("Expires") == "600" and not m.get("SIP-If-Match"), m.headers
    assert basic(m) == ["open"], m.body
    assert "away" in body(m) and "Tea &amp; cake</note>" in body(m), m.body
    assert "phone" not in re.sub(r"xmlns\S+", "", body(m)), \
        "a resource's name is nobody's business"

    # at most one a second, and the last counts
    for i in range(5):
        shows(a, "<status>n%d</status>" % i)
    m = await c.next()
    assert m.get("SIP-If-Match") == "e1" and "n4</note>" in body(m), m.body
    await c.none(0.5)

    # a second device, then one less
    shows(a, "<priority>5</priority>", resource="desk")
    m = await c.next()
    assert basic(m) == ["open", "open"], m.body
    shows(a, type="unavailable", resource="desk")
    m = await c.next()
    assert sorted(basic(m)) == ["closed", "open"], m.body

    shows(a, type="unavailable")
    m = await c.next()
    assert m.get("Expires") == "0" and not m.body, m
    assert m.get("SIP-If-Match"), m.headers
    assert not c.etags, c.etags

    shows(a)                    # and she is back
    m = await c.next()
    assert not m.get("SIP-If-Match") and basic(m) == ["open"], m


@case
async def on_the_phone(t):
    a, c = await begin(t)
    shows(a)
    await c.next()
    lab = a.lab
    was, lab.ua = lab.ua, a.registrar
    f = await lab.x2s(to="77@" + GATE)
    m = await c.next()
    assert "on-the-phone" in body(m), m.body
    await lab.hang_up(f)
    lab.ua = was
    m = await c.next()
    assert "on-the-phone" not in body(m), m.body


@case
async def precondition_failed(t):
    """RFC 3903 4: what the provider forgot is published anew."""
    a, c = await begin(t)
    shows(a)
    await c.next()
    c.etags.clear()
    shows(a, "<show>dnd</show>")
    m = await c.next()
    assert m.get("SIP-If-Match") == "e1", m.headers
    m = await c.next()
    assert not m.get("SIP-If-Match") and "dnd" in body(m), m
    assert list(c.etags) == ["e2"], c.etags


@case
async def too_brief(t):
    a, c = await begin(t, script=[(423, [("Min-Expires", "900")])])
    shows(a)
    await c.next()
    m = await c.next()
    assert m.get("Expires") == "900" and basic(m) == ["open"], m


@case
async def provider_without_presence(t):
    a, c = await begin(t, script=[(489, [])])
    shows(a)
    await c.next()
    shows(a, "<show>away</show>")
    await c.none(2)
    # the account itself is none the worse for it
    st, _, _, note, _ = await a.command("sip:status")
    assert "registered" in note, note


@case
async def turned_off(t):
    a = await Accounts().start(t, {"account": {"publish": "no"}})
    c = Compositor(a.registrar)
    await a.registered()
    shows(a)
    await c.none(2.5)


@case
async def taken_over_after_kill_9(t):
    """The next life goes on with the same publication: no second one."""
    a, c = await begin(t)
    shows(a)
    await c.next()

    def kept():
        db = sqlite3.connect(os.path.join(t.dir, "stoxd.db"))
        rows = db.execute("SELECT etag FROM publication").fetchall()
        db.close()
        return rows == [("e1",)]
    await until(kept, 20, "publication e1 in the store")
    a.lab.stoxd.p.kill()
    a.lab.stoxd.p.wait()
    a.server.unread.clear()
    await a.lab.stoxd.run()
    await asyncio.wait_for(a.server.up.wait(), 20)
    await probed(a)
    shows(a, "<show>xa</show>")
    m = await c.next()
    assert m.get("SIP-If-Match") == "e1" and "xa" in body(m), m
    assert list(c.etags) == ["e2"], c.etags


@case
async def removed_accounts_show_nothing(t):
    a, c = await begin(t)
    shows(a)
    await c.next()
    r = await a.ask("set", "<query xmlns='jabber:iq:register'><remove/>"
                    "</query>")
    assert r.get("type") == "result", r
    m = await c.next()
    assert m.get("Expires") == "0" and m.get("SIP-If-Match") == "e1", m
    await asyncio.sleep(0.3)
    assert not a.registrar.bound


@case
async def strangers_show_nothing(t):
    """Only what a user shows the gateway, and only users with accounts."""
    a, c = await begin(t)
    a.server.stanza("presence", "eve@xmpp.test/x", GATE, "")
    a.server.stanza("presence", "alice@elsewhere.test/x", GATE, "")
    a.server.stanza("presence", a.alice.bare + "/x", "77@" + GATE, "")
    await c.none(2)


@case
async def published_from_now_on(t):
    """Changed `publish` and `mwi` hold for the accounts that there are."""
    def conf(what):
        return merged(CONF, FAST, {"account": {"publish": what, "mwi": what}})
    a = await Accounts().start(t, conf("no"))
    c = Compositor(a.registrar)
    await a.registered()
    shows(a, "<show>away</show>")
    await c.none(2)
    await reload(a.lab, conf("yes"))
    m = await c.next()
    assert "away" in body(m), m.body
    await until(lambda: any(
        way == "<" and m.method == "SUBSCRIBE"
        and m.get("Event") == "message-summary"
        for _, way, m in a.registrar.history), 20, "SUBSCRIBE")
    await reload(a.lab, conf("yes"))
    await c.none(2)             # nothing has changed
    await reload(a.lab, conf("no"))
    m = await c.next()
    assert m.get("Expires") == "0", m.headers
    shows(a, "<show>dnd</show>")
    await c.none(1.5)
