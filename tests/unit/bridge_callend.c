/* bridge_callend.c: what became of calls, and that each counts once. */
#include "bridge_toys.h"
#include "suite.h"

/* ---- what a call counts as ---- */

#define G CALL_BY_GATEWAY
#define X CALL_BY_XMPP
#define S CALL_BY_SIP

static const struct row {
	bool from_xmpp, answered, refused, full;
	enum call_by by;
	enum reason said;
	unsigned code;
	/* want */
	enum call_outcome outcome;
	unsigned sip_code;
	enum reason reason;
} rows[] = {
    /* answered */
    {true, true, false, false, X, REASON_SUCCESS, 0, OUTCOME_ANSWERED, 200,
     REASON_SUCCESS},
    {true, true, false, false, S, REASON_NONE, 0, OUTCOME_ANSWERED, 200,
     REASON_SUCCESS},
    {false, true, false, false, S, REASON_NONE, 0, OUTCOME_ANSWERED, 200,
     REASON_SUCCESS},
    {false, true, false, false, G, REASON_SUCCESS, 0, OUTCOME_STOPPED, 200,
     REASON_SUCCESS},
    {true, true, false, false, G, REASON_EXPIRED, 0, OUTCOME_STOPPED, 200,
     REASON_EXPIRED},
    {true, true, false, false, G, REASON_GONE, 0, OUTCOME_STOPPED, 200,
     REASON_GONE},
    {true, true, false, false, G, REASON_MEDIA_ERROR, 0, OUTCOME_MEDIA, 200,
     REASON_MEDIA_ERROR},
    {false, true, false, false, X, REASON_CONNECTIVITY_ERROR, 0, OUTCOME_MEDIA,
     200, REASON_CONNECTIVITY_ERROR},
    {true, true, false, false, G, REASON_GENERAL_ERROR, 0, OUTCOME_FAILED, 200,
     REASON_GENERAL_ERROR},
    /* XMPP calls */
    {true, false, false, false, S, REASON_NONE, 486, OUTCOME_BUSY, 486,
     REASON_BUSY},
    {true, false, false, false, S, REASON_NONE, 600, OUTCOME_BUSY, 600,
     REASON_BUSY},
    {true, false, false, false, S, REASON_NONE, 603, OUTCOME_DECLINED, 603,
     REASON_DECLINE},
    {true, false, false, false, S, REASON_NONE, 403, OUTCOME_DECLINED, 403,
     REASON_DECLINE},
    {true, false, false, false, S, REASON_NONE, 404, OUTCOME_UNREACHABLE, 404,
     REASON_GONE},
    {true, false, false, false, S, REASON_NONE, 480, OUTCOME_UNREACHABLE, 480,
     REASON_TIMEOUT},
    {true, false, false, false, S, REASON_NONE, 408, OUTCOME_NO_ANSWER, 408,
     REASON_TIMEOUT},
    {true, false, false, false, S, REASON_NONE, 488, OUTCOME_INCOMPATIBLE, 488,
     REASON_INCOMPATIBLE_PARAMETERS},
    {true, false, false, false, S, REASON_NONE, 500, OUTCOME_FAILED, 500,
     REASON_GENERAL_ERROR},
    {true, false, false, false, X, REASON_CANCEL, 0, OUTCOME_CANCELLED, 487,
     REASON_CANCEL},
    {true, false, false, false, X, REASON_SUCCESS, 0, OUTCOME_CANCELLED, 487,
     REASON_SUCCESS},
    {true, false, false, false, G, REASON_GONE, 480, OUTCOME_UNREACHABLE, 480,
     REASON_GONE},
    {true, false, false, false, G, REASON_GONE, 0, OUTCOME_STOPPED, 487,
     REASON_GONE},
    {true, false, false, false, G, REASON_NONE, 0, OUTCOME_FAILED, 487,
     REASON_CANCEL},
    /* SIP calls */
    {false, false, false, false, S, REASON_CANCEL, 487, OUTCOME_CANCELLED, 487,
     REASON_CANCEL},
    {false, false, false, false, X, REASON_BUSY, 0, OUTCOME_BUSY, 486,
     REASON_BUSY},
    {false, false, false, false, X, REASON_DECLINE, 0, OUTCOME_DECLINED, 603,
     REASON_DECLINE},
    {false, false, false, false, X, REASON_TIMEOUT, 0, OUTCOME_NO_ANSWER, 480,
     REASON_TIMEOUT},
    {false, false, false, false, X, REASON_GONE, 0, OUTCOME_UNREACHABLE, 480,
     REASON_GONE},
    /* nobody was asked */
    {true, false, true, false, G, REASON_DECLINE, 0, OUTCOME_REFUSED, 0,
     REASON_DECLINE},
    {true, false, true, false, G, REASON_GONE, 0, OUTCOME_UNREACHABLE, 0,
     REASON_GONE},
    {true, false, true, false, G, REASON_BUSY, 0, OUTCOME_LIMITED, 0,
     REASON_BUSY},
    {true, false, true, true, G, REASON_GENERAL_ERROR, 503, OUTCOME_LIMITED, 0,
     REASON_GENERAL_ERROR},
    {false, false, true, false, G, REASON_NONE, 403, OUTCOME_REFUSED, 403,
     REASON_DECLINE},
    {false, false, true, false, G, REASON_NONE, 404, OUTCOME_UNREACHABLE, 404,
     REASON_GONE},
    {false, false, true, false, G, REASON_BUSY, 482, OUTCOME_LIMITED, 482,
     REASON_BUSY},
    {false, false, true, false, G, REASON_INCOMPATIBLE_PARAMETERS, 0,
     OUTCOME_INCOMPATIBLE, 488, REASON_INCOMPATIBLE_PARAMETERS},
};

START_TEST(counts_as)
{
	const struct row *r = &rows[_i];
	const struct ending why = {
	    .reason = r->said, .sip_code = r->code, .full = r->full};
	struct call_end end = {.from_xmpp = r->from_xmpp,
			       .answered = r->answered,
			       .refused = r->refused,
			       .by = r->by,
			       .why = &why};

	call_end_judge(&end);
	ck_assert_str_eq(call_outcome_name(end.outcome),
			 call_outcome_name(r->outcome));
	ck_assert_uint_eq(end.sip_code, r->sip_code);
	ck_assert_str_eq(reason_name(end.reason), reason_name(r->reason));
}
END_TEST

/* tests/data/outcomes.txt */
START_TEST(outcomes)
{
	FILE *f = fopen("tests/data/outcomes.txt", "r");
	char line[128], side[8], told[32], want[16];
	unsigned n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		struct ending why = {.reason = REASON_NONE};
		struct call_end end = {.why = &why};

		if (line[0] == '#')
			continue;
		ck_assert_int_eq(
		    sscanf(line, "%7s %31s %15s", side, told, want), 3);
		end.from_xmpp = !strcmp(side, "sip");
		end.by = end.from_xmpp ? CALL_BY_SIP : CALL_BY_XMPP;
		if (end.from_xmpp)
			why.sip_code = (unsigned)atoi(told);
		while (!end.from_xmpp && strcmp(reason_name(why.reason), told))
			why.reason++;
		call_end_judge(&end);
		ck_assert_msg(!strcmp(call_outcome_name(end.outcome), want),
			      "%s is not %s", line,
			      call_outcome_name(end.outcome));
		n++;
	}
	ck_assert_uint_eq(n, 56);
	(void)fclose(f);
}
END_TEST

START_TEST(outcome_names)
{
	static const struct {
		enum call_outcome outcome;
		const char *name; /* stoxd(8), Records */
	} v[] = {
	    {OUTCOME_ANSWERED, "answered"},
	    {OUTCOME_BUSY, "busy"},
	    {OUTCOME_DECLINED, "declined"},
	    {OUTCOME_CANCELLED, "cancelled"},
	    {OUTCOME_NO_ANSWER, "no-answer"},
	    {OUTCOME_UNREACHABLE, "unreachable"},
	    {OUTCOME_REFUSED, "refused"},
	    {OUTCOME_LIMITED, "limited"},
	    {OUTCOME_INCOMPATIBLE, "incompatible"},
	    {OUTCOME_MEDIA, "media"},
	    {OUTCOME_STOPPED, "stopped"},
	    {OUTCOME_FAILED, "failed"},
	    {OUTCOME_CRASH, "crash"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		ck_assert_str_eq(call_outcome_name(v[i].outcome), v[i].name);
}
END_TEST

/* ---- once ---- */

static bool over;
static unsigned recorded;
static char last_id[CALL_ID_SIZE];

static void record_h(const struct call_end *end, void *arg)
{
	ck_assert_ptr_eq(arg, &recorded);
	ck_assert_str_ne(end->id, last_id);
	str_ncpy(last_id, end->id, sizeof(last_id));
	ck_assert_ptr_nonnull(end->x);
	ck_assert_ptr_nonnull(end->why);
	++recorded;
	over = true;
}

static uint32_t state = 1;

static unsigned draw(unsigned n)
{
	state = state * 1664525u + 1013904223u;

	return (state >> 8) % n;
}

static void event(enum media_event_type type, unsigned flow)
{
	const struct media_event ev = {.type = type,
				       .flow = flow,
				       .connectivity = draw(2),
				       .security = draw(2),
				       .why = "x"};

	event_h(&ev, event_arg);
}

static bool hang_h(const struct call_info *info, void *arg)
{
	str_ncpy(arg, info->name, 16);

	return true;
}

/* Something that may end it, or not. */
static void disturb(bool gathered)
{
	static const unsigned codes[] = {0, 302, 403, 404, 480, 486, 503, 603};
	char name[16];

	if (over)
		return;
	switch (draw(24)) {
	case 0:
		if (s_leg->call)
			ended(s_leg, REASON_NONE, codes[draw(8)]);
		break;
	case 1:
		if (x_leg && x_leg->call)
			ended(x_leg, (enum reason)draw(REASON_MAX), 0);
		break;
	case 2:
		(void)calls_apply(NULL, hang_h, name);
		(void)calls_hangup(name);
		break;
	case 3:
		event(MEDIA_FAILED, gathered ? draw(2) : 0);
		break;
	case 4:
		event(MEDIA_TIMEOUT, 0);
		break;
	default:
		break;
	}
}

static bool begin(bool by_xmpp)
{
	struct ending why;

	over = false;
	said[0] = '\0';
	x_leg = s_leg = NULL;
	media_room = draw(16) ? 0 : ENFILE;
	if (by_xmpp)
		(void)from_xmpp(NULL, &why);
	else
		(void)from_sip(draw(16) ? s_pcmu : s_g729, &why);

	return !over;
}

static void play(bool by_xmpp)
{
	struct leg *called;

	if (!begin(by_xmpp))
		return;
	disturb(false);
	if (!over && !by_xmpp)
		local_ready(1);
	called = by_xmpp ? s_leg : x_leg;
	if (!over)
		call_ringing(called);
	disturb(false);
	if (!over)
		answered(called, by_xmpp ? s_pcmu : x_webrtc);
	if (!over && by_xmpp)
		local_ready(1);
	disturb(true);
	if (!over && by_xmpp)
		offered(x_leg, x_webrtc);
	disturb(true);
	if (!over)
		ended(draw(2) ? s_leg : x_leg, REASON_NONE, 0);
}

static uint64_t sum(const uint64_t *v, size_t n)
{
	uint64_t all = 0;

	while (n--)
		all += v[n];

	return all;
}

/* Calls started are calls that ended and calls that are there. */
START_TEST(conserved)
{
	enum { CALLS = 20000 };
	const uint64_t *v = &call_counts.ended[0][0];
	unsigned kinds = 0;

	calls_conf.record = record_h;
	calls_conf.record_arg = &recorded;
	for (unsigned i = 0; i < CALLS; i++) {
		const unsigned before = recorded;

		play(draw(2));
		ck_assert_uint_eq(recorded, before + 1);
		ck_assert_uint_eq(calls_count(), 0);
		ck_assert_uint_eq(legs, 0);
	}
	ck_assert_uint_eq(sum(call_counts.started, 2), CALLS);
	ck_assert_uint_eq(sum(v, 2 * OUTCOME_MAX), CALLS);
	for (unsigned w = 0; w < 2; w++)
		ck_assert_uint_eq(call_counts.started[w],
				  sum(call_counts.ended[w], OUTCOME_MAX));
	for (unsigned i = 0; i < 2 * OUTCOME_MAX; i++)
		kinds += v[i] != 0;
	ck_assert_uint_ge(kinds, 14);

	/* those that are there when it ends */
	(void)begin(true);
	if (!over)
		ck_assert_uint_eq(calls_count(), 1);
}
END_TEST

static bool by_user, heard;

static void direction_h(const struct call_end *end, void *arg)
{
	(void)arg;
	by_user = end->from_xmpp;
	heard = true;
}

/* XEP-0353 4.2: who called is who called, also where the call goes on at
 * another device, which proposes whoever it was. */
START_TEST(moved)
{
	struct call_request rq = {.audio = true, .max_forwards = 70};
	const bool before = _i;
	struct ending why;

	calls_conf.record = direction_h;
	if (before)
		x2s_active();
	else
		s2x_active();
	event(MEDIA_SUSPENDED, 1);
	rq.old = x_leg;
	rq.sid = "next";
	rq.leg = toy(&xmpp_ops, NULL);
	ck_assert_int_eq(call_incoming(&rq, &why), 0);
	x_leg = rq.leg;
	mem_deref(rq.leg);
	ended(s_leg, REASON_NONE, 0);
	ck_assert(heard);
	ck_assert_int_eq(by_user, before);
	ck_assert_uint_eq(call_counts.migrated, 1);
	ck_assert_uint_eq(call_counts.ended[before][OUTCOME_ANSWERED], 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("callend");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, counts_as, 0, ARRAY_SIZE(rows));
	tcase_add_test(tc, outcomes);
	tcase_add_test(tc, outcome_names);
	tcase_add_test(tc, conserved);
	tcase_add_loop_test(tc, moved, 0, 2);

	return suite_run("bridge_callend", tc);
}
