"""events.py: what happened to a client, as a list that a test waits on."""
import asyncio
import time


class Events:
    """boundjid: for messages of failures."""
    boundjid = "client"

    def keep_events(self, log=None):
        self.events, self._log = [], log
        self._wake = asyncio.Event()

    def note(self, type, data):
        """For the log alone."""
        if self._log:
            with open(self._log, "a") as f:
                f.write("%.3f %s %s\n" % (time.time(), type, data))

    def say(self, type, **data):
        self.events.append(dict(data, type=type, t=time.monotonic()))
        self.note(type, data)
        self._wake.set()

    def summary(self):
        return "events: " + " ".join(
            e["type"] + "".join("/%s" % e[k] for k in (
                "kind", "action", "state", "condition") if k in e)
            for e in self.events[-25:])

    async def wait(self, type, timeout=10, **match):
        """Takes the first event of that type (and those values)."""
        end = time.monotonic() + timeout
        while True:
            for e in self.events:
                if e["type"] == type and all(e.get(k) == v for k, v
                                             in match.items()):
                    self.events.remove(e)
                    return e
            self._wake.clear()
            left = end - time.monotonic()
            try:
                await asyncio.wait_for(self._wake.wait(), max(left, 0.001))
            except asyncio.TimeoutError:
                if left <= 0:
                    raise TimeoutError("%s: no %s %s within %g s; %s" % (
                        self.boundjid, type, match or "", timeout,
                        self.summary())) from None
