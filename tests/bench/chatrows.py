"""chatrows.py: messages, presence and the start with many accounts, by CPU:
what stoxd spends on each, beside what others do in the same run; lists of
values by key.

The load comes from here, slower than stoxd could go; so each figure is CPU of
the process that is measured, and a rate a core is its reciprocal."""
import asyncio
import glob
import os
import re
import secrets
import select
import socket
import sqlite3
import statistics
import subprocess
import threading
import time

from peers import ejabberd, prosody
from peers.daemon import BUILD, config_text

MESSAGES, SUBSCRIPTIONS, ACCOUNTS = 20000, 100000, 10000
QUICK = 10          # times less of each
TARGETS = 1000
WINDOW = 200        # requests under way at once
BATCH = 20          # messages of one write
READ = 64           # datagrams that the answering phone reads at once
TURNS = 3           # of each that is compared with an echo
SETTLE = 42         # s; transactions end after 32, slack.c trims after 35
WAIT = 20           # s without an answer: it is over
LIMITS = {"message_rate": 100000, "message_burst": 100000,
          "sip_source_rate": 1000000, "sip_source_burst": 1000000,
          "subscriptions_per_jid": 1000000}
MESSAGES_VS_EJABBERD, PRESENCE_VS_MESSAGE, PRESENCE_KB = 0.4, 1.3, 2
START_VS_READ, MESSAGES_VS_ECHO = 3, 0.8
OPEN = ("<?xml version='1.0' encoding='UTF-8'?><presence xmlns='urn:ietf:"
        "params:xml:ns:pidf' entity='pres:x'><tuple id='t'><status><basic>"
        "open</basic></status></tuple></presence>")


def cpu(pid):
    """Seconds that the threads of a process have used."""
    ns = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        with open(path) as f:
            ns += int(f.read().split()[0])
    return ns / 1e9


def resident(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


class Counter:
    """Waits for as many of something as were asked for."""

    def __init__(self):
        self.n, self.cond = 0, threading.Condition()

    def add(self, n):
        if n:
            with self.cond:
                self.n += n
                self.cond.notify_all()

    def reach(self, n):
        with self.cond:
            before = -1
            while self.n < n:
                if not self.cond.wait(WAIT) and self.n == before:
                    raise TimeoutError("%d of %d" % (self.n, n))
                before = self.n


class Component:
    """One end of XEP-0114: the server's (name None), or a component."""

    def __init__(self, name=None, answer=None):
        """answer: what to send back for whole stanzas that came."""
        self.name, self.messages, self.seen = name, Counter(), Counter()
        self.rest, self.answer = b"", answer
        if name:
            self.s = socket.create_connection(("127.0.0.1", 5347))
            self.s.sendall(b"<stream:stream xmlns='jabber:component:accept' "
                           b"xmlns:stream='http://etherx.jabber.org/streams' "
                           b"to='%s'>" % name.encode())
            self._prove()
        else:
            self.l = socket.create_server(("127.0.0.1", 5347))

    def accept(self):
        self.s, _ = self.l.accept()
        self._until(b">", b"to=")
        self.s.sendall(b"<?xml version='1.0'?><stream:stream xmlns='jabber:"
                       b"component:accept' xmlns:stream='http://etherx.jabber"
                       b".org/streams' id='1' from='sip.xmpp.test'>")
        self._until(b"</handshake>")
        self.s.sendall(b"<handshake/>")
        self._start()
        return self

    def _prove(self):
        import hashlib
        head = self._until(b">", b"id=").decode()
        id = re.search(r" id=['\"]([^'\"]+)", head).group(1)
        self.s.sendall(b"<handshake>%s</handshake>" % hashlib.sha1(
            (id + "lab-secret").encode()).hexdigest().encode())
        self._until(b"handshake")
        self._start()

    def _until(self, *words):
        got = b""
        while not all(w in got for w in words):
            got += self.s.recv(4096) or b"!"
            if got.endswith(b"!"):
                raise EOFError(got)
        return got

    def _start(self):
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                data = self.s.recv(262144)
            except OSError:
                return
            if not data:
                return
            if self.answer:
                data = self.rest + data
                end = data.rfind(b"</message>") + len(b"</message>")
                if data.find(b"</message>") < 0:
                    end = 0
                self.rest = data[end:]
                if end:
                    self.s.sendall(self.answer(data[:end]))
                continue
            data, keep = self.rest + data, b""
            for word in (b"<message", b"<presence"):
                cut = max((k for k in range(1, len(word))
                           if data.endswith(word[:k])), default=0)
                keep = data[-cut:] if cut > len(keep) else keep
            self.rest = keep
            whole = data[:len(data) - len(keep)]
            self.messages.add(whole.count(b"<message"))
            self.seen.add(whole.count(b"<presence"))

    def send(self, data):
        self.s.sendall(data)


class Phone:
    """Answers each request with 200; SUBSCRIBE with a NOTIFY, too."""

    def __init__(self):
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.s.bind(("127.0.0.1", 5060))
        self.messages, self.answers = Counter(), Counter()
        self.subscribes, self.notified = Counter(), Counter()
        self.pinged, self.closed = Counter(), threading.Event()
        self.s.settimeout(0.2)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while not self.closed.is_set():
            try:
                data, src = self.s.recvfrom(65536)
            except TimeoutError:
                continue
            word = data[:data.find(b" ")]
            if word == b"SIP/2.0":
                self._answered(data)
            elif len(data) > 4:
                self._request(word, data, src)

    def _answered(self, data):
        if b" NOTIFY\r\n" in data:
            self.notified.add(1)
        elif b" OPTIONS\r\n" in data:
            self.pinged.add(1)
        else:
            self.answers.add(1)

    def _request(self, word, data, src):
        h = {}
        for line in data[:data.find(b"\r\n\r\n")].split(b"\r\n")[1:]:
            k, _, v = line.partition(b": ")
            h.setdefault(k, v)
        more = b""
        if word == b"SUBSCRIBE":
            h[b"To"] += b";tag=t"
            more = b"Expires: 3600\r\nContact: <sip:127.0.0.1:5060>\r\n"
        self.s.sendto(
            b"SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s"
            b"\r\nCSeq: %s\r\n%sContent-Length: 0\r\n\r\n" % (
                h[b"Via"], h[b"From"], h[b"To"], h[b"Call-ID"], h[b"CSeq"],
                more), src)
        if word == b"MESSAGE":
            self.messages.add(1)
        elif word == b"SUBSCRIBE":
            self._notify(h, src)
            self.subscribes.add(1)

    def _notify(self, h, src):
        target = re.search(rb"<([^>]+)>", h[b"Contact"]).group(1)
        self.s.sendto(
            b"NOTIFY %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch="
            b"z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\n"
            b"Call-ID: %s\r\nCSeq: 1 NOTIFY\r\nContact: <sip:127.0.0.1:5060>"
            b"\r\nEvent: presence\r\nSubscription-State: active;expires=3600"
            b"\r\nContent-Type: application/pidf+xml\r\nContent-Length: %d"
            b"\r\n\r\n%s" % (
                target, secrets.token_hex(8).encode(), h[b"To"], h[b"From"],
                h[b"Call-ID"], len(OPEN), OPEN.encode()), src)

    def send(self, method, to, n, body=b""):
        """A request of its own, with numbers of n."""
        self.s.sendto(
            b"%s sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;rport;"
            b"branch=z9hG4bKb%s%d\r\nMax-Forwards: 70\r\nFrom: <sip:%d@"
            b"127.0.0.1:5060>;tag=b%d\r\nTo: <sip:%s>\r\nCall-ID: %s%d\r\n"
            b"CSeq: 1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d"
            b"\r\n\r\n%s" % (
                method, to, method, n, 600 + n % TARGETS, n, to, method, n,
                method, len(body), body), ("127.0.0.1", 5070))


def paced(n, send, counter):
    """send(i) for each, so that not more than WINDOW are under way."""
    base = counter.n
    for i in range(n):
        if i >= WINDOW:
            counter.reach(base + i - WINDOW + 1)
        send(i)
    counter.reach(base + n)


class Gateway:
    def __init__(self, dir, changes=None):
        path = os.path.join(dir, "chat.conf")
        with open(path, "w") as f:
            f.write(config_text(dict({"limits": LIMITS, "log": {
                "level": "warning"}}, **(changes or {}))))
        self.server, self.phone = Component(), Phone()
        self.p = subprocess.Popen([os.path.join(BUILD, "stoxd"), "-c", path],
                                  stderr=subprocess.PIPE)
        threading.Thread(target=self.p.stderr.read, daemon=True).start()
        self.server.accept()
        time.sleep(1)

    def spent(self, what):
        began = cpu(self.p.pid)
        what()
        return cpu(self.p.pid) - began

    def close(self):
        self.p.kill()
        self.p.wait()
        self.phone.closed.set()
        self.phone.thread.join()
        for s in (self.server.s, self.server.l, self.phone.s):
            s.close()


def ejabberd_with(dir, names):
    """An ejabberd that has these components."""
    text = ejabberd.CONFIG
    ejabberd.CONFIG = text.replace("loglevel: debug", "loglevel: error") \
        .replace('hosts: {"sip.xmpp.test": {password: "lab-secret"}}',
                 'global_routes: false\n    hosts: {%s}' % ", ".join(
                     '"%s": {password: "lab-secret"}' % n for n in names))
    e = ejabberd.Ejabberd(dir, users=())
    ejabberd.CONFIG = text
    asyncio.run(e.run())
    return e


def prosody_with(dir, names):
    """The same of Prosody."""
    text = prosody.CONFIG
    prosody.CONFIG = text.replace('log = { debug = "*console" }',
                                  'log = { error = "*console" }') \
        .split('Component "sip')[0] + "".join(
            'Component "%s"\n    component_secret = "lab-secret"\n' % n
            for n in names)
    p = prosody.Prosody(dir, users=())
    prosody.CONFIG = text
    asyncio.run(p.run())
    return p


class Echo:
    """A component that sends each message back, and nothing else."""

    def __init__(self):
        self.c = Component("echo.xmpp.test", self._back)

    def _back(self, data):
        """What came, with from and to in each other's place."""
        return re.sub(rb"(from|to)=", lambda m: b"to=" if m[1] == b"from"
                      else b"from=", data)


class Answerer(threading.Thread):
    """A phone that sends each text that it gets back to its sender; whole
    headers are copied and nothing is looked at twice.  It is slower than
    stoxd: it reads all that has come before it answers any, so that stoxd
    has as much before it at once as it would have when it is the limit."""

    def __init__(self):
        super().__init__(daemon=True)
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.s.bind(("127.0.0.1", 5060))
        self.s.setblocking(False)
        self.over, self.n = False, 0

    def _come(self):
        select.select([self.s], [], [], 0.2)
        try:
            for _ in range(READ):
                yield self.s.recvfrom(65536)
        except BlockingIOError:
            return

    def run(self):
        while not self.over:
            for data, src in list(self._come()):
                if data.startswith((b"MESSAGE ", b"OPTIONS ")):
                    self._take(data, src)

    def _take(self, data, src):
        head, _, body = data.partition(b"\r\n\r\n")
        keep = [x for x in head.split(b"\r\n") if x.startswith(
            (b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:"))]
        self.s.sendto(b"SIP/2.0 200 OK\r\n%s\r\nContent-Length: 0\r\n\r\n"
                      % b"\r\n".join(keep), src)
        if data[:1] != b"M":
            return
        self.n += 1
        uri = {x[:1]: x[x.find(b"<") + 1:x.find(b">")] for x in keep}
        self.s.sendto(
            b"MESSAGE %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;rport;"
            b"branch=z9hG4bKa%d\r\nMax-Forwards: 70\r\nFrom: <%s>;tag=a%d\r\n"
            b"To: <%s>\r\nCall-ID: a%d\r\nCSeq: 1 MESSAGE\r\nContent-Type: "
            b"text/plain\r\nContent-Length: %d\r\n\r\n%s" % (
                uri[b"F"], self.n, uri[b"T"], self.n, uri[b"F"], self.n,
                len(body), body), src)

    def close(self):
        self.over = True
        self.join()
        self.s.close()


def there_and_back(user, n, domain, other):
    """Messages from users to a component and back, with what clients say of
    each: that somebody writes (X0085) and whose id it is (X0359)."""
    def send(i):
        if i % BATCH == 0:
            user.send(b"".join(
                b"<message from='u%d@two.xmpp.test/x' to='%d@%s' type='chat' "
                b"id='%s%d'><body>message number %d</body><active xmlns="
                b"'http://jabber.org/protocol/chatstates'/><origin-id xmlns="
                b"'urn:xmpp:sid:0' id='%s%d'/></message>" % (
                    k % TARGETS, 600 + k % TARGETS, domain, other, k, k,
                    other, k)
                for k in range(i, min(i + BATCH, n))))

    paced(n, send, user.messages)


def each(n, what, *pids):
    """us of CPU a message that each of these spends."""
    began = [cpu(pid) for pid in pids]
    what()
    return [1e6 * (cpu(pid) - b) / n for pid, b in zip(pids, began)]


def against_echo(dir, server, n):
    """Messages that a real server and the gateway, a core each, carry to a
    phone that answers, to those that it carries to a component that echoes:
    as many a second pass as the busiest of them can carry.  What the echo
    itself and the phone need is not counted.  The ratio, then CPU of a message
    there and one back: of the server with the echo, of the server and of the
    gateway with the phone."""
    e = server(dir, ("sip.xmpp.test", "two.xmpp.test", "echo.xmpp.test"))
    p = answerer = None
    try:
        user, _ = Component("two.xmpp.test"), Echo()
        answerer = Answerer()
        answerer.start()
        path = os.path.join(dir, "echo.conf")
        with open(path, "w") as f:
            f.write(config_text({
                "limits": LIMITS, "log": {"level": "warning"},
                "xmpp": {"domains": "two.xmpp.test"}}))
        p = subprocess.Popen([os.path.join(BUILD, "stoxd"), "-c", path],
                             stderr=subprocess.DEVNULL)
        time.sleep(3)
        turns = []
        for _ in range(TURNS):
            id = secrets.token_hex(2).encode()
            turns.append(each(n, lambda: there_and_back(
                user, n, b"echo.xmpp.test", id), e.p.pid) + each(
                    n, lambda: there_and_back(
                        user, n, b"sip.xmpp.test", id), e.p.pid, p.pid))
        echo, its, ours = (statistics.median(t) for t in zip(*turns))
        return echo / max(its, ours), echo, its, ours
    finally:
        if p:
            p.kill()
            p.wait()
        if answerer:
            answerer.close()
        e.kill()
        e.p.wait()


def between_components(dir, n):
    """CPU of ejabberd for a message from one component to another, us."""
    e = ejabberd_with(dir, ("sip.xmpp.test", "two.xmpp.test"))
    try:
        one, two = Component("sip.xmpp.test"), Component("two.xmpp.test")
        time.sleep(2)
        spent = cpu(e.p.pid)
        paced(n, lambda i: one.send(
            b"<message from='%d@sip.xmpp.test/sip' to='u%d@two.xmpp.test' "
            b"type='chat' id='m%d'><body>message number %d</body></message>"
            % (600 + i % TARGETS, i % TARGETS, i, i)), two.messages)
        return 1e6 * (cpu(e.p.pid) - spent) / n
    finally:
        e.kill()
        e.p.wait()


def messages(g, n):
    """CPU of a message to SIP and of one from SIP, us."""
    out = g.spent(lambda: paced(n, lambda i: g.server.send(
        b"<message from='u%d@xmpp.test/x' to='%d@sip.xmpp.test' type='chat' "
        b"id='m%d'><body>message number %d</body></message>" % (
            i % TARGETS, 600 + i % TARGETS, i, i)), g.phone.messages))
    back = g.spent(lambda: paced(n, lambda i: g.phone.send(
        b"MESSAGE", b"u%d@127.0.0.1:5070" % (i % TARGETS), i,
        b"message number %d" % i), g.phone.answers))
    g.server.messages.reach(n)
    return 1e6 * out / n, 1e6 * back / n


def presence(g, n):
    """CPU of a subscription, its messages (SUBSCRIBE, NOTIFY and their 200,
    with the stanzas) and its memory; and CPU of a SIP message, of an OPTIONS
    that is answered, which is one each way and nothing else."""
    one = g.spent(lambda: paced(n, lambda i: g.phone.send(
        b"OPTIONS", b"127.0.0.1:5070", 10 ** 7 + i), g.phone.pinged)) / n / 2
    kb, seen = resident(g.p.pid), g.server.seen.n
    all = g.spent(lambda: paced(n, lambda i: g.server.send(
        b"<presence from='u%d@xmpp.test' to='%d@sip.xmpp.test' "
        b"type='subscribe'/>" % (i, 10000 + i)), g.phone.notified)) / n
    time.sleep(SETTLE)
    messages = 4 + 1 + (g.server.seen.n - seen) / n
    return all, messages * one, (resident(g.p.pid) - kb) / n


def accounts_made(dir, n):
    """A store with so many accounts, and ten contacts for each."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    path, key = os.path.join(dir, "many.db"), secrets.token_bytes(32)
    with open(path + ".key", "w") as f:
        os.chmod(path + ".key", 0o600)
        f.write(key.hex() + "\n")
    conf = os.path.join(dir, "many.conf")
    with open(conf, "w") as f:
        f.write(config_text({
            "store": {"path": path}, "log": {"level": "info"},
            "account": {"providers": "127.0.0.3:5060", "like": "pbx"}}))
    argv = [os.path.join(BUILD, "stoxd"), "-c", conf]
    if not os.path.exists(path):
        until_up(argv)
    c, aes = sqlite3.connect(path), AESGCM(key)
    for i in range(1, n + 1):
        jid, nonce = "u%d@xmpp.test" % i, secrets.token_bytes(12)
        sealed = b"\x01" + nonce + aes.encrypt(
            nonce, b"secret%d" % i, ("account %d %s" % (i, jid)).encode())
        c.execute("INSERT INTO account VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", (
            i, jid, "sip.xmpp.test", "tok%014d" % i, "127.0.0.3:5060",
            "u%d" % i, None, None, "auto", None, sealed, 0))
        for k in range(10):
            c.execute("INSERT INTO contact VALUES (?,?,?,?)", (
                jid, "%d@sip.xmpp.test" % (600 + k), "Name %d" % k, i))
    c.commit()
    c.close()
    return argv, path


def until_up(argv):
    """Seconds of CPU until it says that it is up."""
    p = subprocess.Popen(argv, stderr=subprocess.PIPE)
    try:
        for line in p.stderr:
            if b" is up, " in line:
                return cpu(p.pid)
        raise EOFError("it did not start")
    finally:
        p.kill()
        p.wait()


def read(path):
    """Seconds of CPU that sqlite3 needs for the same rows."""
    p = subprocess.Popen(["sqlite3", path, "SELECT * FROM account",
                          "SELECT * FROM contact"],
                         stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = status
    if status:
        raise OSError("sqlite3 cannot read " + path)
    return used.ru_utime + used.ru_stime


def rows(dir, quick):
    less = QUICK if quick else 1
    out = {}

    def add(key, value):
        out.setdefault(key, []).append(value)

    argv, path = accounts_made(dir, ACCOUNTS // min(less, 2))
    empty = min(until_up([argv[0], "-c", empty_config(dir)])
                for _ in range(3))
    for _ in range(3):
        took, least = until_up(argv), read(path)
        add("start_accounts_ms", 1000 * took)
        add("start_accounts_vs_read", max(took - empty, 0) / least)
    g = Gateway(dir)
    try:
        there, back = messages(g, MESSAGES // less)
        add("message_out_us", there)
        add("message_in_us", back)
    finally:
        g.close()
    g = Gateway(dir, {"presence": {"rate": 100000}})
    try:
        each, bare, kb = presence(g, SUBSCRIPTIONS // less)
        add("subscription_us", 1e6 * each)
        add("presence_vs_message", each / bare)
        add("presence_kb", kb)
    finally:
        g.close()
    us = between_components(dir, MESSAGES // less)
    add("ejabberd_message_us", us)
    add("messages_vs_ejabberd", us / ((there + back) / 2))
    for name, server in (("prosody", prosody_with),
                         ("ejabberd", ejabberd_with)):
        ratio, echo, its, ours = against_echo(dir, server,
                                              MESSAGES // less // 2)
        add("messages_vs_echo_" + name, ratio)
        add("echo_%s_us" % name, echo)
        add("both_ways_%s_us" % name, its)
        add("both_ways_stoxd_with_%s_us" % name, ours)
    return out


def empty_config(dir):
    path = os.path.join(dir, "none.conf")
    with open(path, "w") as f:
        f.write(config_text({"log": {"level": "info"},
                             "store": {"path": "none.db"}}))
    return path
