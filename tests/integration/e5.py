"""Why a call ended, row by row (protocol E.5, tests/data/e5_*.txt)."""
from peers.lab import Lab, cause, table
from peers.runner import case


async def rows(lab, name, one):
    """one(row) for each row; all failures together."""
    bad = []
    for row in table(name):
        lab.alice = lab.new_user()
        try:
            await one(*row)
        except (AssertionError, TimeoutError) as e:
            bad.append("%s: %s" % (" ".join(row), e))
    assert not bad, "%d rows of %s: %s" % (len(bad), name, "; ".join(bad))


def final(m):
    return m.code and m.code >= 300 and m.cseq[1] == "INVITE"


def check_final(r, code, q850):
    assert r.code == int(code), "%d" % r.code
    if q850 != "-":
        assert cause(r) == int(q850), "Reason %s" % r.all("Reason")
    if r.code == 488:
        assert r.get("Warning"), "488 without Warning"


@case(timeout=100)
async def jmi_reject_to_final(t):
    lab = await Lab(t).start()

    async def one(reason, code, q850, bye):
        f = await lab.s2x("ringing")
        f.user.jmi("reject", f.gw, f.sid, None if reason == "none"
                   else reason)
        # a reject without reason means busy (X0353 3.4)
        check_final(await f.sip.wait(final), "486" if reason == "none"
                    else code, q850)
    await rows(lab, "e5_jingle_to_sip", one)


@case(timeout=100)
async def terminate_to_final(t):
    lab = await Lab(t).start()

    async def one(reason, code, q850, bye):
        f = await lab.s2x("initiated")
        f.user.terminate(f.gw, f.sid, None if reason == "none" else reason)
        check_final(await f.sip.wait(final), code, q850)
    await rows(lab, "e5_jingle_to_sip", one)


@case(timeout=100)
async def terminate_to_cancel(t):
    lab = await Lab(t).start()

    async def one(reason, code, q850, bye):
        f = await lab.x2s("pending", direct=True)
        f.user.terminate(f.gw, f.sid, None if reason == "none" else reason)
        await f.sip.wait("CANCEL")
        f.sip.reply(487)
        await f.sip.wait("ACK")
    await rows(lab, "e5_jingle_to_sip", one)


@case(timeout=100)
async def terminate_to_bye(t):
    lab = await Lab(t).start()

    async def one(reason, code, q850, bye):
        f = await lab.s2x()
        f.user.terminate(f.gw, f.sid, None if reason == "none" else reason)
        b = await f.sip.wait("BYE")
        assert cause(b) == int(bye), "Reason %s" % b.all("Reason")
    await rows(lab, "e5_jingle_to_sip", one)


@case
async def decline_code(t):
    lab = await Lab(t).start({"trunk pbx": {"decline_code": 480}})
    f = await lab.s2x("ringing")
    f.user.jmi("reject", f.gw, f.sid, "decline")
    assert (await f.sip.wait(final)).code == 480


def _headers(q850):
    return [("Reason", "Q.850;cause=%s;text=\"x\"" % q850)] \
        if q850 != "-" else []


@case(timeout=150)
async def final_to_jmi_reject(t):
    lab = await Lab(t).start()

    async def one(code, q850, reason):
        f = await lab.x2s("ringing")
        f.sip.reply(int(code), headers=_headers(q850))
        m = await f.user.get_jmi("reject", sid=f.sid)
        assert m.reason == reason, m.reason
        await f.sip.wait("ACK")
    await rows(lab, "e5_sip_to_jingle", one)


@case(timeout=150)
async def final_to_terminate(t):
    lab = await Lab(t).start()

    async def one(code, q850, reason):
        f = await lab.x2s("pending", direct=True)
        f.sip.reply(int(code), headers=_headers(q850))
        await lab.ended_in_xmpp(f, reason)
    await rows(lab, "e5_sip_to_jingle", one)


@case
async def text_is_code_and_phrase(t):
    lab = await Lab(t).start()
    f = await lab.x2s("ringing")
    f.sip.reply(486, phrase="Out to lunch")
    m = await f.user.get_jmi("reject", sid=f.sid)
    assert "486" in m.text and "Out to lunch" in m.text, m.text


@case(timeout=120)
async def bye_to_terminate(t):
    lab = await Lab(t).start()

    async def one(q850, reason):
        f = await lab.s2x()
        h = []
        if q850.startswith("sip-"):
            h = [("Reason", "SIP;cause=%s;text=\"x\"" % q850[4:])]
        elif q850 != "none":
            h = _headers(q850)
        await f.sip.hang_up(headers=h)
        a = await lab.ended_in_xmpp(f, reason)
        assert a.text or reason == "success", "no text"
        m = await f.user.get_jmi("finish", sid=f.sid)
        assert m.reason, "finish without reason"
    await rows(lab, "e5_q850", one)
