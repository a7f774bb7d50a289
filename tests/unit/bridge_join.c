/* bridge_join.c: what two sides have in common, and the numbers between. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/join.h"
#include "suite.h"

#define HEAD                                                                  \
	"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"                          \
	"c=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static const char webrtc[] =
    HEAD "a=group:BUNDLE a v\r\n"
	 "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n"
	 "a=mid:a\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:63 red/48000/2\r\n"
	 "a=rtpmap:110 telephone-event/48000\r\n"
	 "a=rtpmap:126 telephone-event/8000\r\na=rtcp-fb:111 nack\r\n"
	 "a=ice-ufrag:aaaa\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbb\r\n"
	 "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\n"
	 "a=rtpmap:96 VP8/90000\r\n"
	 "a=ice-ufrag:aaaa\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbb\r\n";
static const char dino[] = HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 98\r\n"
				"a=mid:audio\r\na=rtpmap:98 opus/48000/2\r\n"
				"a=ice-ufrag:aaaa\r\n"
				"a=ice-pwd:bbbbbbbbbbbbbbbbbbbbbb\r\n";
static const char phone[] = HEAD "m=audio 4000 RTP/AVP 8 0 101\r\n"
				 "a=rtpmap:101 telephone-event/8000\r\n";
static const char phone_opus[] = HEAD "m=audio 4000 RTP/AVP 107 0 101 100\r\n"
				      "a=rtpmap:107 OPUS/48000/2\r\n"
				      "a=rtpmap:101 telephone-event/8000\r\n"
				      "a=rtpmap:100 telephone-event/48000\r\n";
static const char conference[] = HEAD "m=video 5000 RTP/AVP 96\r\n"
				      "a=rtpmap:96 H264/90000\r\n"
				      "m=audio 4000 RTP/AVP 0\r\n"
				      "m=audio 4002 RTP/AVP 8\r\n"
				      "m=application 9 TCP/BFCP *\r\n";
static const char g729[] = HEAD "m=audio 4000 RTP/AVP 18\r\n";

static char *codecs[] = {(char[]){"opus"}, (char[]){"g722"}, (char[]){"pcma"},
			 (char[]){"pcmu"}};
static const struct config_trunk trunk = {.codecs = codecs, .codecc = 4};
static char *names[] = {(char[]){"opus"}, (char[]){"g722"}, (char[]){"pcmu"},
			(char[]){"pcma"}};
static const struct config_trunk all = {.codecs = names, .codecc = 4};

static struct desc *parse(const char *text)
{
	struct desc *d;
	unsigned line;

	ck_assert_int_eq(desc_decode(&d, text, strlen(text), &line), 0);

	return d;
}

/* "name/clock=pt .." of the n-th m-line, "-" after it when inactive, "!" when
 * rejected */
static void lists(const struct desc *d, unsigned n, const char *want)
{
	char got[512] = "";
	size_t len = 0;

	ck_assert_uint_lt(n, d->mediac);
	for (const struct codec *c = d->media[n]->codecs; c; c = c->next)
		len += (size_t)snprintf(got + len, sizeof(got) - len,
					"%s%s/%u=%u", len ? " " : "", c->name,
					c->clock, c->pt);
	if (d->media[n]->dir == DESC_INACTIVE)
		len += (size_t)snprintf(got + len, sizeof(got) - len, " -");
	if (d->media[n]->rejected)
		snprintf(got + len, sizeof(got) - len, "!");
	ck_assert_str_eq(got, want);
}

START_TEST(offer_to_sip)
{
	struct desc *d, *x;

	ck_assert_int_eq(join_offer_sip(&d, &trunk, NULL), 0);
	lists(d, 0,
	      "opus/48000=96 G722/8000=9 PCMA/8000=8 PCMU/8000=0 "
	      "telephone-event/48000=100 telephone-event/8000=101");
	desc_free(d);

	x = parse(dino);
	ck_assert_int_eq(join_offer_sip(&d, &trunk, x), 0);
	/* RFC 4733 2.1, and what phones know */
	lists(d, 0,
	      "opus/48000=96 telephone-event/48000=100 "
	      "telephone-event/8000=101");
	desc_free(d);
	desc_free(x);

	x = parse(g729);
	ck_assert_int_eq(join_offer_sip(&d, &trunk, x), ENOTSUP);
	desc_free(x);
}
END_TEST

START_TEST(offer_to_xmpp)
{
	struct desc *d, *s = parse(phone);

	ck_assert_int_eq(join_offer_xmpp(&d, &trunk, s), 0);
	lists(d, 0, "PCMA/8000=8 PCMU/8000=0 telephone-event/8000=126");
	ck_assert_uint_eq(d->groupc, 1);
	desc_free(d);
	desc_free(s);

	s = parse(phone_opus);
	ck_assert_int_eq(join_offer_xmpp(&d, &trunk, s), 0);
	/* one, or libwebrtc takes the wrong one */
	lists(d, 0, "opus/48000=111 PCMU/8000=0 telephone-event/48000=110");
	desc_free(d);
	desc_free(s);

	s = parse(g729);
	ck_assert_int_eq(join_offer_xmpp(&d, &trunk, s), ENOTSUP);
	desc_free(s);
}
END_TEST

START_TEST(answer_to_xmpp)
{
	struct desc *d, *x = parse(webrtc), *s = parse(phone);

	ck_assert_int_eq(join_answer_xmpp(&d, x, s), 0);
	ck_assert_uint_eq(d->mediac, 2); /* all that was offered, D25 */
	lists(d, 0, "PCMA/8000=8 PCMU/8000=0 telephone-event/8000=126");
	lists(d, 1, "VP8/90000=96 -");
	ck_assert_str_eq(d->media[0]->mid, "a");
	ck_assert_str_eq(d->media[1]->mid, "v");
	ck_assert(!d->media[1]->rejected);
	ck_assert_uint_eq(d->groupc, 1);
	ck_assert_uint_eq(d->groups[0].n, 2);
	ck_assert_ptr_null(d->media[0]->codecs->fbs);
	desc_free(d);
	desc_free(s);

	s = parse(phone_opus);
	ck_assert_int_eq(join_answer_xmpp(&d, x, s), 0);
	lists(d, 0, "opus/48000=111 PCMU/8000=0 telephone-event/48000=110");
	desc_free(d);
	desc_free(x);

	x = parse(dino); /* offered no group: none in the answer */
	ck_assert_int_eq(join_answer_xmpp(&d, x, s), 0);
	lists(d, 0, "opus/48000=98");
	ck_assert_uint_eq(d->groupc, 0);
	desc_free(d);
	desc_free(s);

	s = parse(phone);
	ck_assert_int_eq(join_answer_xmpp(&d, x, s), ENOTSUP);
	desc_free(x);
	desc_free(s);
}
END_TEST

START_TEST(answer_to_sip)
{
	struct desc *d, *x = parse(webrtc), *s = parse(conference);

	ck_assert_int_eq(join_answer_sip(&d, s, x), 0);
	ck_assert_uint_eq(d->mediac, 4);
	lists(d, 0, "H264/90000=96 -!");
	lists(d, 1, "PCMU/8000=0");
	ck_assert(d->media[2]->rejected);
	ck_assert(d->media[3]->rejected);
	desc_free(d);
	desc_free(s);

	s = parse(phone_opus);
	ck_assert_int_eq(join_answer_sip(&d, s, x), 0);
	lists(d, 0, "OPUS/48000=107 PCMU/8000=0 telephone-event/48000=100");
	desc_free(d);
	desc_free(s);
	desc_free(x);
}
END_TEST

static void numbers(const char *x_text, const char *s_text, const char *want)
{
	struct desc *x = parse(x_text), *s = parse(s_text);
	struct media_pt v[MEDIA_PT_MAX];
	char got[256] = "";
	size_t len = 0;
	unsigned n = join_pts(v, x->media[0], s->media[0]);

	for (unsigned i = 0; i < n; i++)
		len +=
		    (size_t)snprintf(got + len, sizeof(got) - len, "%s%u:%u%s",
				     len ? " " : "", v[i].x, v[i].s,
				     !v[i].event		    ? ""
				     : v[i].x_clock == v[i].s_clock ? "e"
								    : "E");
	ck_assert_str_eq(got, want);
	desc_free(x);
	desc_free(s);
}

START_TEST(payload_numbers)
{
	/* the event clock follows the audio clock; what comes from SIP goes
	 * out under the first entry */
	numbers(webrtc, phone_opus, "111:107 0:0 110:100e 126:100E");
	numbers(webrtc, phone, "0:0 8:8 126:101e 110:101E");
	/* a client without events: digits can still be made for SIP */
	numbers(dino, phone_opus, "98:107 255:100e");
	numbers(dino, phone, "255:101e");
}
END_TEST

/* Lines of an offer that name a codec, each behind the side's name. */
static void codec_lines(char *out, size_t size, const struct desc *d,
			const char *side)
{
	char *text, *line, *save = NULL;
	size_t len;

	for (const struct codec *c = d->media[0]->codecs; c; c = c->next)
		ck_assert_uint_eq(c->channels,
				  strcmp(c->name, "opus") ? 1 : 2);
	ck_assert_int_eq(desc_encode(&text, &len, d), 0);
	for (line = strtok_r(text, "\r\n", &save); line;
	     line = strtok_r(NULL, "\r\n", &save)) {
		size_t at = strlen(out);

		if (!strncmp(line, "a=rtpmap:", 9) ||
		    !strncmp(line, "a=fmtp:", 7))
			(void)snprintf(out + at, size - at, "%s %s\n", side,
				       line);
	}
	free(text);
}

START_TEST(own_offers)
{
	FILE *f = fopen("tests/data/join_offers.txt", "r");
	char line[128], want[2048] = "", got[2048] = "";
	struct desc *d;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] != '#')
			(void)strncat(want, line,
				      sizeof(want) - strlen(want) - 1);
	}
	(void)fclose(f);

	ck_assert_int_eq(join_offer_xmpp(&d, &all, NULL), 0);
	codec_lines(got, sizeof(got), d, "xmpp");
	desc_free(d);
	ck_assert_int_eq(join_offer_sip(&d, &all, NULL), 0);
	codec_lines(got, sizeof(got), d, "sip");
	desc_free(d);
	ck_assert_str_eq(got, want);
}
END_TEST

START_TEST(source)
{
	struct desc *d;

	ck_assert_int_eq(join_offer_xmpp(&d, &trunk, NULL), 0);
	ck_assert_int_eq(join_source(d, d->media[0], 7, "c"), 0);
	ck_assert_uint_eq(d->media[0]->sources->ssrc, 7);
	ck_assert_str_eq(param_find(d->media[0]->sources->params, "cname"),
			 "c");
	desc_free(d);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("join");

	tcase_add_test(tc, offer_to_sip);
	tcase_add_test(tc, offer_to_xmpp);
	tcase_add_test(tc, answer_to_xmpp);
	tcase_add_test(tc, answer_to_sip);
	tcase_add_test(tc, payload_numbers);
	tcase_add_test(tc, own_offers);
	tcase_add_test(tc, source);

	return suite_run("bridge_join", tc);
}
