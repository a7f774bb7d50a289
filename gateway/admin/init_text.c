/* init_text.c: the files that "stoxd init" writes, with @GAPS@ in them. */
#include <string.h>
#include "init_int.h"

const char init_config[] =
    "# stoxd.conf, written by \"stoxd init\".  Only what differs from the\n"
    "# defaults stands here; every key is in stoxd.conf(5).\n"
    "\n"
    "[xmpp]\n"
    "# The gateway's own domain: 600@@COMPONENT@ is extension 600.\n"
    "component = @COMPONENT@\n"
    "@SERVER@"
    "secret = @SECRET@\n"
    "# Whose users may use the gateway.\n"
    "domains = @DOMAIN@\n"
    "\n"
    "@SIP@"
    "[trunk @PBX@]\n"
    "uri = @URI@\n"
    "@ACCEPT@"
    "@TRUNK@"
    "@MEDIA@"
    "\n"
    "# Who has which number, in both directions, for example:\n"
    "#[users]\n"
    "#alice@@DOMAIN@ = 2001\n"
    "\n"
    "# What is kept over a restart, and what ends calls after a crash:\n"
    "#[store]\n"
    "#path = /var/lib/stoxd/stoxd.db\n";

/* ---- XMPP servers ---- */

static const char prosody[] =
    "-- For Prosody, written by \"stoxd init\": the gateway's component.\n"
    "-- Prosody has no TLS towards components and hears them on\n"
    "-- 127.0.0.1:5347 unless component_ports and component_interfaces say\n"
    "-- otherwise.\n"
    "Component \"@COMPONENT@\"\n"
    "\tcomponent_secret = \"@SECRET@\"\n"
    "\t-- a connection that died with its network gives way to the new one\n"
    "\tcomponent_conflict_resolve = \"kick_old\"\n";

static const char prosody_next[] =
    "  Prosody: put @DIR@/prosody-stoxd.cfg.lua where prosody.cfg.lua\n"
    "    includes it, and restart Prosody:\n"
    "      install -g prosody -m 640 @DIR@/prosody-stoxd.cfg.lua "
    "/etc/prosody/conf.d/\n"
    "      systemctl restart prosody\n";

static const char ejabberd[] =
    "# For ejabberd, written by \"stoxd init\": an entry of the list "
    "\"listen\".\n"
    "listen:\n"
    "  -\n"
    "    port: @SERVERPORT@\n"
    "    ip: \"@BIND@\"\n"
    "    module: ejabberd_service\n"
    "    access: all\n"
    "    shaper: none\n"
    "@EJABBERDTLS@"
    "    hosts:\n"
    "      \"@COMPONENT@\":\n"
    "        password: \"@SECRET@\"\n";

static const char ejabberd_next[] =
    "  ejabberd: put the entry of @DIR@/ejabberd-stoxd.yml into the list\n"
    "    \"listen\" of ejabberd.yml, or include the file as a whole:\n"
    "      install -g ejabberd -m 640 @DIR@/ejabberd-stoxd.yml "
    "/etc/ejabberd/\n"
    "      include_config_file:          # in ejabberd.yml\n"
    "        /etc/ejabberd/ejabberd-stoxd.yml:\n"
    "          allow_only: [listen]\n"
    "    and: ejabberdctl reload_config\n";

static const char mongooseim[] =
    "# For MongooseIM, written by \"stoxd init\": add to mongooseim.toml.\n"
    "# Before version 6.4 the first line is [[listen.service]].\n"
    "[[listen.component]]\n"
    "  port = @SERVERPORT@\n"
    "  ip_address = \"@BIND@\"\n"
    "  access = \"all\"\n"
    "  password = \"@SECRET@\"\n"
    "  # a connection that died with its network gives way to the new one\n"
    "  conflict_behaviour = \"kick_old\"\n";

static const char mongooseim_next[] =
    "  MongooseIM: add @DIR@/mongooseim-stoxd.toml to mongooseim.toml, take\n"
    "    mod_jingle_sip out of [modules], and restart MongooseIM.\n";

const struct init_kind init_servers[] = {
    {"prosody",
     "Prosody",
     "127.0.0.1:5347",
     {{"prosody-stoxd.cfg.lua", prosody}},
     prosody_next,
     NULL},
    {"ejabberd",
     "ejabberd",
     "127.0.0.1:5347",
     {{"ejabberd-stoxd.yml", ejabberd}},
     ejabberd_next,
     NULL},
    {"mongooseim",
     "MongooseIM",
     "127.0.0.1:8888",
     {{"mongooseim-stoxd.toml", mongooseim}},
     mongooseim_next,
     NULL},
    {.name = NULL},
};

/* ---- PBXes ---- */

static const char asterisk[] =
    "; For Asterisk, written by \"stoxd init\": #include it in pjsip.conf.\n"
    "[stoxd]\n"
    "type=endpoint\n"
    "context=from-stoxd\n"
    "disallow=all\n"
    "allow=opus,g722,ulaw,alaw\n"
    "aors=stoxd\n"
    "auth=stoxd\n"
    "direct_media=no\n"
    "dtmf_mode=rfc4733\n"
    "trust_id_inbound=yes\n"
    "send_pai=yes\n"
    "\n"
    "[stoxd]\n"
    "type=auth\n"
    "auth_type=userpass\n"
    "username=stoxd\n"
    "password=@PASSWORD@\n"
    "\n"
    "[stoxd]\n"
    "type=aor\n"
    "contact=sip:@OURS@\n"
    "qualify_frequency=30\n"
    "\n"
    "[stoxd]\n"
    "type=identify\n"
    "endpoint=stoxd\n"
    "@IDENTIFY@";

static const char asterisk_dialplan[] =
    "; For Asterisk, written by \"stoxd init\": #include it in "
    "extensions.conf.\n"
    "[from-stoxd]\n"
    "; what XMPP users may dial: the context of your telephones\n"
    "include => default\n"
    "\n"
    "[to-stoxd]\n"
    "; include this context where your telephones dial: 8 and a number of\n"
    "; [users] in stoxd.conf, or a user's name; FILTER, for \"&\" in what\n"
    "; was dialled would call another besides\n"
    "exten => _8X.,1,Dial(PJSIP/${FILTER(0-9,${EXTEN:1})}@stoxd,60)\n"
    "exten => _[a-z].,1,Dial(PJSIP/${FILTER(a-z0-9._\\-,${EXTEN})}"
    "@stoxd,60)\n";

static const char asterisk_next[] =
    "  Asterisk: install both files, set the contexts in the second, and "
    "reload:\n"
    "      install -g asterisk -m 640 @DIR@/pjsip-stoxd.conf "
    "@DIR@/extensions-stoxd.conf /etc/asterisk/\n"
    "      #include pjsip-stoxd.conf            ; in pjsip.conf\n"
    "      #include extensions-stoxd.conf       ; in extensions.conf\n"
    "      asterisk -rx 'core reload'\n";

static const char freeswitch[] =
    "<!-- For FreeSWITCH, written by \"stoxd init\": "
    "conf/sip_profiles/external/stoxd.xml.\n"
    "     A dialplan calls a user with bridge "
    "sofia/gateway/stoxd/alice -->\n"
    "<include>\n"
    "  <gateway name=\"stoxd\">\n"
    "    <param name=\"proxy\" value=\"@OURS@\"/>\n"
    "    <param name=\"realm\" value=\"@COMPONENT@\"/>\n"
    "    <param name=\"register\" value=\"false\"/>\n"
    "    <param name=\"username\" value=\"freeswitch\"/>\n"
    "    <param name=\"password\" value=\"not-used\"/>\n"
    "    <param name=\"caller-id-in-from\" value=\"true\"/>\n"
    "    <param name=\"ping\" value=\"30\"/>\n"
    "  </gateway>\n"
    "</include>\n";

static const char freeswitch_dialplan[] =
    "<!-- For FreeSWITCH, written by \"stoxd init\": "
    "conf/dialplan/default/stoxd.xml.\n"
    "     Telephones dial 8 and a number of [users] in stoxd.conf, or a "
    "user's name. -->\n"
    "<include>\n"
    "  <extension name=\"to-stoxd\">\n"
    "    <condition field=\"destination_number\" "
    "expression=\"^(?:8(\\d+)|([a-z][a-z0-9._-]*))$\">\n"
    "      <action application=\"bridge\" "
    "data=\"sofia/gateway/stoxd/$1$2\"/>\n"
    "    </condition>\n"
    "  </extension>\n"
    "</include>\n";

static const char freeswitch_in[] =
    "<!-- For FreeSWITCH, written by \"stoxd init\": "
    "conf/dialplan/public/stoxd.xml.\n"
    "     Calls of XMPP users come in here, known by the gateway's address.\n"
    "     Set what they may dial. -->\n"
    "<include>\n"
    "  <extension name=\"from-stoxd\">\n"
    "    <condition field=\"network_addr\" "
    "expression=\"^@OURHOSTRE@$\"/>\n"
    "    <condition field=\"destination_number\" "
    "expression=\"^(\\d{2,6})$\">\n"
    "      <action application=\"transfer\" data=\"$1 XML default\"/>\n"
    "    </condition>\n"
    "  </extension>\n"
    "</include>\n";

static const char freeswitch_next[] =
    "  FreeSWITCH: install the three files and reload:\n"
    "      cd @DIR@ && install -g freeswitch -m 640 "
    "freeswitch-gateway.xml "
    "/etc/freeswitch/sip_profiles/external/stoxd.xml\n"
    "      cd @DIR@ && install -g freeswitch -m 640 "
    "freeswitch-default.xml /etc/freeswitch/dialplan/default/stoxd.xml\n"
    "      cd @DIR@ && install -g freeswitch -m 640 "
    "freeswitch-public.xml /etc/freeswitch/dialplan/public/stoxd.xml\n"
    "      fs_cli -x reloadxml; fs_cli -x 'sofia profile external rescan'\n";

static const char kamailio[] =
    "# For Kamailio, written by \"stoxd init\": include_file it at the end "
    "of\n"
    "# kamailio.cfg.  In request_route, after requests within dialogs are "
    "gone\n"
    "# (WITHINDLG):  route(STOXD_IN);  before your users are asked for "
    "passwords,\n"
    "# and  route(STOXD_OUT);  after it.  It needs tm, rr, sl, textops and\n"
    "# registrar.\n"
    "\n"
    "# from the gateway, known by its address: to your telephones\n"
    "route[STOXD_IN] {\n"
    "\tif (!(@FROMOURS@)) return;\n"
    "\tif (is_method(\"REGISTER|PUBLISH\")) {\n"
    "\t\tsl_send_reply(\"405\", \"Method Not Allowed\");\n"
    "\t\texit;\n"
    "\t}\n"
    "\tif ($rU == $null) {\n"
    "\t\tsl_send_reply(\"200\", \"OK\");\n"
    "\t\texit;\n"
    "\t}\n"
    "\tif (is_method(\"INVITE|SUBSCRIBE\")) record_route();\n"
    "\tif (!lookup(\"location\")) {\n"
    "\t\tsl_send_reply(\"404\", \"Not Found\");\n"
    "\t\texit;\n"
    "\t}\n"
    "\tif (!t_relay()) sl_reply_error();\n"
    "\texit;\n"
    "}\n"
    "\n"
    "# to the gateway: its domain, or 8 and a number of [users] in "
    "stoxd.conf\n"
    "route[STOXD_OUT] {\n"
    "\tif (!is_method(\"INVITE|MESSAGE|SUBSCRIBE\")) return;\n"
    "\tif ($rd != \"@COMPONENT@\") {\n"
    "\t\tif (!($rU =~ \"^8[0-9]+$\")) return;\n"
    "\t\tstrip(1);\n"
    "\t}\n"
    "\tif (is_method(\"INVITE|SUBSCRIBE\")) record_route();\n"
    "\t$du = \"sip:@OURS@\";\n"
    "\tif (!t_relay()) sl_reply_error();\n"
    "\texit;\n"
    "}\n";

static const char kamailio_next[] =
    "  Kamailio: install the file, name it and call its two routes, as its "
    "first\n"
    "    lines say, and restart Kamailio:\n"
    "      install -g kamailio -m 640 @DIR@/kamailio-stoxd.cfg "
    "/etc/kamailio/\n"
    "      include_file \"kamailio-stoxd.cfg\"     # at the end of "
    "kamailio.cfg\n"
    "      systemctl restart kamailio\n";

static const char trunk_next[] = "  Provider: it must know @OURS@ (SIP, UDP "
				 "and TCP) as the place where you\n"
				 "    take calls, unless you log in there.\n";

const struct init_kind init_pbxes[] = {
    {"asterisk",
     "Asterisk",
     "5060",
     {{"pjsip-stoxd.conf", asterisk},
      {"extensions-stoxd.conf", asterisk_dialplan}},
     asterisk_next,
     "# what the PBX asks the gateway for\n"
     "username = stoxd\n"
     "password = @PASSWORD@\n"
     "# the PBX tells who calls, and is told\n"
     "trusted = yes\n"},
    {"freeswitch",
     "FreeSWITCH",
     "5080",
     {{"freeswitch-gateway.xml", freeswitch},
      {"freeswitch-default.xml", freeswitch_dialplan},
      {"freeswitch-public.xml", freeswitch_in}},
     freeswitch_next,
     "# the PBX tells who calls, and is told\n"
     "trusted = yes\n"},
    {"kamailio",
     "Kamailio",
     "5060",
     {{"kamailio-stoxd.cfg", kamailio}},
     kamailio_next,
     "@PHONES@"},
    {"trunk",
     "a provider's trunk",
     "5060",
     {{NULL, NULL}},
     trunk_next,
     "@LOGIN@"},
    {.name = NULL},
};

const struct init_kind *init_kind_find(const struct init_kind *table,
				       const char *name)
{
	for (; name && table->name; table++) {
		if (!strcmp(table->name, name))
			return table;
	}

	return NULL;
}

/* The word that text begins with, behind an '@'; its length with both. */
static const struct init_word *gap_at(const char *text, size_t *len,
				      const struct init_word *words)
{
	for (; words->name; words++) {
		const size_t n = strlen(words->name);

		if (!strncmp(text + 1, words->name, n) && text[n + 1] == '@') {
			*len = n + 2;
			return words;
		}
	}

	return NULL;
}

int init_expand(char **sp, const char *text, const struct init_word *words)
{
	struct mbuf *mb = mbuf_alloc(2048);
	int err = mb ? 0 : ENOMEM;

	while (!err && *text) {
		const struct init_word *w = NULL;
		size_t len = 1;

		if (*text == '@')
			w = gap_at(text, &len, words);
		if (w)
			err = mbuf_write_str(mb, w->value);
		else
			err = mbuf_write_u8(mb, (uint8_t)*text);
		text += len;
	}

	if (!err) {
		mb->pos = 0;
		err = mbuf_strdup(mb, sp, mb->end);
	}
	mem_deref(mb);

	return err;
}
