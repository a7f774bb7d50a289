#!/usr/bin/python3
# mutate.py [-k TEXT] [-n MAX] [--units]: flips each entry of each table and
# each step of each state machine, one at a time, in a copy of the tree, and
# runs the tests: every mutant must fail one.  Prints the survivors and
# "N passed, N failed".  Takes hours; -k narrows to files (or tables) whose
# name contains TEXT, -n to the first MAX mutants, --units leaves integration
# tests out.
import argparse
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get("B", "build"))
TREE = os.path.join(BUILD, "mutate")

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


def run(argv, seconds):
    """True: it ended with status 0 in time."""
    try:
        return subprocess.run(
            argv, cwd=TREE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=seconds,
            env=dict(os.environ, B="build", MAKEFLAGS="")).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def units(folder):
    """Unit programs of that folder first, then all others."""
    d = os.path.join(TREE, "build", "unit")
    names = sorted(os.listdir(d)) if os.path.isdir(d) else []
    return sorted((n for n in names if "." not in n),
                  key=lambda n: not n.startswith(folder + "_"))


def killed(path, o):
    """None: it does not build; True: a test fails."""
    folder = "sdp" if path.startswith("sdp/") else path.split("/")[1]
    if not run(["make", "-s", "all", "units"], 300):
        return None
    for n in units(folder):
        if not run([os.path.join("build", "unit", n)], 60):
            return True
    if o.units:
        return False
    return not run(["tests/run", "integration", "-j", "8"], 600)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-k", default="")
    p.add_argument("-n", type=int, default=0)
    p.add_argument("--units", action="store_true")
    p.add_argument("--list", action="store_true")
    o = p.parse_args()
    todo = [(f,) + m for f in sources() for m in mutants(f)
            if o.k in f or o.k in m[1]]
    todo = todo[:o.n] if o.n else todo
    if o.list:
        for f, line, what, _ in todo:
            print("%s:%d: %s" % (f, line, what))
        print("%d mutants" % len(todo))
        return 0
    shutil.rmtree(TREE, ignore_errors=True)
    os.makedirs(TREE)
    for x in ("gateway", "sdp", "tests", "conf", "Makefile"):
        subprocess.run(["cp", "-r", os.path.join(ROOT, x), TREE], check=True)
    if not run(["make", "-s", "all", "units"], 900):
        print("mutate: the tree does not build")
        return 1
    passed = failed = 0
    for f, line, what, text in todo:
        target = os.path.join(TREE, f)
        with open(target, "w") as out:
            out.write(text)
        dead = killed(f, o)
        shutil.copy(os.path.join(ROOT, f), target)
        os.utime(target)
        if dead is None:
            continue
        passed, failed = passed + dead, failed + (not dead)
        if not dead:
            print("SURVIVES %s:%d: %s" % (f, line, what), flush=True)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
