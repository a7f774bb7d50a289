"""presenceserver.py: Kamailio on 127.0.0.1:5060 as presence server (presence,
presence_xml, presence_dialoginfo) of whoever publishes there; and, where asked
to be, registrar of sip.test, where NAME has password NAME-pw."""
import glob
import os
import sqlite3

from peers.kamailio import lone_writer
from peers.proc import Proc, bound

CONFIG = r"""
debug=2
log_stderror=yes
children=1
auto_aliases=no
dns=no
rev_dns=no
dns_try_naptr=no
dns_srv_lb=off
listen=udp:127.0.0.1:5060
loadmodule "db_sqlite.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
loadmodule "presence_dialoginfo.so"
modparam("presence|presence_xml", "db_url", "sqlite:///%(db)s")
modparam("presence", "server_address", "sip:127.0.0.1:5060")
modparam("presence_xml", "force_active", 1)
modparam("presence", "send_fast_notify", 1)
modparam("presence", "subs_db_mode", 0)

request_route {
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops"); exit;
    }
    if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (!t_newtran()) { sl_reply_error(); exit; }
    if (is_method("PUBLISH")) { handle_publish(); exit; }
    if (is_method("SUBSCRIBE")) { handle_subscribe(); exit; }
    if (has_totag() && loose_route()) { t_relay(); exit; }
    t_reply("405", "Method Not Allowed");
}
"""
REGISTRAR = (r"""
alias="sip.test"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)

request_route {""", r"""
    if (is_method("REGISTER|PUBLISH")) {
        $var(pw) = $fU + "-pw";
        if (!pv_www_authenticate("sip.test", "$var(pw)", "0")) {
            www_challenge("sip.test", "1"); exit;
        }
    }
    if (is_method("REGISTER")) { save("location"); exit; }
    if (!t_newtran())""")
SCHEMA = "/usr/share/kamailio/db_sqlite/%s-create.sql"


class PresenceServer(Proc):
    def __init__(self, dir, registrar=False):
        text = CONFIG
        if registrar:
            text = text.replace("\nrequest_route {", REGISTRAR[0]).replace(
                "\n    if (!t_newtran())", REGISTRAR[1])
        db, conf, run = (os.path.join(dir, x) for x in (
            "presence.sqlite", "presence.cfg", "presence-run"))
        os.makedirs(run, exist_ok=True)
        with sqlite3.connect(db) as c:
            lone_writer(c)
            for name in ("standard", "presence"):
                with open(SCHEMA % name) as f:
                    c.executescript(f.read())
        with open(conf, "w") as f:
            f.write(text % {"db": db})
        super().__init__(dir, "presenceserver",
                         ["kamailio", "-DD", "-E", "-m", "64", "-M", "8",
                          "-f", conf, "-w", dir, "-Y", run])

    @staticmethod
    def installed():
        return bool(glob.glob("/usr/lib/*/kamailio/modules/presence_xml.so")
                    and glob.glob(SCHEMA % "presence"))

    async def run(self):
        self.start()
        await self.up(lambda: bound(5060))
        return self
