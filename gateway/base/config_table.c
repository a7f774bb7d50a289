/* config_table.c: every key of the configuration, a row each. */
#include "config_int.h"

#include <string.h>

#define XMPP(f)	 offsetof(struct config_xmpp, f)
#define SIP(f)	 offsetof(struct config_sip, f)
#define TRUNK(f) offsetof(struct config_trunk, f)
#define MEDIA(f) offsetof(struct config_media, f)
#define CHAT(f)	 offsetof(struct config_chat, f)
#define PLAN(f)	 offsetof(struct config_plan, f)
#define CONF(f)	 offsetof(struct config, f)

/* Behind a key: it holds as it was when the process started. */
#define FIXED .fixed = true

#define KEY(key, kind, at, def, ...)                                          \
	{                                                                     \
		.name = key, .type = &config_type_##kind, .offset = at,       \
		.dflt = def, __VA_ARGS__                                      \
	}
#define KEY2(key, kind, at, at2, def, ...)                                    \
	{                                                                     \
		.name = key, .type = &config_type_##kind, .offset = at,       \
		.offset2 = at2, .dflt = def, __VA_ARGS__                      \
	}
#define MUST(key, kind, at, ...)                                              \
	{                                                                     \
		.name = key, .type = &config_type_##kind, .offset = at,       \
		.dflt = "", .required = true, __VA_ARGS__                     \
	}
#define MUST2(key, kind, at, at2, ...)                                        \
	{                                                                     \
		.name = key, .type = &config_type_##kind, .offset = at,       \
		.offset2 = at2, .dflt = "", .required = true, __VA_ARGS__     \
	}
#define WORD(key, at, list, def)                                              \
	{                                                                     \
		.name = key, .type = &config_type_enum, .offset = at,         \
		.words = list, .dflt = def                                    \
	}
#define NUMBER(key, at, def, lo, hi, ...)                                     \
	{                                                                     \
		.name = key, .type = &config_type_number, .offset = at,       \
		.dflt = def, .min = lo, .max = hi, __VA_ARGS__                \
	}

static const struct config_key xmpp_keys[] = {
    MUST("component", domain, XMPP(component), FIXED),
    KEY2("server", server, XMPP(server), XMPP(port), "127.0.0.1:5347", FIXED),
    KEY("secret", secret, XMPP(secret), ""),
    KEY("secret_file", secret_file, XMPP(secret), ""),
    KEY("tls", bool, XMPP(tls), "no", FIXED),
    KEY("tls_ca", file, XMPP(tls_ca), "", FIXED),
    KEY("tls_name", text, XMPP(tls_name), "", FIXED),
    KEY("allow_plain", bool, XMPP(allow_plain), "no", FIXED),
    MUST2("domains", domains, XMPP(domains), XMPP(domainc)),
    KEY2("admin_addresses", words, XMPP(admins), XMPP(adminc), "", FIXED),
    KEY2("support_addresses", words, XMPP(support), XMPP(supportc), "", FIXED),
    KEY("sms", bool, XMPP(sms), "no", FIXED),
};

static const struct config_key sip_keys[] = {
    KEY2("listen", listen, SIP(listen), SIP(listenc),
	 "udp:0.0.0.0:5060, tcp:0.0.0.0:5060", FIXED),
    KEY("certificate", file, SIP(cert), ""),
    KEY("key", file, SIP(key), ""),
    KEY2("public_address", addrs, SIP(public4), SIP(public6), "", FIXED),
    KEY("user_agent", text, SIP(user_agent), "stoxd", FIXED),
};

/* protocol F.2 */
static const struct config_word media_words[] = {
    {"auto", CONFIG_AUTO}, {"avp", CONFIG_AVP},	   {"osrtp", CONFIG_OSRTP},
    {"sdes", CONFIG_SDES}, {"dtls", CONFIG_LATER}, {NULL, 0},
};
static const struct config_word dtmf_words[] = {
    {"rfc4733", CONFIG_RFC4733},
    {"info", CONFIG_INFO},
    {NULL, 0},
};
static const struct config_word early_words[] = {
    {"off", CONFIG_EARLY_OFF},
    {"connect", CONFIG_EARLY_CONNECT},
    {NULL, 0},
};
static const struct config_word latch_words[] = {
    {"restricted", CONFIG_LATCH_RESTRICTED},
    {"off", CONFIG_LATCH_OFF},
    {"any", CONFIG_LATCH_ANY},
    {NULL, 0},
};
static const struct config_word decline_words[] = {
    {"603", 603},
    {"486", 486},
    {"480", 480},
    {NULL, 0},
};
static const struct config_word presence_words[] = {
    {"yes", CONFIG_PRESENCE_YES},
    {"synthetic", CONFIG_PRESENCE_SYNTHETIC},
    {"no", CONFIG_PRESENCE_NO},
    {NULL, 0},
};
static const struct config_word no_presence_words[] = {
    {"synthetic", false},
    {"strict", true},
    {NULL, 0},
};
static const struct config_word closed_words[] = {
    {"unavailable", false},
    {"xa", true},
    {NULL, 0},
};
static const struct config_word addressing_words[] = {
    {"auto", CONFIG_ADDR_AUTO},
    {"escaped", CONFIG_ADDR_ESCAPED},
    {"trunk", CONFIG_ADDR_TRUNK},
    {"domain", CONFIG_ADDR_DOMAIN},
    {NULL, 0},
};

static const struct config_word dial_words[] = {
    {"unchanged", CONFIG_DIAL_UNCHANGED},
    {"e164", CONFIG_DIAL_E164},
    {"digits", CONFIG_DIAL_DIGITS},
    {"international", CONFIG_DIAL_INTERNATIONAL},
    {"national", CONFIG_DIAL_NATIONAL},
    {NULL, 0},
};
static const struct config_word pai_words[] = {
    {"auto", CONFIG_PAI_AUTO},
    {"yes", CONFIG_PAI_YES},
    {"no", CONFIG_PAI_NO},
    {NULL, 0},
};
static const struct config_word scheme_words[] = {
    {"sip", false},
    {"tel", true},
    {NULL, 0},
};
static const struct config_word identity_words[] = {
    {"pai", CONFIG_IDENTITY_PAI},
    {"from", CONFIG_IDENTITY_FROM},
    {NULL, 0},
};

static const struct config_key trunk_keys[] = {
    MUST("uri", uri, TRUNK(uri)),
    KEY("username", text, TRUNK(username), ""),
    KEY("password", secret, TRUNK(password), ""),
    KEY("password_file", secret_file, TRUNK(password), ""),
    KEY("auth_realm", text, TRUNK(auth_realm), ""),
    KEY("register", bool, TRUNK(reg), "no"),
    KEY("outbound_proxy", uri, TRUNK(outbound_proxy), ""),
    KEY2("accept_from", nets, TRUNK(accept_from), TRUNK(accept_fromc), ""),
    KEY("trusted", bool, TRUNK(trusted), "no"),
    KEY2("codecs", codecs, TRUNK(codecs), TRUNK(codecc),
	 "opus, g722, pcmu, pcma"),
    WORD("media", TRUNK(media), media_words, "auto"),
    KEY("sdes_over_plain", bool, TRUNK(sdes_over_plain), "no"),
    KEY2("media_from", nets, TRUNK(media_from), TRUNK(media_fromc), "auto"),
    KEY("listen", listen_ref, TRUNK(listen_text), ""),
    KEY("tcp", bool, TRUNK(tcp), "no"),
    KEY("tls_ca", file, TRUNK(tls_ca), ""),
    KEY("tls_name", text, TRUNK(tls_name), ""),
    KEY("tls_cert", file, TRUNK(tls_cert), ""),
    KEY("tls_key", file, TRUNK(tls_key), ""),
    WORD("dtmf", TRUNK(dtmf), dtmf_words, "rfc4733"),
    WORD("early_media", TRUNK(early_media), early_words, "off"),
    WORD("latch", TRUNK(latch), latch_words, "restricted"),
    NUMBER("ring_timeout", TRUNK(ring_timeout), "180", 5, 3600),
    WORD("decline_code", TRUNK(decline_code), decline_words, "603"),
    WORD("addressing", TRUNK(addressing), addressing_words, "auto"),
    WORD("presence", TRUNK(presence), presence_words, "yes"),
    WORD("no_presence", TRUNK(strict), no_presence_words, "synthetic"),
    WORD("closed_means", TRUNK(closed_xa), closed_words, "unavailable"),
    KEY("blf", bool, TRUNK(blf), "no"),
    KEY("country", digits, TRUNK(numbers.country), ""),
    KEY("international", digits, TRUNK(numbers.international), "00"),
    KEY("national", digits, TRUNK(numbers.national), ""),
    KEY2("short_codes", words, TRUNK(numbers.shorts), TRUNK(numbers.shortc),
	 ""),
    NUMBER("short_digits", TRUNK(numbers.short_digits), "6", 0, 15),
    WORD("dial", TRUNK(dial), dial_words, "unchanged"),
    KEY("strip", text, TRUNK(strip), ""),
    KEY("add", text, TRUNK(add), ""),
    KEY("privacy_prefix", text, TRUNK(privacy_prefix), ""),
    KEY("caller_id", text, TRUNK(caller_id), ""),
    KEY("caller_name", text, TRUNK(caller_name), ""),
    KEY("privacy", bool, TRUNK(privacy), "no"),
    WORD("pai", TRUNK(pai), pai_words, "auto"),
    WORD("identity", TRUNK(identity), identity_words, "pai"),
    KEY("label", domain, TRUNK(label), ""),
    KEY("enum", domain, TRUNK(enum_zone), ""),
    WORD("uri_scheme", TRUNK(tel), scheme_words, "sip"),
    KEY2("users", words, TRUNK(may), TRUNK(mayc), ""),
    KEY("users_file", file, TRUNK(may_file), ""),
    KEY2("allow", dests, TRUNK(dests.allow), TRUNK(dests.allowc), ""),
    KEY2("deny", dests, TRUNK(dests.deny), TRUNK(dests.denyc), ""),
};

#define PER_PLAN(f) NUMBER(#f, PLAN(quota.f), "0", 0, 1000000)

static const struct config_key plan_keys[] = {
    MUST2("who", words, PLAN(who), PLAN(whoc)),
    KEY2("trunks", words, PLAN(trunks), PLAN(trunkc), ""),
    KEY("country", digits, PLAN(numbers.country), ""),
    KEY("international", digits, PLAN(numbers.international), "00"),
    KEY("national", digits, PLAN(numbers.national), ""),
    KEY2("short_codes", words, PLAN(numbers.shorts), PLAN(numbers.shortc), ""),
    NUMBER("short_digits", PLAN(numbers.short_digits), "6", 0, 15),
    KEY("caller_id", text, PLAN(caller_id), ""),
    KEY("caller_name", text, PLAN(caller_name), ""),
    KEY("privacy", bool, PLAN(privacy), "no"),
    KEY2("allow", dests, PLAN(dests.allow), PLAN(dests.allowc), ""),
    KEY2("deny", dests, PLAN(dests.deny), PLAN(dests.denyc), ""),
    NUMBER("calls", PLAN(calls), "0", 0, 100000),
    NUMBER("calls_per_minute", PLAN(per_minute), "0", 0, 100000),
    PER_PLAN(calls_per_hour),
    PER_PLAN(calls_per_day),
    PER_PLAN(minutes_per_hour),
    PER_PLAN(minutes_per_day),
};

static const struct config_key media_keys[] = {
    KEY2("address", addrs, MEDIA(addr4), MEDIA(addr6), "auto", FIXED),
    KEY2("public_address", addrs, MEDIA(public4), MEDIA(public6), "", FIXED),
    KEY2("ports", ports, MEDIA(port_min), MEDIA(port_max), "10000-19999",
	 FIXED),
    NUMBER("workers", MEDIA(workers), "0", 0, 256, FIXED),
    KEY("stun", hostport, MEDIA(stun), "", FIXED),
    KEY("turn", turn, MEDIA(turn), "", FIXED),
    KEY("dscp", dscp, MEDIA(dscp_audio), "EF", FIXED),
    KEY("dscp_sip", dscp, MEDIA(dscp_sip), "CS3", FIXED),
};

static const struct config_word oversize_words[] = {
    {"reject", CONFIG_OVERSIZE_REJECT},
    {"split", CONFIG_OVERSIZE_SPLIT},
    {"tcp", CONFIG_OVERSIZE_TCP},
    {NULL, 0},
};

static const struct config_key chat_keys[] = {
    KEY("strict_type", bool, CHAT(strict_type), "no"),
    WORD("oversize", CHAT(oversize), oversize_words, "reject"),
    KEY("reactions", bool, CHAT(reactions), "no"),
    NUMBER("queue", CHAT(queue), "50", 1, 10000),
    NUMBER("ttl", CHAT(ttl), "60", 1, 3600),
};

static const struct config_key admin_keys[] = {
    KEY("socket", path, CONF(admin_socket), "/run/stoxd/stoxd.sock", FIXED),
    KEY("socket_group", text, CONF(admin_group), "", FIXED),
    KEY2("admins", words, CONF(admins), CONF(adminc), ""),
    KEY("http", bind, CONF(admin_http), "", FIXED),
    KEY("read_token_file", token_file, CONF(read_token), ""),
    KEY("write_token_file", token_file, CONF(write_token), ""),
};

static const struct config_key store_keys[] = {
    KEY("path", place, offsetof(struct config_store, path), "", FIXED),
    KEY("key_file", place, offsetof(struct config_store, key_file), "", FIXED),
};

#define RECORDS(f) offsetof(struct config_records, f)

static const struct config_key records_keys[] = {
    KEY("csv", place, RECORDS(csv), "", FIXED),
    KEY("sqlite", place, RECORDS(sqlite), "", FIXED),
    NUMBER("rotate", RECORDS(rotate), "64", 0, 100000, FIXED),
    NUMBER("rotate_days", RECORDS(rotate_days), "0", 0, 3650, FIXED),
    NUMBER("keep", RECORDS(keep), "12", 0, 1000, FIXED),
    NUMBER("keep_days", RECORDS(keep_days), "0", 0, 36500, FIXED),
};

static const struct config_word missed_words[] = {
    {"accounts", CONFIG_MISSED_ACCOUNTS},
    {"all", CONFIG_MISSED_ALL},
    {"off", CONFIG_MISSED_OFF},
    {NULL, 0},
};

#define ACCOUNT(f) offsetof(struct config_account, f)

static const struct config_key account_keys[] = {
    KEY2("providers", words, ACCOUNT(providers), ACCOUNT(providerc), ""),
    KEY("like", text, ACCOUNT(like), ""),
    NUMBER("per_user", ACCOUNT(per_user), "4", 1, 100),
    NUMBER("register_rate", ACCOUNT(register_rate), "50", 1, 10000),
    NUMBER("register_wait", ACCOUNT(register_wait), "8", 1, 60),
    WORD("missed_calls", ACCOUNT(missed), missed_words, "accounts"),
    KEY("mwi", bool, ACCOUNT(mwi), "yes"),
    KEY("publish", bool, ACCOUNT(publish), "yes"),
    KEY("stay_registered", bool, ACCOUNT(stay), "yes"),
};

static const struct config_word level_words[] = {
    {"debug", 0}, /* enum log_level */
    {"info", 1},  {"warning", 2}, {"error", 3}, {NULL, 0},
};

static const struct config_word format_words[] = {
    {"text", 0}, /* enum log_format */
    {"journal", 1}, {"json", 2}, {"bare", 3}, {NULL, 0},
};

static const struct config_key log_keys[] = {
    WORD("level", CONF(log_level), level_words, "info"),
    KEY2("areas", words, CONF(log_areas), CONF(log_areac), ""),
    WORD("format", CONF(log_format), format_words, "text"),
    KEY("trace", bool, CONF(log_trace), "no"),
    NUMBER("trace_memory", CONF(log_trace_memory), "16", 0, 4096),
    KEY("hep", hep, CONF(log_hep), ""),
    NUMBER("hep_id", CONF(log_hep_id), "2001", 1, 2147483647),
};

#define PRESENCE(f, def, lo, hi)                                              \
	NUMBER(#f, offsetof(struct config_presence, f), def, lo, hi)

static const struct config_key presence_keys[] = {
    PRESENCE(expires, "3600", 10, 86400),
    PRESENCE(expires_min, "60", 1, 3600),
    PRESENCE(answer, "32", 1, 600),
    PRESENCE(grace, "60", 1, 3600),
    PRESENCE(retry, "60", 1, 3600),
    PRESENCE(retry_max, "3600", 1, 86400),
    PRESENCE(giveup, "300", 1, 86400),
    PRESENCE(spacing, "5", 1, 3600),
    PRESENCE(rate, "50", 1, 100000),
};

#define LIMIT(f, def, lo, hi, ...)                                            \
	NUMBER(#f, offsetof(struct config_limits, f), def, lo, hi, __VA_ARGS__)

#define QUOTA(f)                                                              \
	NUMBER(#f, offsetof(struct config_limits, quota.f), "0", 0, 1000000)

static const struct config_key limit_keys[] = {
    LIMIT(stanza_bytes, "262144", 10000, 16777216),
    LIMIT(stanza_depth, "32", 8, 1000),
    LIMIT(stanza_attrs, "64", 16, 1000),
    LIMIT(stanza_children, "4096", 64, 1000000),
    LIMIT(sip_tcp_bytes, "65536", 4096, 65536),
    LIMIT(sip_udp_bytes, "16384", 1500, 65535),
    LIMIT(sip_headers, "256", 32, 10000),
    LIMIT(sip_vias, "70", 1, 1000),
    LIMIT(sip_uri_bytes, "2048", 128, 8192),
    LIMIT(sdp_bytes, "32768", 1024, 32768),
    LIMIT(candidates, "64", 1, 64),
    LIMIT(codecs, "64", 1, 64),
    LIMIT(calls, "0", 0, 1000000),
    LIMIT(calls_per_jid, "4", 1, 100000),
    LIMIT(calls_per_trunk, "0", 0, 1000000),
    LIMIT(setup_burst, "5", 1, 100000),
    LIMIT(setup_refill_ms, "2000", 1, 3600000),
    LIMIT(setup_per_minute, "20", 1, 100000),
    QUOTA(calls_per_hour),
    QUOTA(calls_per_day),
    QUOTA(minutes_per_hour),
    QUOTA(minutes_per_day),
    LIMIT(half_open, "256", 1, 1000000),
    LIMIT(signalling_lag, "500", 0, 60000),
    LIMIT(media_lag, "400", 0, 60000),
    LIMIT(tcp_per_source, "16", 1, 65536),
    LIMIT(subscriptions_per_jid, "500", 1, 1000000),
    LIMIT(message_rate, "5", 1, 100000),
    LIMIT(message_burst, "30", 1, 100000),
    LIMIT(sip_source_rate, "10", 1, 1000000),
    LIMIT(sip_source_burst, "60", 1, 1000000),
    LIMIT(xmpp_queue_bytes, "8388608", 65536, 1073741824),
    LIMIT(tcp_queue_bytes, "8388608", 65536, 1073741824),
    LIMIT(waiting_bytes, "33554432", 65536, 1073741824),
    LIMIT(reconnect_min, "1", 1, 3600),
    LIMIT(reconnect_max, "30", 1, 3600),
    LIMIT(reconnect_conflict, "30", 1, 3600),
    LIMIT(xmpp_ping, "30", 5, 3600),
    LIMIT(xmpp_ping_timeout, "15", 1, 3600),
    LIMIT(xmpp_tcp_timeout, "15", 1, 3600),
    LIMIT(iq_timeout, "15", 1, 3600),
    LIMIT(datagram_in, "1600", 1300, 65535, FIXED), /* a flight of DTLS */
    LIMIT(datagram_out, "1500", 576, 65535, FIXED),
    LIMIT(rtp_timeout, "60", 5, 86400, FIXED),
    LIMIT(rtp_warn, "10", 1, 86400, FIXED),
    LIMIT(call_max, "14400", 60, 604800),
    LIMIT(drain_wait, "60", 0, 604800),
};

#define KEYS(list)  .keys = (list), .keyc = ARRAY_SIZE(list)
#define NAMED(kind) .size = sizeof(struct kind)
/* A member of struct config with keys; any keys, a line each. */
#define ONCE(member)  .naming = CONFIG_UNNAMED, .offset = CONF(member)
#define LINES(member) ONCE(member), .offset2 = CONF(member##c)

const struct config_kind config_kinds[] = {
    {.name = "xmpp",
     .naming = CONFIG_MAY_BE_NAMED,
     NAMED(config_xmpp),
     KEYS(xmpp_keys)},
    {.name = "sip", ONCE(sip), KEYS(sip_keys)},
    {.name = "trunk",
     .naming = CONFIG_NAMED,
     NAMED(config_trunk),
     KEYS(trunk_keys)},
    {.name = "route", LINES(route)},
    {.name = "plan",
     .naming = CONFIG_NAMED,
     NAMED(config_plan),
     KEYS(plan_keys)},
    {.name = "class", LINES(class)},
    {.name = "emergency", LINES(emergency)},
    {.name = "users", ONCE(users), .offset2 = CONF(userc)},
    {.name = "phonebook", LINES(phonebook)},
    {.name = "store", ONCE(store), KEYS(store_keys)},
    {.name = "records", ONCE(records), KEYS(records_keys)},
    {.name = "account", ONCE(account), KEYS(account_keys)},
    {.name = "media", ONCE(media), KEYS(media_keys)},
    {.name = "presence", ONCE(presence), KEYS(presence_keys)},
    {.name = "chat", ONCE(chat), KEYS(chat_keys)},
    {.name = "admin", .naming = CONFIG_UNNAMED, KEYS(admin_keys)},
    {.name = "log", .naming = CONFIG_UNNAMED, KEYS(log_keys)},
    {.name = "limits", ONCE(limits), KEYS(limit_keys)},
};
const size_t config_kindc = ARRAY_SIZE(config_kinds);

const struct config_key *config_key_find(const struct config_kind *kind,
					 const char *name)
{
	size_t i;

	for (i = 0; i < kind->keyc; i++) {
		if (0 == strcmp(kind->keys[i].name, name))
			return &kind->keys[i];
	}

	return NULL;
}
