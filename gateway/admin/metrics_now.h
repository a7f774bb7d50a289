/* metrics_now.h: what is as it is now, beside what was counted. */
#ifndef ADMIN_METRICS_NOW_H
#define ADMIN_METRICS_NOW_H

#include "gateway.h"

enum { METRICS_STAGES = 3 }; /* of a call: set-up, ringing, talking */

struct metrics_now { /* all of them uint64_t: arrays, by place */
	uint64_t active[2][METRICS_STAGES]; /* [1]: XMPP called */
	uint64_t room, setup, setup_max, shedding;
	uint64_t signalling_us, media_us;
	uint64_t ports, ports_max, call_fds, call_fds_max, workers;
	uint64_t packets_rx[2], packets_tx[2], bytes_rx[2], bytes_tx[2];
	uint64_t lost[2];
	/* not authentic or replayed, of unknown source, malformed */
	uint64_t bad[3];
	uint64_t links, links_up, queue_bytes;
	uint64_t trunks, trunks_up;
	uint64_t messages[4]; /* sent, failed, received, refused */
	uint64_t waiting, held;
	uint64_t pairs, subscribed, synthetic, watchers, subscribing;
	uint64_t accounts, registered, contacts;
	uint64_t store_up, store_waiting, store_written, store_trouble;
	uint64_t records, pending;
	uint64_t written[2], dropped[2], failures[2], behind[2], trouble[2];
	uint64_t resident, fds, fds_max, cpu_us, started, up_ms;
};

void metrics_now(struct metrics_now *n, const struct gateway *gw);

#endif
