"""accounts.py: a user who brings SIP accounts along, by form and by command,
between a scripted XMPP server and a scripted provider."""
import asyncio
import os
import sqlite3

from peers.lab import Lab
from peers.proc import PATIENCE
from peers.registrar import Registrar
from peers.xmltext import escape
from peers.xmppserver import condition, find, local, text

GATE = "sip.xmpp.test"
REGISTER = "jabber:iq:register"
DATA = "jabber:x:data"
COMMANDS = "http://jabber.org/protocol/commands"
SEARCH = "jabber:iq:search"
HOST = "127.0.0.3:5060"
CONF = {"store": {"path": "stoxd.db"},
        "account": {"providers": HOST, "like": "pbx", "register_wait": "2"}}


def merged(*confs):
    out = {}
    for c in confs:
        for s, v in (c or {}).items():
            out[s] = dict(out.get(s, {}), **v)
    return out


def form(values, type="submit"):
    return "<x xmlns='%s' type='%s'>%s</x>" % (DATA, type, "".join(
        "<field var='%s'><value>%s</value></field>" % (k, escape(v))
        for k, v in values.items()))


def fields(x):
    """var -> list of values."""
    return {f.get("var"): [v.text or "" for v in f if local(v) == "value"]
            for f in x if local(f) == "field"}


class Accounts:
    async def start(self, t, changes=None, users=None, **kw):
        self.t = t
        self.registrar = Registrar(users or {"bob": "s3cret-pw"},
                                   log=t.path("registrar.log"))
        await self.registrar.start()
        t.later(self.registrar.close)
        self.lab = await Lab(t).start(merged(CONF, changes), **kw)
        self.server, self.alice = self.lab.server, self.lab.alice
        while "connected" not in self.lab.stoxd.ctl("status"):
            await asyncio.sleep(0.05)
        return self

    async def ask(self, type, inner, to=GATE, frm=None, timeout=PATIENCE):
        """An IQ of alice; its answer."""
        id = self.server.stanza("iq", frm or self.alice.jid, to, inner, type)
        return await self.server.wait(
            lambda e: local(e) == "iq" and e.get("id") == id
            and e.get("type") in ("result", "error"), timeout, "answer")

    async def register(self, frm=None, timeout=PATIENCE, **values):
        values = dict({"username": "bob", "password": "s3cret-pw"}, **values)
        return await self.ask("set", "<query xmlns='%s'>%s</query>" % (
            REGISTER, form(values)), frm=frm, timeout=timeout)

    async def registered(self, **values):
        r = await self.register(**values)
        assert r.get("type") == "result", text(r)
        return r

    async def command(self, node, values=None, id=None, action=None):
        """A step; (status, session, form fields, note, element)."""
        r = await self.ask("set", "<command xmlns='%s' node='%s'%s%s>%s"
                           "</command>" % (
                               COMMANDS, node,
                               " sessionid='%s'" % id if id else "",
                               " action='%s'" % action if action else "",
                               form(values) if values is not None else ""))
        c = find(r, "command")
        if r.get("type") == "error":
            return "error", None, {}, condition(r), r
        x, note = find(c, "x", DATA), find(c, "note")
        return (c.get("status"), c.get("sessionid"),
                fields(x) if x is not None else {},
                note.text if note is not None else None, c)

    async def one_step(self, node, values):
        st, id, _, _, c = await self.command(node)
        assert st == "executing", text(c)
        return await self.command(node, values, id)

    def db(self):
        c = sqlite3.connect(os.path.join(self.t.dir, "stoxd.db"))
        try:
            return c.execute("SELECT * FROM account").fetchall()
        finally:
            c.close()

    async def message(self, timeout=PATIENCE, type=None):
        e = await self.server.wait(
            lambda e: local(e) == "message" and find(e, "body") is not None
            and (not type or e.get("type") == type), timeout, "message")
        return e, find(e, "body").text

    def everything(self):
        """All that was written: logs and the database."""
        out = b""
        for name in os.listdir(self.t.dir):
            path = os.path.join(self.t.dir, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    out += f.read()
        return out
