"""http.py: an HTTP client that sends what it is told to, byte by byte."""
import asyncio
import json
import os

from peers.proc import PATIENCE, listening, until

PORT = 5080
READ, WRITE = "reader-0123456789abcdef", "writer-0123456789abcdef"


def tokens(t, read=True, write=True):
    """[admin] of a gateway with a page, and with tokens in files."""
    admin = {"socket": "stoxd.sock", "http": "127.0.0.1:%d" % PORT}
    for name, text, on in (("read", READ, read), ("write", WRITE, write)):
        if on:
            path = t.path(name + ".token")
            with open(path, "w") as f:
                f.write(text + "\n")
            os.chmod(path, 0o600)
            admin[name + "_token_file"] = path
    return admin


async def up():
    """Waits for the port, which opens after those of calls."""
    await until(lambda: listening(PORT), PATIENCE, "page")


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin1").split("\r\n")
        self.code = int(lines[0].split()[1]) if lines[0] else 0
        self.headers = {k.strip().lower(): v.strip() for k, _, v in (
            x.partition(":") for x in lines[1:])}

    @property
    def json(self):
        return json.loads(self.body)


async def raw(data, port=PORT, timeout=5, shut=False):
    """All that comes back for these bytes until the other end closes."""
    r, w = await asyncio.open_connection("127.0.0.1", port)
    try:
        w.write(data)
        await w.drain()
        if shut:
            w.write_eof()
        return await asyncio.wait_for(r.read(), timeout)
    finally:
        w.close()


async def ask(method, path, body=b"", token=None, host="127.0.0.1:%d" % PORT,
              port=PORT, **headers):
    lines = ["%s %s HTTP/1.1" % (method, path), "Connection: close"]
    if host:
        lines.append("Host: " + host)
    if token:
        lines.append("Authorization: Bearer " + token)
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
        headers.setdefault("Content_Type", "application/json")
    if body:
        lines.append("Content-Length: %d" % len(body))
    lines += ["%s: %s" % (k.replace("_", "-"), v)
              for k, v in headers.items()]
    return Answer(await raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body,
                            port))


class Events:
    """The stream of /api/v1/events."""

    def __init__(self, token=None):
        self.token = token

    async def open(self):
        self.r, self.w = await asyncio.open_connection(
            "127.0.0.1", PORT, limit=1 << 24)
        self.w.write(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n" + (
            b"Authorization: Bearer %s\r\n" % self.token.encode()
            if self.token else b"") + b"\r\n")
        head = await self.r.readuntil(b"\r\n\r\n")
        assert b" 200 " in head, head
        self._rest = b""
        return self

    async def next(self, name=None, timeout=PATIENCE):
        """Data of the next event, of that name."""
        async def read():
            while True:
                while b"\n\n" not in self._rest:
                    size = int(await self.r.readuntil(b"\r\n"), 16)
                    assert size, "the stream ended"
                    self._rest += (await self.r.readexactly(size + 2))[:-2]
                one, _, self._rest = self._rest.partition(b"\n\n")
                event, data = (x.partition(b": ")[2]
                               for x in one.split(b"\n"))
                if name in (None, event.decode()):
                    return json.loads(data)
        return await asyncio.wait_for(read(), timeout)

    def close(self):
        self.w.close()
