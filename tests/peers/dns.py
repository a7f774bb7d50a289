"""dns.py: a name server on 127.0.0.1:53 of a namespace.

records: {("pbx.test", "A"): ["127.0.0.3", ..],
("_sip._udp.pbx.test", "SRV"): [(priority, weight, port, target), ..],
("1.9.4.e164.arpa", "NAPTR"): [(order, preference, flags, services, regexp)]}.
A test writes "nameserver 127.0.0.1" into its resolv.conf (Dns.configure)."""
import asyncio
import socket
import struct

TYPES = {1: "A", 28: "AAAA", 33: "SRV", 35: "NAPTR"}


def _name(s):
    return b"".join(bytes([len(x)]) + x.encode()
                    for x in s.strip(".").split(".")) + b"\0"


def _data(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "NAPTR":     # (order, preference, flags, services, regexp)
        order, pref, *words = value
        return struct.pack("!HH", order, pref) + b"".join(
            bytes([len(w)]) + w.encode() for w in words) + b"\0"
    prio, weight, port, target = value
    return struct.pack("!HHH", prio, weight, port) + _name(target)


class Dns(asyncio.DatagramProtocol):
    def __init__(self, records):
        self.records, self.asked = records, []

    @staticmethod
    def configure(t):
        """Once per test, before programs start."""
        with open(t.path("resolv.conf"), "w") as f:
            f.write("nameserver 127.0.0.1\n")

    async def start(self):
        loop = asyncio.get_running_loop()
        self.tr, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 53))
        return self

    def close(self):
        self.tr.close()

    def datagram_received(self, p, addr):
        labels, at = [], 12
        while p[at]:
            labels.append(p[at + 1:at + 1 + p[at]].decode())
            at += 1 + p[at]
        qtype = struct.unpack_from("!H", p, at + 1)[0]
        question = p[12:at + 5]
        key = (".".join(labels).lower(), TYPES.get(qtype))
        self.asked.append(key)
        found = self.records.get(key, [])
        known = any(k[0] == key[0] for k in self.records)
        head = p[:2] + struct.pack("!HHHHH", 0x8580 if known else 0x8583, 1,
                                   len(found), 0, 0)
        body = b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", qtype, 1, 60, len(d)) + d
            for d in (_data(key[1], v) for v in found))
        self.tr.sendto(head + question + body, addr)
