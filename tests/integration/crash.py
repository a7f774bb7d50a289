"""kill -9 with calls up: the next process tells both sides, and closes the
records."""
import asyncio
import os
import signal
import time

from peers.lab import GW, Flow, Lab
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
    assert "the gateway was restarted" in m.get("Reason", ""), m
    assert m.get("Call-ID") == f.sip.id, m
    assert time.monotonic() - at < 3, time.monotonic() - at
    if finish:
        await lab.server.wait(
            lambda e: local(e) == "message" and
            (x := find(e, "finish")) is not None and x.get("id") == f.sid)


async def cancelled(f, code=487):
    """The INVITE's own CANCEL; its final is acknowledged."""
    m = await f.sip.wait("CANCEL")
    v = f.sip.req
    assert m.uri == v.uri and m.get("Via") == v.get("Via"), (m, v)
    assert m.get("To") == v.get("To") and m.get("From") == v.get("From")
    assert m.cseq == (v.cseq[0], "CANCEL"), m
    v.writer = m.writer     # by TCP the other connection is gone
    r = f.sip.reply(code)
    a = await f.sip.wait("ACK")
    assert a.branch == v.branch and a.get("To") == r.get("To"), a
    await f.sip.none("CANCEL", 1.2)


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
                20, "five records")
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
    INVITE gets CANCEL, the one that called gets its answer."""
    lab = await start(t)
    f = await lab.x2s("ringing")
    g = await lab.s2x("ringing", user=lab.new_user())
    await asyncio.sleep(0.3)    # what has no word to the call is noted now
    await again(lab)
    m = await f.user.get_jmi("reject", sid=f.sid)
    assert m is not None
    m = await g.user.get_jmi("retract", sid=g.sid)
    assert m is not None
    await cancelled(f)
    rang = g.sip.remote
    r = await g.sip.wait(lambda m: m.code and m.code >= 300)
    assert r.code == 503 and r.get("To") == rang, (r, rang)
    assert r.get("Via") == g.sip.last_invite.get("Via") or \
        r.branch == g.sip.last_invite.branch, r
    # the ACK is taken: it is not said again
    at = len(lab.ua.history)
    await asyncio.sleep(1.5)
    assert not [m for _, w, m in lab.ua.history[at:] if w == "<"
                and m.code and m.code >= 300]


@case
async def crash_before_it_rings(t):
    """Neither side has said a word: the telephone gets CANCEL, again while
    it does not answer, and who called is answered."""
    lab = await start(t)
    f = await lab.x2s("invited")
    g = await lab.s2x("proposed", user=lab.new_user())
    await asyncio.sleep(0.3)
    lost = []
    lab.ua.drop = lambda m: m.method == "CANCEL" and len(lost) < 2 and \
        not lost.append(m)
    await again(lab)
    await cancelled(f)
    assert len(lost) == 2
    r = await g.sip.wait(lambda m: m.code and m.code >= 300)
    assert r.code == 503, r


@case
async def crash_while_it_is_answered(t):
    """The telephone was answered before the CANCEL came: ACK and BYE."""
    lab = await start(t)
    f = await lab.x2s("ringing")
    await asyncio.sleep(0.3)
    lab.stoxd.kill(signal.SIGKILL)
    lab.stoxd.p.wait()
    f.sip.reply(200, lab.sdp())
    lab.server.up.clear()
    await lab.stoxd.run()
    await f.sip.wait("CANCEL")
    await f.sip.wait("ACK")
    await f.sip.wait("BYE")


@case
async def crash_over_tcp(t):
    """The connection went with the process: another one carries them."""
    lab = await start(t, **{"trunk pbx": {"uri":
                                          "sip:127.0.0.1:5060;transport=tcp"}})
    lab.ua.proto = "tcp"
    e = await lab.x2s(user=lab.new_user())
    f = await lab.x2s("ringing")
    await asyncio.sleep(0.3)
    at = await again(lab)
    await cancelled(f)
    await finished(lab, e, at)


@case
async def crash_with_digest(t):
    """A BYE that is challenged is said again with credentials, for the
    realm that the trunk had before, and for no other."""
    lab = await start(t)
    ask = 'Digest realm="pbx", nonce="n%d", qop="auth", algorithm=MD5'
    up = []
    for user in (None, lab.new_user()):
        f = Flow(lab, user or lab.alice)
        f.sid = f.user.propose("60%d@sip.xmpp.test" % len(up))
        f.sip = await lab.ua.get_call()
        if not up:
            f.sip.reply(401, headers=[("WWW-Authenticate", ask % 1)])
            first, f.sip = f.sip, await lab.ua.get_call() \
                if f.sip.id not in lab.ua.calls else f.sip
            f.sip.req = await first.wait("INVITE")
        f.sip.reply(200, lab.sdp(), req=f.sip.req)
        await f.sip.wait(lambda m: m.method == "ACK" and
                         m.cseq[0] == f.sip.req.cseq[0])
        f.gw = (await f.user.get_jmi("proceed", sid=f.sid)).sender
        f.user.initiate(f.gw, f.sid)
        await f.user.get_jingle("session-accept", sid=f.sid)
        up.append(f)
    lab.ua.auto.pop("BYE")
    await again(lab)
    for f, realm in zip(up, ("pbx", "evil")):
        b = await f.sip.wait("BYE")
        assert not b.get("Authorization"), b
        f.sip.reply(401, req=b, headers=[
            ("WWW-Authenticate", (ask % 2).replace("pbx", realm))])
    b = await up[0].sip.wait("BYE")
    assert 'realm="pbx"' in b.get("Authorization"), b
    assert b.cseq[0] > 1000
    up[0].sip.reply(200, req=b)
    await up[1].sip.none("BYE", 1)


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
    await again(lab)
    m = await f.sip.wait("BYE")
    assert "x=1" in m.get("Route", ""), m
    assert m.cseq[0] > f.sip.req.cseq[0], m     # RFC 3261 12.2.1.1


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
    await until(lambda: not lab.stoxd.alive(), 20, "end of stoxd")
    assert not os.path.exists(journal(lab))
    await lab.stoxd.run()
    await until(lambda: lab.stoxd.text().count("is up") == 2, 20, "start")
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
    await until(lambda: "died with 1 calls" in lab.stoxd.text(), 20, "news")
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
        await until(lambda: lab.stoxd.text().count("is up") > was, 20, "start")
        assert lab.stoxd.text().count("died with") == 1, n
        await until(lambda: lab.server.handshakes > shakes, 20, "link")
    h = await lab.x2s(user=lab.new_user(), to=GW)
    await lab.hang_up(h)
