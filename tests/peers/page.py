"""page.py: headless Chromium as a person's browser: opens a page, presses and
reads what is on it.  Spoken to by the DevTools protocol on two pipes."""
import asyncio
import base64
import fcntl
import itertools
import json
import os
import shutil
import tempfile

from peers.chromium import FLAGS, RESOLVE
from peers.daemon import BUILD
from peers.proc import PATIENCE, Gone, tail
from peers.runner import Skip

AXE = os.path.join(BUILD, "browser", "node_modules", "axe-core", "axe.min.js")


def need_axe():
    if not os.path.exists(AXE):
        raise Skip("no %s (make browser)" % AXE)


class Browser:
    """One page.  problems: what its console and the network complained of."""

    def __init__(self, t):
        self.t, self._ids, self._answers = t, itertools.count(1), {}
        self.problems, self.requests, self.p = [], [], None

    async def start(self):
        self.t.need("chromium")
        self.home = tempfile.mkdtemp(prefix="stoxd-br.")
        self.log = self.t.path("chromium.log")
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        # it reads from 3 and writes to 4; clear of both meanwhile
        pipes = [fcntl.fcntl(x, fcntl.F_DUPFD, 20)
                 for x in (theirs_in, theirs_out)]

        def place():
            os.dup2(pipes[0], 3)
            os.dup2(pipes[1], 4)

        with open(self.log, "ab") as out:
            self.p = await asyncio.create_subprocess_exec(
                "chromium", *FLAGS, RESOLVE, "--hide-scrollbars",
                "--user-data-dir=" + self.home, "--remote-debugging-pipe",
                "about:blank", preexec_fn=place, pass_fds=(3, 4),
                stdout=out, stderr=out,
                stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
                env=dict(os.environ, HOME=self.home, TMPDIR=self.home,
                         XDG_RUNTIME_DIR=self.home))
        self.t.later(self.stop)
        for x in pipes + [theirs_in, theirs_out]:
            os.close(x)
        self._out = os.fdopen(ours_out, "wb", buffering=0)
        reader = asyncio.StreamReader(limit=1 << 26)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader),
            os.fdopen(ours_in, "rb"))
        self._task = asyncio.ensure_future(self._read(reader))
        target = await self.send("Target.createTarget", url="about:blank")
        self.session = (await self.send(
            "Target.attachToTarget", targetId=target["targetId"],
            flatten=True))["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.do(domain + ".enable")
        return self

    async def stop(self):
        self._task.cancel()
        self._out.close()
        if self.p.returncode is None:
            self.p.terminate()
            try:
                await asyncio.wait_for(self.p.wait(), 3)
            except asyncio.TimeoutError:
                self.p.kill()
                await self.p.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    # ---- the protocol ---------------------------------------------------
    async def _read(self, reader):
        try:
            while True:
                text = await reader.readuntil(b"\0")
                self._take(json.loads(text[:-1]))
        except asyncio.IncompleteReadError:
            for f in self._answers.values():
                if not f.done():
                    f.set_exception(Gone("chromium ended:\n" +
                                         tail(self.log)))

    def _take(self, m):
        f = self._answers.pop(m.get("id"), None)
        if f and not f.done():
            if "error" in m:
                f.set_exception(RuntimeError(m["error"]["message"]))
            else:
                f.set_result(m["result"])
        what, p = m.get("method"), m.get("params", {})
        if what == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(p["exceptionDetails"])[:600])
        elif what == "Log.entryAdded" and p["entry"]["level"] == "error":
            self.problems.append("%s %s" % (p["entry"]["text"],
                                            p["entry"].get("url", "")))
        elif what == "Network.requestWillBeSent":
            self.requests.append(p["request"]["url"])

    async def send(self, method, timeout=25, **params):
        return await self._send(method, None, timeout, params)

    async def do(self, method, timeout=25, **params):
        """The same for the page."""
        return await self._send(method, self.session, timeout, params)

    async def _send(self, method, session, timeout, params):
        m = {"id": next(self._ids), "method": method, "params": params}
        if session:
            m["sessionId"] = session
        f = self._answers[m["id"]] = \
            asyncio.get_running_loop().create_future()
        self._out.write(json.dumps(m).encode() + b"\0")
        try:
            return await asyncio.wait_for(f, timeout)
        except asyncio.TimeoutError:
            raise TimeoutError("chromium: no answer to " + method) from None

    # ---- verbs ----------------------------------------------------------
    async def open(self, url):
        await self.do("Page.navigate", url=url)
        for _ in range(10 * PATIENCE):
            if await self.run("location.href !== 'about:blank' && "
                              "document.readyState === 'complete'"):
                return
            await asyncio.sleep(0.1)
        raise TimeoutError("%s does not load" % url)

    async def run(self, script):
        """The value of an expression in the page; promises are awaited."""
        r = await self.do("Runtime.evaluate", expression=script,
                          awaitPromise=True, returnByValue=True,
                          allowUnsafeEvalBlockedByCSP=True)
        if "exceptionDetails" in r:
            raise RuntimeError("%s: %s" % (script[:100], json.dumps(
                r["exceptionDetails"])[:600]))
        return r["result"].get("value")

    async def until(self, script, seconds=PATIENCE):
        """Waits until an expression is true."""
        for _ in range(int(seconds * 10)):
            try:
                v = await self.run(script)
            except RuntimeError:    # the page is being loaded again
                v = None
            if v:
                return v
            await asyncio.sleep(0.1)
        raise TimeoutError("not within %d s: %s; the page says: %s" % (
            seconds, script, (await self.text())[:1500]))

    async def text(self, selector="body"):
        return await self.run("document.querySelector(%s)?.innerText ?? ''"
                              % json.dumps(selector))

    async def size(self, width, height=900):
        await self.do("Emulation.setDeviceMetricsOverride", width=width,
                      height=height, deviceScaleFactor=1, mobile=False)

    async def colours(self, scheme):
        await self.do("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}])

    async def press(self, key):
        code = {"Enter": 13, "Escape": 27, "Tab": 9, " ": 32}.get(
            key, ord(key[0].upper()))
        more = {"text": "\r"} if key == "Enter" else \
            {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            await self.do("Input.dispatchKeyEvent", type=kind, key=key,
                          windowsVirtualKeyCode=code,
                          **(more if kind == "keyDown" else {}))

    async def picture(self, path, whole=False):
        """A PNG; whole: all of the page, not what is in the window."""
        more = {}
        if whole:
            size = (await self.do("Page.getLayoutMetrics"))["cssContentSize"]
            more = {"captureBeyondViewport": True,
                    "clip": dict(size, scale=1)}
        r = await self.do("Page.captureScreenshot", format="png", **more)
        with open(path, "wb") as f:
            f.write(base64.b64decode(r["data"]))

    async def axe(self):
        """What axe-core finds, one text a violation."""
        if not await self.run("typeof axe === 'object'"):
            with open(AXE) as f:
                await self.run(f.read() + ";0")
        return await self.run(
            "axe.run(document).then(r => r.violations.map(v => v.id + ': ' +"
            " v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary)"
            ".slice(0, 4).join(' | ')))")
