/* shed.c: whether the gateway has time for one more call. */
#include <errno.h>
#include <string.h>
#include "base/lag.h"
#include "base/log.h"
#include "bridge/callpriv.h"
#include "bridge/drain.h"
#include "bridge/shed.h"

enum {
	TICK = 50,	  /* ms */
	RETRY_AFTER = 10, /* s, as policy.c says when full */
	WINDOW_MIN = 8,	  /* calls in set-up that are always allowed */
	GROWTH = 8,	  /* a tick in time adds an eighth */
};

struct shed {
	const struct config_limits *limits;
	struct policy *policy;
	struct engine *engine;
	struct tmr tick;
	uint64_t due; /* ms */
	struct lag signalling, media;
	struct lag_gate signalling_gate, media_gate;
	bool shedding;
	unsigned starting, window;
	uint64_t refused, refused_before, since; /* since: ms */
};

static void shed_destructor(void *arg)
{
	struct shed *s = arg;

	tmr_cancel(&s->tick);
}

static void log_change(struct shed *s)
{
	const uint64_t now = tmr_jiffies();

	if (s->shedding) {
		log_warning("load: new calls are refused: signalling is %llu "
			    "ms behind, media %llu ms, with %u calls\n",
			    (unsigned long long)s->signalling.smooth / 1000,
			    (unsigned long long)s->media.smooth / 1000,
			    policy_calls(s->policy));
		s->since = now;
		s->refused_before = s->refused;
		return;
	}

	log_info("load: new calls are taken again, %llu were refused in "
		 "%llu ms\n",
		 (unsigned long long)(s->refused - s->refused_before),
		 (unsigned long long)(now - s->since));
}

/* Half as many at once as were too many; more as long as they are done in
 * time. */
static void window_move(struct shed *s, bool began)
{
	if (began)
		s->window = MIN(s->window, s->starting / 2);
	else if (!s->shedding)
		s->window += s->window / GROWTH + 1;

	s->window = MAX(s->window, WINDOW_MIN);
	s->window = MIN(s->window, s->limits->half_open);
}

void shed_tell(struct shed *s, uint64_t signalling, uint64_t media)
{
	bool shut;

	lag_note(&s->signalling, signalling);
	lag_note(&s->media, media);
	shut = lag_gate_tick(&s->signalling_gate, lag_tick(&s->signalling));
	shut |= lag_gate_tick(&s->media_gate, lag_tick(&s->media));
	if (shut == s->shedding) {
		window_move(s, false);
		return;
	}

	s->shedding = shut;
	log_change(s);
	window_move(s, shut);
}

static void tick(void *arg)
{
	struct shed *s = arg;
	const uint64_t now = tmr_jiffies();
	uint64_t own = lag_signalling.worst;

	own = MAX(own, now > s->due ? (now - s->due) * 1000 : 0);
	own = MAX(own, engine_told_lag(s->engine));
	lag_signalling.worst = 0;
	shed_tell(s, own, engine_lag(s->engine));
	s->due = now + TICK;
	tmr_start(&s->tick, TICK, tick, s);
}

void shed_renew(struct shed *s)
{
	s->signalling_gate.limit = 1000ull * s->limits->signalling_lag;
	s->media_gate.limit = 1000ull * s->limits->media_lag;
	s->window = s->limits->half_open;
}

int shed_alloc(struct shed **sp, const struct config_limits *limits,
	       struct policy *policy, struct engine *engine)
{
	struct shed *s;

	s = mem_zalloc(sizeof(*s), shed_destructor);
	if (!s)
		return ENOMEM;

	s->limits = limits;
	s->policy = policy;
	s->engine = engine;
	shed_renew(s);
	s->due = tmr_jiffies() + TICK;
	if (engine)
		tmr_start(&s->tick, TICK, tick, s);
	*sp = s;

	return 0;
}

static int refuse(struct shed *s, struct ending *why, int err,
		  const char *text)
{
	ending_set(why, REASON_GENERAL_ERROR, 503, text);
	why->retry_after = RETRY_AFTER;
	why->full = true;
	++s->refused;

	return err;
}

int shed_judge(struct shed *s, struct ending *why)
{
	if (policy_calls(s->policy) >= policy_room(s->policy))
		return refuse(s, why, ENOSPC,
			      "the gateway carries as many calls as it can");
	if (s->engine && !engine_room(s->engine))
		return refuse(s, why, ENOSPC, "no port or descriptor is left");
	if (s->shedding)
		return refuse(s, why, EBUSY,
			      "the gateway is too busy for a new call, try "
			      "again soon");
	if (s->window && s->starting >= s->window)
		return refuse(s, why, EBUSY,
			      "too many calls are being set up, try again "
			      "soon");

	return 0;
}

void shed_begin(struct shed *s)
{
	if (s)
		++s->starting;
}

void shed_end(struct shed *s)
{
	if (s && s->starting)
		--s->starting;
}

void shed_info(const struct shed *s, struct shed_info *info)
{
	struct engine_use use;

	memset(info, 0, sizeof(*info));
	if (!s)
		return;

	info->shedding = s->shedding;
	info->signalling = s->signalling.smooth;
	info->media = s->media.smooth;
	info->signalling_max = s->limits->signalling_lag;
	info->media_max = s->limits->media_lag;
	info->starting = s->starting;
	info->starting_max = s->window;
	info->refused = s->refused;
	if (!s->engine)
		return;

	engine_used(s->engine, &use);
	info->ports = use.ports;
	info->ports_max = use.ports_max;
	info->fds = use.fds;
	info->fds_max = use.fds_max;
}

/* ---- for the legs ---- */

/* No limit holds for an emergency number. */
static bool is_emergency(const char *from, const char *to)
{
	const struct route_ask ask = {.from = from, .to = to};
	struct route_choice choice;
	bool emergency;

	if (!from || !calls_conf.config || !calls_conf.config->emergencyc)
		return false;

	memset(&choice, 0, sizeof(choice));
	emergency =
	    !route_choose(calls_conf.route, &ask, &choice) && choice.emergency;
	route_choice_clear(&choice);

	return emergency;
}

bool call_admits(const char *from, const char *to, struct ending *why)
{
	memset(why, 0, sizeof(*why));
	if (drain_is_on() && !is_emergency(from, to)) {
		drain_refuse(why);
		return false;
	}
	if (!calls_conf.shed || !shed_judge(calls_conf.shed, why))
		return true;
	if (!is_emergency(from, to)) {
		++call_counts.shed;
		return false;
	}
	--calls_conf.shed->refused;

	return true;
}
