/* payload.c: <payload-type/> <-> codec (XEP-0167 4, 6; protocol E.7). */
#include "jingle/codec.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* RFC 3551 6: the names of numbers that need no name. */
static int identity(const struct desc_media *m, const struct stanza *e,
		    unsigned pt, const char **name, uint32_t *clock,
		    unsigned *channels)
{
	const char *static_name = NULL;
	uint32_t static_clock = 0, v;
	unsigned static_channels = 1;
	bool known;

	known =
	    codec_static(pt, &static_name, &static_clock, &static_channels);
	*name = stanza_attr(e, "name");
	if ((!*name || !**name) && known)
		*name = static_name;
	if (!*name || !**name)
		return EBADMSG;

	if (codec_number(stanza_attr(e, "clockrate"), UINT32_MAX, &v) && v)
		*clock = v;
	else if (known)
		*clock = static_clock;
	else
		*clock = m->kind == DESC_AUDIO ? 8000 : 90000;

	if (!codec_number(stanza_attr(e, "channels"), 255, &v) || !v)
		v = known ? static_channels : 1;
	*channels = v;

	return codec_text_check(*name, CODEC_NAME_MAX);
}

/* XEP-0167 names what SDP writes without a name (protocol E.7): "0-15" is
 * 'events', "0/103" of red is 'pt' with commas. */
static int param_one(struct desc *d, struct codec *c, const char *name,
		     const char *value)
{
	char buf[CODEC_NAME_MAX + 1];
	size_t i;

	if (codec_is_event(c) && !strcmp(name, "events"))
		return desc_param_add(d, &c->params, "", value);

	if (!strcasecmp(c->name, "red") && !strcmp(name, "pt")) {
		if (strlen(value) >= sizeof(buf))
			return E2BIG;
		for (i = 0; value[i]; i++)
			buf[i] = value[i] == ',' ? '/' : value[i];
		buf[i] = '\0';
		return desc_param_add(d, &c->params, "", buf);
	}

	return desc_param_add(d, &c->params, name, value);
}

static int params_decode(struct desc *d, struct codec *c,
			 const struct stanza *e)
{
	const struct stanza *p;
	unsigned n = 0;

	for (p = stanza_child(e, "parameter", NULL); p;
	     p = stanza_next(p, "parameter", NULL)) {
		const char *name = stanza_attr(p, "name");
		const char *value = stanza_attr(p, "value");
		int err;

		if (n++ >= CODEC_PARAM_MAX)
			return E2BIG;

		/* stanza.io: <parameter name="111/111"/> for red */
		if (!value) {
			value = name;
			name = "";
		}
		if (!name)
			name = "";

		err = codec_text_check(name, CODEC_NAME_MAX);
		if (!err)
			err = codec_text_check(value, CODEC_VALUE_MAX);
		if (!err)
			err = param_one(d, c, name, value);
		if (err)
			return err;
	}

	return 0;
}

int codec_payload_decode(struct desc *d, struct desc_media *m,
			 const struct stanza *e)
{
	struct codec *c;
	const char *name;
	uint32_t pt, clock, v;
	unsigned channels;
	int err;

	if (!codec_number(stanza_attr(e, "id"), 127, &pt))
		return EBADMSG;
	if (codec_find_pt(m->codecs, pt))
		return 0; /* the first meaning of a number counts */
	if (m->codecc >= DESC_FORMAT_MAX)
		return E2BIG;

	err = identity(m, e, pt, &name, &clock, &channels);
	if (!err)
		err = desc_codec_add(&c, d, m, pt, name, clock, channels);
	if (err)
		return err;

	if (codec_number(stanza_attr(e, "ptime"), 1000, &v))
		c->ptime = v;
	if (codec_number(stanza_attr(e, "maxptime"), 1000, &v))
		c->maxptime = v;

	err = params_decode(d, c, e);
	if (!err)
		err = codec_feedback_decode(d, &c->fbs, e);

	return err;
}

static void red_encode(struct stanza *p, const char *value)
{
	char buf[CODEC_NAME_MAX + 1];
	size_t i;

	for (i = 0; value[i] && i < sizeof(buf) - 1; i++)
		buf[i] = value[i] == '/' ? ',' : value[i];
	buf[i] = '\0';

	stanza_attr_set(p, "name", "pt");
	stanza_attr_set(p, "value", buf);
}

static void param_encode(struct stanza *e, const struct codec *c,
			 const struct param *param)
{
	struct stanza *p = stanza_add(e, "parameter", NULL);

	if (!*param->name && !strcasecmp(c->name, "red")) {
		red_encode(p, param->value);
		return;
	}

	if (!*param->name && codec_is_event(c))
		stanza_attr_set(p, "name", "events");
	else
		stanza_attr_set(p, "name", param->name);
	stanza_attr_set(p, "value", param->value);
}

void codec_payload_encode(struct stanza *description, const struct codec *c,
			  const struct desc_media *m)
{
	unsigned ptime = c->ptime ? c->ptime : m->ptime;
	unsigned maxptime = c->maxptime ? c->maxptime : m->maxptime;
	const struct param *p;
	struct stanza *e;

	e = stanza_add(description, "payload-type", NULL);
	stanza_attr_setf(e, "id", "%u", (unsigned)c->pt);
	stanza_attr_set(e, "name", c->name);
	stanza_attr_setf(e, "clockrate", "%u", (unsigned)c->clock);
	if (c->channels > 1)
		stanza_attr_setf(e, "channels", "%u", (unsigned)c->channels);
	if (ptime)
		stanza_attr_setf(e, "ptime", "%u", ptime);
	if (maxptime)
		stanza_attr_setf(e, "maxptime", "%u", maxptime);

	for (p = c->params; p; p = p->next)
		param_encode(e, c, p);

	codec_feedback_encode(e, c->fbs);
}
