/* info.c: INFO: DTMF both ways, the rest politely refused (RFC 6086). */
#include "sip/invite_priv.h"
#include <string.h>
#include "base/log.h"

enum {
	DTMF_DEFAULT = 100, /* ms; protocol E.6 */
	DTMF_MIN = 40,
	DTMF_MAX = 8000,
};

static bool digit_decode(char *digit, const struct pl *pl)
{
	static const char digits[] = "0123456789*#ABCDabcd";
	unsigned n;

	if (!pl->l)
		return false;

	if (pl->l == 1 && strchr(digits, pl->p[0])) {
		*digit =
		    pl->p[0] >= 'a' ? (char)(pl->p[0] - 'a' + 'A') : pl->p[0];
		return true;
	}

	/* RFC 4733 event numbers, as some phones write "10" for '*' */
	n = pl_u32(pl);
	if (pl->l != 2 || n < 10 || n > 15)
		return false;
	*digit = "*#ABCD"[n - 10];

	return true;
}

/* Value of "Name=value" at any line start of the body. */
static bool line_get(const struct pl *body, const char *name, struct pl *val)
{
	const char *p = body->p, *end = body->p + body->l;
	size_t n = strlen(name);

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		struct pl line = {p, (size_t)((nl ? nl : end) - p)};
		struct pl key = {p, MIN(n, line.l)};

		p = nl ? nl + 1 : end;
		if (line.l <= n || pl_strcasecmp(&key, name))
			continue;
		pl_advance(&line, (ssize_t)n);
		while (line.l && (line.p[0] == ' ' || line.p[0] == '='))
			pl_advance(&line, 1);
		while (line.l && (line.p[line.l - 1] == '\r' ||
				  line.p[line.l - 1] == ' '))
			--line.l;
		*val = line;
		return true;
	}

	return false;
}

/* DTMF of application/dtmf-relay or application/dtmf; EBADMSG. */
static int dtmf_decode(char *digit, unsigned *ms, const struct pl *subtype,
		       const struct pl *body)
{
	struct pl val, dur;

	*ms = DTMF_DEFAULT;

	if (!pl_strcasecmp(subtype, "dtmf")) {
		val = *body;
		while (val.l && (unsigned char)val.p[val.l - 1] <= ' ')
			--val.l;
		return digit_decode(digit, &val) ? 0 : EBADMSG;
	}
	if (pl_strcasecmp(subtype, "dtmf-relay"))
		return EBADMSG;

	if (!line_get(body, "Signal", &val) || !digit_decode(digit, &val))
		return EBADMSG;
	if (line_get(body, "Duration", &dur) && dur.l && dur.l <= 5 &&
	    pl_u32(&dur))
		*ms = pl_u32(&dur);
	*ms = MAX(DTMF_MIN, MIN(*ms, DTMF_MAX));

	return 0;
}

void invite_info_recv(struct invite *inv, const struct sip_msg *msg)
{
	unsigned ms;
	struct pl body;
	char digit;

	if (invite_body(&body, msg)) {
		(void)invite_refuse_msg(inv, NULL, msg, 400, NULL);
		return;
	}
	if (sip_msg_xhdr(msg, "Info-Package")) { /* RFC 6086 4.2.2 */
		(void)invite_refuse_msg(inv, NULL, msg, 469,
					"Recv-Info: \r\n");
		return;
	}
	if (!body.l) {
		(void)sip_treply(NULL, inv->sip, msg, 200, "OK");
		return;
	}
	if (pl_strcasecmp(&msg->ctyp.type, "application") ||
	    dtmf_decode(&digit, &ms, &msg->ctyp.subtype, &body)) {
		(void)invite_refuse_msg(inv, NULL, msg, 415,
					"Accept: application/dtmf-relay, "
					"application/dtmf\r\n");
		return;
	}

	(void)sip_treply(NULL, inv->sip, msg, 200, "OK");
	if (inv->h)
		inv->h->dtmf(inv, digit, ms, inv->arg);
}

static void info_response(struct invite *inv, int err,
			  const struct sip_msg *msg)
{
	unsigned code = err ? 408 : msg->scode;

	if (inv->state != INVITE_ACTIVE)
		return;
	if (code == 408 || code == 481) /* RFC 5057 5.1 */
		invite_fail(inv, code, REASON_TIMEOUT, "the call is gone");
	else if (code >= 300)
		log_info("sip: %s: INFO: %u\n", inv->callid, code);
}

int invite_info_dtmf(struct invite *inv, char digit, unsigned ms)
{
	char body[48];
	int n;

	if (!inv || inv->state != INVITE_ACTIVE)
		return EPROTO;
	if (list_count(&inv->txs) >= INVITE_TX_MAX)
		return EBUSY;

	n = re_snprintf(body, sizeof(body), "Signal=%c\r\nDuration=%u\r\n",
			digit, MAX(DTMF_MIN, MIN(ms, DTMF_MAX)));
	if (n < 0)
		return EINVAL;

	return sipdlg_request(inv, inv->dlg, "INFO", 0, info_response,
			      "Content-Type: application/dtmf-relay\r\n"
			      "Content-Length: %d\r\n\r\n%s",
			      n, body);
}
