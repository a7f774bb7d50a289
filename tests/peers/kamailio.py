"""kamailio.py: Kamailio on loopback as registrar and proxy of sip.test.

Every NAME may register with password NAME-pw.  What is for xmpp.test goes to
the gateway at 127.0.0.1:5070; what comes from there proves itself as gw.
store: texts for who is not registered are kept until it is (msilo)."""
import glob
import os
import sqlite3

from peers.proc import Proc, bound

CONFIG = r"""
debug=2
log_stderror=yes
children=2
tcp_children=2
auto_aliases=no
dns=no
rev_dns=no
dns_try_naptr=no
dns_srv_lb=off
listen=udp:127.0.0.1:5060
listen=tcp:127.0.0.1:5060
alias="sip.test"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "sanity.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("rr", "append_fromtag", 1)
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 5)
modparam("auth", "nonce_expire", 300)

request_route {
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too Many Hops"); exit;
    }
    if (!sanity_check("1511", "7")) exit;
    if (is_method("OPTIONS") && uri == myself && $rU == $null) {
        sl_send_reply("200", "OK"); exit;
    }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (!is_method("ACK")) {
        if (t_precheck_trans()) { t_check_trans(); exit; }
        t_check_trans();
    }
    if (has_totag()) {
        if (loose_route()) t_relay();
        else if (is_method("ACK")) { if (t_check_trans()) t_relay(); }
        else sl_send_reply("404", "Not here");
        exit;
    }
    if (is_method("REGISTER")) {
        $var(pw) = $tU + "-pw";
        if (!pv_www_authenticate("sip.test", "$var(pw)", "0")) {
            www_challenge("sip.test", "1"); exit;
        }
        save("location"); exit;
    }
    $var(pw) = $fU + "-pw";
    if ($au == "gw") $var(pw) = "gwpass";
    if (!pv_proxy_authenticate("sip.test", "$var(pw)", "0")) {
        proxy_challenge("sip.test", "1"); exit;
    }
    consume_credentials();
    if (is_method("INVITE")) record_route();
    if ($rd == "xmpp.test") {
        $du = "sip:127.0.0.1:5070"; t_relay(); exit;
    }
    if (uri != myself) { sl_send_reply("403", "Not relaying"); exit; }
    if (!lookup("location")) { sl_send_reply("480", "Not here"); exit; }
    t_relay();
}
"""
STORE = {
    "\nchildren=2\n": "\nchildren=1\n",
    "\nrequest_route {": r"""
loadmodule "db_sqlite.so"
loadmodule "msilo.so"
modparam("msilo", "db_url", "sqlite:///%s")
modparam("msilo", "from_address", "sip:store@sip.test")
modparam("msilo", "outbound_proxy", "sip:127.0.0.1:5060")

request_route {""",
    # what it delivers comes back to itself, and proves nothing
    "    $var(pw) = $fU + \"-pw\";\n    if ($au":
    "    if ($si == \"127.0.0.1\" && $sp == 5060) {\n"
    "        if (lookup(\"location\")) t_relay(); exit;\n    }\n"
    "    $var(pw) = $fU + \"-pw\";\n    if ($au",
    'save("location"); exit;': 'if (save("location")) m_dump(); exit;',
    "if (!lookup(\"location\")) { sl":
    "if (!lookup(\"location\")) {\n"
    "        if (is_method(\"MESSAGE\") && m_store(\"sip:$rU@sip.test\")) {\n"
    "            sl_send_reply(\"202\", \"Accepted\"); exit;\n"
    "        }\n        sl",
}


def lone_writer(c):
    """Kamailio waits for no lock: "database is locked" is an answer of 500.
    So readers and a writer must not meet in c, and with one child no two
    writers do."""
    c.execute("PRAGMA journal_mode=WAL")


SCHEMA = "/usr/share/kamailio/db_sqlite/%s-create.sql"


class Kamailio(Proc):
    @staticmethod
    def stores():
        return bool(glob.glob("/usr/lib/*/kamailio/modules/msilo.so")
                    and glob.glob(SCHEMA % "msilo"))

    def __init__(self, dir, store=False):
        conf, run = (os.path.join(dir, x) for x in ("kamailio.cfg",
                                                    "kamailio-run"))
        os.makedirs(run, exist_ok=True)
        with open(conf, "w") as f:
            f.write(self._store(dir) if store else CONFIG)
        super().__init__(dir, "kamailio",
                         ["kamailio", "-DD", "-E", "-m", "64", "-M", "8",
                          "-f", conf, "-w", dir, "-Y", run])

    @staticmethod
    def _store(dir):
        db, text = os.path.join(dir, "store.sqlite"), CONFIG
        with sqlite3.connect(db) as c:
            lone_writer(c)
            for name in ("standard", "msilo"):
                with open(SCHEMA % name) as f:
                    c.executescript(f.read())
        for old, new in STORE.items():
            text = text.replace(old, new % db if "%s" in new else new)
        return text

    async def run(self):
        self.start()
        await self.up(lambda: bound(5060))
        return self
