/* policy_list.c: users who have called lately, for who looks at them from
 * outside. */
#include <errno.h>
#include <string.h>
#include "bridge/policy_priv.h"

struct listing {
	policy_info_h *h;
	void *arg;
};

static void info_fill(struct policy_info *info, struct account *a)
{
	struct quota_used used;

	memset(info, 0, sizeof(*info));
	info->user = a->name;
	info->plan = a->plan ? a->plan->name : NULL;
	info->calls = a->calls;
	info->counted = a->quota != NULL;
	if (!a->quota)
		return;

	policy_count_talk(a);
	quota_used(a->quota, policy_now(a->policy), &used);
	info->calls_hour = used.calls_hour;
	info->calls_day = used.calls_day;
	info->talk_hour = used.ms_hour;
	info->talk_day = used.ms_day;
}

static bool account_tell(struct le *le, void *arg)
{
	struct account *a = le->data;
	const struct listing *l = arg;
	struct policy_info info;

	if (!strchr(a->name, '@')) /* a trunk */
		return false;

	info_fill(&info, a);

	return l->h(&info, l->arg);
}

void policy_apply(struct policy *p, policy_info_h *h, void *arg)
{
	struct listing l = {h, arg};

	(void)hash_apply(p->accounts, account_tell, &l);
}

int policy_info(struct policy *p, const char *user, struct policy_info *info)
{
	struct account *a = policy_find(p, user);

	if (!a)
		return ENOENT;

	info_fill(info, a);

	return 0;
}
