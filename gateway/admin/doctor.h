/* doctor.h: a live look at all that the gateway needs from outside: each probe
 * says ok, warning or failed, what was seen, and what to do about it.
 *
 * Probes run at the same time, each with a time limit; none waits in the loop
 * and none touches a call. */
#ifndef ADMIN_DOCTOR_H
#define ADMIN_DOCTOR_H

#include <jansson.h>
#include "gateway.h"

struct doctor; /* mem_ref object; its destructor ends all probes */
struct probe;

enum probe_state { PROBE_OPEN, PROBE_OK, PROBE_WARNING, PROBE_FAILED };

/* All probes are over.  From the loop, never from where they are started. */
typedef void(doctor_h)(const struct doctor *d, void *arg);

/* ---- for the probes ---- */

/* One more, that is open until it says something.  ENOMEM. */
int doctor_probe(struct probe **pp, struct doctor *d, const char *name,
		 const char *fmt, ...);
/* What was seen; the first word counts.  remedy: one sentence, "" where all is
 * well. */
void probe_say(struct probe *p, enum probe_state state, const char *remedy,
	       const char *fmt, ...);
/* Fails with this remedy when nothing is said within ms. */
void probe_wait(struct probe *p, uint64_t ms, const char *remedy);
/* A mem_ref object that goes with the doctor. */
void probe_keep(struct probe *p, void *data);
struct doctor *probe_doctor(const struct probe *p);
uint64_t probe_age(const struct probe *p); /* ms */
/* h(data) in a thread of its own, then judge() in the loop, which says
 * something.  data: a mem_ref object that nobody else touches meanwhile;
 * remedy: where it takes too long.  ENOMEM. */
typedef void(look_h)(void *data);
typedef void(look_judge_h)(struct probe *p, const void *data);
int probe_look(struct probe *p, look_h *h, look_judge_h *judge, void *data,
	       const char *remedy);
/* Our clock against another's, which says that it is now so late. */
void doctor_clock(struct doctor *d, const char *whose, time_t now);

/* Each adds its probes. */
typedef int(doctor_probes_h)(struct doctor *d, const struct gateway *gw);
doctor_probes_h doctor_xmpp, doctor_sip, doctor_net, doctor_local, doctor_disk;

#endif
