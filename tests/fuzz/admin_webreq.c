/* admin_webreq.c: lines of a request: target, Authorization, Host, Origin,
 * Accept-Encoding. */
#include <stdlib.h>
#include <string.h>
#include "admin/webreq.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_path(const char *target)
{
	struct webreq_path p;

	if (webreq_path_decode(&p, target))
		return;

	for (size_t i = 0; i < p.wordc + p.queryc; i++) {
		const char *w = p.wordv[i];
		const size_t len = strlen(w);

		if (!len || !strcmp(w, ".") || !strcmp(w, "..") ||
		    !text_is_utf8(w, len) || w < p.buf ||
		    w + len >= p.buf + sizeof(p.buf))
			abort();
		for (size_t k = 0; k < len; k++) {
			if ((unsigned char)w[k] < ' ' || w[k] == 0x7f)
				abort();
		}
	}
}

static void check_token(const char *auth)
{
	static const char read[] = "reader-0123456789",
			  write[] = "writer-0123456789";
	const struct webreq_scope s = webreq_token(auth, read, write);

	if (s.write && !s.read)
		abort();
	if (s.read && !strstr(auth, s.write ? write : read))
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *text = calloc(1, size + 1), *line = text;
	const char *v[5] = {"", "", "", "", ""};
	bool named;

	if (!text)
		return 0;
	memcpy(text, data, size);
	for (size_t i = 0; i < 5 && line; i++) {
		char *nl = strchr(line, '\n');

		v[i] = line;
		if (nl)
			*nl++ = '\0';
		line = nl;
	}

	check_path(v[0]);
	check_token(v[1]);
	named = webreq_host_is_ours(v[2], true);
	if (webreq_host_is_ours(v[2], false) && !named)
		abort();
	if (webreq_origin_is_ours(v[3], v[2]) && !strstr(v[3], "://"))
		abort();
	(void)webreq_accepts_gzip(v[4]);
	free(text);

	return 0;
}
