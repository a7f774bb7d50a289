"""kill -9 with calls up: the next process tells both sides, and closes the
records."""
import asyncio
import os
import signal
import time

from peers.lab import GW, Lab
from peers.proc import until
from peers.reloading import conf
from peers.runner import case
from peers.xmppserver import find, local

STORE = {"path": "stoxd.db"}


async def start(t, **sections):
    lab = Lab(t)
    return await lab.start(conf(
        store=STORE, records={"csv": "calls.csv"}, **sections))


async def again(lab):
    """The same configuration, another process; when it was started."""
    lab.stoxd.kill(signal.SIGKILL)
    lab.stoxd.p.wait()
    lab.server.up.clear()
    at = time.monotonic()
    await lab.stoxd.run()
    return at


async def finished(lab, f, at, finish=True):
    """Both sides of an answered call were told, in time and in words."""
    a = await lab.ended_in_xmpp(f)
    assert a.reason == "gone" and "restarted" in a.text, a.text
    m = await f.sip.wait("BYE")
    dialog = f.sip.req if hasattr(f.sip, "req") else None
    assert m.get("Reason", "").startswith("SIP;cause=503"), m
    assert dialog is None or m.get("Call-ID") == dialog.get("Call-ID"), m
    assert time.monotonic() - at < 3, time.monotonic() - at
    if finish:
        await lab.server.wait(
            lambda e: local(e) == "message" and
            (x := find(e, "finish")) is not None and x.get("id") == f.sid)


def journal(lab):
    return os.path.join(lab.stoxd.dir, "stoxd.db.calls")


@case
async def crash_with_calls(t):
    """Five calls, begun on either side; the dialog's tags, CSeq and route are
    such that the telephone takes the BYE."""
    lab = await start(t)
    out = [await lab.x2s(user=lab.new_user(), to="6%02d@sip.xmpp.test" % i)
           for i in range(3)]
    back = [await lab.s2x(user=lab.new_user()) for _ in range(2)]
    at = await again(lab)
    for f in out + back:
        await finished(lab, f, at)
    log = lab.stoxd.text()
    assert "died with 5 calls" in log, log
    await until(lambda: open(t.path("calls.csv")).read().count(",crash,") == 5,
                5, "five records")
    # they are told once
    f = await lab.x2s()
    at = await again(lab)
    await finished(lab, f, at)
    assert "died with 1 calls" in lab.stoxd.text()


@case
async def crash_with_fifty_calls(t):
    lab = await start(t)
    fs = [await lab.x2s(user=lab.new_user(), to="6%02d@sip.xmpp.test" % i)
          for i in range(50)]
    at = await again(lab)
    for f in fs:
        await finished(lab, f, at, finish=False)


@case
async def crash_while_it_rings(t):
    """Proposals are taken back or refused; the telephone that rings by our
    INVITE is told in its early dialog."""
    lab = await start(t)
    f = await lab.x2s("ringing")
    g = await lab.s2x("ringing", user=lab.new_user())
    await asyncio.sleep(0.3)    # what has no word to the call is noted now
    await again(lab)
    m = await f.user.get_jmi("reject", sid=f.sid)
    assert m is not None
    m = await g.user.get_jmi("retract", sid=g.sid)
    assert m is not None
    await f.sip.wait("BYE")


@case
async def crash_after_a_route(t):
    """The BYE follows the Record-Route of the dialog."""
    lab = await start(t)
    f = await lab.x2s("invited")
    route = ("Record-Route", "<sip:127.0.0.1:5060;lr;x=1>")
    f.sip.reply(180, headers=[route])
    f.sip.reply(200, lab.sdp(), headers=[route])
    await f.sip.wait("ACK")
    f.gw = (await f.user.get_jmi("proceed", sid=f.sid)).sender
    f.user.initiate(f.gw, f.sid)
    await f.user.get_jingle("session-accept", sid=f.sid)
    ack = f.sip.cseq if hasattr(f.sip, "cseq") else None
    await again(lab)
    m = await f.sip.wait("BYE")
    assert "x=1" in m.get("Route", ""), m
    assert ack is None or m.cseq[0] > 1, m


@case
async def crash_without_the_server(t):
    """The user is told when its server is back."""
    lab = await start(t)
    f = await lab.x2s()
    lab.stoxd.kill(signal.SIGKILL)
    lab.stoxd.p.wait()
    await lab.server.stop()
    await lab.stoxd.run()
    await f.sip.wait("BYE")
    # and also when the second process dies before that
    lab.stoxd.kill(signal.SIGKILL)
    lab.stoxd.p.wait()
    await lab.server.start()
    await lab.stoxd.run()
    a = await lab.ended_in_xmpp(f)
    assert a.reason == "gone", a.reason


@case
async def no_crash_no_journal(t):
    """Who ends in order leaves nothing to tell."""
    lab = await start(t)
    f = await lab.x2s()
    assert os.stat(journal(lab)).st_mode & 0o777 == 0o600
    lab.stoxd.kill(signal.SIGTERM)
    await lab.ended_in_xmpp(f)
    await until(lambda: not lab.stoxd.alive(), 5, "end of stoxd")
    assert not os.path.exists(journal(lab))
    await lab.stoxd.run()
    await until(lambda: lab.stoxd.text().count("is up") == 2, 5, "start")
    assert "died with" not in lab.stoxd.text()


@case
async def torn_journals(t):
    """What is not whole is left out, what is not ours is said; calls go on."""
    lab = await start(t)
    f = await lab.x2s()
    g = await lab.x2s(user=lab.new_user(), to="601@sip.xmpp.test")
    lab.stoxd.kill(signal.SIGKILL)
    lab.stoxd.p.wait()
    with open(journal(lab), "r+b") as j:
        whole = j.read()
        at = max(whole.find(f.sid.encode(), 4096, 8192),
                 whole.find(f.sid.encode(), 4096))
        # the first call's slot, both halves
        slot = at // 4096 * 4096
        for half in (0, 2048):
            j.seek(slot + half + 40)
            j.write(b"\xff\x00torn")
    await lab.stoxd.run()
    await until(lambda: "died with 1 calls" in lab.stoxd.text(), 5, "news")
    await lab.ended_in_xmpp(g)
    await g.sip.wait("BYE")
    await f.user.no_jingle("session-terminate", 0.3)
    for n, bad in enumerate((b"stoxd calls 2\n" + whole[14:], b"x" * 9000,
                             whole[:4096 + 100], b"")):
        lab.stoxd.kill(signal.SIGKILL)
        lab.stoxd.p.wait()
        with open(journal(lab), "wb") as j:
            j.write(bad)
        was = lab.stoxd.text().count("is up")
        shakes = lab.server.handshakes
        await lab.stoxd.run()
        await until(lambda: lab.stoxd.text().count("is up") > was, 5, "start")
        assert lab.stoxd.text().count("died with") == 1, n
        await until(lambda: lab.server.handshakes > shakes, 5, "link")
    h = await lab.x2s(user=lab.new_user(), to=GW)
    await lab.hang_up(h)
