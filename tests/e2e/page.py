"""The live page in headless Chromium, with calls running."""
import asyncio
import json
import os

from peers import http
from peers.http import PORT, READ, WRITE, tokens
from peers.lab import Lab
from peers.page import Browser, need_axe
from peers.phones import Rtp
from peers.runner import Skip, add, case
from peers.site import CONTACT, Site

URL = "http://127.0.0.1:%d/" % PORT
LIVE = "document.body.dataset.state === 'live'"
ROWS = "document.querySelectorAll('#rows .row').length"
HOSTILE = "<img src=x onerror='document.title=1'>\u202e&amp;\"</script>"
SIZES = ((360, 740), (1280, 900), (3840, 2160))


async def opened(t, url=URL):
    await http.up()
    b = await Browser(t).start()
    await b.open(url)
    return b


async def lab_and_page(t, read=False, write=False, changes=None):
    lab = await Lab(t).start(dict(changes or {},
                                  admin=tokens(t, read, write)))
    b = await opened(t)
    await b.until(LIVE if not read else "!document.querySelector('#signin')"
                  ".hidden")
    return lab, b


def clean(b, but=()):
    """Nothing was complained of, and nobody else was asked."""
    assert not [p for p in b.problems if not any(x in p for x in but)], \
        b.problems
    assert all(x.startswith(URL) or x == "about:blank"
               for x in b.requests), b.requests


async def sign_in(b, token):
    await b.run("document.querySelector('#token').value = '%s'; "
                "document.querySelector('#signin button').click()" % token)


# ---- with real peers ------------------------------------------------------
@case(timeout=120)
async def page_of_real_calls(t):
    """Numbers that only a call with sound has, its ladder, its end."""
    site = await Site(t).start(capture=False,
                               changes={"admin": tokens(t)})
    client = await site.client()
    b = await opened(t)
    await b.until("!document.querySelector('#signin').hidden")
    await sign_in(b, WRITE)
    await b.until(LIVE)
    s = await site.call(client, "x2s")
    await b.until("[...document.querySelectorAll('#rows .mos b')].some("
                  "n => parseFloat(n.textContent) > 3)")
    await b.until("document.querySelector('#rows').innerText"
                  ".includes('AES-')")
    row = await b.text("#rows .row")
    for words in ("alice@xmpp.test", "600@127.0.0.1", "PCMU", "ICE", "AES-",
                  "RTP", "plain", "pbx", "%"):
        assert words in row, (words, row)
    # a point each 5 s
    await b.until("(document.querySelector('#rows .spark').lastChild"
                  ".getAttribute('points') || '').split(' ').length > 2", 25)
    await b.run("document.querySelector('#rows .open').click()")
    await b.until("document.querySelectorAll('#ladder .rung').length > 6")
    ladder = await b.text("#ladder")
    for words in ("INVITE", "200", "session-initiate", "session-accept"):
        assert words in ladder, (words, ladder)
    kinds = await b.run("['sip', 'xmpp', 'media'].map(k => document"
                        ".querySelectorAll('#ladder .step.' + k).length)")
    assert all(kinds), kinds
    await b.run("document.querySelector('#ladder button').click()")
    assert len(await b.text("#ladder pre")) > 50
    await b.run("document.querySelector('#c-hangup').click()")
    assert "now?" in await b.text("#c-hangup")
    await b.run("document.querySelector('#c-hangup').click()")
    await site.phone.closed()
    await b.until("document.querySelector('#c-sub').textContent"
                  ".includes('over') || document.querySelector('#c-sub')"
                  ".textContent.includes('ended')")
    await asyncio.wait_for(s.over.wait(), 5)
    await b.until("document.querySelector('#t-answered').textContent === '1'")
    clean(b, but=["401"])


# ---- people who see, hear or press otherwise ------------------------------
async def page_is_accessible(t, scheme):
    need_axe()
    lab, b = await lab_and_page(t, read=True)
    await b.colours(scheme)

    async def judge(what):
        for w, h in SIZES:
            await b.size(w, h)
            await asyncio.sleep(0.4)
            assert not (v := await b.axe()), (what, w, scheme, v)
            wide = await b.run("document.scrollingElement.scrollWidth")
            assert wide <= w, (what, w, wide)

    await judge("sign in")
    await sign_in(b, READ)
    await b.until(LIVE)
    await judge("empty")
    await lab.x2s()
    await lab.s2x(user=lab.new_user())
    f = await lab.x2s("ringing", user=lab.new_user())
    f.sip.reply(404)
    await b.until("document.querySelectorAll('.count').length === 1")
    await judge("calls")
    await b.run("document.querySelector('#rows .open').click()")
    await b.until("document.querySelectorAll('#ladder .rung').length > 3")
    await judge("a call")
    clean(b, but=["401"])

for _scheme in ("light", "dark"):
    add("page_is_accessible_" + _scheme, page_is_accessible, _scheme,
        timeout=150)


@case(timeout=90)
async def page_by_keyboard(t):
    lab, b = await lab_and_page(t)
    await lab.x2s()
    await b.until(ROWS + " === 1")
    for _ in range(12):
        await b.press("Tab")
        if await b.run("document.activeElement.className === 'open'"):
            break
    else:
        raise AssertionError("Tab does not reach the call")
    await b.press("Enter")
    await b.until("document.querySelector('#call').open")
    assert await b.run("document.querySelector('#call').contains("
                       "document.activeElement)")
    await b.press("Escape")
    await b.until("!document.querySelector('#call').open")
    assert await b.run("document.activeElement.className === 'open'")
    await b.run("document.activeElement.blur()")
    await b.press("/")
    assert await b.run("document.activeElement.id === 'filter'")
    for c in "nobody":
        await b.press(c)
    await b.until("document.querySelector('#none').innerText"
                  ".includes('No call has this text')")
    clean(b)


@case(timeout=90)
async def page_stands_still(t):
    """Updates do not push about what somebody reads."""
    lab, b = await lab_and_page(t)
    for _ in range(3):
        await lab.x2s(user=lab.new_user())
    await b.until(ROWS + " === 3")
    await b.run("""window.moved = 0; new PerformanceObserver(l => {
        for (const e of l.getEntries()) moved += e.value;
    }).observe({type: 'layout-shift'}); 0""")
    await asyncio.sleep(7)
    assert (moved := await b.run("moved")) < 0.01, moved
    clean(b)


# ---- what others wrote ----------------------------------------------------
@case(timeout=90)
async def page_shows_text_as_text(t):
    """Markup in a name is seen, and does nothing."""
    lab, b = await lab_and_page(t)
    before = await b.run("document.querySelectorAll('*').length")
    title = "document.querySelector('#rows .open').title"
    f = await lab.ua.call(lab.dial % "alice", lab.sdp(), name=HOSTILE.replace(
        '"', "'"))
    await lab.alice.get_jmi("propose")
    await b.until(ROWS + " === 1")
    assert "<img src=x" in await b.run(title), await b.run(title)
    await b.run("document.querySelector('#rows .open').click()")
    await b.until("document.querySelectorAll('#ladder .rung').length > 1")
    await b.run("document.querySelectorAll('#ladder button').forEach("
                "x => x.click())")
    assert "<img src=x" in await b.text("#ladder")
    assert await b.run("document.images.length") == 1   # our own
    assert await b.run("document.scripts.length") == 1
    assert "stoxd" in await b.run("document.title")
    assert before > 50 and f
    clean(b)


# ---- states of the page ---------------------------------------------------
@case(timeout=120)
async def page_signs_in(t):
    lab, b = await lab_and_page(t, read=True, write=True)
    assert await b.run("document.querySelector('#page').hidden")
    await sign_in(b, "wrong-0123456789abcdef")
    await b.until("document.querySelector('#wrong').textContent.length > 5")
    # twice at once: the first line ends, and does not end the second
    await b.run("document.querySelector('#token').value = '%s'; "
                "const f = document.querySelector('#signin form'); "
                "f.requestSubmit(); f.requestSubmit()" % READ)
    await b.until(LIVE)
    await lab.x2s()
    await b.until(ROWS + " === 1")
    asked = len(b.requests)
    await asyncio.sleep(2.5)
    assert len(b.requests) == asked, b.requests[asked:]
    await b.run("document.querySelector('#rows .open').click()")
    assert await b.run("document.querySelector('#c-hangup').hidden")
    assert READ not in await b.run("document.cookie + location.href + "
                                   "JSON.stringify(localStorage)")
    await b.open(URL + "?again")
    await b.until(LIVE)     # kept while the tab is
    await b.run("document.querySelector('#signout').click()")
    await b.until("!document.querySelector('#signin').hidden")
    assert READ not in await b.run("JSON.stringify(sessionStorage)")
    clean(b, but=["401"])


@case(timeout=120)
async def page_without_gateway(t):
    """It says that it is cut off, shows what it had, and comes back."""
    lab, b = await lab_and_page(t)
    link = "document.querySelector('#link').innerText"
    assert "None in the last hour" in await b.text("#failures")
    assert "Nobody talks" in await b.text("#calls")
    await lab.stoxd.stop()
    await b.until(link + " === 'Disconnected'")
    assert "Trying again" in await b.text("#banner")
    assert "sip.xmpp.test" in await b.text("#links")
    lab.stoxd.start()
    await b.until(link + " === 'Live'", 30)
    assert await b.run("document.querySelector('#banner').hidden")
    lab.stoxd.ctl("drain", "stay")
    await b.until(link + " === 'Takes no new calls'")
    lab.stoxd.ctl("undrain")
    await b.until(link + " === 'Live'")
    await lab.server.stop()
    await b.until("document.querySelector('#link-list li').className "
                  "=== 'down'")


# ---- pictures -------------------------------------------------------------
async def one_more_call(site, client):
    site.phone.rtp = await Rtp("127.0.0.1", site.theirs, "PCMU").open()
    ring = asyncio.ensure_future(site._pick_up())
    s = await client.call(CONTACT)
    await ring
    return await s.up()


@case(full=True, timeout=300)
async def pictures(t):
    """For the README: make screenshots."""
    to = os.environ.get("SCREENSHOTS")
    if not to:
        raise Skip("make screenshots")
    site = await Site(t).start(capture=False, changes={
        "admin": tokens(t, False, False),
        "limits": {"calls_per_jid": 10, "setup_burst": 100,
                   "setup_per_minute": 1000}})
    b = await opened(t)
    await b.until(LIVE)
    users = [await site.client(n) for n in ("alice", "bob", "carol")]
    for u in users:
        await one_more_call(site, u)
    for code in (486, 404, 404, 503, 480):
        users[0].jmi("0%d@sip.xmpp.test" % code, "propose",
                     "refused-" + os.urandom(4).hex())
        await site.phone.ring()
        await site.phone.refuse(code)
        await asyncio.sleep(0.3)
    await asyncio.sleep(70)
    async def picture(name, width, height, scheme):
        await b.size(width, height)
        await b.colours(scheme)
        await asyncio.sleep(0.7)
        await b.picture(os.path.join(to, name + ".png"))

    await picture("page", 1280, 800, "light")
    await picture("page-small", 360, 740, "dark")
    for w, h in SIZES if os.environ.get("ALL") else ():
        for scheme in ("light", "dark"):
            await picture("page-%d-%s" % (w, scheme), w, h, scheme)
    await b.run("document.querySelector('#rows .open').click()")
    await b.until("document.querySelectorAll('#ladder .rung').length > 6")
    await picture("call", 1280, 800, "dark")
    if os.environ.get("ALL"):
        await picture("call-360-light", 360, 740, "light")
