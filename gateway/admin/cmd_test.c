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

void cmd_route_test(struct command_run *r)
{
	const char *jid = command_arg(r, "jid");
	json_t *j =
	    decision_route(command_gateway(r), command_arg(r, "number"), jid);

	if (j)
		tell(r, j);
	else
		command_fail(r, EINVAL, "%s: no user's JID, or no component",
			     jid);
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
