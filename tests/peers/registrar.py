"""registrar.py: a scripted SIP provider: a registrar that asks for digest
(MD5), and calls to and from who is registered there."""
import hashlib
import re

from peers.sipmsg import uri
from peers.sipua import Ua, token


def _md5(s):
    return hashlib.md5(s.encode()).hexdigest()


class Registrar(Ua):
    """users: name -> password.  code: what REGISTER gets instead, "" for
    silence.  bound: name -> Contact URI."""

    def __init__(self, users, ip="127.0.0.3", realm="provider", **kw):
        super().__init__(ip=ip, **kw)
        self.users, self.realm, self.code = dict(users), realm, None
        self.bound, self.registers, self.nonce = {}, [], token("n")
        self.expires = 600
        self.headers = []       # more, of the 200

    def _request(self, m):
        if m.method != "REGISTER":
            super()._request(m)
            return
        key = (m.branch, m.method)
        if key in self._seen:
            if self._seen[key]:
                self.send(self._seen[key], m.source, writer=m.writer)
            return
        self._seen[key] = None
        self.registers.append(m)
        if self.code is not None:
            if self.code:
                self.reply(m, self.code)
            return
        self._register(m)

    def _register(self, m):
        name = uri(m.get("To")).partition(":")[2].partition("@")[0]
        if name not in self.users:
            self.reply(m, 404)
            return
        if not self._authorized(m, name):
            self.reply(m, 401, headers=[(
                "WWW-Authenticate",
                'Digest realm="%s", nonce="%s", qop="auth", algorithm=MD5'
                % (self.realm, self.nonce))])
            return
        contact = uri(m.get("Contact"))
        if m.get("Expires") == "0":
            self.bound.pop(name, None)
            self.reply(m, 200)
            return
        self.bound[name] = contact
        self.reply(m, 200, headers=[("Contact", "<%s>;expires=%d" % (
            contact, self.expires))] + self.headers)

    def _authorized(self, m, name):
        a = m.get("Authorization")
        if not a:
            return False
        p = {k: q or v for k, q, v in re.findall(
            r'(\w+)=(?:"([^"]*)"|([^,\s]+))', a)}
        ha1 = _md5("%s:%s:%s" % (p["username"], self.realm,
                                 self.users[name]))
        ha2 = _md5("%s:%s" % (m.method, p["uri"]))
        want = _md5(":".join((ha1, p["nonce"], p["nc"], p["cnonce"], "auth",
                              ha2)))
        return p["nonce"] == self.nonce and p["response"] == want
