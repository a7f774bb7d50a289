/* bridge_address.c: SIP URIs and JIDs of any bytes; what can be translated can
 * be translated back to the same address. */
#include <stdlib.h>
#include <string.h>
#include "bridge/route.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const enum config_addressing modes[] = {
    CONFIG_ADDR_TRUNK,
    CONFIG_ADDR_ESCAPED,
    CONFIG_ADDR_DOMAIN,
};

/* JID -> URI -> JID: the same.  Domain mode has its host from the JID. */
static void there_and_back(const char *jid, enum config_addressing mode)
{
	char *uri = NULL, *again = NULL;

	if (route_jid_to_uri(&uri, jid, mode, "pbx.example.net"))
		return;
	if (!route_uri_to_jid(&again, uri, mode, "gw.example.com") &&
	    mode == CONFIG_ADDR_TRUNK && strcmp(jid, again))
		abort();

	mem_deref(again);
	mem_deref(uri);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *text, *jid = NULL;
	enum config_addressing mode;

	if (size < 2)
		return 0;

	mode = modes[data[0] % 3];
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';

	if (!route_uri_to_jid(&jid, text, mode, "gw.example.com"))
		there_and_back(jid, mode);
	mem_deref(jid);
	there_and_back(text, CONFIG_ADDR_ESCAPED);
	free(text);

	return 0;
}
