#!/usr/bin/python3
# demo.py: one call in each direction between a Jingle client (aiortc) and a
# SIP telephone (baresip), by way of Prosody and stoxd, with the sound checked
# both ways; then each call as the ladder that stoxctl draws of it.
#
# Runs in a network namespace of its own and leaves nothing running.
# HOLD=1: on the real loopback instead, and stays for your own client.
import asyncio
import json
import os
import shutil
import sys
import tempfile
import warnings

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import runner  # noqa: E402

HOLD = os.environ.get("HOLD") not in (None, "", "0")
OWN = """
Try it with your own client (make demo HOLD=1 keeps all this running):
  account   bob@xmpp.test, password bob-pw, server 127.0.0.1 port 5222
  call      600@sip.xmpp.test: the telephone answers
  be called by any SIP phone that dials sip:bob@127.0.0.1:5070
With your own server and PBX: conf/stoxd.conf and README.md.
"""


async def one_call(site, client, direction):
    where = {"x2s": "alice calls 600", "s2x": "600 calls alice"}[direction]
    print("\n%s .." % where, flush=True)
    s = await site.call(client, direction)
    await site.talk(s)
    name = json.loads(site.stoxd.ctl("--json", "calls"))[0]["id"]
    await site.hang_up(client, s, "client" if direction == "x2s"
                       else "phone")
    await asyncio.sleep(0.5)
    ok = True
    for who, v in (("alice", s.listen(site.theirs, site.seconds)),
                   ("600", site.phone.listen(site.mine, site.seconds))):
        ok = ok and bool(v)
        print("  %s hears %s" % (who, v))
    try:
        site.judge_wire(s)
        print("  between alice and stoxd: nothing in clear")
    except AssertionError as e:
        ok = False
        print("  " + str(e))
    print("\nstoxctl call trace %s" % name)
    print(site.stoxd.ctl("call", "trace", name), flush=True)
    return ok


async def hold(site):
    print("Running.  Control-C ends it.", flush=True)
    while True:
        try:
            await site.phone.ring(3600)
            await site.phone.answer()
        except TimeoutError:
            pass


async def demo(dir):
    from peers.site import Site
    t = runner.Test(dir)
    try:
        site = await Site(t).start("prosody", "baresip", {
            "log": {"trace": "yes"}})
        client = await site.client("alice")
        ok = await one_call(site, client, "x2s")
        ok = await one_call(site, client, "s2x") and ok
        # stoxd's own words about it, a line a step
        print("\nstoxd's log (%s):" % site.stoxd.log)
        steps = [x for x in site.stoxd.text().splitlines()
                 if x.startswith("call ") or " call " in x[:24]]
        print("\n".join("  " + x[:110] for x in steps[:40]))
        print(OWN)
        print("demo: %s" % ("sound both ways in both calls" if ok
                            else "FAILED"), flush=True)
        if HOLD and ok:
            await hold(site)
        return 0 if ok else 1
    except runner.Skip as e:
        print("demo: " + str(e))
        return 1
    finally:
        await t.finish()


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--inside":
        warnings.simplefilter("ignore")
        return asyncio.run(demo(sys.argv[2]))
    dir = tempfile.mkdtemp(prefix="stoxd-demo.")
    argv = [sys.executable, os.path.abspath(__file__), "--inside", dir]
    space = None if HOLD else runner.namespace_argv()
    if space:
        argv = space + ["sh", "-c", runner.NAMESPACE, "sh", dir] + argv
    status = os.spawnvp(os.P_WAIT, argv[0], argv)
    if status == 0:
        shutil.rmtree(dir, ignore_errors=True)
    else:
        print("logs are in " + dir)
    return 0 if status == 0 else 1


sys.exit(main())
