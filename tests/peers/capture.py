"""capture.py: every IP packet of the namespace, in memory and as a pcap
file (AF_PACKET; needs CAP_NET_RAW there)."""
import socket
import struct
import threading
import time

ETH_IP, ETH_IPV6, OUTGOING = 0x0800, 0x86dd, 4


class Capture:
    def __init__(self, path=None):
        self.udp = []       # (time, (src, port), (dst, port), payload)
        self.tcp = []       # the same, one a segment
        self._path, self._on = path, True
        self._s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                socket.htons(3))    # ETH_P_ALL
        self._s.settimeout(0.2)
        self._s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._t = threading.Thread(target=self._run, daemon=True)
        self._t.start()

    def _run(self):
        out = open(self._path, "wb") if self._path else None
        if out:     # LINKTYPE_RAW
            out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535,
                                  101))
        while self._on:
            try:
                p, addr = self._s.recvfrom(65536)
            except socket.timeout:
                continue
            except OSError:
                break
            if addr[1] not in (ETH_IP, ETH_IPV6) or addr[2] != OUTGOING:
                continue        # loopback shows each packet twice
            now = time.time()
            if out:
                out.write(struct.pack("<IIII", int(now),
                                      int(now % 1 * 1e6), len(p), len(p)))
                out.write(p)
            self._packet(now, p)
        if out:
            out.close()

    def _packet(self, now, p):
        if p[0] >> 4 == 6:
            at, proto, family, ips = 40, p[6], socket.AF_INET6, p[8:40]
        else:
            at, proto, family = (p[0] & 15) * 4, p[9], socket.AF_INET
            ips = p[12:20]
        if len(p) < at + 8:
            return
        n = len(ips) // 2
        src, dst = (socket.inet_ntop(family, x) for x in (ips[:n], ips[n:]))
        sp, dp = struct.unpack_from("!HH", p, at)
        if proto == 17:
            self.udp.append((now, (src, sp), (dst, dp), p[at + 8:]))
        elif proto == 6 and len(p) > at + 13:
            self.tcp.append((now, (src, sp), (dst, dp),
                             p[at + (p[at + 12] >> 4) * 4:]))

    def stop(self):
        self._on = False
        self._t.join(2)
        self._s.close()
        return self

    def rtp(self, test):
        """Payloads of what looks like RTP and for which test(src, dst)."""
        return [(p, p[12 + 4 * (p[0] & 15):]) for _, s, d, p in self.udp
                if len(p) > 12 and p[0] >> 6 == 2
                and not 192 <= p[1] <= 223 and test(s, d)]

    def clear(self, payloads, test):
        """How many packets of test(src, dst) hold one of the payloads."""
        words = {bytes(x[:40]) for x in payloads if len(x) >= 40}
        n = 0
        for p, body in self.rtp(test):
            n += any(bytes(body[i:i + 40]) in words for i in range(0, 24))
        return n
