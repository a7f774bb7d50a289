"""A component that speaks TLS from the first byte to a real ejabberd, which
must show a certificate of the right authority and for the right name."""
from peers.certs import Authority
from peers.daemon import Stoxd
from peers.ejabberd import Ejabberd
from peers.proc import until
from peers.runner import case
from peers.site import Site


def pair(t, authority, name):
    """One file with certificate and key, as ejabberd wants it."""
    cert, key = authority.issue(name, "DNS:" + name)
    both = t.path(name + "-both.pem")
    with open(both, "w") as out:
        for part in (cert, key):
            with open(part) as f:
                out.write(f.read())
    return both


async def attach(t, name, ca, seconds=8, **xmpp):
    """stoxd with that authority; what it says until it is settled."""
    keys = dict({"tls": "yes", "tls_ca": ca.pem, "tls_name": "xmpp.test"},
                **xmpp)
    d = Stoxd(t.dir, {"xmpp": keys, "admin": {"socket": name + ".sock"}},
              name=name)
    await d.run()
    try:
        await until(lambda: ": connected to " in d.text()
                    or "trying again" in d.text(), seconds, "a word on XMPP")
    finally:
        await d.stop()
    return d.text()


@case(timeout=90)
async def ejabberd_verified(t):
    """Right: connected with TLS.  Wrong authority, wrong name, no TLS at
    all: refused in words, and the secret is never sent."""
    t.need("erl", "openssl")
    ours, other = Authority(t.dir, "ours"), Authority(t.dir, "other")
    server = Ejabberd(t.dir, tls=pair(t, ours, "xmpp.test"))
    t.later(server.stop)
    await server.run()

    said = await attach(t, "right", ours)
    assert "connected to 127.0.0.1:5347 with TLS" in said, said
    said = await attach(t, "authority", other)
    assert "with TLS" not in said and "certificate" in said, said
    said = await attach(t, "name", ours, tls_name="other.test")
    assert "with TLS" not in said and "certificate" in said, said
    said = await attach(t, "plain", ours, tls="no", tls_ca=None,
                        tls_name=None, seconds=30)
    assert "connected to" not in said, said
    assert "set tls = yes" in said, said


@case(timeout=90)
async def ejabberd_call(t):
    """A call by way of it, tones checked."""
    t.need("erl", "openssl")
    ca = Authority(t.dir)
    site = Site(t)
    await site.start("ejabberd", "scripted", {
        "xmpp": {"tls": "yes", "tls_ca": ca.pem, "tls_name": "xmpp.test"}},
        server_options={"tls": pair(t, ca, "xmpp.test")})
    client = await site.client()
    session = await site.call(client, "x2s")
    await site.talk(session)
    await site.hang_up(client, session)
    site.judge(session)
