"""Every series of the metrics is moved by the cases that the table in
tests/data names beside it, and stays still in the others; both formats are as
their readers want them; pages and dashboards name what there is.

The cases of other modules are run here once more, with the metrics looked at
all the time."""
import asyncio
import importlib.util
import json
import os
import random
import re
import shutil
import subprocess
import time

from peers import promlint, runner
from peers.jingleuser import User
from peers.lab import DATA, GW, Lab
from peers.proc import until
from peers.rtcuser import RtcUser
from peers.rtp import Rtp
from peers.runner import add, case
from peers.site import Site
from peers.sipua import Call

HERE = os.path.dirname(os.path.abspath(__file__))
ANY = "*"               # in the table: other cases may move it, too
ALL = "all"             # each case moves it ..
BUT = "-"               # .. before a case: but this one
MAY = "?"               # before a case: it may, by chance
# What the machine has to do, and the moment of the look, move these; nothing
# that a peer does.  docs/metrics.md says so.
BY_NATURE = {
    "stoxd_calls_in_setup_limit", "stoxd_shedding",
    "stoxd_signalling_lag_seconds", "stoxd_media_lag_seconds",
    "stoxd_xmpp_queue_bytes", "process_resident_memory_bytes",
    "process_open_fds"}


def table():
    """{series: the words beside it}"""
    with open(os.path.join(DATA, "metrics.txt")) as f:
        return {w[0]: w[1:] for w in (x.split() for x in f)
                if w and w[0][0] != "#"}


def parse(text):
    """{series: value}; of a histogram only how often it was added to."""
    out = {}
    for line in text.splitlines():
        if not line or line[0] == "#" or re.match(
                r"[a-z_]+_(bucket|sum)[ {]", line):
            continue
        name, value = line.rsplit(" ", 1)
        out[name] = float(value)
    return out


class Eye:
    """Looks at the metrics of each gateway that is started."""

    def __init__(self):
        self.first, self.moved, self.values, self.stoxd = {}, set(), {}, None
        self.ask = None

    async def look(self):
        if not self.stoxd or not self.stoxd.alive():
            return
        try:
            self.take(await asyncio.to_thread(self.ask, "metrics"))
        except subprocess.TimeoutExpired:
            return

    def take(self, text):
        v = parse(text)
        for k, x in v.items():
            # what a process begins with is 0, or how it is configured
            if "_total" in k or "_count" in k:
                self.first.setdefault(k, 0)
            if x != self.first.setdefault(k, x):
                self.moved.add(k)
        self.values = v or self.values

    async def watch(self):
        while True:
            await self.look()
            await asyncio.sleep(0.1)

    def overhear(self, *argv):
        """What is soon over, the case asks for itself."""
        out = self.ask(*argv)
        if argv == ("metrics",):
            self.take(out)
        return out

    def catch(self, kind):
        start = kind.start

        async def started(site, *args, **kw):
            r = await start(site, *args, **kw)
            self.stoxd, self.ask = site.stoxd, site.stoxd.ctl
            self.first = {}
            await self.look()
            site.stoxd.ctl = self.overhear
            return r
        kind.start = started


def named(name):
    """The case MODULE/CASE of this suite."""
    module, _, _ = name.partition("/")
    have = list(runner._cases)
    runner._cases.clear()
    try:
        spec = importlib.util.spec_from_file_location(
            "again_" + module, os.path.join(HERE, module + ".py"))
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        return next(c for c in runner._cases
                    if c.name == name[len(module) + 1:])
    finally:
        runner._cases[:] = have


async def seen(t, c):
    eye = Eye()
    eye.catch(Lab)
    eye.catch(Site)
    task = asyncio.ensure_future(eye.watch())
    try:
        await c.func(t, *c.args)
        await asyncio.sleep(1.3)        # a worker tells once a second
        task.cancel()
        await eye.look()
    finally:
        task.cancel()
    return eye


async def moves(t, name, c):
    """The case moves all of its series, and none of the others'."""
    eye = await seen(t, c)
    want = table()
    must = {k for k, w in want.items()
            if name in w or ALL in w and BUT + name not in w}
    may = must | {k for k, w in want.items() if ANY in w or MAY + name in w}
    assert eye.values, "no metrics"
    if os.environ.get("METRICS_SEEN"):      # what the table could say
        with open(os.environ["METRICS_SEEN"], "a") as f:
            f.write("".join("%s\t%s\n" % (name, k)
                            for k in sorted(eye.moved)))
    assert must <= eye.moved, "did not move: %s" % sorted(must - eye.moved)
    assert eye.moved <= may, "moved: %s" % sorted(eye.moved - may)


def own(f, **options):
    """A case of this module that the table names."""
    name = "metrics/" + f.__name__
    add(f.__name__, moves, name, runner.Case(name, f), **options)
    return f


# ---- what no other case does ------------------------------------------------
async def ring(lab, way, user=None):
    """A call that rings, between two that no other is of."""
    u = user or lab.new_user()
    return await (lab.x2s if way == "x2s" else lab.s2x)("ringing", user=u)


async def refuse(lab, code):
    f = await ring(lab, "x2s")
    f.sip.reply(code)
    await f.user.get_jmi("reject", sid=f.sid)


async def reject(lab, reason):
    f = await ring(lab, "s2x")
    f.user.jmi("reject", f.gw, f.sid, reason)
    await f.sip.wait(lambda m: m.code and m.code >= 400)


async def invite(lab, to, sdp=None):
    c = await lab.ua.call("sip:%s@127.0.0.1:5070" % to, sdp or lab.sdp())
    await c.wait(lambda m: m.code and m.code >= 400)


async def hang(lab, f):
    """The operator ends the only call."""
    call = json.loads(lab.stoxd.ctl("--json", "calls"))[0]["id"]
    lab.stoxd.ctl("call", "hangup", call)
    await f.sip.wait("BYE")


async def of_user(lab, user):
    sid = user.propose(GW)
    await user.get_jmi("reject", sid=sid)


@own
async def outcomes(t):
    """One call of each sort, both ways: it counts as what it was."""
    few = {"who": "one@xmpp.test", "calls": 1}
    lab = await Lab(t).start({
        "trunk pbx": {"addressing": "trunk"}, "plan few": few, "route": {
        "out": "from *@xmpp.test to 6* via pbx",
        "many": "from trunk:pbx to u* via xmpp:u*@xmpp.test",
        "bob": "from trunk:pbx to bob via xmpp:bob@xmpp.test",
        "alice": "from trunk:pbx to alice via xmpp:alice@xmpp.test"}})
    before = parse(lab.stoxd.ctl("metrics"))
    for code in (486, 603, 408, 404, 488, 500):
        await refuse(lab, code)
    f = await ring(lab, "x2s")
    f.user.jmi("retract", GW, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)
    await of_user(lab, User(lab.server, "eve@elsewhere.test/x"))
    f = await lab.x2s("proceed", user=lab.new_user())
    f.user.initiate(f.gw, f.sid, fingerprint=None)
    await f.sip.wait("BYE")
    await hang(lab, await lab.x2s(user=lab.new_user()))
    await lab.hang_up(await lab.x2s(user=lab.new_user()))

    for reason in ("busy", "decline", "timeout", "gone", "general-error"):
        await reject(lab, reason)
    f = await ring(lab, "s2x")
    f.sip.cancel()
    await f.sip.wait(487, method="INVITE")
    await invite(lab, "eve")
    await invite(lab, "bob", lab.sdp(codecs=((18, "G729/8000"),), dtmf=0))
    f = await lab.s2x("initiated", user=lab.new_user())
    f.user.accept(f.init, fingerprint=None)
    await f.sip.wait(lambda m: m.code and m.code >= 400)
    await hang(lab, await lab.s2x(user=lab.new_user()))
    await lab.hang_up(await lab.s2x(user=lab.new_user()))

    one = User(lab.server, "one@xmpp.test/x")
    f = await ring(lab, "x2s", one)
    await of_user(lab, one)
    f.user.jmi("retract", GW, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)
    # while she calls him, he cannot call her
    f = await lab.x2s("ringing")
    await invite(lab, "alice")
    f.user.jmi("retract", GW, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)
    await asyncio.sleep(0.3)

    after = parse(lab.stoxd.ctl("metrics"))
    got = {k: after[k] - before[k] for k in after
           if k.startswith("stoxd_calls_ended")}
    print(got)
    more = {k: 3 for k in got if "cancelled" in k and "xmpp-sip" in k}
    assert all(v == more.get(k, 1) for k, v in got.items()), \
        {k: v for k, v in got.items() if v != 1}
    conserved(after)


def conserved(v):
    """Calls started are those that ended and those that are there."""
    for way in ("sip-xmpp", "xmpp-sip"):
        def all(name):
            return sum(x for k, x in v.items()
                       if k.startswith(name) and way in k)
        assert all("stoxd_calls_started") == all("stoxd_calls_ended") + \
            all("stoxd_calls_active"), way


@own
async def stages(t):
    """Each long enough to be seen."""
    lab = await Lab(t).start()
    for start, first in ((lab.x2s, "invited"), (lab.s2x, "proposed")):
        for stage in (first, "ringing", "active"):
            f = await start(stage, user=lab.new_user())
            await asyncio.sleep(1)
            if stage == "active":
                await lab.hang_up(f)


@own
async def no_telephone(t):
    """A text that waits for a trunk that does not answer."""
    lab = await Lab(t).start(ua=False)
    lab.server.stanza("message", lab.alice.jid, GW, "<body>hello</body>",
                      "chat")
    await asyncio.sleep(2)


@own
async def one_way(t):
    """Sound that stops: said for each side, and in the end there is none."""
    lab = await Lab(t).start({"limits": {"rtp_warn": 1, "rtp_timeout": 5}})
    f = await lab.x2s()
    await f.sip.wait("BYE", 12)


@own
async def held(t):
    lab = await Lab(t).start()
    f = await lab.s2x()
    f.sip.invite(lab.sdp(version=2, direction="sendonly"))
    await f.sip.wait(200, method="INVITE")
    f.sip.ack()
    f.sip.request("INFO", "Signal=5\r\nDuration=100\r\n",
                  [("Content-Type", "application/dtmf-relay")])
    await f.sip.wait(200, method="INFO")
    await lab.hang_up(f)


@own
async def too_many(t):
    """Datagrams and connections past what a source may have."""
    lab = await Lab(t).start({"limits": {
        "sip_source_rate": 1, "sip_source_burst": 2, "tcp_per_source": 1}})
    for _ in range(8):
        lab.ua._udp.sendto(b"OPTIONS sip:127.0.0.1:5070 SIP/2.0\r\n\r\n",
                           lab.ua.peer)
    held = [await asyncio.open_connection("127.0.0.1", 5070)
            for _ in range(4)]
    await asyncio.sleep(0.5)
    for _, w in held:
        w.close()


@own
async def odd_requests(t):
    """What a trunk may ask, and nobody here answers to."""
    lab = await Lab(t).start()
    for method in ("REGISTER", "PUBLISH", "FLY"):
        r = await lab.ua.request(method, "sip:127.0.0.1:5070")
        assert r.code in (405, 501, 403), (method, r)


def has_reported(lab):
    """Is the round trip to the client of the only call known?"""
    time.sleep(0.5)         # what the case itself does needs the processor
    call = json.loads(lab.stoxd.ctl("--json", "calls"))[0]["id"]
    v = json.loads(lab.stoxd.ctl("--json", "call", "show", call))["flows"]
    return any(f["side"] == "xmpp" and f["rtt_us"] for f in v)


@own
async def lossy_client(t):
    """Each tenth packet of the client is lost; both sides report."""
    lab = await Lab(t).start()
    rtp = await Rtp(tones=(700, 900)).open()
    t.later(rtp.close)
    user = RtcUser(lab, tones=(500, 1100))
    s = await user.call(rtp)
    rtp.to(user.ports())
    await s.up()
    ice, n = s._transport().transport, 0
    send = ice._send

    async def some(data):
        nonlocal n
        n += 1
        if data[0] < 128 or n % 10:
            await send(data)
    ice._send = some
    await until(lambda: asyncio.to_thread(has_reported, lab), 40,
                "report of the client")
    await asyncio.sleep(1.5)
    await s.hang_up()
    await user.phone.wait("BYE")


def slow(f):
    return own(f, timeout=75, waits=46)


@slow
async def refreshed(t):
    """A session timer, by UPDATE where the telephone takes it."""
    lab = await Lab(t).start()
    rtp = await Rtp(tones=(700, 900)).open()
    t.later(rtp.close)
    user = RtcUser(lab, tones=(500, 1100))
    reply = Call.reply

    def timed(call, code, sdp="", headers=(), **kw):
        more = [("Session-Expires", "90;refresher=uac"), ("Require", "timer"),
                ("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE")]
        return reply(call, code, sdp, list(headers) + more * (code == 200),
                     **kw)
    Call.reply = timed
    s = await user.call(rtp)
    Call.reply = reply
    rtp.to(user.ports())
    await s.up()
    await user.phone.wait("UPDATE", 60)


# ---- nothing is lost, and nothing grows -------------------------------------
async def fate_of_theirs(lab, user, dice):
    """A user calls; what becomes of it is up to the telephone, and to her
    patience."""
    sid = user.propose(GW)
    await asyncio.sleep(dice.uniform(0.02, 0.5))
    user.jmi(dice.choice(("retract", "finish")), GW, sid, "cancel")


async def fate_of_ours(lab, user, dice):
    """A telephone calls, and may lose patience before a device does."""
    c = await lab.ua.call("sip:%s@127.0.0.1:5070" % user.bare.partition(
        "@")[0], lab.sdp() if dice.random() < 0.9 else "v=0\r\nbroken\r\n")
    try:
        p = await user.get_jmi("propose", 0.3)
        await asyncio.sleep(dice.uniform(0, 0.2))
        kind = dice.choice(("reject", "proceed", ""))
        if kind:
            user.jmi(kind, p.sender, p.id, dice.choice(("busy", "decline")))
        await asyncio.sleep(dice.uniform(0, 0.3))
    except TimeoutError:
        pass
    c.cancel()


async def telephone(lab, dice):
    """Takes, refuses or ignores what comes."""
    while True:
        c = await lab.ua.incoming.get()
        what = dice.choice((180, 200, 200, 404, 486, 503, 603, 0))
        if what:
            c.reply(what, lab.sdp() if what == 200 else "")


async def storm(lab, calls, dice):
    users, left = [lab.new_user() for _ in range(100)], calls
    phone = asyncio.ensure_future(telephone(lab, dice))

    async def worker(n):
        nonlocal left
        while left > 0:
            left -= 1
            fate = dice.choice((fate_of_theirs, fate_of_ours))
            try:
                await fate(lab, users[(left * 7 + n) % 100], dice)
            except ConnectionError:
                await asyncio.sleep(0.2)        # the server is away
            for seen in (lab.server.unread, lab.server.history,
                         lab.ua.history):
                del seen[:-1000]
    work = asyncio.gather(*(worker(n) for n in range(
        12 if calls < 1000 else 40)))
    while not work.done():
        conserved(parse(lab.stoxd.ctl("metrics")))
        await asyncio.sleep(0.5)
        if left < calls / 2 and lab.server.handshakes == 1:
            await lab.server.stop()
            await asyncio.sleep(0.5)
            await lab.server.start()
    await work
    phone.cancel()


CALLS = int(os.environ.get("CALLS", "400"))


@case(timeout=120 + CALLS / 20)
async def conserved_through_faults(t):
    """CALLS (400), with datagrams lost both ways, telephones that say
    nothing, and a server that goes away meanwhile: at any time those that were
    started have ended, or are there; in the end none is.  No series more."""
    dice = random.Random(5)
    lab = await Lab(t).start({"log": {"level": "warning"}, "limits": {
        "half_open": 1000}})
    lab.ua.drop = lambda m: dice.random() < 0.05
    lab.ua.mangle = lambda data: [] if dice.random() < 0.05 else [data]
    series = set(parse(lab.stoxd.ctl("metrics")))
    await storm(lab, CALLS, dice)
    for _ in range(100):            # an INVITE may be late, and uncancelled
        for c in json.loads(lab.stoxd.ctl("--json", "calls")):
            await asyncio.to_thread(lab.stoxd.ctl, "call", "hangup", c["id"])
        v = parse(lab.stoxd.ctl("metrics"))
        conserved(v)
        if not sum(x for k, x in v.items() if k.startswith(
                "stoxd_calls_active")):
            break
        await asyncio.sleep(0.5)
    else:
        raise AssertionError({k: x for k, x in v.items() if x and
                              k.startswith("stoxd_calls_active")})
    ended = {k: x for k, x in v.items() if k.startswith("stoxd_calls_ended")}
    print(sum(ended.values()), {k: x for k, x in ended.items() if x})
    assert sum(ended.values()) > CALLS * 0.5, ended
    assert sum(x > 0 for x in ended.values()) >= 8, ended
    assert set(v) == series, set(v) ^ series


# ---- as their readers want them ---------------------------------------------
@case
async def formats(t):
    """Nothing is to be said by the rules of Prometheus' own tool, by the tool
    where it is there, and by its parsers."""
    lab = await Lab(t).start()
    await lab.hang_up(await lab.x2s())
    text = lab.stoxd.ctl("metrics", "prometheus")
    assert not promlint.lint(text), promlint.lint(text)
    if shutil.which("promtool"):
        r = subprocess.run(["promtool", "check", "metrics"], input=text,
                           capture_output=True, text=True)
        assert r.returncode == 0 and not r.stdout + r.stderr, r
    from prometheus_client import parser
    from prometheus_client.openmetrics import parser as newer
    old = {s.name for f in parser.text_string_to_metric_families(text)
           for s in f.samples}
    text = lab.stoxd.ctl("metrics")
    families = list(newer.text_string_to_metric_families(text))
    assert len(families) >= 60, len(families)
    for f in families:
        assert f.documentation, f.name
        assert f.type != "unknown", f.name
    assert old == {s.name for f in families for s in f.samples}


def queries(e):
    """Each expression of a dashboard."""
    if isinstance(e, dict):
        if isinstance(e.get("expr"), str):
            yield e["expr"]
        e = list(e.values())
    for x in e if isinstance(e, list) else ():
        yield from queries(x)


@case
async def dashboard(t):
    """Each query of docs/grafana.json is about series that there are."""
    with open(os.path.join(os.path.dirname(os.path.dirname(DATA)), "docs",
                           "grafana.json")) as f:
        board = json.load(f)
    lab = await Lab(t).start()
    text = lab.stoxd.ctl("metrics")
    have = {re.split("[{ ]", x)[0] for x in text.splitlines() if x[0] != "#"}
    labels = set(re.findall(r'(\w+="[^"]*")', text))
    exprs = list(queries(board))
    assert len(exprs) >= 20, len(exprs)
    for e in exprs:
        names = re.findall(r"\b((?:stoxd|process)_\w+)", e)
        assert names, e
        assert set(names) <= have, set(names) - have
        assert set(re.findall(r'(\w+="[^"]*")', e)) <= labels, e
    ids = [p["id"] for p in board["panels"]]
    assert len(ids) == len(set(ids)) and board["uid"] and board["title"]
    for p in board["panels"]:
        assert {"type", "title", "gridPos"} <= set(p), p
        assert p["type"] == "row" or p["targets"], p
        g = p["gridPos"]
        assert 0 <= g["x"] and g["x"] + g["w"] <= 24, p


@case
async def manual(t):
    """docs/metrics.md names each family, and no other."""
    lab = await Lab(t).start()
    text = lab.stoxd.ctl("metrics")
    families = set(re.findall("^# TYPE (\\S+)", text, re.M))
    assert families == set(re.findall("^# HELP (\\S+) \\w", text, re.M))
    with open(os.path.join(os.path.dirname(os.path.dirname(DATA)), "docs",
                           "metrics.md")) as f:
        named = set(re.findall(r"^\| `(\w+)` \|", f.read(), re.M))
    assert named == families, named ^ families


@case
async def all_in_the_table(t):
    """No series without a case that moves it, no case that there is not."""
    lab = await Lab(t).start()
    have = set(parse(lab.stoxd.ctl("metrics")))
    want = table()
    assert have == set(want), have ^ set(want)
    for series, words in want.items():
        assert [w for w in words if w != ANY and w[0] not in (MAY, BUT)], \
            series + " is moved by nothing"
    assert {s for s, w in want.items() if ANY in w} == BY_NATURE


@case
async def fixed(t):
    """What is configured, or as it is from the start."""
    lab = await Lab(t).start({"store": {"path": "s.db"},
                              "media": {"workers": 2}})
    v = parse(lab.stoxd.ctl("metrics"))
    for series, words in table().items():
        if "fixed" in words:
            assert v[series] > 0, series
    assert v["stoxd_media_workers"] == 2 and v["stoxd_sip_trunks"] == 1
    assert v["stoxd_xmpp_links"] == 1 and v["stoxd_store_up"] == 1


for name in sorted({w for words in table().values() for w in words}):
    if "/" in name and ":" not in name and not name.startswith(
            ("metrics/", MAY, BUT)):
        c = named(name)
        add(name.replace("/", "__"), moves, name, c, timeout=c.timeout + 15,
            waits=c.waits, heavy=c.heavy)
