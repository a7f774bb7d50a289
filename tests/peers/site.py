"""site.py: a whole installation in a namespace: XMPP server, stoxd, telephone
and Jingle client, all of other makes but stoxd; and the tone test on it."""
import asyncio
import time

from peers import tone
from peers.capture import Capture
from peers.daemon import Stoxd
from peers.phones import MAKES

CONTACT = "600@sip.xmpp.test"
TALK = 10.0     # s of a call whose tones are judged
RING = 90       # s until it rings: some clients are slow to begin a call
SETTLE = 0.2    # s between connected and both streams running


def make_server(t, name, **kw):
    if name == "ejabberd":
        from peers.ejabberd import Ejabberd
        t.need("erl")
        return Ejabberd(t.dir, **kw)
    from peers.prosody import Prosody
    t.need("prosody")
    return Prosody(t.dir, **kw)


class Site:
    def __init__(self, t, **tones):
        self.t = t
        w, x, y, z = tone.draw(**tones)
        self.mine, self.theirs = (w, x), (y, z)

    async def start(self, server="prosody", phone="scripted", changes=None,
                    capture=True, server_options=None, **phone_options):
        t = self.t
        t.need(*{"baresip": ["baresip"], "kamailio": ["baresip", "kamailio"],
                 "sipp": ["sipp"]}.get(phone, []))
        self.capture = Capture(t.path("packets.pcap")) if capture else None
        if capture:
            t.later(self.capture.stop)
        self.server = make_server(t, server, **(server_options or {}))
        t.later(self.server.stop)
        self.phone = MAKES[phone](t, self.theirs, **phone_options)
        await asyncio.gather(self.server.run(), self.phone.run())
        t.later(self.phone.stop)
        if phone_options.get("proto") == "tcp":
            changes = dict(changes or {})
            changes["trunk pbx"] = dict(
                changes.get("trunk pbx", {}),
                uri="sip:127.0.0.1:5060;transport=tcp")
        self.stoxd = await Stoxd(t.dir, changes).run()
        t.later(self._stop_stoxd)
        end = time.monotonic() + 10
        while "connected" not in self.stoxd.text():
            if time.monotonic() > end:
                break       # the first call will say it better
            await asyncio.sleep(0.05)
        return self

    async def _stop_stoxd(self):
        if not self.stoxd.alive():
            raise AssertionError("stoxd died: %s" % self.stoxd.p.poll())
        await self.stoxd.stop()

    async def client(self, name="alice", contact=False, make="aiortc", **kw):
        """A logged-in Jingle client; contact: subscribed to the phone."""
        kw.setdefault("tones", self.mine)
        kw["log"] = self.t.path("%s-%s.log" % (name, kw.get("resource",
                                                            make)))
        c = self._make_client(make, name, kw)
        self.t.later(c.logout)
        await c.login()
        if contact:
            c.subscribe(CONTACT)    # a phone without presence is seen late
            await c.wait("sees", 10, who=CONTACT + "/sip")
            await asyncio.sleep(1)
        return c

    def _make_client(self, make, name, kw):
        if make == "chromium":
            from peers import chromium
            self.t.need("chromium")
            chromium.need_bundle()
            return chromium.Client(name, self.t.dir, **kw)
        if make == "dino":
            from peers import dinoapp
            self.t.need("dino-im", "Xvfb", "pulseaudio", "parec",
                        "dbus-run-session")
            return dinoapp.Client(name, self.t.dir, self.capture, CONTACT,
                                  self.t.remark, **kw)
        from peers.jingleclient import Client
        return Client(name, **kw)

    # ---- calls ----------------------------------------------------------
    async def call(self, client, direction, timeout=20):
        """Sets a call up; returns the session once media can flow."""
        if direction == "x2s":
            ring = asyncio.ensure_future(self._pick_up())
            s = await client.call(CONTACT, timeout)
            await ring
        else:
            await self.phone.dial()
            s = await client.get_session(timeout)
            await self.phone.established(timeout)
        await s.up()
        return s

    async def _pick_up(self):
        await self.phone.ring(RING)
        await self.phone.answer()

    async def talk(self, session, seconds=None):
        await asyncio.sleep(SETTLE)
        if hasattr(session, "look"):
            await session.look()
        self.since = time.monotonic()
        # both tones, also of one who begins late
        await asyncio.sleep(seconds or max(TALK, tone.CHANGE + 3))

    async def hang_up(self, client, session, by="client"):
        self.seconds = time.monotonic() - self.since
        if by == "client":
            await session.hang_up()
            await self.phone.closed()
        else:
            await self.phone.hang_up()
            await client.wait("terminated", 10, sid=session.sid)

    def judge(self, session, client_tones=True, phone_tones=True):
        """Each end heard the other, in order, for the whole call."""
        said = []
        if client_tones:
            v = session.listen(self.theirs, self.seconds)
            if not v:
                said.append("client: %s" % v)
        if phone_tones:
            v = self.phone.listen(self.mine, self.seconds)
            # not every client can say what it is told to
            if not (session.said(v) if hasattr(session, "said") else v):
                said.append("phone: %s" % v)
        assert not said, "; ".join(said)

    def judge_wire(self, session, secured=False):
        """Nothing in clear between client and gateway (RFC 8827 6.5), and
        between gateway and telephone what was negotiated: the sound as it is,
        or, secured, none of it."""
        near = session.pair.local_candidate.port

        def leg(s, d):
            return near in (s[1], d[1])

        def sip(s, d):
            return near not in (s[1], d[1])
        seen = self.capture.rtp(leg)
        assert len(seen) > 100, "no media of the client in the capture"
        clear = list(session.wire) + list(self.phone.payloads)
        assert clear or hasattr(session, "said"), "nothing to look for"
        n = self.capture.clear(clear, leg)
        assert n == 0, "%d packets in clear on the XMPP side" % n
        n = self.capture.clear(clear, sip)
        if secured:
            assert n == 0, "%d packets in clear on the SIP side" % n
        elif clear:     # a browser shows a few payloads of its own
            assert n > 0, "no packet of RTP/AVP on the SIP side"
