/* jingle_decode.c: <jingle/> -> desc: contents and groups (XEP-0166 7.3,
 * XEP-0338; protocol E.7). */
#include "jingle/codec.h"

#include <errno.h>
#include <string.h>

/* A description of sound or pictures over ICE is ours; other contents keep
 * their place.  Without a description (transport-info) the kind is unknown. */
static enum desc_kind content_kind(const struct stanza *description,
				   const struct stanza *other_transport)
{
	const char *media;

	if (!description || other_transport)
		return DESC_OTHER;

	media = stanza_attr(description, "media");
	if (!media)
		return DESC_OTHER;
	if (!strcmp(media, "audio"))
		return DESC_AUDIO;
	if (!strcmp(media, "video"))
		return DESC_VIDEO;

	return DESC_OTHER;
}

static int fingerprints(struct transport *t, const struct stanza *transport,
			const struct stanza *description,
			const struct stanza *content,
			const struct stanza *jingle)
{
	const struct stanza *const place[] = {transport, description, content,
					      jingle};
	size_t i;

	/* XEP-0320 puts it into the transport; early clients did not. */
	for (i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
		int err;

		if (t->fingerprint.hash != HASH_NONE || !place[i])
			continue;
		err = codec_fingerprint_decode(t, place[i]);
		if (err)
			return err;
	}

	return 0;
}

static int content_decode(struct desc *d, const struct stanza *c,
			  const struct stanza *jingle, bool initiator)
{
	const char *name = stanza_attr(c, "name");
	const char *creator = stanza_attr(c, "creator");
	const struct stanza *description, *transport, *any;
	struct desc_media *m;
	enum desc_kind kind;
	int err;

	err = codec_text_check(name, CODEC_NAME_MAX);
	if (err)
		return err;
	if (!*name || desc_media_find(d, name))
		return EBADMSG;
	if (d->mediac >= DESC_MEDIA_MAX)
		return E2BIG;

	description = stanza_child(c, "description", NS_JINGLE_RTP);
	transport = stanza_child(c, "transport", NS_JINGLE_ICE);
	any = transport ? NULL : stanza_child(c, "transport", NULL);

	kind = content_kind(description, any);
	err = desc_media_add(&m, d, kind, name);
	if (err)
		return err;

	m->proto = DESC_TLS_SAVPF;
	if (kind == DESC_OTHER && description &&
	    stanza_attr(description, "media"))
		m->media = desc_str(d, stanza_attr(description, "media"));
	if (!m->media)
		return ENOMEM;
	m->creator_responder = creator && !strcmp(creator, "responder");
	m->dir = codec_senders_decode(stanza_attr(c, "senders"), initiator);

	if (description && kind != DESC_OTHER)
		err = codec_description_decode(d, m, description, initiator);
	if (!err && transport)
		err = codec_transport_decode(d, &m->transport, transport);
	if (!err)
		err = fingerprints(&m->transport, transport, description, c,
				   jingle);

	return err;
}

static bool grouped(const struct desc *d, unsigned idx)
{
	unsigned g, i;

	for (g = 0; g < d->groupc; g++) {
		for (i = 0; i < d->groups[g].n; i++) {
			if (d->groups[g].idx[i] == idx)
				return true;
		}
	}

	return false;
}

static void group_add(struct desc_group *grp, unsigned idx)
{
	unsigned i;

	for (i = 0; i < grp->n; i++) {
		if (grp->idx[i] == idx)
			return;
	}

	if (grp->n < DESC_MEDIA_MAX)
		grp->idx[grp->n++] = idx;
}

/* Names that are no content of this message, and contents that another group
 * has already, are left out. */
static int group_decode(struct desc *d, const struct stanza *e)
{
	const struct stanza *c;
	struct desc_group grp;
	const char *semantics = stanza_attr(e, "semantics");

	if (!semantics || strcmp(semantics, "BUNDLE"))
		return 0;
	if (d->groupc >= DESC_GROUP_MAX)
		return E2BIG;

	memset(&grp, 0, sizeof(grp));
	for (c = stanza_child(e, "content", NS_JINGLE_GROUP); c;
	     c = stanza_next(c, "content", NS_JINGLE_GROUP)) {
		const char *name = stanza_attr(c, "name");
		unsigned i;

		for (i = 0; name && i < d->mediac; i++) {
			if (!strcmp(d->media[i]->mid, name) && !grouped(d, i))
				group_add(&grp, i);
		}
	}

	if (grp.n)
		d->groups[d->groupc++] = grp;

	return 0;
}

int jingle_decode(struct desc **dp, const struct stanza *jingle,
		  bool sender_is_initiator)
{
	const struct stanza *e;
	struct desc *d = NULL;
	int err;

	if (!dp || !jingle)
		return EINVAL;

	err = desc_alloc(&d);
	if (err)
		return err;

	for (e = stanza_child(jingle, "content", NS_JINGLE); e;
	     e = stanza_next(e, "content", NS_JINGLE)) {
		err = content_decode(d, e, jingle, sender_is_initiator);
		if (err)
			goto out;
	}

	for (e = stanza_child(jingle, "group", NS_JINGLE_GROUP); e;
	     e = stanza_next(e, "group", NS_JINGLE_GROUP)) {
		err = group_decode(d, e);
		if (err)
			goto out;
	}

out:
	if (err)
		desc_free(d);
	else
		*dp = d;

	return err;
}
