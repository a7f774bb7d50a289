"""init.py: "stoxd init", and what its files are good for."""
import os
import subprocess

from peers.daemon import BUILD, Stoxd

SERVERS = ("prosody", "ejabberd", "mongooseim")
PBXES = ("asterisk", "freeswitch", "kamailio", "trunk")
STOXD = os.path.join(BUILD, "stoxd")


def init(out, server="prosody", pbx="asterisk", pbx_address="192.0.2.20",
         *more, domain="example.com", stdin=subprocess.DEVNULL):
    """The finished process."""
    argv = [STOXD, "init", "--server", server, "--pbx", pbx, "--domain",
            domain, "--pbx-address", pbx_address, "--out", out]
    return subprocess.run(argv + list(more), stdin=stdin, text=True,
                          capture_output=True, timeout=20)


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


def value(conf, key):
    """Of the first line "key = value"."""
    return next(line.partition("=")[2].strip() for line in conf.split("\n")
                if line.partition("=")[0].strip() == key)


def gateway(t, conf, more=""):
    """A stoxd that runs what was written, and more lines behind it, with its
    socket in the directory of the test."""
    d = Stoxd(t.dir, {})
    with open(d.conf, "w") as f:
        f.write(conf + "\n[admin]\nsocket = stoxd.sock\n" + more)
    return d
