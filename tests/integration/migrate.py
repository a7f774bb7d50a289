"""A call that goes on at another device of the user (X0353 4.2, protocol E.4,
D30), with real ICE: consent is lost only where there was some."""
import asyncio
import time

from peers.runner import case
from peers.site import CONTACT, Site


async def lost(t, direction):
    """A call whose client has fallen silent, as seen by the gateway."""
    site = await Site(t).start(capture=False)
    pad = await site.client(resource="pad")
    desk = await site.client(resource="desk", contact=True)
    pad.answer = "none"
    s = await site.call(desk, direction)
    await asyncio.sleep(1)
    await s._transport().transport._connection.close()
    end = time.monotonic() + 45     # 15 s; by libnice 10 or 30
    while "is silent to ICE checks" not in site.stoxd.text():
        assert time.monotonic() < end, "consent is not missed"
        await asyncio.sleep(0.2)
    return site, desk, pad, s


async def goes_on(t, direction):
    site, desk, pad, s = await lost(t, direction)
    since = time.monotonic()
    n = await pad.call(CONTACT)
    await n.up()
    took = time.monotonic() - since
    assert took < 3, "%.1f s from propose to media" % took
    e = await desk.wait("jmi", 5, kind="finish", id=s.sid)
    assert e["reason"] == "expired", e
    before = site.phone.rtp.received, n.rtp_in
    await asyncio.sleep(2)
    after = site.phone.rtp.received, n.rtp_in
    for a, b, who in zip(before, after, ("phone", "pad")):
        assert b - a > 80, "%s heard %d packets in 2 s" % (who, b - a)
    assert [m for _, w, m in site.phone.ua.history
            if w == "<" and m.method == "INVITE"][1:] == [], \
        "a re-INVITE without need"
    await site.phone.hang_up()
    await pad.wait("terminated", 10, sid=n.sid)


@case(timeout=90, waits=16)
async def other_device_takes_over_a_call_that_it_made(t):
    await goes_on(t, "x2s")


@case(timeout=90, waits=16)
async def other_device_takes_over_a_call_from_sip(t):
    await goes_on(t, "s2x")


@case(timeout=90, waits=14)
async def lost_device_may_come_back_itself(t):
    """The same device proposes again after it was restarted."""
    site, desk, pad, s = await lost(t, "x2s")
    n = await desk.call(CONTACT)
    await n.up()
    await site.phone.hang_up()
    await desk.wait("terminated", 10, sid=n.sid)
