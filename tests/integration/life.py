"""From ready to the end: drain, signals, and what a service manager hears."""
import asyncio
import json
import os
import signal
import socket

from peers.lab import GW, Lab
from peers.proc import until
from peers.reloading import conf, ctl, reload
from peers.runner import case
from peers.xmppserver import condition, find, local


async def options(lab):
    return await lab.ua.request("OPTIONS", "sip:127.0.0.1:5070")


async def invite(lab):
    """The final response to a new call."""
    call = await lab.ua.call(lab.dial % "alice", lab.sdp())
    return await call.wait(lambda m: m.code and m.code >= 200, method="INVITE")


async def drained(lab):
    """No new calls in either direction."""
    m = await invite(lab)
    assert m.code == 503 and int(m.get("Retry-After")) > 0, m
    user = lab.new_user()
    sid = user.propose("609@sip.xmpp.test")
    m = await user.get_jmi("reject", sid=sid)
    assert lab.ua.incoming.empty()
    bob = lab.new_user()
    id = lab.server.id()
    bob.initiate("608@sip.xmpp.test/sip", id)
    m = await lab.server.wait(
        lambda e: e.get("to") == bob.jid and e.get("type") == "error")
    assert condition(m)[0] == "resource-constraint", m
    m = await options(lab)
    assert m.code == 503 and m.get("Retry-After"), m


def shown(lab, show):
    def test(e):
        s = find(e, "show")
        return (local(e) == "presence" and e.get("from") == "sip.xmpp.test"
                and e.get("type") is None
                and (s.text if s is not None else None) == show)
    return lab.server.wait(test, what="presence of the gateway, %s" % show)


@case
async def drain_and_undrain(t):
    lab = await Lab(t).start()
    lab.server.stanza("presence", lab.alice.bare, "sip.xmpp.test",
                      type="subscribe")
    await shown(lab, None)
    f = await lab.x2s()
    status, out = await ctl(lab, "drain", "stay")
    assert status == 0 and "drained" in out, out
    status, out = await ctl(lab, "status")
    assert "load: drained, new calls are refused" in out, out
    status, out = await ctl(lab, "--json", "status")
    assert json.loads(out)["state"] == "drained", out
    await shown(lab, "dnd")
    await drained(lab)
    # what runs goes on, holds included
    f.sip.invite(lab.sdp(direction="sendonly"))
    await f.sip.wait("2xx", method="INVITE")
    f.sip.ack()
    await lab.hang_up(f)
    await asyncio.sleep(0.5)
    assert lab.stoxd.alive()
    status, out = await ctl(lab, "--json", "undrain")
    assert json.loads(out) == {"state": "open", "calls": 0}, out
    await shown(lab, None)
    assert (await options(lab)).code == 200
    g = await lab.x2s(user=lab.new_user())
    await lab.hang_up(g)


async def gone(lab, seconds=5):
    await until(lambda: not lab.stoxd.alive(), seconds, "end of stoxd")
    assert lab.stoxd.p.poll() == 0, lab.stoxd.p.poll()
    lab.stoxd.alive = lambda: True      # its end is what was asked for


@case
async def drain_to_the_end(t):
    """The process exits when the last call is over."""
    lab = await Lab(t).start(conf(limits={"drain_wait": 60}))
    f = await lab.x2s()
    g = await lab.s2x(user=lab.new_user())
    status, out = await ctl(lab, "drain")
    assert status == 0 and "leaving, 2 calls" in out, out
    await drained(lab)
    await lab.hang_up(f)
    await asyncio.sleep(0.5)
    assert lab.stoxd.alive()
    await lab.hang_up(g)
    await gone(lab)


@case
async def first_signal_drains(t):
    lab = await Lab(t).start(conf(limits={"drain_wait": 60}))
    f = await lab.x2s()
    lab.stoxd.kill(signal.SIGTERM)
    await until(lambda: "no new calls" in lab.stoxd.text(), 20, "drain")
    await drained(lab)
    status, out = await ctl(lab, "undrain")
    assert status and "signal" in out, out
    assert lab.stoxd.alive()
    f.user.terminate(f.gw, f.sid)
    await f.sip.wait("BYE")
    await gone(lab)


@case
async def second_signal_ends_calls(t):
    lab = await Lab(t).start(conf(limits={"drain_wait": 60}))
    f = await lab.x2s()
    lab.stoxd.kill(signal.SIGTERM)
    await until(lambda: "no new calls" in lab.stoxd.text(), 20, "drain")
    await f.user.no_jingle("session-terminate", 0.5)
    lab.stoxd.kill(signal.SIGTERM)
    a = await lab.ended_in_xmpp(f)
    assert a.reason == "gone" and a.text, (a.reason, a.text)
    await f.sip.wait("BYE")
    await gone(lab)


@case
async def drain_has_a_limit(t):
    lab = await Lab(t).start(conf(limits={"drain_wait": 1}))
    f = await lab.x2s()
    lab.stoxd.kill(signal.SIGTERM)
    a = await lab.ended_in_xmpp(f)
    assert a.reason == "gone", a.reason
    await f.sip.wait("BYE")
    await gone(lab)


@case
async def no_calls_no_wait(t):
    lab = await Lab(t).start(conf(limits={"drain_wait": 60}))
    lab.stoxd.kill(signal.SIGTERM)
    await gone(lab)


@case
async def messages_pass_while_drained(t):
    """Chat is no call: it goes on to the end."""
    lab = await Lab(t).start()
    await ctl(lab, "drain", "stay")
    lab.server.stanza("message", lab.alice.jid, GW, "<body>still</body>",
                      type="chat")
    m = None
    while m is None or m.method != "MESSAGE":
        m = await asyncio.wait_for(lab.ua.others.get(), 20)
    assert b"still" in m.body, m
    lab.ua.reply(m, 200)


class Manager:
    """What a service manager hears, line by line."""

    def __init__(self, t, name="notify"):
        self.path = t.path(name)
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.s.bind(self.path)
        self.s.setblocking(False)
        self.heard = []

    def lines(self):
        while True:
            try:
                self.heard += self.s.recv(4096).decode().split("\n")
            except BlockingIOError:
                return self.heard

    async def wait(self, line, seconds=8):
        await until(lambda: any(x.startswith(line) for x in self.lines()),
                    seconds, line)

    def clear(self):
        self.lines()
        self.heard = []


@case
async def service_manager(t):
    """READY once the server is there, STATUS, RELOADING, WATCHDOG and
    STOPPING."""
    m = Manager(t)
    lab = await Lab(t).start(env={"NOTIFY_SOCKET": m.path,
                                  "WATCHDOG_USEC": "400000"})
    await m.wait("READY=1")
    assert any(x.startswith("STATUS=0 calls, 1 of 1 XMPP links")
               for x in m.heard), m.heard
    m.clear()
    for _ in range(3):
        await m.wait("WATCHDOG=1")
        m.clear()
    f = await lab.x2s()
    await m.wait("STATUS=1 calls")
    m.clear()
    await reload(lab, conf())
    await m.wait("STATUS=")
    heard = m.lines()
    assert heard.index("RELOADING=1") < heard.index("READY=1"), heard
    assert any(x.startswith("MONOTONIC_USEC=") for x in heard), heard
    m.clear()
    await lab.hang_up(f)
    lab.stoxd.kill(signal.SIGTERM)
    await m.wait("STOPPING=1")
    await gone(lab)
    # a child process would not be told where to
    assert "NOTIFY_SOCKET" in lab.stoxd.env


@case
async def service_manager_without_a_server(t):
    """Ready all the same, a while later, and the status says what is missing.
    """
    m = Manager(t)
    await Lab(t).start(server=False, env={"NOTIFY_SOCKET": m.path})
    await m.wait("READY=1", 9)
    assert any("0 of 1 XMPP links" in x for x in m.lines()), m.heard
    assert "WATCHDOG=1" not in m.heard


@case
async def watchdog_of_a_stopped_process(t):
    """Nothing is heard of a process that does not run."""
    m = Manager(t)
    lab = await Lab(t).start(env={"NOTIFY_SOCKET": m.path,
                                  "WATCHDOG_USEC": "200000"})
    await m.wait("WATCHDOG=1")
    os.kill(lab.stoxd.p.pid, signal.SIGSTOP)
    m.clear()
    await asyncio.sleep(0.5)
    m.clear()
    await asyncio.sleep(0.5)
    assert "WATCHDOG=1" not in m.lines(), m.heard
    os.kill(lab.stoxd.p.pid, signal.SIGCONT)
    await m.wait("WATCHDOG=1")
