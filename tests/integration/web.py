"""The HTTP API: what it answers, to whom, and what it refuses."""
import asyncio
import gzip
import json
import re
import socket
import subprocess

from peers import http
from peers.daemon import BUILD, Stoxd, config_text
from peers.http import READ, WRITE, Events, ask, raw, tokens
from peers.lab import Lab
from peers.proc import until
from peers.runner import case

HOSTILE = "<img src=x onerror=alert(1)>"
SEEN = ("content-security-policy", "x-content-type-options",
        "x-frame-options", "referrer-policy")


async def lab_with(t, read=False, write=False, limits=None):
    lab = await Lab(t).start({"admin": tokens(t, read, write),
                              "limits": limits or {}})
    await http.up()
    return lab


def same_headers(a):
    for name in SEEN:
        assert name in a.headers, (name, a.headers)
    assert "access-control-allow-origin" not in a.headers, a.headers


def refused(a, code):
    """In JSON and with words."""
    assert a.code == code, (a.code, code, a.body)
    same_headers(a)
    assert a.headers["content-type"] == "application/json", a.headers
    assert len(a.json["error"]) > 5, a.json


# ---- what it answers ------------------------------------------------------
@case
async def http_off(t):
    lab = await Lab(t).start()
    try:
        await ask("GET", "/")
    except ConnectionRefusedError:
        return
    raise AssertionError("a port is open: %s" % lab.stoxd.text())


@case
async def http_page(t):
    await lab_with(t)
    total = 0
    for path, kind, words in (
            ("/", "text/html", b"<!doctype html>"),
            ("/style.css", "text/css", b"prefers-color-scheme"),
            ("/app.js", "text/javascript", b"use strict"),
            ("/icon.svg", "image/svg+xml", b"<svg")):
        a = await ask("GET", path, Accept_Encoding="br, gzip")
        assert a.code == 200 and a.headers["content-encoding"] == "gzip", a
        assert a.headers["content-type"].startswith(kind), a.headers
        total += len(a.body)
        text = gzip.decompress(a.body)
        assert words in text, path
        # nothing is asked of anybody else
        text = text.replace(b"http://www.w3.org/2000/svg", b"")
        assert not re.search(rb"https?://|@import|url\(", text), path
        same_headers(a)
        assert "script-src 'self'" in a.headers["content-security-policy"]
        assert "unsafe" not in a.headers["content-security-policy"]
        again = await ask("GET", path, Accept_Encoding="gzip",
                          If_None_Match=a.headers["etag"])
        assert again.code == 304 and not again.body, again.code
        head = await ask("HEAD", path, Accept_Encoding="gzip")
        assert head.code == 200 and not head.body, head.body
        refused(await ask("GET", path), 406)
    assert total <= 60 << 10, total
    assert b"<script>" not in text and b"style=" not in text


@case
async def http_api_reads(t):
    """The same as stoxctl --json, for every command that only reads."""
    lab = await lab_with(t)
    f = await lab.x2s()
    a = await ask("GET", "/api/v1/calls")
    same_headers(a)
    assert a.headers["cache-control"] == "no-store", a.headers
    assert len(a.json) == 1 and a.json[0]["state"] == "active", a.json
    id = a.json[0]["id"]
    a = await ask("GET", "/api/v1/call/show/" + id)
    assert a.json["id"] == id and len(a.json["flows"]) == 2, a.json
    a = await ask("GET", "/api/v1/call/trace/" + id)
    assert a.headers["content-type"] == "application/x-ndjson", a.headers
    lines = [json.loads(x) for x in a.body.splitlines()]
    assert {"sip", "xmpp"} <= {x["kind"] for x in lines}, lines
    a = await ask("GET", "/api/v1/acl/test/alice%40xmpp.test")
    assert a.code == 200, a.body
    a = await ask("GET", "/api/v1/route/test/600/alice%40xmpp.test")
    assert a.code == 200, a.body
    a = await ask("GET", "/api/v1/status")
    assert a.json["calls"] == 1, a.json
    listed = (await ask("GET", "/api/v1")).json
    assert {"name": "calls", "method": "GET"}.items() <= next(
        c for c in listed if c["name"] == "calls").items(), listed
    for c in listed:
        path = "/api/v1/" + c["name"].replace(" ", "/")
        other = "POST" if c["method"] == "GET" else "GET"
        a = await ask(other, path)
        refused(a, 405)
        assert c["method"] in a.headers["allow"], (c, a.headers)
    await lab.hang_up(f)


@case
async def http_api_words(t):
    """What is wrong is said in words."""
    await lab_with(t)
    for path, code, words in (
            ("/api/v1/call/show/nonesuch", 404, "no call nonesuch"),
            ("/api/v1/call/show", 400, "usage: call show ID"),
            ("/api/v1/call/show/a/b", 400, "usage: call show ID"),
            ("/api/v1/cals", 404, "calls"),
            ("/api/v1/nothing/like/it", 404, "no such command"),
            ("/api/v2/calls", 404, "/api/v1"),
            ("/api", 404, "/api/v1"),
            ("/nothing", 404, "no such page"),
            ("/index.html/x", 404, "no such page")):
        a = await ask("GET", path)
        refused(a, code)
        assert words in a.json["error"], (path, a.json)


@case
async def http_write(t):
    lab = await lab_with(t, write=True)
    f = await lab.x2s()
    id = (await ask("GET", "/api/v1/calls")).json[0]["id"]
    path = "/api/v1/call/hangup"
    refused(await ask("POST", path, {"id": id}), 403)
    refused(await ask("POST", path, {"id": id}, READ), 401)
    for body, code in ((b"{", 400), (b"[]", 400), (b"", 400),
                       ({"id": id, "x": 1}, 400), ({"id": [id]}, 400),
                       (b'{"id": "a", "id": "b"}', 400),
                       ({"id": "nonesuch"}, 404)):
        a = await ask("POST", path, body, WRITE,
                      **({"Content_Type": "application/json"}
                         if isinstance(body, bytes) else {}))
        refused(a, code)
    refused(await ask("POST", path, b"id=" + id.encode(), WRITE,
                      Content_Type="application/x-www-form-urlencoded"), 415)
    refused(await ask("POST", path + "/" + id, {"id": id}, WRITE), 400)
    a = await ask("POST", path, {"id": id}, WRITE)
    assert a.code == 200 and a.json == {"ended": id}, a.body
    await f.sip.wait("BYE")
    assert "http 127.0.0.1: call hangup" in lab.stoxd.text()
    f = await lab.x2s(user=lab.new_user())
    id = (await ask("GET", "/api/v1/calls")).json[0]["id"]
    assert (await ask("POST", path + "/" + id, b"", WRITE)).code == 200
    await f.sip.wait("BYE")


@case
async def http_tokens(t):
    lab = await lab_with(t, read=True, write=True)
    for path in ("/api/v1/status", "/api/v1/events", "/api/v1", "/metrics",
                 "/api/v1/nothing"):
        a = await ask("GET", path)
        refused(a, 401)
        assert a.headers["www-authenticate"].startswith("Bearer"), a.headers
        for bad in ("x", READ[:-1], READ + "x", WRITE[:-1], "a" * 300):
            a = await ask("GET", path, token=bad)
            refused(a, 401)
            assert "invalid_token" in a.headers["www-authenticate"]
    for token in (READ, WRITE):
        assert (await ask("GET", "/api/v1/status", token=token)).code == 200
        a = await ask("GET", "/metrics", token=token)
        assert a.code == 200 and a.body.endswith(b"# EOF\n"), a.body[-99:]
    refused(await ask("POST", "/api/v1/call/hangup/x", b"", READ), 403)
    refused(await ask("POST", "/api/v1/call/hangup/x", b"", WRITE), 404)
    # nothing of these is secret
    for path in ("/healthz", "/readyz"):
        assert (await ask("GET", path)).code == 200, path
    assert (await ask("GET", "/", Accept_Encoding="gzip")).code == 200
    log = lab.stoxd.text()
    assert READ not in log and WRITE not in log


@case
async def http_health(t):
    lab = await Lab(t).start({"admin": tokens(t, False, False)},
                             server=False)
    await http.up()
    a = await ask("GET", "/healthz")
    assert a.code == 200 and a.body == b"alive\n", a.body
    a = await ask("GET", "/readyz")
    assert a.code == 503 and b"XMPP" in a.body, a.body
    await lab.server.start()
    t.later(lab.server.stop)

    async def ready():
        a = await ask("GET", "/readyz")
        return a.code == 200 and a
    a = await until(ready, 20, "connection")
    assert a.body == b"ready\n", a.body
    lab.stoxd.ctl("drain", "stay")
    a = await ask("GET", "/readyz")
    assert a.code == 503 and b"no new calls" in a.body, a.body
    lab.stoxd.ctl("undrain")
    assert (await ask("GET", "/readyz")).code == 200


# ---- what it refuses ------------------------------------------------------
@case
async def http_wrong_host(t):
    """A name of elsewhere that was pointed at us (DNS rebinding)."""
    await lab_with(t)
    for host in ("evil.test", "evil.test:5080", "127.0.0.1.evil.test",
                 "localhost.evil.test", "[::1", "a b", "localhost:x"):
        refused(await ask("GET", "/api/v1/calls", host=host), 421)
        refused(await ask("GET", "/", host=host, Accept_Encoding="gzip"),
                421)
    for host in ("localhost", "LOCALHOST:1", "[::1]:5080", "127.0.0.1"):
        assert (await ask("GET", "/api/v1/calls", host=host)).code == 200
    a = await ask("GET", "/api/v1/calls", host=None)
    assert a.code == 400, a.code
    old = http.Answer(await raw(b"GET /api/v1/calls HTTP/1.0\r\n\r\n"))
    refused(old, 421)


@case
async def http_named_host(t):
    """With a token to know users by, a proxy may give us its name."""
    await lab_with(t, read=True)
    a = await ask("GET", "/api/v1/calls", token=READ, host="gw.example.com")
    assert a.code == 200, a.body
    refused(await ask("GET", "/api/v1/calls", host="gw.example.com"), 401)
    a = await ask("GET", "/api/v1/calls", token=READ, host="gw.example.com",
                  Origin="https://gw.example.com")
    assert a.code == 200, a.body


@case
async def http_wrong_origin(t):
    """What a page of another site makes a browser send."""
    lab = await lab_with(t, write=True)
    f = await lab.x2s()
    id = (await ask("GET", "/api/v1/calls")).json[0]["id"]
    path = "/api/v1/call/hangup/" + id
    for headers in ({"Origin": "https://evil.test"}, {"Origin": "null"},
                    {"Origin": "http://127.0.0.1:5081"},
                    {"Origin": "http://localhost:5080"},
                    {"Sec_Fetch_Site": "cross-site"},
                    {"Sec_Fetch_Site": "same-site"}):
        refused(await ask("POST", path, b"", WRITE, **headers), 403)
        refused(await ask("GET", "/api/v1/calls", **headers), 403)
    refused(await ask("OPTIONS", path, Origin="http://127.0.0.1:5080"), 405)
    assert len((await ask("GET", "/api/v1/calls")).json) == 1
    a = await ask("POST", path, b"", WRITE, Origin="http://127.0.0.1:5080",
                  Sec_Fetch_Site="same-origin")
    assert a.code == 200, a.body
    await f.sip.wait("BYE")


@case
async def http_wrong_method(t):
    await lab_with(t, write=True)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get",
                   "FOO"):
        for path in ("/", "/api/v1/calls", "/healthz"):
            a = await ask(method, path)
            refused(a, 405)
            assert "GET" in a.headers["allow"], a.headers
    refused(await ask("POST", "/", b"", WRITE), 405)
    assert (await ask("HEAD", "/api/v1/calls")).body == b""


@case
async def http_path_tricks(t):
    lab = await lab_with(t)
    for path in ("/..", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
                 "/..%2f..%2fetc%2fpasswd", "//etc/passwd", "/./", "/a//b",
                 "/style.css/", "/style.css%00.html", "/%", "/%zz",
                 "/api/v1/call/show/%0d%0aSet-Cookie:%20a", "/%c0%ae",
                 "/api/v1//calls", "/api/v1/../v1/calls", "/a#b", "*",
                 "http://evil.test/", "/api/v1/calls?&", "/" + "a/" * 30):
        a = await ask("GET", path, Accept_Encoding="gzip")
        assert a.code in (400, 404, 414), (path, a.code)
        assert b"root:" not in a.body and "set-cookie" not in a.headers
    # in place of a word it stays one
    a = await ask("GET", "/api/v1/call/show/..%2f..%2fetc%2fpasswd")
    assert a.code in (400, 404), a.body
    assert lab.stoxd.alive()


@case
async def http_huge(t):
    lab = await lab_with(t, write=True)
    a = await ask("GET", "/" + "a" * 1500)
    refused(a, 414)
    a = http.Answer(await raw(
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 40000 +
        b"\r\n\r\n"))
    assert a.code in (0, 400, 413, 431), a.code
    a = http.Answer(await raw(
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" +
        b"A: b\r\n" * 9000 + b"\r\n"))
    assert a.code in (0, 400, 413, 431), a.code
    a = http.Answer(await raw(b"GET /" + b"a" * 100000))
    assert a.code in (0, 400, 413, 414, 431), a.code
    head = b"POST /api/v1/call/hangup HTTP/1.1\r\nHost: localhost\r\n" \
           b"Connection: close\r\nAuthorization: Bearer " + \
           WRITE.encode() + b"\r\nContent-Type: application/json\r\n"
    for length in (b"5000", b"99999999999999999999", b"4294967297"):
        a = http.Answer(await raw(head + b"Content-Length: " + length +
                                  b"\r\n\r\n"))
        assert a.code in (400, 413), (length, a.code)
    chunks = b"".join(b"400\r\n" + b" " * 1024 + b"\r\n" for _ in range(9))
    a = http.Answer(await raw(head + b"Transfer-Encoding: chunked\r\n\r\n" +
                              chunks + b"0\r\n\r\n"))
    refused(a, 413)
    deep = b'{"id":' * 500 + b"1" + b"}" * 500
    a = await ask("POST", "/api/v1/call/hangup", deep, WRITE,
                  Content_Type="application/json")
    refused(a, 400)
    assert (await ask("GET", "/healthz")).code == 200
    assert lab.stoxd.alive()


@case(waits=11)
async def http_malformed(t):
    lab = await lab_with(t)
    v = (b"\r\n\r\n", b"GET\r\n\r\n", b"GET /\r\n\r\n",
             b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 99,
             b"GET / HTTP/9.9\r\n\r\n", b"\0" * 500, b"\xff" * 500,
             b"INVITE sip:a@b SIP/2.0\r\nVia: x\r\n\r\n",
             b"GET / HTTP/1.1\r\nHost\r\n\r\n",
             b"GET / HTTP/1.1\r\n: a\r\n\r\n",
             b"GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n",
             b"POST /api/v1/call/hangup HTTP/1.1\r\nHost: localhost\r\n"
             b"Content-Length: -1\r\n\r\n",
             b"POST /api/v1/call/hangup HTTP/1.1\r\nHost: localhost\r\n"
             b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
             b"zz\r\n\r\n")
    # some of them end with their time only
    for data, out in zip(v, await asyncio.gather(*(
            raw(data, shut=True, timeout=20) for data in v))):
        assert b" 200 " not in out[:20], (data[:60], out[:200])
    assert (await ask("GET", "/healthz")).code == 200
    assert lab.stoxd.alive()


@case(waits=13)
async def http_slow(t):
    """Bytes one by one gain nobody more than the time for a request."""
    lab = await lab_with(t)
    r, w = await asyncio.open_connection("127.0.0.1", http.PORT)
    quiet = await asyncio.open_connection("127.0.0.1", http.PORT)
    w.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    gone = asyncio.ensure_future(r.read())
    for _ in range(40):
        if gone.done():
            break
        try:
            w.write(b"a")
            await w.drain()
        except ConnectionError:
            break
        await asyncio.sleep(0.5)
    assert gone.done(), "the connection is still open"
    assert b" 200 " not in (gone.result() or b""), gone.result()
    assert await asyncio.wait_for(quiet[0].read(), 5) == b""
    assert (await ask("GET", "/healthz")).code == 200
    assert lab.stoxd.alive()


@case
async def http_many(t):
    """More connections than one source may have: the others wait or are
    closed, and calls go on."""
    lab = await lab_with(t)
    v = [await asyncio.open_connection("127.0.0.1", http.PORT)
         for _ in range(40)]
    await lab.x2s()
    closed = 0
    for r, w in v:
        w.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for r, w in v:
        try:
            got = await asyncio.wait_for(r.read(15), 3)
        except (ConnectionError, asyncio.TimeoutError):
            got = b""
        closed += not got
    assert 10 <= closed <= 20, closed
    for r, w in v:
        w.close()
    await asyncio.sleep(0.3)
    assert (await ask("GET", "/healthz")).code == 200


@case
async def http_pipelined(t):
    await lab_with(t)
    one = b"GET /api/v1/calls HTTP/1.1\r\nHost: localhost\r\n\r\n"
    out = await raw(one * 3 + one.replace(b"\r\n\r\n",
                                          b"\r\nConnection: close\r\n\r\n"))
    assert out.count(b"HTTP/1.1 200 OK") == 4, out


@case
async def http_media_gone(t):
    """One hears at a time; who goes away makes room for the next."""
    lab = await lab_with(t, write=True)
    await lab.x2s()
    (call,) = (await ask("GET", "/api/v1/calls")).json
    path = "/api/v1/call/media/%s/" % call["id"]
    r, w = await asyncio.open_connection("127.0.0.1", http.PORT)
    w.write(b"POST %s60s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
            b"Authorization: Bearer %s\r\n\r\n" % (
                path.encode(), WRITE.encode()))
    await asyncio.sleep(1.5)
    refused(await ask("POST", path + "1s", token=WRITE), 409)
    w.close()

    async def heard():
        a = await ask("POST", path + "1s", token=WRITE)
        return a.code == 200 and a
    a = await until(heard, 20, "room for another")
    assert a.code == 200 and a.body[:4] == b"\n\r\r\n", (a.code, a.body[:99])


# ---- events ---------------------------------------------------------------
@case
async def events(t):
    lab = await lab_with(t)
    e = await Events().open()
    hello = await e.next("hello")
    assert hello["live"]["total"] == 0 and hello["write"] is False, hello
    assert len(hello["history"]["minutes"]) == 60, hello
    f = await lab.x2s()
    while True:
        live = await e.next("live")
        if live["calls"] and "srtp" in live["calls"][0]["xmpp"]:
            break
    c = live["calls"][0]
    assert c["jid"] == "alice@xmpp.test" and c["from"] == "xmpp", c
    assert c["codec"] == "PCMU/8000" and c["trunk"] == "pbx", c
    for key in ("loss", "jitter", "rtt", "rx", "tx", "srtp", "way"):
        assert key in c["sip"] and key in c["xmpp"], c
    assert live["status"]["xmpp"][0]["up"] is True, live
    await lab.hang_up(f)
    g = await lab.x2s("invited", user=lab.new_user())
    g.sip.reply(404)
    while True:
        h = await e.next("history")
        if h["failures"]:
            break
    assert h["failures"][0]["sip_code"] == 404, h
    assert h["failures"][0]["count"] == 1, h
    while not sum(m[1] for m in h["minutes"]):
        h = await e.next("history")
    assert sum(m[1] for m in h["minutes"]) == 1, h
    assert sum(m[3] for m in h["minutes"]) == 1, h
    e.close()


@case
async def events_hostile(t):
    """Names with markup and quotes stay one JSON text."""
    lab = await lab_with(t)
    e = await Events().open()
    await lab.ua.call(lab.dial % "alice", lab.sdp(), name=HOSTILE)
    await lab.alice.get_jmi("propose")
    while True:
        live = await e.next("live")
        if live["calls"]:
            break
    assert live["calls"][0]["name"] == HOSTILE, live
    e.close()


@case
async def events_of_an_old_token(t):
    """A token that a reload takes back ends what it has opened."""
    await lab_with(t, read=True, write=True)
    e = await Events(READ).open()
    await e.next("live")
    new = "another-0123456789abcdef"
    with open(t.path("read.token"), "w") as f:
        f.write(new + "\n")
    await ask("POST", "/api/v1/reload", token=WRITE)
    assert (await ask("GET", "/api/v1/calls", token=new)).code == 200
    try:
        for _ in range(5):
            await e.next("live")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    else:
        raise AssertionError("it goes on")
    e = await Events(new).open()
    for _ in range(3):
        await e.next("live")
    e.close()


@case
async def events_many_readers(t):
    """As many as there may be; their places come free."""
    lab = await lab_with(t)
    other = await Events().open()
    many = [await Events().open() for _ in range(15)]
    refused(await ask("GET", "/api/v1/events"), 503)
    for e in many:
        e.close()
    for _ in range(3):
        await other.next("live")
    await (await Events().open()).next("hello")
    other.close()
    assert lab.stoxd.alive()


@case(timeout=90, waits=20)
async def events_slow_reader(t):
    """Who does not read is let go; others go on."""
    lab = await lab_with(t)
    for _ in range(150):
        await lab.x2s("invited", user=lab.new_user())
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", http.PORT))
    s.send(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    other = await Events().open()
    for n in range(60):
        live = await other.next("live")
        if "a reader of events is too slow" in lab.stoxd.text():
            break
    else:
        raise AssertionError("it was not let go, %d s" % n)
    assert len(live["calls"]) == 150, len(live["calls"])
    await other.next("live")
    s.close()
    other.close()


@case
async def events_at_the_end(t):
    """The gateway ends with readers and questions open."""
    lab = await lab_with(t)
    e = await Events().open()
    await e.next("hello")
    asked = asyncio.open_connection("127.0.0.1", http.PORT)
    r, w = await asked
    w.write(b"GET /api/v1/call/show/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert await lab.stoxd.stop() == 0
    e.close()
    lab.stoxd.start()
    await http.up()


# ---- configuration --------------------------------------------------------
def check(t, admin):
    path = t.path("check.conf")
    with open(path, "w") as f:
        f.write(config_text({"admin": dict({"socket": "s.sock"}, **admin)}))
    r = subprocess.run([BUILD + "/stoxd", "--check", "-c", path],
                       capture_output=True, text=True)
    return r.returncode, r.stdout + r.stderr


@case
async def http_configuration(t):
    ok = tokens(t)
    short, same = t.path("short"), t.path("same")
    for path, text in ((short, "abc"), (same, READ)):
        with open(path, "w") as f:
            f.write(text + "\n")
        subprocess.run(["chmod", "600", path], check=True)
    code, out = check(t, {"http": "0.0.0.0:5080"})
    assert code and "read_token_file" in out, out
    code, out = check(t, {"http": "192.0.2.1:5080",
                          "write_token_file": ok["write_token_file"]})
    assert code and "read_token_file" in out, out
    code, out = check(t, {"http": "192.0.2.1:5080",
                          "read_token_file": ok["read_token_file"]})
    assert not code and READ not in out, out
    assert "http = 192.0.2.1:5080" in out, out
    code, out = check(t, {"read_token_file": short})
    assert code and "openssl rand" in out, out
    code, out = check(t, {"read_token_file": same, "write_token_file": same})
    assert code and "same token" in out, out
    for bad in ("5080", "localhost:5080", "127.0.0.1", "127.0.0.1:0",
                "127.0.0.1:70000", "[::1", "on"):
        code, out = check(t, {"http": bad})
        assert code and "ADDRESS:PORT" in out, (bad, out)
    assert not check(t, {"http": "[::1]:5080"})[0]


@case
async def http_port_taken(t):
    s = await asyncio.start_server(lambda r, w: None, "127.0.0.1", http.PORT)
    d = Stoxd(t.dir, {"admin": tokens(t, False, False)})
    d.start()
    assert await asyncio.to_thread(d.p.wait, 10) == 1
    assert "cannot listen on 127.0.0.1:5080" in d.text(), d.text()
    s.close()
