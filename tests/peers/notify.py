#!/usr/bin/python3
"""notify.py [BUTTON]: a desktop's notification service (session bus) that
presses this button where a notification offers it, as Dino's of a call do
"accept" and "reject"."""
import sys

from gi.repository import Gio, GLib

NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"
XML = """<node><interface name="%s">
<method name="GetCapabilities"><arg type="as" direction="out"/></method>
<method name="Notify">
 <arg type="s" direction="in"/><arg type="u" direction="in"/>
 <arg type="s" direction="in"/><arg type="s" direction="in"/>
 <arg type="s" direction="in"/><arg type="as" direction="in"/>
 <arg type="a{sv}" direction="in"/><arg type="i" direction="in"/>
 <arg type="u" direction="out"/></method>
<method name="CloseNotification"><arg type="u" direction="in"/></method>
<method name="GetServerInformation">
 <arg type="s" direction="out"/><arg type="s" direction="out"/>
 <arg type="s" direction="out"/><arg type="s" direction="out"/></method>
<signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
<signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
</interface></node>""" % NAME
BUTTON = "".join(sys.argv[1:2])
count = 0


def press(conn, n):
    conn.emit_signal(None, PATH, NAME, "ActionInvoked",
                     GLib.Variant("(us)", (n, BUTTON)))
    return False


def called(conn, _sender, _path, _iface, method, params, answer):
    global count
    if method == "GetCapabilities":
        answer.return_value(GLib.Variant(
            "(as)", (["actions", "body", "persistence"],)))
    elif method == "GetServerInformation":
        answer.return_value(GLib.Variant("(ssss)",
                                         ("tests", "tests", "1", "1.2")))
    elif method == "Notify":
        count += 1
        summary, body, actions = params.unpack()[3:6]
        print(summary, body, actions, flush=True)
        answer.return_value(GLib.Variant("(u)", (count,)))
        if BUTTON in actions:
            GLib.timeout_add(300, press, conn, count)
    else:
        answer.return_value(None)


def acquired(conn, _name):
    conn.register_object(PATH, Gio.DBusNodeInfo.new_for_xml(XML)
                         .interfaces[0], called, None, None)


Gio.bus_own_name(Gio.BusType.SESSION, NAME, 0, acquired, None, None)
GLib.MainLoop().run()
