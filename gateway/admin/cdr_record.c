/* cdr_record.c: the fields of a call record, and how each kind is written. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "admin/cdr_int.h"
#include "admin/quality.h"
#include "base/text.h"

/* README and stoxd(8) name them: a new one goes to the end of its group, and
 * the files of before are moved away. */
const struct cdr_column cdr_columns[CDR_FIELDS] = {
    [CDR_ID] = {"id", CDR_TEXT},
    [CDR_START] = {"start", CDR_TIME},
    [CDR_END] = {"end", CDR_TIME},
    [CDR_DIRECTION] = {"direction", CDR_TEXT},
    [CDR_OUTCOME] = {"outcome", CDR_TEXT},
    [CDR_USER] = {"user", CDR_WORDS},
    [CDR_USER_SIP] = {"user_sip", CDR_WORDS},
    [CDR_PEER] = {"peer", CDR_WORDS},
    [CDR_PEER_JID] = {"peer_jid", CDR_WORDS},
    [CDR_PEER_NAME] = {"peer_name", CDR_WORDS},
    [CDR_TRUNK] = {"trunk", CDR_WORDS},
    [CDR_ROUTE] = {"route", CDR_WORDS},
    [CDR_DIVERTED] = {"diverted_by", CDR_WORDS},
    [CDR_RINGING] = {"ringing_ms", CDR_INT},
    [CDR_ANSWER] = {"answer_ms", CDR_INT},
    [CDR_MEDIA] = {"media_ms", CDR_INT},
    [CDR_DURATION] = {"duration_ms", CDR_INT},
    [CDR_ENDED_BY] = {"ended_by", CDR_TEXT},
    [CDR_SIP_CODE] = {"sip_code", CDR_INT},
    [CDR_Q850] = {"q850", CDR_INT},
    [CDR_REASON] = {"jingle_reason", CDR_TEXT},
    [CDR_CAUSE] = {"cause", CDR_WORDS},
    [CDR_CODEC] = {"codec", CDR_WORDS},
    [CDR_X_PACKETS] = {"xmpp_packets", CDR_INT},
    [CDR_X_LOST] = {"xmpp_lost", CDR_INT},
    [CDR_X_JITTER] = {"xmpp_jitter_ms", CDR_INT},
    [CDR_X_RTT] = {"xmpp_rtt_ms", CDR_INT},
    [CDR_X_MOS] = {"xmpp_mos", CDR_CENTI},
    [CDR_X_SENT] = {"xmpp_sent", CDR_INT},
    [CDR_S_PACKETS] = {"sip_packets", CDR_INT},
    [CDR_S_LOST] = {"sip_lost", CDR_INT},
    [CDR_S_JITTER] = {"sip_jitter_ms", CDR_INT},
    [CDR_S_RTT] = {"sip_rtt_ms", CDR_INT},
    [CDR_S_MOS] = {"sip_mos", CDR_CENTI},
    [CDR_S_SENT] = {"sip_sent", CDR_INT},
};

void cdr_draft_init(struct cdr_draft *d)
{
	memset(d, 0, sizeof(*d));
	for (size_t i = 0; i < CDR_FIELDS; i++)
		d->v[i] = CDR_NONE;
}

/* No control or line, nothing that is not UTF-8: a record is a line. */
static int clean_all(char *clean[CDR_FIELDS], const struct cdr_draft *d,
		     size_t *size)
{
	struct pl pl;
	int err;

	for (size_t i = 0; i < CDR_FIELDS; i++) {
		if (!d->text[i] || !d->text[i][0])
			continue;
		pl_set_str(&pl, d->text[i]);
		err = text_clean(&clean[i], &pl, CDR_TEXT_MAX);
		if (err)
			return err;
		*size += strlen(clean[i]) + 1;
	}

	return 0;
}

struct cdr_record *cdr_record_new(const struct cdr_draft *d)
{
	char *clean[CDR_FIELDS] = {NULL}, *p;
	struct cdr_record *r = NULL;
	size_t size = sizeof(*r), n;

	if (!clean_all(clean, d, &size))
		r = calloc(1, size);
	for (size_t i = 0; r && i < CDR_FIELDS; i++) {
		r->v[i] = d->v[i];
		if (!clean[i])
			continue;
		if (!r->size)
			r->size = sizeof(*r);
		p = (char *)r + r->size;
		n = strlen(clean[i]) + 1;
		memcpy(p, clean[i], n);
		r->text[i] = p;
		r->size += n;
	}
	if (r)
		r->size = size;
	for (size_t i = 0; i < CDR_FIELDS; i++)
		mem_deref(clean[i]);

	return r;
}

struct cdr_record *cdr_record_copy(const struct cdr_record *r)
{
	struct cdr_record *c = malloc(r->size);

	if (!c)
		return NULL;

	memcpy(c, r, r->size);
	c->next = NULL;
	for (size_t i = 0; i < CDR_FIELDS; i++) {
		if (r->text[i])
			c->text[i] = c->bytes + (r->text[i] - r->bytes);
	}

	return c;
}

unsigned cdr_loss(const struct media_count *c)
{
	const uint64_t all = c->rx_packets + c->rx_lost;

	return all ? (unsigned)(1000 * c->rx_lost / all) : 0;
}

unsigned cdr_mos(const char *codec, const struct media_count *c)
{
	enum { TENTH = 10 };

	return TENTH * quality_mos(codec ? codec : "", cdr_loss(c),
				   c->jitter_us / 1000, c->rtt_us / 1000);
}

void cdr_record_media(struct cdr_record *r, bool x,
		      const struct media_count *c)
{
	int64_t *v = &r->v[x ? CDR_X_PACKETS : CDR_S_PACKETS];

	v[CDR_X_PACKETS - CDR_X_PACKETS] = (int64_t)c->rx_packets;
	v[CDR_X_LOST - CDR_X_PACKETS] = (int64_t)c->rx_lost;
	v[CDR_X_SENT - CDR_X_PACKETS] = (int64_t)c->tx_packets;
	if (!c->rx_packets)
		return;

	v[CDR_X_JITTER - CDR_X_PACKETS] = c->jitter_us / 1000;
	v[CDR_X_MOS - CDR_X_PACKETS] = cdr_mos(r->text[CDR_CODEC], c);
	if (c->rtt_us)
		v[CDR_X_RTT - CDR_X_PACKETS] = c->rtt_us / 1000;
}

/* ISO 8601, UTC: sorts as text. */
void cdr_time_print(char buf[CDR_TIME_SIZE], int64_t ms)
{
	const time_t s = (time_t)(ms / 1000);
	struct tm tm;

	(void)gmtime_r(&s, &tm);
	(void)re_snprintf(buf, CDR_TIME_SIZE,
			  "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
			  tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			  tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms % 1000));
}

/* ---- CSV (RFC 4180, with "\n") ---- */

int cdr_header_print(struct re_printf *pf, const void *none)
{
	int err = 0;

	(void)none;
	for (size_t i = 0; i < CDR_FIELDS && !err; i++)
		err =
		    re_hprintf(pf, "%s%s", i ? "," : "", cdr_columns[i].name);

	return err ? err : re_hprintf(pf, "\n");
}

/* A spreadsheet takes what begins so for a formula: an apostrophe makes it a
 * text.  Addresses are written with their scheme and never need one. */
static bool is_formula(const char *s)
{
	return s[0] && strchr("=+-@", s[0]);
}

static int words_print(struct re_printf *pf, const char *s)
{
	int err = re_hprintf(pf, is_formula(s) ? "\"'" : "\"");

	for (; *s && !err; s++)
		err = *s == '"' ? pf->vph("\"\"", 2, pf->arg)
				: pf->vph(s, 1, pf->arg);

	return err ? err : re_hprintf(pf, "\"");
}

static int field_print(struct re_printf *pf, const struct cdr_record *r,
		       size_t i)
{
	char buf[CDR_TIME_SIZE];
	const int64_t n = r->v[i];

	switch (cdr_columns[i].kind) {
	case CDR_TEXT:
		return r->text[i] ? re_hprintf(pf, "%s", r->text[i]) : 0;
	case CDR_WORDS:
		return r->text[i] ? words_print(pf, r->text[i]) : 0;
	default:
		break;
	}

	if (n == CDR_NONE)
		return 0;
	if (cdr_columns[i].kind == CDR_CENTI)
		return re_hprintf(pf, "%lld.%02lld", (long long)n / 100,
				  (long long)n % 100);
	if (cdr_columns[i].kind == CDR_INT)
		return re_hprintf(pf, "%lld", (long long)n);

	cdr_time_print(buf, n);

	return re_hprintf(pf, "%s", buf);
}

int cdr_record_print(struct re_printf *pf, const struct cdr_record *r)
{
	int err = 0;

	for (size_t i = 0; i < CDR_FIELDS && !err; i++) {
		err = re_hprintf(pf, i ? "," : "");
		if (!err)
			err = field_print(pf, r, i);
	}

	return err ? err : re_hprintf(pf, "\n");
}

/* ---- for the command ---- */

static json_t *field_json(const struct cdr_record *r, size_t i)
{
	char buf[CDR_TIME_SIZE];

	switch (cdr_columns[i].kind) {
	case CDR_TEXT:
	case CDR_WORDS:
		return r->text[i] ? json_string(r->text[i]) : NULL;
	default:
		break;
	}

	if (r->v[i] == CDR_NONE)
		return NULL;
	if (cdr_columns[i].kind == CDR_CENTI)
		return json_real((double)r->v[i] / 100);
	if (cdr_columns[i].kind == CDR_INT)
		return json_integer(r->v[i]);

	cdr_time_print(buf, r->v[i]);

	return json_string(buf);
}

json_t *cdr_record_json(const struct cdr_record *r)
{
	json_t *j = json_object();

	for (size_t i = 0; j && i < CDR_FIELDS; i++) {
		json_t *v = field_json(r, i);

		if (v)
			(void)json_object_set_new(j, cdr_columns[i].name, v);
	}

	return j;
}

static bool has(const char *text, const char *what)
{
	return text && strstr(text, what);
}

/* "xmpp:alice@example.com/phone" is of alice@example.com. */
static bool is_of(const char *text, const char *jid)
{
	const size_t n = strlen(jid);
	const char *at = has(text, ":") ? strchr(text, ':') + 1 : text;

	return at && !strncmp(at, jid, n) && (!at[n] || at[n] == '/');
}

bool cdr_record_matches(const struct cdr_record *r, const struct cdr_filter *f)
{
	if (f->since && (uint64_t)r->v[CDR_START] < f->since)
		return false;
	if (f->jid && !is_of(r->text[CDR_USER], f->jid) &&
	    !is_of(r->text[CDR_PEER_JID], f->jid))
		return false;

	return !f->number || has(r->text[CDR_PEER], f->number) ||
	       has(r->text[CDR_PEER_JID], f->number) ||
	       has(r->text[CDR_USER_SIP], f->number);
}
