"""proc.py: child processes of a test, with their output in files, and waiting
for the ports that they open."""
import asyncio
import os
import signal
import subprocess
import time

# s that a test waits for what must come.  It ends a test that hangs and says
# nothing of how fast a thing is: on a busy machine a moment is seconds.  Who
# asserts a time names it.
PATIENCE = 20


class Gone(Exception):
    """A program that a test needs ended or never came up."""


def tail(path, lines=12):
    try:
        with open(path, errors="replace") as f:
            return "".join(f.readlines()[-lines:])
    except OSError as e:
        return "%s: %s" % (path, e.strerror)


def _bound(table, state, port):
    """Is a socket of /proc/net/TABLE (and TABLE6) bound to port?"""
    want = ":%04X" % port
    for name in (table, table + "6"):
        try:
            with open("/proc/net/" + name) as f:
                for line in list(f)[1:]:
                    w = line.split()
                    if w[1].endswith(want) and w[3] == state:
                        return True
        except OSError:
            pass
    return False


def listening(port):
    return _bound("tcp", "0A", port)


def bound(port):
    return _bound("udp", "07", port)


def heard(path):
    """Whether somebody listens at a Unix socket."""
    with open("/proc/net/unix") as f:
        return any(w[3] == "00010000" and w[-1] == path
                   for w in (line.split() for line in f))


async def until(test, seconds, what):
    """Waits until test(), which may be async, is true; returns that.  what:
    for the error."""
    end = time.monotonic() + seconds
    while True:
        got = test()
        if asyncio.iscoroutine(got):
            got = await got
        if got:
            return got
        if time.monotonic() > end:
            raise TimeoutError("no %s within %g s" % (what, seconds))
        await asyncio.sleep(0.02)


async def woken(wake, test, timeout, what):
    """What test() returns that is not None.  wake: set whenever that may have
    changed; what(): in words what did not come."""
    end = time.monotonic() + timeout
    while True:
        got = test()
        if got is not None:
            return got
        wake.clear()
        left = end - time.monotonic()
        try:
            await asyncio.wait_for(wake.wait(), max(left, 0.001))
        except asyncio.TimeoutError:
            if left <= 0:
                raise TimeoutError("no %s within %g s" % (
                    what(), timeout)) from None


def taken(items, test):
    """The first for which test is true, taken away, or None."""
    for e in items:
        if test(e):
            items.remove(e)
            return e
    return None


class Proc:
    """One program; its log is DIR/NAME.log."""
    started = []    # all of this process

    def __init__(self, dir, name, argv, env=None, cwd=None):
        self.name, self.log = name, os.path.join(dir, name + ".log")
        self.argv, self.cwd = argv, cwd
        self.env = dict(os.environ, **(env or {}))
        self.p = None
        self.started.append(self)

    def start(self):
        with open(self.log, "ab") as out:
            self.p = subprocess.Popen(
                self.argv, stdout=out, stderr=out, cwd=self.cwd,
                stdin=subprocess.DEVNULL, env=self.env,
                start_new_session=True)
        return self

    def alive(self):
        return self.p is not None and self.p.poll() is None

    async def up(self, test, seconds=PATIENCE, what="start"):
        """Waits for test(); an early end of the program is an error."""
        def ready():
            if not self.alive():
                raise Gone("%s ended:\n%s" % (self.name, tail(self.log)))
            return test()
        try:
            await until(ready, seconds, "%s of %s" % (what, self.name))
        except TimeoutError as e:
            raise Gone("%s\n%s" % (e, tail(self.log))) from None

    def kill(self, sig=signal.SIGKILL):
        if self.alive():
            os.killpg(self.p.pid, sig)

    async def stop(self, seconds=5):
        """SIGTERM, then SIGKILL; returns the exit status."""
        if self.p is None:
            return None
        self.kill(signal.SIGTERM)
        end = time.monotonic() + seconds
        while self.alive() and time.monotonic() < end:
            await asyncio.sleep(0.02)
        self.kill()
        return self.p.wait()

    def text(self):
        with open(self.log, errors="replace") as f:
            return f.read()
