/* cache.c: a hash table and a list, oldest use first. */
#include "bridge/cache.h"
#include <errno.h>
#include <string.h>
#include "base/keyed.h"

struct cache {
	struct hash *items;
	struct list order;
	unsigned count, max;
	uint64_t age;
};

static void destructor(void *arg)
{
	struct cache *c = arg;

	list_flush(&c->order);
	mem_deref(c->items);
}

void cached_destruct(struct cached *item)
{
	if (item->in)
		--item->in->count;
	hash_unlink(&item->he);
	list_unlink(&item->le);
	item->key = mem_deref(item->key);
}

int cache_alloc(struct cache **cp, unsigned max, uint64_t age)
{
	struct cache *c = mem_zalloc(sizeof(*c), destructor);
	int err;

	if (!c)
		return ENOMEM;

	c->max = max;
	c->age = age;
	err = hash_alloc(&c->items, max);
	if (err)
		mem_deref(c);
	else
		*cp = c;

	return err;
}

static bool is_key(struct le *le, void *arg)
{
	const struct cached *item = le->data;

	return !strcmp(item->key, *(const char **)arg);
}

static void forget_old(struct cache *c, uint64_t now)
{
	struct cached *oldest = list_ledata(c->order.head);

	while (oldest && oldest->used + c->age < now) {
		mem_deref(oldest);
		oldest = list_ledata(c->order.head);
	}
}

void *cache_find(struct cache *c, const char *key)
{
	const uint64_t now = tmr_jiffies();
	struct cached *item;

	forget_old(c, now);
	item =
	    list_ledata(hash_lookup(c->items, keyed_str(key), is_key, &key));
	if (item) {
		item->used = now;
		list_unlink(&item->le);
		list_append(&c->order, &item->le, item);
	}

	return item;
}

int cache_add(struct cache *c, struct cached *item, const char *key)
{
	if (!item || str_dup(&item->key, key)) {
		mem_deref(item);
		return ENOMEM;
	}

	mem_deref(cache_find(c, key));
	while (c->count >= c->max)
		mem_deref(list_ledata(c->order.head));

	item->used = tmr_jiffies();
	item->in = c;
	++c->count;
	hash_append(c->items, keyed_str(key), &item->he, item);
	list_append(&c->order, &item->le, item);

	return 0;
}

unsigned cache_count(const struct cache *c)
{
	return c->count;
}
