/* sdp_memory.c: memory refused at each allocation in turn. */
#include <stdlib.h>
#include "suite.h"

static unsigned refuse_after; /* allocations that still succeed */

static void *test_calloc(size_t n, size_t size)
{
	return refuse_after && refuse_after-- ? calloc(n, size) : NULL;
}

static void *test_realloc(void *p, size_t size)
{
	return refuse_after && refuse_after-- ? realloc(p, size) : NULL;
}

#define calloc	test_calloc
#define realloc test_realloc
#include "sdp/arena.c"
#include "sdp/encode.c"
#undef calloc
#undef realloc

#include <errno.h>

/* Long enough for several blocks of the arena and of the text. */
static char *long_text(void)
{
	char *text = calloc(1, DESC_BYTES_MAX);

	ck_assert_ptr_nonnull(text);
	strcpy(text, "v=0\nc=IN IP4 192.0.2.1\n");
	for (unsigned m = 0; m < 8; m++) {
		strcat(text, "m=audio 5 RTP/AVP 0 8 96\n"
			     "a=rtpmap:96 opus/48000/2\n"
			     "a=fmtp:96 minptime=10;useinbandfec=1\n"
			     "a=ice-ufrag:abcd\na=ice-pwd:abcd\n"
			     "a=ssrc-group:FID 1 2\nb=AS:1\n");
		for (unsigned i = 0; i < 40; i++)
			strcat(text, "a=candidate:1 1 UDP 1 192.0.2.1 5 typ "
				     "host\na=ssrc:1 cname:x\n"
				     "a=extmap:1 urn:x\na=rtcp-fb:* nack\n");
	}
	return text;
}

START_TEST(refused)
{
	char *text = long_text(), *out;
	struct desc *d, *copy;
	unsigned n, line;
	int err;

	for (n = 0;; n++) {
		d = NULL;
		refuse_after = n;
		err = desc_decode(&d, text, strlen(text), &line);
		if (!err)
			break;
		ck_assert_int_eq(err, ENOMEM);
		ck_assert_ptr_null(d);
	}
	ck_assert_uint_gt(n, 8);
	for (n = 0;; n++) {
		copy = NULL;
		refuse_after = n;
		err = desc_copy(&copy, d);
		if (!err)
			break;
		ck_assert_int_eq(err, ENOMEM);
		ck_assert_ptr_null(copy);
	}
	ck_assert_uint_gt(n, 8);
	for (n = 0;; n++) {
		refuse_after = n;
		err = desc_encode(&out, NULL, d);
		if (!err)
			break;
		ck_assert_int_eq(err, ENOMEM);
	}
	ck_assert_uint_gt(n, 2);
	free(out);
	desc_free(copy);
	desc_free(d);
	free(text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("memory");

	tcase_add_test(tc, refused);

	return suite_run("sdp memory", tc);
}
