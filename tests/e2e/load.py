"""stoxload beside the gateway at a real server: two components of one
Prosody, the gateway's and that of the load's users."""
import asyncio
import json
import os
import subprocess

from peers import reloading
from peers.daemon import BUILD
from peers.prosody import Prosody
from peers.runner import case

TOOL = os.path.join(BUILD, "bench", "stoxload")


@case
async def load_through_prosody(t):
    t.need("prosody")
    p = Prosody(t.dir)
    with open(p.argv[-1], "a") as f:
        f.write('Component "load.test"\n'
                '    component_secret = "lab-secret"\n')
    t.later(p.stop)
    await p.run()
    args = ["--address", "127.0.1.1", "--domain", "load.test", "--attach",
            "127.0.0.1:5347"]
    conf = t.path("stoxd.conf")
    with open(conf, "w") as f:
        f.write(subprocess.run([TOOL, "--print-config"] + args,
                               stdout=subprocess.PIPE, text=True,
                               check=True).stdout)
    load = await asyncio.create_subprocess_exec(
        TOOL, "--json", "--calls", "4", "--duration", "2", *args, "--",
        os.path.join(BUILD, "stoxd"), "-c", conf, stdout=subprocess.PIPE)
    out, _ = await load.communicate()
    r = json.loads(out)
    assert r["calls"]["answered"] == r["calls"]["ended"] == 4, r["calls"]
    assert r["packets"]["received"] == r["packets"]["sent"] > 750, r
    assert not r["packets"]["wrong"], r


@case(full=True, timeout=300)
async def load_while_reloaded_300_times(t):
    """20 calls a second, 200 at once: none is lost, nor is a packet."""
    r, log = await reloading.run(
        t.dir, 300, 0.1, ["--calls", "200", "--rate", "20", "--hold", "10",
                          "--duration", "60"])
    c, p = r["calls"], r["packets"]
    assert c["attempted"] == c["answered"] == c["ended"] > 1000, c
    assert not c["failed"] and p["sent"] == p["received"], (c, p)
    assert not p["wrong"], p
    assert log.count("is in force") == 270, log.count("is in force")
