"""lab.py: stoxd between a scripted XMPP server and a scripted telephone, and
the stations of a call on the way there."""
import asyncio
import itertools
import os
import re

from peers.daemon import Stoxd
from peers.jingleuser import User
from peers.proc import PATIENCE
from peers.sipmsg import Sdp, make_sdp
from peers.sipua import Ua
from peers.xmppserver import Server

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(
    __file__))), "data")
GW = "600@sip.xmpp.test"
# A table of calls one after the other is no flood.
EASY = {"setup_burst": 10000, "setup_per_minute": 10000,
        "calls_per_jid": 1000, "sip_source_rate": 10000,
        "sip_source_burst": 10000}


def table(name):
    """Rows of tests/data/NAME.txt as lists of words."""
    with open(os.path.join(DATA, name + ".txt")) as f:
        return [line.split() for line in f
                if line.strip() and not line.startswith("#")]


def cause(m):
    """Q.850 cause of a message's Reason headers, or None."""
    for v in m.all("Reason"):
        x = re.search(r"Q\.850\s*;.*?cause\s*=\s*(\d+)", v, re.I)
        if x:
            return int(x.group(1))
    return None


class Flow:
    """One call: alice is the User, sip the Call of the telephone."""

    def __init__(self, lab, user, sid=None):
        self.lab, self.user, self.sid = lab, user, sid
        self.sip = self.propose = self.init = self.accept = None
        self.gw = GW + "/sip"
        self.answer_sdp = None      # of the gateway, S2X

    @property
    def codecs(self):
        return Sdp(self.sip.req.body).audio.codecs()


class Lab:
    def __init__(self, t):
        self.t, self._n, self.media_ip = t, itertools.count(1), "127.0.0.1"
        self.dial = "sip:%s@127.0.0.1:5070"

    async def start(self, changes=None, server=True, ua=True, env=None,
                    **telephone):
        conf = {"limits": dict(EASY)}
        for s, v in (changes or {}).items():
            conf[s] = dict(conf.get(s, {}), **v)
        t = self.t
        self.server = Server(log=t.path("xmpp.log"))
        self.ua = Ua(log=t.path("sip.log"), **telephone)
        if server:
            await self.server.start()
            t.later(self.server.stop)
        if ua:
            await self.ua.start()
            t.later(self.ua.close)
        self.stoxd = Stoxd(t.dir, conf, env=env)
        t.later(self._stop)
        await self.stoxd.run()
        if server:
            await asyncio.wait_for(self.server.up.wait(), PATIENCE)
        self.alice = User(self.server)
        return self

    async def _stop(self):
        """A daemon that does not end cleanly fails its test, too."""
        if not self.stoxd.alive():
            raise AssertionError("stoxd died: %s" % self.stoxd.p.poll())
        status = await self.stoxd.stop()
        if status not in (0, -15):
            raise AssertionError("stoxd ended with status %d" % status)

    def new_user(self):
        return User(self.server, "u%d@xmpp.test/phone" % next(self._n))

    def sdp(self, **kw):
        kw.setdefault("codecs", ((0, "PCMU/8000"), (8, "PCMA/8000")))
        return make_sdp(self.media_ip, 30000, **kw)

    # ---- XMPP to SIP ----------------------------------------------------
    async def x2s(self, upto="active", user=None, direct=False, to=GW,
                  answer=None, **content):
        """invited, ringing, proceed (200 and ACK), pending (direct: ringing),
        active (session-accept)."""
        f = Flow(self, user or self.alice)
        u = f.user
        if direct:
            f.sid = u.initiate(f.gw, **content)
        else:
            f.sid = u.propose(to)
        f.sip = await self.ua.get_call()
        if upto == "invited":
            return f
        f.sip.reply(180)
        if direct:
            a = await u.get_jingle("session-info", sid=f.sid)
            assert a.info() == ["ringing"], a.info()
        else:
            await u.get_jmi("ringing", sid=f.sid)
        if upto in ("ringing", "pending"):
            return f
        f.sip.reply(200, answer or self.sdp())
        await f.sip.wait("ACK")
        if not direct:
            f.gw = (await u.get_jmi("proceed", sid=f.sid)).sender
            if upto == "proceed":
                return f
            u.initiate(f.gw, f.sid, **content)
        f.accept = await u.get_jingle("session-accept", sid=f.sid)
        return f

    # ---- SIP to XMPP ----------------------------------------------------
    async def s2x(self, upto="active", user=None, sdp=None, headers=(),
                  **content):
        """proposed, ringing, initiated (session-initiate), active (200 and
        ACK)."""
        f = Flow(self, user or self.alice)
        u = f.user
        name = u.bare.partition("@")[0]
        f.sip = await self.ua.call(self.dial % name,
                                   self.sdp() if sdp is None else sdp,
                                   headers)
        f.propose = await u.get_jmi("propose")
        f.sid, f.gw = f.propose.id, f.propose.sender
        if upto == "proposed":
            return f
        u.jmi("ringing", f.gw, f.sid)
        await f.sip.wait(180)
        if upto == "ringing":
            return f
        u.jmi("proceed", f.gw, f.sid)
        f.init = await u.get_jingle("session-initiate", sid=f.sid)
        if upto == "initiated":
            return f
        await u.answer_to(u.accept(f.init, **content))
        ok = await f.sip.wait("2xx", method="INVITE")
        assert ok.code == 200, ok
        f.answer_sdp = Sdp(ok.body)
        f.sip.ack()
        return f

    # ---- ends -----------------------------------------------------------
    async def ended_in_xmpp(self, f, reason=None, timeout=PATIENCE):
        """The client was told, and with this reason."""
        a = await f.user.get_jingle("session-terminate", timeout, f.sid)
        if reason:
            assert a.reason == reason, "reason %s, not %s" % (a.reason,
                                                              reason)
        return a

    async def ended_in_sip(self, f, timeout=PATIENCE):
        return await f.sip.wait("BYE", timeout)

    async def hang_up(self, f):
        """From the SIP side; for calls whose end is not the point."""
        await f.sip.hang_up()
        await self.ended_in_xmpp(f)
