"""The public address changes under running calls (NAT, a new lease)."""
import asyncio
import re
import xml.etree.ElementTree as ET

from peers.lab import Lab
from peers.runner import case
from peers.sipmsg import Sdp

OLD, NEW = "192.0.2.10", "192.0.2.99"
OLD6, NEW6 = "2001:db8::10", "2001:db8::99"
HERE6 = "fd00:1ab::1"           # of the namespace


async def registration(lab):
    while True:
        m = await asyncio.wait_for(lab.ua.others.get(), 20)
        if m.method == "REGISTER":
            lab.ua.reply(m, 200, headers=[("Contact", m.get("Contact")),
                                          ("Expires", "3600")])
            return m


async def follow(lab, old, new):
    """A call that is up when the address changes, and what its sides see."""
    reg = await registration(lab)
    assert old in reg.get("Contact"), reg.get("Contact")
    f = await lab.x2s(answer=lab.sdp())
    assert Sdp(f.sip.req.body).audio.addr == old, f.sip.req.body
    assert old in f.sip.req.get("Contact") and old in f.sip.req.get("Via")

    out = await asyncio.to_thread(lab.stoxd.ctl, "address", new)
    assert new in out, out
    again = await registration(lab)
    assert new in again.get("Contact"), again.get("Contact")
    inv = await f.sip.wait("INVITE")
    assert new in inv.get("Contact") and new in inv.get("Via"), inv
    assert Sdp(inv.body).audio.addr == new, inv.body
    f.sip.reply(200, lab.sdp(version=2), req=inv)
    await f.sip.wait("ACK")

    info = await f.user.get_jingle("transport-info", sid=f.sid)
    text = ET.tostring(info.j, "unicode")
    assert new in text and old not in text, text
    was = re.search(r'ufrag="([^"]+)"', ET.tostring(f.accept.j, "unicode"))
    now = re.search(r'ufrag="([^"]+)"', text)
    assert was.group(1) != now.group(1)
    return f, text


@case
async def calls_follow_a_new_public_address(t):
    lab = await Lab(t).start({
        "sip": {"public_address": OLD}, "media": {"public_address": OLD},
        "trunk pbx": {"register": "yes"}})
    await follow(lab, OLD, NEW)


@case
async def calls_follow_a_new_public_address_v6(t):
    """And nothing says what is bound."""
    lab = Lab(t)
    lab.media_ip, lab.dial = HERE6, "sip:%s@[::1]:5070"
    await lab.start({
        "sip": {"listen": "udp:[::1]:5070", "public_address": OLD6},
        "trunk pbx": {"uri": "sip:[::1]:5060", "accept_from": "::1",
                      "media_from": "fd00:1ab::/64", "register": "yes"},
        "media": {"address": HERE6, "public_address": OLD6}},
        ip="::1", peer=("::1", 5070))
    f, text = await follow(lab, OLD6, NEW6)
    assert HERE6 not in text, text
    assert HERE6 not in ET.tostring(f.accept.j, "unicode")
    assert HERE6.encode() not in f.sip.req.body, f.sip.req.body
