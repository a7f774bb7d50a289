"""prosody.py: a private Prosody on loopback with users alice, bob, carol
(password NAME-pw) and the component sip.xmpp.test."""
import os
import signal

from peers.proc import Proc, listening

C2S, COMPONENT, HTTP = 5222, 5347, 5280

CONFIG = """
run_as_root = %(root)s
daemonize = false
pidfile = "%(dir)s/prosody.pid"
data_path = "%(dir)s/prosody-data"
log = { debug = "*console" }
interfaces = { "127.0.0.1" }
c2s_ports = { 5222 }
component_interfaces = { "127.0.0.1" }
component_ports = { 5347 }
http_interfaces = { "127.0.0.1" }
http_ports = { 5280 }
https_ports = {}
http_default_host = "xmpp.test"
http_host = "127.0.0.1"
modules_enabled = {
    "roster"; "saslauth"; "disco"; "presence"; "message"; "iq"; "c2s";
    "carbons"; "pep"; "blocklist"; "ping"; "time"; "version"; "posix";
    "smacks"; "offline"; "websocket"; "bosh"; "groups"; %(modules)s
}
%(ssl)s
modules_disabled = { "s2s" }
groups_file = "%(dir)s/prosody-groups"
turn_external_host = "127.0.0.1"
turn_external_port = 3478
turn_external_secret = "turn-secret"
authentication = "internal_plain"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
consider_websocket_secure = true
consider_bosh_secure = true
cross_domain_websocket = true
cross_domain_bosh = true
VirtualHost "xmpp.test"
Component "sip.xmpp.test"
    component_secret = "lab-secret"
"""


class Prosody(Proc):
    """starttls: (certificate, key), for clients that want it; contacts:
    in everyone's roster."""

    def __init__(self, dir, modules=(), users=("alice", "bob", "carol"),
                 starttls=None, contacts=()):
        if starttls:
            modules = tuple(modules) + ("tls",)
        accounts = os.path.join(dir, "prosody-data", "xmpp%2etest",
                                "accounts")
        os.makedirs(accounts, exist_ok=True)
        for u in users:
            with open(os.path.join(accounts, u + ".dat"), "w") as f:
                f.write('return { ["password"] = "%s-pw"; };\n' % u)
        with open(os.path.join(dir, "prosody-groups"), "w") as f:
            f.write("[all]\n" + "".join("%s@xmpp.test=%s\n" % (u, u)
                                        for u in users)
                    + "".join("%s=%s\n" % (c, c) for c in contacts))
        conf = os.path.join(dir, "prosody.cfg.lua")
        with open(conf, "w") as f:
            f.write(CONFIG % {
                "root": "true" if os.getuid() == 0 else "false", "dir": dir,
                "ssl": 'ssl = { certificate = "%s"; key = "%s" }' % starttls
                if starttls else "",
                "modules": " ".join('"%s";' % m for m in modules)})
        super().__init__(dir, "prosody", ["prosody", "-F", "--config", conf])

    async def run(self):
        self.start()
        await self.up(lambda: listening(C2S) and listening(COMPONENT)
                      and listening(HTTP))
        return self

    async def restart(self, pause=1.0):
        """kill -9 and a new one."""
        import asyncio
        self.kill(signal.SIGKILL)
        self.p.wait()
        await asyncio.sleep(pause)
        return await self.run()
