"""stun.py: a STUN server (RFC 5389) that answers late and tells everyone the
same public address, so that a reflexive candidate comes after the offer."""
import asyncio
import socket
import struct

COOKIE = 0x2112A442


class Stun(asyncio.DatagramProtocol):
    def __init__(self, port=3478, delay=0.4, mapped=("192.0.2.7", 4000)):
        self.port, self.delay, self.mapped = port, delay, mapped
        self.asked = 0

    async def start(self):
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", self.port))
        return self

    def close(self):
        self._udp.close()

    def datagram_received(self, data, addr):
        if len(data) < 20 or struct.unpack("!H", data[:2])[0] != 1:
            return
        self.asked += 1
        ip = struct.unpack("!I", socket.inet_aton(self.mapped[0]))[0]
        # XOR-MAPPED-ADDRESS, 15.2
        attr = struct.pack("!HHBBHI", 0x20, 8, 0, 1,
                           self.mapped[1] ^ COOKIE >> 16, ip ^ COOKIE)
        msg = struct.pack("!HH", 0x101, len(attr)) + data[4:20] + attr
        asyncio.get_running_loop().call_later(
            self.delay, self._udp.sendto, msg, addr)
