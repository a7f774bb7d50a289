/* cmd_state.c: how the gateway is. */
#include <expat.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <srtp2/srtp.h>
#include "admin/load.h"
#include "admin/rows.h"
#include "admin/run.h"
#include "admin/status.h"

void cmd_status(struct command_run *r)
{
	json_t *j = status_json(command_gateway(r));

	if (command_wants_json(r)) {
		command_json(r, j);
		return;
	}

	status_print(command_text(r), command_gateway(r), j);
	json_decref(j);
	command_done(r);
}

void cmd_trunks(struct command_run *r)
{
	command_rows(r, status_trunks_json(command_gateway(r)));
}

void cmd_messages(struct command_run *r)
{
	const struct gateway *gw = command_gateway(r);

	if (command_wants_json(r)) {
		command_json(r, status_messages_json(gw));
		return;
	}

	status_messages_print(command_text(r), gw);
	command_done(r);
}

void cmd_limits(struct command_run *r)
{
	const struct gateway *gw = command_gateway(r);

	if (command_wants_json(r)) {
		command_json(r, load_json(gw));
		return;
	}

	(void)mbuf_printf(command_text(r), "%H", load_print, gw);
	command_done(r);
}

/* As they are at run time: a package may have been upgraded below us. */
void cmd_version(struct command_run *r)
{
	const struct {
		const char *name, *version;
	} v[] = {
	    {"expat", XML_ExpatVersion()},
	    {"jansson", JANSSON_VERSION},
	    {"libmicrohttpd", MHD_get_version()},
	    {"libre", sys_libre_version_get()},
	    {"libsrtp", srtp_get_version_string()},
	    {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
	    {"sqlite", sqlite3_libversion()},
	};
	json_t *j = json_object(), *libraries = json_object();

	row_text(j, "version", VERSION);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		row_text(libraries, v[i].name, v[i].version);
	json_object_set_new(j, "libraries", libraries);
	if (command_wants_json(r)) {
		command_json(r, j);
		return;
	}

	(void)mbuf_printf(command_text(r), "stoxd %s\n", VERSION);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		(void)mbuf_printf(command_text(r), "%s %s\n", v[i].name,
				  v[i].version);
	json_decref(j);
	command_done(r);
}
