#!/usr/bin/python3
# mutate.py [-k TEXT] [--sample N] [--seed S] [-j N] [--units] [--list]: flips
# each entry of each table and each step of each state machine, one at a time,
# in a copy of the tree: every mutant must fail a test.  A mutant is one file
# compiled, the unit programs that hold it linked and run, quickest first; what
# survives them meets the integration tests.  Prints the survivors and
# "N passed, N failed".  -k: files or tables whose name contains TEXT; several
# with commas.  --sample: N of them, drawn by S.  --units: units alone.
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

TABLE = re.compile(r"^(?:static )?const (?:struct \{[^}]*\} |(?:struct )?"
                   r"[\w ]+\**\s*(?:const )?\**)"
                   r"(\w+)\[[^\]]*\](?:\[[^\]]*\])? = \{", re.M)
WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\b\d+u?\b|\b[A-Z][A-Z0-9_]{2,}\b')
ENTER = re.compile(r"\b(\w+_enter)\(([^,()]+), ([A-Z][A-Z0-9_]+)\)")


def sources():
    for top in ("gateway", "sdp"):
        for d, _, files in sorted(os.walk(os.path.join(ROOT, top))):
            for f in sorted(files):
                if f.endswith(".c"):
                    yield os.path.relpath(os.path.join(d, f), ROOT)


def body_end(text, at):
    """Index after the brace that closes the one before at."""
    depth = 1
    while depth and at < len(text):
        if text[at] == '"':
            at = re.compile(r'"(?:[^"\\]|\\.)*"').match(text, at).end() - 1
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return at


def flipped(word, others):
    """Another value for a table's word, or None."""
    if word[0] == '"':
        return word[:-1] + '~"' if len(word) > 2 else '"~"'
    if word[0].isdigit():
        return "%d" % (int(word.rstrip("u")) + 1)
    if word in ("NULL", "ARRAY_SIZE"):
        return None
    prefix = word.split("_")[0]
    for o in others:
        if o != word and o.split("_")[0] == prefix:
            return o
    return None


def mutants(path):
    """(line, what, text of the whole file with one flip)"""
    with open(os.path.join(ROOT, path)) as f:
        text = f.read()
    for t in TABLE.finditer(text):
        end = body_end(text, t.end())
        body = text[t.end():end]
        clean = re.sub(r"/\*.*?\*/", lambda m: " " * len(m.group()), body,
                       flags=re.S)
        words = [w for w in WORD.finditer(clean)
                 if clean[w.start() - 1] != "["]
        names = [w.group() for w in words]
        for w in words:
            new = flipped(w.group(), names)
            if new is None:
                continue
            a, b = t.end() + w.start(), t.end() + w.end()
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


def run(argv, seconds, **env):
    """True: it ended with status 0 in time."""
    try:
        p = subprocess.Popen(
            argv, cwd=TREE, stdout=subprocess.DEVNULL, start_new_session=True,
            stderr=subprocess.DEVNULL, env=dict(os.environ, **env))
        return p.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, 9)
        p.wait()
        return False


class Unit:
    """A unit program: what it is made of and how long it takes."""

    def __init__(self, name, libs):
        self.name = name
        self.libs = libs
        self.obj = "build/tests/unit/%s.o" % name
        with open(os.path.join(TREE, self.obj[:-2] + ".d")) as f:
            self.includes = set(f.read().replace("\\\n", " ").split())
        nm = subprocess.run(
            ["nm", "--defined-only", "build/unit/" + name], cwd=TREE,
            stdout=subprocess.PIPE, text=True, check=True).stdout
        self.names = {w.split()[-1] for w in nm.splitlines()
                      if w.split()[-2] in "TDBRtdbr"}
        self.sound, self.took = None, 0

    def measure(self):
        if self.sound is None:
            start = time.monotonic()
            self.sound = run(["build/unit/" + self.name], 180)
            self.took = time.monotonic() - start
            if not self.sound:
                print("mutate: %s fails without a mutant; left out"
                      % self.name, flush=True)
        return self.sound


class Lab:
    """The copy of the tree, built once."""

    def __init__(self):
        shutil.rmtree(TREE, ignore_errors=True)
        os.makedirs(TREE)
        for x in ("gateway", "sdp", "tests", "conf", "Makefile"):
            subprocess.run(["cp", "-r", os.path.join(ROOT, x), TREE],
                           check=True)
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
        """Unit programs that hold that file, quickest first."""
        mine = self.exports(obj)
        with self.lock:
            return sorted((u for u in self.units
                           if (path in u.includes or mine & u.names)
                           and u.measure()), key=lambda u: u.took)


class Bench:
    """One mutant at a time, in a folder of its own laid over the tree."""

    def __init__(self, lab, n):
        self.lab = lab
        self.dir = "bench%d" % n
        self.mine = {}

    def at(self, *names):
        return os.path.join(self.dir, *names)

    def compile(self, source, obj):
        return run(self.lab.cc[:1] + ["-I" + self.dir,
                                      "-I" + self.at("gateway")]
                   + self.lab.cc[1:] + ["-MF", "/dev/null", "-c", "-o", obj,
                                        source], 120)

    def link(self, out, objs, libs):
        libs = [self.mine.get(f, f) for f in libs]
        if not run(self.lab.ld + ["-o", out] + objs + ["-Wl,--start-group"]
                   + libs + ["-Wl,--end-group"] + self.lab.libs, 120):
            print("mutate: cannot link %s" % " ".join(objs + libs))

    def archive(self, path, obj):
        """Copies of the archives that hold that file, the mutant in them."""
        folder = "sdp" if path.startswith("sdp/") else path.split("/")[1]
        names = ["lib%s.a" % folder]
        if path.endswith("bridge/reason.c"):
            names.append("libreason.a")
        self.mine = {"build/" + n: self.at(n) for n in names}
        for old, new in self.mine.items():
            shutil.copy(os.path.join(TREE, old), os.path.join(TREE, new))
            run(["ar", "r", new, obj], 60)

    def unit(self, u, path):
        """False: it fails on the mutant."""
        objs = [u.obj]
        if path in u.includes:
            objs = [self.at("test.o")]
            if not self.compile("tests/unit/%s.c" % u.name, objs[0]):
                return True
        self.link(self.at("unit"), objs, u.libs)
        return run([self.at("unit")], 10 + 4 * u.took)

    def integration(self):
        libs = sorted("build/" + f for f in os.listdir(
            os.path.join(TREE, "build")) if f.endswith(".a"))
        os.makedirs(os.path.join(TREE, self.at("b")), exist_ok=True)
        shutil.copy(os.path.join(TREE, "build", "stoxctl"),
                    os.path.join(TREE, self.at("b")))
        self.link(self.at("b", "stoxd"), ["build/gateway/main.o"],
                  [f for f in libs if "libreason" not in f])
        with self.lab.lock:
            return run(["tests/run", "integration", "-j", "6"], 600,
                       B=self.at("b"))

    def killed(self, path, text, units_only):
        """None: it does not build; True: a test fails."""
        shutil.rmtree(os.path.join(TREE, self.dir), ignore_errors=True)
        target = os.path.join(TREE, self.at(path))
        os.makedirs(os.path.dirname(target))
        with open(target, "w") as f:
            f.write(text)
        obj = self.at(os.path.basename(path)[:-2] + ".o")
        if not self.compile(self.at(path), obj):
            return None
        self.archive(path, obj)
        for u in self.lab.concerned(path, obj):
            if not self.unit(u, path):
                return True
        return not units_only and not self.integration()


def work(bench, todo, units_only, counts):
    while True:
        with bench.lab.lock:
            if not todo:
                return
            path, line, what, text = todo.pop(0)
        dead = bench.killed(path, text, units_only)
        if dead is None:
            continue
        with bench.lab.lock:
            counts[dead] += 1
            if not dead:
                print("SURVIVES %s:%d: %s" % (path, line, what), flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-k", default="")
    p.add_argument("-j", type=int, default=2)
    p.add_argument("--sample", type=int, default=0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--units", action="store_true")
    p.add_argument("--list", action="store_true")
    o = p.parse_args()
    todo = [(f,) + m for f in sources() for m in mutants(f)
            if any(k in f or k in m[1] for k in o.k.split(","))]
    if o.sample and o.sample < len(todo):
        todo = random.Random(o.seed).sample(todo, o.sample)
    if o.list:
        for f, line, what, _ in todo:
            print("%s:%d: %s" % (f, line, what))
        print("%d mutants" % len(todo))
        return 0
    lab = Lab()
    counts = {True: 0, False: 0}
    benches = [threading.Thread(target=work, args=(
        Bench(lab, n), todo, o.units, counts)) for n in range(o.j)]
    for b in benches:
        b.start()
    for b in benches:
        b.join()
    print("%d passed, %d failed" % (counts[True], counts[False]))
    return 1 if counts[False] else 0


sys.exit(main())
