"""The table of commands: each by stoxctl in text and JSON, by XMPP, in the
help, the manual, the completion and over HTTP; and who may use the socket."""
import asyncio
import fcntl
import grp
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import time

from peers import http
from peers.accounts import COMMANDS, DATA, GATE, Accounts, fields
from peers.attack import sanitized
from peers.daemon import BUILD, ROOT
from peers.lab import Lab
from peers.proc import PATIENCE, until
from peers.runner import case, other_users
from peers.xmppserver import condition, find, local, text

STOXCTL = os.path.join(BUILD, "stoxctl")
OWN = ["top", "completion", "help"]     # of stoxctl alone


def table():
    """name -> {"scope", "output", "args": [(name, place)]}, of the file that
    a unit test holds against the source."""
    out, row = {}, None
    with open(os.path.join(ROOT, "tests/data/command_table.txt")) as f:
        for line in f:
            if line[0] == "#":
                continue
            m = re.match(r"([^ ].*): (read|write), (\w+)$", line)
            if m:
                row = {"scope": m[2], "output": m[3], "args": []}
                out[m[1]] = row
                continue
            m = re.match(r"  (\w+): \w+, (must|may|named), ", line)
            if m:
                row["args"].append((m[1], m[2]))
    return out


TABLE = table()


def usage(name):
    """As the manual writes it: "call hangup id"."""
    words = [name]
    for arg, place in TABLE[name]["args"]:
        words.append(arg if place == "must" else "[%s%s]" % (
            arg, "=" if place == "named" else ""))
    return " ".join(words)


def ctl(dir, *argv, timeout=30, env=None):
    r = subprocess.run(
        [STOXCTL, "-s", os.path.join(dir, "stoxd.sock")] + list(argv),
        capture_output=True, timeout=timeout, env=env)
    return r.returncode, r.stdout, r.stderr.decode()


async def ask(t, *argv, code=0):
    got, out, err = await asyncio.to_thread(ctl, t.dir, *argv)
    if "doctor" in argv:    # nobody here answers all of its questions
        assert got == 1 and b"failed" in out, (got, out, err)
        got = 0
    assert got == code, (argv, got, out[:500], err)
    assert not (out if code else err), (argv, out, err)
    return err if code else out


# ---- each of them ---------------------------------------------------------
# command -> (arguments, what its text looks like, what its JSON has)
DO = {
    "status": ([], "xmpp sip.xmpp.test", "load"),
    "calls": ([], "CALL +STATE .*\n{id} ", None),
    "call show": (["{id}"], "call {id}: active.*alice@xmpp.test", "flows"),
    "call trace": (["{id}"], "INVITE", "kind"),
    "call pcap": (["{id}"], None, None),
    "call media": (["{id}", "1s"], None, None),
    "trunks": ([], "TRUNK +STATUS\npbx ", None),
    "accounts": ([], "no accounts", None),
    "users": ([], "USER .*\nalice@xmpp.test ", None),
    "subscriptions": ([], "no subscriptions", None),
    "messages": ([], "messages: 0 to SIP", "sent"),
    "limits": ([], "load: new calls are taken", "ports_max"),
    "route test": (["600", "alice@xmpp.test"], "allowed", "steps"),
    "acl test": (["alice@xmpp.test"], "1 calls now", "steps"),
    "address": (["127.0.1.1"], "public address is 127.0.1.1", "address"),
    "reload": ([], ".", None),
    "drain": (["stay"], ".", None),
    "undrain": ([], ".", None),
    "trace": (["INVITE"], "INVITE sip:600", "text"),
    "cdr": ([], ".", None),
    "metrics": ([], "# EOF", None),
    "log level": (["debug", "area=sip", "for=1m"], ".", None),
    "log show": ([], "sip", None),
    "doctor": ([], ".", None),
    "version": ([], "(?s)stoxd \\d.*\nopenssl 3", "libraries"),
    "call hangup": (["{id}"], "ended {id}", "ended"),
}


def judge_json(name, out, key):
    if TABLE[name]["output"] == "lines":
        rows = [json.loads(x) for x in out.splitlines()]
        assert rows and key in rows[-1], (name, rows)
    else:
        try:
            j = json.loads(out)
        except ValueError:
            raise AssertionError((name, out))
        assert key is None or key in j, (name, j)


@case(timeout=90)
async def each_in_text_and_json(t):
    assert sorted(DO) == sorted(TABLE), set(DO) ^ set(TABLE)
    lab = await Lab(t).start()
    flow = await lab.x2s()
    for name, (args, want, key) in DO.items():
        output = TABLE[name]["output"]
        for as_json in (False, True):
            calls = json.loads(await ask(t, "--json", "calls"))
            if not calls:   # nobody answers ICE: after 15 s it has ended
                flow = await lab.x2s()
                calls = json.loads(await ask(t, "--json", "calls"))
            id = calls[0]["id"]
            argv = name.split() + [a.format(id=id) for a in args]
            if as_json and output in ("plain", "file"):
                err = await ask(t, "--json", *argv, code=2)
                assert err == "stoxctl: %s: has no JSON\n" % name, err
                continue
            out = await ask(t, *(["--json"] if as_json else []) + argv)
            if as_json:
                judge_json(name, out, key)
            elif want is None:
                assert len(out) > 24, (name, out)
            else:
                want = want.format(id=id)
                assert re.search(want, out.decode()), (name, want, out)
                assert out.endswith(b"\n"), (name, out)
            if name == "call hangup":
                await flow.sip.wait("BYE")
                if not as_json:
                    flow = await lab.x2s()
    said = re.findall(r"admin: uid 0: (.*)$", lab.stoxd.text(), re.M)
    said = {x.split(" ")[0] + " " + x.split(" ")[1] if x.split(" ")[0] in
            ("call", "log") else x.split(" ")[0] for x in said}
    assert said == {n for n in TABLE if TABLE[n]["scope"] == "write"}, said


@case
async def long_spans(t):
    """A time that is longer than the gateway counts is not a short one."""
    await Lab(t).start()
    for days in ("49711d", "99999d"):
        j = json.loads(await ask(t, "--json", "log", "level", "debug",
                                 "area=sip", "for=" + days))
        assert j["seconds_left"] == 0xffffffff, j
    err = await ask(t, "log", "level", "debug", "jid=a@" + 300 * "b", code=2)
    assert "255" in err, err


@case
async def people(t):
    """Rows of users, accounts and subscriptions: all, one's, a few."""
    a = await Accounts().start(t, {"limits": {"calls_per_day": "50"}})
    await a.registered()
    lab = a.lab
    lab.ua, was = a.registrar, lab.ua
    f = await lab.x2s(to="77@" + GATE)
    out = json.loads(await ask(t, "--json", "accounts"))
    assert len(out) == 1 and out[0]["user"] == a.alice.bare, out
    assert out[0]["registered"] is True and "bob@" in out[0]["account"], out
    assert out == json.loads(await ask(t, "--json", "accounts",
                                       "ALICE@xmpp.test/phone"))
    assert json.loads(await ask(t, "--json", "accounts",
                                "eve@xmpp.test")) == []
    assert "registered" in (await ask(t, "accounts")).decode()
    await ask(t, "accounts", "@", code=2)
    out = json.loads(await ask(t, "--json", "users"))
    assert len(out) == 1 and out[0]["calls"] == 1, out
    assert out[0]["accounts"] == 1 and out[0]["calls_day"] >= 1, out
    await lab.hang_up(f)
    lab.ua = was
    out = json.loads(await ask(t, "--json", "users", a.alice.bare))
    assert out[0]["calls"] == 0, out
    a.server.stanza("presence", a.alice.bare, "77@" + GATE, "", "subscribe")

    async def one():
        return json.loads(await ask(t, "--json", "subscriptions"))
    out = await until(one, 20, "subscription")
    assert out[0]["user"] == a.alice.bare, out
    assert out[0]["contact"] == "77@" + GATE, out
    assert json.loads(await ask(t, "--json", "subscriptions",
                                "eve@xmpp.test")) == []
    a.server.stanza("presence", a.alice.bare, "78@" + GATE, "", "subscribe")

    async def two():
        out = (await ask(t, "subscriptions", "most=1")).decode()
        return "more" in out and out
    out = await until(two, 20, "second subscription")
    assert len(out.splitlines()) == 3 and out.endswith("there are more\n"), out


# ---- one table ------------------------------------------------------------
def manual():
    """Commands of the manual, as usage() has them."""
    with open(os.path.join(ROOT, "docs/stoxctl.1")) as f:
        page = f.read()
    page = page.split("The commands are as follows:")[1]
    out = []
    for line in re.findall(r"^\.It Ic (.*)$", page, re.M):
        words, optional = [], False
        for w in line.split():
            if w in ("Ic", "Ar", "Op", "Oo", "Oc", "Ns"):
                optional |= w in ("Op", "Oo")
            elif w == "=":
                words[-1] = words[-1][:-1] + "=]"
            else:
                words.append("[%s]" % w if optional else w)
                optional = False
        out.append(" ".join(words))
    return out


@case
async def one_table(t):
    """Help, manual, completion, ad-hoc nodes and HTTP have the same."""
    names = list(TABLE)
    code, out, err = ctl(t.dir, "help")
    listed = [x.strip() for x in re.findall(
        r"^  ([a-z].*?)(?:  |$)", out.decode(), re.M)]
    listed = [x for x in listed if x]
    assert [re.match(r"[a-z]+( [a-z]+)?(?= |$)", x)[0] for x in listed][
        :len(names)] == names, listed
    assert [x.split()[0] for x in listed[len(names):]] == OWN, listed
    for name in names + OWN:
        code, out, err = ctl(t.dir, "help", *name.split())
        assert code == 0 and out.startswith(
            b"usage: stoxctl " + name.encode()), (name, out, err)

    got = manual()
    want = [usage(n) for n in names]
    assert [x for x in got if x.split()[0] not in OWN] == want, \
        [x for x in zip(got, want) if x[0] != x[1]]
    assert [x.split()[0] for x in got[len(want):]] == OWN, got

    a = await Accounts().start(t, {
        "admin": dict(http.tokens(t), admins="Root@XMPP.test")})
    r = await a.ask("get", "<query xmlns='http://jabber.org/protocol/"
                    "disco#items' node='%s'/>" % COMMANDS,
                    frm="root@xmpp.test/x")
    nodes = [e.get("node") for e in find(r, "query")
             if e.get("node").startswith("stoxd:")]
    assert nodes == ["stoxd:" + n.replace(" ", "-") for n in names
                     if TABLE[n]["output"] != "file"], nodes

    for name in names:
        read = TABLE[name]["scope"] == "read"
        path = "/api/v1/" + name.replace(" ", "/")
        r = await http.ask("GET" if read else "POST", path + "/a/b/c/d/e/f/g",
                           token=http.WRITE)
        assert r.code == 400, (name, r.code, r.body)
        r = await http.ask("POST" if read else "GET", path + "/a/b/c/d/e/f/g",
                           token=http.WRITE)
        assert r.code == 405, (name, r.code, r.body)
        if not read:
            r = await http.ask("POST", path, token=http.READ)
            assert r.code == 403, (name, r.code, r.body)
    r = await http.ask("GET", "/api/v1/nonesuch", token=http.READ)
    assert r.code == 404, r.body


# ---- stoxctl itself -------------------------------------------------------
HELP = {
    "top": "usage: stoxctl top\n"
           "status and calls, live; up and down scroll, q ends\n",
    "completion": "usage: stoxctl completion bash|zsh|fish\n"
                  "print the completion of a shell\n"
                  "  shell      Shell: one of: bash zsh fish\n",
    "help": "usage: stoxctl help [COMMAND]\n"
            "this list, or what a command takes\n"
            "  command    Command: any text\n",
}
# A command with an argument of that type, and what is said of it.
TYPES = {
    "log level": "area=      Area, as sip: any text",
    "call show": "id         Call: a call, as \"stoxctl calls\" shows it",
    "acl test": "jid        User: an XMPP address",
    "route test": "number     Number: a number as people type it",
    "address": "address    Address: an IPv4 or IPv6 address",
    "cdr": "last=      So many at most: a number above 0",
    "call media": "a time: 30s, 10m, 2h, 1d",
}


@case
async def help_in_words(t):
    """Of stoxctl's own commands all of it, of each type of argument one."""
    for name, want in HELP.items():
        code, out, err = ctl(t.dir, "help", name)
        assert (code, out.decode(), err) == (0, want, ""), (out, err)
    for name, want in TYPES.items():
        code, out, err = ctl(t.dir, "help", *name.split())
        assert code == 0 and want in out.decode(), (out, err)


@case
async def mistakes(t):
    """Each exit code, and a sentence for people."""
    await Lab(t).start()
    for argv, code, want in (
            ((), 2, "usage: stoxctl"),
            (("--fly",), 2, "usage: stoxctl"),
            (("stauts",), 2, 'did you mean "status"'),
            (("call", "show"), 2, "usage: call show ID"),
            (("call", "show", "7", "8"), 2, "usage: call show ID"),
            (("call", "show", ""), 2, "empty"),
            (("status", "x" * 9000), 2, "too long"),
            (("call", "show", "%\x1b[2J\n"), 1, "no call %?[2J?"),
            (("acl", "test", "x" * 1024), 2, "too long"),
            (("address", "1.2.3"), 2, "not an IPv4 or IPv6 address"),
            (("cdr", "since=1w"), 2, "not a time"),
            (("accounts", "most=0"), 2, "not a whole number"),
            (("log", "level", "loud"), 2, "not one of: debug"),
            (("call", "hangup", "nonesuch"), 1, "no call nonesuch"),
            (("completion", "tcsh"), 2, "not one of: bash zsh fish"),
            (("completion",), 2, "usage: completion bash|zsh|fish"),
            (("help", "stauts"), 2, 'did you mean "status"'),
            (("top", "x"), 2, "usage: top")):
        err = await ask(t, *argv, code=code)
        assert want in err, (argv, err)
        assert argv == () or "--fly" in argv or \
            err.startswith("stoxctl: "), (argv, err)
    os.unlink(t.path("stoxd.sock"))
    assert "is stoxd running" in await ask(t, "status", code=3)
    s = socket.socket(socket.AF_UNIX)
    s.bind(t.path("stoxd.sock"))
    assert "left from one that died" in await ask(t, "status", code=3)
    s.listen(1)
    for reply, want in ((b"", "no answer"), (b"0\n", None),
                        (b"1\nno\n", "stoxctl: no")):
        def serve():
            c, _ = s.accept()
            assert c.recv(100) == b"status\n"
            c.sendall(reply)
            c.close()
        job = asyncio.ensure_future(asyncio.to_thread(serve))
        code = 0 if want is None else 1 if reply else 3
        err = await ask(t, "status", code=code)
        assert want is None or want in err, err
        await job
    s.close()
    code, out, err = ctl(t.path("x" * 120), "status")
    assert code == 3 and "File name too long" in err, (code, err)


@case
async def socket_of_environment(t):
    await Lab(t).start()
    env = dict(os.environ, STOXD_SOCKET=t.path("stoxd.sock"))
    r = subprocess.run([STOXCTL, "version"], env=env, capture_output=True,
                       timeout=10)
    assert r.returncode == 0 and r.stdout.startswith(b"stoxd "), r


def complete(shell, script, words, env):
    """What a shell would offer after these words."""
    if shell == "bash":
        run = ("COMP_WORDS=(stoxctl %s); COMP_CWORD=%d; compopt() { :; }; "
               "_stoxctl; printf '%%s\\n' \"${COMPREPLY[@]}\"" % (
                   " ".join("'%s'" % w for w in words), len(words)))
        cmd = ["bash", "-c", "source %s; %s" % (script, run)]
    elif shell == "zsh":
        run = ("compadd() { local a n; while [ $# -gt 0 ]; do case $1 in "
               "-S) shift ;; --) ;; *) print -r -- \"$1\" ;; esac; shift; "
               "done }; compdef() { :; }; _files() { :; }; "
               "source %s; words=(stoxctl %s); CURRENT=%d; _stoxctl" % (
                   script, " ".join("'%s'" % w for w in words),
                   len(words) + 1))
        cmd = ["zsh", "-fc", run]
    else:
        cmd = ["fish", "--no-config", "-c", "source %s; complete -C '%s'" % (
            script, "stoxctl " + " ".join(words))]
    r = subprocess.run(cmd, capture_output=True, text=True, timeout=20,
                       env=env)
    assert not r.stderr, (shell, words, r.stderr)
    return {x.split("\t")[0] for x in r.stdout.split("\n") if x}


@case
async def completion(t):
    t.need("bash", "zsh", "fish")
    lab = await Lab(t).start()
    await lab.x2s()
    id = json.loads(await ask(t, "--json", "calls"))[0]["id"]
    path = "%s:%s" % (BUILD, os.environ["PATH"])
    env = dict(os.environ, PATH=path, STOXD_SOCKET=t.path("stoxd.sock"),
               HOME=t.dir, XDG_CONFIG_HOME=t.dir, XDG_DATA_HOME=t.dir)
    first = {n.split()[0] for n in TABLE} | set(OWN)
    for shell in ("bash", "zsh", "fish"):
        script = t.path("completion." + shell)
        with open(script, "w") as f:
            subprocess.run([STOXCTL, "-s", "/nonexistent", "completion",
                            shell], stdout=f, check=True)

        def at(*words):
            return complete(shell, script, words, env)
        got = at("")
        assert got - {"--json", "-s"} == first, (shell, got ^ first)
        for word in sorted(first - set(OWN)):
            second = {n.split()[1] for n in TABLE
                      if n.split()[0] == word and " " in n}
            assert second <= at(word, ""), (shell, word, second)
        assert at("sta") >= {"status"}, shell
        assert id in at("call", "show", ""), (shell, at("call", "show", ""))
        assert id in at("--json", "call", "hangup", ""), shell
        assert {"debug", "error"} <= at("log", "level", ""), shell
        assert at("completion", "") == {"bash", "zsh", "fish"}, shell
        got = at("cdr", "")
        assert {"since=", "jid=", "number="} <= got, (shell, got)
        assert "status" in at("help", ""), shell


class Terminal:
    """stoxctl top in a terminal of 20 lines of 60."""

    def __init__(self, t):
        self.master, self.slave = pty.openpty()
        self.size(20, 60)
        self.before = termios.tcgetattr(self.slave)
        self.p = subprocess.Popen(
            [STOXCTL, "-s", t.path("stoxd.sock"), "top"], stdin=self.slave,
            stdout=self.slave, stderr=self.slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.seen = b""

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    async def wait(self, want, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while not re.search(want, self.seen, re.S):
            assert time.monotonic() < end, (want, self.seen)
            if select.select([self.master], [], [], 0)[0]:
                self.seen += os.read(self.master, 65536)
            await asyncio.sleep(0.02)

    async def gone(self, code):
        end = time.monotonic() + PATIENCE
        while self.p.poll() is None and time.monotonic() < end:
            if select.select([self.master], [], [], 0)[0]:
                self.seen += os.read(self.master, 65536)
            await asyncio.sleep(0.02)
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536)
        assert self.p.poll() == code, (code, self.p.poll())
        assert termios.tcgetattr(self.slave) == self.before, "left raw"
        tail = self.seen[self.seen.rindex(b"\033[?1049h"):]
        assert tail.rstrip().endswith(b"\033[?25h\033[?1049l"), tail[-80:]
        os.close(self.master)
        os.close(self.slave)


@case(timeout=60)
async def top(t):
    lab = await Lab(t).start()
    flow = await lab.x2s()
    id = json.loads(await ask(t, "--json", "calls"))[0]["id"].encode()
    out = (await ask(t, "top")).decode()
    assert "stoxd " in out and id.decode() in out and "\033" not in out, out

    term = Terminal(t)
    await term.wait(b"\033\\[\\?1049h.*stoxctl top.*" + id)
    rows = term.seen.split(b"\033[H")[1].split(b"\r\n")
    assert len(rows) <= 20, rows
    term.seen = term.seen[:term.seen.index(b"\033[H")]
    await lab.hang_up(flow)             # the next frames say so
    await term.wait(b"no calls")
    term.size(5, 20)
    os.kill(term.p.pid, signal.SIGWINCH)
    await term.wait(b"\033\\[H\033\\[Kstoxctl top  [0-9:]{7}\r?\n\033\\[K")
    os.write(term.master, b"j\033[Bk")  # scrolls, no harm
    os.write(term.master, b"q")
    await term.gone(0)

    for sig, code in ((signal.SIGTERM, 143), (signal.SIGHUP, 129),
                      (signal.SIGINT, 0)):
        term = Terminal(t)
        await term.wait(b"stoxctl top")
        os.kill(term.p.pid, sig)
        await term.gone(code)

    term = Terminal(t)
    await term.wait(b"stoxctl top")
    os.kill(term.p.pid, signal.SIGTSTP)
    await term.wait(b"\033\\[\\?1049l")
    assert termios.tcgetattr(term.slave) == term.before
    os.kill(term.p.pid, signal.SIGCONT)
    term.seen = b""
    await term.wait(b"\033\\[\\?1049h.*stoxctl top")
    lab.stoxd.p.kill()
    lab.stoxd.p.wait()
    await term.wait(b"nobody listens there")
    os.write(term.master, b"q")
    await term.gone(0)
    code, out, err = ctl(t.dir, "top")
    assert code == 3 and b"is stoxd running" in out, (code, out)


# ---- by XMPP --------------------------------------------------------------
@case
async def by_xmpp(t):
    a = await Accounts().start(t, {
        "admin": {"socket": "stoxd.sock", "admins": "Alice@XMPP.test"},
        "log": {"level": "debug"}})
    f = await a.lab.x2s()
    *_, c = await a.command("stoxd:calls")
    x = find(c, "x", DATA)
    assert [e.get("var") for e in find(x, "reported")][:3] == [
        "id", "state", "age"], text(c)
    (row,) = [fields(i) for i in x if local(i) == "item"]
    assert row["state"] == ["active"] and row["codec"] != ["-"], row
    name = row["id"][0]
    *_, c = await a.command("stoxd:status")
    x = fields(find(c, "x", DATA))
    assert any(v.startswith("xmpp sip.xmpp.test") for v in x["result"]), x
    st, _, _, note, c = await a.command("stoxd:accounts")
    assert st == "executing", text(c)
    st, _, _, note, c = await a.one_step("stoxd:accounts", {"jid": ""})
    assert st == "completed" and note == "no accounts", text(c)

    # a form from the arguments: a call is chosen among those that run
    st, id, _, _, c = await a.command("stoxd:call-hangup")
    field = [e for e in find(c, "x", DATA) if e.get("var") == "id"][0]
    assert field.get("type") == "list-single", text(c)
    assert find(field, "required") is not None, text(c)
    assert [find(o, "value").text for o in field
            if local(o) == "option"] == [name], text(c)
    st, _, _, note, c = await a.command("stoxd:call-hangup", {}, id)
    assert st == "completed" and note == "usage: call hangup ID", text(c)
    st, _, v, note, c = await a.one_step("stoxd:call-hangup", {"id": name})
    assert v["result"] == ["ended " + name], text(c)
    await a.lab.ended_in_xmpp(f)
    st, _, _, note, c = await a.one_step("stoxd:call-hangup", {"id": name})
    assert note == "no call " + name, text(c)
    assert find(c, "note").get("type") == "error", text(c)
    st, id, _, _, c = await a.command("stoxd:log-level")
    field = [e for e in find(c, "x", DATA) if e.get("var") == "level"][0]
    assert [find(o, "value").text for o in field if local(o) == "option"][
        0] == "debug", text(c)
    st, _, _, note, c = await a.command("stoxd:log-level",
                                        {"level": "loud"}, id)
    assert "not one of" in note, text(c)
    st, _, v, note, c = await a.one_step(
        "stoxd:route-test", {"number": "<b>600</b>", "jid": a.alice.bare})
    assert st == "completed", text(c)
    assert "admin: alice@xmpp.test: call hangup " + name in \
        a.lab.stoxd.text()


@case
async def by_xmpp_at_most(t):
    """Lines of nothing are elements: a stanza stays one that servers take."""
    a = await Accounts().start(t, {"admin": {
        "socket": "stoxd.sock", "admins": "alice@xmpp.test"}})
    for _ in range(8):
        await a.lab.ua.request("OPTIONS", "sip:127.0.0.1:5070",
                               body="\n" * 14000)
    st, _, v, note, c = await a.one_step("stoxd:trace", {"text": ""})
    assert st == "completed" and "cut off" in note, (st, note)
    assert 1000 < len(v["result"]) < 10000, len(v["result"])
    assert len(text(c)) < 300000, len(text(c))


@case
async def by_xmpp_for_admins_alone(t):
    a = await Accounts().start(t, {"admin": {
        "socket": "stoxd.sock", "admins": "alice@xmpp.test, "
        "op@elsewhere.test"}})
    items = "<query xmlns='http://jabber.org/protocol/disco#items' " \
        "node='%s'/>" % COMMANDS
    info = "<query xmlns='http://jabber.org/protocol/disco#info' " \
        "node='stoxd:calls'/>"
    run = "<command xmlns='%s' node='%%s'/>" % COMMANDS

    async def seen(frm):
        r = await a.ask("get", items, frm=frm)
        if r.get("type") == "error":
            return condition(r)[0]
        return [e.get("node") for e in find(r, "query")]
    mine = await seen("ALICE@xmpp.test/other")
    assert "stoxd:calls" in mine and "sip:status" in mine, mine
    theirs = await seen("op@elsewhere.test/x")
    assert theirs == [n for n in mine if n.startswith("stoxd:")], theirs
    for frm, got in (("bob@xmpp.test/x", None),
                     ("alice@xmpp.test.evil/x", "forbidden"),
                     ("alice@xmpp.tes/x", "forbidden"),
                     ("malice@xmpp.test/x", None),
                     ("xmpp.test", None),
                     ("alice\\40xmpp.test@xmpp.test/x", None),
                     ("root@elsewhere.test/x", "forbidden")):
        v = await seen(frm)
        if got:
            assert v == got, (frm, v)
        else:
            assert v == "forbidden" or not any(
                n.startswith("stoxd:") for n in v), (frm, v)
        r = await a.ask("get", info, frm=frm)
        assert r.get("type") == "error", (frm, text(r))
        for node in ("stoxd:calls", "stoxd:call-hangup"):
            r = await a.ask("set", run % node, frm=frm)
            assert condition(r)[0] == "forbidden", (frm, text(r))
    r = await a.ask("set", run % "stoxd:calls", frm="op@elsewhere.test/x")
    assert r.get("type") == "result", text(r)
    r = await a.ask("set", run % "sip:status", frm="op@elsewhere.test/x")
    assert condition(r)[0] == "forbidden", text(r)
    # another's session is nobody else's
    st, id, *_ = await a.command("stoxd:call-hangup")
    r = await a.ask("set", "<command xmlns='%s' node='stoxd:call-hangup' "
                    "sessionid='%s'/>" % (COMMANDS, id),
                    frm="op@elsewhere.test/x")
    assert condition(r) == ("bad-request", "bad-sessionid"), text(r)


# ---- the socket -----------------------------------------------------------
def mode(path):
    s = os.stat(path)
    return s.st_mode & 0o777, s.st_uid, s.st_gid


def way_in(t):
    """For others to the folder, as to /run/stoxd."""
    top = t.dir
    while top != "/":
        bits = os.stat(top).st_mode
        if bits & 0o055 != 0o055:
            os.chmod(top, bits | 0o055)
        top = os.path.dirname(top)


@case
async def socket_is_ours_alone(t):
    other_users()
    await Lab(t).start()
    assert mode(t.path("stoxd.sock")) == (0o600, os.getuid(), os.getgid())
    way_in(t)
    shutil.copy(STOXCTL, t.path("stoxctl"))
    os.chmod(t.path("stoxctl"), 0o755)
    r = subprocess.run([t.path("stoxctl"), "-s", t.path("stoxd.sock"),
                        "status"], user=65534, group=65534, extra_groups=[],
                       capture_output=True, text=True, timeout=10)
    assert r.returncode == 3 and "you may not use it" in r.stderr, r


@case
async def socket_of_a_group(t):
    other_users()
    group = grp.getgrgid(65534).gr_name
    await Lab(t).start({"admin": {"socket": "stoxd.sock",
                                  "socket_group": group}})
    await until(lambda: os.path.exists(t.path("stoxd.sock"))
                and mode(t.path("stoxd.sock"))[0] == 0o660, 20, "socket")
    assert mode(t.path("stoxd.sock")) == (0o660, os.getuid(), 65534)
    way_in(t)
    shutil.copy(STOXCTL, t.path("stoxctl"))
    os.chmod(t.path("stoxctl"), 0o755)
    argv = [t.path("stoxctl"), "-s", t.path("stoxd.sock"), "version"]
    r = subprocess.run(argv, user=65534, group=65534, extra_groups=[],
                       capture_output=True, text=True, timeout=10)
    assert r.returncode == 0, r
    r = subprocess.run(argv, user=65534, group=65533, extra_groups=[],
                       capture_output=True, text=True, timeout=10)
    assert r.returncode == 3 and "you may not use it" in r.stderr, r


@case
async def socket_of_no_group(t):
    lab = Lab(t)
    try:
        await lab.start({"admin": {"socket": "stoxd.sock",
                                   "socket_group": "nonesuch"}})
    except Exception:
        pass
    assert "there is no group nonesuch" in lab.stoxd.text()
    assert not os.path.exists(t.path("stoxd.sock"))


def fds(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def resident(pid):
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * 4     # kB


def dial(t, data=None, timeout=5):
    s = socket.socket(socket.AF_UNIX)
    s.connect(t.path("stoxd.sock"))
    s.settimeout(timeout)
    if data is not None:
        try:
            s.sendall(data)
        except OSError:
            pass
    return s


def answer(s):
    """All that comes; None when it was cut."""
    out = b""
    try:
        while True:
            b = s.recv(65536)
            if not b:
                return out
            out += b
    except OSError:
        return None if not out else out
    finally:
        s.close()


@case(timeout=120)
async def ten_thousand_in_turn(t):
    lab = await Lab(t).start()
    pid = lab.stoxd.p.pid

    def run(n):
        good = 0
        for i in range(n):
            kind = i % 5
            s = dial(t, (b"version\n", b"nonesuch\n", b"call show 7\n",
                         b"half", None)[kind])
            if kind < 3:
                good += answer(s)[:1] == (b"0", b"2", b"1")[kind]
            else:
                s.close()
        return good
    await asyncio.to_thread(run, 500)
    had, mem = fds(pid), resident(pid)
    assert await asyncio.to_thread(run, 10000) == 6000
    await asyncio.sleep(0.3)
    assert fds(pid) <= had, (had, fds(pid))
    grown = resident(pid) - mem
    assert sanitized(lab.stoxd) or grown < 1024, (mem, grown)
    await ask(t, "status")


@case
async def many_at_once(t):
    """Who holds places and asks for nothing gives way to who asks."""
    lab = await Lab(t).start()
    had = fds(lab.stoxd.p.pid)
    held = [dial(t) for _ in range(200)]
    for _ in range(5):
        await ask(t, "version")
    asked = [dial(t, b"status\n") for _ in range(50)]
    answers = [answer(s) for s in asked]
    assert sum(a is not None and a.startswith(b"0\n")
               for a in answers) >= 16, answers
    assert fds(lab.stoxd.p.pid) <= had + 40
    for s in held:
        s.close()
    await asyncio.sleep(0.3)
    assert fds(lab.stoxd.p.pid) <= had


@case
async def bad_requests(t):
    lab = await Lab(t).start()
    had = fds(lab.stoxd.p.pid)
    for data, want in ((b"x" * 100000, None), (b"\0\n", b"2"),
                       (b"\n", b"2"), (b"   \n", b"2"), (b"json\n", b"2"),
                       (b"call show %zz\n", b"2"),
                       (b"call show \xff\xfe\x1b[2J\r\n", b"1"),
                       (b"status" + b" x" * 4000 + b"\n", b"2"),
                       (b"a" * 8190 + b"\n", b"2"),
                       (b"%41" * 2000 + b"\n", b"2"),
                       (b"version\nversion\nversion\n", b"0")):
        got = answer(dial(t, data))
        if want is None:
            assert not got, got
        else:
            assert got and got[:1] == want, (data[:20], got)
            assert b"\x1b" not in got and len(got) < 2000, got
    await ask(t, "version")
    s = dial(t, b"vers")                # in two pieces
    await asyncio.sleep(0.2)
    s.sendall(b"ion\n")
    assert answer(s).startswith(b"0\nstoxd ")
    s = dial(t, b"version\n")           # and half closed
    s.shutdown(socket.SHUT_WR)
    assert answer(s).startswith(b"0\nstoxd ")
    await asyncio.sleep(0.2)
    assert fds(lab.stoxd.p.pid) <= had


@case(timeout=60, waits=12)
async def slow_pager(t):
    """Who reads stoxctl may take longer than the gateway waits for it."""
    lab = await Lab(t).start()
    full = b""
    while len(full) < 600000:
        await lab.ua.request("OPTIONS", "sip:127.0.0.1:5070",
                             body="x" * 14000)
        full = await ask(t, "trace")
    p = subprocess.Popen([STOXCTL, "-s", t.path("stoxd.sock"), "trace"],
                         stdout=subprocess.PIPE)
    await asyncio.sleep(12)
    out, _ = await asyncio.to_thread(p.communicate)
    assert p.returncode == 0 and out.startswith(full), (len(out), len(full))
    with open("/dev/full", "wb") as f:
        p = subprocess.Popen([STOXCTL, "-s", t.path("stoxd.sock"), "trace"],
                             stdout=f, stderr=subprocess.PIPE)
        _, err = await asyncio.to_thread(p.communicate)
    assert p.returncode == 1 and b"No space" in err, (p.returncode, err)


@case(timeout=40)
async def slow_and_half(t):
    """Half a line, and an answer that nobody takes: 10 s, then it is over."""
    lab = await Lab(t).start()
    had = fds(lab.stoxd.p.pid)
    half = dial(t, b"stat", timeout=20)
    lazy = socket.socket(socket.AF_UNIX)
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    lazy.connect(t.path("stoxd.sock"))
    lazy.sendall(b"metrics\n")
    drip = dial(t)
    start = time.monotonic()

    async def dripping():
        for c in b"statusstatusstatusstatusstatus":
            try:
                drip.send(bytes([c]))
            except OSError:
                return
            await asyncio.sleep(0.5)
    job = asyncio.ensure_future(dripping())
    assert await asyncio.to_thread(half.recv, 10) == b""
    assert 8 < time.monotonic() - start < 15
    await job
    assert fds(lab.stoxd.p.pid) <= had + 1
    await ask(t, "version")
    lazy.close()
