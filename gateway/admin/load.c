/* load.c: what limits the calls, for status. */
#include "admin/load.h"

#include "admin/life.h"
#include "admin/rows.h"
#include "bridge/shed.h"

enum { MS = 1000 }; /* us */

json_t *load_json(const struct gateway *gw)
{
	struct shed_info i;
	json_t *j = json_object();
	size_t k;

	shed_info(gw->shed, &i);
	const struct {
		const char *key;
		uint64_t value;
	} v[] = {
	    {"signalling_lag_us", i.signalling},
	    {"signalling_lag_max_us", (uint64_t)i.signalling_max * MS},
	    {"media_lag_us", i.media},
	    {"media_lag_max_us", (uint64_t)i.media_max * MS},
	    {"in_setup", i.starting},
	    {"in_setup_max", i.starting_max},
	    {"ports", i.ports},
	    {"ports_max", i.ports_max},
	    {"descriptors", i.fds},
	    {"descriptors_max", i.fds_max},
	    {"refused", i.refused},
	};

	row_bool(j, "shedding", i.shedding);
	for (k = 0; k < ARRAY_SIZE(v); k++)
		row_number(j, v[k].key, v[k].value);

	return j;
}

/* 12.3 of 250 ms */
static int lag_print(struct re_printf *pf, const uint64_t v[2])
{
	const unsigned us = (unsigned)v[0];

	if (!v[1])
		return re_hprintf(pf, "%u.%u ms", us / MS, us % MS / 100);

	return re_hprintf(pf, "%u.%u of %llu ms", us / MS, us % MS / 100,
			  (unsigned long long)v[1]);
}

static const char *judgement(const struct gateway *gw, bool shedding)
{
	switch (life_state(gw->life)) {
	case LIFE_OPEN:
		return shedding ? "new calls are refused"
				: "new calls are taken";
	case LIFE_DRAINED:
		return "drained, new calls are refused";
	default:
		return "leaving, new calls are refused";
	}
}

int load_print(struct re_printf *pf, const struct gateway *gw)
{
	struct shed_info i;

	shed_info(gw->shed, &i);
	const uint64_t own[] = {i.signalling, i.signalling_max},
		       media[] = {i.media, i.media_max};

	return re_hprintf(pf,
			  "load: %s; signalling %H behind, media %H; %u of %u "
			  "calls in set-up, %u of %u ports, %u of %u "
			  "descriptors; %llu refused\n",
			  judgement(gw, i.shedding), lag_print, own, lag_print,
			  media, i.starting, i.starting_max, i.ports,
			  i.ports_max, i.fds, i.fds_max,
			  (unsigned long long)i.refused);
}
