/* chatloop.c: messages that a PBX sends back to where they came from (protocol
 * B.5, D12). */
#include <errno.h>
#include <string.h>
#include "bridge/address.h"
#include "bridge/chatpriv.h"

static void destructor(void *arg)
{
	cached_destruct(arg);
}

/* Who writes to whom, by what a PBX leaves as it is: the user parts. */
static int key_make(char **keyp, const struct address *from,
		    const struct address *to)
{
	return re_sdprintf(keyp, "%s\n%s", from->user, to->user);
}

/* EBADMSG: one of the two is no address of SIP. */
static int key_of(char **keyp, const char *from, const char *to)
{
	struct address a, b;
	int err;

	err = address_decode(&a, from);
	if (err)
		return err == ENOMEM ? err : EBADMSG;

	err = address_decode(&b, to);
	if (!err) {
		err = key_make(keyp, &a, &b);
		address_clear(&b);
	}
	address_clear(&a);

	return !err || err == ENOMEM ? err : EBADMSG;
}

int chatloop_note(struct chat *chat, const struct chatmsg *m)
{
	struct cached *item;
	char *key = NULL;
	int err;

	err = key_of(&key, m->as, m->uri);
	if (err)
		return err == EBADMSG ? 0 : err;

	if (!cache_find(chat->out, key)) {
		item = mem_zalloc(sizeof(*item), destructor);
		err = item ? cache_add(chat->out, item, key) : ENOMEM;
	}
	mem_deref(key);

	return err;
}

/* In this mode From has the whole JID and a component of ours as its host. */
static bool claims_to_be_ours(const struct chat *chat,
			      const struct message_in *in)
{
	const struct config *c = chat->conf.config;
	struct address from;
	bool ours = false;

	if (siptrunk_conf(in->trunk)->addressing != CONFIG_ADDR_ESCAPED ||
	    address_decode(&from, in->from->uri))
		return false;

	for (size_t i = 0; i < c->xmppc && from.host; i++)
		ours = ours || !str_casecmp(c->xmpp[i].component, from.host);
	address_clear(&from);

	return ours;
}

bool chatloop_is(struct chat *chat, const struct message_in *in)
{
	char *key = NULL;
	bool loop;

	if (claims_to_be_ours(chat, in))
		return true;
	if (key_of(&key, in->from->uri, in->ruri))
		return false;

	loop = cache_find(chat->out, key) != NULL;
	mem_deref(key);

	return loop;
}
