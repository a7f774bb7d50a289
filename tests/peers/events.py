"""events.py: what happened to a client, as a list that a test waits on."""
import asyncio
import time

from peers.proc import PATIENCE, taken, woken


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

    async def wait(self, type, timeout=PATIENCE, **match):
        """Takes the first event of that type (and those values)."""
        return await woken(
            self._wake, lambda: taken(self.events, lambda e: (
                e["type"] == type and all(e.get(k) == v for k, v
                                          in match.items()))), timeout,
            lambda: "%s %s at %s; %s" % (type, match or "", self.boundjid,
                                         self.summary()))
