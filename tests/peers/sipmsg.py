"""sipmsg.py: SIP messages and SDP as values, for scripted peers.  Strict where
a test wants to know (no compact forms are written, CRLF only)."""
import re

LONG = {"i": "Call-ID", "m": "Contact", "f": "From", "t": "To", "v": "Via",
        "c": "Content-Type", "l": "Content-Length", "k": "Supported",
        "s": "Subject", "e": "Content-Encoding", "x": "Session-Expires"}
PHRASE = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK",
          302: "Moved Temporarily", 401: "Unauthorized", 403: "Forbidden",
          404: "Not Found", 408: "Request Timeout", 422: "Interval Too Small",
          480: "Temporarily Unavailable", 481: "No Such Call",
          486: "Busy Here", 487: "Request Terminated",
          488: "Not Acceptable Here", 491: "Request Pending",
          500: "Server Error", 503: "Service Unavailable",
          600: "Busy Everywhere", 603: "Decline"}


class Msg:
    """A request (method, uri) or a response (code, reason)."""

    def __init__(self, start, headers=(), body=b""):
        self.start, self.headers, self.body = start, list(headers), body
        self.source = None
        w = start.split(" ", 2)
        self.is_request = not start.startswith("SIP/2.0 ")
        if self.is_request:
            self.method, self.uri = w[0], w[1] if len(w) > 1 else ""
            self.code = self.reason = None
        else:
            self.code = int(w[1])
            self.reason = w[2] if len(w) > 2 else ""
            self.method = self.uri = None

    @classmethod
    def parse(cls, data):
        head, _, body = data.partition(b"\r\n\r\n")
        text = head.decode("utf-8", "surrogateescape")
        lines = re.sub(r"\r\n[ \t]+", " ", text).split("\r\n")
        headers = []
        for line in lines[1:]:
            k, colon, v = line.partition(":")
            if not colon:
                raise ValueError("header without colon: %r" % line)
            k = k.strip()
            headers.append((LONG.get(k.lower(), k), v.strip()))
        m = cls(lines[0], headers, body)
        size = m.get("Content-Length")
        if size is not None:
            m.body = body[:int(size)]
        return m

    def get(self, name, default=None):
        for k, v in self.headers:
            if k.lower() == name.lower():
                return v
        return default

    def all(self, name):
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def tokens(self, name):
        """The comma-separated words of all headers of that name."""
        return [w.strip() for v in self.all(name) for w in v.split(",")]

    def set(self, name, value):
        self.headers = [(k, v) for k, v in self.headers
                        if k.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))

    def bytes(self):
        body = self.body.encode() if isinstance(self.body, str) else self.body
        h = [(k, v) for k, v in self.headers
             if k.lower() != "content-length"]
        h.append(("Content-Length", str(len(body))))
        head = self.start + "\r\n" + "".join("%s: %s\r\n" % x for x in h)
        return head.encode("utf-8", "surrogateescape") + b"\r\n" + body

    @property
    def cseq(self):
        n, _, method = self.get("CSeq", "0 ?").partition(" ")
        return int(n), method.strip()

    @property
    def branch(self):
        m = re.search(r";\s*branch=([^;,\s]+)", self.get("Via", ""))
        return m.group(1) if m else ""

    def __repr__(self):
        return self.start if self.is_request else "%d %s (%s)" % (
            self.code, self.reason, self.cseq[1])


def tag(value):
    m = re.search(r">?.*;\s*tag=([^;\s]+)", value.rpartition(">")[2]
                  if ">" in value else value)
    return m.group(1) if m else None


def uri(value):
    """The URI of a From, To, Contact or Route value."""
    m = re.search(r"<([^>]*)>", value)
    return m.group(1) if m else value.split(";")[0].strip()


def address(u):
    """(host, port, transport) of a numeric URI; port 0 where absent."""
    m = re.match(r"sips?:(?:[^@]*@)?(\[[^\]]+\]|[^:;?>]+)(?::(\d+))?(.*)", u)
    if not m:
        raise ValueError("URI %r" % u)
    t = re.search(r";transport=(\w+)", m.group(3), re.I)
    return (m.group(1).strip("[]"), int(m.group(2) or 0),
            t.group(1).lower() if t else None)


class Media:
    def __init__(self, line):
        w = line.split()
        self.kind, self.port, self.proto = w[0], int(w[1].split("/")[0]), w[2]
        self.fmts, self.attrs, self.addr = w[3:], [], None

    def attr(self, name):
        """Value of the first a=NAME[:value]: "" for a flag, None: absent."""
        for k, v in self.attrs:
            if k == name:
                return v
        return None

    def attr_all(self, name):
        return [v for k, v in self.attrs if k == name]

    @property
    def direction(self):
        for k, _ in self.attrs:
            if k in ("sendrecv", "sendonly", "recvonly", "inactive"):
                return k
        return "sendrecv"

    def codecs(self):
        """{pt: "PCMU/8000"}; static numbers filled in (RFC 3551)."""
        static = {"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000",
                  "13": "CN/8000"}
        out = {int(f): static[f] for f in self.fmts if f in static}
        for v in self.attr_all("rtpmap"):
            pt, _, name = v.partition(" ")
            out[int(pt)] = name
        return {int(f): out.get(int(f), "?") for f in self.fmts}


class Sdp:
    def __init__(self, text):
        if isinstance(text, bytes):
            text = text.decode()
        self.text, self.media, self.addr, self.origin = text, [], None, ""
        self.attrs = []
        for line in text.splitlines():
            k, v = line[:1], line[2:]
            if k == "m":
                self.media.append(Media(v))
            elif k == "o":
                self.origin = v
            elif k == "c":
                where = self.media[-1] if self.media else self
                where.addr = v.split()[2]
            elif k == "a":
                where = self.media[-1] if self.media else self
                n, _, val = v.partition(":")
                where.attrs.append((n, val))
        for m in self.media:
            m.addr = m.addr or self.addr

    @property
    def audio(self):
        return next(m for m in self.media if m.kind == "audio")


def make_sdp(ip, port, codecs=((0, "PCMU/8000"),), dtmf=101, version=1,
             direction="sendrecv", proto="RTP/AVP", extra=(), session=1):
    """An SDP body with one audio line."""
    codecs, v = list(codecs), 6 if ":" in ip else 4
    if dtmf:
        codecs.append((dtmf, "telephone-event/8000"))
    lines = ["v=0", "o=- %d %d IN IP%d %s" % (session, version, v, ip),
             "s=-", "c=IN IP%d %s" % (v, ip), "t=0 0",
             "m=audio %d %s %s" % (port, proto,
                                   " ".join(str(pt) for pt, _ in codecs))]
    lines += ["a=rtpmap:%d %s" % c for c in codecs]
    if dtmf:
        lines.append("a=fmtp:%d 0-15" % dtmf)
    lines += ["a=ptime:20", "a=" + direction]
    lines += ["a=" + x for x in extra]
    return "\r\n".join(lines) + "\r\n"
