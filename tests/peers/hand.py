#!/usr/bin/python3
"""hand.py open URI | show BUTTON | press BUTTON: what the user of a Dino does.
A URI is opened by Dino's own interface on the session bus; buttons are found
and pressed by the accessibility bus, to which GTK tells every widget.  Waits
for a button, PATIENCE seconds at most."""
import sys
import time

from gi.repository import Gio, GLib

PATIENCE = 15       # s
ANSWER = 5000       # ms, of Dino to one question
A11Y = "org.a11y.atspi."
ROOT = (A11Y + "Registry", "/org/a11y/atspi/accessible/root")
PUSH_BUTTON = 43    # a role, a state, coordinates: numbers of AT-SPI
SENSITIVE = 24
IN_WINDOW = 1
# What has neither text nor description is named after its class.
MAIN, CALL, PLAIN = "DinoUiMainWindow", "DinoUiCallWindow", "GtkButton"


class Bus:
    def __init__(self, conn):
        self.conn = conn

    def ask(self, o, interface, method, *args):
        return self.conn.call_sync(
            o[0], o[1], interface, method, GLib.Variant(*args) if args
            else None, None, Gio.DBusCallFlags.NONE, ANSWER, None).unpack()

    def name(self, o):
        return self.ask(o, "org.freedesktop.DBus.Properties", "Get", "(ss)",
                        (A11Y + "Accessible", "Name"))[0]

    def children(self, o):
        return self.ask(o, A11Y + "Accessible", "GetChildren")[0]

    def actions(self, o):
        return [a[0] for a in self.ask(o, A11Y + "Action", "GetActions")[0]]

    def usable(self, o):
        """Does it take room in its window, and a click?"""
        width = self.ask(o, A11Y + "Component", "GetExtents", "(u)",
                         (IN_WINDOW,))
        states = self.ask(o, A11Y + "Accessible", "GetState")[0]
        return width[0][2] > 0 and states[0] >> SENSITIVE & 1

    def buttons(self, o):
        """Those below o in the order of the screen."""
        if self.ask(o, A11Y + "Accessible", "GetRole")[0] == PUSH_BUTTON:
            yield o
        for child in self.children(o):
            yield from self.buttons(child)

    def windows(self, name):
        return [w for app in self.children(ROOT) for w in self.children(app)
                if self.name(w) == name]


def session():
    return Bus(Gio.bus_get_sync(Gio.BusType.SESSION))


def accessibility():
    address = session().ask(("org.a11y.Bus", "/org/a11y/bus"),
                            "org.a11y.Bus", "GetAddress")[0]
    return Bus(Gio.DBusConnection.new_for_address_sync(
        address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None))


def call_button(bus):
    """The telephone in the title bar; its menu's entries are its actions."""
    return [(b, "call.audio") for w in bus.windows(MAIN)
            for b in bus.buttons(w) if "call.audio" in bus.actions(b)]


def round_button(nth):
    """Below in a call's window: microphone, camera, end."""
    def find(bus):
        found = [(b, "Click") for w in bus.windows(CALL)
                 for b in bus.buttons(w) if bus.name(b) == PLAIN]
        return found[nth:nth + 1 or None] if len(found) >= 3 else []
    return find


BUTTONS = {"call": call_button, "mute": round_button(0),
           "end": round_button(-1)}


def find(bus, button):
    """(widget, number of its action), or None."""
    for b, action in BUTTONS[button](bus):
        if bus.usable(b):
            return b, bus.actions(b).index(action)
    return None


def wait(button, press):
    end, why, bus, found = time.monotonic() + PATIENCE, "", None, None
    while not found and time.monotonic() < end:
        try:
            bus = bus or accessibility()
            found = find(bus, button)
        except GLib.Error as e:     # it is not there yet, or changes
            why = ": " + e.message
        if not found:
            time.sleep(0.1)
    if not found:
        sys.exit("Dino shows no button %s%s" % (button, why))
    if press and not bus.ask(found[0], A11Y + "Action", "DoAction", "(i)",
                             (found[1],))[0]:
        sys.exit("Dino does not take button %s" % button)


def main(verb, what):
    if verb == "open":
        session().ask(("im.dino.Dino", "/im/dino/Dino"),
                      "org.freedesktop.Application", "Open", "(asa{sv})",
                      ([what], {}))
    else:
        wait(what, verb == "press")


main(*sys.argv[1:])
