"""stoxd init: what it writes, what it refuses, what it asks."""
import asyncio
import os
import pty
import re
import stat
import subprocess
import xml.etree.ElementTree as ET

from peers.init import PBXES, SERVERS, STOXD, init, read, value
from peers.runner import add, case, has_other_users

FILES = {"prosody": ["prosody-stoxd.cfg.lua"],
         "ejabberd": ["ejabberd-stoxd.yml"],
         "mongooseim": ["mongooseim-stoxd.toml"],
         "asterisk": ["extensions-stoxd.conf", "pjsip-stoxd.conf"],
         "freeswitch": ["freeswitch-default.xml", "freeswitch-gateway.xml",
                        "freeswitch-public.xml"],
         "kamailio": ["kamailio-stoxd.cfg"], "trunk": []}


def check(path):
    return subprocess.run([STOXD, "--check", "-c", path], text=True,
                          capture_output=True, timeout=20)


async def pair(t, server, pbx, here):
    """The files, their modes and secrets; the first passes --check."""
    out = t.path("out")
    r = init(out, server, pbx, "127.0.0.1" if here else "192.0.2.20")
    assert r.returncode == 0 and not r.stderr, r
    want = sorted(["stoxd.conf"] + FILES[server] + FILES[pbx])
    assert sorted(os.listdir(out)) == want, os.listdir(out)
    texts = {}
    for name in want:
        path = os.path.join(out, name)
        mode = stat.S_IMODE(os.stat(path).st_mode)
        assert mode == 0o640, (name, oct(mode))
        assert path in r.stdout, (path, r.stdout)
        texts[name] = read(path)
        assert not re.search(r"@[A-Z]+@", texts[name]), texts[name]
        if name.endswith(".xml"):
            ET.fromstring(texts[name])
    conf = texts["stoxd.conf"]
    c = check(os.path.join(out, "stoxd.conf"))
    assert c.returncode == 0 and not c.stderr, c.stderr
    assert "# note" not in c.stdout, c.stdout
    secret = value(conf, "secret")
    assert re.fullmatch("[0-9a-f]{32}", secret), secret
    assert secret in texts[FILES[server][0]]
    assert secret not in r.stdout
    assert '"sip.example.com"' in texts[FILES[server][0]] \
        or server == "mongooseim", texts[FILES[server][0]]
    port = 5070 if here else 5060
    if pbx == "asterisk":
        password = value(conf, "password")
        assert "password=" + password in texts["pjsip-stoxd.conf"]
        assert password != secret and password not in r.stdout
    if FILES[pbx]:
        assert any(":%d" % port in texts[n] for n in FILES[pbx]), texts
    assert ("listen = udp:127.0.0.1:5070" in conf) == here, conf
    # Only what differs from the defaults.
    assert ("server = " in conf) == (server == "mongooseim"), conf


for _s in SERVERS:
    for _p in PBXES:
        add("init_%s_%s" % (_s, _p), pair, _s, _p, _p == "kamailio")


@case
async def init_replaces_nothing_unless_forced(t):
    out = t.path("out")
    os.mkdir(out, 0o750)
    group = os.stat(out).st_gid
    if has_other_users():   # as the installation leaves it: the gateway's
        group = 12345
        os.chown(out, -1, group)
    assert init(out).returncode == 0
    for n in os.listdir(out):
        st = os.stat(os.path.join(out, n))
        assert (st.st_gid, st.st_mode & 0o777) == (group, 0o640), (n, st)
    before = {n: read(out, n) for n in os.listdir(out)}
    os.remove(os.path.join(out, "pjsip-stoxd.conf"))
    r = init(out)
    assert r.returncode == 1 and "--force" in r.stderr, r
    assert os.path.join(out, "stoxd.conf") + " exists" in r.stderr, r
    assert read(out, "stoxd.conf") == before["stoxd.conf"]
    assert sorted(os.listdir(out)) == sorted(
        set(before) - {"pjsip-stoxd.conf"}), os.listdir(out)
    r = init(out, "prosody", "asterisk", "192.0.2.20", "--force")
    assert r.returncode == 0, r
    assert set(os.listdir(out)) == set(before), os.listdir(out)
    assert value(read(out, "stoxd.conf"), "secret") \
        != value(before["stoxd.conf"], "secret")
    # What lies behind a link is nobody's to replace.
    os.remove(os.path.join(out, "stoxd.conf"))
    with open(t.path("precious"), "w") as f:
        f.write("mine")
    os.symlink(t.path("precious"), os.path.join(out, "stoxd.conf"))
    assert init(out).returncode == 1
    assert init(out, "prosody", "asterisk", "192.0.2.20",
                "--force").returncode == 0
    assert read(t.path("precious")) == "mine"


@case
async def init_names_the_same_port_on_both_sides(t):
    """Also where the address has none, which each server hears at its own."""
    for server, address, want in (
            ("mongooseim", "192.0.2.9", "192.0.2.9:8888"),
            ("mongooseim", "2001:db8::9", "[2001:db8::9]:8888"),
            ("ejabberd", "[2001:db8::9]", "[2001:db8::9]:5347"),
            ("prosody", "xmpp.example.com:5300", "xmpp.example.com:5300")):
        out = t.path(server + str(len(address)))
        r = init(out, server, "kamailio", "192.0.2.20", "--server-address",
                 address)
        assert r.returncode == 0, (address, r)
        assert value(read(out, "stoxd.conf"), "server") == want, want
        if server != "prosody":
            text = read(out, FILES[server][0])
            port = want.rpartition(":")[2]
            assert re.search(r"\bport( =|:) %s\n" % port, text), text


@case
async def init_lets_nobody_dial_more_than_a_user(t):
    """What is dialled cannot name a second place, nor a command."""
    out = t.path("asterisk")
    assert init(out, "prosody", "asterisk").returncode == 0
    text = read(out, "extensions-stoxd.conf")
    dials = re.findall(r"Dial\((.*)\)\n", text)
    assert len(dials) == 2, text
    for d in dials:
        assert re.fullmatch(
            r"PJSIP/\$\{FILTER\([a-z0-9._\\-]+,\$\{EXTEN(:1)?\}\)\}"
            r"@stoxd,60", d), d
    out = t.path("freeswitch")
    assert init(out, "prosody", "freeswitch").returncode == 0
    # it tells who calls, and is told
    assert "\ntrusted = yes\n" in read(out, "stoxd.conf")
    e = ET.fromstring(read(out, "freeswitch-default.xml")).find(
        ".//condition").get("expression")
    for dialled, to in (("82001", "2001"), ("alice", "alice"),
                        ("bob.b-2_x", "bob.b-2_x")):
        m = re.search(e, dialled)
        assert (m[1] or "") + (m[2] or "") == to, (e, dialled)
    for dialled in ("a,sofia/gateway/provider/00123", "a${system(id)}",
                    "a|b", "a b", "a@b", "8", ""):
        assert not re.search(e, dialled), (e, dialled)


@case
async def init_writes_all_or_nothing(t):
    out = t.path("out")
    os.makedirs(os.path.join(out, "pjsip-stoxd.conf.new", "x"))
    r = init(out)
    assert r.returncode == 1 and "pjsip-stoxd.conf.new" in r.stderr, r
    assert os.listdir(out) == ["pjsip-stoxd.conf.new"], os.listdir(out)


@case
async def init_refuses_what_would_break_files(t):
    """Each answer stands in files of several languages."""
    out = t.path("out")
    for bad in (("--domain", 'x" }; os.exit() --'), ("--domain", "a\nb"),
                ("--component", "sip.x/../y"), ("--component", "example.com"),
                ("--server-address", "127.0.0.1:99999"),
                ("--server", "openfire"), ("--pbx", "asterix"),
                ("--pbx-address", "192.0.2.20\n[limits]"),
                ("--pbx-address", "192.0.2.20;transport=sctp"),
                ("--pbx-address", "u@192.0.2.20"), ("--pbx-address", ""),
                ("--pbx-address", "192.0.2.20:70000"),
                ("--address", "gw.example.com"),
                ("--public-address", "192.0.2.256"),
                ("--phones", "192.0.2.0/24\nx = y")):
        r = init(out, "prosody", "kamailio", "192.0.2.20", *bad)
        assert r.returncode == 1 and r.stderr, (bad, r)
        assert not os.path.exists(out), bad
    r = subprocess.run([STOXD, "init", "--pbx", "trunk"], text=True,
                       capture_output=True, stdin=subprocess.DEVNULL)
    for o in ("--server", "--domain", "--pbx-address"):
        assert "init needs " + o in r.stderr, r.stderr
    assert r.returncode == 1
    r = subprocess.run([STOXD, "init", "--nonsense"], text=True,
                       capture_output=True, stdin=subprocess.DEVNULL)
    assert r.returncode == 2 and "usage: stoxd init" in r.stderr, r


@case
async def init_at_a_provider(t):
    """Log-in, NAT, TLS: what a provider needs; the password is not among
    the arguments, which every user of the machine can see."""
    with open(t.path("pw"), "w") as f:
        f.write("pass @DOMAIN@ %s\n")
    out = t.path("out")
    r = init(out, "prosody", "trunk", "sip.provider.example;transport=tls",
             "--username", "493012345", "--public-address", "203.0.113.9",
             "--address", "192.0.2.10", "--password-file", t.path("pw"))
    assert r.returncode == 0, r
    conf = read(out, "stoxd.conf")
    assert "uri = sip:sip.provider.example;transport=tls\n" in conf, conf
    assert "\nusername = 493012345\npassword = pass @DOMAIN@ %s\n" in conf
    assert "register = yes" in conf and "[trunk provider]" in conf, conf
    assert conf.count("public_address = 203.0.113.9") == 2, conf
    assert "pass" not in r.stdout, r.stdout
    c = check(os.path.join(out, "stoxd.conf"))
    assert c.returncode == 0 and not c.stderr, c


@case
async def init_asks_on_a_terminal(t):
    """An answer that will not do is asked for again; no echo of a password;
    end of input writes nothing."""
    out = t.path("out")

    async def talk(*answers):
        main, side = pty.openpty()
        p = subprocess.Popen([STOXD, "init", "--out", out], stdin=side,
                             stdout=side, stderr=side)
        os.close(side)
        seen = b""
        loop = asyncio.get_running_loop()

        async def more():
            try:
                return await loop.run_in_executor(None, os.read, main, 4096)
            except OSError:
                return b""
        for a in answers:
            while not seen.rstrip(b" ").endswith(b":"):
                got = await more()
                assert got, seen
                seen += got
            seen += b" "
            os.write(main, a.encode())
            seen += b"\n#"
        while True:
            got = await more()
            if not got:
                break
            seen += got
        status = p.wait()
        os.close(main)
        return status, seen.decode()

    status, said = await talk("prosody\n", "trunk\n", "exam ple\n",
                              "example.com\n", "\n", "\n",
                              "sip.provider.example\n", "192.0.2.10\n",
                              "me\n", "\n", "hunter2\n")
    assert status == 0, said
    assert "is needed" in said, said
    assert "must be a domain" in said and "[sip.example.com]" in said, said
    assert "hunter2" not in said, said
    conf = read(out, "stoxd.conf")
    assert "password = hunter2\n" in conf and "username = me\n" in conf
    out = t.path("other")
    status, said = await talk("prosody\n", "\x04")
    assert status == 1 and "nothing written" in said, (status, said)
    assert not os.path.exists(out)
