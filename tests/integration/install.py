"""What is installed: which files, whose, how the pages read, and that the
gateway runs from there and under its unit's restrictions."""
import asyncio
import os
import re
import shlex
import stat
import subprocess
import sys

from peers import confine
from peers.daemon import BUILD, ROOT, config_text
from peers.proc import Proc, until
from peers.runner import Skip, case, other_users
from peers.site import Site
from peers.xmppserver import Server

sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
import idlerows  # noqa: E402

UNIT = os.path.join(ROOT, "conf", "stoxd.service")
EXPOSURE = 20       # tenths, of systemd-analyze
LISTED = os.path.join(ROOT, "tests", "data", "install.txt")
DOC = "usr/local/share/doc/stoxd/"


def make(*argv):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    p = subprocess.run(["make", "-s", "-C", ROOT, "B=" + os.path.relpath(
        BUILD, ROOT)] + list(argv), capture_output=True, text=True,
        env=dict(env, MAKELEVEL="1"))
    assert p.returncode == 0 and not p.stderr, p.stdout + p.stderr


def install(t):
    """A whole tree; its root."""
    root = t.path("root")
    make("-o", "all", "install", "DESTDIR=" + root)  # it is built
    return root


def listing(root):
    """"mode path" of each file that is no documentation, and of each folder
    that not everybody may read."""
    out = []
    for top, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(top, name)
            rel = os.path.relpath(path, root)
            mode = stat.S_IMODE(os.lstat(path).st_mode)
            if rel.startswith(DOC) or (name in dirs and mode == 0o755):
                continue
            out.append("%04o %s" % (mode, rel))
    return sorted(out)


def clean(path):
    """The lines of a list that are no comment."""
    with open(path) as f:
        return sorted(line.rstrip() for line in f
                      if line.strip() and line[0] != "#")


@case(timeout=120)
async def files_and_modes(t):
    old = os.umask(0o077)       # the operator's own does not matter
    try:
        root = install(t)
    finally:
        os.umask(old)
    assert listing(root) == clean(LISTED), "\n".join(listing(root))
    docs = os.listdir(os.path.join(root, DOC))
    for name in ("README.md", "LICENSE", "stoxd.conf", "examples",
                 "container"):
        assert name in docs, name


@case(timeout=120)
async def operators_configuration_stays(t):
    conf = os.path.join(t.path("root"), "etc/stoxd/stoxd.conf")
    os.makedirs(os.path.dirname(conf))
    with open(conf, "w") as f:
        f.write("mine\n")
    os.chmod(conf, 0o600)
    install(t)
    with open(conf) as f:
        assert f.read() == "mine\n"
    assert stat.S_IMODE(os.stat(conf).st_mode) == 0o600


@case(timeout=120)
async def runs_from_the_folder_as_configured(t):
    """The configuration that is installed makes a component, with the names
    and the secret of the README's example."""
    root = install(t)
    for name in ("/run", "/var/lib"):   # in this case's namespace only
        subprocess.run(["mount", "-t", "tmpfs", "none", name], check=True)
        os.mkdir(name + "/stoxd")
    server = Server("sip.example.com", "change-me")
    await server.start()
    t.later(server.stop)
    p = Proc(t.dir, "stoxd", [
        os.path.join(root, "usr/local/sbin/stoxd"), "-c",
        os.path.join(root, "etc/stoxd/stoxd.conf")])
    p.start()
    t.later(p.stop)
    await p.up(lambda: "connected" in p.text() and
               os.path.exists("/run/stoxd/stoxd.sock"), 10)
    out = subprocess.run(
        [os.path.join(root, "usr/local/bin/stoxctl"), "status"],
        capture_output=True, text=True, timeout=10)
    assert out.returncode == 0 and "sip.example.com" in out.stdout, out
    assert os.path.exists("/var/lib/stoxd/stoxd.db")


@case
async def manual_pages(t):
    t.need("mandoc")
    docs = os.path.join(ROOT, "docs")
    pages = sorted(n for n in os.listdir(docs) if re.search(r"\.[1-9]$", n))
    assert pages == ["stoxctl.1", "stoxd.8", "stoxd.conf.5",
                     "stoxload.1"], pages
    p = subprocess.run(["mandoc", "-Tlint", "-Wwarning"] + pages, cwd=docs,
                       capture_output=True, text=True)
    assert p.returncode == 0, p.stdout
    for n in pages:
        with open(os.path.join(docs, n)) as f:
            page = f.read()
        assert "\n.Dt %s %s\n" % (n[:-2].upper(), n[-1]) in page, n
        for name, section in re.findall(r"^\.Xr (stox\S+) (\d)", page, re.M):
            assert "%s.%s" % (name, section) in pages, (n, name, section)


@case
async def unit_is_hardened(t):
    t.need("systemd-analyze")
    path = t.path("stoxd.service")
    with open(UNIT) as f, open(path, "w") as to:
        to.write(f.read().replace("@PREFIX@/sbin/stoxd", "/bin/true"))
    p = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager",
         "--threshold=%d" % EXPOSURE, path], capture_output=True, text=True)
    assert p.returncode == 0, p.stdout[-300:] + p.stderr
    p = subprocess.run(["systemd-analyze", "verify", "--man=no", path],
                       capture_output=True, text=True)
    assert p.returncode == 0 and "stoxd.service" not in p.stderr, p.stderr


@case
async def wrong_file_fails_the_reload(t):
    """What systemd runs for "systemctl reload", in its order: no signal is
    sent where the first ends badly, and what is wrong is in the journal."""
    keys = confine.unit(UNIT)
    assert len(keys["ExecReload"]) == 2, keys["ExecReload"]
    first, then = (shlex.split(x.replace(
        "@PREFIX@/sbin/stoxd", os.path.join(BUILD, "stoxd")).replace(
        "/etc/stoxd/stoxd.conf", t.path("stoxd.conf")))
        for x in keys["ExecReload"])
    assert then == ["/bin/kill", "-HUP", "$MAINPID"], then
    for more, wrong in (("", False), ("nonsense = 1\n", True)):
        with open(t.path("stoxd.conf"), "w") as f:
            f.write(config_text() + more)
        p = subprocess.run(first, capture_output=True, text=True, timeout=20)
        assert (p.returncode != 0) == wrong and not p.stdout, p
        assert ("nonsense" in p.stderr) == wrong, p.stderr


@case
async def user_and_folders(t):
    t.need("systemd-sysusers")
    other_users()
    conf = os.path.join(ROOT, "conf")
    os.makedirs(t.path("root/etc"))
    for argv in (["systemd-sysusers", "sysusers.conf"],
                 ["systemd-tmpfiles", "--create", "tmpfiles.conf"]):
        argv[-1] = os.path.join(conf, argv[-1])
        p = subprocess.run([argv[0], "--root=" + t.path("root")] + argv[1:],
                           capture_output=True, text=True)
        assert p.returncode == 0, p.stderr
    with open(t.path("root/etc/passwd")) as f:
        user = [w for w in map(str.strip, f) if w.startswith("stoxd:")]
    assert user and user[0].split(":")[5:] == [
        "/var/lib/stoxd", "/usr/sbin/nologin"], user
    uid = int(user[0].split(":")[2])
    for name, mode in (("run/stoxd", 0o755), ("var/lib/stoxd", 0o750)):
        st = os.stat(t.path("root/" + name))
        assert (st.st_uid, stat.S_IMODE(st.st_mode)) == (uid, mode), name
    keys = confine.unit(UNIT)
    assert keys["RuntimeDirectoryMode"] == ["0755"], "socket_group is shut out"


@case
async def apparmor_profile(t):
    t.need("apparmor_parser")
    path = t.path("profile")
    with open(os.path.join(ROOT, "conf/apparmor/stoxd")) as f:
        text = f.read()
    with open(path, "w") as to:
        to.write(text.replace("@PREFIX@", "/usr"))
    p = subprocess.run(["apparmor_parser", "-Q", "-K", path],
                       capture_output=True, text=True)
    assert p.returncode == 0, p.stderr


@case
async def package_agrees(t):
    """One version, and one list of what a build needs."""
    def read(name):
        with open(os.path.join(ROOT, name)) as f:
            return f.read()
    version = re.search(r"^VERSION\s*:= (\S+)", read("Makefile"), re.M)[1]
    assert re.match(r"stoxd \((.*?)\)", read("debian/changelog"))[1] == \
        version
    deps = set(re.search(r'^build="(.*?)"', read("tests/deps.sh"),
                         re.M | re.S)[1].split())
    wanted = set(re.findall(r"[\w.+-]+", re.search(
        r"^Build-Depends:(.*?)^\S", read("debian/control"),
        re.M | re.S)[1].replace("(= 13)", "")))
    essential = {"gcc", "libc6-dev", "make"}
    helpers = {n for n in wanted if re.match("debhelper|dh-", n)}
    assert deps - essential == wanted - helpers, (deps ^ wanted)


@case(timeout=60)
async def calls_under_the_units_restrictions(t):
    """Sound both ways, a store and the control socket, with no capability,
    and with the system calls, address families and memory of the unit."""
    t.need("systemd-analyze", "setpriv")
    keys = confine.unit(UNIT)
    assert keys["CapabilityBoundingSet"] == [""], "the unit has capabilities"
    if os.environ.get("LD_PRELOAD") or sanitized():
        raise Skip("a sanitizer needs more")
    os.environ["STOXD_UNDER"] = "%s %s" % (
        os.path.join(ROOT, "tests/peers/confine.py"), UNIT)
    site = await Site(t).start(
        capture=False, changes={
            "store": {"path": "stoxd.db"}, "account": {"providers": "*"},
            "admin": {"socket": "stoxd.sock", "socket_group": "root"}})
    with open("/proc/%d/status" % site.stoxd.p.pid) as f:
        status = dict(line.split(":\t", 1) for line in f)
    assert int(status["Seccomp"]) == 2, "no filter"
    assert int(status["CapBnd"], 16) == 0 and int(
        status["CapEff"], 16) == 0, status["CapEff"]
    c = await site.client(contact=True)
    s = await site.call(c, "x2s")
    await site.talk(s)
    await site.hang_up(c, s)
    site.judge(s)
    s = await site.call(c, "s2x")
    await site.talk(s, 0)
    await site.hang_up(c, s)
    assert "sip.xmpp.test" in site.stoxd.ctl("status")
    assert os.path.getsize(t.path("stoxd.db"))
    limit = re.search(r"room for (\d+) calls", site.stoxd.text())
    assert int(limit[1]) > 150, "descriptors: " + limit[0]


def sanitized():
    with open(os.path.join(BUILD, "stoxd"), "rb") as f:
        text = f.read()
    return b"__asan_init" in text or b"__tsan_init" in text


@case(timeout=60)
async def little_memory_at_rest(t):
    if sanitized():
        raise Skip("a sanitizer's memory is its own")
    make(os.path.join(os.path.relpath(BUILD, ROOT), "bench", "idle"))
    os.sync()
    (_, own), (_, base) = await asyncio.to_thread(idlerows.pair, t.dir)
    assert own["Private_Dirty"] <= idlerows.DIRTY_MB * 1024, own
    assert own["Rss"] <= idlerows.RESIDENT * base["Rss"], (own, base)
