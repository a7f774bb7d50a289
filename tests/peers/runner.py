"""runner.py: runs test cases, each in a process, a network namespace and a
directory of its own; prints one line a failure and "N passed, N failed".

A case is an async function of one argument, the Test; a module of a suite
lists them with @case or add().

A case that ran out of time or lost a peer while others ran beside it is run
once more when they are done, by itself, and the output says so; one whose
assertion failed, or that names a sanitizer or a crash of stoxd, is not, and
none is where more than AGAIN of a suite failed."""
import argparse
import asyncio
import collections
import fnmatch
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import zlib

from peers import proc

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SKIP = 77
HEAVY = 2       # heavy cases at once, at most
AGAIN = 3       # cases of a suite that are run once more, at most
DIR_MAX = 88    # bytes of a case's directory
BY_CHANCE = "by-chance"      # a case's file that says it may be
REPEATED = ("integration", "e2e")       # suites where any is
LONG = 300      # s; what may take longer is not
SANITIZER = re.compile(r"\w+Sanitizer: |runtime error: ")
CRASHES = {-s for s in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS,
                        signal.SIGILL, signal.SIGFPE, signal.SIGSYS,
                        signal.SIGTRAP)}
_cases = []

# Only loopback and lab0, which is no loopback interface by its flags: ICE
# libraries leave out the one or the other.
NAMESPACE = r"""
ip -force -batch - <<END
link set lo up
link add lab0 type veth peer name lab1
addr add 127.0.1.1/32 dev lab0
link set lab0 up
link set lab1 up
addr add fd00:1ab::1/64 dev lab0 nodad
END
d=$1; shift
printf '127.0.0.1 localhost xmpp.test sip.xmpp.test sip.test %s\n' \
    "$(uname -n)" >"$d/hosts"
mount --bind "$d/hosts" /etc/hosts
: >"$d/resolv.conf"; mount --bind "$d/resolv.conf" /etc/resolv.conf
exec "$@"
"""


class Skip(Exception):
    """The case cannot run here; the text says what is missing."""


class Case:
    def __init__(self, name, func, args=(), timeout=60, full=False,
                 heavy=False, waits=0):
        self.name, self.func, self.args = name, func, args
        self.timeout, self.full, self.heavy = timeout, full, heavy
        self.waits = waits


def add(name, func, *args, **options):
    """One case of a table; full: only with --full; heavy: few at once;
    waits: s in which it does next to nothing, so that it begins first and
    takes nobody's place."""
    if any(c.name == name for c in _cases):
        raise ValueError("two cases called " + name)
    _cases.append(Case(name, func, args, **options))


def case(func=None, **options):
    """Decorator: the function is a case of its own name."""
    def mark(f):
        add(f.__name__, f, **options)
        return f
    return mark(func) if func else mark


class Test:
    """What a case gets: a directory, and cleanup in reverse order."""

    def __init__(self, dir):
        self.dir, self._cleanup = dir, []

    def path(self, name):
        return os.path.join(self.dir, name)

    def later(self, func, *args):
        """func (may be async) is called at the end, whatever happens."""
        self._cleanup.append((func, args))

    def remark(self, text):
        """What the output says of it, passed or not."""
        with open(self.path("remarks"), "a") as f:
            f.write(text + "\n")

    def need(self, *programs):
        for p in programs:
            if not shutil.which(p):
                raise Skip("%s is not installed (make deps)" % p)

    async def finish(self):
        for func, args in reversed(self._cleanup):
            try:
                r = func(*args)
                if asyncio.iscoroutine(r):
                    await asyncio.wait_for(r, 10)
            except Exception:
                traceback.print_exc()


def load(suite, module="*"):
    """The cases of tests/SUITE/*.py, or of one of them; suite may be a path,
    then its last part is the name."""
    out = []
    top, name = os.path.join(HERE, suite), os.path.basename(suite)
    for f in sorted(fnmatch.filter(os.listdir(top), module + ".py")):
        del _cases[:]
        spec = importlib.util.spec_from_file_location(
            name + "_" + f[:-3], os.path.join(top, f))
        m = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(m)
        for c in _cases:
            c.name = "%s/%s/%s" % (name, f[:-3], c.name)
            out.append(c)
    del _cases[:]
    return out


def child(suite, name, dir):
    """Runs one case here; the exit status is its result."""
    c = next(c for c in load(suite, name.split("/")[1]) if c.name == name)

    async def run():
        t = Test(dir)
        try:
            await asyncio.wait_for(c.func(t, *c.args), c.timeout)
        except asyncio.TimeoutError as e:
            raise TimeoutError(str(e) or "took over %d s" % c.timeout) \
                from e
        finally:
            await t.finish()
    try:
        asyncio.run(run())
        if (what := ill(dir)):
            raise AssertionError(what)
        return 0
    except Skip as e:
        status, why = SKIP, str(e)
    except BaseException as e:
        traceback.print_exc()
        status, why = 1, "%s: %s" % (type(e).__name__, e)
        if isinstance(e, (TimeoutError, ConnectionError, proc.Gone)) \
                and not ill(dir):
            open(os.path.join(dir, BY_CHANCE), "w").close()
    with open(os.path.join(dir, "why"), "w") as f:
        f.write(why.split("\n")[0])
    return status


def ill(dir):
    """A crash of stoxd, or what a sanitizer said of it; None: all is well."""
    for p in proc.Proc.started:
        if p.p and p.p.poll() in CRASHES and "stoxd" in " ".join(p.argv[:2]):
            return "stoxd was ended by signal %d" % -p.p.poll()
    for name in os.listdir(dir):
        if name.startswith("stoxd") and name.endswith(".log"):
            with open(os.path.join(dir, name), errors="replace") as f:
                for line in f:
                    if SANITIZER.search(line):
                        return line.strip()
    return None


def has_other_users():
    """A namespace that root did not make has one user and one group."""
    with open("/proc/self/gid_map") as f:
        return any(int(first) + int(n) > 65534
                   for first, _, n in map(str.split, f))


def other_users():
    if not has_other_users():
        raise Skip("no other users in this namespace")


def namespace_argv():
    """How to enter a namespace here: as root, by user namespace, or not."""
    base = ["--net", "--mount", "--pid", "--fork", "--kill-child",
            "--mount-proc"]
    for more in ([], ["--user", "--map-root-user"]):
        argv = ["unshare"] + more + base
        try:
            if subprocess.run(argv + ["ip", "link", "set", "lo", "up"],
                              capture_output=True).returncode == 0:
                return argv
        except OSError:
            break
    return None


PEERS = ("prosody", "ejabberd", "baresip-core", "sip-tester", "kamailio",
         "coturn", "chromium", "dino-im", "python3-aiortc",
         "python3-slixmpp", "libre0", "libnice10", "libsrtp2-1")
MATRIX = """\
Written by `make e2e-full` (every cell) or `tests/e2e/run --matrix FILE`.  A
column is a client, a telephone, a direction.  jmi and direct are the two ways
in which aiortc calls and is called, chromium and chromium-direct those of a
browser; x2s: XMPP calls SIP, s2x: SIP calls XMPP; empty: does not apply, or
not in this run."""


def write_matrix(path, results, full):
    """results: {"e2e/calls/SERVER.CLIENT.PHONE.DIRECTION.FEATURE": word} as
    a table, a line for each feature, a column for each pair of peers."""
    cells = {tuple(k.rpartition("/")[2].split(".")): v
             for k, v in results.items() if k.count(".") == 4}
    columns = sorted({c[1:4] for c in cells})
    rows = sorted({(c[4], c[0]) for c in cells})
    which = "every cell" if full else "the default cells"
    versions = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}\n"] + list(PEERS),
        capture_output=True, text=True).stdout.split("\n")
    with open(path, "w") as f:
        f.write("# What was called with what: %s, %s\n\n%s\n\nVersions: %s."
                "\n\n| feature | server | " % (
                    which, time.strftime("%Y-%m-%d"), MATRIX,
                    ", ".join(v for v in versions if v)))
        f.write(" | ".join(" ".join(c) for c in columns) + " |\n|"
                + "---|" * (len(columns) + 2) + "\n")
        for feature, server in rows:
            f.write("| %s | %s | %s |\n" % (feature, server, " | ".join(
                cells.get((server,) + c + (feature,), "")
                for c in columns)))


# One case on its way; first: of the second try, the Run that failed.
Run = collections.namedtuple("Run", "suite case dir since first")


class Runner:
    def __init__(self, o):
        self.o, self.passed, self.failed, self.skipped = o, 0, 0, 0
        self.second = 0     # of those that passed: at the second try
        self.ill = collections.Counter()    # suite: how many failed
        self.held = []      # Runs that may be tried again
        self.results = {}
        self.times = []
        self.isolated = namespace_argv()
        if not self.isolated:
            print("no network namespaces here: one test at a time, on the "
                  "real loopback")
            o.jobs = 1
        self.top = tempfile.mkdtemp(prefix="stoxd-test.")
        self.running = {}
        self.interpreter = "/usr/bin/python3" \
            if os.access("/usr/bin/python3", os.X_OK) else sys.executable

    def folder(self, name):
        """For a case: sockets are made in it, whose paths end at 108."""
        name = name.replace("/", ".")
        most = DIR_MAX - len(self.top)
        if len(name) > most:
            end = "~%x" % (zlib.crc32(name.encode()) & 0xffffff)
            name = name[:max(most - len(end), 8)] + end
        return name

    def start(self, suite, c, first=None):
        dir = os.path.join(self.top, self.folder(c.name))
        if first:
            dir += ".again"
        os.mkdir(dir)
        argv = [self.interpreter, os.path.join(HERE, "run"), "--child",
                suite, c.name, dir]
        if self.isolated:
            argv = self.isolated + ["sh", "-c", NAMESPACE, "sh", dir] + argv
        with open(os.path.join(dir, "test.log"), "w") as log:
            p = subprocess.Popen(argv, stdout=log, stderr=log,
                                 stdin=subprocess.DEVNULL,
                                 start_new_session=True)
        self.running[p] = Run(suite, c, dir, time.monotonic(), first)

    def poll(self):
        for p, r in list(self.running.items()):
            took = time.monotonic() - r.since
            hung = took > r.case.timeout + 30
            if hung:
                os.killpg(p.pid, signal.SIGKILL)
                with open(os.path.join(r.dir, "why"), "w") as f:
                    f.write("hung; killed after %d s" % took)
            pid, status, used = os.wait4(p.pid, 0 if hung else os.WNOHANG)
            if pid:
                # Popen must not wait for what is gone.
                p.returncode = os.waitstatus_to_exitcode(status)
                del self.running[p]
                self.times.append((took, used.ru_utime + used.ru_stime,
                                   r.case.name))
                self.done(r, p.returncode, took)

    @staticmethod
    def why(r, status=1):
        try:
            with open(os.path.join(r.dir, "why")) as f:
                return f.read()
        except OSError:
            return "ended with status %d, see test.log" % status

    def done(self, r, status, took):
        c, why = r.case, self.why(r, status)
        self.show_remarks(c, r.dir)
        self.results[c.name] = {0: "ok", SKIP: "not run"}.get(status,
                                                              "FAILED")
        if status == 0:
            self.passed += 1
            if r.first:
                self.second += 1
                print("AGAIN %s: passed alone; among others: %s (%s)" % (
                    c.name, self.why(r.first), r.first.dir))
            elif self.o.verbose:
                print("ok %s (%.1f s)" % (c.name, took))
        elif status == SKIP:
            strict = os.environ.get("CI") == "true"
            self.failed += strict
            self.skipped += not strict
            print("SKIP %s: %s" % (c.name, why))
        elif r.first:
            self.failed += 1
            print("FAILED %s: %s (%s), alone; among others: %s (%s)" % (
                c.name, why, r.dir, self.why(r.first), r.first.dir))
        else:
            self.ill[r.suite] += 1
            if self.repeats and os.path.basename(r.suite) in REPEATED \
                    and c.timeout <= LONG \
                    and os.path.exists(os.path.join(r.dir, BY_CHANCE)):
                self.held.append(r)
            else:
                self.fail(r, why)
        sys.stdout.flush()
        if status in (0, SKIP) and not self.o.keep:
            shutil.rmtree(r.dir, ignore_errors=True)

    def fail(self, r, why):
        self.failed += 1
        print("FAILED %s: %s (%s)" % (r.case.name, why, r.dir))

    def show_remarks(self, c, dir):
        try:
            with open(os.path.join(dir, "remarks")) as f:
                for line in f:
                    print("note %s: %s" % (c.name, line.strip()))
        except OSError:
            pass

    def next(self, todo):
        """Which one can begin now, or None."""
        now = [r.case for r in self.running.values()]
        heavy = sum(c.heavy for c in now)
        room = self.o.jobs > sum(not c.waits for c in now)
        if self.o.jobs == 1:
            room = not now
        return next((i for i, (_, c) in enumerate(todo)
                     if (room or c.waits and self.o.jobs > 1)
                     and (not c.heavy or heavy < HEAVY)), None)

    def work(self, todo):
        while todo or self.running:
            while (i := self.next(todo)) is not None:
                self.start(*todo.pop(i))
            self.poll()
            time.sleep(0.02)

    def again(self):
        """Those that were held, one after the other."""
        while self.held:
            r = self.held.pop(0)
            if self.ill[r.suite] > AGAIN:
                self.fail(r, self.why(r))
                continue
            self.start(r.suite, r.case, r)
            self.work([])

    def run(self, todo):
        todo = sorted(todo, key=lambda t: -t[1].waits)
        # else each ran by itself already
        self.repeats = self.o.jobs > 1 and len(todo) > 1
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            self.work(todo)
            self.again()
        finally:
            for p in self.running:
                os.killpg(p.pid, signal.SIGKILL)
            for r in self.held:
                self.fail(r, self.why(r))
        if self.o.matrix:
            write_matrix(self.o.matrix, self.results, self.o.full)
        try:
            os.rmdir(self.top)
        except OSError:
            pass
        if self.o.times:
            for row in sorted(self.times, reverse=True):
                print("%6.1f s, %5.1f s of CPU: %s" % row)
            print("%6.1f s, %5.1f s of CPU in all" % (
                sum(t[0] for t in self.times), sum(t[1] for t in self.times)))
        if self.skipped:
            print("%d skipped" % self.skipped)
        print("%d passed, %d failed" % (self.passed, self.failed)
              + self.second_tries())
        return 1 if self.failed else 0

    def second_tries(self):
        return ", %d of them at the second try" % self.second \
            if self.second else ""


def main(argv, suites=None):
    p = argparse.ArgumentParser(
        prog="tests/run", description="Runs the suites selftest, integration "
        "and e2e, or some cases of them.")
    p.add_argument("suite", nargs="*")
    p.add_argument("-k", metavar="NAME", action="append", default=[],
                   help="only cases whose name contains NAME")
    p.add_argument("-j", dest="jobs", type=int, default=2)
    p.add_argument("-v", dest="verbose", action="store_true")
    p.add_argument("--full", action="store_true", help="every cell")
    p.add_argument("--keep", action="store_true", help="keep all logs")
    p.add_argument("--times", action="store_true",
                   help="how long each case took, and its processor time")
    p.add_argument("--list", action="store_true")
    p.add_argument("--matrix", metavar="FILE",
                   help="write the results as a table")
    p.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    o = p.parse_args(argv)
    if o.child:
        return child(*o.child)
    todo = [(s, c) for s in (suites or o.suite or ["selftest", "integration",
                                                   "e2e"])
            for c in load(s)
            if (o.full or not c.full)
            and (not o.k or any(k in c.name for k in o.k))]
    if o.list:
        print("\n".join(c.name for _, c in todo))
        return 0
    if not todo:
        print("no such case")
        return 2
    return Runner(o).run(todo)
