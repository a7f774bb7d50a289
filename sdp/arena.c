/* arena.c: the memory that hangs from a desc. */
#include "sdp/list.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ARENA_MAX = 1 << 20, /* bytes a desc; desc.h */
	/* A call keeps many descs, most of them small: a new block is half as
	 * large as all before it, within these. */
	ARENA_FIRST = 448,
	ARENA_LEAST = 256,
	ARENA_BLOCK = 4096,
	ARENA_ALIGN = 16,
};

struct block {
	struct block *next;
	size_t size, used;
	_Alignas(ARENA_ALIGN) unsigned char data[];
};

struct arena {
	struct block *blocks; /* newest first */
	size_t total;
	size_t fit; /* bytes of the next block, unless 0 */
};

struct whole {
	struct desc d; /* first */
	struct arena a;
};

int desc_alloc(struct desc **dp)
{
	struct whole *w;

	if (!dp)
		return EINVAL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return ENOMEM;
	w->d.arena = &w->a;
	*dp = &w->d;
	return 0;
}

void desc_free(struct desc *d)
{
	if (!d)
		return;
	while (d->arena->blocks) {
		struct block *b = d->arena->blocks;

		d->arena->blocks = b->next;
		free(b);
	}
	free(d); /* its whole */
}

static struct block *block_add(struct arena *a, size_t least)
{
	size_t size = a->total ? a->total / 2 : ARENA_FIRST;
	struct block *b;

	if (size < ARENA_LEAST)
		size = ARENA_LEAST;
	if (a->fit)
		size = a->fit;
	if (size > ARENA_BLOCK)
		size = ARENA_BLOCK;
	if (size < least)
		size = least;
	if (size > ARENA_MAX - a->total)
		return NULL;
	b = calloc(1, sizeof(*b) + size);
	if (!b)
		return NULL;
	a->fit = 0;
	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
	a->total += size;
	return b;
}

void arena_fit(struct desc *d, const struct desc *like)
{
	for (const struct block *b = like->arena->blocks; b; b = b->next)
		d->arena->fit += b->used;
}

void *desc_mem(struct desc *d, size_t size)
{
	struct block *b;
	void *p;

	if (!d || size > ARENA_MAX)
		return NULL;
	size = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
	b = d->arena->blocks;
	if (!b || b->size - b->used < size)
		b = block_add(d->arena, size);
	if (!b)
		return NULL;
	p = b->data + b->used;
	b->used += size;
	return p;
}

/* Length of the well-formed UTF-8 character at s, 0 if it is none, or one that
 * steers: C0, DEL, C1 (RFC 3629 4). */
static size_t char_len(const unsigned char *s, size_t len)
{
	static const struct {
		unsigned char lo, hi, lo2, hi2;
		size_t len;
	} forms[] = {
	    {0x20, 0x7e, 0, 0, 1},
	    {0xc2, 0xc2, 0xa0, 0xbf, 2}, /* above C1 */
	    {0xc3, 0xdf, 0x80, 0xbf, 2},
	    {0xe0, 0xe0, 0xa0, 0xbf, 3},
	    {0xe1, 0xec, 0x80, 0xbf, 3},
	    {0xed, 0xed, 0x80, 0x9f, 3}, /* no surrogates */
	    {0xee, 0xef, 0x80, 0xbf, 3},
	    {0xf0, 0xf0, 0x90, 0xbf, 4},
	    {0xf1, 0xf3, 0x80, 0xbf, 4},
	    {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	size_t n = sizeof(forms) / sizeof(forms[0]), i = 0;

	while (i < n && (s[0] < forms[i].lo || s[0] > forms[i].hi))
		i++;
	if (i == n || len < forms[i].len)
		return 0;
	if (forms[i].len > 1 && (s[1] < forms[i].lo2 || s[1] > forms[i].hi2))
		return 0;
	for (size_t k = 2; k < forms[i].len; k++) {
		if (s[k] < 0x80 || s[k] > 0xbf)
			return 0;
	}
	return forms[i].len;
}

/* One place keeps the promise of desc.h about strings: whatever came in by SDP
 * or by XML, nothing that hangs from a desc can end a line. */
const char *desc_strn(struct desc *d, const char *s, size_t len)
{
	char *copy;

	if (!s)
		return NULL;
	len = strnlen(s, len);
	copy = desc_mem(d, len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	for (size_t i = 0; i < len;) {
		size_t n = char_len((unsigned char *)copy + i, len - i);

		if (!n)
			copy[i] = '?';
		i += n ? n : 1;
	}
	return copy;
}

const char *desc_str(struct desc *d, const char *s)
{
	return s ? desc_strn(d, s, strlen(s)) : NULL;
}
