/* cmd_people.c: users, their accounts, and who sees whom. */
#include <errno.h>
#include <string.h>
#include "admin/run.h"
#include "xmpp/jid.h"

enum {
	MOST = 1000, /* rows, unless asked for more */
	MINUTE = 60 * 1000,
};

struct listing {
	const struct gateway *gw;
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

/* The user that was asked for, prepared; false: it is no JID, and that was
 * said. */
static bool user_of(struct command_run *r, char **userp)
{
	const char *jid = command_arg(r, "jid");

	*userp = NULL;
	if (!jid || !jid_bare(userp, jid))
		return true;

	command_fail(r, EINVAL, "%s: no JID", jid);

	return false;
}

static void begin(struct listing *l, struct command_run *r)
{
	l->gw = command_gateway(r);
	l->rows = json_array();
	l->most = command_arg_count(r, "most", MOST);
	l->more = false;
}

static void end(struct listing *l, struct command_run *r)
{
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
	json_object_set_new(j, "user", command_string(info->user));
	json_object_set_new(j, "gateway", command_string(info->gateway));
	json_object_set_new(j, "account", command_string(info->account));
	json_object_set_new(j, "state", command_string(info->state));
	json_object_set_new(j, "registered", json_boolean(info->up));
	json_object_set_new(j, "messages", json_integer(info->messages));
	json_array_append_new(l->rows, j);

	return false;
}

void cmd_accounts(struct command_run *r)
{
	struct listing l;
	char *user;

	if (!user_of(r, &user))
		return;

	begin(&l, r);
	accounts_apply(l.gw->accounts, user, account_row, &l);
	mem_deref(user);
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
	json_object_set_new(j, "user", command_string(info->user));
	json_object_set_new(j, "calls", json_integer(info->calls));
	if (info->counted) {
		json_object_set_new(j, "calls_hour",
				    json_integer(info->calls_hour));
		json_object_set_new(j, "calls_day",
				    json_integer(info->calls_day));
		json_object_set_new(
		    j, "minutes_hour",
		    json_integer((json_int_t)(info->talk_hour / MINUTE)));
		json_object_set_new(
		    j, "minutes_day",
		    json_integer((json_int_t)(info->talk_day / MINUTE)));
	}
	if (info->plan)
		json_object_set_new(j, "plan", command_string(info->plan));
	json_object_set_new(j, "accounts", json_integer(accounts));
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
	char *user;

	if (!user_of(r, &user))
		return;

	begin(&l, r);
	if (!user)
		policy_apply(l.gw->policy, user_row, &l);
	else if (!policy_info(l.gw->policy, user, &info))
		(void)user_row(&info, &l);
	accounts_apply(l.gw->accounts, user, silent_row, &l);
	mem_deref(user);
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
	json_object_set_new(j, "user", command_string(info->user));
	json_object_set_new(j, "contact", command_string(info->contact));
	json_object_set_new(j, "direction", command_string(direction(info)));
	json_object_set_new(j, "at_phone", command_string(info->at_phone));
	json_object_set_new(j, "shown", json_boolean(info->shown));
	json_object_set_new(j, "watchers", json_integer(info->watchers));
	if (info->trunk)
		json_object_set_new(j, "trunk", command_string(info->trunk));
	json_array_append_new(l->rows, j);

	return false;
}

void cmd_subscriptions(struct command_run *r)
{
	struct listing l;
	char *user;

	if (!user_of(r, &user))
		return;

	begin(&l, r);
	presence_apply(l.gw->presence, user, pair_row, &l);
	mem_deref(user);
	end(&l, r);
}
