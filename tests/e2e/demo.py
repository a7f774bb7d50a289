"""The README's first command, as its user types it: tests/demo.py."""
import asyncio
import os
import re
import signal
import subprocess
import sys

from peers.daemon import ROOT
from peers.proc import Proc, until
from peers.runner import case

DEMO = os.path.join(ROOT, "tests", "demo.py")
OURS = ("stoxd", "prosody", "lua", "baresip", "ejabberd", "beam")


def names():
    """Programs that run in this case's PID namespace."""
    out = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/comm" % pid) as f:
                out.append(f.read().strip())
        except OSError:
            pass
    return [n for n in out if n.startswith(OURS)]


@case(timeout=180)
async def demo(t):
    """A call each way, its ladder, in under 3 minutes; nothing stays."""
    t.need("prosody", "baresip")
    p = await asyncio.to_thread(
        subprocess.run, [sys.executable, DEMO], capture_output=True,
        text=True, timeout=170, env=dict(os.environ, HOLD=""))
    out = p.stdout
    assert p.returncode == 0, out[-2000:] + p.stderr[-2000:]
    assert "demo: sound both ways in both calls" in out
    assert out.count("between alice and stoxd: nothing in clear") == 2
    heard = re.findall(r"(alice|600) hears heard; (\d+) % of", out)
    assert [w for w, _ in heard] == ["alice", "600"] * 2, heard
    assert all(int(n) >= 95 for _, n in heard), heard
    for word in ("propose", "INVITE", "180 Ringing", "session-initiate",
                 "pair ", "DTLS done", "first RTP packet"):
        assert out.count(word) >= 2, "%s in the ladders" % word
    assert not names(), names()


@case(timeout=180, full=True)
async def demo_stays(t):
    """HOLD=1: all of it runs until Control-C, and then nothing does."""
    t.need("prosody", "baresip")
    p = Proc(t.dir, "demo", [sys.executable, DEMO],
             env=dict(os.environ, HOLD="1"))
    p.start()
    t.later(p.stop)
    await until(lambda: "Running.  Control-C ends it." in p.text(), 120,
                "the end of the calls")
    assert {"stoxd", "baresip"} <= set(names()), names()
    os.killpg(os.getpgid(p.p.pid), signal.SIGINT)
    await until(lambda: not names(), 20, "that nothing is left")
