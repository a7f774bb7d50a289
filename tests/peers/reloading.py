"""reloading.py: another configuration for a stoxd at work, and stoxload on one
whose configuration changes all the time."""
import asyncio
import json
import os
import signal
import subprocess

from peers.certs import Authority
from peers.daemon import BUILD
from peers.lab import EASY
from peers.proc import until

TOOL = os.path.join(BUILD, "bench", "stoxload")
STOXD = os.path.join(BUILD, "stoxd")
ADDRESS = "127.0.1.1"


LIMITS = dict(EASY, drain_wait=0)


async def ctl(lab, *argv):
    """(status, output) of stoxctl, while the scripted peers go on."""
    def run():
        r = subprocess.run(
            [os.path.join(BUILD, "stoxctl"), "-s",
             os.path.join(lab.stoxd.dir, "stoxd.sock")] + list(argv),
            capture_output=True, text=True, timeout=10)
        return r.returncode, r.stdout + r.stderr
    return await asyncio.to_thread(run)


def conf(**sections):
    """Changes to the lab's configuration; trunk_pbx: [trunk pbx]."""
    c = {"limits": dict(LIMITS), "trunk pbx": {"media_from": "127.0.0.0/8"}}
    for name, keys in sections.items():
        name = name.replace("_", " ", 1)
        c[name] = dict(c.get(name, {}), **keys)
    return c


async def reload(lab, changes=None, text=None, ok=True):
    lab.stoxd.rewrite(changes, text)
    status, out = await ctl(lab, "reload")
    assert (status == 0) == ok, (status, out)
    return out


class Files:
    """The n-th configuration: another address of the trunk (which leads to
    the same telephones), of a second trunk, rule, limit and certificate; every
    tenth is wrong."""

    def __init__(self, dir, text):
        self.dir, self.conf = dir, os.path.join(dir, "stoxload.conf")
        self.text = text.replace("listen = udp:127.0.0.1:5070",
                                 "listen = udp:127.0.0.1:5070, "
                                 "tls:127.0.0.1:5081")
        ca = Authority(dir)
        self.pairs = [ca.issue("gw%d" % i, "IP:127.0.0.1") for i in range(2)]

    def write(self, n):
        cert, key = self.pairs[n % 2]
        text = self.text.replace(
            "[trunk load]\nuri = sip:127.0.0.1:5060",
            "certificate = %s\nkey = %s\n[trunk load]\naddressing = trunk\n"
            "uri = sip:%s:5060"
            % (cert, key, ("127.0.0.1", "localhost")[n % 2]))
        text = text.replace("half_open = 100000",
                            "half_open = %d" % (90000 + n))
        text += ("\n[trunk b]\nuri = sip:127.0.0.9:%d\n"
                 "[route]\nr%d = from * to 999%d via b\n"
                 "all = from * to * via load\n"
                 "in = from trunk:load to * via xmpp:*@xmpp.test\n"
                 % (7000 + n % 100, n, n))
        if n % 10 == 9:
            text += "wrong\n"
        with open(self.conf + ".new", "w") as f:
            f.write(text)
        os.rename(self.conf + ".new", self.conf)


def children(pid):
    v = []
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/children" % (pid, task)) as f:
            v += [int(x) for x in f.read().split()]
    return v


async def run(dir, reloads, every, args):
    """(report of stoxload, log): so many reloads, one after the other."""
    args = ["--address", ADDRESS] + args
    p = await asyncio.create_subprocess_exec(
        TOOL, "--print-config", *args, stdout=asyncio.subprocess.PIPE)
    files = Files(dir, (await p.communicate())[0].decode())
    files.write(0)
    log = os.path.join(dir, "stoxd.log")
    with open(log, "wb") as err:
        p = await asyncio.create_subprocess_exec(
            TOOL, "--json", *args, "--", STOXD, "-c", files.conf,
            stdout=asyncio.subprocess.PIPE, stderr=err)
    done = asyncio.ensure_future(p.communicate())

    def said(word):
        with open(log, errors="replace") as f:
            return f.read().count(word)
    await until(lambda: said("active, "), 30, "the first call")
    (pid,) = children(p.pid)
    for n in range(1, reloads + 1):
        files.write(n)
        word = "stays as it was" if n % 10 == 9 else "is in force"
        before = said(word)
        os.kill(pid, signal.SIGHUP)
        await until(lambda: said(word) > before, 20, "reload %d" % n)
        await asyncio.sleep(every)
    out, _ = await done
    with open(log, errors="replace") as f:
        return json.loads(out), f.read()
