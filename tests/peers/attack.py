"""attack.py: what the hardening tests measure and throw: memory and
descriptors of the daemon, sockets that only listen, requests bent at will,
text that is syntax elsewhere, byte scans of what arrived."""
import asyncio
import os
import socket
import subprocess

from peers.runner import Skip
from peers.sipmsg import Msg
from peers.sipua import token

OURS = ("127.0.0.1", 5070)
ALICE = "sip:alice@127.0.0.1:5070"
# Would be syntax in SIP, XML, a log or a terminal if it crossed over raw.
MARK = "x7Zq"
HOSTILE = ('%s"<b a=\'1\'>&amp;]]></b>\\\u202e\u2066\x85%%0d%%0a;tag=1,'
           "{}$(id)`%%s%%n" % MARK)


def resident(stoxd):
    """Resident memory in KiB."""
    with open("/proc/%d/status" % stoxd.p.pid) as f:
        return next(int(x.split()[1]) for x in f if x.startswith("VmRSS"))


def sanitized(stoxd):
    """Is it a build whose memory figures mean nothing?"""
    with open(stoxd.argv[0], "rb") as f:
        data = f.read()
    return b"__asan_init" in data or b"__tsan_init" in data


def descriptors(stoxd):
    return len(os.listdir("/proc/%d/fd" % stoxd.p.pid))


def cpu(stoxd):
    """Seconds of processor time used so far."""
    with open("/proc/%d/stat" % stoxd.p.pid) as f:
        w = f.read().rpartition(")")[2].split()
    return (int(w[11]) + int(w[12])) / os.sysconf("SC_CLK_TCK")


class Ear(asyncio.DatagramProtocol):
    """A UDP socket that keeps what comes and can send."""

    def __init__(self):
        self.heard = []

    @classmethod
    async def open(cls, t, ip="127.0.0.1", port=0):
        s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET,
                          socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.bind((ip, port))
        tr, self = await asyncio.get_running_loop().create_datagram_endpoint(
            cls, sock=s)
        self.tr, self.addr = tr, s.getsockname()[:2]
        t.later(tr.close)
        return self

    def datagram_received(self, data, addr):
        self.heard.append((data, addr))

    def error_received(self, exc):
        pass

    def send(self, data, to):
        self.tr.sendto(data, to)


def raw(method="INVITE", uri=ALICE, headers=(), body="", proto="UDP",
        source="127.0.0.1:5060", **change):
    """Bytes of a request; change: replaces From, To, CSeq ... by name."""
    n = token("h")
    h = {"Via": "SIP/2.0/%s %s;rport;branch=z9hG4bK%s" % (proto, source, n),
         "Max-Forwards": "70", "From": "<sip:600@%s>;tag=%s" % (source, n),
         "To": "<%s>" % uri, "Call-ID": n, "CSeq": "1 " + method,
         "Contact": "<sip:600@%s>" % source}
    for k, v in change.items():
        h[k.replace("_", "-")] = v
    h = [(k, v) for k, v in h.items() if v is not None]
    if body:
        h.append(("Content-Type", "application/sdp"))
    return Msg("%s %s SIP/2.0" % (method, uri), h + list(headers),
               body).bytes()


def scan(path, words):
    """Which of the words stand in a file."""
    with open(path, "rb") as f:
        data = f.read()
    return [w for w in words if (w.encode() if isinstance(w, str) else w)
            in data]


def control_bytes(path):
    """Bytes of a file that a terminal could act on."""
    with open(path, "rb") as f:
        data = f.read()
    return sorted({b for b in data if (b < 32 and b != 10) or b == 127})


def own(ip):
    """Gives this machine an address of a network that nobody configured."""
    if subprocess.run(["ip", "addr", "add", ip + "/32", "dev", "lab0"],
                      capture_output=True).returncode:
        raise Skip("no namespace of its own to add %s to" % ip)
    return ip
