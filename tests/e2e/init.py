"""What "stoxd init" writes, put into a real server as its last words say: the
component comes up, and with Kamailio calls pass both ways."""
import json
import os
import re
import shutil

from peers.init import gateway, init, read, value
from peers.jingleuser import User
from peers.kamailio import CONFIG, Kamailio
from peers.proc import until
from peers.runner import add, case
from peers.sipmsg import Msg, make_sdp
from peers.site import make_server
from peers.sipua import Ua, token
from peers.xmppserver import Server

HERE = ("127.0.0.1", "--component", "sip.xmpp.test", "--address",
        "127.0.0.1")


def include(server, name, snippet):
    """Into the server's own configuration, in place of the component that
    the tests have there."""
    path = server.init_conf
    text = read(path)
    if name == "prosody":
        cut = text.index('Component "sip.xmpp.test"')
        text = text[:cut] + 'Include "%s"\n' % snippet
    else:
        text = re.sub(r"  - port: 5347\n(    .*\n)+", "", text)
        text += "include_config_file:\n  %s:\n    allow_only: [listen]\n" \
            % snippet
    with open(path, "w") as f:
        f.write(text)


async def comes_up(t, name):
    out = t.path("out")
    r = init(out, name, "asterisk", *HERE, domain="xmpp.test")
    assert r.returncode == 0, r
    server = make_server(t, name)
    server.init_conf = t.path({"prosody": "prosody.cfg.lua",
                               "ejabberd": "ejabberd.yml"}[name])
    snippet = t.path({"prosody": "prosody-stoxd.cfg.lua",
                      "ejabberd": "ejabberd-stoxd.yml"}[name])
    shutil.copy(os.path.join(out, os.path.basename(snippet)), snippet)
    include(server, name, snippet)
    t.later(server.stop)
    await server.run()
    d = gateway(t, read(out, "stoxd.conf"))
    t.later(d.stop)
    await d.run()
    await until(lambda: "connected to 127.0.0.1:5347" in d.text(), 20,
                "component: %s" % d.text())
    rows = {r["probe"]: r for r in json.loads(d.ctl("--json", "doctor"))}
    for probe in ("component", "from", "domain"):
        assert rows[probe]["state"] == "ok", rows[probe]


for _name in ("prosody", "ejabberd"):
    add("init_comes_up_" + _name, comes_up, _name, timeout=90)


def kamailio(t, snippet):
    """With routes as the snippet's first lines say; nobody else is asked for
    a password here."""
    k = Kamailio(t.dir)
    text = CONFIG[:CONFIG.index("        $var(pw) = $tU")] \
        + '        save("location"); exit;\n    }\n' \
        + "    route(STOXD_IN);\n    route(STOXD_OUT);\n" \
        + '    if (!lookup("location")) {\n' \
        + '        sl_send_reply("480", "Not here"); exit;\n    }\n' \
        + '    t_relay();\n}\ninclude_file "%s"\n' % snippet
    with open(t.path("kamailio.cfg"), "w") as f:
        f.write(text)
    return k


@case(timeout=90)
async def init_calls_by_kamailio(t):
    t.need("kamailio")
    out = t.path("out")
    r = init(out, "prosody", "kamailio", *HERE, domain="xmpp.test")
    assert r.returncode == 0, r
    k = kamailio(t, os.path.join(out, "kamailio-stoxd.cfg"))
    t.later(k.stop)
    await k.run()
    conf = read(out, "stoxd.conf")
    server = await Server(secret=value(conf, "secret")).start()
    t.later(server.stop)
    phone = await Ua(port=5062, peer=("127.0.0.1", 5060), user="600").start()
    t.later(phone.close)
    d = gateway(t, conf, "[media]\naddress = 127.0.1.1\n"
                         "[users]\nalice@xmpp.test = 2001\n")
    t.later(d.stop)
    await d.run()
    await until(server.up.is_set, 20, "component")

    m = await phone.request("REGISTER", "sip:127.0.0.1", raw=Msg(
        "REGISTER sip:127.0.0.1 SIP/2.0", [
            ("Via", phone.via()), ("Max-Forwards", "70"),
            ("From", "<sip:600@127.0.0.1>;tag=r"),
            ("To", "<sip:600@127.0.0.1>"), ("Call-ID", token("r")),
            ("CSeq", "1 REGISTER"), ("Contact", phone.contact()),
            ("Expires", "60")]))
    assert m.code == 200, m

    sdp = make_sdp("127.0.0.1", 30000, codecs=((0, "PCMU/8000"),))
    alice = User(server)
    sid = alice.propose("600@sip.xmpp.test")
    call = await phone.get_call()
    call.reply(180)
    await alice.get_jmi("ringing", sid=sid)
    call.reply(200, sdp)
    await call.wait("ACK")
    gw = (await alice.get_jmi("proceed", sid=sid)).sender
    alice.initiate(gw, sid)
    await alice.get_jingle("session-accept", sid=sid)
    await call.hang_up()
    await alice.get_jingle("session-terminate", sid=sid)

    for to in ("sip:alice@sip.xmpp.test", "sip:82001@127.0.0.1"):
        call = await phone.call(to, sdp)
        p = await alice.get_jmi("propose")
        alice.jmi("ringing", p.sender, p.id)
        await call.wait(180)
        alice.jmi("proceed", p.sender, p.id)
        init_ = await alice.get_jingle("session-initiate", sid=p.id)
        await alice.answer_to(alice.accept(init_))
        ok = await call.wait("2xx", method="INVITE")
        assert ok.code == 200, ok
        call.ack()
        await call.hang_up()
        await alice.get_jingle("session-terminate", sid=p.id)
