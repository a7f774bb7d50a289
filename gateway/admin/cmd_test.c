/* cmd_test.c: what would become of a call, and our address. */
#include <errno.h>
#include <string.h>
#include "admin/decision.h"
#include "admin/run.h"
#include "bridge/call.h"

static void tell(struct command_run *r, json_t *decision)
{
	if (command_wants_json(r)) {
		command_json(r, decision);
		return;
	}

	(void)mbuf_printf(command_text(r), "%H", decision_print, decision);
	json_decref(decision);
	command_done(r);
}

struct lookup {		       /* what ENUM says of the number */
	struct command_run *r; /* not referenced */
	struct enum_query *query;
	json_t *decision;
};

static void lookup_destructor(void *arg)
{
	struct lookup *l = arg;

	mem_deref(l->query);
	json_decref(l->decision);
}

static void found(const char *uri, void *arg)
{
	struct lookup *l = arg;
	char words[320];

	(void)re_snprintf(words, sizeof(words), "ENUM: %s",
			  uri ? uri : "nothing");
	json_array_append_new(json_object_get(l->decision, "steps"),
			      command_string(words));
	if (uri)
		json_object_set_new(l->decision, "uri", command_string(uri));
	tell(l->r, json_incref(l->decision));
}

/* False: there is nothing to ask, or nobody. */
static bool look_up(struct command_run *r, const struct route_choice *c,
		    json_t *decision)
{
	struct lookup *l;

	if (!c->lookup[0])
		return false;
	l = mem_zalloc(sizeof(*l), lookup_destructor);
	if (!l)
		return false;

	l->r = r;
	l->decision = json_incref(decision);
	if (route_lookup(&l->query, c, sipstack_dns(command_gateway(r)->stack),
			 found, l)) {
		mem_deref(l);
		return false;
	}
	json_decref(decision);
	command_keep(r, l);
	mem_deref(l);

	return true;
}

void cmd_route_test(struct command_run *r)
{
	struct route_choice c;
	const char *jid = command_arg(r, "jid");
	json_t *j = decision_route(command_gateway(r),
				   command_arg(r, "number"), jid, &c);

	if (j && !look_up(r, &c, j))
		tell(r, j);
	else if (!j)
		command_fail(r, EINVAL, "%s: no user's JID, or no component",
			     jid);
	if (j)
		route_choice_clear(&c);
}

void cmd_acl_test(struct command_run *r)
{
	tell(r, decision_acl(command_gateway(r), command_arg(r, "jid")));
}

void cmd_address(struct command_run *r)
{
	const struct gateway *gw = command_gateway(r);
	const char *address = command_arg(r, "address");
	struct sockaddr_storage ss;
	struct sa sa;

	if (sa_set_str(&sa, address, 0)) {
		command_fail(r, EINVAL, "%s: not an IPv4 or IPv6 address",
			     address);
		return;
	}

	memset(&ss, 0, sizeof(ss));
	memcpy(&ss, &sa.u.sa, sa.len);
	engine_set_public(gw->engine, &ss);
	sipstack_set_public(gw->stack, &sa);
	calls_readdress();

	if (command_wants_json(r)) {
		command_json(r, json_pack("{s:s}", "address", address));
		return;
	}

	(void)mbuf_printf(command_text(r),
			  "public address is %s, %u calls follow\n", address,
			  calls_count());
	command_done(r);
}
