"""stoxload beside the gateway at a real server: two components of one
Prosody, the gateway's and that of the load's users."""
import asyncio
import json
import os
import re
import subprocess

from peers import reloading
from peers.daemon import BUILD
from peers.ejabberd import Ejabberd
from peers.proc import Proc
from peers.prosody import Prosody
from peers.runner import case

TOOL = os.path.join(BUILD, "bench", "stoxload")


async def through(t, p, *more):
    """Four calls through a server that takes both components."""
    t.later(p.stop)
    await p.run()
    args = ["--address", "127.0.1.1", "--domain", "load.test"] + list(more)
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


@case
async def load_through_prosody(t):
    t.need("prosody")
    p = Prosody(t.dir)
    with open(p.argv[-1], "a") as f:
        f.write('Component "load.test"\n'
                '    component_secret = "lab-secret"\n')
    await through(t, p, "--attach", "127.0.0.1:5347")


@case(full=True)
async def load_through_ejabberd(t):
    """What one listener has goes to all who attach there: another port."""
    t.need("erl")
    p = Ejabberd(t.dir)
    with open(p.env["EJABBERD_CONFIG_PATH"]) as f:
        text = f.read()
    with open(p.env["EJABBERD_CONFIG_PATH"], "w") as f:
        f.write(text.replace("listen:\n", """listen:
  - port: 5348
    ip: "127.0.0.1"
    module: ejabberd_service
    hosts: {"load.test": {password: "lab-secret"}}
"""))
    await through(t, p, "--attach", "127.0.0.1:5348", "--listen",
                  "127.0.0.1:5347")


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


def counted(sock):
    """What stoxd counted, by name; those with labels summed."""
    out = subprocess.run([os.path.join(BUILD, "stoxctl"), "-s", sock,
                          "metrics"], stdout=subprocess.PIPE, text=True,
                         check=True, timeout=10).stdout
    sums = {}
    for name, value in re.findall(r"^(\w+)(?:{.*})? (\S+)$", out, re.M):
        sums[name] = sums.get(name, 0) + float(value)
    answered = re.findall(r'^stoxd_calls_ended_total{.*outcome="answered".*} '
                          r"(\S+)$", out, re.M)
    sums["answered"] = sum(float(n) for n in answered)
    return sums


@case(full=True, heavy=True, timeout=1500)
async def load_of_ten_thousand_calls(t):
    """200 at a time: both sides count the same, and nothing is left."""
    calls, rounds = 200, 50
    args = ["--address", "127.0.1.1", "--calls", str(calls), "--rate", "150",
            "--at-once", "10", "--rounds", str(rounds), "--media", "none",
            "--duration", "0.2"]
    conf, sock = t.path("stoxd.conf"), t.path("stoxload.sock")
    with open(conf, "w") as f:
        f.write(subprocess.run([TOOL, "--print-config"] + args,
                               stdout=subprocess.PIPE, text=True,
                               check=True).stdout)
        # a machine with other work refuses none
        f.write("signalling_lag = 10000\nmedia_lag = 10000\n")
    d = Proc(t.dir, "stoxd", [os.path.join(BUILD, "stoxd"), "-c", conf])
    t.later(d.stop)
    d.start()
    await d.up(lambda: os.path.exists(sock), 10)

    async def run(args):
        load = await asyncio.create_subprocess_exec(
            TOOL, "--json", "--pid", str(d.p.pid), *args,
            stdout=subprocess.PIPE)
        out, _ = await load.communicate()
        return json.loads(out)

    # a call makes what a process has once
    few = (await run(args + ["--calls", "4", "--rounds", "1"]))["calls"]
    await asyncio.sleep(2)
    first = counted(sock)
    r = await run(args)
    c, p = r["calls"], r["packets"]
    assert c["attempted"] == calls * rounds, c
    assert c["answered"] == c["ended"] == c["attempted"], c
    assert not p["wrong"] and not p["unknown"], p
    await asyncio.sleep(40)     # the last transactions, RFC 3261 64*T1
    last = counted(sock)
    tried = few["attempted"] + c["attempted"]
    assert last["stoxd_calls_started_total"] == tried, last
    assert last["stoxd_calls_ended_total"] == tried, last
    assert last["answered"] == few["answered"] + c["answered"], last
    for name in ("stoxd_calls_active", "stoxd_media_ports",
                 "stoxd_call_descriptors", "stoxd_calls_in_setup"):
        assert last[name] == 0, (name, last[name])
    # one more: it may just be trying to reach its server
    assert last["process_open_fds"] <= first["process_open_fds"] + 1, (
        first["process_open_fds"], last["process_open_fds"])
