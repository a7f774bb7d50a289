/* codec.c: payload types and their parameters. */
#include "sdp/desc.h"
#include "sdp/scan.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct static_type {
	const char *name;
	uint32_t clock; /* Hz */
	unsigned channels;
};

static const struct static_type statics[] = {
    /* RFC 3551 tables 4 and 5 */
    [0] = {"PCMU", 8000, 1},   [3] = {"GSM", 8000, 1},
    [4] = {"G723", 8000, 1},   [5] = {"DVI4", 8000, 1},
    [6] = {"DVI4", 16000, 1},  [7] = {"LPC", 8000, 1},
    [8] = {"PCMA", 8000, 1},   [9] = {"G722", 8000, 1},
    [10] = {"L16", 44100, 2},  [11] = {"L16", 44100, 1},
    [12] = {"QCELP", 8000, 1}, [13] = {"CN", 8000, 1},
    [14] = {"MPA", 90000, 1},  [15] = {"G728", 8000, 1},
    [16] = {"DVI4", 11025, 1}, [17] = {"DVI4", 22050, 1},
    [18] = {"G729", 8000, 1},  [25] = {"CelB", 90000, 1},
    [26] = {"JPEG", 90000, 1}, [28] = {"nv", 90000, 1},
    [31] = {"H261", 90000, 1}, [32] = {"MPV", 90000, 1},
    [33] = {"MP2T", 90000, 1}, [34] = {"H263", 90000, 1},
};

bool codec_static(unsigned pt, const char **name, uint32_t *clock,
		  unsigned *channels)
{
	if (pt >= sizeof(statics) / sizeof(statics[0]) || !statics[pt].name)
		return false;
	if (name)
		*name = statics[pt].name;
	if (clock)
		*clock = statics[pt].clock;
	if (channels)
		*channels = statics[pt].channels;
	return true;
}

const char *param_find(const struct param *list, const char *name)
{
	for (; list; list = list->next) {
		if (!strcasecmp(list->name, name))
			return list->value;
	}
	return NULL;
}

/* RFC 6184 8.1: absent means single NAL unit mode, Baseline. */
static bool h264_match(const struct codec *a, const struct codec *b)
{
	const char *mode_a = param_find(a->params, "packetization-mode");
	const char *mode_b = param_find(b->params, "packetization-mode");
	const char *prof_a = param_find(a->params, "profile-level-id");
	const char *prof_b = param_find(b->params, "profile-level-id");

	return !strcmp(mode_a ? mode_a : "0", mode_b ? mode_b : "0") &&
	       !strncasecmp(prof_a ? prof_a : "42000A",
			    prof_b ? prof_b : "42000A", 4);
}

bool codec_match(const struct codec *a, const struct codec *b)
{
	if (!a || !b || strcasecmp(a->name, b->name) != 0 ||
	    a->clock != b->clock || a->channels != b->channels)
		return false;
	return strcasecmp(a->name, "H264") != 0 || h264_match(a, b);
}

const struct codec *codec_find(const struct codec *list,
			       const struct codec *like)
{
	for (; list; list = list->next) {
		if (codec_match(list, like))
			return list;
	}
	return NULL;
}

const struct codec *codec_find_name(const struct codec *list, const char *name,
				    uint32_t clock)
{
	for (; list; list = list->next) {
		if (list->clock == clock && !strcasecmp(list->name, name))
			return list;
	}
	return NULL;
}

const struct codec *codec_find_pt(const struct codec *list, unsigned pt)
{
	for (; list; list = list->next) {
		if (list->pt == pt)
			return list;
	}
	return NULL;
}

bool codec_is_event(const struct codec *c)
{
	return c && !strcasecmp(c->name, "telephone-event");
}

bool codec_is_primary(const struct codec *c)
{
	static const char *const helpers[] = {
	    "telephone-event", "CN",	     "red",	  "rtx",  "ulpfec",
	    "flexfec",	       "flexfec-03", "parityfec", "tone",
	};

	if (!c)
		return false;
	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
		if (!strcasecmp(c->name, helpers[i]))
			return false;
	}
	return true;
}

int fmtp_decode(struct desc *d, struct param **list, const char *s, size_t len)
{
	struct scan rest = {s, len};
	int err = 0;

	if (!d || !list || !s)
		return EINVAL;
	while (rest.len && !err) {
		struct scan value = scan_trim(scan_until(&rest, ';'));
		struct scan name = {value.p, 0};
		const char *n, *v;

		if (!value.len)
			continue;
		if (memchr(value.p, '=', value.len)) {
			name = scan_trim(scan_until(&value, '='));
			value = scan_trim(value);
			if (!name.len)
				continue;
		}
		n = desc_strn(d, name.p, name.len);
		v = desc_strn(d, value.p, value.len);
		if (!n || !v)
			return ENOMEM;
		err = desc_param_add(d, list, n, v);
	}
	return err;
}

int fmtp_encode(char *buf, size_t size, const struct param *list)
{
	size_t at = 0;

	if (!buf || !size)
		return EINVAL;
	buf[0] = '\0';
	for (; list; list = list->next) {
		int n = snprintf(buf + at, size - at, "%s%s%s%s",
				 at ? "; " : "", list->name,
				 list->name[0] ? "=" : "", list->value);

		if (n < 0 || (size_t)n >= size - at)
			return E2BIG;
		at += (size_t)n;
	}
	return 0;
}
