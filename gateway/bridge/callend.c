/* callend.c: how calls end: what is said of each, and how many they were. */
#include "bridge/callend.h"
#include <string.h>
#include "base/id.h"
#include "base/now.h"
#include "bridge/callpriv.h"

/* ms, of a person's patience; s, of calls */
#define WAITS                                                                 \
	{                                                                     \
		.bounds = {                                                   \
			50,                                                   \
			100,                                                  \
			250,                                                  \
			500,                                                  \
			1000,                                                 \
			2500,                                                 \
			5000,                                                 \
			10000,                                                \
			20000,                                                \
			40000,                                                \
			60000,                                                \
			180000                                                \
		}                                                             \
	}
struct call_counts call_counts = {
    .ringing = {WAITS, WAITS},
    .answer = {WAITS, WAITS},
    .duration = {.bounds = {1, 5, 15, 30, 60, 180, 300, 600, 1800, 3600, 7200,
			    14400}},
};

static const char *const outcome_names[OUTCOME_MAX] = {
    [OUTCOME_ANSWERED] = "answered",
    [OUTCOME_BUSY] = "busy",
    [OUTCOME_DECLINED] = "declined",
    [OUTCOME_CANCELLED] = "cancelled",
    [OUTCOME_NO_ANSWER] = "no-answer",
    [OUTCOME_UNREACHABLE] = "unreachable",
    [OUTCOME_REFUSED] = "refused",
    [OUTCOME_LIMITED] = "limited",
    [OUTCOME_INCOMPATIBLE] = "incompatible",
    [OUTCOME_MEDIA] = "media",
    [OUTCOME_STOPPED] = "stopped",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_CRASH] = "crash",
};

const char *call_outcome_name(enum call_outcome o)
{
	return (unsigned)o < OUTCOME_MAX ? outcome_names[o] : "";
}

/* Before an answer, and where the one who calls did not give up. */
static const enum call_outcome by_reason[REASON_MAX] = {
    [REASON_NONE] = OUTCOME_FAILED,
    [REASON_ALTERNATIVE_SESSION] = OUTCOME_CANCELLED,
    [REASON_BUSY] = OUTCOME_BUSY,
    [REASON_CANCEL] = OUTCOME_CANCELLED,
    [REASON_CONNECTIVITY_ERROR] = OUTCOME_MEDIA,
    [REASON_DECLINE] = OUTCOME_DECLINED,
    [REASON_EXPIRED] = OUTCOME_NO_ANSWER,
    [REASON_FAILED_APPLICATION] = OUTCOME_INCOMPATIBLE,
    [REASON_FAILED_TRANSPORT] = OUTCOME_MEDIA,
    [REASON_GENERAL_ERROR] = OUTCOME_FAILED,
    [REASON_GONE] = OUTCOME_UNREACHABLE,
    [REASON_INCOMPATIBLE_PARAMETERS] = OUTCOME_INCOMPATIBLE,
    [REASON_MEDIA_ERROR] = OUTCOME_MEDIA,
    [REASON_SECURITY_ERROR] = OUTCOME_MEDIA,
    [REASON_SUCCESS] = OUTCOME_DECLINED, /* it hung up at once */
    [REASON_TIMEOUT] = OUTCOME_NO_ANSWER,
    [REASON_UNSUPPORTED_APPLICATIONS] = OUTCOME_INCOMPATIBLE,
    [REASON_UNSUPPORTED_TRANSPORTS] = OUTCOME_INCOMPATIBLE,
};

static const struct {
	unsigned min, max;
	enum call_outcome outcome;
} by_code[] = {
    {300, 399, OUTCOME_UNREACHABLE},  {403, 403, OUTCOME_DECLINED},
    {404, 404, OUTCOME_UNREACHABLE},  {408, 408, OUTCOME_NO_ANSWER},
    {410, 410, OUTCOME_UNREACHABLE},  {415, 415, OUTCOME_INCOMPATIBLE},
    {480, 480, OUTCOME_UNREACHABLE},  {484, 485, OUTCOME_UNREACHABLE},
    {486, 486, OUTCOME_BUSY},	      {487, 487, OUTCOME_CANCELLED},
    {488, 488, OUTCOME_INCOMPATIBLE}, {600, 600, OUTCOME_BUSY},
    {603, 603, OUTCOME_DECLINED},     {604, 604, OUTCOME_UNREACHABLE},
    {606, 606, OUTCOME_INCOMPATIBLE}, {607, 608, OUTCOME_DECLINED},
};

static enum call_outcome judge_code(unsigned code)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_code); i++) {
		if (code >= by_code[i].min && code <= by_code[i].max)
			return by_code[i].outcome;
	}

	return OUTCOME_FAILED;
}

/* Nobody was asked: rules, limits, or no such address. */
static enum call_outcome judge_refusal(const struct ending *why)
{
	if (why->full || why->reason == REASON_BUSY)
		return OUTCOME_LIMITED;
	if (why->reason == REASON_DECLINE || why->sip_code == 403)
		return OUTCOME_REFUSED;

	return why->reason ? by_reason[why->reason]
			   : judge_code(why->sip_code);
}

static enum call_outcome judge(const struct call_end *end)
{
	const struct ending *why = end->why;
	const bool caller =
	    end->by == (end->from_xmpp ? CALL_BY_XMPP : CALL_BY_SIP);

	if (end->refused)
		return judge_refusal(why);
	if (by_reason[why->reason] == OUTCOME_MEDIA)
		return OUTCOME_MEDIA;
	if (end->answered && end->by != CALL_BY_GATEWAY)
		return OUTCOME_ANSWERED;
	if (end->by == CALL_BY_GATEWAY &&
	    (why->reason == REASON_SUCCESS || why->reason == REASON_EXPIRED ||
	     (why->reason == REASON_GONE && !why->sip_code)))
		return OUTCOME_STOPPED;
	if (caller &&
	    (!why->reason || why->reason == REASON_CANCEL ||
	     why->reason == REASON_SUCCESS) &&
	    !why->sip_code)
		return OUTCOME_CANCELLED;
	if (!why->reason && why->sip_code)
		return judge_code(why->sip_code);
	if (!why->reason && why->reject)
		return OUTCOME_BUSY;

	return by_reason[why->reason];
}

/* The last response to the INVITE. */
static unsigned last_code(const struct call_end *end,
			  const struct reason_sip *sip)
{
	if (end->answered)
		return 200;
	if (end->from_xmpp && end->refused)
		return 0; /* there was none */
	if (end->why->sip_code)
		return end->why->sip_code;

	return end->from_xmpp ? 487 : sip->code; /* what CANCEL brings */
}

void call_end_judge(struct call_end *end)
{
	const struct ending *why = end->why;
	struct reason_sip sip;

	reason_to_sip(&sip, why,
		      end->answered    ? REASON_ACTIVE
		      : end->from_xmpp ? REASON_UAC
				       : REASON_UAS);
	end->outcome = judge(end);
	end->sip_code = last_code(end, &sip);
	end->q850 = why->q850 ? why->q850 : sip.q850;
	if (!end->q850 && end->sip_code >= 300)
		end->q850 = reason_q850(end->sip_code);
	end->reason =
	    why->reason ? why->reason : reason_to_jingle(why, end->answered);
}

void call_id_print(char id[CALL_ID_SIZE], uint64_t at, const char *name)
{
	(void)re_snprintf(id, CALL_ID_SIZE, "%llu-%s", (unsigned long long)at,
			  name);
}

const char *call_end_words(const struct call_end *end)
{
	return ending_words(end->why);
}

/* ---- of struct call ---- */

void callend_begin(struct call *call)
{
	call->started = tmr_jiffies();
	call->begun = now_wall_ms();
	++call_counts.started[call->by_user];
}

void callend_rings(struct call *call)
{
	if (call->rang)
		return;

	call->rang = tmr_jiffies();
	histogram_add(&call_counts.ringing[call->by_user],
		      call->rang - call->started);
}

void callend_answered(const struct call *call)
{
	histogram_add(&call_counts.answer[call->by_user],
		      call->answered - call->started);
}

static void tell(struct call_end *end)
{
	call_id_print(end->id, end->at, end->name);
	call_end_judge(end);
	++call_counts.ended[end->from_xmpp][end->outcome];
	if (end->answered)
		histogram_add(&call_counts.duration,
			      (end->lasted - end->talking) / 1000);
	if (calls_conf.ended && !end->refused)
		calls_conf.ended(end, calls_conf.busy_arg);
	if (calls_conf.record)
		calls_conf.record(end, calls_conf.record_arg);
}

/* Once: whoever comes second finds it told. */
void callend_tell(struct call *call, const struct leg *by, bool refused,
		  const struct ending *why)
{
	const uint64_t now = tmr_jiffies();
	char codec[64];
	struct call_end end;

	if (call->told)
		return;

	call->told = true;
	call_codec(call, codec, sizeof(codec));
	memset(&end, 0, sizeof(end));
	end.name = call->name;
	end.x = &call->xp;
	end.s = &call->sp;
	end.as = call->as;
	end.trunk = call->trunk ? call->trunk->name : "";
	end.rule = call->rule ? call->rule : "";
	end.codec = codec;
	end.diverted = call->diverted;
	end.from_xmpp = call->by_user;
	end.answered = call->answered != 0;
	end.by_xmpp = by && by == call->x;
	end.refused = refused;
	end.by = !by		 ? CALL_BY_GATEWAY
		 : by == call->x ? CALL_BY_XMPP
				 : CALL_BY_SIP;
	end.why = why;
	end.at = call->begun;
	end.begun = call->started;
	end.ringing = call->rang ? call->rang - call->started : 0;
	end.talking = call->answered ? call->answered - call->started : 0;
	end.lasted = now - call->started;
	end.media = call->media != NULL;
	tell(&end);
}

/* A user may not call: there is no call, but an attempt. */
void callend_refused(const struct call_request *rq, const struct ending *why)
{
	const uint64_t at = now_wall_ms();
	struct call_end end;
	char name[9];

	(void)re_snprintf(name, sizeof(name), "%08x", (unsigned)id_random());
	memset(&end, 0, sizeof(end));
	end.name = name;
	end.x = &rq->from;
	end.s = &rq->to;
	end.trunk = end.rule = end.codec = "";
	end.from_xmpp = end.refused = true;
	end.by = CALL_BY_GATEWAY;
	end.why = why;
	end.at = at;
	end.begun = tmr_jiffies();
	++call_counts.started[true];
	tell(&end);
}
