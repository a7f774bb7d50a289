"""Connections that users' accounts are reached by (RFC 5626): kept alive,
missed when they are gone, used for what comes in."""
import asyncio
import re

from peers.accounts import GATE, Accounts
from peers.proc import until
from peers.runner import case

FLOW = [("Require", "outbound"), ("Flow-Timer", "20")]


async def registered(t, pong):
    a = await Accounts().start(t, {"account": {"mwi": "no"}})
    a.registrar.headers, a.registrar.pong = FLOW, pong
    await a.registered(transport="tcp")
    return a


def writer_of(a):
    return a.registrar.registers[-1].writer


@case
async def said_in_contact(t):
    a = await registered(t, True)
    first, last = a.registrar.registers[0], a.registrar.registers[-1]
    assert last.get("Supported") == "path, outbound", last.headers
    m = re.search(r'>;\+sip\.instance="<urn:uuid:([0-9a-f-]{36})>"'
                  r";reg-id=1;expires=", last.get("Contact"))
    assert m and m.group(1) in first.get("Contact"), last.get("Contact")
    # the same after kill -9
    a.lab.stoxd.p.kill()
    a.lab.stoxd.p.wait()
    n = len(a.registrar.registers)
    await a.lab.stoxd.run()
    await until(lambda: len(a.registrar.registers) > n, 20, "REGISTER")
    assert m.group(1) in a.registrar.registers[-1].get("Contact")


async def contact_of_subscribe(t, headers):
    a = await Accounts().start(t)
    a.registrar.headers = headers
    await a.registered()
    m = None
    while m is None or m.method != "SUBSCRIBE":
        m = await asyncio.wait_for(a.registrar.others.get(), 20)
    a.registrar.reply(m, 489)
    assert ";ob" not in a.registrar.registers[-1].get("Contact")
    return m.get("Contact")


@case
async def asked_for_in_dialogs(t):
    """RFC 5626 4.3"""
    assert ";ob>" in await contact_of_subscribe(t, FLOW)


@case
async def not_asked_for_in_dialogs(t):
    assert ";ob" not in await contact_of_subscribe(t, [])


@case
async def rings_through_it(t):
    """The provider's INVITE by the connection that the gateway opened."""
    a = await registered(t, True)
    lab, reg = a.lab, a.registrar
    w = writer_of(a)
    reg.proto = "tcp"
    reg._conn[reg.peer] = w
    lab.ua = reg
    lab.dial = a.registrar.bound["bob"].split(";")[0] + "%.0s"
    f = await lab.s2x()
    assert f.propose.sender == "600@%s/sip" % GATE, f.propose.sender
    await lab.hang_up(f)
    assert not w.is_closing()


@case(waits=28)
async def answered_then_closed(t):
    """As long as it answers nothing happens; closed, it is opened again."""
    a = await registered(t, True)
    n = len(a.registrar.registers)
    await until(lambda: a.registrar.pings > 0, 22, "ping")
    await asyncio.sleep(10.5)
    assert len(a.registrar.registers) == n, a.registrar.registers
    old = writer_of(a)
    old.close()
    await until(lambda: len(a.registrar.registers) > n, 3, "REGISTER")
    assert writer_of(a) is not old
    assert "bob" in a.registrar.bound


@case(waits=25)
async def silent(t):
    """No answer within ten seconds: the way is gone, whatever TCP says."""
    a = await registered(t, False)
    n = len(a.registrar.registers)
    old = writer_of(a)
    await until(lambda: len(a.registrar.registers) > n, 34, "REGISTER")
    assert a.registrar.pings > 0
    assert writer_of(a) is not old


@case
async def nothing_said(t):
    """A registrar that knows nothing of it gets no CRLF by TCP."""
    a = await Accounts().start(t)
    await a.registered(transport="tcp")
    await asyncio.sleep(1)
    assert a.registrar.pings == 0
