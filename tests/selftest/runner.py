"""The runner itself: which cases it runs a second time, and what it says of
that."""
import asyncio
import os
import re
import subprocess
import sys

from peers.runner import HERE, Skip, case, namespace_argv

# Cases of a suite of their own; TRIES: where each notes that it has run.
CASES = """
import os

from peers.proc import Gone, Proc, until
from peers.runner import add


def tries(t, name):
    path = os.path.join(os.environ["TRIES"], name)
    with open(path, "a") as f:
        f.write("x")
    return os.path.getsize(path)


async def good(t):
    pass


async def late(t, name, times):
    if tries(t, name) <= times:
        await until(lambda: False, 0, "sign of " + name)


async def alone(t):
    tries(t, "alone")
    raise Gone("a peer went away")


async def wrong(t):
    tries(t, "wrong")
    assert False, "another value"


async def leaks(t):
    tries(t, "leaks")
    with open(t.path("stoxd.log"), "w") as f:
        f.write("==7==ERROR: LeakSanitizer: detected memory leaks\\n")
    raise ConnectionError("gone")


async def crashes(t):
    await dies(t)
    raise TimeoutError("no answer")


async def dies(t):
    tries(t, "crashes")
    os.symlink("/bin/sh", t.path("stoxd"))
    p = Proc(t.dir, "stoxd", [t.path("stoxd"), "-c", "kill -SEGV $$"]).start()
    await until(lambda: not p.alive(), 20, "end")


add("once", late, "once", 1)
add("twice", late, "twice", 2)
add("long", late, "long", 1, timeout=301)
for n in range(4):
    add("all%d" % n, late, "all%d" % n, 1)
for f in (good, alone, wrong, leaks, crashes, dies):
    add(f.__name__, f)
"""


class Suite:
    """A suite called name, of those cases."""

    def __init__(self, t, name="e2e"):
        if not namespace_argv():
            raise Skip("cases run one at a time here")
        self.dir, self.top = t.dir, t.path(name)
        self.tries = t.path("tries-" + name)
        os.mkdir(self.top)
        with open(os.path.join(self.top, "toy.py"), "w") as f:
            f.write(CASES)

    async def run(self, *names):
        """Lines of the output, without paths; how often each case ran."""
        os.makedirs(self.tries, exist_ok=True)
        for name in os.listdir(self.tries):
            os.unlink(os.path.join(self.tries, name))
        argv = [sys.executable, os.path.join(HERE, "run"), self.top,
                "-j", "2", "-k", "/good"]
        for name in names:
            argv += ["-k", "/" + name]
        p = await asyncio.to_thread(
            subprocess.run, argv, capture_output=True, text=True,
            env=dict(os.environ, TRIES=self.tries, TMPDIR=self.dir))
        lines = re.sub(r" \(/[^)]*\)", "", p.stdout).splitlines()
        assert lines, p.stderr
        assert p.returncode == (", 0 failed" not in lines[-1]), p
        return lines, {name: os.path.getsize(os.path.join(self.tries, name))
                       for name in os.listdir(self.tries)}


LATE = "TimeoutError: no sign of %s within 0 s"


@case
async def second_try(t):
    """What only ran out of time passes alone, and that is said."""
    lines, n = await Suite(t).run("once")
    assert lines == [
        "AGAIN e2e/toy/once: passed alone; among others: " + LATE % "once",
        "2 passed, 0 failed, 1 of them at the second try"], lines
    assert n == {"once": 2}, n
    total = subprocess.run(
        [os.path.join(HERE, "total")], capture_output=True, text=True,
        input="3 passed, 1 failed\n%s\nx: 9 passed, 9 failed\n" % lines[-1])
    assert total.stdout == \
        "5 passed, 1 failed, 1 of them at the second try\n", total
    assert total.returncode == 1


@case
async def second_try_fails(t):
    lines, n = await Suite(t).run("once", "twice")
    assert sorted(lines) == [
        "2 passed, 1 failed, 1 of them at the second try",
        "AGAIN e2e/toy/once: passed alone; among others: " + LATE % "once",
        "FAILED e2e/toy/twice: %s, alone; among others: %s" % (
            (LATE % "twice",) * 2)], lines
    assert n == {"once": 2, "twice": 2}, n


@case
async def no_second_try_for_many(t):
    lines, n = await Suite(t).run("all")
    assert sorted(lines) == ["1 passed, 4 failed"] + [
        "FAILED e2e/toy/all%d: %s" % (i, LATE % ("all%d" % i))
        for i in range(4)], lines
    assert set(n.values()) == {1}, n


@case
async def no_second_try_for_what_is_wrong(t):
    """An assertion, a sanitizer's word, a crash of stoxd."""
    lines, n = await Suite(t).run("wrong", "leaks", "crashes")
    assert sorted(lines) == [
        "1 passed, 3 failed",
        "FAILED e2e/toy/crashes: TimeoutError: no answer",
        "FAILED e2e/toy/leaks: ConnectionError: gone",
        "FAILED e2e/toy/wrong: AssertionError: another value"], lines
    assert set(n.values()) == {1}, n
    # four failed, one of which might have been tried again
    lines, n = await Suite(t, "integration").run("wrong", "leaks", "crashes",
                                                 "once")
    assert lines[-1] == "1 passed, 4 failed", lines
    assert n["once"] == 1, n


@case
async def crash_behind_a_case_that_passes(t):
    lines, n = await Suite(t).run("dies")
    assert sorted(lines) == [
        "1 passed, 1 failed",
        "FAILED e2e/toy/dies: AssertionError: stoxd was ended by signal 11"]


@case
async def second_try_of_two_suites_alone(t):
    """selftest has none, nor what may take long; a peer that went away is
    tried again."""
    lines, n = await Suite(t, "selftest").run("once")
    assert lines[-1] == "1 passed, 1 failed", lines
    lines, n = await Suite(t, "integration").run("alone", "long")
    assert n == {"alone": 2, "long": 1}, n
    assert lines[-1] == "1 passed, 2 failed", lines
