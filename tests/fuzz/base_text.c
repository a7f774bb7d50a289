/* base_text.c: whatever comes in, each printer's output is harmless. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/compat.h"
#include "base/text.h"
#include "base/trace_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int(text_print_h)(struct re_printf *pf, const struct pl *pl);

static const struct {
	text_print_h *print;
	const char *never; /* characters that may not come out */
} printers[] = {
    {text_print_xml, "<>\"'\n\r\t"}, {text_print_sip_quoted, "\r\n"},
    {text_print_sip, "\r\n"},	     {text_print_json, "\r\n\t"},
    {text_print_log, "\r\n\x1b"},
};

/* RFC 3261 25.1: user characters, and what they stood for comes back. */
static void check_sip_user(const struct pl *pl)
{
	char *user, *out;
	const char *p, *u;

	if (pl_strdup(&user, pl) ||
	    re_sdprintf(&out, "%H", text_print_sip_user, user))
		abort();
	for (p = out, u = user; *p; p++, u++) {
		int c = (unsigned char)*p;

		if (c == '%') {
			c = text_hex(p[1]) << 4 | text_hex(p[2]);
			p += 2;
		} else if (c <= ' ' || c >= 0x7f || strchr("\"<>@:#%", c)) {
			abort();
		}
		if (c != (unsigned char)*u)
			abort();
	}
	if (*u)
		abort();
	mem_deref(out);
	mem_deref(user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl pl = {(const char *)data, size};
	char *out = NULL;
	size_t i, max = size ? data[0] : 0;
	uint32_t cp;

	for (i = 0; i < ARRAY_SIZE(printers); i++) {
		if (re_sdprintf(&out, "%H", printers[i].print, &pl))
			abort();
		if (!text_is_utf8(out, strlen(out)) ||
		    out[strcspn(out, printers[i].never)])
			abort();
		out = mem_deref(out);
	}

	if (text_clean(&out, &pl, max) || strlen(out) > max)
		abort();
	for (i = 0; out[i]; i += text_utf8_decode(&cp, out + i, max - i)) {
		if (!text_utf8_decode(&cp, out + i, strlen(out + i)) ||
		    text_is_control(cp))
			abort();
	}
	mem_deref(out);

	check_sip_user(&pl);

	/* into no more room than it had */
	out = malloc(size + !size);
	if (!out || trace_blank(out, pl.p, pl.l) > size)
		abort();
	free(out);

	trace_add(TRACE_SIP, true, "peer", pl.p, pl.l);
	trace_close();

	return 0;
}
