"""daemon.py: stoxd under test, with the configuration file of the README."""
import os
import subprocess

from peers.proc import Proc, bound, heard

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("B", "build"))

BASE = {
    "xmpp": {"component": "sip.xmpp.test", "server": "127.0.0.1:5347",
             "secret": "lab-secret", "domains": "xmpp.test"},
    "sip": {"listen": "udp:127.0.0.1:5070, tcp:127.0.0.1:5070"},
    "trunk pbx": {"uri": "sip:127.0.0.1:5060", "username": "gw",
                  "password": "gwpass", "accept_from": "127.0.0.1"},
    "media": {"address": "127.0.1.1"},
    "admin": {"socket": "stoxd.sock"},
    "log": {"level": "debug", "format": "bare"},
    # a test ends when it says so, whatever calls it leaves behind
    "limits": {"drain_wait": "0"},
}


def config_text(changes=None):
    """BASE with {"trunk pbx": {"media": "sdes"}} and the like on top; a
    value of None removes the key, a section of None the section."""
    conf = {s: dict(v) for s, v in BASE.items()}
    for section, keys in (changes or {}).items():
        if keys is None:
            conf.pop(section, None)
            continue
        for k, v in keys.items():
            if v is None:
                conf.setdefault(section, {}).pop(k, None)
            else:
                conf.setdefault(section, {})[k] = v
    return "\n".join(
        "[%s]\n%s" % (s, "".join("%s = %s\n" % kv for kv in keys.items()))
        for s, keys in conf.items())


class Stoxd(Proc):
    def __init__(self, dir, changes=None, name="stoxd", port=5070, env=None):
        self.conf = os.path.join(dir, name + ".conf")
        self.port, self.dir = port, dir
        self.own_socket = "admin" not in (changes or {})
        with open(self.conf, "w") as f:
            f.write(config_text(changes))
        under = (env or os.environ).get("STOXD_UNDER", "").split()
        super().__init__(dir, name, under + [
            os.path.join(BUILD, "stoxd"), "-c", self.conf], env=env)

    async def run(self):
        """Starts it; up once its SIP port is bound, and its socket."""
        self.start()
        await self.up(self._bound)
        return self

    def _bound(self):
        return bound(self.port) and (not self.own_socket or heard(
            os.path.join(self.dir, "stoxd.sock")))

    def rewrite(self, changes=None, text=None):
        """Another configuration in place of the file."""
        with open(self.conf + ".new", "w") as f:
            f.write(config_text(changes) if text is None else text)
        os.rename(self.conf + ".new", self.conf)

    def ctl(self, *argv):
        """Output of stoxctl."""
        return subprocess.run(
            [os.path.join(BUILD, "stoxctl"), "-s",
             os.path.join(self.dir, "stoxd.sock")] + list(argv),
            capture_output=True, text=True, timeout=10).stdout
