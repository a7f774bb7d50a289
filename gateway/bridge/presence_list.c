/* presence_list.c: who watches whom, for who looks at it from outside. */
#include <string.h>
#include "bridge/presence_priv.h"

struct listing {
	const char *user;
	presence_info_h *h;
	void *arg;
};

static bool pair_tell(struct le *le, void *arg)
{
	const struct pair *pair = le->data;
	const struct listing *l = arg;
	const struct presence_info info = {
	    .user = pair->user,
	    .contact = pair->contact,
	    .from = pair->from,
	    .to = pair->to,
	    .at_phone = ask_state_name((enum ask_state)pair->base.state),
	    .trunk = pair->trunk ? pair->trunk->name : NULL,
	    .shown = pair->shown,
	    .watchers = list_count(&pair->onlookers),
	};

	if (l->user && strcmp(l->user, pair->user) != 0)
		return false;

	return l->h(&info, l->arg);
}

void presence_apply(const struct presence *p, const char *user,
		    presence_info_h *h, void *arg)
{
	struct listing l = {user, h, arg};

	if (p)
		(void)hash_apply(p->pairs, pair_tell, &l);
}
