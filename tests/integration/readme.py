"""What README.md says, as it is written: its configurations run, its commands,
keys, files and targets are there."""
import asyncio
import ctypes
import glob
import os
import re
import subprocess

from peers.daemon import BUILD, ROOT
from peers.dns import Dns
from peers.jingleuser import User
from peers.lab import DATA
from peers.proc import Proc, bound, until
from peers.runner import case
from peers.sipmsg import make_sdp
from peers.sipua import Ua
from peers.xmppserver import Server

CLONE_NEWNET = 0x40000000       # sched.h
PCMU = ((0, "PCMU/8000"),)

# The smallest that names everything: a server, a PBX that asks for digest, and
# all of them on one machine.
ONE_MACHINE = """\
[xmpp]
component = sip.xmpp.test
server = 127.0.0.1:5347
secret = lab-secret
domains = xmpp.test

[sip]
listen = udp:127.0.0.1:5070, tcp:127.0.0.1:5070

[trunk pbx]
uri = sip:127.0.0.1:5060
username = gw
password = gwpass
accept_from = 127.0.0.1

[media]
address = 127.0.1.1

[admin]
socket = stoxd.sock
"""


def readme():
    with open(os.path.join(ROOT, "README.md")) as f:
        return f.read()


def blocks(kind):
    """The text of each block of code of that kind."""
    return re.findall(r"^```%s\n(.*?)^```$" % kind, readme(), re.M | re.S)


def spans():
    """What stands between backticks within a paragraph, and indented code."""
    text = re.sub(r"^```.*?^```$", "", readme(), flags=re.M | re.S)
    inline = [" ".join(x.split()) for p in text.split("\n\n")
              for x in re.findall(r"`([^`]+)`", p)]
    return inline + [x.strip() for x in re.findall(r"^    (\S.*)$", text,
                                                   re.M)]


def sh(*argv):
    subprocess.run(argv, check=True, capture_output=True)


def other_machine(t):
    """A namespace at the other end of lab0; what enters it."""
    p = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
    t.later(p.kill)
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(there):
        fd = own
        if there:
            fd = os.open("/proc/%d/ns/net" % p.pid, os.O_RDONLY)
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    return p, enter


async def start(t, conf, ready):
    p = Proc(t.dir, "stoxd", [os.path.join(BUILD, "stoxd"), "-c", conf])
    p.start()
    t.later(p.stop)
    await p.up(ready, 10)
    await until(lambda: "connected" in p.text(), 20, "link")
    return p


async def both_ways(user, ua, contact, called, dialled):
    """A call each way, as far as the other end rings."""
    sid = user.propose(contact)
    c = await ua.get_call()
    assert c.req.uri == called, c.req.uri
    c.reply(486)
    assert (await user.get_jmi("reject", sid=sid)).reason == "busy"
    c = await ua.call(dialled, make_sdp(ua.ip, 30000, codecs=PCMU))
    m = await user.get_jmi("propose")
    assert m.to == user.bare and m.sender.startswith(contact), (m.to,
                                                               m.sender)
    user.jmi("ringing", m.sender, m.id)
    await c.wait(180)
    c.cancel()
    await user.get_jmi("retract", sid=m.id)


@case
async def six_lines(t):
    """The first configuration, whose PBX is a machine of its own."""
    text = blocks("ini")[0]
    keys = [x for x in text.splitlines() if x and x[0] != "["]
    assert len(keys) == 6, keys
    with open(os.path.join(DATA, "config_right", "six-lines.conf")) as f:
        assert f.read().partition("\n")[2] == text, "the corpus has another"
    away, enter = other_machine(t)
    await until(lambda: os.readlink("/proc/%d/ns/net" % away.pid)
                != os.readlink("/proc/self/ns/net"), 20, "namespace")
    sh("ip", "link", "set", "lab1", "netns", str(away.pid))
    sh("ip", "addr", "add", "192.0.2.10/24", "dev", "lab0")
    inside = ["nsenter", "--net=/proc/%d/ns/net" % away.pid]
    sh(*inside, "ip", "addr", "add", "192.0.2.20/24", "dev", "lab1")
    sh(*inside, "ip", "link", "set", "lab1", "up")
    ua = Ua(ip="192.0.2.20", peer=("192.0.2.10", 5060), log=t.path("sip.log"))
    enter(True)
    await ua.start()
    enter(False)
    t.later(ua.close)
    Dns.configure(t)
    names = await Dns({("pbx.example.net", "A"): ["192.0.2.20"]}).start()
    t.later(names.close)
    server = Server("sip.example.com", "change-me", log=t.path("xmpp.log"))
    await server.start()
    t.later(server.stop)
    sh("mount", "-t", "tmpfs", "none", "/run")  # of this case alone
    os.mkdir("/run/stoxd")
    with open(t.path("stoxd.conf"), "w") as f:
        f.write(text)
    p = await start(t, t.path("stoxd.conf"), lambda: bound(5060))
    await both_ways(User(server, "alice@example.com/phone"), ua,
                    "600@sip.example.com", "sip:600@pbx.example.net",
                    "sip:alice@192.0.2.10")
    out = subprocess.run([os.path.join(BUILD, "stoxctl"), "status"],
                         capture_output=True, text=True, timeout=10)
    assert out.returncode == 0 and "sip.example.com" in out.stdout, out
    assert "alice@example.com" in p.text(), "the log is on standard error"


@case
async def one_machine(t):
    """In the foreground, the log on standard error, the socket beside the
    file; without [route] it says who may call whom."""
    with open(t.path("gw.conf"), "w") as f:
        f.write(ONE_MACHINE)
    r = subprocess.run([os.path.join(BUILD, "stoxd"), "--check", "-c",
                        t.path("gw.conf")], capture_output=True, text=True,
                       timeout=20, cwd="/")
    assert r.returncode == 0 and not r.stderr, r
    said = " ".join(r.stdout.split())
    assert "addressing = trunk" in said, said
    assert "no [route]" in said and "xmpp.test" in said, said
    server = await Server(log=t.path("xmpp.log")).start()
    t.later(server.stop)
    ua = await Ua(log=t.path("sip.log")).start()
    t.later(ua.close)
    await start(t, t.path("gw.conf"), lambda: bound(5070) and
                os.path.exists(t.path("stoxd.sock")))
    await both_ways(User(server, "alice@xmpp.test/phone"), ua,
                    "600@sip.xmpp.test", "sip:600@127.0.0.1:5060",
                    "sip:alice@127.0.0.1:5070")
    out = subprocess.run([os.path.join(BUILD, "stoxctl"), "-s",
                          t.path("stoxd.sock"), "status"],
                         capture_output=True, text=True, timeout=10)
    assert out.returncode == 0 and "sip.xmpp.test" in out.stdout, out


def merged(texts):
    """Configurations laid over each other, a key's last value holds."""
    conf = {}
    for text in texts:
        for line in text.splitlines():
            if line.startswith("["):
                section = conf.setdefault(line, {})
            elif line:
                k, v = line.split(" = ", 1)
                section[k] = v
    return "".join("%s\n%s" % (s, "".join("%s = %s\n" % kv for kv in
                                          keys.items()))
                   for s, keys in conf.items())


@case
async def each_configuration_is_one(t):
    """Every other one goes with the six lines, and all go together."""
    ini = [b for b in blocks("ini") if "type = endpoint" not in b]
    assert len(ini) >= 7, len(ini)
    with open(t.path("account.key"), "wb") as f:
        f.write(os.urandom(32))
    for texts in [[b] for b in ini[1:]] + [ini[1:]]:
        with open(t.path("one.conf"), "w") as f:
            f.write(merged([ini[0], "[trunk pbx]\naddressing = trunk\n"]
                           + texts))
        r = subprocess.run([os.path.join(BUILD, "stoxd"), "--check", "-c",
                            t.path("one.conf")], capture_output=True,
                           text=True, timeout=20)
        assert r.returncode == 0 and not r.stderr, (texts, r.stderr)


@case
async def commands(t):
    with open(os.path.join(DATA, "command_table.txt")) as f:
        known = re.findall(r"^([a-z][a-z ]*): ", f.read(), re.M)
    known += ["help", "completion", "top", "version"]
    said = [x.partition(" ")[2] for x in spans()
            if re.match(r"stoxctl [a-z]", x)]
    assert len(said) > 15, said
    for x in said:
        if x.startswith("help "):
            x = x[5:]
        assert any((x + " ").startswith(k + " ") for k in known), x


@case
async def targets_and_files(t):
    """What make is asked for, and the files that are named."""
    makefiles = ""
    for name in ("Makefile", "conf/install.mk", "tests/targets.mk",
                 "tests/bench/bench.mk"):
        with open(os.path.join(ROOT, name)) as f:
            makefiles += f.read()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefiles, re.M))
    said = {x for s in spans() for x in re.findall(
        r"(?:^|&& )make ([a-z0-9-]+)", s)}
    assert len(said) > 10 and said <= targets, said - targets
    tops = "gateway|sdp|tests|docs|conf|debian"
    files = {x for s in spans() for x in re.findall(
        r"^(?:%s)/[\w./*-]*" % tops, s)} - {"gateway/pstn"}
    files |= set(re.findall(r"\]\((docs/[^)]+)\)", readme()))
    files |= {"docs/" + s for s in spans() if re.match(r"from-.*\.md$", s)}
    assert len(files) > 30, files
    for name in files:
        assert glob.glob(os.path.join(ROOT, name)), name


@case
async def keys(t):
    """Each "[section] key" is one of the manual's."""
    with open(os.path.join(ROOT, "docs", "stoxd.conf.5")) as f:
        man = f.read()
    said = [m.groups() for m in (re.match(
        r"\[(\w+)(?: NAME)?\](?: (\w+))?", s) for s in spans()) if m]
    assert len(said) > 10, said
    for section, key in said:
        part = re.split(r"^\.Ss \[%s[] ].*$" % section, man, flags=re.M)
        assert len(part) == 2, section
        assert not key or re.search(
            r"^\.It Ic %s\b" % key, part[1].split("\n.Ss ")[0], re.M), (
                section, key)
