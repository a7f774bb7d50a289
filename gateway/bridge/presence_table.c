/* presence_table.c: what a response to SUBSCRIBE, or the end of a
 * subscription, means (protocol C.1, D14). */
#include "bridge/presence.h"

static const char *const action_names[] = {
    [PRESENCE_REFUSE] = "refuse",	[PRESENCE_NONE] = "none",
    [PRESENCE_SYNTHETIC] = "synthetic", [PRESENCE_AGAIN] = "again",
    [PRESENCE_LATER] = "later",		[PRESENCE_PAUSE] = "pause",
    [PRESENCE_FREEZE] = "freeze",
};

const char *presence_action_name(enum presence_action a)
{
	return action_names[a];
}

static const struct {
	unsigned code;
	enum presence_action action;
} codes[] = {
    {401, PRESENCE_REFUSE},    {403, PRESENCE_REFUSE}, {404, PRESENCE_NONE},
    {407, PRESENCE_REFUSE},    {408, PRESENCE_LATER},  {410, PRESENCE_NONE},
    {423, PRESENCE_LATER},     {480, PRESENCE_LATER},  {481, PRESENCE_AGAIN},
    {501, PRESENCE_SYNTHETIC}, {603, PRESENCE_REFUSE}, {604, PRESENCE_NONE},
};

/* Where a PBX numbers its phones, 404 says that it knows no presence of this
 * one; where addresses are people's, that there is nobody. */
static enum presence_action absent(const struct config_trunk *trunk)
{
	return trunk->addressing == CONFIG_ADDR_TRUNK ? PRESENCE_SYNTHETIC
						      : PRESENCE_NONE;
}

enum presence_action presence_on_code(unsigned code,
				      const struct config_trunk *trunk)
{
	/* other 4xx, as 405, 406, 415, 489: it does not do this, but may
	 * take calls */
	enum presence_action a =
	    code >= 400 && code < 500 ? PRESENCE_SYNTHETIC : PRESENCE_LATER;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i].code == code)
			a = codes[i].action;
	}
	if (a == PRESENCE_NONE)
		a = absent(trunk);
	/* it asks who we are, and nobody has told us what to say */
	if ((code == 401 || code == 407) && !trunk->password)
		a = PRESENCE_SYNTHETIC;
	if (a == PRESENCE_SYNTHETIC && trunk->strict)
		a = PRESENCE_REFUSE;

	return a;
}

/* RFC 6665 4.1.3 */
static const struct {
	const char *reason;
	enum presence_action action;
} reasons[] = {
    {"deactivated", PRESENCE_AGAIN}, {"timeout", PRESENCE_AGAIN},
    {"probation", PRESENCE_PAUSE},   {"giveup", PRESENCE_PAUSE},
    {"rejected", PRESENCE_REFUSE},   {"noresource", PRESENCE_REFUSE},
    {"invariant", PRESENCE_FREEZE},
};

enum presence_action presence_on_reason(const char *reason)
{
	for (size_t i = 0; reason && i < ARRAY_SIZE(reasons); i++) {
		if (!str_casecmp(reason, reasons[i].reason))
			return reasons[i].action;
	}

	return PRESENCE_AGAIN;
}
