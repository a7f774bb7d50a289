"""ejabberd.py: a private ejabberd on loopback, the same users and ports as
prosody.py.  Run by erl itself: ejabberdctl changes the user and starts epmd,
which listens on every address."""
import json
import os
import shutil
import signal
import subprocess
import urllib.request

from peers.proc import Proc, Gone, listening

CONFIG = """
hosts: ["xmpp.test"]
loglevel: debug
listen:
  - {port: 5222, ip: "127.0.0.1", module: ejabberd_c2s, access: all%s}
  - port: 5347
    ip: "127.0.0.1"
    module: ejabberd_service
    hosts: {"sip.xmpp.test": {password: "lab-secret"}}
%s  - port: 5280
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers:
      /api: mod_http_api
      /http-bind: mod_bosh
      /xmpp-websocket: ejabberd_http_ws
auth_method: internal
auth_password_format: plain
disable_sasl_mechanisms: []
websocket_origin: []
s2s_access: none
acl: {loopback: {ip: ["127.0.0.0/8"]}}
api_permissions:
  "tests": {who: [{acl: loopback}], what: [add_rosteritem, register, status]}
modules:
  mod_admin_extra: {}
  mod_blocking: {}
  mod_bosh: {}
  mod_caps: {}
  mod_carboncopy: {}
  mod_disco: {}
  mod_http_api: {}
  mod_offline: {}
  mod_ping: {}
  mod_privacy: {}
  mod_pubsub: {plugins: [flat, pep]}
  mod_roster: {}
  mod_stream_mgmt: {}
  mod_version: {}
%s"""
TLS = """    tls: true
    certfile: "%s"
"""
TURN = """  mod_stun_disco:
    access: all
    secret: "turn-secret"
    services:
      - {host: 127.0.0.1, port: 3478, type: turn, restricted: true}
"""
PRIVILEGE = """  mod_privilege:
    roster: {both: all}
    presence: {managed_entity: all, roster: all}
"""


class Ejabberd(Proc):
    def __init__(self, dir, turn=False, users=("alice", "bob", "carol"),
                 tls=None, starttls=None, contacts=(), privileged=False):
        """tls: a file with certificate and key for the component's port;
        starttls: (certificate, key), for clients that want it; contacts: in
        everyone's roster; privileged: the component is, by XEP-0356."""
        self.contacts = contacts
        self.users, data = users, os.path.join(dir, "ejabberd-data")
        os.makedirs(data, exist_ok=True)
        conf = os.path.join(dir, "ejabberd.yml")
        with open(conf, "w") as f:
            f.write(CONFIG % (self._starttls(dir, starttls),
                              TLS % tls if tls else "",
                              (TURN if turn else "") +
                              (PRIVILEGE if privileged else "")))
        files = subprocess.run(["dpkg", "-L", "ejabberd"],
                               capture_output=True, text=True).stdout.split()
        ebin = next((os.path.dirname(x) for x in files
                     if x.endswith("/ebin/ejabberd.beam")), "")
        super().__init__(
            dir, "ejabberd",
            [shutil.which("erl") or "erl", "-noinput", "-pa", ebin,
             "-mnesia", "dir", '"%s"' % data, "-s", "ejabberd"],
            env={"EJABBERD_CONFIG_PATH": conf, "HOME": dir,
                 "EJABBERD_LOG_PATH": os.path.join(dir, "ejabberd-d.log"),
                 "ERL_CRASH_DUMP": os.path.join(dir, "erl_crash.dump")})

    @staticmethod
    def _starttls(dir, pair):
        """Of a listener: it wants both in one file."""
        if not pair:
            return ""
        path = os.path.join(dir, "c2s.pem")
        with open(path, "w") as out:
            for name in pair:
                with open(name) as f:
                    out.write(f.read())
        return ', starttls: true, certfile: "%s"' % path

    def _api(self, name, **args):
        rq = urllib.request.Request(
            "http://127.0.0.1:5280/api/" + name, json.dumps(args).encode(),
            {"Content-Type": "application/json"})
        try:
            urllib.request.build_opener(
                urllib.request.ProxyHandler({})).open(rq, timeout=5).read()
            return True
        except OSError:
            return False

    async def run(self):
        self.start()
        await self.up(lambda: listening(5222) and listening(5347), 40)
        await self.up(lambda: self._api("status"), 10)
        for u in self.users:
            if not self._api("register", user=u, host="xmpp.test",
                             password=u + "-pw") and not self.p.poll():
                if not os.path.exists(self.log + ".again"):
                    raise Gone("ejabberd: could not register " + u)
            for c in self.contacts:
                name, _, host = c.partition("@")
                self._api("add_rosteritem", localuser=u, user=name,
                          localhost="xmpp.test", host=host, nick=c,
                          group="all", subs="both")
        open(self.log + ".again", "w").close()
        return self

    async def restart(self, pause=1.0):
        import asyncio
        self.kill(signal.SIGKILL)
        self.p.wait()
        await asyncio.sleep(pause)
        return await self.run()
