"""Another configuration for a gateway at work, by SIGHUP and by stoxctl."""
import asyncio
import json
import os
import signal
import ssl
import subprocess

from peers.certs import Authority, client_context, server_context
from peers.daemon import config_text
from peers.lab import Lab
from peers.proc import until
from peers.reloading import conf, ctl, reload
from peers.runner import case
from peers.sipua import Ua

async def another(t, ip, **kw):
    ua = await Ua(ip=ip, log=t.path("sip-%s.log" % ip), **kw).start()
    t.later(ua.close)
    return ua


async def hup(lab, words):
    n = lab.stoxd.text().count(words)
    os.kill(lab.stoxd.p.pid, signal.SIGHUP)
    await until(lambda: lab.stoxd.text().count(words) > n, 20, words)


@case
async def reload_moves_a_trunk(t):
    """Calls go to its new address at once, the one that is up ends where it
    began, and nobody calls from the old address any more."""
    lab = await Lab(t).start()
    f = await lab.x2s()
    ua = await another(t, "127.0.0.2")
    await reload(lab, conf(trunk_pbx={"uri": "sip:127.0.0.2:5060",
                                      "accept_from": "127.0.0.2"}))
    assert lab.stoxd.ctl("calls").count("active") == 1
    lab.ua = ua
    g = await lab.x2s(user=lab.new_user(), to="601@sip.xmpp.test")
    assert g.sip.ua is ua
    # in the dialog, from where it was
    f.sip.invite(lab.sdp())
    await f.sip.wait("2xx", method="INVITE")
    f.sip.ack()
    f.user.terminate(f.gw, f.sid)
    await f.sip.wait("BYE")
    await lab.hang_up(g)


@case
async def reload_from_the_old_address(t):
    """A new call from an address that is no longer the trunk's is nobody's."""
    lab = await Lab(t).start()
    await another(t, "127.0.0.2")
    f = await lab.s2x()
    await reload(lab, conf(trunk_pbx={"uri": "sip:127.0.0.2:5060",
                                      "accept_from": "127.0.0.2"}))
    call = await lab.ua.call(lab.dial % "alice", lab.sdp())
    await f.user.no_jmi("propose", 1)
    assert call is not None
    await f.sip.hang_up()
    await lab.ended_in_xmpp(f)


@case
async def reload_all_or_nothing(t):
    """A wrong file is told with its lines and changes nothing; neither does
    one that changes what needs a restart."""
    lab = await Lab(t).start()
    ua = await another(t, "127.0.0.2")
    good = conf(trunk_pbx={"uri": "sip:127.0.0.2:5060"})
    text = config_text(good) + "\n[trunk other]\nuri = sip:127.0.0.3\n" \
        "rign_timeout = 5\nmedia = loud\n"
    lines = text.splitlines()
    out = await reload(lab, text=text, ok=False)
    for word in ("rign_timeout = 5", "media = loud"):
        where = "stoxd.conf:%d:" % (lines.index(word) + 1)
        assert where in out, (where, out)
    assert "ring_timeout" in out and "stays as it was" in out, out
    assert "reload: " in lab.stoxd.text()
    f = await lab.x2s()
    assert f.sip.ua is lab.ua
    # a rule that means nothing
    out = await reload(lab, text=config_text(good) +
                       "\n[route]\nx = from * to * via nowhere\n", ok=False)
    assert "nowhere" in out, out
    # what needs a restart, all of it at once
    bad = conf(trunk_pbx={"uri": "sip:127.0.0.2:5060"},
               sip={"listen": "udp:127.0.0.1:5071"},
               media={"address": "127.0.1.1", "ports": "20000-20100"},
               xmpp={"component": "other.xmpp.test"})
    out = await reload(lab, bad, ok=False)
    assert "restart" in out, out
    bad["xmpp"] = {}
    out = await reload(lab, bad, ok=False)
    assert "[sip] listen" in out and "[media] ports" in out, out
    # SIGHUP says so in the log
    await hup(lab, "the configuration stays as it was")
    g = await lab.x2s(user=lab.new_user())
    assert g.sip.ua is lab.ua
    await reload(lab, good)
    lab.ua, old = ua, lab.ua
    h = await lab.x2s(user=lab.new_user())
    assert h.sip.ua is ua and old is not ua
    # no file at all
    os.rename(lab.stoxd.conf, lab.stoxd.conf + ".away")
    status, out = await ctl(lab, "reload")
    assert status and "cannot be read" in out, out
    os.rename(lab.stoxd.conf + ".away", lab.stoxd.conf)


@case
async def reload_routes_limits_trunks(t):
    """Rules, a trunk that comes, is used, goes, and comes again; limits."""
    lab = await Lab(t).start()
    ua = await another(t, "127.0.0.2")
    pbx = lab.ua
    two = conf(trunk_pbx={"uri": "sip:127.0.0.1:5060",
                          "addressing": "trunk"},
               trunk_two={"uri": "sip:127.0.0.2:5060",
                          "media_from": "127.0.0.0/8",
                          "addressing": "trunk"},
               route={"a": "from * to 7* via two",
                      "b": "from * to * via pbx",
                      "c": "from trunk:* to * via xmpp:*@xmpp.test"})
    await reload(lab, two)
    lab.ua = ua
    f = await lab.x2s(to="700@sip.xmpp.test")
    lab.ua = pbx
    g = await lab.x2s(user=lab.new_user(), to="600@sip.xmpp.test")
    one = conf()
    await reload(lab, one)
    assert "two" not in lab.stoxd.ctl("trunks")
    h = await lab.x2s(user=lab.new_user(), to="700@sip.xmpp.test")
    assert h.sip.ua is pbx
    # its call goes on
    f.sip.invite(lab.sdp())
    await f.sip.wait("2xx", method="INVITE")
    f.sip.ack()
    await reload(lab, two)
    lab.ua = ua
    i = await lab.x2s(user=lab.new_user(), to="701@sip.xmpp.test")
    assert i.sip.ua is ua
    for x in (f, g, h, i):
        await lab.hang_up(x)
    lab.ua = pbx
    # one call at once
    one["limits"]["calls_per_jid"] = 1
    await reload(lab, one)
    f = await lab.x2s()
    sid = lab.alice.propose("601@sip.xmpp.test")
    await lab.alice.get_jmi("reject", sid=sid)
    one["limits"]["calls_per_jid"] = 2
    one["limits"]["calls"] = 2
    await reload(lab, one)
    assert json.loads(lab.stoxd.ctl("--json", "status"))["room"] == 2
    g = await lab.x2s(to="601@sip.xmpp.test")
    for x in (f, g):
        await lab.hang_up(x)


@case
async def reload_registers_again(t):
    """A trunk's new password, then its new registrar."""
    from peers.registrar import Registrar
    lab = Lab(t)
    one = await Registrar({"gw": "gwpass", "gw2": "other"},
                          ip="127.0.0.3").start()
    two = await Registrar({"gw": "gwpass", "gw2": "other"},
                          ip="127.0.0.4").start()
    t.later(one.close)
    t.later(two.close)
    trunk = {"uri": "sip:127.0.0.3:5060", "register": "yes",
             "listen": "udp:127.0.0.1:5070"}
    await lab.start(conf(trunk_pbx=trunk), ua=False)
    await until(lambda: "registration accepted" in lab.stoxd.ctl("trunks"),
                20, "the first registration")

    def bound(r, user):
        return [m for m in r.registers
                if "sip:%s@" % user in m.get("To") and m.get("Authorization")]
    assert bound(one, "gw")
    # what stays the same is left alone
    n = len(one.registers)
    await reload(lab, conf(trunk_pbx=trunk))
    await asyncio.sleep(0.5)
    assert len(one.registers) == n, one.registers[n:]
    trunk.update(username="gw2", password="other")
    await reload(lab, conf(trunk_pbx=trunk))
    await until(lambda: bound(one, "gw2"), 20, "the second user")
    trunk.update(uri="sip:127.0.0.4:5060")
    await reload(lab, conf(trunk_pbx=trunk))
    await until(lambda: bound(two, "gw2"), 20, "the second registrar")
    await until(lambda: "registration accepted" in lab.stoxd.ctl("trunks"),
                20, "its answer")
    gone = [m for m in bound(one, "gw2") if m.get("Expires") == "0"]
    assert gone, "not taken back at the first registrar"


@case
async def reload_registers_by_another_listener(t):
    """Only `listen` differs: the registrar learns the new Contact at once and
    forgets the old one, by one request."""
    from peers.registrar import Registrar
    lab = Lab(t)
    r = await Registrar({"gw": "gwpass"}, ip="127.0.0.3").start()
    t.later(r.close)
    c = conf(sip={"listen": "udp:127.0.0.1:5070, udp:127.0.0.1:5072"},
             trunk_pbx={"uri": "sip:127.0.0.3:5060", "register": "yes",
                        "listen": "udp:127.0.0.1:5070"})
    await lab.start(c, ua=False)
    await until(lambda: "registration accepted" in lab.stoxd.ctl("trunks"),
                20, "the first registration")
    old = r.bound["gw"]
    assert "@127.0.0.1:5070;" in old, old
    n = len(r.registers)
    c["trunk pbx"]["listen"] = "udp:127.0.0.1:5072"
    await reload(lab, c)
    await until(lambda: "@127.0.0.1:5072;" in r.bound["gw"], 20, "another")
    m = [m for m in r.registers[n:] if m.get("Authorization")][-1]
    new, gone = m.all("Contact")
    assert gone == "<%s>;expires=0" % old, gone
    assert "reg-id=1" in new and "expires=3600" in new, new
    assert len({x.get("Call-ID") for x in r.registers}) == 1
    # said once
    n = len(r.registers)
    lab.stoxd.ctl("address", "127.0.0.1")
    await until(lambda: len(r.registers) > n, 20, "a registration")
    assert len(r.registers[n].all("Contact")) == 1, r.registers[n]


async def writes(lab, to, words):
    id = lab.server.stanza("message", lab.alice.jid, to,
                           "<body>%s</body>" % words, "chat")
    await asyncio.sleep(0.2)
    return id


async def gets(ua, words):
    while True:
        m = await asyncio.wait_for(ua.others.get(), 20)
        if m.method == "MESSAGE":
            break
    assert m.body.decode() == words, m.body
    ua.reply(m, 200)


@case
async def reload_with_messages_waiting(t):
    """They go where the new file says, each once and in order; who wrote one
    that has no way any more is told."""
    lab = await Lab(t).start(conf(
        trunk_pbx={"addressing": "trunk"},
        trunk_two={"uri": "sip:127.0.0.9:5060;transport=tcp",
                   "addressing": "trunk"},
        route={"a": "from * to 7* via two", "b": "from * to * via pbx"}))
    for words in ("one", "two", "three"):
        await writes(lab, "700@sip.xmpp.test", words)

    def waiting():
        return json.loads(lab.stoxd.ctl("--json", "status"))["messages"][
            "waiting"]
    assert waiting() == 3
    # its address differs
    await reload(lab, conf(
        trunk_pbx={"addressing": "trunk"},
        trunk_two={"uri": "sip:127.0.0.8:5060;transport=tcp",
                   "addressing": "trunk"},
        route={"a": "from * to 7* via two", "b": "from * to * via pbx"}))
    assert waiting() == 3
    # it is gone, and another takes them
    await reload(lab, conf(trunk_pbx={"addressing": "trunk"},
                           route={"b": "from * to * via pbx"}))
    for words in ("one", "two", "three"):
        await gets(lab.ua, words)
    await until(lambda: not waiting(), 20, "an empty queue")
    assert lab.ua.others.empty(), lab.ua.others
    # one that is under way is waited for, and what is behind it goes on
    both = conf(trunk_pbx={"addressing": "trunk"},
                trunk_two={"uri": "sip:127.0.0.9:5060;transport=tcp",
                           "addressing": "trunk"},
                route={"a": "from * to 8* via two",
                       "b": "from * to 6* via pbx"})
    await reload(lab, both)
    id = await writes(lab, "800@sip.xmpp.test", "nobody")
    both["route"] = {"b": "from * to 6* via pbx"}
    await reload(lab, both)
    e = await lab.server.wait(lambda e: e.get("id") == id and
                              e.get("type") == "error", what="an error")
    words = "".join(e.itertext())
    assert "no way to it any more" in words and "nobody" in words, words
    assert not waiting()


@case
async def reload_with_parts_waiting(t):
    """A text whose parts have no way any more comes back once."""
    split = {"trunk_pbx": {"addressing": "trunk"},
             "chat": {"oversize": "split"}}
    lab = await Lab(t).start(conf(route={"a": "from * to 6* via pbx"},
                                  **split))
    id = await writes(lab, "600@sip.xmpp.test", " ".join(
        "word%d" % i for i in range(1000)))
    while True:
        m = await asyncio.wait_for(lab.ua.others.get(), 20)
        if m.method == "MESSAGE":
            break
    lab.ua.reply(m, 503)        # they wait
    await asyncio.sleep(0.2)
    assert json.loads(lab.stoxd.ctl("--json", "status"))["messages"][
        "waiting"] > 3
    await reload(lab, conf(route={"a": "from * to 7* via pbx"}, **split))

    def is_error(e):
        return e.get("id") == id and e.get("type") == "error"
    e = await lab.server.wait(is_error, 20, "an error")
    assert "no way to it any more" in "".join(e.itertext()), e
    await lab.server.none(is_error, 0.5, "another error")
    assert not json.loads(lab.stoxd.ctl("--json", "status"))["messages"][
        "waiting"]


def serial(port, ca):
    """Of the certificate that a TLS listener shows."""
    pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=5)
    return subprocess.run(["openssl", "x509", "-noout", "-serial"],
                          input=pem, capture_output=True, text=True,
                          check=True).stdout


@case
async def reload_certificates(t):
    """The files are read again although their names are the same; one that
    does not fit its key is refused."""
    ca = Authority(t.dir)
    cert, key = ca.issue("gw", "IP:127.0.0.1")
    tls = {"listen": "udp:127.0.0.1:5070, tcp:127.0.0.1:5070, "
           "tls:127.0.0.1:5081", "certificate": cert, "key": key}
    lab = await Lab(t).start(conf(sip=tls))
    f = await lab.x2s()
    first = await asyncio.to_thread(serial, 5081, ca)
    c2, k2 = ca.issue("gw2", "IP:127.0.0.1")
    os.rename(c2, cert)
    out = await reload(lab, conf(sip=tls), ok=False)
    assert "certificate" in out, out
    assert await asyncio.to_thread(serial, 5081, ca) == first
    os.rename(k2, key)
    await reload(lab, conf(sip=tls))
    second = await asyncio.to_thread(serial, 5081, ca)
    assert second != first
    await lab.hang_up(f)


@case
async def reload_whom_a_tls_trunk_believes(t):
    """Another authority and another name for the next connection; the call
    over the one that is open goes on."""
    a, b = (Authority(t.dir, n) for n in "ab")
    own = a.issue("gateway", "IP:127.0.0.1")
    sip = {"listen": "udp:127.0.0.1:5070, tls:127.0.0.1:5071",
           "certificate": own[0], "key": own[1]}

    def site(ca, ip, name):
        return conf(sip=sip, trunk_pbx={
            "uri": "sip:%s:5060;transport=tls" % ip, "tls_ca": ca.pem,
            "tls_name": name, "accept_from": ip})

    def phone(ca, name):
        return {"proto": "tls", "peer": ("127.0.0.1", 5071),
                "tls": (server_context(*ca.issue(name, "DNS:" + name)),
                        client_context(a.pem))}
    lab = Lab(t)
    await lab.start(site(a, "127.0.0.1", "one.test"), **phone(a, "one.test"))
    f = await lab.x2s()
    first = lab.ua
    lab.ua = await another(t, "127.0.0.2", **phone(b, "two.test"))
    await reload(lab, site(b, "127.0.0.2", "two.test"))
    g = await lab.x2s(user=lab.new_user())
    assert g.sip.ua is not first
    third = await another(t, "127.0.0.3", **phone(b, "three.test"))
    for ca, name in ((a, "three.test"), (b, "two.test")):
        await reload(lab, site(ca, "127.0.0.3", name))
        user = lab.new_user()
        sid = user.propose("609@sip.xmpp.test")
        await user.get_jmi("reject", 15, sid)
        assert third.incoming.empty(), (ca.name, name)
    # a file that is none
    bad = site(b, "127.0.0.3", "three.test")
    bad["trunk pbx"]["tls_ca"] = t.path("sip.log")
    out = await reload(lab, bad, ok=False)
    assert "[trunk pbx]" in out and "stoxd.conf:" in out, out
    for x in (f, g):
        x.user.terminate(x.gw, x.sid)
        await x.sip.wait("BYE")


@case(waits=6)
async def reload_whom_the_server_is_asked_for(t):
    """Pings go to a domain that the file has, not to one that it had."""
    c = conf(limits={"xmpp_ping": 5})
    lab = await Lab(t).start(c)
    asked = []

    def note(iq):
        asked.append(iq.get("to"))
        return False
    lab.server.answers.append(note)
    c["xmpp"] = {"domains": "other.test, xmpp.test"}
    await reload(lab, c)
    await until(lambda: "other.test" in asked, 20, "a ping")
    assert "xmpp.test" not in asked, asked


@case
async def reload_many_times(t):
    """Each changes a trunk's address, a rule and a limit, the next call
    proves all three, every tenth file is wrong, and calls stay up."""
    lab = await Lab(t).start()
    uas = [lab.ua, await another(t, "127.0.0.2")]
    up = [await lab.x2s(user=lab.new_user(), to="6%02d@sip.xmpp.test" % i)
          for i in range(5)]
    holds = None
    for n in range(40):
        ip = ("127.0.0.1", "127.0.0.2")[n % 2]
        c = conf(trunk_pbx={"uri": "sip:%s:5060" % ip,
                            "accept_from": "127.0.0.1, 127.0.0.2",
                            "addressing": "trunk"},
                 route={"a": "from * to 7%02d* via pbx as 8%02d" % (n, n),
                        "b": "from * to 6* via pbx"},
                 limits={"calls_per_jid": 1 + n % 3})
        if n % 10 == 9:
            await reload(lab, text=config_text(c) + "[limits]\n", ok=False)
        else:
            await reload(lab, c)
            holds = (n, uas[n % 2], 1 + n % 3)
        n, lab.ua, most = holds
        user = lab.new_user()
        fs = []
        for i in range(most):
            f = await lab.x2s(user=user, to="7%02d%d@sip.xmpp.test" % (n, i))
            assert f.sip.ua is lab.ua, n
            assert "8%02d@" % n in f.sip.req.get("From"), f.sip.req
            fs.append(f)
        sid = user.propose("7%02d9@sip.xmpp.test" % n)
        await user.get_jmi("reject", sid=sid)
        for f in fs:
            await lab.hang_up(f)
    calls = json.loads(lab.stoxd.ctl("--json", "calls"))
    assert len(calls) == 5, calls
    for f in up:
        f.user.terminate(f.gw, f.sid)
        await f.sip.wait("BYE")
