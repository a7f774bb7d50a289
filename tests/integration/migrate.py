"""A call that goes on at another device of the user (X0353 4.2, protocol E.4,
D30), with real ICE: consent is lost only where there was some."""
import asyncio
import time

from peers.lab import cause
from peers.proc import until
from peers.runner import case
from peers.site import CONTACT, Site


async def lost(t, direction):
    """A call whose client has fallen silent, as seen by the gateway."""
    site = await Site(t).start(capture=False)
    pad = await site.client(resource="pad")
    desk = await site.client(resource="desk", contact=True)
    pad.answer = "none"
    s = await site.call(desk, direction)
    await fall_silent(site, s)
    return site, desk, pad, s


async def fall_silent(site, s):
    await asyncio.sleep(1)
    await s._transport().transport._connection.close()
    await until(lambda: "is silent to ICE checks" in site.stoxd.text(), 45,
                "loss of consent")      # 15 s; by libnice 10 or 30


async def goes_on(t, direction):
    site, desk, pad, s = await lost(t, direction)
    since = time.monotonic()
    n = await pad.call(CONTACT)
    await n.up()
    took = time.monotonic() - since
    assert took < 3, "%.1f s from propose to media" % took
    e = await desk.wait("jmi", kind="finish", id=s.sid)
    assert e["reason"] == "expired", e
    a, b = site.phone.rtp.received, n.rtp_in
    await until(lambda: site.phone.rtp.received - a > 80, 20, "sound to it")
    await until(lambda: n.rtp_in - b > 80, 20, "sound at the other device")
    assert [m for _, w, m in site.phone.ua.history
            if w == "<" and m.method == "INVITE"][1:] == [], \
        "a re-INVITE without need"
    await site.phone.hang_up()
    await pad.wait("terminated", sid=n.sid)


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
    await desk.wait("terminated", sid=n.sid)


async def bye_of_the_lost(t, direction, contact, leaves):
    """A device that nobody takes the call over from: cause of the BYE.
    contact: its presence reaches the gateway; leaves: it logs out."""
    site = await Site(t).start(capture=False)
    desk = await site.client(resource="desk", contact=contact)
    s = await site.call(desk, direction)
    if leaves:
        desk.disconnect(wait=0.5)
    await fall_silent(site, s)
    bye = await site.phone.call.wait("BYE", 60)
    site.phone.call.reply(200, req=bye)
    # for XMPP, records and people it is the same
    assert "(connectivity-error)" in site.stoxd.text()
    return cause(bye)


@case(timeout=130, waits=40)
async def lost_device_that_logged_out__cause_27(t):
    """E.5, last row: its presence says so."""
    assert await bye_of_the_lost(t, "x2s", True, True) == 27


@case(timeout=130, waits=40)
async def lost_device_whose_server_bounces__cause_27(t):
    """Without presence: the restart that is offered to it comes back."""
    assert await bye_of_the_lost(t, "s2x", False, True) == 27


@case(timeout=130, waits=40)
async def lost_device_that_is_online__cause_41(t):
    assert await bye_of_the_lost(t, "s2x", True, False) == 41


@case(timeout=130, waits=40)
async def lost_device_that_nobody_knows_of__cause_41(t):
    assert await bye_of_the_lost(t, "x2s", False, True) == 41
