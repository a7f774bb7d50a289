/* reasonxml.c: <reason/> <-> ending (XEP-0166 7.4; protocol E.5). */
#include "jingle/jingle.h"

#include "base/compat.h"
#include "base/text.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NS_STOXD_SIP "urn:stoxd:sip:0"
#define NS_STANZAS   "urn:ietf:params:xml:ns:xmpp-stanzas" /* RFC 6120 8.3.2 */

static void reason_text_decode(struct ending *end, const struct stanza *e)
{
	char *raw = NULL, *clean = NULL;
	struct pl pl;

	if (stanza_text(&raw, e))
		return;

	pl_set_str(&pl, raw);
	if (!text_clean(&clean, &pl, sizeof(end->text) - 1))
		snprintf(end->text, sizeof(end->text), "%s", clean);

	mem_deref(clean);
	mem_deref(raw);
}

void jingle_reason_decode(struct ending *end, const struct stanza *parent)
{
	const struct stanza *reason, *c;

	memset(end, 0, sizeof(*end));

	/* Some write it in the namespace of its parent. */
	reason = stanza_child(parent, "reason", NULL);
	if (!reason)
		return;

	for (c = stanza_child(reason, NULL, NULL); c;
	     c = stanza_next(c, NULL, NULL)) {
		if (!strcmp(c->name, "text"))
			reason_text_decode(end, c);
		else if (end->reason == REASON_NONE)
			end->reason = reason_find(c->name, strlen(c->name));
	}
}

static void words(char *buf, size_t size, enum reason reason,
		  const struct ending *end)
{
	const char *phrase;

	buf[0] = '\0';
	if (end && end->text[0] && end->sip_code && !end->full)
		snprintf(buf, size, "%u %s", end->sip_code, end->text);
	else if (end && end->text[0])
		snprintf(buf, size, "%s", end->text);
	else if (end && end->sip_code) {
		phrase = reason_phrase(end->sip_code);
		snprintf(buf, size, "%u %s", end->sip_code,
			 phrase ? phrase : "");
	} else if (reason != REASON_SUCCESS && reason != REASON_CANCEL) {
		phrase = reason_words(reason);
		snprintf(buf, size, "%s", phrase ? phrase : "");
	}
}

int jingle_reason_encode(struct stanza *parent, enum reason reason,
			 const struct ending *end)
{
	char text[sizeof(end->text) + 16];
	struct stanza *e, *c;

	e = stanza_add(parent, "reason", NS_JINGLE);
	if (reason != REASON_NONE)
		stanza_add(e, reason_name(reason), NS_JINGLE);

	words(text, sizeof(text), reason, end);
	if (text[0]) {
		c = stanza_add(e, "text", NS_JINGLE);
		stanza_text_add(c, text);
	}

	/* one foreign child: it is we who cannot, or the number */
	if (end && end->full) {
		stanza_add(e, cond_name(COND_RESOURCE_CONSTRAINT), NS_STANZAS);
	} else if (end && end->sip_code) {
		c = stanza_add(e, "sip-error", NS_STOXD_SIP);
		stanza_attr_setf(c, "code", "%u", end->sip_code);
	}

	return e && stanza_ok(e) ? 0 : ENOMEM;
}
