"""idlerows.py: the gateway at rest, beside a program that is linked with the
same libraries, makes them ready and does nothing else (idle.c): memory, and
the time from start to ready; lists of values by key."""
import os
import re
import select
import subprocess
import time

from peers.daemon import BUILD, config_text

IDLE = os.path.join(BUILD, "bench", "idle")
WAIT = 20           # s, to be ready
REST = 0.5          # s, after which memory is looked at
DIRTY_MB = 6
RESIDENT = 1.3
START = 3


def config(dir):
    """What a small site has, with a store; its server is not there."""
    path = os.path.join(dir, "rest.conf")
    with open(path, "w") as f:
        f.write(config_text({"store": {"path": "rest.db"},
                             "log": {"level": "info"}}))
    return path


def memory(pid):
    """kB by what smaps_rollup calls it.  Pages of a file that was just
    written count as dirty until the disk has it."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return {m[1]: int(m[2]) for m in
                re.finditer(r"^(\w+): +(\d+) kB$", f.read(), re.M)}


def once(argv, word):
    """Seconds until the program says word, and its memory after that."""
    began = time.monotonic()
    p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    try:
        said = b""
        while word not in said:
            left = began + WAIT - time.monotonic()
            if left <= 0 or not select.select([p.stdout], [], [], left)[0]:
                raise TimeoutError("%s is not ready" % argv[0])
            got = os.read(p.stdout.fileno(), 65536)
            if not got:
                raise EOFError("%s: %s" % (argv[0], said.decode()))
            said += got
        took = time.monotonic() - began
        time.sleep(REST)
        return took, memory(p.pid)
    finally:
        p.terminate()
        p.communicate()


def pair(dir):
    """The gateway, then the other: (seconds, memory) of each."""
    return (once([os.path.join(BUILD, "stoxd"), "-c", config(dir)],
                 b" is up, "), once([IDLE], b"ready"))


def rows(dir, rounds):
    out = {}
    os.sync()
    for _ in range(rounds):
        (took, mem), (least, base) = pair(dir)
        for key, value in (
                ("rest_dirty_mb", mem["Private_Dirty"] / 1024),
                ("rest_resident_vs_libraries", mem["Rss"] / base["Rss"]),
                ("rest_resident_mb", mem["Rss"] / 1024),
                ("start_vs_libraries", took / least),
                ("start_ms", 1000 * took)):
            out.setdefault(key, []).append(value)
    return out
