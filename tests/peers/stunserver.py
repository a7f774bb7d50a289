"""stunserver.py: a scripted STUN and TURN server (RFC 8489, 5780, 8656): what
it sees, what it says, whom it lets in."""
import asyncio
import hashlib
import hmac
import os
import socket
import struct

COOKIE = 0x2112A442
BINDING, ALLOCATE, REFRESH = 1, 3, 4


def attr(kind, value):
    return struct.pack("!HH", kind, len(value)) + value \
        + b"\0" * (-len(value) % 4)


def xor_address(host, port):
    ip = struct.unpack("!I", socket.inet_aton(host))[0] ^ COOKIE
    return struct.pack("!BBHI", 0, 1, port ^ COOKIE >> 16, ip)


def plain_address(host, port):
    return struct.pack("!BBH", 0, 1, port) + socket.inet_aton(host)


def attributes(data):
    out, at = {}, 20
    while at + 4 <= len(data):
        kind, n = struct.unpack_from("!HH", data, at)
        out[kind] = data[at + 4:at + 4 + n]
        at += 4 + n + (-n % 4)
    return out


class StunServer(asyncio.DatagramProtocol):
    """mapped: what it says to see, None: the truth.  other: has a second
    port; deaf: which it does not answer from.  users: name -> password."""

    def __init__(self, port=3478, mapped=None, other=False, deaf=False,
                 users=()):
        self.port, self.mapped, self.other = port, mapped, other
        self.deaf, self.users = deaf, dict(users)
        self.silent, self.seen, self.allocated = False, [], 0

    async def start(self):
        loop = asyncio.get_running_loop()
        self.tr, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", self.port))
        self.second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.second.bind(("127.0.0.1", self.port + 1))
        return self

    async def stop(self):
        self.tr.close()
        self.second.close()

    def datagram_received(self, data, addr):
        kind, _, cookie = struct.unpack_from("!HHI", data)
        if self.silent or cookie != COOKIE:
            return
        self.seen.append((kind, addr))
        attrs = attributes(data)
        if kind == BINDING:
            self._binding(data, attrs, addr)
        elif kind == ALLOCATE:
            self._allocate(data, attrs, addr)
        elif kind == REFRESH:
            self._send(data, 0x0104, attr(0x000d, struct.pack("!I", 0)), addr,
                       self._key(attrs))

    def _binding(self, data, attrs, addr):
        body = attr(0x0020, xor_address(*(self.mapped or addr[0],
                                          addr[1])))
        if self.other:
            body += attr(0x802c, plain_address("127.0.0.1", self.port + 1))
        if 0x0003 in attrs and attrs[0x0003][3] & 2:
            if not self.deaf:
                self.second.sendto(self._message(data, 0x0101, body), addr)
            return
        self._send(data, 0x0101, body, addr)

    def _key(self, attrs):
        name = attrs.get(0x0006, b"").decode()
        return hashlib.md5(("%s:test:%s" % (
            name, self.users.get(name))).encode()).digest()

    def _authorized(self, data, attrs):
        if attrs.get(0x0006, b"").decode() not in self.users \
                or 0x0008 not in attrs:
            return False
        at = data.index(attr(0x0008, attrs[0x0008]))
        head = data[:2] + struct.pack("!H", at - 20 + 24) + data[4:at]
        return hmac.new(self._key(attrs), head, hashlib.sha1).digest() \
            == attrs[0x0008]

    def _allocate(self, data, attrs, addr):
        if not self._authorized(data, attrs):
            self._send(data, 0x0113, attr(0x0009, b"\0\0\4\1Unauthorized")
                       + attr(0x0014, b"test")
                       + attr(0x0015, os.urandom(8).hex().encode()), addr)
            return
        self.allocated += 1
        self._send(data, 0x0103, attr(0x0016, xor_address("127.0.0.1", 50000))
                   + attr(0x0020, xor_address(*addr[:2]))
                   + attr(0x000d, struct.pack("!I", 60)), addr,
                   self._key(attrs))

    def _message(self, req, kind, body, key=None):
        head = struct.pack("!HHI", kind, len(body), COOKIE) + req[8:20]
        if key:
            head = head[:2] + struct.pack("!H", len(body) + 24) + head[4:]
            body += attr(0x0008, hmac.new(key, head + body,
                                          hashlib.sha1).digest())
        return head + body

    def _send(self, req, kind, body, addr, key=None):
        self.tr.sendto(self._message(req, kind, body, key), addr)
