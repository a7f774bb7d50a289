"""Click to dial (protocol G.3, sip:dial): a user fills in a form, its devices
ring, and when one has answered the telephone is called."""
import asyncio
import json

from peers.accounts import DATA, GATE, Accounts, fields
from peers.lab import GW, Flow
from peers.proc import until
from peers.runner import case
from peers.sipmsg import Sdp, uri
from peers.xmppserver import find, text


class Desk(Accounts):
    """Alice at her desk; what rings there and then at the telephone."""

    async def ask_for(self, number="600"):
        st, id, f, _, c = await self.command("sip:dial")
        assert st == "executing" and "number" in f, text(c)
        return await self.command("sip:dial", {"number": number}, id)

    async def rings(self, number="600"):
        st, _, _, note, c = await self.ask_for(number)
        assert st == "completed" and number in note, text(c)
        f = Flow(self.lab, self.alice)
        f.propose = await self.alice.get_jmi("propose")
        f.sid, f.gw = f.propose.id, f.propose.sender
        return f

    async def answers(self, f, **content):
        u = f.user
        u.jmi("ringing", f.gw, f.sid)
        u.jmi("proceed", f.gw, f.sid)
        f.init = await u.get_jingle("session-initiate", sid=f.sid)
        assert f.init.codecs(), f.init
        await u.answer_to(u.accept(f.init, **content))
        f.sip = await self.lab.ua.get_call()
        return f

    async def up(self, f):
        f.sip.reply(180)
        f.sip.reply(200, self.lab.sdp())
        await f.sip.wait("ACK")
        await self.state("active")

    async def state(self, word):
        def there():
            calls = json.loads(self.lab.stoxd.ctl("--json", "calls"))
            return calls and calls[0]["state"] == word and calls[0]
        return await until(there, 20, "call that is " + word)

    def log(self, words):
        assert words in self.lab.stoxd.text(), self.lab.stoxd.text()[-3000:]


@case
async def form_then_devices_then_telephone(t):
    a = await Desk().start(t)
    st, _, _, _, c = await a.command("sip:dial")
    assert fields(find(c, "x", DATA)) == {"FORM_TYPE": ["urn:stoxd:account"],
                                          "number": []}, text(c)
    f = await a.rings()
    assert f.propose.sender == GW + "/sip", f.propose.sender
    assert f.propose.to == a.alice.bare
    await a.answers(f)
    r = f.sip.req
    assert r.uri == "sip:600@127.0.0.1:5060", r.uri
    assert uri(r.get("From")) == "sip:alice@127.0.0.1:5060", r.get("From")
    assert 0 in Sdp(r.body).audio.codecs(), r.body
    await a.up(f)
    info = await a.state("active")
    assert info["from"] == a.alice.bare or "alice" in json.dumps(info), info
    await a.lab.hang_up(f)
    a.log("asks for sip:600@127.0.0.1:5060 through trunk pbx")
    out = await until(lambda: json.loads(a.lab.stoxd.ctl("--json", "cdr")), 20,
                      "record of the call")
    row = out[0]
    assert row["direction"] == "xmpp-sip", row
    assert row["outcome"] == "answered", row


@case
async def the_client_hangs_up(t):
    a = await Desk().start(t)
    f = await a.answers(await a.rings())
    await a.up(f)
    a.alice.terminate(f.gw, f.sid)
    await a.lab.ended_in_sip(f)


@case
async def given_up_while_the_telephone_rings(t):
    a = await Desk().start(t)
    f = await a.answers(await a.rings())
    f.sip.reply(180)
    a.alice.terminate(f.gw, f.sid, "cancel")
    await f.sip.wait("CANCEL")
    f.sip.reply(487)


@case
async def the_telephone_is_busy(t):
    a = await Desk().start(t, {"account": {"missed_calls": "all"}})
    f = await a.answers(await a.rings())
    f.sip.reply(486)
    e = await a.lab.ended_in_xmpp(f, "busy")
    assert e.sid == f.sid
    f = await a.answers(await a.rings("601"))
    f.sip.reply(404)
    await a.lab.ended_in_xmpp(f)
    e, body = await a.message()
    assert body.startswith("Call to 601 failed at"), body


@case
async def no_device_answers(t):
    """Declined: nobody is called, and nothing was missed."""
    a = await Desk().start(t, {"account": {"missed_calls": "all"}})
    f = await a.rings()
    a.alice.jmi("reject", f.gw, f.sid)
    try:
        await a.lab.ua.get_call(1)
        raise AssertionError("called all the same")
    except (asyncio.TimeoutError, TimeoutError):
        pass
    try:
        _, body = await a.message(1)
        raise AssertionError(body)
    except (asyncio.TimeoutError, TimeoutError):
        pass
    assert json.loads(a.lab.stoxd.ctl("--json", "status"))


@case
async def a_telephone_may_ring_long(t):
    """Longer than an ACK with an answer may take; the trunk's ring_timeout
    holds."""
    a = await Desk().start(t, {"trunk pbx": {"ring_timeout": "5"}})
    f = await a.answers(await a.rings())
    f.sip.reply(180)
    await f.sip.wait("CANCEL", 12)
    f.sip.reply(487)
    await a.lab.ended_in_xmpp(f)


@case
async def early_sound(t):
    """early_media = connect: what the PBX plays while it rings is let
    through, and the 200 of another place follows."""
    a = await Desk().start(t, {"trunk pbx": {"early_media": "connect"}})
    f = await a.answers(await a.rings())
    f.sip.reply(183, a.lab.sdp())
    await asyncio.sleep(0.3)
    await a.up(f)
    await a.lab.hang_up(f)


@case
async def who_may_not(t):
    """The same rules as for calls by Jingle, in words."""
    a = await Desk().start(t, {"trunk pbx": {"deny": "0900"},
                               "limits": {"calls_per_jid": "1"}})
    st, _, _, note, c = await a.ask_for("09001234")
    assert st == "error" and note[0] == "not-allowed", text(c)
    st, _, _, note, c = await a.ask_for("")
    assert st == "error" and note[0] == "item-not-found", text(c)
    st, _, _, note, c = await a.ask_for("sips:600@" + GATE)
    assert st == "error", text(c)
    f = await a.rings()
    st, _, _, note, c = await a.ask_for("601")
    assert st == "error", text(c)
    a.alice.jmi("reject", f.gw, f.sid)
