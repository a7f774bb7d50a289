"""stoxctl: what an operator asks of a running gateway, text and JSON."""
import asyncio
import json
import os
import re
import socket
import subprocess

from peers.daemon import BUILD
from peers.lab import Lab
from peers.proc import until
from peers.runner import case


def ctl(lab, *argv):
    """(status, stdout, stderr) of stoxctl."""
    r = subprocess.run(
        [os.path.join(BUILD, "stoxctl"), "-s",
         os.path.join(lab.stoxd.dir, "stoxd.sock")] + list(argv),
        capture_output=True, text=True, timeout=10)
    return r.returncode, r.stdout, r.stderr


async def ask(lab, *argv):
    """stdout, while the scripted peers go on."""
    status, out, err = await asyncio.to_thread(ctl, lab, *argv)
    assert status == 0, (argv, status, err)
    return out


@case
async def status(t):
    lab = await Lab(t).start()
    out = await ask(lab, "status")
    assert "sip.xmpp.test" in out and "connected" in out, out
    assert "pbx" in out and "0 of" in out, out
    j = json.loads(await ask(lab, "--json", "status"))
    assert j["calls"] == 0 and j["room"] > 100, j
    # What limits calls: time, set-ups, ports, descriptors.
    v = j["load"]
    assert v["shedding"] is False and v["refused"] == 0, v
    for k in ("in_setup", "ports", "descriptors"):
        assert v[k] == 0 < v[k + "_max"], (k, v)
    for k in ("signalling_lag", "media_lag"):
        assert 0 <= v[k + "_us"] < v[k + "_max_us"], (k, v)
    assert "load: new calls are taken; signalling" in out, out
    assert "descriptors; 0 refused" in out, out
    assert j["xmpp"][0]["component"] == "sip.xmpp.test", j
    assert j["xmpp"][0]["up"] is True, j
    assert j["trunks"][0]["trunk"] == "pbx", j


@case
async def status_without_server(t):
    lab = await Lab(t).start(server=False)
    j = json.loads(await ask(lab, "--json", "status"))
    assert j["xmpp"][0]["up"] is False, j
    assert j["xmpp"][0]["status"] != "connected", j


@case
async def calls(t):
    lab = await Lab(t).start()
    assert "no calls" in await ask(lab, "calls")
    assert json.loads(await ask(lab, "--json", "calls")) == []
    out = await lab.x2s()
    back = await lab.s2x(user=lab.new_user())
    v = json.loads(await ask(lab, "--json", "calls"))
    assert len(v) == 2, v
    one = {c["from"]: c for c in v}
    assert one["xmpp"]["xmpp"]["jid"].startswith("alice@xmpp.test"), one
    assert one["xmpp"]["sip"]["uri"] == "sip:600@127.0.0.1:5060", one
    assert one["xmpp"]["state"] == "active", one
    assert one["xmpp"]["codec"] == "PCMU/8000", one
    assert one["sip"]["xmpp"]["jid"] == back.user.bare, one
    text = await ask(lab, "calls")
    assert len(text.splitlines()) == 3, text
    assert all(c["id"] in text for c in v), text
    out.sip.bye()
    await out.sip.wait(200, method="BYE")

    async def one():
        v = json.loads(await ask(lab, "--json", "calls"))
        return len(v) == 1 and v
    v = await until(one, 20, "end of the other")
    assert [c["from"] for c in v] == ["sip"], v


@case
async def one_call(t):
    lab = await Lab(t).start()
    f = await lab.x2s()
    name = json.loads(await ask(lab, "--json", "calls"))[0]["id"]
    j = json.loads(await ask(lab, "--json", "call", "show", name))
    assert j["id"] == name and len(j["flows"]) == 2, j
    sides = {x["side"]: x for x in j["flows"]}
    assert sides["sip"]["srtp"] == "none", sides
    for key in ("rx_packets", "tx_packets", "rx_lost", "jitter_us",
                "rtt_us"):
        assert isinstance(sides["xmpp"][key], int), (key, sides)
    assert f.sid in j["xmpp"]["leg"], j
    text = await ask(lab, "call", "show", name)
    assert "media sip" in text and "media xmpp" in text, text


@case
async def hangup(t):
    lab = await Lab(t).start()
    f = await lab.x2s()
    name = json.loads(await ask(lab, "--json", "calls"))[0]["id"]
    assert name in await ask(lab, "call", "hangup", name)
    await f.sip.wait("BYE")
    m = await f.user.get_jingle("session-terminate", sid=f.sid)
    assert m.reason in ("success", None), m.reason
    code, out, err = ctl(lab, "call", "hangup", name)
    assert code == 1 and name in err, (code, out, err)


@case
async def trace(t):
    """Both protocols in order, found by the call's id; no secret in it."""
    lab = await Lab(t).start()
    await lab.x2s()
    other = await lab.s2x(user=lab.new_user())
    v = {c["from"]: c["id"]
         for c in json.loads(await ask(lab, "--json", "calls"))}
    lines = [json.loads(x) for x in
             (await ask(lab, "--json", "call", "trace",
                        v["xmpp"])).splitlines()]
    assert {x["kind"] for x in lines} == {"xmpp", "sip", "media"}, lines
    stamps = [x["at_ms"] for x in lines]
    assert stamps == sorted(stamps)
    words = [x["text"].split(" ")[0] for x in lines if x["kind"] == "sip"]
    assert words[0] == "INVITE" and "ACK" in words, words
    assert not any(other.sid in x["text"] for x in lines)
    await ask(lab, "call", "hangup", v["xmpp"])
    after = [json.loads(x) for x in
             (await ask(lab, "--json", "call", "trace",
                        v["xmpp"])).splitlines()]
    assert after[:len(lines)] == lines, "the call is over: no trace of it"
    assert any(x["text"].startswith("BYE") for x in after), after[-1]
    code, out, err = ctl(lab, "trace", "nonesuch")
    assert code == 1 and "nonesuch" in err and not out, (code, out, err)
    everything = await ask(lab, "trace")
    assert "lab-secret" not in everything and "gwpass" not in everything
    assert "session-initiate" in everything and "INVITE sip:" in everything


@case
async def log_of_a_call(t):
    """At level info: a line a step under one id, with codec, addresses and
    the end in words; states and numbers that mean nothing are for debug."""
    lab = await Lab(t).start({"log": {"level": "info"}})
    f = await lab.x2s()
    name = json.loads(await ask(lab, "--json", "calls"))[0]["id"]
    f.sip.bye()
    await f.sip.wait(200, method="BYE")
    await asyncio.sleep(0.3)
    said = [x for x in lab.stoxd.text().splitlines()
            if x.startswith("call ")]
    assert all(x.startswith("call %s: " % name) for x in said), said
    text = "\n".join(x[len("call %s: " % name):] for x in said)
    for want in (r"xmpp alice@xmpp\.test calls sip:600@127\.0\.0\.1:5060 "
                 r"through trunk pbx", r"ringing", r"sip answered",
                 r"flow 0: RTP to 127\.0\.0\.1:\d+", r"active, PCMU/8000",
                 r"ended by sip after \d+ s: .*\(success\)"):
        n = len(re.findall("^%s$" % want, text, re.M))
        assert n == 1, (n, want, text)
    assert " -> " not in text and "suite" not in text, text


@case
async def mistakes(t):
    lab = await Lab(t).start()
    for argv in ((), ("fly",), ("call",), ("status", "x"),
                 ("call", "show", "nonesuch"), ("call", "hangup", "nonesuch")):
        code, out, err = ctl(lab, *argv)
        assert code != 0 and err and not out, (argv, code, out, err)
    r = subprocess.run(
        [os.path.join(BUILD, "stoxctl"), "-s", t.path("none.sock"), "calls"],
        capture_output=True, text=True, timeout=10)
    assert r.returncode == 3 and "is stoxd running" in r.stderr, r


@case
async def hostile_client(t):
    """Long, silent and babbling clients of the socket cost only themselves."""
    lab = await Lab(t).start()
    path = os.path.join(lab.stoxd.dir, "stoxd.sock")
    held = []
    for data in (b"x" * 5000, b"", b"status", b"\0\n", b"\n",
                 b"json json json\n", b"calls\ncalls\ncalls\n" * 50):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        try:
            s.sendall(data)
        except OSError:
            pass
        held.append(s)
    assert "sip.xmpp.test" in await ask(lab, "status")
    mode = os.stat(path).st_mode & 0o777
    assert mode == 0o600, oct(mode)
    for s in held:
        s.close()
