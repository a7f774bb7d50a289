"""compositor.py: the provider's side of PUBLISH, and the presence of a user
with an account."""
import asyncio
import re

from peers.accounts import GATE
from peers.proc import PATIENCE
from peers.xmppserver import local


class Compositor:
    """PUBLISH at the provider: a new ETag each time; script: codes by turn."""

    def __init__(self, ua, script=()):
        self.ua, self.script, self.n = ua, list(script), 0
        self.etags, self.got = {}, asyncio.Queue()
        self._task = asyncio.ensure_future(self._run())

    async def _run(self):
        while True:
            m = await self.ua.others.get()
            if m.method == "PUBLISH":
                self._answer(m)
                self.got.put_nowait(m)
            elif m.method == "SUBSCRIBE":
                self.ua.reply(m, 489)

    def _answer(self, m):
        code, headers = self.script.pop(0) if self.script else (200, [])
        have = m.get("SIP-If-Match")
        if code == 200 and have and have not in self.etags:
            code = 412
        if code != 200:
            self.ua.reply(m, code, headers=headers)
            return
        body = m.body or self.etags.get(have)
        self.etags.pop(have, None)
        if m.get("Expires") == "0":
            self.ua.reply(m, 200, headers=[("Expires", "0")])
            return
        self.n += 1
        self.etags["e%d" % self.n] = body
        self.ua.reply(m, 200, headers=[("SIP-ETag", "e%d" % self.n),
                                       ("Expires", m.get("Expires"))])

    async def next(self, timeout=PATIENCE):
        return await asyncio.wait_for(self.got.get(), timeout)

    async def none(self, seconds):
        try:
            m = await asyncio.wait_for(self.got.get(), seconds)
        except asyncio.TimeoutError:
            return
        raise AssertionError("unexpected %r" % m)


async def probed(a):
    """The gateway asks for the presence of who has an account."""
    await a.server.wait(lambda e: local(e) == "presence"
                        and e.get("type") == "probe"
                        and e.get("from") == GATE
                        and e.get("to") == a.alice.bare, 8, "probe")


def shows(a, inner="", type=None, resource="phone"):
    a.server.stanza("presence", a.alice.bare + "/" + resource, GATE, inner,
                    type)


def body(m):
    return m.body.decode()


def basic(m):
    return re.findall(r"<basic>(\w+)</basic>", body(m))
