/* cmd_people.c: users, their accounts, and who sees whom. */
#include <errno.h>
#include <string.h>
#include "admin/rows.h"
#include "admin/run.h"
#include "xmpp/jid.h"

enum {
	MOST = 1000, /* rows, unless asked for more */
	MINUTE = 60 * 1000,
};

struct listing {
	const struct gateway *gw;
	char *user; /* NULL: all */
	json_t *rows;
	size_t most;
	bool more;
};

/* Is there room for one more?  If not, those that are left are not even
 * looked at: there may be very many. */
static bool has_room(struct listing *l)
{
	if (json_array_size(l->rows) < l->most)
		return true;

	l->more = true;

	return false;
}

/* false: the user that was asked for is no JID, and that was said. */
static bool begin(struct listing *l, struct command_run *r)
{
	const char *jid = command_arg(r, "jid");

	*l = (struct listing){.gw = command_gateway(r),
			      .most = command_arg_count(r, "most", MOST)};
	if (jid && jid_bare(&l->user, jid)) {
		command_fail(r, EINVAL, "%s: no JID", jid);
		return false;
	}
	l->rows = json_array();

	return true;
}

static void end(struct listing *l, struct command_run *r)
{
	mem_deref(l->user);
	if (l->more)
		command_more(r);
	command_rows(r, l->rows);
}

/* ---- accounts ---- */

static bool account_row(const struct account_info *info, void *arg)
{
	struct listing *l = arg;
	json_t *j;

	if (!has_room(l))
		return true;

	j = json_object();
	row_text(j, "user", info->user);
	row_text(j, "gateway", info->gateway);
	row_text(j, "account", info->account);
	row_text(j, "state", info->state);
	row_bool(j, "registered", info->up);
	row_number(j, "messages", info->messages);
	json_array_append_new(l->rows, j);

	return false;
}

void cmd_accounts(struct command_run *r)
{
	struct listing l;

	if (!begin(&l, r))
		return;

	accounts_apply(l.gw->accounts, l.user, account_row, &l);
	end(&l, r);
}

/* ---- users ---- */

static bool count_account(const struct account_info *info, void *arg)
{
	(void)info;
	++*(unsigned *)arg;

	return false;
}

static bool user_row(const struct policy_info *info, void *arg)
{
	struct listing *l = arg;
	unsigned accounts = 0;
	json_t *j;

	if (!has_room(l))
		return true;

	accounts_apply(l->gw->accounts, info->user, count_account, &accounts);
	j = json_object();
	row_text(j, "user", info->user);
	row_number(j, "calls", info->calls);
	if (info->counted) {
		row_number(j, "calls_hour", info->calls_hour);
		row_number(j, "calls_day", info->calls_day);
		row_number(j, "minutes_hour", info->talk_hour / MINUTE);
		row_number(j, "minutes_day", info->talk_day / MINUTE);
	}
	if (info->plan)
		row_text(j, "plan", info->plan);
	row_number(j, "accounts", accounts);
	json_array_append_new(l->rows, j);

	return false;
}

/* Who has an account and has not called lately. */
static bool silent_row(const struct account_info *info, void *arg)
{
	struct listing *l = arg;
	const struct policy_info silent = {.user = info->user};
	const json_t *last = json_array_get(
	    l->rows,
	    json_array_size(l->rows) ? json_array_size(l->rows) - 1 : 0);
	const char *before = json_string_value(json_object_get(last, "user"));
	struct policy_info known;

	/* accounts of one user follow each other */
	if ((before && !strcmp(before, info->user)) ||
	    !policy_info(l->gw->policy, info->user, &known))
		return false;

	return user_row(&silent, l);
}

void cmd_users(struct command_run *r)
{
	struct policy_info info;
	struct listing l;

	if (!begin(&l, r))
		return;

	if (!l.user)
		policy_apply(l.gw->policy, user_row, &l);
	else if (!policy_info(l.gw->policy, l.user, &info))
		(void)user_row(&info, &l);
	accounts_apply(l.gw->accounts, l.user, silent_row, &l);
	end(&l, r);
}

/* ---- subscriptions ---- */

static const char *direction(const struct presence_info *info)
{
	if (info->from)
		return info->to ? "both" : "user sees contact";

	return info->to ? "contact sees user" : "nobody yet";
}

static bool pair_row(const struct presence_info *info, void *arg)
{
	struct listing *l = arg;
	json_t *j;

	if (!has_room(l))
		return true;

	j = json_object();
	row_text(j, "user", info->user);
	row_text(j, "contact", info->contact);
	row_text(j, "direction", direction(info));
	row_text(j, "at_phone", info->at_phone);
	row_bool(j, "shown", info->shown);
	row_number(j, "watchers", info->watchers);
	if (info->trunk)
		row_text(j, "trunk", info->trunk);
	json_array_append_new(l->rows, j);

	return false;
}

void cmd_subscriptions(struct command_run *r)
{
	struct listing l;

	if (!begin(&l, r))
		return;

	presence_apply(l.gw->presence, l.user, pair_row, &l);
	end(&l, r);
}
