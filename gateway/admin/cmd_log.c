/* cmd_log.c: what is logged, for a time or for good. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include "admin/rows.h"
#include "admin/run.h"
#include "base/log.h"

static const char *const kind_names[] = {
    [LOG_RULE_ALL] = "all",
    [LOG_RULE_AREA] = "area",
    [LOG_RULE_CALL] = "call",
    [LOG_RULE_JID] = "jid",
};

/* What the level is for: at most one of the three is given. */
static int rule_of(struct log_rule *rule, const struct command_run *r)
{
	unsigned n = 0;

	memset(rule, 0, sizeof(*rule));
	for (unsigned i = LOG_RULE_AREA; i <= LOG_RULE_JID; i++) {
		const char *v = command_arg(r, kind_names[i]);

		if (!v)
			continue;
		if (strlen(v) > LOG_NAME_MAX)
			return E2BIG;
		rule->kind = (enum log_rule_kind)i;
		str_ncpy(rule->name, v, sizeof(rule->name));
		n++;
	}

	return n > 1 ? EINVAL : 0;
}

static json_t *rule_json(const struct log_rule *rule)
{
	json_t *j = json_object();

	row_text(j, "for", kind_names[rule->kind]);
	row_text(j, "name", rule->name);
	row_text(j, "level", log_level_name(rule->level));
	if (rule->left)
		row_number(j, "seconds_left", rule->left);

	return j;
}

static void told(struct command_run *r, const struct log_rule *rule,
		 const char *level, unsigned seconds)
{
	char span[32] = "";

	if (seconds)
		(void)re_snprintf(span, sizeof(span), " for %u s", seconds);
	log_warning("main: %s sets the log's level to %s, %s%s%s%s\n",
		    command_who(r), level, kind_names[rule->kind],
		    rule->name[0] ? " " : "", rule->name, span);
	if (command_wants_json(r)) {
		command_json(r, rule_json(rule));
		return;
	}
	(void)mbuf_printf(command_text(r), "%s%s%s: %s%s\n",
			  kind_names[rule->kind], rule->name[0] ? " " : "",
			  rule->name, level, span);
	command_done(r);
}

static void set_default(struct command_run *r, struct log_rule *rule)
{
	if (log_rule_remove(rule->kind, rule->name)) {
		command_fail(r, ENOENT, "there is no level of its own");
		return;
	}
	rule->level = log_level_get();
	told(r, rule, "that of the others", 0);
}

void cmd_log_level(struct command_run *r)
{
	const char *level = command_arg(r, "level");
	const char *span = command_arg(r, "for");
	unsigned long seconds;
	struct log_rule rule;
	int err;

	err = rule_of(&rule, r);
	if (err == E2BIG) {
		command_fail(r, EINVAL, "a name has at most %u bytes",
			     LOG_NAME_MAX);
		return;
	}
	if (err) {
		command_fail(r, EINVAL,
			     "a level is for an area, a call or a JID");
		return;
	}
	if (!strcmp(level, "default")) {
		set_default(r, &rule);
		return;
	}

	err = log_level_decode(&rule.level, level);
	seconds = span ? command_span(span) : 0;
	rule.left = seconds < UINT_MAX ? (unsigned)seconds : UINT_MAX;
	if (!err && rule.kind == LOG_RULE_ALL && !rule.left) {
		(void)log_rule_remove(LOG_RULE_ALL, "");
		log_set_level(rule.level);
	} else if (!err) {
		err =
		    log_rule_set(rule.kind, rule.name, rule.level, rule.left);
	}

	if (err == E2BIG)
		command_fail(r, EBUSY,
			     "there are %u levels already; \"log "
			     "level default ..\" takes one back",
			     LOG_RULES_MAX);
	else if (err)
		command_fail(r, EINVAL, "%m", err);
	else
		told(r, &rule, level, rule.left);
}

void cmd_log_show(struct command_run *r)
{
	struct log_rule rules[LOG_RULES_MAX], all = {.kind = LOG_RULE_ALL};
	const unsigned n = log_rules_get(rules);
	json_t *v = json_array();

	all.level = log_level_get();
	json_array_append_new(v, rule_json(&all));
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(v, rule_json(&rules[i]));
	command_rows(r, v);
}
