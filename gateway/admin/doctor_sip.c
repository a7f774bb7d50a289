/* doctor_sip.c: the trunks: where their names lead, whether they answer, who
 * we are there, which codecs they have, their clocks. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "admin/doctor.h"
#include "base/id.h"
#include "sdp/desc.h"

enum { WAIT = 5000 }; /* ms */

static const char silent[] =
    "Start the PBX or correct uri; let its firewall and ours pass SIP both "
    "ways, and let it answer OPTIONS from our address.";

struct ask {		      /* an OPTIONS on its way; kept by its probe */
	struct probe *probe;  /* not referenced: it holds us */
	struct probe *codecs; /* ditto; NULL: another target's */
	const struct config_trunk *conf;
	void *held; /* whose part conf is */
	struct sip_request *req;
};

static void ask_destructor(void *arg)
{
	struct ask *a = arg;

	mem_deref(a->req);
	mem_deref(a->held);
}

/* ---- what an answer tells ---- */

static bool conf_has(const struct config_trunk *t, const char *name)
{
	for (size_t i = 0; i < t->codecc; i++) {
		if (!strcasecmp(t->codecs[i], name))
			return true;
	}

	return false;
}

static void codecs_compare(struct ask *a, const struct desc *d)
{
	char common[128] = "", theirs[128] = "";

	for (unsigned i = 0; i < d->mediac; i++) {
		const struct desc_media *m = d->media[i];
		const struct codec *c = m->codecs;

		for (; m->kind == DESC_AUDIO && c; c = c->next) {
			char *to =
			    conf_has(a->conf, c->name) ? common : theirs;
			size_t n = strlen(to);

			(void)re_snprintf(to + n, sizeof(common) - n, "%s%s",
					  n ? ", " : "", c->name);
		}
	}

	if (*common)
		probe_say(a->codecs, PROBE_OK, "", "in common: %s", common);
	else
		probe_say(
		    a->codecs, PROBE_FAILED,
		    "Add one of the PBX's codecs to codecs of the trunk, "
		    "or allow opus, G722, PCMU or PCMA there.",
		    "none in common; there: %s", theirs);
}

static void codecs_h(struct ask *a, const struct sip_msg *msg)
{
	struct desc *d = NULL;

	if (!a->codecs)
		return;

	if (!msg || !msg_ctype_cmp(&msg->ctyp, "application", "sdp") ||
	    desc_decode(&d, (const char *)mbuf_buf(msg->mb),
			mbuf_get_left(msg->mb), NULL))
		probe_say(a->codecs, PROBE_OK, "",
			  "its OPTIONS answer names none; calls will tell");
	else
		codecs_compare(a, d);
	desc_free(d);
}

static void clock_h(struct ask *a, const struct sip_msg *msg)
{
	const struct sip_hdr *h = sip_msg_hdr(msg, SIP_HDR_DATE);
	char text[64];
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	if (h && !pl_strcpy(&h->val, text, sizeof(text)) &&
	    strptime(text, "%a, %d %b %Y %H:%M:%S", &tm)) /* RFC 3261 20.17 */
		doctor_clock(probe_doctor(a->probe), a->conf->name,
			     timegm(&tm));
}

static void answer_h(int err, const struct sip_msg *msg, void *arg)
{
	struct ask *a = arg;

	if (!err && msg->scode < 200)
		return;

	codecs_h(a, err ? NULL : msg);
	if (!err)
		clock_h(a, msg);
	if (err)
		probe_say(a->probe, PROBE_FAILED, silent, "%m", err);
	else if (msg->scode == 503)
		probe_say(
		    a->probe, PROBE_FAILED,
		    "The PBX says that it is out of service: see its own "
		    "log.",
		    "503 %r", &msg->reason);
	else if (msg->scode == 403 || msg->scode == 401 || msg->scode == 407)
		probe_say(a->probe, PROBE_WARNING,
			  "The PBX answers and does not know us yet: give it "
			  "our address, or a username and password here.",
			  "%u %r", msg->scode, &msg->reason);
	else
		probe_say(a->probe, PROBE_OK, "", "%u %r in %u ms", msg->scode,
			  &msg->reason, (unsigned)probe_age(a->probe));
}

/* ---- OPTIONS ---- */

static int ask_send(struct ask *a, const struct gateway *gw,
		    const struct siptarget *t)
{
	char uri[300], tag[12], callid[24];

	(void)re_snprintf(uri, sizeof(uri), "sip:%J%s", &t->addr,
			  sip_transp_param(t->tp));
	id_token(tag, sizeof(tag));
	id_token(callid, sizeof(callid));

	return sip_requestf(&a->req, t->sip, true, "OPTIONS", uri, &t->route,
			    NULL, sipstack_send, answer_h, a,
			    "To: <%s>\r\n"
			    "From: <sip:%J>;tag=%s\r\n"
			    "Call-ID: %s\r\n"
			    "CSeq: 1 OPTIONS\r\n"
			    "Contact: <sip:%J%s>\r\n"
			    "Accept: application/sdp\r\n"
			    "%s%s%s"
			    "Content-Length: 0\r\n\r\n",
			    uri, &t->laddr, tag, callid, &t->laddr,
			    sip_transp_param(t->tp), sipstack_allow(gw->stack),
			    sipstack_supported(gw->stack),
			    sipstack_agent(gw->stack));
}

static int options_probe(struct doctor *d, const struct gateway *gw,
			 const struct config_trunk *conf,
			 const struct siptarget *t, bool first)
{
	struct ask *a = mem_zalloc(sizeof(*a), ask_destructor);
	struct probe *p = NULL, *codecs = NULL;
	int err;

	if (!a)
		return ENOMEM;

	err = doctor_probe(&p, d, "options", "%s %J", conf->name, &t->addr);
	if (!err && first)
		err = doctor_probe(&codecs, d, "codecs", "%s", conf->name);
	if (err) {
		mem_deref(a);
		return err;
	}

	a->probe = p;
	a->codecs = codecs;
	a->conf = conf;
	a->held = config_hold(gw->config);
	probe_keep(p, a);
	probe_wait(p, WAIT, silent);
	if (codecs)
		probe_wait(codecs, WAIT, silent);
	err = ask_send(a, gw, t);
	if (err) {
		codecs_h(a, NULL);
		probe_say(p, PROBE_FAILED, silent, "%m", err);
	}

	return 0;
}

/* ---- names and registrations ---- */

static int names_probe(struct doctor *d, const struct config_trunk *conf,
		       unsigned n, int why, const char *list)
{
	static const char remedy[] =
	    "Correct uri, or the DNS: SRV records _sip._udp, _sip._tcp or "
	    "_sips._tcp of that name, or its A or AAAA.";
	struct probe *p;
	int err;

	err = doctor_probe(&p, d, "dns", "%s", conf->name);
	if (err)
		return err;

	if (n)
		probe_say(p, PROBE_OK, "", "%s is %s", conf->uri, list);
	else if (why == EAGAIN)
		probe_say(p, PROBE_FAILED, remedy,
			  "%s: no name server has answered yet", conf->uri);
	else
		probe_say(p, PROBE_FAILED, remedy, "%s leads nowhere: %m",
			  conf->uri, why);

	return 0;
}

static int register_probe(struct doctor *d, const struct config_trunk *conf,
			  const struct siptrunk *trunk)
{
	static const char login[] =
	    "Correct username, password and auth_realm of the trunk; they are "
	    "what the registrar knows, not what the telephone shows.";
	struct sipline_event ev;
	struct probe *p;
	int err;

	err = doctor_probe(&p, d, "register", "%s", conf->name);
	if (err)
		return err;

	memset(&ev, 0, sizeof(ev));
	sipline_event(trunk, &ev);
	if (ev.state == SIPLINE_UP)
		probe_say(p, PROBE_OK, "", "registered as %s", conf->username);
	else if (ev.state == SIPLINE_REFUSED || ev.code == 401 ||
		 ev.code == 403 || ev.code == 407)
		probe_say(p, PROBE_FAILED, login, "%u, %s", ev.code,
			  ev.text ? ev.text : "refused");
	else if (ev.code)
		probe_say(p, PROBE_FAILED,
			  "The registrar has trouble of its own: see its log.",
			  "%u, %s", ev.code, ev.text ? ev.text : "failed");
	else
		probe_say(p, PROBE_FAILED, silent, "not registered: %s",
			  ev.text ? ev.text : "no answer");

	return 0;
}

static void nobody(int err, void *arg)
{
	(void)err;
	(void)arg;
}

static int trunk_probes(struct doctor *d, const struct gateway *gw,
			const struct config_trunk *conf)
{
	struct siptrunk *trunk = sipstack_trunk(gw->stack, conf->name);
	char list[400] = "";
	struct siptarget t;
	unsigned n = 0;
	int why = 0, err = 0;

	if (!trunk)
		return 0;

	for (; !err; n++) {
		size_t len = strlen(list);

		why = siptrunk_target(&t, trunk, n, nobody, d);
		if (why)
			break;
		(void)re_snprintf(list + len, sizeof(list) - len, "%s%J %s",
				  len ? ", " : "", &t.addr,
				  sip_transp_name(t.tp));
		err = options_probe(d, gw, conf, &t, n == 0);
	}
	if (why == EAGAIN)
		siptrunk_target_cancel(trunk, d);

	err |= names_probe(d, conf, n, why, list);
	if (conf->reg)
		err |= register_probe(d, conf, trunk);

	return err;
}

int doctor_sip(struct doctor *d, const struct gateway *gw)
{
	int err = 0;

	for (size_t i = 0; gw->stack && i < gw->config->trunkc; i++)
		err |= trunk_probes(d, gw, &gw->config->trunk[i]);

	return err ? ENOMEM : 0;
}
