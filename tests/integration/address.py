"""The public address changes under running calls (NAT, a new lease)."""
import asyncio
import re
import xml.etree.ElementTree as ET

from peers.lab import Lab
from peers.runner import case
from peers.sipmsg import Sdp

OLD, NEW = "192.0.2.10", "192.0.2.99"


async def registration(lab):
    while True:
        m = await asyncio.wait_for(lab.ua.others.get(), 10)
        if m.method == "REGISTER":
            lab.ua.reply(m, 200, headers=[("Contact", m.get("Contact")),
                                          ("Expires", "3600")])
            return m


@case
async def calls_follow_a_new_public_address(t):
    lab = await Lab(t).start({
        "sip": {"public_address": OLD}, "media": {"public_address": OLD},
        "trunk pbx": {"register": "yes"}})
    reg = await registration(lab)
    assert OLD in reg.get("Contact"), reg.get("Contact")
    f = await lab.x2s(answer=lab.sdp())
    assert Sdp(f.sip.req.body).audio.addr == OLD, f.sip.req.body
    assert OLD in f.sip.req.get("Contact") and OLD in f.sip.req.get("Via")

    out = await asyncio.to_thread(lab.stoxd.ctl, "address", NEW)
    assert NEW in out, out
    again = await registration(lab)
    assert NEW in again.get("Contact"), again.get("Contact")
    inv = await f.sip.wait("INVITE")
    assert NEW in inv.get("Contact") and NEW in inv.get("Via"), inv
    assert Sdp(inv.body).audio.addr == NEW, inv.body
    f.sip.reply(200, lab.sdp(version=2), req=inv)
    await f.sip.wait("ACK")

    info = await f.user.get_jingle("transport-info", sid=f.sid)
    text = ET.tostring(info.j, "unicode")
    assert NEW in text and OLD not in text, text
    was = re.search(r'ufrag="([^"]+)"', ET.tostring(f.accept.j, "unicode"))
    now = re.search(r'ufrag="([^"]+)"', text)
    assert was.group(1) != now.group(1)
