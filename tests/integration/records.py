"""Call records: each call once, whatever becomes of it, of the disk and of the
gateway; what is in them, and how stoxctl shows them."""
import asyncio
import csv
import json
import os
import re
import signal
import sqlite3
import subprocess

from peers import tone
from peers.jingleuser import User
from peers.lab import GW, Lab
from peers.proc import until
from peers.rtcuser import RtcUser
from peers.rtp import Rtp
from peers.runner import add, case

FILES = {"records": {"csv": "calls.csv", "sqlite": "calls.db"}}
PAGES = 16              # of 4096 bytes: the disk that is full soon


def rows(lab, name="calls.csv"):
    """The lines of a CSV file, each a dict."""
    try:
        with open(os.path.join(lab.stoxd.dir, name), newline="") as f:
            return list(csv.DictReader(f))
    except FileNotFoundError:
        return []


def db(lab, name="calls.db"):
    path = os.path.join(lab.stoxd.dir, name)
    if not os.path.exists(path):
        return []
    with sqlite3.connect("file:%s?mode=ro" % path, uri=True) as c:
        c.row_factory = sqlite3.Row
        try:
            return [dict(r) for r in c.execute(
                "SELECT * FROM call ORDER BY start, id")]
        except sqlite3.OperationalError:
            return []


def ctl(lab, *argv):
    return json.loads(lab.stoxd.ctl("--json", "cdr", *argv))


async def recorded(lab, n, seconds=8):
    """The records once there are n, the same by both files."""
    await until(lambda: len(rows(lab)) >= n and len(db(lab)) >= n, seconds,
                "%d records" % n)
    a, b = rows(lab), db(lab)
    assert len(a) == len(b) == n, (len(a), len(b), n)
    assert {r["id"] for r in a} == {r["id"] for r in b}, (a, b)
    assert len({r["id"] for r in a}) == n, a
    return a


@case
async def xmpp_calls(t):
    """Both identities, times, codec and what each direction was."""
    w, x, y, z = tone.draw()
    lab = await Lab(t).start(FILES)
    rtp = await Rtp(tones=(y, z)).open()
    t.later(rtp.close)
    user = RtcUser(lab, tones=(w, x))
    s = await user.call(rtp)
    rtp.to(user.ports())
    await s.up()
    await until(lambda: rtp.received > 60, 20, "sound at the telephone")
    await until(lambda: s.rtp_in > 60, 20, "sound at the client")
    await s.hang_up()
    r, = await recorded(lab, 1)
    print(r)
    want = {"direction": "xmpp-sip", "outcome": "answered",
            "user": "xmpp:rtc@xmpp.test",
            "user_sip": "sip:rtc@127.0.0.1:5060",
            "peer": "sip:600@127.0.0.1:5060", "trunk": "pbx",
            "peer_jid": "xmpp:600@sip.xmpp.test", "ended_by": "xmpp",
            "sip_code": "200", "q850": "16", "jingle_reason": "success",
            "codec": "PCMU/8000", "diverted_by": ""}
    assert {k: r[k] for k in want} == want, r
    assert re.fullmatch(r"\d{13}-[0-9a-f]{8}", r["id"]), r["id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
                        r["start"]), r["start"]
    assert r["start"] < r["end"], r
    assert r["ringing_ms"] == "" and int(r["answer_ms"]) > 0, r
    assert int(r["answer_ms"]) <= int(r["media_ms"]) < 10000, r
    assert int(r["duration_ms"]) >= 1000, r
    for side, sent in (("xmpp", "sip"), ("sip", "xmpp")):
        assert int(r[side + "_packets"]) > 50, r
        assert int(r[sent + "_sent"]) > 50, r
        assert int(r[side + "_lost"]) <= 2, r
        assert 0 <= int(r[side + "_jitter_ms"]) < 60, r
        assert 3.5 < float(r[side + "_mos"]) < 4.5, r
    d, = db(lab)
    assert d["xmpp_packets"] == int(r["xmpp_packets"]), (d, r)
    assert isinstance(d["sip_mos"], float) and d["diverted_by"] is None, d


@case
async def sip_calls(t):
    """Who diverted it, its names, and who hung up."""
    lab = await Lab(t).start(dict(FILES, **{"trunk pbx": {"trusted": "yes"}}))
    f = await lab.s2x(headers=[("Diversion", "<sip:55@127.0.0.1>;"
                                "reason=no-answer")])
    await lab.hang_up(f)
    r, = await recorded(lab, 1)
    want = {"direction": "sip-xmpp", "outcome": "answered",
            "user_sip": "sip:alice@127.0.0.1:5070", "ended_by": "sip",
            "sip_code": "200"}
    assert {k: r[k] for k in want} == want, r
    assert r["user"].startswith("xmpp:alice@xmpp.test"), r
    assert r["peer"].startswith("sip:") and "55" in r["diverted_by"], r
    assert r["peer_jid"].startswith("xmpp:"), r


@case
async def by_which_route(t):
    """The line of [route] that let a call through, or not, either way."""
    lab = await Lab(t).start(dict(FILES, **{
        "trunk pbx": {"addressing": "trunk"}, "route": {
            "outward": "from *@xmpp.test to 6* via pbx",
            "never": "from trunk:pbx to bob deny",
            "inward": "from trunk:pbx to * via xmpp:*@xmpp.test"}}))
    await lab.hang_up(await lab.x2s())
    await lab.hang_up(await lab.s2x(user=lab.new_user()))
    c = await lab.ua.call("sip:bob@127.0.0.1:5070", lab.sdp())
    await c.wait(403)
    got = [(r["direction"], r["outcome"], r["route"])
           for r in await recorded(lab, 3)]
    assert sorted(got) == [("sip-xmpp", "answered", "inward"),
                           ("sip-xmpp", "refused", "never"),
                           ("xmpp-sip", "answered", "outward")], got


async def ends(lab):
    """One call of each sort: (outcome, who ended it) of each, in order."""
    f = await lab.x2s("ringing")
    f.sip.reply(486)
    await f.user.get_jmi("reject", sid=f.sid)
    yield "busy", "sip", "486", "busy"

    f = await lab.x2s("ringing")
    f.user.jmi("retract", GW, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)
    yield "cancelled", "xmpp", "487", "cancel"

    f = await lab.x2s("ringing")
    f.sip.reply(404)
    await f.user.get_jmi("reject", sid=f.sid)
    yield "unreachable", "sip", "404", "gone"

    f = await lab.x2s("ringing")
    f.sip.reply(488)
    await f.user.get_jmi("reject", sid=f.sid)
    yield "incompatible", "sip", "488", "incompatible-parameters"

    u = User(lab.server, "eve@elsewhere.test/x")
    sid = u.propose(GW)
    await u.get_jmi("reject", sid=sid)
    yield "refused", "gateway", "", "decline"

    f = await lab.s2x("ringing")
    f.user.jmi("reject", f.gw, f.sid, "busy")
    await f.sip.wait(486)
    yield "busy", "xmpp", "486", "busy"

    f = await lab.s2x("ringing")
    f.sip.cancel()
    await f.sip.wait(487, method="INVITE")
    yield "cancelled", "sip", "487", "cancel"

    f = await lab.s2x("ringing")
    f.user.jmi("reject", f.gw, f.sid, "decline")
    await f.sip.wait(603)
    yield "declined", "xmpp", "603", "decline"

    c = await lab.ua.call("sip:alice%40elsewhere.test@127.0.0.1:5070",
                          lab.sdp())
    m = await c.wait(lambda m: m.code and m.code >= 300)
    yield "unreachable", "gateway", str(m.code), "gone"

    f = await lab.x2s()
    call = json.loads(lab.stoxd.ctl("--json", "calls"))[0]["id"]
    lab.stoxd.ctl("call", "hangup", call)
    await f.sip.wait("BYE")
    yield "stopped", "gateway", "200", "success"


@case
async def what_became_of_it(t):
    lab = await Lab(t).start(FILES)
    want = []
    async for end in ends(lab):
        want.append(end)
        await recorded(lab, len(want))      # in this order
    got = [(r["outcome"], r["ended_by"], r["sip_code"], r["jingle_reason"])
           for r in await recorded(lab, len(want))]
    assert got == want, "\n".join("%s %s" % p for p in zip(got, want)
                                  if p[0] != p[1])
    # none of a request that no call could be meant by
    assert len(ctl(lab, "last=100")) == len(want)


@case
async def stoxctl_finds_them(t):
    lab = await Lab(t).start()          # no file is needed for that
    f = await lab.x2s()
    await lab.hang_up(f)
    back = await lab.s2x(user=lab.new_user())
    await lab.hang_up(back)
    await until(lambda: len(ctl(lab)) == 2, 20, "two records")
    new, old = ctl(lab)
    assert old["direction"] == "xmpp-sip", old
    assert new["direction"] == "sip-xmpp", new
    assert [r["id"] for r in ctl(lab, "last=1")] == [new["id"]]
    assert [r["id"] for r in ctl(lab, "jid=alice@xmpp.test")] == [old["id"]]
    assert [r["id"] for r in ctl(lab, "jid=" + back.user.bare)] == [new["id"]]
    assert ctl(lab, "jid=lice@xmpp.test") == []
    assert [r["id"] for r in ctl(lab, "number=600", "last=1")] != []
    assert ctl(lab, "number=4711") == [] and len(ctl(lab, "since=1h")) == 2
    assert len(ctl(lab, "since=99999d")) == 2   # before 1970
    await asyncio.sleep(2.2)            # in whole seconds
    assert ctl(lab, "since=1s") == []
    text = lab.stoxd.ctl("cdr")
    assert len(text.splitlines()) == 3 and "answered" in text, text
    assert "xmpp:alice@xmpp.test" in text, text


async def found_after_a_restart(t, files):
    """What the file has, the newest first."""
    lab = await Lab(t).start({"records": files})
    for _ in range(2):
        f = await lab.x2s("ringing")
        f.sip.reply(486)
        await f.user.get_jmi("reject", sid=f.sid)
    await until(lambda: len(ctl(lab)) == 2, 20, "two records")
    before = ctl(lab)
    await lab.stoxd.stop()
    await lab.stoxd.run()
    await until(lambda: ctl(lab) == before, 20, "the records of before")
    await until(lambda: lab.server.handshakes > 1, 20, "the server")
    await lab.hang_up(await lab.x2s(user=lab.new_user()))
    await until(lambda: len(ctl(lab)) == 3, 20, "three records")
    assert ctl(lab)[1:] == before and ctl(lab, "last=1") == ctl(lab)[:1]
    assert [r["outcome"] for r in ctl(lab)] == [
        "answered", "busy", "busy"], ctl(lab)

for _name, _files in (("csv", "calls.csv"), ("sqlite", "calls.db")):
    add("found_after_a_restart_" + _name, found_after_a_restart,
        {_name: _files})


@case
async def nothing_becomes_a_formula(t):
    """Quotes, separators and what spreadsheets compute, in what others say."""
    lab = await Lab(t).start(FILES)
    evil = "=cmd|' /C calc'!A0,\"x\";\ty"
    u = User(lab.server, "+49\\2030@xmpp.test/phone")
    f = await lab.x2s("ringing", user=u)
    u.jmi("retract", GW, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)
    f = await lab.s2x("ringing")
    f.user.jmi("reject", f.gw, f.sid, "decline", words=evil)
    await f.sip.wait(603)
    a, b = await recorded(lab, 2)
    assert a["user"].startswith("xmpp:+49"), a
    cause = b["cause"]
    assert cause.startswith("'=cmd|"), cause
    assert '"x"' in cause and "\t" not in cause, cause
    with open(os.path.join(lab.stoxd.dir, "calls.csv")) as file:
        lines = file.read().splitlines()
    assert len(lines) == 3, lines
    for line in lines[1:]:
        for cell in next(csv.reader([line])):
            assert cell[:1] not in tuple("=+-@\t\r"), cell
    # the database has it as it was
    assert db(lab)[1]["cause"].startswith("=cmd|")


@case(timeout=90)
async def once_through_faults(t):
    """Calls of all ends, some still up when the gateway is stopped; a database
    that is locked for a while; files moved away meanwhile."""
    lab = await Lab(t).start(FILES)
    n, lock = 0, None
    for turn in range(6):
        if turn == 1:
            lock = sqlite3.connect(os.path.join(lab.stoxd.dir, "calls.db"))
            lock.execute("BEGIN EXCLUSIVE")
        if turn == 3:
            await until(lambda: 'stoxd_records_trouble{file="sqlite"} 1'
                        in lab.stoxd.ctl("metrics"), 20, "trouble")
            lock.rollback()
            lock.close()
        if turn == 4:
            await until(lambda: len(rows(lab)) == n, 20, "what was")
            os.rename(os.path.join(lab.stoxd.dir, "calls.csv"),
                      os.path.join(lab.stoxd.dir, "moved.csv"))
            lab.stoxd.kill(signal.SIGHUP)
            await until(lambda: os.path.exists(os.path.join(
                lab.stoxd.dir, "calls.csv")), 20, "a new file")
        async for _ in ends(lab):
            n += 1
        f = await lab.x2s(user=lab.new_user())
        f.sip.bye() if turn % 2 else f.user.terminate(f.gw, f.sid)
        n += 1
        await asyncio.sleep(0.1)
    for state in ("ringing", "active", "active"):
        await lab.x2s(state, user=lab.new_user())
        n += 1
    lab.stoxd.kill(signal.SIGTERM)
    lab.stoxd.kill(signal.SIGTERM)
    await until(lambda: not lab.stoxd.alive(), 20, "end of the gateway")
    lab._stop = None
    t._cleanup = [(f, a) for f, a in t._cleanup
                  if getattr(f, "__name__", "") != "_stop"]
    csvs = rows(lab) + rows(lab, "moved.csv")
    assert len(csvs) == n, (len(csvs), n)
    assert len({r["id"] for r in csvs}) == n
    assert {r["id"] for r in csvs} == {r["id"] for r in db(lab)}
    assert len(db(lab)) == n
    assert sum(r["outcome"] == "stopped" for r in csvs) == 6 + 3, [
        r["outcome"] for r in csvs]


@case(timeout=90)
async def full_disk(t):
    """Calls go on; what waits is written once there is room, no line in
    pieces."""
    disk = t.path("disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % (
            PAGES * 4096), "none", disk]).returncode:
        disk = None
    assert disk, "no file systems of our own here"
    t.later(subprocess.run, ["umount", "-l", disk])
    lab = await Lab(t).start({"records": {"csv": "disk/calls.csv"}})
    ballast = os.open(os.path.join(disk, "ballast"), os.O_CREAT | os.O_WRONLY)
    os.posix_fallocate(ballast, 0, (PAGES - 3) * 4096)  # two pages are left
    os.close(ballast)
    n = 0
    while "disk is full" not in lab.stoxd.text() and n < 60:
        f = await lab.x2s("ringing")
        f.sip.reply(486)
        await f.user.get_jmi("reject", sid=f.sid)
        n += 1
    assert "records: csv: the disk is full" in lab.stoxd.text(), n
    for _ in range(5):
        f = await lab.x2s()
        await lab.hang_up(f)
        n += 1
    with open(os.path.join(disk, "calls.csv")) as f:
        text = f.read()
    assert text.endswith("\n") and len(text.splitlines()) < n + 1
    told = lab.stoxd.ctl("metrics")
    assert 'stoxd_records_trouble{file="csv"} 1' in told
    assert 'stoxd_records_waiting{file="csv"} 0' not in told
    os.unlink(os.path.join(disk, "ballast"))
    await until(lambda: len(rows(lab, "disk/calls.csv")) >= n, 20,
                "what waited")
    got = rows(lab, "disk/calls.csv")
    assert len(got) == n == len({r["id"] for r in got}), (len(got), n)
    assert "can be written again" in lab.stoxd.text()


@case
async def foreign_and_torn_files(t):
    """A file of others is not touched; a line that was cut off goes; a file of
    other columns is moved away."""
    with open(t.path("calls.csv"), "w") as f:
        f.write("my diary\nday 1")
    lab = await Lab(t).start({"records": {"csv": "calls.csv"}})
    await until(lambda: "no file of call records" in lab.stoxd.text(), 20,
                "complaint")
    with open(t.path("calls.csv")) as f:
        assert f.read() == "my diary\nday 1"
    os.unlink(t.path("calls.csv"))
    f = await lab.x2s()
    await lab.hang_up(f)
    await until(lambda: len(rows(lab)) == 1, 20, "a record")
    lab.stoxd.kill(signal.SIGHUP)       # nothing happens to it
    with open(t.path("calls.csv"), "a") as f:
        f.write("179,2026-")
    lab.stoxd.kill(signal.SIGHUP)
    await until(lambda: "cut off" in lab.stoxd.text(), 20, "complaint")
    f = await lab.x2s()
    await lab.hang_up(f)
    await until(lambda: len(rows(lab)) == 2, 20, "two records")
    os.rename(t.path("calls.csv"), t.path("old.csv"))
    with open(t.path("calls.csv"), "w") as f:
        f.write("id,start,other\n1,2,3\n")
    lab.stoxd.kill(signal.SIGHUP)
    await until(lambda: os.path.exists(t.path("calls.csv.1")), 20,
                "moved away")
    f = await lab.x2s()
    await lab.hang_up(f)
    await until(lambda: len(rows(lab)) == 1, 20, "a record")
