"""SIP accounts of users (protocol G.3, D51..D53): a scripted XMPP server and a
scripted provider."""
import asyncio
import json
import os
import re
import sqlite3
import subprocess

from peers.accounts import (COMMANDS, DATA, GATE, HOST, REGISTER, SEARCH,
                            Accounts, fields, form)
from peers.lab import GW, Lab
from peers.proc import PATIENCE, until
from peers.runner import case
from peers.sipmsg import uri
from peers.xmppserver import condition, find, local, text

# ---- registration ---------------------------------------------------------
@case
async def form_is_offered(t):
    a = await Accounts().start(t)
    r = await a.ask("get", "<query xmlns='%s'/>" % REGISTER)
    q = find(r, "query")
    assert find(q, "registered") is None and find(q, "username") is not None
    f = fields(find(q, "x", DATA))
    assert f["FORM_TYPE"] == [REGISTER], f
    assert list(f)[1:] == ["username", "password", "domain",
                           "outbound_proxy", "auth_username", "transport",
                           "display_name", "privacy"], f
    assert f["domain"] == [HOST] and f["transport"] == ["auto"]
    assert f["password"] == []


@case
async def register_and_call_both_ways(t):
    a = await Accounts().start(t)
    await a.registered()
    assert list(a.registrar.bound) == ["bob"]
    contact = a.registrar.bound["bob"]
    rows = a.db()
    assert len(rows) == 1 and rows[0][1] == a.alice.bare, rows
    assert b"s3cret-pw" not in rows[0][10]

    # out, as bob of the provider
    lab, ua = a.lab, a.registrar
    lab.ua, was = ua, lab.ua
    f = await lab.x2s(to="77@" + GATE)
    assert uri(f.sip.req.get("From")) == "sip:bob@" + HOST, f.sip.req
    assert f.sip.req.uri == "sip:77@" + HOST
    await lab.hang_up(f)

    # in: what the provider sends to the Contact rings alice
    lab.dial = contact.replace("%", "%%").split(";")[0] + "%.0s"
    f = await lab.s2x()
    assert f.propose.sender == "600@%s/sip" % GATE, f.propose.sender
    await lab.hang_up(f)
    lab.ua = was

    # the same Contact from the trunk, or another user at the provider, is no
    # way to her
    r = await a.registrar.request("INVITE", "sip:nobody@127.0.0.1:5070")
    assert r.code == 404, r
    r = await a.lab.ua.request("MESSAGE", contact.split(";")[0],
                               [("Content-Type", "text/plain")], "x")
    assert r.code == 404 or r.code == 202, r


@case
async def failures_in_words(t):
    a = await Accounts().start(t)
    r = await a.register(password="wrong")
    assert condition(r)[0] == "not-authorized", text(r)
    assert "password" in find(find(r, "error"), "text").text
    r = await a.register(username="nobody")
    assert condition(r)[0] == "item-not-found", text(r)
    assert "no such user" in find(find(r, "error"), "text").text
    a.registrar.code = 403
    r = await a.register()
    assert condition(r)[0] == "not-authorized", text(r)
    a.registrar.code = 503
    r = await a.register()
    assert condition(r)[0] == "not-acceptable", text(r)
    assert "503" in find(find(r, "error"), "text").text
    a.registrar.code = ""
    r = await a.register()
    assert condition(r)[0] == "remote-server-timeout", text(r)
    for values, words in (({"password": ""}, "password is missing"),
                          ({"username": ""}, "user name is missing"),
                          ({"domain": "other.test"}, "not allowed"),
                          ({"outbound_proxy": "10.0.0.1"}, "not allowed"),
                          ({"domain": "a b"}, "no SIP domain"),
                          ({"transport": "sctp"}, "no such transport")):
        r = await a.register(**values)
        assert condition(r)[0] == "not-acceptable", text(r)
        assert words in find(find(r, "error"), "text").text, text(r)
    a.registrar.code = None
    n = len(a.registrar.registers)
    for x in ("<x xmlns='%s'/>" % DATA, form({"username": "bob"}, "form"),
              "<x xmlns='%s' type='submit'>%s</x>" % (
                  DATA, "<field var='a'/>" * 100)):
        r = await a.ask("set", "<query xmlns='%s'>%s</query>" % (REGISTER, x))
        assert condition(r)[0] == "bad-request", text(r)
    assert len(a.registrar.registers) == n
    await a.registered()
    r = await a.register(frm="mallory@elsewhere.test/x")
    assert condition(r)[0] == "forbidden", text(r)
    assert len(a.db()) == 1


@case
async def names_are_one_line(t):
    """A name in the plain fields of X0077 is no header of a REGISTER."""
    name = "bob%20%20X-Evil%3A%201"
    a = await Accounts().start(t, None, {name: "other", "bob": "s3cret-pw"})
    r = await a.ask("set", "<query xmlns='%s'><username>bob&#13;&#10;X-Evil: 1"
                    "&#13;&#10;</username><password>s3cret-pw</password>"
                    "</query>" % REGISTER)
    assert r.get("type") == "error", text(r)
    assert a.registrar.registers
    for m in a.registrar.registers:
        assert not m.get("X-Evil"), m.bytes()
    assert any("X-Evil" in m.get("Authorization", "")
               for m in a.registrar.registers), a.registrar.registers[-1]
    await a.registered()


@case
async def secrets_stay_secret(t):
    a = await Accounts().start(t, {"log": {"trace": "yes"}})
    await a.registered()
    r = await a.ask("get", "<query xmlns='%s'/>" % REGISTER)
    q = find(r, "query")
    assert find(q, "registered") is not None
    assert find(q, "username").text == "bob"
    assert find(q, "password").text is None
    await a.registered(password="")      # unchanged
    await a.command("sip:accounts")
    a.lab.stoxd.ctl("trace")
    assert "s3cret-pw" not in a.lab.stoxd.ctl("trace")
    for name in os.listdir(t.dir):
        if name.startswith("stoxd") and name != "stoxd.sock":
            with open(os.path.join(t.dir, name), "rb") as f:
                assert b"s3cret-pw" not in f.read(), name


@case
async def kept_over_kill_9(t):
    a = await Accounts().start(t)
    await a.registered(display_name="Bob B.")
    contact = a.registrar.bound["bob"]
    a.lab.stoxd.p.kill()
    a.lab.stoxd.p.wait()
    n = len(a.registrar.registers)
    await a.lab.stoxd.run()
    await asyncio.wait_for(a.server.up.wait(), 20)
    await until(lambda: len(a.registrar.registers) > n + 1, 20,
                "registration")
    # the same address: what the provider had stays right
    assert a.registrar.bound["bob"].split(";")[0] == contact.split(";")[0]
    r = await a.ask("get", "<query xmlns='%s'/>" % REGISTER)
    assert fields(find(find(r, "query"), "x", DATA))["display_name"] \
        == ["Bob B."]


@case
async def removed(t):
    a = await Accounts().start(t)
    r = await a.ask("set", "<query xmlns='%s'><remove/></query>" % REGISTER)
    assert condition(r)[0] == "registration-required", text(r)
    await a.registered()
    r = await a.ask("set", "<query xmlns='%s'><remove/></query>" % REGISTER)
    assert r.get("type") == "result", text(r)
    await a.server.wait(lambda e: local(e) == "presence"
                        and e.get("type") == "unsubscribed"
                        and e.get("from") == GATE, what="unsubscribed")
    await until(lambda: not a.registrar.bound and not a.db(), 20,
                "end of it at the registrar and in the store")
    await a.registered()        # again, on the same line


@case
async def without_accounts(t):
    """D51: the administrator maps users."""
    a = await Accounts().start(t, {"account": {"providers": None}})
    r = await a.ask("get", "<query xmlns='%s'/>" % REGISTER)
    q = find(r, "query")
    assert find(q, "registered") is not None
    assert "operator" in find(q, "instructions").text
    assert find(q, "x") is None and find(q, "username") is None
    r = await a.register()
    assert condition(r)[0] == "not-allowed", text(r)
    st, _, _, note, c = await a.command("sip:account-add")
    assert st == "error" and note[0] == "item-not-found", text(c)
    st, _, f, *_ = await a.command("sip:dial")
    assert st == "executing" and "number" in f, (st, f)


# ---- commands -------------------------------------------------------------
@case
async def commands_listed(t):
    a = await Accounts().start(t, {"admin": {"admins": "root@xmpp.test"}})
    items = "<query xmlns='http://jabber.org/protocol/disco#items' " \
        "node='%s'/>" % COMMANDS
    r = await a.ask("get", items)
    mine = [e.get("node") for e in find(r, "query")]
    assert mine == ["sip:status", "sip:dial", "sip:dnd", "sip:accounts",
                    "sip:account-add", "sip:account-change",
                    "sip:account-test", "sip:account-remove",
                    "sip:privacy"], mine
    names = [e.get("name") for e in find(r, "query")]
    assert "" not in names and len(set(names)) == len(mine), names
    r = await a.ask("get", items, frm="root@xmpp.test/x")
    all = [e.get("node") for e in find(r, "query")]
    assert all[:len(mine)] == mine, all
    for node in ("stoxd:status", "stoxd:call-hangup", "stoxd:route-test"):
        assert node in all[len(mine):], all
    info = "<query xmlns='http://jabber.org/protocol/disco#info' " \
        "node='%s'/>"
    r = await a.ask("get", info % "sip:status")
    assert find(find(r, "query"), "identity").get("type") == "command-node"
    r = await a.ask("get", info % "stoxd:call-hangup")
    assert condition(r)[0] == "item-not-found", text(r)
    st, _, _, note, _ = await a.command("stoxd:call-hangup")
    assert st == "error" and note[0] == "forbidden", note
    st, _, _, note, _ = await a.command("stoxd:nonesuch")
    assert st == "error" and note[0] == "item-not-found", note


@case
async def several_accounts(t):
    a = await Accounts().start(t, {"account": {"per_user": "2"}},
                               {"bob": "p1", "eve": "p2", "max": "p3"})
    for name, password in (("bob", "p1"), ("eve", "p2")):
        st, _, _, note, c = await a.one_step(
            "sip:account-add", {"username": name, "password": password})
        assert st == "completed" and "registered" in note, text(c)
    st, _, _, note, c = await a.one_step(
        "sip:account-add", {"username": "max", "password": "p3"})
    assert st == "error" and note[0] == "not-allowed", text(c)
    st, _, _, note, c = await a.one_step(
        "sip:account-add", {"username": "bob", "password": "p1"})
    assert st == "error", text(c)
    assert sorted(a.registrar.bound) == ["bob", "eve"]
    *_, c = await a.command("sip:accounts")
    rows = [fields(i) for i in find(c, "x", DATA) if local(i) == "item"]
    assert [r["account"] for r in rows] == [["bob@" + HOST],
                                            ["eve@" + HOST]], rows
    assert rows[0]["state"] == ["registered"], rows

    # test, change, remove the second
    st, id, f, _, c = await a.command("sip:account-test")
    option = [o for o in find(find(c, "x", DATA), "field", DATA)
              if local(o) == "option"] or [
        o for fl in find(c, "x", DATA) for o in fl if local(o) == "option"]
    second = find(option[1], "value").text
    st, _, _, note, c = await a.command("sip:account-test",
                                        {"account": second}, id)
    assert st == "completed" and "registered" in note, text(c)
    a.registrar.users["eve"] = "p9"
    st, _, _, note, c = await a.one_step("sip:account-test",
                                         {"account": second})
    assert "password" in note, text(c)
    st, id, _, _, c = await a.command("sip:account-change")
    st, id, f, _, c = await a.command("sip:account-change",
                                      {"account": second}, id)
    assert f["username"] == ["eve"] and f["password"] == [], f
    st, _, _, note, c = await a.command(
        "sip:account-change", {"username": "eve", "password": "p9"}, id)
    assert st == "completed" and "registered" in note, text(c)
    st, _, _, note, c = await a.one_step("sip:account-remove",
                                         {"account": second})
    assert st == "completed", text(c)
    await asyncio.sleep(0.3)
    assert sorted(a.registrar.bound) == ["bob"] and len(a.db()) == 1


@case
async def change_that_fails_changes_nothing(t):
    a = await Accounts().start(t)
    await a.registered()
    r = await a.register(password="wrong")
    assert condition(r)[0] == "not-authorized", text(r)
    await until(lambda: a.registrar.registers[-1].get("Authorization")
                and "bob" in a.registrar.bound, 20,
                "registration with the old password")
    st, _, _, note, _ = await a.command("sip:status")
    assert "bob@%s: regist" % HOST in note, note
    assert len(a.db()) == 1


async def _remove_while_trying(t, silent):
    """Two accounts; the first is being changed when both are removed."""
    a = await Accounts().start(t, users={"bob": "s3cret-pw", "eve": "pw2"})
    await a.registered()
    await a.one_step("sip:account-add", {
        "username": "eve", "password": "pw2", "domain": HOST})
    a.registrar.code = ""
    change = asyncio.ensure_future(a.register(display_name="B"))
    await asyncio.sleep(0.5)
    r = await a.ask("set", "<query xmlns='%s'><remove/></query>" % REGISTER)
    assert r.get("type") == "result", text(r)
    n = len(a.registrar.registers)
    if not silent:
        a.registrar.code = None     # the change is answered after all
    r = await change
    assert r.get("type") == "error", text(r)
    await asyncio.sleep(1)
    a.registrar.code = None
    _, _, _, note, _ = await a.command("sip:accounts")
    assert note == "You have no SIP account here.", note
    assert not a.db(), a.db()
    later = [m for m in a.registrar.registers[n:] if m.get("Expires") != "0"]
    assert not later, later
    await a.registered()            # as if nothing had been


@case
async def removed_while_it_changes(t):
    await _remove_while_trying(t, False)


@case
async def removed_while_nobody_answers(t):
    await _remove_while_trying(t, True)


@case
async def sessions_of_commands(t):
    a = await Accounts().start(t)
    st, _, _, note, _ = await a.command("sip:dnd", {"dnd": "1"}, "none")
    assert note == ("bad-request", "bad-sessionid"), note
    st, id, *_ = await a.command("sip:dnd")
    st, _, _, note, _ = await a.command("sip:dnd", {"dnd": "1"}, id, "jump")
    assert note == ("bad-request", "bad-action"), note
    st, *_ = await a.command("sip:dnd", None, id, "cancel")
    assert st == "canceled"
    st, _, _, note, _ = await a.command("sip:dnd", {"dnd": "1"}, id)
    assert note == ("bad-request", "bad-sessionid"), note
    st, id, *_ = await a.command("sip:dnd")
    st, _, _, note, _ = await a.command("sip:dnd", None, id)
    assert note == ("bad-request", "bad-payload"), note


@case
async def not_disturbed(t):
    a = await Accounts().start(t)
    st, _, _, note, _ = await a.one_step("sip:dnd", {"dnd": "1"})
    assert "not disturbed" in note, note
    c = await a.lab.ua.call("sip:alice@127.0.0.1:5070", a.lab.sdp())
    r = await c.wait(480)
    st, _, _, note, _ = await a.one_step("sip:dnd", {"dnd": "0"})
    f = await a.lab.s2x()
    await a.lab.hang_up(f)


# ---- what the gateway tells -----------------------------------------------
@case
async def missed_and_failed_calls(t):
    a = await Accounts().start(t)
    await a.registered()
    contact = a.registrar.bound["bob"].split(";")[0]
    c = await a.registrar.call(contact, a.lab.sdp(), [
        ("Diversion", '"Office" <sip:800@%s>;reason=no-answer' % HOST)],
        from_uri="sip:0301234@" + HOST, name="Carol")
    await a.alice.get_jmi("propose")
    c.cancel()
    await c.wait(487)
    e, body = await a.message()
    assert e.get("from") == "0301234@" + GATE, text(e)
    assert e.get("to") == a.alice.bare
    assert re.fullmatch(r"Missed call from Carol \(0301234\)(, diverted by "
                        r"800)? at \d{4}-\d\d-\d\d \d\d:\d\d", body), body
    assert "diverted by 800" in body, body

    # RFC 7044: of its entries the one that names a cause
    c = await a.registrar.call(contact, a.lab.sdp(), [
        ("History-Info", "<sip:801@%s?Reason=SIP%%3Bcause%%3D486>;index=1"
         % HOST), ("History-Info", "<sip:bob@%s>;index=1.1" % HOST)],
        from_uri="sip:0301234@" + HOST)
    await a.alice.get_jmi("propose")
    c.cancel()
    await c.wait(487)
    e, body = await a.message()
    assert "0301234, diverted by 801 at" in body, body

    sid = a.alice.propose("77@" + GATE)
    call = await a.registrar.get_call()
    call.reply(404)
    e, body = await a.message()
    assert e.get("from") == "77@" + GATE, text(e)
    assert re.fullmatch(r"Call to 77 failed at .*: .+", body), body


@case
async def waiting_messages(t):
    a = await Accounts().start(t)
    await a.registered()
    ua = a.registrar
    contact = ua.bound["bob"].split(";")[0]

    async def summary(text, code=200):
        r = await ua.request("NOTIFY", contact, [
            ("Event", "message-summary"),
            ("Subscription-State", "active"),
            ("Content-Type", "application/simple-message-summary")], text)
        assert r.code == code, r

    await summary("Messages-Waiting: yes\r\nMessage-Account: sip:bob@x\r\n"
                  "Voice-Message: 2/8 (0/2)\r\n")
    e, body = await a.message(type="headline")
    assert body == "2 new voice messages for bob@" + HOST, body
    p = await a.server.wait(lambda e: local(e) == "presence"
                            and e.get("from") == GATE
                            and find(e, "status") is not None, 5, "status")
    assert find(p, "status").text == "2 voice messages"
    await summary("Messages-Waiting: yes\r\nVoice-Message: 2/8\r\n")
    await summary("Messages-Waiting: no\r\n")
    await a.server.none(lambda e: local(e) == "message", 0.3, "message")
    await summary("Messages-Waiting: yes\r\nVoice-Message: 1/9\r\n")
    e, body = await a.message(type="headline")
    assert body.startswith("1 new voice message for"), body
    await summary("nonsense", 400)
    r = await ua.request("NOTIFY", contact, [("Event", "presence")])
    assert r.code == 481, r


@case
async def messages_asked_for(t):
    a = await Accounts().start(t)
    await a.registered()
    m = None
    while m is None or m.method != "SUBSCRIBE":
        m = await asyncio.wait_for(a.registrar.others.get(), 20)
    assert m.get("Event") == "message-summary", m
    assert m.get("Accept") == "application/simple-message-summary", m
    a.registrar.reply(m, 489)


# ---- contacts -------------------------------------------------------------
@case
async def searched_and_suggested(t):
    a = await Accounts().start(t, {"phonebook": {"600": "Reception",
                                                 "601": "Store room"}})
    await a.registered()
    e = await a.server.wait(
        lambda e: local(e) == "message" and find(e, "x") is not None, 5,
        "suggestions")
    x = find(e, "x", "http://jabber.org/protocol/rosterx")
    got = [(i.get("action"), i.get("jid"), i.get("name")) for i in x]
    assert got == [("add", GW, "Reception"), ("add", "601@" + GATE,
                                              "Store room")], got

    r = await a.ask("get", "<query xmlns='%s'/>" % SEARCH)
    assert [local(e) for e in find(r, "query")] == [
        "instructions", "first", "last", "nick", "email", "x"]
    r = await a.ask("set", "<query xmlns='%s'><nick>recep</nick></query>"
                    % SEARCH)
    items = list(find(r, "query"))
    assert [i.get("jid") for i in items] == [GW], text(r)
    # known from a call
    contact = a.registrar.bound["bob"].split(";")[0]
    c = await a.registrar.call(contact, a.lab.sdp(), name="Carol C.",
                               from_uri="sip:0301234@" + HOST)
    await a.alice.get_jmi("propose")
    c.cancel()
    await c.wait(487)
    r = await a.ask("set", "<query xmlns='%s'>%s</query>" % (
        SEARCH, form({"last": "carol"})))
    x = find(find(r, "query"), "x", DATA)
    rows = [fields(i) for i in x if local(i) == "item"]
    assert [r["jid"] for r in rows] == [["0301234@" + GATE]], text(r)
    r = await a.ask("set", "<query xmlns='%s'><nick>carol</nick></query>"
                    % SEARCH, frm="mallory@elsewhere.test/x")
    assert condition(r)[0] == "forbidden", text(r)


async def _granted(t, type):
    """X0356 4: the server lets the gateway write rosters."""
    a = await Accounts().start(t, {"phonebook": {"600": "Reception"}})
    a.server.stanza("message", "xmpp.test", GATE,
                    "<privilege xmlns='urn:xmpp:privilege:2'><perm "
                    "access='roster' type='%s'/></privilege>" % type)
    await asyncio.sleep(0.2)
    await a.registered()
    e = await a.server.wait(
        lambda e: local(e) == "iq" and e.get("type") == "set"
        and find(e, "query", "jabber:iq:roster") is not None, 5, "roster")
    item = find(find(e, "query"), "item")
    assert e.get("to") == a.alice.bare and item.get("jid") == GW, text(e)
    assert item.get("name") == "Reception", text(e)
    return a


@case
async def rosters_where_set_is_granted(t):
    await _granted(t, "set")


@case
async def rosters_where_granted(t):
    a = await _granted(t, "both")
    # strangers grant nothing
    a.server.stanza("message", "mallory@elsewhere.test", GATE,
                    "<privilege xmlns='urn:xmpp:privilege:2'/>")


# ---- the store ------------------------------------------------------------
@case
async def disk_takes_no_writes(t):
    a = await Accounts().start(t)
    lock = sqlite3.connect(os.path.join(t.dir, "stoxd.db"),
                           isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    r = await a.register(timeout=12)
    assert condition(r)[0] == "resource-constraint", text(r)
    assert "works" in find(find(r, "error"), "text").text, text(r)
    # calls go on
    f = await a.lab.s2x()
    await a.lab.hang_up(f)
    s = json.loads(a.lab.stoxd.ctl("--json", "status"))["store"]
    assert s["waiting"] >= 1 and "locked" in s["trouble"], s
    lock.execute("COMMIT")
    lock.close()
    await until(a.db, 20, "row of the store")
    assert len(a.db()) == 1


def _disk(t):
    """A file system of a megabyte."""
    disk = t.path("disk")
    os.mkdir(disk)
    p = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none",
                        disk])
    assert p.returncode == 0, "no file systems of our own here"
    t.later(subprocess.run, ["umount", "-l", disk])
    return disk


def _names(disk):
    c = sqlite3.connect(os.path.join(disk, "stoxd.db"))
    try:
        return sorted(r[0] for r in c.execute("SELECT username FROM account"))
    finally:
        c.close()


async def _waits(a, words):
    """A second account works, and waits for the disk, as the operator sees;
    calls go on."""
    st, _, _, note, c = await a.one_step(
        "sip:account-add", {"username": "eve", "password": "p2"})
    assert st == "error" or "takes no writes" in note, text(c)
    assert sorted(a.registrar.bound) == ["bob", "eve"]
    f = await a.lab.s2x()
    await a.lab.hang_up(f)
    s = json.loads(a.lab.stoxd.ctl("--json", "status"))["store"]
    assert s["waiting"] >= 1 and words in s["trouble"], s
    assert "changes wait until it can be written" in a.lab.stoxd.text()


@case(timeout=150)
async def disk_is_full(t):
    disk = _disk(t)
    a = await Accounts().start(t, {"store": {"path": "disk/stoxd.db"}},
                               {"bob": "s3cret-pw", "eve": "p2"})
    await a.registered()
    with open(os.path.join(disk, "ballast"), "wb", 0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass
    await _waits(a, "full")
    os.unlink(os.path.join(disk, "ballast"))
    await until(lambda: _names(disk) == ["bob", "eve"], 60, "what waited")
    await until(lambda: "can be written again" in a.lab.stoxd.text(), PATIENCE,
                "word of it")


@case(timeout=150)
async def disk_is_read_only(t):
    """From the start on: what is there is read."""
    disk = _disk(t)
    a = await Accounts().start(t, {"store": {"path": "disk/stoxd.db"}},
                               {"bob": "s3cret-pw", "eve": "p2"})
    await a.registered()
    await a.lab.stoxd.stop()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    a.registrar.bound.clear()
    await a.lab.stoxd.run()
    await until(lambda: "bob" in a.registrar.bound, PATIENCE, "REGISTER")
    await asyncio.wait_for(a.server.up.wait(), PATIENCE)
    await _waits(a, "read-only")
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    await until(lambda: _names(disk) == ["bob", "eve"], 60, "what waited")


@case
async def store_cannot_be_opened(t):
    with open(t.path("stoxd.db"), "w") as f:
        f.write("this is no database " * 1000)
    a = await Accounts().start(t)
    f = await a.lab.x2s()
    await a.lab.hang_up(f)
    r = await a.register()
    assert condition(r)[0] == "not-allowed", text(r)


@case
async def presence_is_remembered(t):
    a = await Accounts().start(t)
    a.server.stanza("presence", a.alice.bare, GW, "", "subscribe")
    m = None
    while m is None or m.method != "SUBSCRIBE":
        m = await asyncio.wait_for(a.lab.ua.others.get(), 20)
    a.lab.ua.reply(m, 489)
    await a.server.wait(lambda e: local(e) == "presence"
                        and e.get("type") == "subscribed", what="subscribed")
    await asyncio.sleep(0.3)
    c = sqlite3.connect(os.path.join(t.dir, "stoxd.db"))
    rows = c.execute("SELECT * FROM pair").fetchall()
    c.close()
    assert [(r[0], r[1]) for r in rows] == [(a.alice.bare, GW)], rows


# ---- the operator's table -------------------------------------------------
@case
async def users_have_numbers(t):
    lab = await Lab(t).start({"users": {
        "alice@xmpp.test": "2001, 2002", "*@xmpp.test": "3*",
        "default": "alice@xmpp.test"}})
    f = await lab.x2s()
    assert uri(f.sip.req.get("From")) == "sip:2001@127.0.0.1:5060", f.sip.req
    await lab.hang_up(f)
    for number in ("2001", "2002", "9999"):
        lab.dial = "sip:%s@127.0.0.1:5070" % number + "%.0s"
        f = await lab.s2x(upto="ringing")
        f.sip.cancel()
        await f.sip.wait(487)
        await f.user.get_jmi("retract")
    u = lab.new_user()
    name = u.bare.partition("@")[0]
    f = await lab.x2s(user=u)
    assert uri(f.sip.req.get("From")) == "sip:3%s@127.0.0.1:5060" % name
    await lab.hang_up(f)


# ---- many -----------------------------------------------------------------
@case
async def one_way_for_many(t):
    """Accounts of several users at one provider: each rings its own."""
    users = {"u%d" % i: "p%d" % i for i in range(8)}
    a = await Accounts().start(t, None, users)
    who = {}
    for name, password in users.items():
        u = a.lab.new_user()
        who[name] = u
        r = await a.register(frm=u.jid, username=name, password=password)
        assert r.get("type") == "result", text(r)
    assert sorted(a.registrar.bound) == sorted(users)
    assert len(set(a.registrar.bound.values())) == len(users)
    name = "u5"
    c = await a.registrar.call(a.registrar.bound[name].split(";")[0],
                               a.lab.sdp())
    p = await who[name].get_jmi("propose")
    c.cancel()
    await c.wait(487)
    e, body = await a.message()
    assert e.get("to") == who[name].bare and "600" in body, text(e)


@case
async def tries_are_limited(t):
    """No user can make the gateway remember names without end."""
    a = await Accounts().start(t)
    a.registrar.code = 404
    for i in range(16):
        r = await a.register(username="x%d" % i)
        assert condition(r)[0] == "item-not-found", text(r)
    r = await a.register(username="x99")
    assert condition(r)[0] == "resource-constraint", text(r)
    r = await a.register(username="x3")     # one that is known
    assert condition(r)[0] == "item-not-found", text(r)
    r = await a.register(frm="bob@xmpp.test/x", username="x99")
    assert condition(r)[0] == "item-not-found", text(r)


@case
async def anywhere_but_not_here(t):
    """"*" is the world, and neither this machine nor its networks."""
    a = await Accounts().start(t, {"account": {"providers": "*"}})
    for host in ("127.0.0.3:5060", "localhost", "10.0.0.1", "intranet",
                 "192.168.1.1:5060", "[::1]", "a.test;lr", "a.test>"):
        r = await a.register(domain=host)
        assert condition(r)[0] == "not-acceptable", "%s: %s" % (
            host, text(r))
    assert not a.registrar.registers
