/* sip_nameaddr.c: From, PAI, Contact lists, Reason, P-Early-Media: decode,
 * print, decode again, the same. */
#include "sip/nameaddr.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sink;

static void touch(const struct pl *pl)
{
	for (size_t i = 0; i < pl->l; i++)
		sink += (unsigned char)pl->p[i];
}

static void check(const struct pl *item)
{
	struct nameaddr na, again;
	struct nameaddr_out out;
	char *name = NULL, *uri = NULL, *text = NULL, *name2 = NULL;
	struct pl pl;

	if (nameaddr_decode(&na, item) || nameaddr_name(&name, &na) ||
	    pl_strdup(&uri, &na.uri))
		goto out;
	sink += nameaddr_q(&na);
	if (nameaddr_param(&na, "tag", &pl))
		touch(&pl);
	if (strlen(uri) != na.uri.l) /* a NUL inside ends C strings */
		goto out;

	out.name = name;
	out.uri = uri;
	if (re_sdprintf(&text, "%H", nameaddr_print, &out))
		abort();
	pl_set_str(&pl, text);
	if (nameaddr_decode(&again, &pl) || pl_cmp(&again.uri, &na.uri) ||
	    nameaddr_name(&name2, &again))
		abort();
	if (!name != !name2 || (name && strcmp(name, name2)))
		abort();

out:
	mem_deref(name);
	mem_deref(name2);
	mem_deref(uri);
	mem_deref(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1); /* ends where the input does */
	struct pl list, item;
	struct reasonhdr rh;
	bool heard;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy = realloc(copy, size ? size : 1);
	list.p = copy;
	list.l = size;
	if (!reasonhdr_decode(&rh, &list)) {
		touch(&rh.proto);
		touch(&rh.text);
	}
	if (!earlyhdr_decode(&heard, &list))
		sink += heard;
	while (nameaddr_next(&list, &item))
		check(&item);

	free(copy);
	return 0;
}
