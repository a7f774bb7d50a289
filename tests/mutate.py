#!/usr/bin/python3
# mutate.py [-k TEXT] [--sample N] [--seed S] [-j N] [--units] [--list]: flips
# each entry of each table and each step of each state machine, one at a time,
# in a copy of the tree: every mutant must fail a test.  A mutant is one file
# compiled and linked before the archives of a unit program: first those of
# the file's folder, the one that killed the last mutant of that file before
# the others, then quickest first, to the first failure; then those of other
# folders that hold the file; what survives them meets the integration tests
# of CASES.  A failure of what takes over a second counts when it comes twice.
# Left out is what only a log line can show: strings of a table, or of a
# member of a table's struct, that no code names but calls of log_*(); the
# row of NULL that ends a table; and what compiles to the same.  A sentence is
# emptied, a word or number made another, 1 made 0.
# Prints the survivors and "N passed, N failed".  -k: files or tables whose
# name contains TEXT; several with commas.  --sample: N of them, drawn by S.
# --units: units alone; --own: those of the file's folder alone.
import argparse
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get("B", "build"))
TREE = os.path.join(BUILD, "mutate")
MAKE = ["make", "-s", "B=build", "OPT=-O0", "HARDEN=", "WERROR=-w"]

# Which integration cases see a file fail: the first that fits.
CASES = (
    ("gateway/bridge/reason", "e5/"),
    ("gateway/bridge/join", "clients/,sipside/,xmppside/"),
    ("gateway/bridge/presence", "/presence/"),
    ("gateway/bridge/pidf", "/presence/"),
    ("gateway/bridge/account", "accounts/,commands/,/publish/"),
    ("gateway/bridge/chat", "/chat/"),
    ("gateway/bridge/imdn", "/chat/"),
    ("gateway/bridge/callend", "records/,e5/,e4/"),
    ("gateway/bridge/", "e4/,admin/,races/,keys/"),
    ("gateway/jingle/", "e4/,traps/,xmppside/,races/"),
    ("gateway/sip/subscribe", "/presence/"),
    ("gateway/sip/noti", "/presence/"),
    ("gateway/sip/message", "/chat/"),
    ("gateway/sip/cpim", "/chat/"),
    ("gateway/sip/farewell", "/crash/"),
    ("gateway/sip/stack", "transports/,sipside/,hardening_sip/"),
    ("gateway/sip/", "sipside/,e4/,races/,hardening_sip/"),
    ("gateway/xmpp/register", "accounts/"),
    ("gateway/xmpp/", "xmppside/,reconnect/,hardening_xmpp/"),
    ("gateway/media/", "hardening_media/,counters/,clients/,keys/"),
    ("gateway/base/config", "config_corpus/,keys/"),
    ("gateway/base/store", "accounts/,admin/"),
    ("gateway/base/", "keys/,admin/,sipside/"),
    ("gateway/admin/init", "/init/"),
    ("gateway/admin/doctor", "/doctor/"),
    ("gateway/admin/life", "/life/"),
    ("gateway/admin/cdr", "records/"),
    ("gateway/admin/metrics", "metrics/,counters/"),
    ("gateway/admin/web", "/web/"),
    ("gateway/admin/stoxctl", "/commands/"),
    ("gateway/admin/cmd_log", "/trace/,/commands/"),
    ("gateway/admin/", "admin/,commands/,counters/"),
    ("sdp/", "sipside/,hardening_sip/,clients/"),
)

TABLE = re.compile(r"^(?:static )?const (?:struct (?:\w+ )?\{[^}]*\} |"
                   r"(?:\w+ )+\**(?:const )?\**)"
                   r"(\w+)\[[^\]]*\](?:\[[^\]]*\])? = \{", re.M)
WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\b\d+u?\b|\b[A-Z][A-Z0-9_]{2,}\b')
LOG = re.compile(r"\blog_(?:debug|info|warning|error)\(")
GAP = re.compile(r'"(?:[^"\\]|\\.)*"|/\*.*?\*/' r"|'(?:[^'\\]|\\.)+'",
                 re.S)
ENTER = re.compile(r"\b(\w+_enter)\(([^,()]+), ([A-Z][A-Z0-9_]+)\)")


def sources(ends=(".c",)):
    for top in ("gateway", "sdp"):
        for d, _, files in sorted(os.walk(os.path.join(ROOT, top))):
            for f in sorted(files):
                if f.endswith(ends):
                    yield os.path.relpath(os.path.join(d, f), ROOT)


def body_end(text, at, pair="{}"):
    """Index after the bracket that closes the one before at."""
    depth = 1
    while depth and at < len(text):
        if text[at] in "\"'/" and GAP.match(text, at):
            at = GAP.match(text, at).end()
            continue
        depth += {pair[0]: 1, pair[1]: -1}.get(text[at], 0)
        at += 1
    return at


class Silent:
    """The tree as it reads without comments, strings and log calls."""

    def __init__(self):
        self.files = {}
        for path in sources((".c", ".h")):
            with open(os.path.join(ROOT, path)) as f:
                text = f.read()
            while True:
                log = LOG.search(text)
                if not log:
                    break
                end = body_end(text, log.end(), "()")
                text = text[:log.start()] + text[end:]
            self.files[path] = GAP.sub(" ", text)

    def uses(self, pattern, path=None):
        """(file, match) of each place; path: there alone."""
        for f, text in self.files.items():
            if path in (None, f):
                for m in re.finditer(pattern, text):
                    yield f, m

    def named(self, name, path=None):
        """Does code name it, beside its definition and functions that give
        it away and are not called by other code themselves?"""
        for f, m in self.uses(r"\b%s\b" % name, path):
            text = self.files[f]
            line = text[text.rfind("\n", 0, m.start()) + 1:
                        text.find("\n", m.start())]
            if re.match(r"(static )?const .*\[.*= \{|[\w *]+\b%s\(.*[;,)]?$"
                        % name, line) and not line.startswith("\t"):
                continue
            if "ARRAY_SIZE(" + name in line:
                continue
            giver = re.search(r"\n[\w *]+\b(\w+)\([^{}]*\)\n\{(?:[^}]*)$",
                              text[:m.start()])
            if "return" in line and giver and giver.group(1) != name and \
                    not self.named(giver.group(1)):
                continue
            return True
        return False

    def members(self, table, path):
        """Of a table's struct, those that only log calls name."""
        m = re.match(r"(?:static )?const struct (?:(?:\w+ )?\{([^}]*)\}|"
                     r"(\w+) )",
                     table.group())
        if not m:
            return [], set()
        body, where = m.group(1), path
        access = r"\b%s\[[^;]*?\]\.%%s\b" % table.group(1)
        if m.group(2):
            where, found = next(self.uses(r"struct %s \{([^}]*)\}"
                                          % m.group(2)))
            body = found.group(1)
            where = None if where.endswith(".h") else where
            access = r"(?:\.|->)%s\b(?! =[^=])"
        names = re.findall(r"(\w+)(?:\[[^\]]*\])?\s*[,;]",
                           GAP.sub(" ", body))
        return names, {n for n in names if not any(
            self.uses(access % n, where))}


def flipped(word, others):
    """Another value for a table's word, or None."""
    if word[0] == '"':
        if " " in word.strip('" '):
            return '""'
        return word[:max(len(word) - 2, 1)] + '~"'
    if word in ("1", "1u"):
        return "0"              # both may count as true
    if word[0].isdigit():
        return "%d" % (int(word.rstrip("u")) + 1)
    if word in ("NULL", "ARRAY_SIZE"):
        return None
    prefix = word.split("_")[0]
    for o in others:
        if o != word and o.split("_")[0] == prefix:
            return o
    return None


def member_at(body, at, names):
    """Which member of its row's struct the word at that place is, or None."""
    row = body.rfind("{", 0, at)
    if row < 0:
        return None
    before = re.sub(r'"(?:[^"\\]|\\.)*"', "", body[row + 1:at])
    named = re.search(r"\.(\w+) = [^,]*$", before)
    if named:
        return named.group(1)
    n = before.count(",")
    return names[n] if n < len(names) else None


def mutants(path, silent):
    """(line, what, text of the whole file with one flip)"""
    with open(os.path.join(ROOT, path)) as f:
        text = f.read()
    for t in TABLE.finditer(text):
        end = body_end(text, t.end())
        body = text[t.end():end]
        # without comments and characters, which may be quotes
        clean = GAP.sub(lambda m: m.group() if m.group()[0] == '"'
                        else " " * len(m.group()), body)
        words = [w for w in WORD.finditer(clean)
                 if clean[w.start() - 1] != "["]
        names = [w.group() for w in words]
        members, quiet = silent.members(t, path)
        quiet_table = not members and t.group().startswith("static") and \
            not silent.named(t.group(1), path)
        for w in words:
            new = flipped(w.group(), names)
            if new is None:
                continue
            row = clean.rfind("{", 0, w.start())
            if clean.startswith("{NULL,", row):
                continue        # the row that ends a table
            if w.group()[0] == '"' and re.match(
                    r'\s*"', clean[w.end():]):
                continue        # the next literal goes on with it
            if w.group()[0] == '"' and (quiet_table or member_at(
                    clean, w.start(), members) in quiet):
                continue
            first = re.search(r'(?:"(?:[^"\\]|\\.)*"\s*)*$',
                              clean[:w.start()])
            a, b = t.end() + first.start(), t.end() + w.end()
            if first.group():
                new = '""'
            yield (text.count("\n", 0, a) + 1, "%s: %s -> %s" % (
                t.group(1), w.group(), new), text[:a] + new + text[b:])
    steps = list(ENTER.finditer(text))
    for s in steps:
        new = next((o.group(3) for o in steps
                    if o.group(1) == s.group(1)
                    and o.group(3) != s.group(3)), None)
        if new:
            yield (text.count("\n", 0, s.start()) + 1, "%s: %s -> %s" % (
                s.group(1), s.group(3), new),
                text[:s.start(3)] + new + text[s.end(3):])


def run(argv, seconds, out=subprocess.DEVNULL, **env):
    """True: it ended with status 0 in time."""
    p = subprocess.Popen(
        argv, cwd=TREE, stdout=out, stderr=subprocess.DEVNULL,
        start_new_session=True, env=dict(os.environ, **env))
    try:
        return p.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, 9)
        p.wait()
        return False


def folder_of(path):
    return "sdp" if path.startswith("sdp/") else path.split("/")[1]


def copy_tree():
    """What changed since the last time, so that make has little to do."""
    seen = {"build"}
    for x in ("gateway", "sdp", "tests", "conf", "docs"):
        for d, dirs, files in os.walk(os.path.join(ROOT, x)):
            dirs[:] = [n for n in dirs if n not in (
                "node_modules", "__pycache__")]
            for f in files:
                seen.add(os.path.relpath(os.path.join(d, f), ROOT))
    seen.add("Makefile")
    for d, _, files in os.walk(TREE):
        for f in files:
            name = os.path.relpath(os.path.join(d, f), TREE)
            if name.split("/")[0] != "build" and name not in seen:
                os.unlink(os.path.join(d, f))
    for name in seen - {"build"}:
        old, new = os.path.join(ROOT, name), os.path.join(TREE, name)
        if not os.path.exists(new) or \
                os.stat(old).st_mtime != os.stat(new).st_mtime:
            os.makedirs(os.path.dirname(new), exist_ok=True)
            shutil.copy2(old, new)


def passes(program, tap, seconds):
    """run() of a Check program, ended with its first failure."""
    tap = os.path.join(TREE, tap)
    open(tap, "w").close()
    p = subprocess.Popen(
        [program], cwd=TREE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
        env=dict(os.environ, CK_TAP_LOG_FILE_NAME=tap))
    end = time.monotonic() + seconds
    while p.poll() is None:
        with open(tap) as f:
            failed = "\nnot ok" in f.read()
        if failed or time.monotonic() > end:
            p.terminate()       # Check ends its test, too
            p.wait()
            return False
        time.sleep(0.02)
    return p.returncode == 0


class Unit:
    """A unit program: what it is made of and how long it takes."""

    def __init__(self, name, libs):
        self.name = name
        self.libs = libs
        self.obj = "build/tests/unit/%s.o" % name
        with open(os.path.join(TREE, self.obj[:-2] + ".d")) as f:
            self.includes = {os.path.normpath(w) for w in
                             f.read().replace("\\\n", " ").split()}
        nm = subprocess.run(
            ["nm", "--defined-only", "build/unit/" + name], cwd=TREE,
            stdout=subprocess.PIPE, text=True, check=True).stdout
        self.names = {w.split()[-1] for w in nm.splitlines()
                      if w.split()[-2] in "TDBRtdbr"}
        self.sound, self.took, self.killed = None, 0, set()

    def measure(self):
        if self.sound is None:
            start = time.monotonic()
            self.sound = run(["build/unit/" + self.name], 300)
            self.took = time.monotonic() - start
            if not self.sound:
                print("mutate: %s fails without a mutant; left out"
                      % self.name, flush=True)
        return self.sound


class Lab:
    """The copy of the tree, built once."""

    def __init__(self, own):
        self.own = own
        copy_tree()
        objs = ["build/tests/unit/" + f[:-2] + ".o" for f in os.listdir(
            os.path.join(TREE, "tests", "unit"))
            if re.match(r"[a-z]+_\w+\.c$", f)]
        if not run(MAKE + ["-j2", "all"], 1800, MAKEFLAGS=""):
            sys.exit("mutate: the tree does not build")
        run(MAKE + ["-j2", "-k", "units"] + objs, 1800, MAKEFLAGS="")
        out = subprocess.run(
            MAKE + ["flags"], cwd=TREE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, MAKEFLAGS=""), check=True).stdout
        flags = dict(line.split(" ", 1) for line in out.splitlines())
        self.cc = shlex.split(flags["compile"])
        self.ld = shlex.split(flags["link"])
        if shutil.which("ld.lld"):      # half the time of the other
            self.ld.append("-fuse-ld=lld")
        self.libs = shlex.split(flags["libs"])
        self.units = []
        for k, v in sorted(flags.items()):
            if not k.startswith("unit:"):
                continue
            if os.path.exists(os.path.join(TREE, "build", "unit", k[5:])):
                self.units.append(Unit(k[5:], v.split()))
            else:
                print("mutate: %s does not build; left out" % k[5:])
        self.lock = threading.Lock()

    def exports(self, obj):
        nm = subprocess.run(["nm", "-g", "--defined-only", obj], cwd=TREE,
                            stdout=subprocess.PIPE, text=True).stdout
        return {w.split()[-1] for w in nm.splitlines()}

    def concerned(self, path, obj):
        """Unit programs that hold that file: its folder's, then others; in
        each the killers of its mutants, then the quick."""
        mine = self.exports(obj)
        folder = folder_of(path) + "_"
        with self.lock:
            holders = [u for u in self.units
                       if path in u.includes or mine & u.names]
        for own in (True, False):
            with self.lock:
                some = sorted((u for u in holders if
                               u.name.startswith(folder) == own
                               and u.measure()),
                              key=lambda u: (path not in u.killed, u.took)) \
                    if own or not self.own else []
            yield from some


class Bench:
    """One mutant at a time, in a folder of its own laid over the tree."""

    def __init__(self, lab, n):
        self.lab = lab
        self.dir = "bench%d" % n
        self.objects = {}

    def at(self, *names):
        return os.path.join(self.dir, *names)

    def compile(self, source, obj):
        return run(self.lab.cc[:1] + ["-I" + self.dir,
                                      "-I" + self.at("gateway")]
                   + self.lab.cc[1:]
                   + ["-iquote", os.path.dirname(os.path.relpath(
                       source, self.dir)), "-MF", "/dev/null", "-c", "-o",
                      obj, source], 120)

    def link(self, out, objs, libs):
        """What stands before the archives is taken instead of theirs.
        False: the program has functions of that file itself."""
        return run(self.lab.ld + ["-o", out] + objs + ["-Wl,--start-group"]
                   + libs + ["-Wl,--end-group"] + self.lab.libs, 120)

    def unit(self, u, path, obj):
        """False: it fails on the mutant."""
        objs = [u.obj, obj]
        if path in u.includes:
            objs = [self.at("test.o")]
            if not self.compile("tests/unit/%s.c" % u.name, objs[0]):
                return True
        if not self.link(self.at("unit"), objs, u.libs):
            return True
        return any(passes(self.at("unit"), self.at("tap"), 20 + 6 * u.took)
                   for _ in range(2 if u.took > 1 else 1))

    def programs(self, path, obj):
        """stoxd and stoxctl in b, one of them with that object in it."""
        os.makedirs(os.path.join(TREE, self.at("b")), exist_ok=True)
        if "/stoxctl" in path:      # see the Makefile
            own = [os.path.join("build/gateway/admin", f) for f in os.listdir(
                os.path.join(TREE, "build/gateway/admin"))
                if f == "table_names.o" or f.startswith("stoxctl")
                and f.endswith(".o") and f != os.path.basename(obj)]
            made, kept, libs = "stoxctl", "stoxd", []
            objs = own + ["build/gateway/base/near.o", obj]
        else:
            made, kept = "stoxd", "stoxctl"
            libs = sorted("build/" + f for f in os.listdir(
                os.path.join(TREE, "build"))
                if f.endswith(".a") and "libreason" not in f)
            objs = ["build/gateway/main.o", obj]
        shutil.copy(os.path.join(TREE, "build", kept),
                    os.path.join(TREE, self.at("b")))
        if not self.link(self.at("b", made), objs, libs):
            sys.exit("mutate: %s does not link" % made)

    def integration(self, path, obj):
        self.programs(path, obj)
        cases = next(c for f, c in CASES if path.startswith(f)).split(",")
        with self.lab.lock:
            for _ in range(2):
                with open(os.path.join(TREE, self.at("out")), "w+") as out:
                    if run(["tests/run", "integration", "-j", "6"] + [
                            w for c in cases for w in ("-k", c)], 900, out,
                           B=self.at("b")):
                        return True
                    out.seek(0)
                    cases = re.findall(r"^FAILED (\S+):", out.read(), re.M)
        return False

    def original(self, path):
        """The object of that file as it is."""
        if path not in self.objects:
            obj = self.at("original.o")
            self.compile(path, obj)
            with open(os.path.join(TREE, obj), "rb") as f:
                self.objects[path] = f.read()
        return self.objects[path]

    def killed(self, path, text, units_only):
        """None: it does not build, or to the same; True: a test fails."""
        shutil.rmtree(os.path.join(TREE, self.dir), ignore_errors=True)
        target = os.path.join(TREE, self.at(path))
        os.makedirs(os.path.dirname(target))
        with open(target, "w") as f:
            f.write(text)
        obj = self.at(os.path.basename(path)[:-2] + ".o")
        if not self.compile(self.at(path), obj):
            return None
        with open(os.path.join(TREE, obj), "rb") as f:
            if f.read() == self.original(path):
                return None     # names of one value
        for u in self.lab.concerned(path, obj):
            if not self.unit(u, path, obj):
                u.killed.add(path)
                return True
        return not units_only and not self.integration(path, obj)


def work(bench, todo, units_only, counts):
    while True:
        with bench.lab.lock:
            if not todo:
                return
            path, line, what, text = todo.pop(0)
        dead = bench.killed(path, text, units_only)
        with bench.lab.lock:
            counts[dead] += 1
            if dead is False:
                print("SURVIVES %s:%d: %s" % (path, line, what), flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-k", default="")
    p.add_argument("-j", type=int, default=2)
    p.add_argument("--sample", type=int, default=0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--units", action="store_true")
    p.add_argument("--own", action="store_true")
    p.add_argument("--list", action="store_true")
    o = p.parse_args()
    silent = Silent()
    todo = [(f,) + m for f in sources() for m in mutants(f, silent)
            if any(k in f or k in m[1] for k in o.k.split(","))]
    if o.sample and o.sample < len(todo):
        todo = random.Random(o.seed).sample(todo, o.sample)
    if o.list:
        for f, line, what, _ in todo:
            print("%s:%d: %s" % (f, line, what))
        print("%d mutants" % len(todo))
        return 0
    lab = Lab(o.own)
    counts = {True: 0, False: 0, None: 0}
    benches = [threading.Thread(target=work, args=(
        Bench(lab, n), todo, o.units, counts)) for n in range(o.j)]
    for b in benches:
        b.start()
    for b in benches:
        b.join()
    if counts[None]:
        print("%d do not compile, or to the same" % counts[None])
    print("%d passed, %d failed" % (counts[True], counts[False]))
    return 1 if counts[False] else 0


sys.exit(main())
