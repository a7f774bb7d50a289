/* ladder.c: the messages of a call as a time line. */
#include "admin/ladder.h"
#include <stdarg.h>
#include <string.h>
#include "base/text.h"
#include "jingle/jingle.h"
#include "sip/scan.h"
#include "xmpp/xmldoc.h"

enum { LANE = 34 }; /* columns */

/* ---- what a message is ---- */

struct label {
	char *p;
	size_t len;
};

static int label_append(const char *p, size_t size, void *arg)
{
	struct label *l = arg;
	const size_t n = MIN(size, LADDER_LABEL_MAX - 1 - l->len);

	memcpy(l->p + l->len, p, n);
	l->len += n;

	return 0;
}

/* What does not fit is cut: re_snprintf() has all of a word, or nothing. */
static void label_print(char *label, const char *fmt, ...)
{
	struct label l = {label, 0};
	va_list ap;

	va_start(ap, fmt);
	(void)re_vhprintf(fmt, ap, label_append, &l);
	va_end(ap);
	label[l.len] = '\0';
}

static void label_clean(char *label)
{
	for (; *label; label++) {
		if (*label < ' ' || *label > '~')
			*label = '?';
	}
}

/* "Q.850" of a Reason header (RFC 3326 2), with what it says. */
static struct pl reason_of(const struct trace_entry *e)
{
	struct pl v = pl_null, type, cause = pl_null;

	if (re_regex(e->text, e->len, "\nReason:[ \t]*[^;\r\n]+;cause=[0-9]+",
		     NULL, &v, NULL))
		return pl_null;
	v.l = strcspn(v.p, "\r\n");
	if (v.l > 30)
		v.l = 30;
	if (re_regex(v.p, v.l, "[^;]+;cause=[0-9]+", &type, &cause))
		return pl_null;
	v.l = (size_t)(cause.p + cause.l - v.p);

	return v;
}

static const char *body_of(const struct sipscan *s)
{
	const struct pl *type = &s->first[SCAN_CONTENT_TYPE];

	if (!s->body.l)
		return "";

	return re_regex(type->p, type->l, "application/sdp") ? " (body)"
							     : " (SDP)";
}

static void label_sip(char *label, const struct trace_entry *e)
{
	struct pl method = pl_null, line = {e->text, e->len}, why;
	struct sipscan s;

	if (sipscan_decode(&s, e->text, e->len)) {
		label_print(label, "not SIP");
		return;
	}

	(void)re_regex(s.first[SCAN_CSEQ].p, s.first[SCAN_CSEQ].l,
		       "[0-9]+[ \t]+[A-Z]+", NULL, NULL, &method);
	if (s.req) {
		method = s.method;
		why = reason_of(e);
		label_print(label, "%r%s%s%r", &method, body_of(&s),
			    why.l ? " " : "", &why);
		return;
	}

	line.l = strcspn(e->text, "\r\n");
	if (line.l > s.version.l)
		pl_advance(&line, (ssize_t)s.version.l + 1);
	if (!pl_strcmp(&method, "INVITE"))
		method.l = 0;
	label_print(label, "%r%s%r%s", &line, method.l ? " " : "", &method,
		    body_of(&s));
}

static void label_jingle(char *label, const struct stanza *j)
{
	const char *action = stanza_attr(j, "action");
	const struct stanza *reason = stanza_child(j, "reason", NS_JINGLE);
	const struct stanza *what =
	    reason ? stanza_child(reason, NULL, NS_JINGLE) : NULL;

	if (!what && action && !strcmp(action, "session-info"))
		what = stanza_child(j, NULL, NULL);
	label_print(label, "%s%s%s%s", action ? action : "jingle",
		    what ? " (" : "", what ? what->name : "", what ? ")" : "");
}

static void label_stanza(char *label, const struct stanza *st)
{
	const char *type = stanza_attr(st, "type");
	const struct stanza *e;

	if (type && !strcmp(type, "error")) {
		label_print(label, "%s error", st->name);
		return;
	}
	e = stanza_child(st, NULL, NS_JMI);
	if (e) {
		label_print(label, "%s", e->name);
		return;
	}
	e = stanza_child(st, "jingle", NS_JINGLE);
	if (e) {
		label_jingle(label, e);
		return;
	}
	e = stanza_child(st, NULL, NULL);
	label_print(label, "%s%s%s%s%s", st->name, type ? " " : "",
		    type ? type : "", e ? " " : "", e ? e->name : "");
}

static void label_xmpp(char *label, const struct trace_entry *e)
{
	struct stanza *st = NULL;

	if (xmldoc_decode(&st, e->text, e->len)) {
		label_print(label, "a stanza");
		return;
	}
	label_stanza(label, st);
	stanza_free(st);
}

void ladder_label(char label[LADDER_LABEL_MAX], const struct trace_entry *e)
{
	const struct pl text = {e->text, e->len};

	if (e->kind == TRACE_SIP)
		label_sip(label, e);
	else if (e->kind == TRACE_XMPP)
		label_xmpp(label, e);
	else
		label_print(label, "%r", &text);
	label_clean(label);
}

/* ---- lines ---- */

int ladder_head_print(struct re_printf *pf, void *unused)
{
	(void)unused;

	char line[2 * LANE + 3] = "";

	memset(line, ' ', sizeof(line) - 1);
	memcpy(line, "XMPP", 4);
	memcpy(line + LANE - 2, "stoxd", 5);
	memcpy(line + sizeof(line) - 4, "SIP", 4);

	return re_hprintf(pf, "       s  %s\n", line);
}

static void arrow(char lane[LANE + 1], const char *label, bool right)
{
	const size_t room = LANE - 5;
	size_t n = strlen(label);

	n = n > room ? room : n;
	memset(lane, '-', LANE);
	lane[LANE] = '\0';
	memcpy(lane + (right ? 2 : LANE - 2 - n), label, n);
	lane[right ? 1 : LANE - 2] = ' ';
	lane[right ? n + 2 : LANE - 3 - n] = ' ';
	lane[right ? LANE - 1 : 0] = right ? '>' : '<';
}

int ladder_row_print(struct re_printf *pf, const struct ladder_row *row)
{
	const struct trace_entry *e = row->e;
	const uint64_t us = e->at > row->start ? e->at - row->start : 0;
	char label[LADDER_LABEL_MAX], lane[LANE + 1], none[LANE + 1];
	const struct pl text = {e->text, e->len};
	int err;

	err = re_hprintf(pf, "%4llu.%03llu |", us / 1000000, us / 1000 % 1000);
	if (err)
		return err;
	if (e->kind == TRACE_MEDIA)
		return re_hprintf(pf, " * %H\n", text_print_log, &text);

	ladder_label(label, e);
	arrow(lane, label, (e->kind == TRACE_SIP) == e->tx);
	memset(none, ' ', LANE);
	none[LANE] = '\0';

	return re_hprintf(pf, "%s|%s|\n", e->kind == TRACE_XMPP ? lane : none,
			  e->kind == TRACE_XMPP ? none : lane);
}
