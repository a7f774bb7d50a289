/* decision.c: route test and acl test. */
#include <errno.h>
#include <string.h>
#include "admin/decision.h"
#include "admin/rows.h"
#include "admin/run.h"
#include "base/text.h"
#include "bridge/policy.h"
#include "xmpp/jid.h"

static void step(const char *text, void *arg)
{
	json_array_append_new(arg, command_string(text));
}

/* A number as it is typed is the local part of an address. */
static int address_of(char **jidp, const struct config *c, const char *number)
{
	char *local = NULL;
	int err;

	if (!c->xmppc)
		return ENOENT;

	err = jid_escape(&local, number, strlen(number));
	if (!err)
		err = re_sdprintf(jidp, "%s@%s", local, c->xmpp[0].component);
	mem_deref(local);

	return err;
}

json_t *decision_route(const struct gateway *gw, const char *number,
		       const char *jid, struct route_choice *c)
{
	json_t *j, *steps;
	struct route_ask ask;
	enum stanza_cond cond;
	char *to = NULL;

	if (!strchr(jid, '@') || address_of(&to, gw->config, number))
		return NULL;

	j = json_object();
	steps = json_array();
	ask = (struct route_ask){jid, to, step, steps};
	cond = route_choose(gw->route, &ask, c);
	if (!cond)
		step("allowed", steps);
	row_bool(j, "allowed", !cond);
	row_text(j, "uri", c->to.uri);
	row_text(j, "as", c->as);
	row_text(j, "why", c->why);
	json_object_set_new(j, "steps", steps);
	mem_deref(to);

	return j;
}

json_t *decision_acl(const struct gateway *gw, const char *jid)
{
	const struct policy_user pu = {gw->policy, jid};
	json_t *j = json_object(), *steps = json_array();
	char *text = NULL, *line, *rest;

	route_access(gw->route, jid, step, steps);
	if (!re_sdprintf(&text, "%H", policy_print_user, &pu)) {
		for (line = strtok_r(text, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest))
			step(line, steps);
	}
	mem_deref(text);
	json_object_set_new(j, "steps", steps);

	return j;
}

/* What is typed comes back: shown as the log shows what peers write. */
int decision_print(struct re_printf *pf, const json_t *decision)
{
	const json_t *steps = json_object_get(decision, "steps");
	int err = 0;

	for (size_t i = 0; i < json_array_size(steps) && !err; i++) {
		struct pl pl;

		pl_set_str(&pl, json_string_value(json_array_get(steps, i)));
		err = re_hprintf(pf, "%H\n", text_print_log, &pl);
	}

	return err;
}
