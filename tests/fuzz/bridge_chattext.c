/* bridge_chattext.c: texts of SIP bodies: HTML, charsets, times, parts. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "bridge/chatwords.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parts(const char *text)
{
	const size_t len = strlen(text);
	size_t at = 0, n;

	while (at < len) {
		n = chatwords_part(text + at, len - at, 7);
		if (!n || n > 7 || !text_is_utf8(text + at, n))
			abort();
		at += n;
	}
}

static void text(const struct pl *body, const char *charset)
{
	struct pl name, pl;
	char *s, *flat;

	pl_set_str(&name, charset);
	if (chatwords_text(&s, body, &name))
		return;
	if (!text_is_utf8(s, strlen(s)) || strchr(s, '\r'))
		abort();
	parts(s);
	pl_set_str(&pl, s);
	if (chatwords_flatten(&flat, &pl) || !text_is_utf8(flat, strlen(flat)))
		abort();
	mem_deref(flat);
	mem_deref(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* ends where the input does */
	char *lang = NULL, *back = NULL;
	struct pl pl, again;
	int64_t t, u;

	if (!copy)
		return 0;

	if (size)
		memcpy(copy, data, size);
	pl.p = copy;
	pl.l = size;
	text(&pl, "utf-8");
	text(&pl, "latin1");
	text(&pl, "koi8-r");
	(void)chatwords_lang(&lang, &pl);
	if (!chatwords_time(&t, &pl) &&
	    !re_sdprintf(&back, "%H", chatwords_time_print, &t)) {
		pl_set_str(&again, back);
		/* years of five digits cannot be said in RFC 3339 */
		if (!chatwords_time(&u, &again) && u != t)
			abort();
	}
	mem_deref(lang);
	mem_deref(back);
	free(copy);

	return 0;
}
