"""ladder.py: a call as a time line, read off the wire: XMPP on the component
port, SIP, the first ICE checks, DTLS, and how much media went which way."""
import re
import xml.etree.ElementTree as ET

from peers.sipmsg import Msg

COMPONENT, SIP = 5347, (5060, 5070)
GATEWAY_SIP = 5070
JMI, J = "urn:xmpp:jingle-message:0", "urn:xmpp:jingle:1"
WIDTH = 30


def _stanza_name(e):
    """What a stanza says of a call; None: nothing."""
    for c in e:
        ns, _, name = c.tag[1:].partition("}")
        if ns == JMI:
            return name
        if ns == "urn:xmpp:receipts" and name == "received":
            return "receipt"
        if ns == J and e.get("type") == "set":
            what = c.get("action")
            if what == "session-info":
                inner = [x.tag.rpartition("}")[2] for x in c]
                what = "session-info " + (" ".join(inner) or "(ping)")
            reason = c.find("{%s}reason" % J)
            if reason is not None and len(reason):
                what += " (%s)" % reason[0].tag.rpartition("}")[2]
            return what
    if e.get("type") == "error":
        return "error to " + e.tag.rpartition("}")[2]
    return None


def xmpp(capture, since):
    """(time, to the gateway?, text) of the component's connection."""
    out, parsers = [], {}
    for now, src, dst, data in capture.tcp:
        if COMPONENT not in (src[1], dst[1]) or not data:
            continue
        key = (src, dst)
        if key not in parsers:
            parsers[key] = (ET.XMLPullParser(("start", "end")), [0])
        parser, depth = parsers[key]
        try:
            parser.feed(data)
            events = list(parser.read_events())
        except ET.ParseError:
            continue
        for ev, e in events:
            depth[0] += 1 if ev == "start" else -1
            if ev == "end" and depth[0] == 1 and now >= since:
                name = _stanza_name(e)
                if name:
                    out.append((now, src[1] == COMPONENT, name))
    return out


def sip(capture, since):
    out = []
    for now, src, dst, data in capture.udp + capture.tcp:
        if now < since or not {src[1], dst[1]} & set(SIP) \
                or not re.match(rb"[A-Z]+ sip|SIP/2.0 ", data):
            continue
        try:
            m = Msg.parse(data)
        except ValueError:
            continue
        if m.cseq[1] in ("OPTIONS", "REGISTER"):
            continue
        text = m.method if m.is_request else "%d %s" % (m.code, m.reason)
        if m.body:
            text += " (SDP)"
        why = m.get("Reason")
        if why:
            text += " " + why.split(";text")[0]
        out.append((now, src[1] != GATEWAY_SIP, text))
    return out


def media(capture, since, client_port, phone_ports):
    """(marks on the way, closing lines)"""
    marks, count, seen = [], {}, set()
    for now, src, dst, p in capture.udp:
        if now < since or len(p) < 12:
            continue
        if client_port in (src[1], dst[1]):
            inward = src[1] == client_port
            kind = "STUN" if p[0] < 4 else "DTLS" if 20 <= p[0] < 64 \
                else "SRTP" if p[0] >> 6 == 2 else None
        elif phone_ports & {src[1], dst[1]} and p[0] >> 6 == 2 \
                and not 192 <= p[1] <= 223:
            inward, kind = src[1] in phone_ports, "RTP"
        else:
            continue
        if kind is None:
            continue
        count[(kind, inward)] = count.get((kind, inward), 0) + 1
        if (kind, inward) not in seen:
            seen.add((kind, inward))
            marks.append((now, kind == "RTP", inward,
                          "first " + kind))
    lines = ["%s: %d packets %s the gateway, %d back" % (
        k, count.get((k, True), 0), "to", count.get((k, False), 0))
        for k in ("STUN", "DTLS", "SRTP", "RTP")]
    return marks, lines


def arrow(text, right):
    text = text[:WIDTH - 5]
    bar = "-" * (WIDTH - 4 - len(text))
    return "- %s %s>" % (text, bar) if right else "<%s %s -" % (bar, text)


def draw(capture, since, client_port, phone_ports, left, right):
    """Lines of text."""
    rows = [(now, 0, to_gw, text) for now, to_gw, text
            in xmpp(capture, since)]
    rows += [(now, 1, to_gw, text) for now, to_gw, text
             in sip(capture, since)]
    marks, lines = media(capture, since, client_port, phone_ports)
    rows += [(now, int(is_sip), inward, text)
             for now, is_sip, inward, text in marks]
    rows.sort(key=lambda r: r[0])
    blank = " " * WIDTH
    out = ["%8s  %s" % ("s", left.ljust(WIDTH - 2) + "stoxd".center(6)
                        + right.rjust(WIDTH - 2))]
    for now, column, inward, text in rows:
        # towards the gateway is to the right on the XMPP side
        a = arrow(text, inward if column == 0 else not inward)
        pair = (a, blank) if column == 0 else (blank, a)
        out.append("%8.3f |%s|%s|" % (now - since, pair[0].ljust(WIDTH),
                                      pair[1].ljust(WIDTH)))
    return out + ["", "media:"] + ["  " + x for x in lines]
