#!/usr/bin/python3
"""confine.py UNIT PROGRAM -c FILE: runs PROGRAM as the unit has it run, as far
as that can be had without a service manager: no capability, nothing to write
to but the folder of FILE, the unit's system calls and address families, and
no memory that is both written and executed.  What is refused is EPERM, as
there.  With STOXD_UNDER="tests/peers/confine.py conf/stoxd.service" in the
environment any test runs its gateway so."""
import ctypes
import ctypes.util
import errno
import os
import re
import subprocess
import sys

ALLOW = 0x7fff0000              # seccomp.h: SCMP_ACT_ALLOW
REFUSE = 0x00050000 | errno.EPERM
EQ, MASKED_EQ = 4, 7            # enum scmp_compare
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
WRITE, EXEC = 2, 4              # mman.h: PROT_WRITE, PROT_EXEC
SETPRIV = ["setpriv", "--bounding-set=-all", "--inh-caps=-all",
           "--ambient-caps=-all", "--no-new-privs",
           "--securebits=+noroot,+noroot_locked"]


class Arg(ctypes.Structure):    # struct scmp_arg_cmp
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int),
                ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def unit(path):
    """{key: [values]} of a unit file."""
    keys = {}
    with open(path) as f:
        for line in f:
            m = re.match(r"(\w+)=(.*)", line)
            if m:
                keys.setdefault(m[1], []).append(m[2])
    return keys


def groups():
    """{"@group": members} as systemd knows them."""
    text = subprocess.run(["systemd-analyze", "syscall-filter"],
                          capture_output=True, text=True, check=True).stdout
    out, now = {}, None
    for line in text.splitlines():
        if line.startswith("@"):
            now = out.setdefault(line.split()[0], set())
        elif line.startswith("    ") and line.strip()[:1] not in "#":
            now.add(line.strip())
    return out


def calls(keys):
    """Names of the system calls that the unit allows."""
    known = groups()

    def members(name):
        if not name.startswith("@"):
            return {name}
        return set().union(*map(members, known[name]))
    allowed = members("@default")
    for value in keys["SystemCallFilter"]:
        for name in value.lstrip("~").split():
            if value.startswith("~"):
                allowed -= members(name)
            else:
                allowed |= members(name)
    return allowed


def filters(keys):
    """(system call, arguments or None) that pass."""
    for name in sorted(calls(keys)):
        if name == "socket":
            for f in keys["RestrictAddressFamilies"][0].split():
                yield name, Arg(0, EQ, FAMILIES[f], 0)
        elif name == "mmap" and "MemoryDenyWriteExecute" in keys:
            for prot in (0, WRITE, EXEC):
                yield name, Arg(2, MASKED_EQ, WRITE | EXEC, prot)
        elif name in ("mprotect", "pkey_mprotect"):
            yield name, Arg(2, MASKED_EQ, EXEC, 0)
        else:
            yield name, None


def load(keys):
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    lib.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
        ctypes.POINTER(Arg)]
    ctx = lib.seccomp_init(ctypes.c_uint32(REFUSE))
    for name, arg in filters(keys):
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if number < 0:      # of another architecture
            continue
        n = lib.seccomp_rule_add_array(
            ctx, ALLOW, number, 1 if arg else 0,
            ctypes.byref(arg) if arg else None)
        if n:
            raise OSError(-n, os.strerror(-n), name)
    n = lib.seccomp_load(ctypes.c_void_p(ctx))
    if n:
        raise OSError(-n, os.strerror(-n), "seccomp_load")


def main(path, argv):
    stage = os.environ.pop("CONFINE", "")
    again = [sys.executable, os.path.abspath(__file__), path] + argv
    if not stage:
        os.environ["CONFINE"] = "mounts"
        os.execvp("unshare", ["unshare", "--mount"] + again)
    if stage == "mounts":
        own = os.path.dirname(os.path.abspath(argv[-1]))
        for command in (["mount", "--bind", own, own],
                        ["mount", "-o", "remount,bind,ro", "/"]):
            subprocess.run(command, check=True)
        os.environ["CONFINE"] = "calls"
        os.execvp(SETPRIV[0], SETPRIV + again)
    load(unit(path))
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]), sys.argv[2:])
