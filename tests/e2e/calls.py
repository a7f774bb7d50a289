"""Calls between real peers.

A cell is (server, client, phone, direction, feature).  All valid cells are
known.  By default the tone test runs everywhere on one server, and as few
others as hold every pair of (server, client), (client, phone), (phone,
feature), (server, feature), (feature, direction); with --full all of them."""
import asyncio
import itertools
import time

from peers import certs, tone
from peers.proc import until
from peers.runner import add
from peers.site import CONTACT, RING, Site

SERVERS = ("prosody", "ejabberd")
AIORTC = ("jmi", "direct")
CHROMIUM = ("chromium", "chromium-direct")
DINO = ("dino",)
CLIENTS = AIORTC + CHROMIUM + DINO
PHONES = ("baresip", "scripted", "kamailio", "sipp")
DIRECTIONS = ("x2s", "s2x")
PAIRS = ((0, 1), (1, 2), (2, 4), (0, 4), (4, 3))
FEATURES = {}
MEDIA_V6 = "fd00:1ab::1"        # of the namespace


def feature(**limits):
    """Decorator; limits: the values of a dimension that it can have."""
    def mark(f):
        FEATURES[f.__name__] = (f, limits)
        return f
    return mark


class Cell:
    """What a feature gets: the site is up, the client logged in."""

    def __init__(self, t, server, client, phone, direction):
        self.t, self.server = t, server
        self.client_make = "chromium" if client in CHROMIUM else \
            "dino" if client in DINO else "aiortc"
        self.jmi = not client.endswith("direct")
        self.make, self.direction = phone, direction

    async def up(self, changes=None, phone=None, **client):
        options, tones = {}, {}
        if self.client_make == "dino":
            from peers import dinoapp
            ca = certs.Authority(self.t.dir, "clients-ca")
            dinoapp.trust(ca.pem)
            options = {"starttls": ca.issue("xmpp", "DNS:xmpp.test"),
                       "contacts": [CONTACT]}
            tones = {"fit": dinoapp.fit}
            tone.CHANGE = dinoapp.CHANGE
        self.site = await Site(self.t, **tones).start(
            self.server, self.make, changes, server_options=options,
            **(phone or {}))
        self.client = await self.site.client(
            make=self.client_make, jmi=self.jmi, contact=not self.jmi,
            **client)
        self.phone = self.site.phone
        return self

    async def call(self):
        self.session = await self.site.call(self.client, self.direction)
        return self.session

    async def end(self, by="client"):
        await self.site.hang_up(self.client, self.session, by)


async def tone_test(c, secured=False):
    await c.call()
    await c.site.talk(c.session)
    c.site.judge_wire(c.session, secured)
    await c.end()
    c.site.judge(c.session)


@feature()
async def tones(c):
    await c.up()
    await tone_test(c)


@feature(phone=("baresip", "scripted", "kamailio"))
async def phone_hangs_up(c):
    await c.up()
    await c.call()
    await c.site.talk(c.session, 1)
    await c.end("phone")
    assert c.session.ended == "success", c.session.ended


@feature(phone=("baresip", "scripted"))
async def pcmu(c):
    await c.up(phone={"codec": "PCMU"}, codec="PCMU")
    await tone_test(c)


@feature(phone=("scripted",), client=AIORTC)
async def trickle(c):
    await c.up(trickle=True)
    await tone_test(c)


@feature(phone=("scripted",), client=AIORTC)
async def no_bundle(c):
    await c.up(group=False)
    await tone_test(c)


@feature(phone=("scripted", "baresip"), client=CHROMIUM)
async def max_bundle(c):
    """A client that takes no answer without a group."""
    await c.up(bundle="max-bundle")
    await tone_test(c)


@feature(phone=("scripted",))
async def wrong_codec(c):
    """The telephone has one codec and the client another: said at once."""
    if c.direction == "x2s":
        await c.up(codec="opus", phone={"codec": "PCMU"})
        call = asyncio.ensure_future(c.client.call(CONTACT))
        await c.phone.ring()
        if c.jmi:       # it answers before the client's codecs are known,
            await c.phone.answer()      # and is asked again with these
            again = await c.phone.call.wait("INVITE")
            c.phone.call.reply(488, req=again)
        else:
            await c.phone.refuse(488)
        e = await c.client.wait("got", action="session-terminate")
        assert e["reason"] == "incompatible-parameters", e["reason"]
        if c.jmi:
            await c.phone.closed()
        call.cancel()
    else:
        await c.up({"trunk pbx": {"codecs": "g729"}},
                   phone={"codec": "G729"})
        await c.phone.dial()
        assert await c.phone.failed() == 488


async def rings(c):
    """The client calls and the telephone rings; the call, which goes on."""
    call = asyncio.ensure_future(c.client.call(CONTACT, RING))
    ring = asyncio.ensure_future(c.phone.ring(RING))
    await asyncio.wait({call, ring}, return_when=asyncio.FIRST_COMPLETED)
    if call.done():
        call.result()
        raise AssertionError("the call went through")
    await ring
    await asyncio.sleep(1)
    return call


@feature(phone=("baresip", "scripted", "kamailio"))
async def busy(c):
    if c.direction == "x2s":
        await c.up()
        call = await rings(c)
        await c.phone.refuse(486)
        await c.client.wait("jmi" if c.jmi else "got", reason="busy")
        assert not call.done(), "the call went through"
        call.cancel()
    else:
        await c.up(answer="busy")
        await c.phone.dial()
        assert await c.phone.failed() == 486


@feature(phone=("baresip", "scripted", "kamailio"), direction=("s2x",))
async def decline(c):
    await c.up(answer="decline")
    await c.phone.dial()
    # Dino says no with a <reject/> that has no reason
    assert await c.phone.failed() == (486 if c.client_make == "dino" else 603)


@feature(phone=("scripted", "baresip"), direction=("s2x",))
async def no_answer(c):
    await c.up({"trunk pbx": {"ring_timeout": 5}}, answer="ring")
    await c.phone.dial()
    assert await c.phone.failed() == 480
    await c.client.wait("jmi" if c.jmi else "terminated",
                        **({"kind": "retract"} if c.jmi else {}))


@feature(phone=("scripted", "baresip", "kamailio"))
async def cancel(c):
    if c.direction == "x2s":
        await c.up()
        call = await rings(c)
        if c.client_make == "dino":
            await c.client.hang_up()
        elif c.jmi:
            sent = await c.client.wait("sent-jmi", kind="propose")
            c.client.jmi(CONTACT, "retract", sent["id"], "cancel")
        else:
            await list(c.client.sessions.values())[0].hang_up("cancel")
        await c.phone.cancelled()
        call.cancel()
    else:
        await c.up(answer="ring")
        await c.phone.dial()
        await c.phone.ringing()
        await c.phone.cancel()
        await c.client.wait("jmi" if c.jmi else "terminated")


async def sound(c, seconds):
    """Until the client has heard so much more."""
    want = len(c.session.heard) + 96000 * seconds

    async def heard():
        await asyncio.sleep(0.3)    # it takes Dino a while to say
        return len(c.session.heard) > want
    await until(heard, 20, "sound")


@feature(phone=("scripted", "baresip"))
async def hold(c):
    """Held by the telephone, then by the client; sound returns."""
    await c.up()
    await c.call()
    await c.site.talk(c.session, 1)
    await c.phone.hold()
    await until(lambda: any("hold" in e.get("info", ())
                            for e in c.client.events), 20, "<hold/>")
    await asyncio.sleep(1)
    await c.phone.resume()
    await until(lambda: any({"unhold", "active"} & set(e.get("info", ()))
                            for e in c.client.events), 20, "<unhold/>")
    await sound(c, 0.6)
    assert await c.session.info("hold") is None
    await asyncio.sleep(1)
    assert await c.session.info("unhold") is None
    await sound(c, 1)
    await c.end()


@feature(phone=("scripted", "baresip"))
async def dtmf(c):
    """RFC 4733 both ways."""
    await c.up(codec="PCMU", phone={"codec": "PCMU"})
    await c.call()
    await c.site.talk(c.session, 1)
    c.session.send_digits("159#")
    await until(lambda: c.phone.digits() == "159#", 20, "159# at the phone")
    if c.client.hears_digits:
        await c.phone.send_digits("7*2")
        await until(lambda: c.session.digits == "7*2", 20,
                    "7*2 at the client")
    await c.end()


@feature(phone=("baresip",), client=CHROMIUM)
async def dtmf_opus(c):
    """Events of a clock of 48000 Hz, as opus has it."""
    await c.up(codec="opus", phone={"codec": "opus"})
    await c.call()
    await c.site.talk(c.session, 1)
    c.session.send_digits("0D*8")
    await until(lambda: c.phone.digits() == "0D*8", 20, "0D*8 at the phone")
    await c.end()


@feature(phone=("scripted", "baresip"), client=AIORTC)
async def dtmf_by_jingle(c):
    """XEP-0181 becomes RFC 4733."""
    await c.up(codec="PCMU", phone={"codec": "PCMU"})
    await c.call()
    await c.site.talk(c.session, 1)
    for d in "42":
        await c.session.info("dtmf", "urn:xmpp:jingle:dtmf:0", code=d,
                             duration="160")
        await asyncio.sleep(0.4)
    await until(lambda: c.phone.digits() == "42", 20, "42 at the phone")
    await c.end()


@feature(phone=("scripted", "baresip"))
async def sdes(c):
    await c.up({"trunk pbx": {"media": "sdes", "sdes_over_plain": "yes"}},
               phone={"sdes": True, "codec": "PCMU"}, codec="PCMU")
    await tone_test(c, secured=True)


@feature(phone=("scripted", "baresip", "kamailio"))
async def tcp(c):
    await c.up(phone={"proto": "tcp"})
    await c.call()
    await c.site.talk(c.session, 1)
    await sound(c, 2)
    await c.end()


@feature(phone=("scripted", "baresip"))
async def tls(c):
    """A TLS trunk, and SRTP to it as it is offered there (RFC 8643)."""
    trunk = certs.Trunk(c.t.dir, 5061 if c.make == "baresip" else 5060)
    await c.up(trunk.conf, codec="PCMU", phone={
        "proto": "tls", "tls": trunk, "sdes": "osrtp", "codec": "PCMU"})
    await tone_test(c, secured=True)


@feature(phone=("scripted", "baresip"))
async def ipv6(c):
    """SIP, its media, and, where the client can be told so, ICE."""
    more = {"ip": MEDIA_V6} if c.client_make == "aiortc" else {}
    await c.up({"sip": {"listen": "udp:[::1]:5070"},
                "trunk pbx": {"uri": "sip:[::1]:5060", "accept_from": "::1",
                              "media_from": "fd00:1ab::/64"},
                "media": {"address": MEDIA_V6 + ", 127.0.1.1"}},
               phone={"v6": True, "codec": "PCMU"}, codec="PCMU", **more)
    await tone_test(c)
    if more:
        assert c.session.pair.local_candidate.host == MEDIA_V6


@feature(phone=("scripted",), client=AIORTC)
async def wrong_fingerprint(c):
    """Media of someone else: refused, and not a byte of it passed on."""
    def bend(fp):
        return ("00" if fp[:2] != "00" else "11") + fp[2:]
    await c.up(bend=bend)
    if c.direction == "x2s":
        ring = asyncio.ensure_future(c.site._pick_up())
        await c.client.call(CONTACT)
        await ring
    else:
        await c.phone.dial()
        await c.client.get_session()
        await c.phone.established()
    await c.client.wait("got", 20, action="session-terminate",
                        reason="security-error")
    await c.phone.closed()
    assert c.phone.listen(c.site.mine, 1).why == "silence"


@feature(phone=("scripted", "baresip"))
async def server_restarts(c):
    """kill -9 of the XMPP server: sound goes on, the call ends cleanly."""
    await c.up()
    await c.call()
    await c.site.talk(c.session, 1)
    await c.site.server.restart()
    await asyncio.sleep(3)
    await sound(c, 1.5)
    await c.phone.hang_up()
    lost = time.monotonic()
    await until(lambda: not c.session.connected.is_set()
                or c.session.pc.connectionState != "connected"
                or time.monotonic() - lost > 3, 20, "end")


@feature(phone=("scripted",))
async def phone_dies(c):
    """The PBX is gone mid-call: both legs are cleared in time."""
    await c.up({"limits": {"rtp_timeout": 5, "rtp_warn": 2}})
    await c.call()
    await c.site.talk(c.session, 1)
    await c.phone.stop()
    e = await c.client.wait("terminated", 20, sid=c.session.sid)
    assert e["reason"] == "media-error", e["reason"]


@feature(phone=("scripted", "baresip"), client=("jmi",), direction=("s2x",))
async def two_devices(c):
    """Both ring, both take it within 10 ms: one has the call."""
    await c.up(answer="manual")
    other = await c.site.client(resource="tablet", answer="manual")
    await c.phone.dial()
    a, b = [await x.wait("jmi", kind="propose") for x in (c.client, other)]
    await c.phone.ringing()
    for x, e in ((c.client, a), (other, b)):
        x.jmi(e["frm"], "proceed", e["id"])
    done = [asyncio.ensure_future(x.get_session()) for x in (c.client,
                                                             other)]
    first, _ = await asyncio.wait(done, timeout=20,
                                  return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(1)
    assert sum(d.done() for d in done) == 1, "both got a session"
    c.session = first.pop().result()
    await c.phone.established()
    await c.session.up()
    await c.site.talk(c.session, 1)
    await sound(c, 1)
    await c.site.hang_up(c.session.c, c.session)
    for d in done:
        d.cancel()


@feature(phone=("scripted", "baresip"))
async def turn_only(c):
    """The client can only be reached by way of coturn."""
    from peers.coturn import Coturn
    c.t.need("turnserver")
    turn = await Coturn(c.t.dir).run()
    c.t.later(turn.stop)
    await c.up(turn="turn:127.0.0.1:3478?transport=udp")
    await c.call()
    assert c.session.pair.local_candidate.type == "relay", c.session.pair
    await c.site.talk(c.session)
    await c.end()
    c.site.judge(c.session)


# What a user can do with Dino 0.4 whose screen shows no more than its buttons:
# no hold, no digits, no choice of codecs or candidates.
DINO_DOES = {"busy": ("x2s",), "decline": ("s2x",), "no_answer": ("s2x",),
             "wrong_codec": ("s2x",)}
DINO_DOES.update({name: DIRECTIONS for name in """tones phone_hangs_up pcmu
cancel sdes tcp tls ipv6 phone_dies""".split()})


# ---- which cells -----------------------------------------------------------
def valid(cell):
    server, client, phone, direction, name = cell
    if client in DINO and direction not in DINO_DOES.get(name, ()):
        return False
    limits = FEATURES[name][1]
    named = {"server": server, "client": client, "phone": phone,
             "direction": direction}
    return all(named[k] in v for k, v in limits.items())


def pairs(cell):
    return {(i, j, cell[i], cell[j]) for i, j in PAIRS}


def choose(cells):
    """All tones of one client on one server, what WANTED names, and a few
    cells more that hold every pair: greedy, the fullest first."""
    out = [c for c in cells if c in WANTED or c[0] == SERVERS[0]
           and c[1] in AIORTC and c[4] == "tones"]
    todo = set().union(*map(pairs, cells)) - set().union(*map(pairs, out))
    while todo:
        best = max(cells, key=lambda c: (len(pairs(c) & todo),
                                         c[1] in AIORTC))
        todo -= pairs(best)
        out.append(best)
    return set(out)


# What a browser must do is said by name: by pairs alone, others might do it.
WANTED = {tuple(w.split(".")) for w in """
prosody.chromium.baresip.x2s.tones
ejabberd.chromium.baresip.s2x.tones
prosody.chromium-direct.kamailio.x2s.phone_hangs_up
ejabberd.chromium.baresip.x2s.dtmf_opus
prosody.chromium.scripted.s2x.hold
prosody.chromium.scripted.x2s.wrong_codec
ejabberd.chromium-direct.scripted.x2s.tls
prosody.dino.baresip.s2x.tones
prosody.dino.baresip.x2s.phone_hangs_up
prosody.dino.scripted.x2s.sdes
prosody.dino.sipp.x2s.tones
ejabberd.dino.sipp.s2x.tones
ejabberd.dino.kamailio.x2s.tones
ejabberd.dino.kamailio.s2x.decline
""".split()}

CELLS = [c for c in itertools.product(SERVERS, CLIENTS, PHONES, DIRECTIONS,
                                      FEATURES) if valid(c)]
# Dino's come on top: they take half a minute each and do not replace others.
FEW = choose([c for c in CELLS if c[1] not in DINO]) | WANTED & set(CELLS)


async def run(t, server, client, phone, direction, name):
    await FEATURES[name][0](Cell(t, server, client, phone, direction))


for cell in CELLS:
    add(".".join(cell), run, *cell, full=cell not in FEW,
        timeout=200 if cell[1] in DINO else 120,
        heavy=cell[1] in CHROMIUM + DINO)
