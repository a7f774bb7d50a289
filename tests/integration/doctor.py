"""stoxctl doctor: each probe with all well, and failing by a fault that is
made here; what it says to do."""
import asyncio
import datetime
import json
import os
import shutil
import subprocess
import time

from peers.certs import Authority
from peers.daemon import BUILD
from peers.dns import Dns
from peers.lab import Lab
from peers.registrar import Registrar
from peers.proc import until
from peers.runner import add, case
from peers.sipmsg import make_sdp
from peers.stunserver import StunServer
from peers.xmppserver import find

DOMAIN, USERS = "sip.xmpp.test", "xmpp.test"
PCMU = ((0, "PCMU/8000"),)
HOUR = 3600


def utc(off=0):
    return datetime.datetime.utcfromtimestamp(time.time() + off)


def routes(server, off=0, loop=True, users="time"):
    """A server that routes: the component's own domain to the component, and
    answers for its users' domain."""
    def answer(iq):
        if iq.get("to") == DOMAIN:
            if loop is True:
                server.send(iq)
            elif loop and iq.get("type") == "get":
                server.error(iq, loop)
            return True
        if iq.get("to") != USERS or find(iq, "time") is None:
            return False
        if users == "time":
            server.result(iq, "<time xmlns='urn:xmpp:time'><tzo>Z</tzo>"
                              "<utc>%sZ</utc></time>"
                          % utc(off).isoformat()[:19])
        elif users:
            server.error(iq, users)
        return True
    server.answers.append(answer)


def phone(ua, code=200, codecs=PCMU, off=0):
    """How OPTIONS are answered."""
    ua.auto = dict(ua.auto, OPTIONS=None)
    was = ua._request

    def request(m):
        if m.method != "OPTIONS":
            was(m)
            return
        if code:
            ua.reply(m, code, make_sdp("127.0.0.1", 30000, codecs=codecs)
                     if code == 200 and codecs else "",
                     [("Date", utc(off).strftime(
                         "%a, %d %b %Y %H:%M:%S GMT"))])
    ua._request = request


async def look(lab):
    """{(probe, subject): row}"""
    argv = [BUILD + "/stoxctl", "-s", lab.stoxd.dir + "/stoxd.sock",
            "--json", "doctor"]
    p = await asyncio.create_subprocess_exec(
        *argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await asyncio.wait_for(p.communicate(), 20)
    rows = json.loads(out)
    assert p.returncode == any(r["state"] == "failed" for r in rows), \
        (p.returncode, out, err)
    for r in rows:
        assert r["seen"], r
        assert bool(r["remedy"]) == (r["state"] != "ok"), r
        assert r["state"] in ("ok", "warning", "failed"), r
    return rows


async def one(lab, probe, subject=None):
    rows = [r for r in await look(lab) if r["probe"] == probe
            and (subject is None or r["subject"] == subject)]
    assert rows, "no probe " + probe
    return rows[0]


def failed(row, seen, remedy, state="failed"):
    assert row["state"] == state, row
    assert seen in row["seen"], row
    assert remedy in row["remedy"], row


async def start(t, changes=None, **kw):
    lab = Lab(t)
    await lab.start(changes, **kw)
    return lab


@case
async def doctor_finds_nothing(t):
    """All is well, and a call goes on meanwhile."""
    ca = Authority(t.dir)
    cert, key = ca.issue("gw", "DNS:gw.test")
    stun = await StunServer(other=True, users={"gw": "pw"}).start()
    t.later(stun.stop)
    lab = await start(t, {
        "media": {"address": "127.0.0.1", "stun": "127.0.0.1:3478",
                  "turn": "gw:pw@127.0.0.1:3478"},
        "sip": {"certificate": cert, "key": key},
        "store": {"path": "stoxd.db"}})
    routes(lab.server)
    phone(lab.ua)
    f = await lab.x2s()
    rows = await look(lab)
    bad = [r for r in rows if r["state"] != "ok"
           and r["probe"] not in ("disk", "certificate")]
    assert not bad, bad
    got = {r["probe"] for r in rows}
    assert got == {"component", "from", "domain", "clock", "options",
                   "codecs", "dns", "ports", "turn", "room", "address",
                   "certificate", "disk"}, got
    ports = sorted(a[1] for k, a in stun.seen if k == 1)
    assert ports[0] < 11000 and ports[-1] > 19000, ports
    assert stun.allocated
    for r in rows:
        if r["probe"] == "ports":
            assert "others reach it" in r["seen"], r
    text = await asyncio.to_thread(lab.stoxd.ctl, "doctor")
    text = await asyncio.to_thread(lab.stoxd.ctl, "doctor")
    assert " 0 failed" in text and "options" in text, text
    await lab.hang_up(f)


async def refused(t, cond, remedy):
    """What the server says of the handshake, and what to do about it."""
    lab = await start(t, server=False)
    lab.server.refuse = cond
    await lab.server.start()
    t.later(lab.server.stop)
    await until(lambda: cond in lab.stoxd.text(), 20, cond)
    failed(await one(lab, "component", DOMAIN), cond, remedy)


for _cond, _remedy in (("conflict", "kick_old"),
                       ("host-unknown", "component_secret"),
                       ("not-authorized", "component_secret")):
    add("doctor_component_" + _cond, refused, _cond, _remedy)


@case
async def doctor_component_server_down(t):
    lab = await start(t, server=False)
    row = await one(lab, "component", DOMAIN)
    failed(row, "", "Start the XMPP server")


@case
async def doctor_from(t):
    """The server routes our own domain elsewhere, or nowhere."""
    lab = await start(t)
    routes(lab.server, loop="item-not-found")
    failed(await one(lab, "from", DOMAIN), "item-not-found", "alone")
    del lab.server.answers[:]
    routes(lab.server, loop=None)
    failed(await one(lab, "from", DOMAIN), "no answer within 5 s",
           "does not route")


@case
async def doctor_domain(t):
    lab = await start(t)
    routes(lab.server, users="remote-server-not-found")
    failed(await one(lab, "domain", USERS), "remote-server-not-found",
           "[xmpp] domains")
    del lab.server.answers[:]
    routes(lab.server, users="not-allowed")
    failed(await one(lab, "domain", USERS), "not-allowed", "[xmpp] domains")
    del lab.server.answers[:]
    routes(lab.server, users="service-unavailable")
    assert (await one(lab, "domain", USERS))["state"] == "ok"
    del lab.server.answers[:]
    routes(lab.server, users=None)
    failed(await one(lab, "domain", USERS), "no answer", "log")


@case
async def doctor_clock(t):
    """By the server's X0202, by the Date of SIP answers."""
    lab = await start(t)
    routes(lab.server, off=-HOUR)
    phone(lab.ua, off=60)
    rows = {r["subject"]: r for r in await look(lab)
            if r["probe"] == "clock"}
    failed(rows[USERS], "s behind ours", "time service")
    failed(rows["pbx"], "s ahead of ours", "time service", "warning")


@case
async def doctor_dns(t):
    """A name that leads nowhere; one that leads somewhere."""
    Dns.configure(t)
    dns = Dns({("_sip._udp.pbx.test", "SRV"): [(1, 1, 5060, "a.pbx.test")],
               ("a.pbx.test", "A"): ["127.0.0.1"]})
    await dns.start()
    lab = await start(t, {"trunk pbx": {"uri": "sip:nowhere.test"}})
    routes(lab.server)
    await asyncio.sleep(0.5)
    failed(await one(lab, "dns", "pbx"), "sip:nowhere.test", "SRV")
    await lab.stoxd.stop()
    await lab.server.stop()
    await lab.ua.close()
    lab = await start(t, {"trunk pbx": {"uri": "sip:pbx.test"}})
    routes(lab.server)
    await asyncio.sleep(0.5)
    row = await one(lab, "dns", "pbx")
    assert row["state"] == "ok" and "127.0.0.1:5060 UDP" in row["seen"], row


@case
async def doctor_options(t):
    lab = await start(t)
    routes(lab.server)
    for code, state, seen, remedy in (
            (503, "failed", "503", "out of service"),
            (403, "warning", "403", "does not know us"),
            (None, "failed", "no answer within 5 s", "firewall")):
        phone(lab.ua, code)
        failed(await one(lab, "options"), seen, remedy, state)
        del lab.ua._request
    phone(lab.ua, None)
    work = asyncio.ensure_future(look(lab))     # takes its 5 s
    await asyncio.sleep(1)
    assert await asyncio.to_thread(lab.stoxd.ctl, "doctor") == "", "two"
    await work
    del lab.ua._request
    phone(lab.ua, 404)
    assert (await one(lab, "options"))["state"] == "ok"


@case
async def doctor_options_nobody_there(t):
    lab = await start(t, ua=False)
    routes(lab.server)
    failed(await one(lab, "options"), "", "Start the PBX")


@case
async def doctor_register(t):
    reg = await Registrar({"gw": "another"}).start()
    t.later(reg.close)
    lab = await start(t, {"trunk pbx": {
        "uri": "sip:127.0.0.3:5060", "register": "yes"}})
    routes(lab.server)
    await asyncio.sleep(0.5)
    failed(await one(lab, "register", "pbx"), "40", "username, password")
    await lab.stoxd.stop()
    await lab.server.stop()
    await lab.ua.close()
    reg.users["gw"] = "gwpass"
    lab = await start(t, {"trunk pbx": {
        "uri": "sip:127.0.0.3:5060", "register": "yes"}})
    routes(lab.server)
    await asyncio.sleep(0.5)
    row = await one(lab, "register", "pbx")
    assert row["state"] == "ok" and "as gw" in row["seen"], row


@case
async def doctor_codecs(t):
    lab = await start(t)
    routes(lab.server)
    phone(lab.ua, codecs=((18, "G729/8000"),))
    failed(await one(lab, "codecs", "pbx"), "none in common; there: G729",
           "PCMU")
    del lab.ua._request
    phone(lab.ua, codecs=())
    row = await one(lab, "codecs", "pbx")
    assert row["state"] == "ok" and "names none" in row["seen"], row


@case
async def doctor_ports(t):
    """Another address outside than ours, a firewall, a server that is not
    there."""
    stun = await StunServer(mapped="203.0.113.9").start()
    t.later(stun.stop)
    media = {"address": "127.0.0.1", "stun": "127.0.0.1:3478"}
    lab = await start(t, {"media": media})
    routes(lab.server)
    failed(await one(lab, "ports"), "outside sees 203.0.113.9",
           "public_address", "warning")
    stun.mapped, stun.other, stun.deaf = None, True, True
    failed(await one(lab, "ports"), "only who was sent to",
           "firewall", "warning")
    stun.silent = True
    failed(await one(lab, "ports"), "", "[media] stun")
    await lab.stoxd.stop()
    await lab.server.stop()
    await lab.ua.close()
    stun.silent, stun.deaf = False, False
    lab = await start(t, {"media": dict(media,
                                        public_address="203.0.113.1")})
    routes(lab.server)
    failed(await one(lab, "ports"), "public_address says 203.0.113.1",
           "what the server sees")


@case
async def doctor_turn(t):
    stun = await StunServer(users={"gw": "other"}).start()
    t.later(stun.stop)
    lab = await start(t, {"media": {"address": "127.0.0.1",
                                    "turn": "gw:pw@127.0.0.1:3478"}})
    routes(lab.server)
    failed(await one(lab, "turn"), "401 Unauthorized", "[media] turn")
    stun.silent = True
    failed(await one(lab, "turn"), "", "[media] turn")
    await lab.stoxd.stop()
    await lab.server.stop()
    await lab.ua.close()
    lab = await start(t, {"media": {
        "address": "127.0.0.1",
        "turn": "gw:pw@127.0.0.1:3479;transport=tcp"}})
    routes(lab.server)
    failed(await one(lab, "turn"), "by TCP", "[media] turn")


@case
async def doctor_room(t):
    lab = await start(t, {"limits": {"calls": 100000}})
    routes(lab.server)
    failed(await one(lab, "room"), "not 100000", "LimitNOFILE")


@case
async def doctor_address(t):
    """It was there when the gateway started."""
    ip = ["ip", "addr", "add", "192.0.2.77/32", "dev", "lab0"]
    subprocess.run(ip, check=True)
    lab = await start(t, {"media": {"address": "192.0.2.77"}})
    routes(lab.server)
    ip[2] = "del"
    subprocess.run(ip, check=True)
    failed(await one(lab, "address", "192.0.2.77"), "cannot have it",
           "public_address")


def expired(t, days):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(
        x509.oid.NameOID.COMMON_NAME, "gw.test")])
    now = datetime.datetime.utcnow()
    cert = x509.CertificateBuilder().subject_name(name).issuer_name(name) \
        .public_key(key.public_key()).serial_number(7) \
        .not_valid_before(now - datetime.timedelta(days=90)) \
        .not_valid_after(now + datetime.timedelta(days=days, hours=1)) \
        .sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    with open(t.path("cert.pem"), "wb") as f:
        f.write(cert.public_bytes(pem))
    with open(t.path("key.pem"), "wb") as f:
        f.write(key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
    return {"certificate": "cert.pem", "key": "key.pem"}


@case
async def doctor_certificate(t):
    lab = await start(t, {"sip": expired(t, -3)})
    routes(lab.server)
    failed(await one(lab, "certificate", "[sip]"), "ended", "Renew")
    expired(t, 10)
    failed(await one(lab, "certificate", "[sip]"), "10 days", "Renew",
           "warning")
    with open(t.path("cert.pem"), "w") as f:
        f.write("no certificate\n")
    failed(await one(lab, "certificate", "[sip]"), "cannot be read", "PEM")


@case(timeout=90)
async def doctor_certificates_that_hang(t):
    """Files that do not answer: it says so, nobody else waits, and more of
    them than are looked at together have their turn."""
    changes = {"sip": expired(t, 30)}
    for i in range(40):
        name = "c%02d.pem" % i
        shutil.copy(t.path("cert.pem"), t.path(name))
        changes["trunk t%02d" % i] = {
            "uri": "sip:127.0.0.1:5061;transport=tls", "tls_cert": name,
            "tls_key": "key.pem"}
    lab = await start(t, changes)
    routes(lab.server)
    rows = [r for r in await look(lab) if r["probe"] == "certificate"]
    assert len(rows) == 41 and {r["state"] for r in rows} == {"ok"}, rows
    os.unlink(t.path("c07.pem"))
    os.mkfifo(t.path("c07.pem"))
    task = asyncio.ensure_future(look(lab))
    await asyncio.sleep(1)
    began = time.monotonic()
    text = await asyncio.to_thread(lab.stoxd.ctl, "status")
    assert "xmpp" in text and time.monotonic() - began < 3, text
    assert not task.done()
    rows = {r["subject"]: r for r in await task
            if r["probe"] == "certificate"}
    failed(rows.pop("t07"), "no answer within 5 s", "disk")
    assert {r["state"] for r in rows.values()} == {"ok"}, rows


@case
async def doctor_disk(t):
    lab = await start(t, {"store": {"path": "missing/stoxd.db"}})
    routes(lab.server)
    failed(await one(lab, "disk", "store"), "No such file",
           "Make the directory")


@case(timeout=40)
async def doctor_of_a_disk_that_hangs(t):
    """It says so, and nobody else waits for the disk: not who asks for the
    status, not a call."""
    t.need("cc")
    lib = t.path("slow.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", lib, "-xc", "-"],
                   input=b"#include <unistd.h>\nstruct statvfs; "
                   b"int statvfs(const char *p, struct statvfs *s) "
                   b"{ (void)p; (void)s; sleep(30); return -1; }", check=True)
    lab = await start(t, {"store": {"path": "stoxd.db"}},
                      env={"LD_PRELOAD": lib})
    routes(lab.server)
    phone(lab.ua)
    row = asyncio.ensure_future(one(lab, "disk", "store"))
    for _ in range(3):
        await asyncio.sleep(0.5)
        at = time.monotonic()
        text = await asyncio.to_thread(lab.stoxd.ctl, "status")
        assert "xmpp" in text and time.monotonic() - at < 3, text
    await lab.hang_up(await lab.x2s())
    failed(await row, "no answer within 5 s", "Look at that disk")


@case
async def doctor_ends_with_1_when_something_failed(t):
    lab = await start(t, {"store": {"path": "missing/stoxd.db"}})
    routes(lab.server)
    phone(lab.ua)
    for more in ([], ["--json"]):
        p = await asyncio.create_subprocess_exec(
            BUILD + "/stoxctl", "-s", lab.stoxd.dir + "/stoxd.sock", *more,
            "doctor", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = await asyncio.wait_for(p.communicate(), 20)
        assert p.returncode == 1 and b"failed" in out and not err, (out, err)


@case
async def doctor_file(t):
    """There is room, and what is there is not what is wanted."""
    for name in ("stoxd.db", "calls.db"):
        with open(t.path(name), "w") as f:
            f.write("not a database " * 100)
    lab = await start(t, {"store": {"path": "stoxd.db"},
                          "records": {"sqlite": "calls.db"}})
    routes(lab.server)
    failed(await one(lab, "disk", "store"), "could not be opened", "Move")
    await until(lambda: "records: sqlite:" in lab.stoxd.text(), 20,
                "trouble with records")
    failed(await one(lab, "disk", "records"), "not a database", "Move")
