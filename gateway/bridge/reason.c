/* reason.c: the tables between SIP codes, Jingle reasons, Q.850 causes and
 * stanza errors. */
#include <string.h>
#include "bridge/reason.h"

enum {
	WARN_TRANSPORT = 302, /* RFC 3261 20.43: incompatible transport */
	WARN_FORMAT = 305,    /* incompatible media format */
	WARN_TYPE = 304,      /* media type not available */
	WARN_MISC = 399,
};

/* Protocol E.5, first table.  A cause of 0 is derived from the code. */
static const struct {
	const char *name, *words;
	unsigned uas_code, uas_q850, active_q850, warning;
} reasons[REASON_MAX] = {
    [REASON_NONE] = {"", "no reason was given", 480, 0, 16, 0},
    [REASON_ALTERNATIVE_SESSION] = {"alternative-session",
				    "another session is used instead", 486, 0,
				    16, 0},
    [REASON_BUSY] = {"busy", "the other side is busy", 486, 17, 17, 0},
    [REASON_CANCEL] = {"cancel", "the caller gave up", 480, 0, 16, 0},
    [REASON_CONNECTIVITY_ERROR] = {"connectivity-error",
				   "no media path between the two sides", 500,
				   41, 41, 0},
    [REASON_DECLINE] = {"decline", "the call was declined", 603, 21, 21, 0},
    [REASON_EXPIRED] = {"expired", "the session timed out", 480, 19, 102, 0},
    [REASON_FAILED_APPLICATION] = {"failed-application",
				   "the other side could not set up media",
				   500, 41, 41, 0},
    [REASON_FAILED_TRANSPORT] = {"failed-transport",
				 "the media transport failed", 500, 41, 41, 0},
    [REASON_GENERAL_ERROR] = {"general-error", "something went wrong", 500, 41,
			      41, 0},
    [REASON_GONE] = {"gone", "the other side is not there", 480, 20, 27, 0},
    [REASON_INCOMPATIBLE_PARAMETERS] = {"incompatible-parameters",
					"no codec in common", 488, 65, 65,
					WARN_FORMAT},
    [REASON_MEDIA_ERROR] = {"media-error", "media stopped", 500, 41, 41, 0},
    [REASON_SECURITY_ERROR] = {"security-error", "media could not be secured",
			       488, 57, 57, WARN_MISC},
    [REASON_SUCCESS] = {"success", "the call ended", 480, 0, 16, 0},
    [REASON_TIMEOUT] = {"timeout", "nobody answered", 480, 19, 102, 0},
    [REASON_UNSUPPORTED_APPLICATIONS] = {"unsupported-applications",
					 "this kind of session is not "
					 "supported",
					 488, 65, 65, WARN_TYPE},
    [REASON_UNSUPPORTED_TRANSPORTS] = {"unsupported-transports",
				       "this transport is not supported", 488,
				       65, 65, WARN_TRANSPORT},
};

/* Protocol E.5, second table, left half: a final response means .. */
static const struct {
	unsigned min, max;
	enum reason reason;
} codes[] = {
    {200, 200, REASON_CANCEL}, /* Reason: SIP;cause=200, RFC 3326 2 */
    {380, 380, REASON_INCOMPATIBLE_PARAMETERS},
    {300, 399, REASON_GONE},
    {403, 403, REASON_DECLINE},
    {404, 404, REASON_GONE},
    {406, 406, REASON_INCOMPATIBLE_PARAMETERS},
    {408, 408, REASON_TIMEOUT},
    {410, 410, REASON_GONE},
    {415, 415, REASON_INCOMPATIBLE_PARAMETERS},
    {428, 428, REASON_SECURITY_ERROR},
    {433, 433, REASON_DECLINE},
    {436, 438, REASON_SECURITY_ERROR},
    {480, 480, REASON_TIMEOUT},
    {484, 485, REASON_GONE},
    {486, 486, REASON_BUSY},
    {487, 487, REASON_CANCEL},
    {488, 488, REASON_INCOMPATIBLE_PARAMETERS},
    {494, 494, REASON_SECURITY_ERROR},
    {504, 504, REASON_TIMEOUT},
    {400, 599, REASON_GENERAL_ERROR},
    {600, 600, REASON_BUSY},
    {604, 604, REASON_GONE},
    {606, 606, REASON_INCOMPATIBLE_PARAMETERS},
    {601, 699, REASON_DECLINE},
};

/* The right half: a Q.850 cause means .. */
static const struct {
	unsigned cause;
	enum reason reason;
} causes[] = {
    {1, REASON_GONE},
    {2, REASON_GONE},
    {3, REASON_GONE},
    {16, REASON_SUCCESS},
    {17, REASON_BUSY},
    {18, REASON_TIMEOUT},
    {19, REASON_TIMEOUT},
    {20, REASON_GONE},
    {21, REASON_DECLINE},
    {22, REASON_GONE},
    {27, REASON_GONE},
    {28, REASON_GONE},
    {31, REASON_SUCCESS},
    {34, REASON_CONNECTIVITY_ERROR},
    {38, REASON_CONNECTIVITY_ERROR},
    {41, REASON_CONNECTIVITY_ERROR},
    {42, REASON_CONNECTIVITY_ERROR},
    {47, REASON_CONNECTIVITY_ERROR},
    {55, REASON_DECLINE},
    {57, REASON_DECLINE},
    {58, REASON_INCOMPATIBLE_PARAMETERS},
    {65, REASON_INCOMPATIBLE_PARAMETERS},
    {70, REASON_INCOMPATIBLE_PARAMETERS},
    {79, REASON_INCOMPATIBLE_PARAMETERS},
    {87, REASON_DECLINE},
    {88, REASON_INCOMPATIBLE_PARAMETERS},
    {102, REASON_TIMEOUT},
};

/* SIP code: phrase (RFC 3261 21 ..), Q.850 cause (RFC 3398 8.2.6.1). */
static const struct {
	unsigned code;
	const char *phrase;
	unsigned q850;
} phrases[] = {
    {301, "Moved Permanently", 23}, /* RFC 4497 T2: diverted */
    {302, "Moved Temporarily", 23},
    {400, "Bad Request", 41},
    {401, "Unauthorized", 21},
    {402, "Payment Required", 21},
    {403, "Forbidden", 21},
    {404, "Not Found", 1},
    {405, "Method Not Allowed", 63},
    {406, "Not Acceptable", 79},
    {407, "Proxy Authentication Required", 21},
    {408, "Request Timeout", 102},
    {410, "Gone", 22},
    {413, "Request Entity Too Large", 127},
    {414, "Request-URI Too Long", 127},
    {415, "Unsupported Media Type", 79},
    {416, "Unsupported URI Scheme", 127},
    {420, "Bad Extension", 127},
    {421, "Extension Required", 127},
    {422, "Session Interval Too Small", 127},
    {423, "Interval Too Brief", 127},
    {480, "Temporarily Unavailable", 18},
    {481, "Call/Transaction Does Not Exist", 41},
    {482, "Loop Detected", 25},
    {483, "Too Many Hops", 25},
    {484, "Address Incomplete", 28},
    {485, "Ambiguous", 1},
    {486, "Busy Here", 17},
    {487, "Request Terminated", 16},
    {488, "Not Acceptable Here", 65},
    {489, "Bad Event", 127},
    {491, "Request Pending", 127},
    {500, "Server Internal Error", 41},
    {501, "Not Implemented", 79},
    {502, "Bad Gateway", 38},
    {503, "Service Unavailable", 41},
    {504, "Server Time-out", 102},
    {505, "Version Not Supported", 127},
    {513, "Message Too Large", 127},
    {600, "Busy Everywhere", 17},
    {603, "Decline", 21},
    {604, "Does Not Exist Anywhere", 1},
    {606, "Not Acceptable", 65},
};

/* RFC 6120 8.3.3, and the types that it gives them.  Protocol B.3 with what
 * D11 makes of it for INVITE: the response to an error of a full JID, and of a
 * bare one.  6xx is for people alone. */
static const struct {
	const char *name, *type;
	unsigned full, bare;
} conds[COND_MAX] = {
    [COND_NONE] = {"", "cancel", 500, 500},
    [COND_BAD_REQUEST] = {"bad-request", "modify", 400, 400},
    [COND_CONFLICT] = {"conflict", "cancel", 400, 400},
    [COND_FEATURE_NOT_IMPLEMENTED] = {"feature-not-implemented", "cancel", 405,
				      501},
    [COND_FORBIDDEN] = {"forbidden", "auth", 403, 403},
    [COND_GONE] = {"gone", "cancel", 410, 410},
    [COND_INTERNAL_SERVER_ERROR] = {"internal-server-error", "cancel", 500,
				    500},
    [COND_ITEM_NOT_FOUND] = {"item-not-found", "cancel", 480, 404},
    [COND_JID_MALFORMED] = {"jid-malformed", "modify", 400, 400},
    [COND_NOT_ACCEPTABLE] = {"not-acceptable", "modify", 406, 406},
    [COND_NOT_ALLOWED] = {"not-allowed", "cancel", 403, 403},
    [COND_NOT_AUTHORIZED] = {"not-authorized", "auth", 403, 403},
    [COND_POLICY_VIOLATION] = {"policy-violation", "modify", 403, 403},
    [COND_RECIPIENT_UNAVAILABLE] = {"recipient-unavailable", "wait", 480, 480},
    [COND_REDIRECT] = {"redirect", "modify", 302, 302},
    [COND_REGISTRATION_REQUIRED] = {"registration-required", "auth", 403, 403},
    [COND_REMOTE_SERVER_NOT_FOUND] = {"remote-server-not-found", "cancel", 480,
				      480},
    [COND_REMOTE_SERVER_TIMEOUT] = {"remote-server-timeout", "wait", 480, 480},
    [COND_RESOURCE_CONSTRAINT] = {"resource-constraint", "wait", 500, 500},
    [COND_SERVICE_UNAVAILABLE] = {"service-unavailable", "cancel", 480, 480},
    [COND_SUBSCRIPTION_REQUIRED] = {"subscription-required", "auth", 400, 400},
    [COND_UNDEFINED_CONDITION] = {"undefined-condition", "cancel", 400, 400},
    [COND_UNEXPECTED_REQUEST] = {"unexpected-request", "wait", 400, 400},
};

/* Protocol B.4; a range's default stands after its members. */
static const struct {
	unsigned min, max;
	enum stanza_cond cond;
} from_sip[] = {
    {301, 301, COND_GONE},
    {380, 380, COND_NOT_ACCEPTABLE},
    {300, 399, COND_REDIRECT},
    {401, 401, COND_NOT_AUTHORIZED},
    {403, 403, COND_FORBIDDEN},
    {404, 404, COND_ITEM_NOT_FOUND},
    {405, 405, COND_FEATURE_NOT_IMPLEMENTED},
    {406, 406, COND_NOT_ACCEPTABLE},
    {407, 407, COND_REGISTRATION_REQUIRED},
    {408, 408, COND_REMOTE_SERVER_TIMEOUT},
    {410, 410, COND_GONE},
    {413, 414, COND_POLICY_VIOLATION},
    {415, 416, COND_NOT_ACCEPTABLE},
    {420, 420, COND_FEATURE_NOT_IMPLEMENTED},
    {421, 421, COND_NOT_ACCEPTABLE},
    {423, 423, COND_RESOURCE_CONSTRAINT},
    {428, 428, COND_NOT_AUTHORIZED},
    {430, 430, COND_RECIPIENT_UNAVAILABLE},
    {433, 433, COND_NOT_ACCEPTABLE},
    {436, 438, COND_NOT_AUTHORIZED},
    {439, 439, COND_FEATURE_NOT_IMPLEMENTED},
    {440, 440, COND_POLICY_VIOLATION},
    {480, 480, COND_RECIPIENT_UNAVAILABLE},
    {481, 481, COND_ITEM_NOT_FOUND},
    {482, 483, COND_NOT_ACCEPTABLE},
    {484, 485, COND_ITEM_NOT_FOUND},
    {486, 487, COND_RECIPIENT_UNAVAILABLE},
    {488, 488, COND_NOT_ACCEPTABLE},
    {489, 489, COND_POLICY_VIOLATION},
    {491, 491, COND_UNEXPECTED_REQUEST},
    {494, 494, COND_NOT_ACCEPTABLE},
    {400, 499, COND_BAD_REQUEST},
    {501, 501, COND_FEATURE_NOT_IMPLEMENTED},
    {502, 502, COND_REMOTE_SERVER_NOT_FOUND},
    {504, 504, COND_REMOTE_SERVER_TIMEOUT},
    {505, 505, COND_NOT_ACCEPTABLE},
    {513, 513, COND_POLICY_VIOLATION},
    {580, 580, COND_NOT_ACCEPTABLE},
    {500, 599, COND_INTERNAL_SERVER_ERROR},
    {604, 604, COND_ITEM_NOT_FOUND},
    {606, 606, COND_NOT_ACCEPTABLE},
    {607, 608, COND_FORBIDDEN},
    {600, 699, COND_RECIPIENT_UNAVAILABLE},
};

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

const char *reason_name(enum reason r)
{
	return (unsigned)r < REASON_MAX ? reasons[r].name : "";
}

const char *reason_words(enum reason r)
{
	return (unsigned)r < REASON_MAX ? reasons[r].words : "";
}

enum reason reason_find(const char *name, size_t len)
{
	for (unsigned i = REASON_NONE + 1; i < REASON_MAX; i++) {
		if (strlen(reasons[i].name) == len &&
		    !memcmp(reasons[i].name, name, len))
			return i;
	}

	return REASON_NONE;
}

const char *reason_phrase(unsigned code)
{
	for (size_t i = 0; i < COUNT(phrases); i++) {
		if (phrases[i].code == code)
			return phrases[i].phrase;
	}

	return code >= 600 ? "Global Failure" : "Failure";
}

unsigned reason_q850(unsigned code)
{
	for (size_t i = 0; i < COUNT(phrases); i++) {
		if (phrases[i].code == code)
			return phrases[i].q850;
	}

	return 127; /* interworking, unspecified */
}

/* Protocol E.5, last row of the first table. */
static enum reason told_to_sip(const struct ending *end)
{
	return end->away ? REASON_GONE : end->reason;
}

static unsigned uas_code(const struct ending *end)
{
	if (end->sip_code >= 300 && end->sip_code <= 699)
		return end->sip_code;
	if (end->reason == REASON_NONE && end->reject)
		return 486; /* Conversations says no reason when busy */
	if (end->reason == REASON_DECLINE && end->decline_code)
		return end->decline_code;

	return reasons[told_to_sip(end)].uas_code;
}

static unsigned uas_cause(const struct ending *end, unsigned code)
{
	if (end->q850)
		return end->q850;
	if (!end->sip_code && reasons[told_to_sip(end)].uas_q850)
		return reasons[told_to_sip(end)].uas_q850;

	return reason_q850(code);
}

void reason_to_sip(struct reason_sip *out, const struct ending *end,
		   enum reason_phase phase)
{
	enum reason r = told_to_sip(end);

	memset(out, 0, sizeof(*out));

	switch (phase) {
	case REASON_UAC:
		break;

	case REASON_UAS:
		out->code = uas_code(end);
		out->phrase = reason_phrase(out->code);
		out->warning =
		    out->code == reasons[r].uas_code ? reasons[r].warning : 0;
		out->q850 = uas_cause(end, out->code);
		break;

	case REASON_ACTIVE:
		out->q850 = end->q850 ? end->q850 : reasons[r].active_q850;
		break;
	}
}

static enum reason from_cause(unsigned cause, bool answered)
{
	for (size_t i = 0; i < COUNT(causes); i++) {
		if (causes[i].cause != cause)
			continue;
		if (causes[i].reason == REASON_SUCCESS && !answered)
			return REASON_CANCEL;
		return causes[i].reason;
	}

	return REASON_GENERAL_ERROR;
}

enum reason reason_to_jingle(const struct ending *end, bool answered)
{
	if (end->reason != REASON_NONE)
		return end->reason;
	if (end->q850)
		return from_cause(end->q850, answered);

	for (size_t i = 0; end->sip_code && i < COUNT(codes); i++) {
		if (end->sip_code >= codes[i].min &&
		    end->sip_code <= codes[i].max)
			return codes[i].reason;
	}

	return answered ? REASON_SUCCESS : REASON_CANCEL;
}

const char *cond_name(enum stanza_cond c)
{
	return (unsigned)c < COND_MAX ? conds[c].name : "";
}

const char *cond_type(enum stanza_cond c)
{
	return (unsigned)c < COND_MAX ? conds[c].type : "cancel";
}

enum stanza_cond cond_find(const char *name, size_t len)
{
	for (unsigned i = COND_NONE + 1; i < COND_MAX; i++) {
		if (strlen(conds[i].name) == len &&
		    !memcmp(conds[i].name, name, len))
			return i;
	}

	return COND_NONE;
}

unsigned cond_to_sip(enum stanza_cond c, bool full)
{
	if ((unsigned)c >= COND_MAX)
		c = COND_NONE;

	return full ? conds[c].full : conds[c].bare;
}

enum stanza_cond cond_from_sip(unsigned code)
{
	for (size_t i = 0; i < COUNT(from_sip); i++) {
		if (code >= from_sip[i].min && code <= from_sip[i].max)
			return from_sip[i].cond;
	}

	return COND_UNDEFINED_CONDITION;
}
