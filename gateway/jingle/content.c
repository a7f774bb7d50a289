/* content.c: what a peer changes in the contents of a session (XEP-0166
 * 7.2; protocol E.1, E.6, D24, D25). */
#include "jingle/session.h"

#include "jingle/codec.h"
#include <string.h>

/* The contents of theirs by name alone, under an action of ours. */
static void contents_echo(struct jleg *l, const char *peer,
			  enum jingle_action action, const struct stanza *from,
			  bool with_transport, enum reason reason)
{
	const struct stanza *c, *t;
	struct stanza *iq, *jingle, *e;

	iq = jleg_iq(l, peer, action, &jingle);
	for (c = stanza_child(from, "content", NS_JINGLE); c;
	     c = stanza_next(c, "content", NS_JINGLE)) {
		e = stanza_add(jingle, "content", NS_JINGLE);
		stanza_attr_set(e, "creator", stanza_attr(c, "creator"));
		stanza_attr_set(e, "name", stanza_attr(c, "name"));
		t = with_transport ? stanza_child(c, "transport", NULL) : NULL;
		if (t)
			stanza_copy(e, t);
	}
	if (reason != REASON_NONE)
		(void)jingle_reason_encode(jingle, reason, NULL);

	(void)jleg_iq_drop(l, iq);
}

/* True: every content has a name, and there is one. */
static bool contents_named(const struct stanza *jingle)
{
	const struct stanza *c = stanza_child(jingle, "content", NS_JINGLE);
	unsigned n = 0;

	for (; c; c = stanza_next(c, "content", NS_JINGLE)) {
		if (codec_text_check(stanza_attr(c, "name"), CODEC_NAME_MAX))
			return false;
		if (++n > DESC_MEDIA_MAX)
			return false;
	}

	return n > 0;
}

/* Tells the peer whether its request made sense. */
static bool is_taken(struct jleg *l, const struct stanza *iq, bool sense)
{
	if (sense)
		jingle_result(l->j, iq);
	else
		jingle_refuse(l->j, iq, COND_BAD_REQUEST, NULL);

	return sense;
}

/* Not until video has its place: D25 never accepts by itself anyway. */
void jleg_content_added(struct jleg *l, unsigned branch,
			const struct stanza *iq, const struct stanza *jingle)
{
	if (!is_taken(l, iq, contents_named(jingle)))
		return;

	contents_echo(l, l->br[branch].peer, JINGLE_CONTENT_REJECT, jingle,
		      false, REASON_UNSUPPORTED_APPLICATIONS);
}

void jleg_transport_replaced(struct jleg *l, unsigned branch,
			     const struct stanza *iq,
			     const struct stanza *jingle)
{
	if (!is_taken(l, iq, contents_named(jingle)))
		return;

	contents_echo(l, l->br[branch].peer, JINGLE_TRANSPORT_REJECT, jingle,
		      true, REASON_NONE);
}

static int content_index(const struct jleg *l, const struct stanza *content)
{
	const char *name = stanza_attr(content, "name");
	unsigned i;

	for (i = 0; i < l->remote->mediac; i++) {
		if (!strcmp(l->remote->media[i]->mid, name))
			return (int)i;
	}

	return -1;
}

/* All of them contents of this session? */
static bool contents_known(const struct jleg *l, const struct stanza *jingle)
{
	const struct stanza *c;

	if (!l->remote || !contents_named(jingle))
		return false;

	for (c = stanza_child(jingle, "content", NS_JINGLE); c;
	     c = stanza_next(c, "content", NS_JINGLE)) {
		if (content_index(l, c) < 0)
			return false;
	}

	return true;
}

void jleg_modified(struct jleg *l, unsigned branch, const struct stanza *iq,
		   const struct stanza *jingle)
{
	const struct stanza *c;

	(void)branch;

	if (!is_taken(l, iq, contents_known(l, jingle)))
		return;

	for (c = stanza_child(jingle, "content", NS_JINGLE); c;
	     c = stanza_next(c, "content", NS_JINGLE))
		l->dirs[content_index(l, c)] = codec_senders_decode(
		    stanza_attr(c, "senders"), l->incoming);

	jleg_redirect(l);
}

void jleg_content_removed(struct jleg *l, unsigned branch,
			  const struct stanza *iq, const struct stanza *jingle)
{
	const struct stanza *c;

	(void)branch;

	if (!is_taken(l, iq, contents_known(l, jingle)))
		return;

	for (c = stanza_child(jingle, "content", NS_JINGLE); c;
	     c = stanza_next(c, "content", NS_JINGLE)) {
		int i = content_index(l, c);

		l->dirs[i] = DESC_INACTIVE;
		l->remote->media[i]->rejected = true;
	}

	/* XEP-0166 7.2.5: nothing is left to talk about */
	if (!jleg_has(l->remote, DESC_AUDIO) &&
	    !jleg_has(l->remote, DESC_VIDEO))
		jleg_fail(l, REASON_SUCCESS, "");
	else
		jleg_redirect(l);
}
