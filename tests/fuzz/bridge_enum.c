/* bridge_enum.c: records of ENUM of any bytes: what comes out is an address at
 * a name, and nothing else. */
#include <stdlib.h>
#include <string.h>
#include "bridge/address.h"
#include "bridge/enum.h"
#include "sip/nameaddr.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const char *const numbers[] = {"+4930123456", "+1", "+999", "600",
				      "+493012345678901"};

static void check_uri(const char *uri)
{
	const char *host = strrchr(uri, '@');
	struct address a;

	if (strncmp(uri, "sip:", 4) || !host || strpbrk(uri, ";?<> \r\n\"") ||
	    !nameaddr_uri_safe(uri) || strlen(uri) > 255)
		abort();
	if (address_decode(&a, uri))
		abort();
	/* no address of a network */
	if (!a.host || host[1] == '[' ||
	    !a.host[strspn(a.host, "0123456789.")])
		abort();
	address_clear(&a);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const char *number;
	char *text, *uri = NULL, *services, name[64];

	if (size < 2)
		return 0;

	number = numbers[data[0] % 5];
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';

	if (!enum_rewrite(&uri, text, number)) {
		check_uri(uri);
		mem_deref(uri);
	}
	services = strchr(text, '\n');
	if (services)
		*services++ = '\0';
	(void)enum_serves(text, services);
	if (!enum_name(name, sizeof(name), number, text) &&
	    strlen(name) >= sizeof(name))
		abort();
	if (!enum_name(name, sizeof(name), text, "e164.arpa") &&
	    strlen(name) >= sizeof(name))
		abort();
	free(text);

	return 0;
}
