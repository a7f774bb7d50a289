/* primitives.c: CPU time of what a call's set-up cannot do without, each by
 * itself and by the libraries as they come (no keydec.c, no nicepool.c): the
 * sum is what the set-up of a call is measured against.  One line of JSON, in
 * us, each the median of some rounds, as what it is set against is no least
 * either; of timers, which are set against each other, the least. */
#include <arpa/inet.h>
#include <gio/gio.h>
#include <nice/agent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "base/compat.h"
#include "base/sslmem.h"
#include "media/assoc.h"
#include "xmpp/xmlstream.h"

enum {
	ROUNDS = 5,
	AGENTS = 20, /* pairs of a round */
	SHAKES = 50,
	SOCKETS = 500, /* times four */
	DECODES = 5000,
	TIMERS = 30000,
	TURNS = 5,	 /* of those in a round: they are short */
	SIP_DECODES = 6, /* of one call */
	STANZAS = 10,
};

static const char invite[] =
    "INVITE sip:600@127.0.0.1:5060 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKd3a8c1;rport\r\n"
    "Contact: <sip:a1b2c3@127.0.0.1:5070;i=0badcafe>\r\n"
    "Max-Forwards: 70\r\n"
    "To: <sip:600@127.0.0.1:5060>\r\n"
    "From: \"Alice\" <sip:alice@127.0.0.1>;tag=7d2bb2b1a9c7c1f1\r\n"
    "Call-ID: 5b2f1c7d3e9a8b60\r\n"
    "CSeq: 29112 INVITE\r\n"
    "User-Agent: stoxd\r\n"
    "Allow: INVITE,ACK,BYE,CANCEL,OPTIONS,PRACK,UPDATE,INFO\r\n"
    "Supported: 100rel,timer,replaces\r\n"
    "Session-Expires: 1800;refresher=uac\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: 227\r\n\r\n"
    "v=0\r\no=- 3921 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
    "t=0 0\r\nm=audio 10000 RTP/AVP 111 0 8 101\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\na=rtcp:10001\r\n"
    "a=ssrc:1234567 cname:x\r\n\r\n";

static const char stream_head[] =
    "<stream:stream xmlns='jabber:component:accept' "
    "xmlns:stream='http://etherx.jabber.org/streams'>";
static const char initiate[] =
    "<iq type='set' id='x1' from='alice@xmpp.test/phone' "
    "to='600@sip.xmpp.test/sip'><jingle xmlns='urn:xmpp:jingle:1' "
    "action='session-initiate' sid='0badcafe1' "
    "initiator='alice@xmpp.test/phone'><content creator='initiator' "
    "name='0' senders='both'><description "
    "xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
    "<payload-type id='111' name='opus' clockrate='48000' channels='2'>"
    "<parameter name='minptime' value='10'/>"
    "<parameter name='useinbandfec' value='1'/></payload-type>"
    "<payload-type id='0' name='PCMU' clockrate='8000'/>"
    "<payload-type id='8' name='PCMA' clockrate='8000'/>"
    "<payload-type id='101' name='telephone-event' clockrate='8000'/>"
    "<rtcp-mux/></description><transport "
    "xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='abcd' "
    "pwd='abcdefghijklmnopqrstuv'><fingerprint "
    "xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='actpass'>"
    "11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:"
    "88:99:AA:BB:CC:DD:EE:FF:00</fingerprint><candidate component='1' "
    "foundation='1' generation='0' id='c1' ip='127.0.1.1' network='0' "
    "port='40000' priority='2130706431' protocol='udp' type='host'/>"
    "</transport></content></jingle></iq>";

static double cpu_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);

	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *why)
{
	(void)fprintf(stderr, "primitives: %s\n", why);
	exit(1);
}

/* ---- two agents that find each other ---- */

static unsigned ready, closed;

static void on_state(NiceAgent *agent, guint stream, guint comp, guint state,
		     gpointer arg)
{
	(void)agent;
	(void)stream;
	(void)comp;
	(void)arg;
	ready += state == NICE_COMPONENT_STATE_READY;
}

static void on_closed(GObject *obj, GAsyncResult *res, gpointer arg)
{
	(void)res;
	(void)arg;
	g_object_unref(obj);
	closed++;
}

static void on_data(NiceAgent *agent, guint stream, guint comp, guint len,
		    gchar *buf, gpointer arg)
{
	(void)agent;
	(void)stream;
	(void)comp;
	(void)len;
	(void)buf;
	(void)arg;
}

static NiceAgent *agent_new(GMainContext *ctx, bool controlling)
{
	NiceAgent *a =
	    nice_agent_new_full(ctx, NICE_COMPATIBILITY_RFC5245,
				NICE_AGENT_OPTION_REGULAR_NOMINATION |
				    NICE_AGENT_OPTION_CONSENT_FRESHNESS |
				    NICE_AGENT_OPTION_ICE_TRICKLE);
	NiceAddress addr;

	g_object_set(a, "controlling-mode", controlling, "upnp", FALSE,
		     "ice-tcp", FALSE, NULL);
	nice_address_init(&addr);
	(void)nice_address_set_from_string(&addr, "127.0.0.1");
	(void)nice_agent_add_local_address(a, &addr);
	(void)g_signal_connect(a, "component-state-changed",
			       G_CALLBACK(on_state), NULL);
	if (!nice_agent_add_stream(a, 1))
		die("no stream");
	(void)nice_agent_attach_recv(a, 1, 1, ctx, on_data, NULL);
	if (!nice_agent_gather_candidates(a, 1))
		die("no candidates");

	return a;
}

static void introduce(NiceAgent *a, NiceAgent *to)
{
	GSList *list = nice_agent_get_local_candidates(a, 1, 1);
	gchar *ufrag, *pwd;

	(void)nice_agent_get_local_credentials(a, 1, &ufrag, &pwd);
	(void)nice_agent_set_remote_credentials(to, 1, ufrag, pwd);
	(void)nice_agent_set_remote_candidates(to, 1, 1, list);
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
	g_free(ufrag);
	g_free(pwd);
}

static double time_agents(void)
{
	GMainContext *ctx = g_main_context_new();
	double before = cpu_us();
	NiceAgent *a, *b;
	unsigned i;

	g_main_context_push_thread_default(ctx);
	for (i = 0; i < AGENTS; i++) {
		a = agent_new(ctx, true);
		b = agent_new(ctx, false);
		introduce(a, b);
		introduce(b, a);
		for (ready = 0; ready < 2;)
			(void)g_main_context_iteration(ctx, TRUE);
		nice_agent_close_async(a, on_closed, NULL);
		nice_agent_close_async(b, on_closed, NULL);
		for (closed = 0; closed < 2;)
			(void)g_main_context_iteration(ctx, TRUE);
	}
	g_main_context_pop_thread_default(ctx);
	g_main_context_unref(ctx);

	return (cpu_us() - before) / AGENTS / 2;
}

/* ---- DTLS, each role by itself ---- */

struct end {
	struct assoc *a;
	uint8_t p[16][1500];
	size_t len[16];
	unsigned n;
	double us;
	enum assoc_result res;
};

static void on_send(void *arg, const uint8_t *p, size_t len)
{
	struct end *e = arg;

	if (e->n == 16 || len > sizeof(e->p[0]))
		die("too long a flight");
	memcpy(e->p[e->n], p, len);
	e->len[e->n++] = len;
}

static void hand_over(struct end *from, struct end *to)
{
	double before = cpu_us();
	unsigned i;

	for (i = 0; i < from->n; i++)
		to->res = assoc_input(to->a, from->p[i], from->len[i]);
	from->n = 0;
	to->us += cpu_us() - before;
}

static void end_open(struct end *e, struct identity *id, bool client)
{
	double before = cpu_us();

	if (assoc_alloc(&e->a, id, client, on_send, e))
		die("no association");
	if (client)
		e->res = assoc_input(e->a, NULL, 0);
	e->us += cpu_us() - before;
}

static void end_close(struct end *e, const struct fingerprint *fp)
{
	double before = cpu_us();
	struct crypt *c;

	if (assoc_verify(e->a, fp) || assoc_keys(e->a, &c))
		die("no keys");
	crypt_free(c);
	assoc_free(e->a);
	e->us += cpu_us() - before;
}

static void time_dtls(struct identity *id, double us[2])
{
	static struct end c, s;
	unsigned i;

	c.us = s.us = 0;
	for (i = 0; i < SHAKES; i++) {
		c.n = s.n = 0;
		c.res = s.res = ASSOC_AGAIN;
		end_open(&s, id, false);
		end_open(&c, id, true);
		while (c.res == ASSOC_AGAIN || s.res == ASSOC_AGAIN) {
			hand_over(&c, &s);
			hand_over(&s, &c);
		}
		end_close(&c, identity_fingerprint(id));
		end_close(&s, identity_fingerprint(id));
	}
	us[0] = c.us / SHAKES;
	us[1] = s.us / SHAKES;
}

/* ---- the rest ---- */

static double time_sockets(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	double before = cpu_us();
	unsigned i, k;
	int fds[4];

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (i = 0; i < SOCKETS; i++) {
		for (k = 0; k < 4; k++) {
			fds[k] = socket(AF_INET, SOCK_DGRAM, 0);
			if (bind(fds[k], (struct sockaddr *)&sin, sizeof(sin)))
				die("no socket");
		}
		for (k = 0; k < 4; k++)
			(void)close(fds[k]);
	}

	return (cpu_us() - before) / SOCKETS;
}

static double time_sip(void)
{
	struct mbuf *mb = mbuf_alloc(sizeof(invite));
	double before = cpu_us();
	struct sip_msg *msg;
	unsigned i;

	if (!mb ||
	    mbuf_write_mem(mb, (const uint8_t *)invite, sizeof(invite) - 1))
		die("no memory");
	for (i = 0; i < DECODES; i++) {
		mb->pos = 0;
		if (sip_msg_decode(&msg, mb))
			die("no SIP");
		mem_deref(msg);
	}
	mem_deref(mb);

	return (cpu_us() - before) / DECODES;
}

static void on_stanza(struct stanza *st, void *arg)
{
	(void)arg;
	stanza_free(st);
}

static void on_open(const struct stanza *header, void *arg)
{
	(void)header;
	(void)arg;
}

static void on_close(void *arg)
{
	(void)arg;
}

static double time_stanzas(void)
{
	static const struct xmlstream_limits limits = {262144, 32, 64, 4096};
	struct xmlstream_handlers h = {on_open, on_stanza, on_close, NULL};
	struct xmlstream *x;
	const char *why;
	double before;
	unsigned i;

	if (xmlstream_alloc(&x, &limits, &h) ||
	    xmlstream_feed(x, stream_head, sizeof(stream_head) - 1, &why))
		die("no stream");
	before = cpu_us();
	for (i = 0; i < DECODES; i++) {
		if (xmlstream_feed(x, initiate, sizeof(initiate) - 1, &why))
			die(why);
	}
	before = cpu_us() - before;
	xmlstream_free(x);

	return before / DECODES;
}

static void never(void *arg)
{
	(void)arg;
	die("a timer fired");
}

/* One of n timers is moved; they stand as far from each other as those of
 * calls do. */
static double time_timers(unsigned n)
{
	struct {
		struct tmr tmr;
		char others[200];
	} *list = calloc(n, sizeof(*list));
	double before;
	unsigned i, k = 1;

	if (!list)
		die("no memory");
	for (i = 0; i < n; i++)
		tmr_start(&list[i].tmr, 600000 + i, never, NULL);
	before = cpu_us();
	for (i = 0; i < TIMERS; i++) {
		k = k * 1103515245 + 12345;
		tmr_start(&list[(k >> 8) % n].tmr, 600000 + (k >> 8) % 32000,
			  never, NULL);
	}
	before = cpu_us() - before;
	for (i = 0; i < n; i++)
		tmr_cancel(&list[i].tmr);
	free(list);

	return before / TIMERS;
}

/* The value in the middle so far. */
static double median(double us[ROUNDS], unsigned n, double last)
{
	unsigned i = n;

	for (; i && us[i - 1] > last; i--)
		us[i] = us[i - 1];
	us[i] = last;

	return us[(n + 1) / 2];
}

static void least(double *of, double us)
{
	if (!*of || us < *of)
		*of = us;
}

int main(void)
{
	double agent = 0, client = 0, server = 0, sockets = 0, sip = 0,
	       stanza = 0, few = 0, many = 0, dtls[2], sum, all[6][ROUNDS];
	struct identity *id;
	unsigned i, k;

	(void)sslmem_init();
	if (libre_init() || crypt_init() || identity_alloc(&id))
		die("cannot start");
	for (i = 0; i < ROUNDS; i++) {
		agent = median(all[0], i, time_agents());
		time_dtls(id, dtls);
		client = median(all[1], i, dtls[0]);
		server = median(all[2], i, dtls[1]);
		sockets = median(all[3], i, time_sockets());
		sip = median(all[4], i, time_sip());
		stanza = median(all[5], i, time_stanzas());
		for (k = 0; k < TURNS; k++) {
			least(&few, time_timers(100));
			least(&many, time_timers(TIMERS));
		}
	}
	sum = agent + sockets + SIP_DECODES * sip + STANZAS * stanza;
	(void)printf("{\"agent_us\": %.1f, \"dtls_client_us\": %.1f, "
		     "\"dtls_server_us\": %.1f, \"sockets_us\": %.1f, "
		     "\"sip_decode_us\": %.2f, \"stanza_us\": %.2f, "
		     "\"sum_client_us\": %.1f, \"sum_server_us\": %.1f, "
		     "\"timer_100_us\": %.4f, \"timer_30000_us\": %.4f, "
		     "\"timer_30000_vs_100\": %.3f}\n",
		     agent, client, server, sockets, sip, stanza, sum + client,
		     sum + server, few, many, many / few);
	identity_free(id);
	libre_close();

	return 0;
}
