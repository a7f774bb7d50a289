/* config_log.c: the log and the trace: what [log] says, checked and applied. */
#include "config_int.h"

#include <string.h>
#include "base/log.h"
#include "base/trace.h"

static const char *hep_decode(struct config_value *v, void *base)
{
	struct sa *sa = config_field(base, v->key->offset);
	struct pl pl;

	pl_set_str(&pl, v->text);
	if (pl.l > 4 && !strncmp(pl.p, "udp:", 4))
		pl_advance(&pl, 4);
	else
		return "is not udp:ADDRESS:PORT, as udp:192.0.2.5:9060";
	if (sa_decode(sa, pl.p, pl.l) || !sa_port(sa) ||
	    !config_port_is_valid(&pl)) {
		sa_init(sa, AF_UNSPEC);
		return "is not udp:ADDRESS:PORT, as udp:192.0.2.5:9060";
	}

	return NULL;
}

static int hep_print(struct re_printf *pf, const struct config_key *key,
		     const void *base)
{
	const struct sa *sa = config_field_in(base, key->offset);

	return sa_isset(sa, SA_ADDR) ? re_hprintf(pf, "udp:%J", sa) : 0;
}

const struct config_type config_type_hep = {hep_decode, hep_print, NULL,
					    false};

void config_log_check(struct config_parser *p, const struct config_section *s)
{
	const struct config *c = p->c;
	struct log_rule rule;

	for (size_t i = 0; i < c->log_areac; i++) {
		if (log_area_decode(&rule, c->log_areas[i]))
			config_problem(p, config_line_of(s, "areas"),
				       c->log_areas[i], NULL,
				       "areas: is not AREA:LEVEL, as "
				       "sip:debug");
	}
	if (sa_isset(&c->log_hep, SA_ADDR) && !c->log_trace_memory)
		config_problem(
		    p, config_line_of(s, "hep"), NULL, NULL,
		    "hep: its copies are read from the trace, which "
		    "trace_memory = 0 turns off");
	if (c->log_areac > LOG_RULES_MAX / 2)
		config_problem(p, config_line_of(s, "areas"), NULL, NULL,
			       "areas: at most %u", LOG_RULES_MAX / 2);
}

void config_log_apply(const struct config *c)
{
	struct log_rule rule;

	log_set_format((enum log_format)c->log_format);
	log_set_level((enum log_level)c->log_level);
	log_rules_clear(LOG_RULE_AREA);
	for (size_t i = 0; i < c->log_areac; i++) {
		if (!log_area_decode(&rule, c->log_areas[i]))
			(void)log_rule_set(rule.kind, rule.name, rule.level,
					   0);
	}
	trace_resize((size_t)c->log_trace_memory << 20);
	trace_set_logged(c->log_trace);
}
