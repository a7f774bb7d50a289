/* tables.c: the words of Jingle (XEP-0166 7.2). */
#include "jingle/jingle.h"

#include <string.h>

static const char *const actions[JINGLE_ACTION_UNKNOWN] = {
    [JINGLE_CONTENT_ACCEPT] = "content-accept",
    [JINGLE_CONTENT_ADD] = "content-add",
    [JINGLE_CONTENT_MODIFY] = "content-modify",
    [JINGLE_CONTENT_REJECT] = "content-reject",
    [JINGLE_CONTENT_REMOVE] = "content-remove",
    [JINGLE_DESCRIPTION_INFO] = "description-info",
    [JINGLE_SECURITY_INFO] = "security-info",
    [JINGLE_SESSION_ACCEPT] = "session-accept",
    [JINGLE_SESSION_INFO] = "session-info",
    [JINGLE_SESSION_INITIATE] = "session-initiate",
    [JINGLE_SESSION_TERMINATE] = "session-terminate",
    [JINGLE_TRANSPORT_ACCEPT] = "transport-accept",
    [JINGLE_TRANSPORT_INFO] = "transport-info",
    [JINGLE_TRANSPORT_REJECT] = "transport-reject",
    [JINGLE_TRANSPORT_REPLACE] = "transport-replace",
};

const char *jingle_action_name(enum jingle_action a)
{
	return (unsigned)a < JINGLE_ACTION_UNKNOWN ? actions[a] : "";
}

enum jingle_action jingle_action_find(const char *name)
{
	unsigned i;

	for (i = 0; name && i < JINGLE_ACTION_UNKNOWN; i++) {
		if (!strcmp(actions[i], name))
			return (enum jingle_action)i;
	}

	return JINGLE_ACTION_UNKNOWN;
}
