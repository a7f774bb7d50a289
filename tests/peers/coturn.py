"""coturn.py: a TURN server on 127.0.0.1:3478, user gw, password turnpass."""
import os

from peers.proc import Proc, bound

CONFIG = """listening-ip=127.0.0.1
relay-ip=127.0.1.1
listening-port=3478
min-port=49200
max-port=49999
allow-loopback-peers
no-tls
no-dtls
no-cli
fingerprint
realm=turn.test
userdb=%(dir)s/coturn.db
pidfile=%(dir)s/coturn.pid
log-file=stdout
verbose
lt-cred-mech
user=gw:turnpass
"""


class Coturn(Proc):
    def __init__(self, dir):
        conf = os.path.join(dir, "coturn.conf")
        with open(conf, "w") as f:
            f.write(CONFIG % {"dir": dir})
        super().__init__(dir, "coturn", ["turnserver", "-c", conf])

    async def run(self):
        self.start()
        await self.up(lambda: bound(3478), 10)
        return self
