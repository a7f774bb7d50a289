"""The Debian package: built twice in two places, byte for byte the same;
without errors for lintian; installed, upgraded, removed and purged in a copy
of this machine; run from where it was unpacked."""
import asyncio
import filecmp
import glob
import os
import shlex
import shutil
import subprocess

from peers.daemon import ROOT
from peers.proc import Proc
from peers.runner import Skip, case
from peers.xmppserver import Server

LEFT_OUT = ("build", ".git", "node_modules", "__pycache__")
CONF = "/etc/stoxd/stoxd.conf"


async def run(argv, dir, seconds=600):
    """What a program says; it must end well."""
    p = await asyncio.create_subprocess_exec(
        "nice", *argv, cwd=dir, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={k: v for k, v in os.environ.items()
             if not k.startswith("MAKE") and k != "B"})
    out, _ = await asyncio.wait_for(p.communicate(), seconds)
    assert p.returncode == 0, "%s: %s" % (argv[0], out.decode()[-2000:])
    return out.decode()


async def build(t, name):
    """The package, built from a copy of the source in a folder called so;
    the folder that it is in."""
    top = t.path(name)
    shutil.copytree(ROOT, top, symlinks=True,
                    ignore=shutil.ignore_patterns(*LEFT_OUT))
    await run(["make", "deb"], top)
    return os.path.join(top, "build", "deb")


def only(dir, pattern):
    found = glob.glob(os.path.join(dir, pattern))
    assert len(found) == 1, found
    return found[0]


def machine(t):
    """A copy of this machine's files that can be changed."""
    root = t.path("machine")
    for name in ("machine", "layers"):
        os.mkdir(t.path(name))
    subprocess.run(["mount", "-t", "tmpfs", "none", t.path("layers")],
                   check=True)
    for name in ("upper", "work"):
        os.mkdir(t.path("layers/" + name))
    p = subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o",
         "lowerdir=/,upperdir=%s,workdir=%s" % (
             t.path("layers/upper"), t.path("layers/work")), root],
        capture_output=True, text=True)
    if p.returncode:
        raise Skip("no overlay can be mounted here")
    for name in ("dev", "proc"):
        subprocess.run(["mount", "--rbind", "/" + name,
                        os.path.join(root, name)], check=True)
    return root


async def lives_and_goes(t, deb):
    """Installation, upgrade, removal, purge: what is the operator's stays."""
    root = machine(t)
    shutil.copy(deb, os.path.join(root, "stoxd.deb"))

    async def inside(*argv):
        return await run(["chroot", root] + list(argv), "/")

    def there(path):
        return os.path.exists(root + path)

    await inside("dpkg", "-i", "/stoxd.deb")
    out = await inside("stat", "-c", "%a %U:%G", CONF, "/etc/stoxd",
                       "/var/lib/stoxd")
    assert out.split("\n")[:3] == ["640 root:stoxd", "750 root:stoxd",
                                   "750 stoxd:stoxd"], out
    await inside("setpriv", "--reuid=stoxd", "--regid=stoxd",
                 "--clear-groups", "/usr/sbin/stoxd", "--check")
    await reloads(root, inside)
    assert not there("/etc/systemd/system/multi-user.target.wants/"
                     "stoxd.service"), "it is turned on by itself"
    await inside("sh", "-c", "echo '# mine' >>%s; echo k >/etc/stoxd/my.pem; "
                 "echo d >/var/lib/stoxd/stoxd.db; chmod 600 %s" % (
                     CONF, CONF))
    await inside("dpkg", "-i", "/stoxd.deb")
    out = await inside("sh", "-c", "tail -1 %s; stat -c %%a %s" % (
        CONF, CONF))
    assert out == "# mine\n600\n", out
    await inside("dpkg", "-r", "stoxd")
    assert there(CONF) and not there("/usr/sbin/stoxd")
    assert not there("/run/stoxd")
    out = await inside("dpkg", "-P", "stoxd")
    assert not there(CONF) and there("/etc/stoxd/my.pem") and \
        there("/var/lib/stoxd/stoxd.db"), out
    for kept in ("/etc/stoxd", "/var/lib/stoxd"):
        assert "%s is not empty and is kept" % kept in out, out

    # Where nobody put anything beside it, nothing is left.
    await inside("rm", "/etc/stoxd/my.pem", "/var/lib/stoxd/stoxd.db")
    await inside("dpkg", "-i", "/stoxd.deb")
    out = await inside("dpkg", "-P", "stoxd")
    assert "is kept" not in out, out
    for path in ("/etc/stoxd", "/var/lib/stoxd", "/run/stoxd",
                 "/usr/sbin/stoxd", "/usr/bin/stoxctl"):
        assert not there(path), path
    for top in ("/lib/systemd/system", "/usr/lib/systemd/system",
                "/etc/systemd/system"):
        assert not there(top + "/stoxd.service"), top


async def reloads(root, inside):
    """What "systemctl reload" runs first lets a good file pass and no wrong
    one."""
    unit = only(root, "lib/systemd/system/stoxd.service")
    with open(unit) as f:
        first = shlex.split(next(
            line for line in f if line.startswith("ExecReload="))
            .partition("=")[2])
    user = ["setpriv", "--reuid=stoxd", "--regid=stoxd", "--clear-groups"]
    assert await inside(*user, *first) == ""
    await inside("cp", "-p", CONF, "/good.conf")
    await inside("sh", "-c", "echo 'nonsense = 1' >>" + CONF)
    out = await inside("sh", "-c", "! \"$@\"", "sh", *user, *first)
    assert "nonsense" in out, out
    await inside("mv", "/good.conf", CONF)


async def runs_unpacked(t, deb):
    root = t.path("unpacked")
    await run(["dpkg-deb", "-x", deb, root], t.dir)
    for name in ("/run", "/var/lib"):   # in this case's namespace only
        subprocess.run(["mount", "-t", "tmpfs", "none", name], check=True)
        os.mkdir(name + "/stoxd")
    server = Server("sip.example.com", "change-me")
    await server.start()
    t.later(server.stop)
    p = Proc(t.dir, "stoxd", [root + "/usr/sbin/stoxd", "-c", root + CONF])
    p.start()
    t.later(p.stop)
    await p.up(lambda: "connected" in p.text() and
               os.path.exists("/run/stoxd/stoxd.sock"), 10)
    out = await run([root + "/usr/bin/stoxctl", "status"], t.dir)
    assert "sip.example.com" in out, out


@case(timeout=1500, heavy=True)
async def package(t):
    t.need("dh", "lintian", "dpkg-buildpackage")
    one, two = await asyncio.gather(
        build(t, "one"), build(t, "a/folder/of/another/name"))
    for pattern in ("stoxd_*.deb", "stoxd-dbgsym_*.deb"):
        a, b = only(one, pattern), only(two, pattern)
        assert filecmp.cmp(a, b, shallow=False), "%s differs" % a
    deb = only(one, "stoxd_*.deb")
    out = await run(["lintian", "--fail-on", "error,warning",
                     only(one, "*.changes")], t.dir)
    print(out)
    await lives_and_goes(t, deb)
    await runs_unpacked(t, deb)
