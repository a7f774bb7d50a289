/* jingle_codec.c: <jingle/> <-> desc: the example of a whole offer, the habits
 * of clients, limits (XEP-0166, 0167, 0176, 0293, 0294, 0320, 0338, 0339). */
#include <errno.h>
#include <glob.h>
#include <stdio.h>

#include "jingle/jingle.h"
#include "jinglehelp.h"
#include "suite.h"

#define RTP "xmlns='urn:xmpp:jingle:apps:rtp:1'"
#define ICE "xmlns='urn:xmpp:jingle:transports:ice-udp:1'"
#define MD                                                                    \
	"6B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:"                    \
	"DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08"
#define CONTENT "<content creator='initiator' name='0'>"

static struct desc *d;

static int decode_as(const char *contents, bool initiator)
{
	struct stanza *st;
	char *text = NULL;
	int err;

	desc_free(d);
	d = NULL;
	ck_assert(!re_sdprintf(&text,
			       "<jingle xmlns='urn:xmpp:jingle:1'>%s"
			       "</jingle>",
			       contents));
	st = help_parse(text, strlen(text));
	ck_assert_msg(st != NULL, "not XML: %s", text);
	err = jingle_decode(&d, st, initiator);
	stanza_free(st);
	mem_deref(text);

	return err;
}

static int decode(const char *contents)
{
	return decode_as(contents, true);
}

static char *encode(bool initiator, bool description, int only)
{
	struct stanza *e = stanza_new("jingle", NS_JINGLE);
	char *text = NULL;

	ck_assert_int_eq(0, jingle_encode(e, d, initiator, description, only));
	ck_assert(!re_sdprintf(&text, "%H", stanza_print, e));
	stanza_free(e);

	return text;
}

static void encodes(bool initiator, const char *expected)
{
	char *text = encode(initiator, true, -1);

	ck_assert_str_eq(text, expected);
	mem_deref(text);
}

/* The offer of protocol E.8, in the order in which it is written. */
static const char offer[] =
    "<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'>"
    "<content name='0'/></group>"
    "<content creator='initiator' name='0' senders='both'>"
    "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
    "<payload-type id='111' name='opus' clockrate='48000' channels='2'>"
    "<parameter name='minptime' value='10'/>"
    "<parameter name='useinbandfec' value='1'/></payload-type>"
    "<payload-type id='0' name='PCMU' clockrate='8000'/>"
    "<payload-type id='126' name='telephone-event' clockrate='8000'/>"
    "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='305419896'>"
    "<parameter name='cname' value='q8Zt'/>"
    "<parameter name='msid' value='gw gw0'/></source>"
    "<rtcp-mux/></description>"
    "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='uQ7c' "
    "pwd='Lk2vR0yqS8nW3bT5mX1zC6'>"
    "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' "
    "setup='actpass'>" MD "</fingerprint>"
    "<candidate component='1' foundation='1' generation='0' id='c1' "
    "ip='203.0.113.7' port='40002' priority='2130706431' protocol='udp' "
    "type='host'/></transport></content>";

START_TEST(test_example)
{
	const struct desc_media *m;
	const struct transport *t;
	char *text = NULL;

	ck_assert_int_eq(0, decode(offer));
	ck_assert_uint_eq(d->mediac, 1);
	m = d->media[0];
	t = &m->transport;
	ck_assert_str_eq(m->mid, "0");
	ck_assert_int_eq(m->kind, DESC_AUDIO);
	ck_assert_int_eq(m->proto, DESC_TLS_SAVPF);
	ck_assert_int_eq(m->dir, DESC_SENDRECV);
	ck_assert_uint_eq(m->codecc, 3);
	ck_assert_str_eq(m->codecs->name, "opus");
	ck_assert_uint_eq(m->codecs->channels, 2);
	ck_assert_str_eq(param_find(m->codecs->params, "useinbandfec"), "1");
	ck_assert_uint_eq(m->sources->ssrc, 305419896);
	ck_assert_str_eq(param_find(m->sources->params, "msid"), "gw gw0");
	ck_assert(t->mux);
	ck_assert_str_eq(t->ufrag, "uQ7c");
	ck_assert_int_eq(t->setup, DESC_SETUP_ACTPASS);
	ck_assert_int_eq(t->fingerprint.hash, HASH_SHA256);
	ck_assert_uint_eq(t->fingerprint.md[1], 0x8b);
	ck_assert_uint_eq(t->candidatec, 1);
	ck_assert_uint_eq(t->candidates->addr.port, 40002);
	ck_assert_uint_eq(d->groupc, 1);
	ck_assert_uint_eq(d->groups[0].n, 1);

	ck_assert(!re_sdprintf(&text,
			       "<jingle xmlns='urn:xmpp:jingle:1'>%s"
			       "</jingle>",
			       offer));
	encodes(true, text);
	mem_deref(text);
}
END_TEST

/* ---- what clients write ---- */

START_TEST(test_stanzaio)
{
	const struct codec *c;

	/* prefixes, a parameter without a value, no candidates */
	ck_assert_int_eq(
	    0, decode("<content creator='initiator' name='0'><description " RTP
		      " xmlns:f='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' "
		      "media='audio'><payload-type id='63' name='red' "
		      "clockrate='48000' channels='2'><parameter "
		      "name='111/111'/></payload-type><payload-type id='9' "
		      "name='G722' clockrate='8000'><f:rtcp-fb type='nack' "
		      "subtype='pli'/></payload-type><payload-type id='110' "
		      "name='telephone-event' clockrate='48000'><parameter "
		      "name='events' value='0-15'/></payload-type><stream "
		      "xmlns='urn:s' id='x'/></description><transport " ICE
		      " ufrag='u' pwd='p'/></content>"));
	c = d->media[0]->codecs;
	ck_assert_str_eq(c->params->name, "");
	ck_assert_str_eq(c->params->value, "111/111");
	c = c->next;
	ck_assert_str_eq(c->fbs->type, "nack");
	ck_assert_str_eq(c->fbs->subtype, "pli");
	c = c->next;
	ck_assert_str_eq(c->params->name, "");
	ck_assert_str_eq(c->params->value, "0-15");
	ck_assert_uint_eq(d->media[0]->transport.candidatec, 0);

	encodes(true,
		"<jingle xmlns='urn:xmpp:jingle:1'><content "
		"creator='initiator' name='0' senders='both'><description " RTP
		" media='audio'><payload-type id='63' name='red' "
		"clockrate='48000' channels='2'><parameter name='pt' "
		"value='111,111'/></payload-type><payload-type id='9' "
		"name='G722' clockrate='8000'><rtcp-fb "
		"xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='nack' "
		"subtype='pli'/></payload-type><payload-type id='110' "
		"name='telephone-event' clockrate='48000'><parameter "
		"name='events' value='0-15'/></payload-type></description>"
		"<transport " ICE " ufrag='u' pwd='p'/></content></jingle>");
}
END_TEST

static int candidates(const char *list)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 CONTENT "<transport " ICE " ufrag='u' pwd='p'>%s</transport>"
			 "</content>",
		 list);
	return decode(text);
}

#define CAND(more)                                                            \
	"<candidate foundation='1' priority='1' generation='0' "              \
	"type='host' " more "/>"

START_TEST(test_candidates)
{
	const struct candidate *c;
	char *text;

	ck_assert_int_eq(
	    0, candidates(CAND("component='2' ip='1.2.3.4' port='5' "
			       "protocol='udp' id='1x'")
			      CAND("component='1' ip='1.2.3.4' port='9' "
				   "protocol='tcp' tcptype='active' id='a'")
				  CAND("component='1' ip='x.local' port='5' "
				       "protocol='udp' id='b'")
				      CAND("component='1' ip='::1' port='5' "
					   "protocol='UDP' id='c d'")));
	ck_assert_uint_eq(d->media[0]->transport.candidatec, 3);
	c = d->media[0]->transport.candidates;
	ck_assert_uint_eq(c->component, 2);
	ck_assert(!c->tcp);
	ck_assert(c->next->tcp);
	ck_assert_uint_eq(c->next->next->addr.family, 6);

	/* no TCP, ids that are NCNames */
	text = encode(true, false, 0);
	ck_assert_ptr_null(strstr(text, "tcp"));
	ck_assert_ptr_null(strstr(text, "id='1x'"));
	ck_assert_ptr_null(strstr(text, "id='c d'"));
	ck_assert_ptr_nonnull(strstr(text, "id='c"));
	ck_assert_ptr_nonnull(strstr(text, "component='2'"));
	mem_deref(text);
}
END_TEST

/* XEP-0176 5.3, table 2 */
START_TEST(test_candidate_types)
{
	static const struct {
		const char *name;
		enum candidate_type type;
	} types[] = {
	    {"host", CANDIDATE_HOST},
	    {"srflx", CANDIDATE_SRFLX},
	    {"prflx", CANDIDATE_PRFLX},
	    {"relay", CANDIDATE_RELAY},
	};
	char list[512];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		snprintf(list, sizeof(list),
			 "<candidate foundation='1' priority='1' "
			 "component='1' ip='1.2.3.4' port='5' id='a' "
			 "generation='0' protocol='udp' type='%s'/>",
			 types[i].name);
		ck_assert_int_eq(0, candidates(list));
		ck_assert_uint_eq(d->media[0]->transport.candidatec, 1);
		ck_assert_int_eq(d->media[0]->transport.candidates->type,
				 types[i].type);
	}
}
END_TEST

START_TEST(test_no_credentials)
{
	ck_assert_int_eq(0, decode(CONTENT "<transport " ICE "/></content>"));
	ck_assert_ptr_null(d->media[0]->transport.ufrag);
	ck_assert_ptr_null(d->media[0]->transport.pwd);
	ck_assert_int_eq(EBADMSG,
			 decode(CONTENT "<transport " ICE
					" ufrag='a b' pwd='p'/></content>"));
}
END_TEST

#define FP(hash, setup, md)                                                   \
	"<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='" hash        \
	"' setup='" setup "'>" md "</fingerprint>"

static const struct {
	const char *xml;
	enum fingerprint_hash hash;
	enum desc_setup setup;
} prints[] = {
    {CONTENT "<transport " ICE
	     ">" FP("sha-256", "active", " " MD "\n") "</transport></content>",
     HASH_SHA256, DESC_SETUP_ACTIVE},
    {CONTENT "<description " RTP " media='audio'>" FP(
	 "SHA-256", "passive", MD) "</description><transport " ICE
				   "/></content>",
     HASH_SHA256, DESC_SETUP_PASSIVE},
    {CONTENT "<transport " ICE ">" FP("sha-1", "active",
				      "01:02:03:04:05:06:07:08:09:0a:0b:0c:"
				      "0d:0e:0f:10:11:12:13:14")
	 FP("sha-256", "actpass", MD) "</transport></content>",
     HASH_SHA256, DESC_SETUP_ACTPASS},
    {CONTENT "<transport " ICE
	     ">" FP("md5", "active", "01:02") "</transport></content>",
     HASH_OTHER, DESC_SETUP_ACTIVE},
    {CONTENT "<transport " ICE
	     ">" FP("sha-256", "holdconn", MD) "</transport></content>",
     HASH_SHA256, DESC_SETUP_NONE},
    {CONTENT "<transport " ICE "/></content>", HASH_NONE, DESC_SETUP_NONE},
};

START_TEST(test_fingerprint)
{
	const struct transport *t;

	ck_assert_int_eq(0, decode(prints[_i].xml));
	t = &d->media[0]->transport;
	ck_assert_int_eq(t->fingerprint.hash, prints[_i].hash);
	ck_assert_int_eq(t->setup, prints[_i].setup);
}
END_TEST

/* XEP-0166 7.3 names roles; what counts is who speaks. */
static const struct {
	const char *senders;
	enum desc_dir initiator, responder;
} senders[] = {
    {"both", DESC_SENDRECV, DESC_SENDRECV},
    {"initiator", DESC_SENDONLY, DESC_RECVONLY},
    {"responder", DESC_RECVONLY, DESC_SENDONLY},
    {"none", DESC_INACTIVE, DESC_INACTIVE},
};

START_TEST(test_senders)
{
	char xml[256], *text;

	snprintf(xml, sizeof(xml),
		 "<content creator='responder' name='0' senders='%s'>"
		 "<description " RTP " media='video'/></content>",
		 senders[_i].senders);
	ck_assert_int_eq(0, decode_as(xml, true));
	ck_assert_int_eq(d->media[0]->dir, senders[_i].initiator);
	ck_assert_int_eq(d->media[0]->kind, DESC_VIDEO);
	ck_assert(d->media[0]->creator_responder);

	ck_assert_int_eq(0, decode_as(xml, false));
	ck_assert_int_eq(d->media[0]->dir, senders[_i].responder);
	text = encode(false, true, -1);
	snprintf(xml, sizeof(xml), "creator='responder' name='0' senders='%s'",
		 senders[_i].senders);
	ck_assert_ptr_nonnull(strstr(text, xml));
	mem_deref(text);
}
END_TEST

START_TEST(test_rejected)
{
	char *text;

	ck_assert_int_eq(0, decode(offer));
	d->media[0]->rejected = true;
	text = encode(false, true, -1);
	ck_assert_ptr_nonnull(strstr(text, "senders='none'"));
	mem_deref(text);
}
END_TEST

START_TEST(test_groups)
{
	ck_assert_int_eq(
	    0, decode("<group xmlns='urn:xmpp:jingle:apps:grouping:0' "
		      "semantics='BUNDLE'><content name='v'/><content "
		      "name='a'/><content name='ghost'/></group>"
		      "<content name='a'><description " RTP
		      " media='audio'/><transport " ICE "/></content>"
		      "<content name='v'><description " RTP
		      " media='video'/><transport " ICE
		      " ufrag='u' pwd='p'/></content>"));
	ck_assert_uint_eq(d->groupc, 1);
	ck_assert_uint_eq(d->groups[0].n, 2);
	ck_assert_uint_eq(d->groups[0].idx[0], 1);
	ck_assert_uint_eq(d->groups[0].idx[1], 0);
	ck_assert_uint_eq(desc_group_first(d, 0), 1);
}
END_TEST

START_TEST(test_times)
{
	ck_assert_int_eq(0, decode(CONTENT "<description " RTP
					   " media='audio' ptime='40'>"
					   "<payload-type id='0' ptime='20' "
					   "maxptime='60'/><payload-type "
					   "id='13'/></description>"
					   "</content>"));
	ck_assert_uint_eq(d->media[0]->ptime, 40);
	ck_assert_str_eq(d->media[0]->codecs->name, "PCMU");
	ck_assert_uint_eq(d->media[0]->codecs->clock, 8000);
	ck_assert_uint_eq(d->media[0]->codecs->ptime, 20);
	ck_assert_uint_eq(d->media[0]->codecs->maxptime, 60);
	ck_assert_str_eq(d->media[0]->codecs->next->name, "CN");
}
END_TEST

START_TEST(test_other)
{
	char *text;

	ck_assert_int_eq(
	    0, decode("<content name='f'><description xmlns='urn:file'/>"
		      "</content><content name='r'><description " RTP
		      " media='audio'/><transport xmlns='urn:raw'/></content>"
		      "<content name='t'><description " RTP
		      " media='text'/></content>"));
	ck_assert_uint_eq(d->mediac, 3);
	ck_assert_int_eq(d->media[0]->kind, DESC_OTHER);
	ck_assert_int_eq(d->media[1]->kind, DESC_OTHER);
	ck_assert_int_eq(d->media[2]->kind, DESC_OTHER);
	text = encode(true, true, -1);
	ck_assert_str_eq(text, "<jingle xmlns='urn:xmpp:jingle:1'/>");
	mem_deref(text);
}
END_TEST

/* ---- limits and nonsense ---- */

/* Appends each with its '#' replaced by n. */
static char *numbered(char *all, const char *each, unsigned n)
{
	const char *p = strchr(each, '#');
	char *more = NULL;

	ck_assert(!re_sdprintf(&more, "%s%b%u%s", all, each,
			       (size_t)(p - each), n, p + 1));
	mem_deref(all);
	return more;
}

static int repeated(const char *head, const char *each, unsigned n,
		    const char *tail)
{
	char *text = NULL, *all = NULL;
	unsigned i;
	int err;

	ck_assert(!re_sdprintf(&all, "%s", head));
	for (i = 0; i < n; i++)
		all = numbered(all, each, i);
	ck_assert(!re_sdprintf(&text, "%s%s", all, tail));
	err = decode(text);
	mem_deref(all);
	mem_deref(text);
	return err;
}

#define DESCRIPTION CONTENT "<description " RTP " media='audio'>"
#define END	    "</description></content>"
#define SSMA	    "xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'"

static const struct {
	const char *head, *each, *tail;
	unsigned max;
} limits[] = {
    {"", "<content name='#'/>", "", DESC_MEDIA_MAX},
    {DESCRIPTION, "<payload-type id='#' name='x'/>", END, DESC_FORMAT_MAX},
    {DESCRIPTION "<payload-type id='0'>", "<parameter name='#' value='1'/>",
     "</payload-type>" END, 64},
    {DESCRIPTION,
     "<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0' type='t#'/>", END,
     32},
    {DESCRIPTION, "<source " SSMA " ssrc='#'/>", END, 64},
    {DESCRIPTION "<ssrc-group " SSMA " semantics='FID'>", "<source ssrc='#'/>",
     "</ssrc-group>" END, 8},
    {DESCRIPTION, "<bandwidth type='AS'>#</bandwidth>", END, 8},
    {CONTENT "<transport " ICE ">",
     "<candidate foundation='1' component='1' priority='1' type='host' "
     "protocol='udp' ip='192.0.2.1' port='#'/>",
     "</transport></content>", DESC_CANDIDATE_MAX},
};

START_TEST(test_limits)
{
	ck_assert_int_eq(0, repeated(limits[_i].head, limits[_i].each,
				     limits[_i].max, limits[_i].tail));
	ck_assert_int_eq(E2BIG, repeated(limits[_i].head, limits[_i].each,
					 limits[_i].max + 1, limits[_i].tail));
	ck_assert_ptr_null(d);
}
END_TEST

static const char *const bad[] = {
    "<content/>",
    "<content name=''/>",
    "<content name='a&#10;b'/>",
    "<content name='a'/><content name='a'/>",
    DESCRIPTION "<payload-type id='128' name='x'/>" END,
    DESCRIPTION "<payload-type name='x'/>" END,
    DESCRIPTION "<payload-type id='-1' name='x'/>" END,
    DESCRIPTION "<payload-type id='99'/>" END,
    DESCRIPTION "<payload-type id='99' name='a&#9;b'/>" END,
    DESCRIPTION "<source " SSMA " ssrc='4294967296'/>" END,
    DESCRIPTION "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' "
		"id='1'/>" END,
    DESCRIPTION "<encryption><crypto/></encryption>" END,
    CONTENT "<transport " ICE "><fingerprint "
	    "xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256'>zz"
	    "</fingerprint></transport></content>",
};

START_TEST(test_bad)
{
	ck_assert_int_eq(EBADMSG, decode(bad[_i]));
}
END_TEST

/* ---- the fuzzer's seeds ---- */

static glob_t seeds;

START_TEST(test_seed)
{
	static char text[16384];
	FILE *f = fopen(seeds.gl_pathv[_i], "r");
	struct stanza *st;
	char *first, *second;
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	st = help_parse(text, n);
	ck_assert_ptr_nonnull(st);
	desc_free(d);
	d = NULL;
	if (!jingle_decode(&d, st, true)) {
		first = encode(true, true, -1);
		stanza_free(st);
		desc_free(d);
		st = help_parse(first, strlen(first));
		ck_assert_int_eq(0, jingle_decode(&d, st, true));
		second = encode(true, true, -1);
		ck_assert_str_eq(first, second);
		mem_deref(first);
		mem_deref(second);
	}
	stanza_free(st);
}
END_TEST

static void cleanup(void)
{
	desc_free(d);
	d = NULL;
}

#define COUNT(v) ((int)(sizeof(v) / sizeof((v)[0])))

int main(void)
{
	TCase *tc = tcase_create("codec");
	int failed;

	if (glob("tests/fuzz/corpus/jingle_xml/*", 0, NULL, &seeds))
		return 1;

	tcase_add_checked_fixture(tc, NULL, cleanup);
	tcase_add_test(tc, test_example);
	tcase_add_test(tc, test_stanzaio);
	tcase_add_test(tc, test_candidates);
	tcase_add_test(tc, test_candidate_types);
	tcase_add_test(tc, test_no_credentials);
	tcase_add_loop_test(tc, test_fingerprint, 0, COUNT(prints));
	tcase_add_loop_test(tc, test_senders, 0, COUNT(senders));
	tcase_add_test(tc, test_rejected);
	tcase_add_test(tc, test_groups);
	tcase_add_test(tc, test_times);
	tcase_add_test(tc, test_other);
	tcase_add_loop_test(tc, test_limits, 0, COUNT(limits));
	tcase_add_loop_test(tc, test_bad, 0, COUNT(bad));
	tcase_add_loop_test(tc, test_seed, 0, (int)seeds.gl_pathc);

	failed = suite_run("jingle codec", tc);
	globfree(&seeds);

	return failed;
}
