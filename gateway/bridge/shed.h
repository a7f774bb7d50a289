/* shed.h: whether the gateway has time for one more call.
 *
 * What it carries comes first: when the signalling thread or a media worker
 * gets behind with its work, new calls are refused, as soon as they are heard
 * of; nothing that belongs to a running call ever is. */
#ifndef BRIDGE_SHED_H
#define BRIDGE_SHED_H

#include "base/config.h"
#include "bridge/policy.h"

struct engine;
struct shed;

/* mem_ref object; nothing is referenced.  engine NULL: shed_tell says how far
 * things are behind. */
int shed_alloc(struct shed **sp, const struct config_limits *limits,
	       struct policy *policy, struct engine *engine);

/* The limits have changed. */
void shed_renew(struct shed *s);

/* 0, or EBUSY: no time; ENOSPC: no place, port or descriptor; *why is filled
 * then. */
int shed_judge(struct shed *s, struct ending *why);

/* A call begins to be set up; it rings, is answered or is over.  s may be
 * NULL. */
void shed_begin(struct shed *s);
void shed_end(struct shed *s);

/* us that the threads were behind at worst since the last time. */
void shed_tell(struct shed *s, uint64_t signalling, uint64_t media);

struct shed_info {
	bool shedding;
	uint64_t signalling, media;	    /* us behind, smoothed */
	unsigned signalling_max, media_max; /* ms; 0: no limit */
	unsigned starting, starting_max;    /* calls that do not ring yet */
	unsigned ports, ports_max, fds, fds_max;
	uint64_t refused; /* calls, of all time */
};
void shed_info(const struct shed *s, struct shed_info *info);

#endif
