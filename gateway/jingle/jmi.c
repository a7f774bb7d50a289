/* jmi.c: Jingle Message Initiation elements of a message (XEP-0353 3). */
#include "jingle/codec.h"

#include <errno.h>
#include <string.h>

static const char *const kinds[JMI_UNKNOWN] = {
    [JMI_PROPOSE] = "propose", [JMI_RINGING] = "ringing",
    [JMI_PROCEED] = "proceed", [JMI_REJECT] = "reject",
    [JMI_RETRACT] = "retract", [JMI_FINISH] = "finish",
    [JMI_ACCEPT] = "accept",
};

const char *jmi_kind_name(enum jmi_kind kind)
{
	return kinds[kind];
}

static enum jmi_kind kind_find(const char *name)
{
	unsigned i;

	for (i = 0; i < JMI_UNKNOWN; i++) {
		if (!strcmp(kinds[i], name))
			return (enum jmi_kind)i;
	}

	return JMI_UNKNOWN;
}

static void propose_decode(struct jmi *j, const struct stanza *e)
{
	const struct stanza *c;

	for (c = stanza_child(e, "description", NULL); c;
	     c = stanza_next(c, "description", NULL)) {
		const char *media = stanza_attr(c, "media");

		if (!stanza_is(c, "description", NS_JINGLE_RTP) || !media)
			j->other = true;
		else if (!strcmp(media, "audio"))
			j->audio = true;
		else if (!strcmp(media, "video"))
			j->video = true;
		else
			j->other = true;
	}
}

static void migrated_decode(struct jmi *j, const struct stanza *e)
{
	const struct stanza *c = stanza_child(e, "migrated", NULL);

	if (c)
		j->migrated = stanza_attr(c, "to");
}

int jmi_decode(struct jmi *j, const struct stanza *message)
{
	const struct stanza *e;

	memset(j, 0, sizeof(*j));

	e = stanza_child(message, NULL, NS_JMI);
	if (!e)
		return ENOENT;

	j->id = stanza_attr(e, "id");
	if (!j->id || !*j->id || codec_text_check(j->id, CODEC_NAME_MAX))
		return EBADMSG;

	j->kind = kind_find(e->name);
	j->message_id = stanza_attr(message, "id");
	j->receipt =
	    stanza_child(message, "request", "urn:xmpp:receipts") != NULL;
	j->tie_break = stanza_child(e, "tie-break", NULL) != NULL;
	jingle_reason_decode(&j->why, e);
	if (j->kind == JMI_PROPOSE)
		propose_decode(j, e);
	if (j->kind == JMI_FINISH)
		migrated_decode(j, e);

	return 0;
}
