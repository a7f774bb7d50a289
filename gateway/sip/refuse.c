/* refuse.c: the log of refused requests. */
#include "sip/refuse.h"
#include "base/log.h"
#include "sip/guard.h"
#include "sip/sipcount.h"
#include "sip/stack_priv.h"

enum {
	LINES_MAX = 20, /* a second, of each why */
	SECOND = 1000,	/* ms */
};

static const char *const why_names[REFUSE_WHYS] = {
    [REFUSE_STRANGER] = "stranger",
    [REFUSE_FLOOD] = "flood",
    [REFUSE_SIZE] = "size",
    [REFUSE_JUNK] = "junk",
    [REFUSE_CONNECTIONS] = "connections",
    [REFUSE_RULES] = "rules",
    [REFUSE_METHOD] = "method",
    [REFUSE_DIALOG] = "dialog",
    [REFUSE_CALL] = "call",
    [REFUSE_MESSAGE] = "message",
    [REFUSE_WATCHER] = "watcher",
};

const char *refuse_why_name(enum refuse_why why)
{
	return (unsigned)why < REFUSE_WHYS ? why_names[why] : "";
}

static struct {
	uint64_t since; /* ms */
	unsigned lines, hidden;
} budgets[REFUSE_WHYS];

/* A flood shall not fill the disk, nor hide what else is refused. */
static bool may_log(enum refuse_why why)
{
	const uint64_t now = tmr_jiffies();

	if (now - budgets[why].since >= SECOND) {
		if (budgets[why].hidden)
			log_info("sip: %u more refused: %s\n",
				 budgets[why].hidden, why_names[why]);
		budgets[why].since = now;
		budgets[why].lines = budgets[why].hidden = 0;
	}
	if (budgets[why].lines >= LINES_MAX) {
		++budgets[why].hidden;
		return false;
	}

	++budgets[why].lines;

	return true;
}

void refuse_log(const struct refusal *r)
{
	const struct config_trunk *conf =
	    r->trunk ? siptrunk_conf(r->trunk) : NULL;
	struct pl method = PL("-");

	++sip_counts.refused[r->why];
	if (!may_log(r->why))
		return;

	if (r->method && guard_knows_method(r->method))
		method = *r->method;
	log_info("sip: refused %j port %u %s %r %u %s trunk %s\n", r->src,
		 sa_port(r->src), sip_transp_name(r->tp), &method, r->code,
		 why_names[r->why], conf && conf->name ? conf->name : "-");
}

void refuse_msg(const struct sip_msg *msg, const struct siptrunk *trunk,
		enum refuse_why why, unsigned code)
{
	const struct refusal r = {.src = &msg->src,
				  .tp = msg->tp,
				  .method = &msg->met,
				  .code = code,
				  .why = why,
				  .trunk = trunk};

	refuse_log(&r);
}
