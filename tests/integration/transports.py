"""TLS with verification, IPv6, several trunks: signalling only."""
import asyncio
import time

from peers import certs
from peers.dns import Dns
from peers.lab import GW, Lab
from peers.runner import case
from peers.sipmsg import Sdp
from peers.sipua import Ua

ROUTES = {"one": "from *@xmpp.test to 6* via pbx",
          "two": "from *@xmpp.test to 7* via two"}
TLS_DIAL = "sip:%s@127.0.0.1:5071;transport=tls"


def tls_site(t, phone_ca=None, san="DNS:pbx.test"):
    """(configuration, Ua options): one CA trusted by the gateway; the
    telephone's certificate is of phone_ca, or of that same one."""
    ca = certs.Authority(t.dir)
    own = ca.issue("gateway", "DNS:gw.test,IP:127.0.0.1")
    pbx = (phone_ca or ca).issue("pbx", san)
    return {
        "sip": {"listen": "udp:127.0.0.1:5070, tls:127.0.0.1:5071",
                "certificate": own[0], "key": own[1]},
        "trunk pbx": {"uri": "sip:127.0.0.1:5060;transport=tls",
                      "tls_ca": ca.pem, "tls_name": "pbx.test"},
    }, {"proto": "tls", "peer": ("127.0.0.1", 5071),
        "tls": (certs.server_context(*pbx), certs.client_context(ca.pem))}


@case
async def tls_both_ways(t):
    conf, phone = tls_site(t)
    lab = Lab(t)
    lab.dial = TLS_DIAL
    await lab.start(conf, **phone)
    f = await lab.x2s()
    s = Sdp(f.sip.req.body)
    assert "transport=tls" in f.sip.req.get("Contact").lower() \
        or f.sip.req.get("Via").startswith("SIP/2.0/TLS")
    # OSRTP is the default on such a trunk (RFC 8643)
    assert s.audio.proto == "RTP/AVP" and s.audio.attr("crypto"), s.text
    await lab.hang_up(f)
    f = await lab.s2x()
    await lab.hang_up(f)


async def _refused(t, conf, phone):
    lab = await Lab(t).start(conf, **phone)
    sid = lab.alice.propose(GW)
    m = await lab.alice.get_jmi("reject", 15, sid)
    assert m.reason, "no reason"
    assert lab.ua.incoming.empty(), "the INVITE went out all the same"


@case
async def tls_other_ca_is_refused(t):
    await _refused(t, *tls_site(t, certs.Authority(t.dir, "other")))


@case
async def tls_other_name_is_refused(t):
    await _refused(t, *tls_site(t, san="DNS:elsewhere.test"))


@case
async def tls_two_trunks_two_authorities(t):
    """Each trunk's certificate is good for that trunk alone."""
    a, b = (certs.Authority(t.dir, n) for n in "ab")
    good = {"a": a.issue("pbx", "DNS:pbx.test"),
            "b": b.issue("pbx", "DNS:pbx.test")}
    own = a.issue("gateway", "IP:127.0.0.1")
    conf = {
        "sip": {"listen": "udp:127.0.0.1:5070, tls:127.0.0.1:5071",
                "certificate": own[0], "key": own[1]},
        "trunk pbx": {"uri": "sip:127.0.0.1:5060;transport=tls",
                      "tls_ca": a.pem, "tls_name": "pbx.test",
                      "addressing": "trunk"},
        "trunk two": {"uri": "sip:127.0.0.2:5060;transport=tls",
                      "tls_ca": b.pem, "tls_name": "pbx.test",
                      "accept_from": "127.0.0.2", "addressing": "trunk"},
        "route": ROUTES,
    }
    first = certs.server_context(*good["a"])
    lab = await Lab(t).start(conf, proto="tls", peer=("127.0.0.1", 5071),
                             tls=(first, certs.client_context(a.pem)))
    second = certs.server_context(*good["b"])
    other = await Ua(ip="127.0.0.2", proto="tls", peer=("127.0.0.1", 5071),
                     tls=(second, certs.client_context(a.pem))).start()
    t.later(other.close)
    u = lab.alice
    u.propose(GW)
    c = await lab.ua.get_call()
    c.reply(486)
    u.propose("700@sip.xmpp.test")
    c = await other.get_call()
    c.reply(486)
    # swapped: the connections are cut, the next handshakes must fail
    first.load_cert_chain(*good["b"])
    second.load_cert_chain(*good["a"])
    for ua in (lab.ua, other):
        for w in ua._conn.values():
            w.close()
        ua._conn.clear()
    await asyncio.sleep(0.3)    # a request into a closing connection is lost
    for to, ua in ((GW, lab.ua), ("700@sip.xmpp.test", other)):
        sid = u.propose(to)
        await u.get_jmi("reject", 15, sid)
        assert ua.incoming.empty(), to


@case
async def ipv6_both_ways(t):
    conf = {"sip": {"listen": "udp:[::1]:5070"},
            "trunk pbx": {"uri": "sip:[::1]:5060", "accept_from": "::1",
                          "media_from": "fd00:1ab::/64"},
            "media": {"address": "fd00:1ab::1, 127.0.1.1"}}
    lab = Lab(t)
    lab.media_ip, lab.dial = "fd00:1ab::1", "sip:%s@[::1]:5070"
    await lab.start(conf, ip="::1", peer=("::1", 5070))
    f = await lab.x2s()
    s = Sdp(f.sip.req.body)
    assert s.audio.addr == "fd00:1ab::1", s.text
    await lab.hang_up(f)
    f = await lab.s2x()
    ips = [c.get("ip") for c in f.init.transport()
           if c.tag.endswith("}candidate")]
    assert "fd00:1ab::1" in ips and "127.0.1.1" in ips, ips
    await lab.hang_up(f)


@case
async def next_target_when_first_is_silent(t):
    """Nobody at the first of two SRV targets: the second has the INVITE
    in 4 s."""
    Dns.configure(t)
    names = await Dns({
        ("_sip._udp.pbx.test", "SRV"): [(10, 0, 5060, "one.pbx.test"),
                                        (20, 0, 5060, "two.pbx.test")],
        ("one.pbx.test", "A"): ["127.0.0.3"],
        ("two.pbx.test", "A"): ["127.0.0.1"]}).start()
    t.later(names.close)
    # a socket that swallows: silence, and no ICMP
    import socket
    hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hole.bind(("127.0.0.3", 5060))
    t.later(hole.close)
    lab = await Lab(t).start({"trunk pbx": {
        "uri": "sip:pbx.test", "accept_from": "127.0.0.1"}})
    await asyncio.sleep(0.5)
    lab.alice.propose(GW)
    c = await lab.ua.get_call(4)
    c.reply(486)
    assert ("_sip._udp.pbx.test", "SRV") in names.asked, names.asked


@case
async def two_trunks_by_route(t):
    lab = await Lab(t).start({
        "trunk pbx": {"addressing": "trunk"},
        "trunk two": {"uri": "sip:127.0.0.2:5060", "accept_from":
                      "127.0.0.2", "addressing": "trunk"},
        "route": ROUTES})
    other = await Ua(ip="127.0.0.2").start()
    t.later(other.close)
    lab.alice.propose("700@sip.xmpp.test")
    c = await other.get_call()
    assert c.req.uri.startswith("sip:700@127.0.0.2"), c.req.uri
    c.reply(486)
    sid = lab.alice.propose("900@sip.xmpp.test")
    m = await lab.server.wait(
        lambda e: e.get("type") == "error"
        or any(sid == x.get("id") and x.tag.endswith("}reject") for x in e))
    assert m.get("to") == lab.alice.jid


@case(waits=21)
async def silent_trunk(t):
    """The caller is told before clients give up by themselves (Monal, 30
    s); a telephone that wakes up later is cancelled."""
    lab = await Lab(t).start()
    lab.ua.auto_trying = False
    since = time.monotonic()
    f = await lab.x2s("invited")
    m = await lab.alice.get_jmi("reject", 28, f.sid)
    assert m.reason == "timeout" and m.text, (m.reason, m.text)
    assert 15 < time.monotonic() - since < 25, time.monotonic() - since
    f.sip.reply(180)
    await f.sip.wait("CANCEL")
    f.sip.reply(487)
    await f.sip.wait("ACK")


@case(waits=28)
async def trunk_is_asked_before_a_nat_forgets(t):
    """UDP bindings live for 30 s: OPTIONS comes within 25 s and a bit."""
    lab = await Lab(t).start()
    await asyncio.sleep(27)
    at = [when for when, way, m in lab.ua.history
          if way == "<" and m.method == "OPTIONS"]
    assert len(at) >= 2 and at[1] - at[0] < 26, at
