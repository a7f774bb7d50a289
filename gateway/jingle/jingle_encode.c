/* jingle_encode.c: desc -> contents and groups of a <jingle/> (XEP-0166 7.3,
 * XEP-0338; protocol E.7). */
#include "jingle/codec.h"

#include <errno.h>

/* Contents that are neither sound nor pictures have no form of ours. */
static bool writable(const struct desc_media *m, bool with_description)
{
	return m->kind != DESC_OTHER || !with_description;
}

static void content_encode(struct stanza *jingle, const struct desc *d,
			   unsigned idx, bool initiator, bool with_description)
{
	const struct desc_media *m = d->media[idx];
	const struct transport *t = &m->transport;
	struct stanza *c;

	/* RFC 8843: the first of a group says how all of it travels */
	if (!t->ufrag)
		t = &d->media[desc_group_first(d, idx)]->transport;

	c = stanza_add(jingle, "content", NS_JINGLE);
	stanza_attr_set(c, "creator",
			m->creator_responder ? "responder" : "initiator");
	stanza_attr_set(c, "name", m->mid);

	if (with_description) {
		enum desc_dir dir = m->rejected ? DESC_INACTIVE : m->dir;

		stanza_attr_set(c, "senders",
				codec_senders_name(dir, initiator));
		codec_description_encode(c, m, initiator);
	}

	codec_transport_encode(c, t);
}

static void group_encode(struct stanza *jingle, const struct desc *d,
			 const struct desc_group *grp)
{
	struct stanza *e = NULL, *c;
	unsigned i;

	for (i = 0; i < grp->n; i++) {
		if (grp->idx[i] >= d->mediac ||
		    !writable(d->media[grp->idx[i]], true))
			continue;
		if (!e) {
			e = stanza_add(jingle, "group", NS_JINGLE_GROUP);
			stanza_attr_set(e, "semantics", "BUNDLE");
		}
		c = stanza_add(e, "content", NS_JINGLE_GROUP);
		stanza_attr_set(c, "name", d->media[grp->idx[i]]->mid);
	}
}

int jingle_encode(struct stanza *jingle, const struct desc *d,
		  bool sender_is_initiator, bool with_description, int only)
{
	unsigned i;

	if (!jingle || !d)
		return EINVAL;

	for (i = 0; with_description && only < 0 && i < d->groupc; i++)
		group_encode(jingle, d, &d->groups[i]);

	for (i = 0; i < d->mediac; i++) {
		if (only >= 0 && i != (unsigned)only)
			continue;
		if (!writable(d->media[i], with_description))
			continue;
		content_encode(jingle, d, i, sender_is_initiator,
			       with_description);
	}

	return stanza_ok(jingle) ? 0 : ENOMEM;
}
