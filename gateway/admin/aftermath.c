/* aftermath.c: after a crash: both sides are told, records are closed. */
#include "admin/aftermath.h"
#include "admin/cdr.h"
#include "base/log.h"
#include "bridge/chat.h"
#include "bridge/orphan.h"

static void orphan_handler(const struct orphan_info *info, void *arg)
{
	struct gateway *gw = arg;
	const struct cdr_crash crash = {
	    .name = info->name,
	    .at = info->begun,
	    .talking = info->talking,
	    .ended = info->alive,
	    .from_xmpp = info->from_xmpp,
	    .user = info->user,
	    .as = info->as,
	    .peer = info->peer,
	    .peer_jid = info->peer_jid,
	    .trunk = info->trunk,
	};

	log_info("call %s: %s with %s: its process died\n", info->name,
		 info->user ? info->user : "-", info->peer ? info->peer : "-");
	if (gw->cdr && cdr_crashed(gw->cdr, &crash))
		log_warning("call %s: no record of it\n", info->name);
}

int aftermath_open(struct gateway *gw)
{
	const char *store = gw->config->store.path;
	char *path = NULL;
	int err;

	if (!store)
		return 0;

	err = re_sdprintf(&path, "%s.calls", store);
	if (!err)
		err = orphans_open(path, policy_room(gw->policy),
				   orphan_handler, gw);
	path = mem_deref(path);
	if (!err)
		err = re_sdprintf(&path, "%s.messages", store);
	if (!err)
		err = chat_keep(gw->chat, path);
	mem_deref(path);

	return err;
}

void aftermath_close(void)
{
	orphans_close();
}
