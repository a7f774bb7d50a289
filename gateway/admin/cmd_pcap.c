/* cmd_pcap.c: a call as a file for Wireshark. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "admin/pcapng.h"
#include "admin/run.h"
#include "base/log.h"
#include "bridge/call.h"

enum { COMMENT_SIZE = 800 };

/* Lines between messages are comments of the next one. */
struct writer {
	struct mbuf *mb;
	const char *call;
	char comment[COMMENT_SIZE];
	size_t messages;
	int err;
};

static void add_comment(struct writer *w, const struct trace_entry *e)
{
	const size_t n = strlen(w->comment);

	(void)re_snprintf(w->comment + n, sizeof(w->comment) - n, "%s%b",
			  n ? "; " : "", e->text, e->len);
}

static void write_entry(const struct trace_entry *e, void *arg)
{
	struct writer *w = arg;
	char comment[COMMENT_SIZE + 32];

	if (e->kind == TRACE_MEDIA) {
		add_comment(w, e);
		return;
	}
	if (w->err || (e->kind != TRACE_SIP && e->kind != TRACE_XMPP))
		return;

	(void)re_snprintf(comment, sizeof(comment), "call %s%s%s", w->call,
			  w->comment[0] ? ": " : "", w->comment);
	w->comment[0] = '\0';
	w->err = pcapng_message(w->mb, e, comment);
	w->messages++;
}

static int write_messages(struct writer *w, const struct call_keys *k)
{
	const char *keys[1 + CALL_KEYS_MAX];
	int err;

	keys[0] = k->name;
	for (unsigned i = 0; i < CALL_KEYS_MAX; i++)
		keys[1 + i] = k->ids[i];
	err = pcapng_begin(w->mb);
	if (!err)
		err = trace_chain(keys, ARRAY_SIZE(keys), write_entry, w);

	return err ? err : w->err;
}

/* Also after its end. */
void cmd_call_pcap(struct command_run *r)
{
	const char *id = command_arg(r, "id");
	struct writer w = {.mb = command_text(r), .call = id};
	struct call_keys k;
	int err;

	if (calls_keys(id, &k)) {
		command_fail(r, ENOENT, "no call %s", id);
		return;
	}

	err = write_messages(&w, &k);
	if (err)
		command_fail(r, err, "out of memory");
	else if (!w.messages)
		command_fail(r, ENOENT, "no message of call %s is kept", id);
	else
		command_done(r);
}

/* ---- with the sound ---- */

enum {
	MEDIA_TIME = 60,	   /* s, unless told */
	MEDIA_TIME_MAX = 600,	   /* s */
	MEDIA_BYTES_MAX = 6 << 20, /* of a file */
	FLUSH = 200,		   /* ms between pieces */
};

struct recording {
	struct command_run *r; /* holds us */
	char call[16];
	uint64_t end; /* ms */
	size_t bytes;
	bool over;
	struct mbuf *mb;
};

static void recording_destructor(void *arg)
{
	struct recording *rec = arg;

	if (!rec->over)
		(void)calls_tap(rec->call, 0, NULL, rec);
	mem_deref(rec->mb);
}

static bool address_set(struct sa *sa, const struct sockaddr_storage *ss)
{
	return !sa_set_sa(sa, (const struct sockaddr *)ss);
}

static void on_packet(const struct media_packet *p, void *arg)
{
	struct recording *rec = arg;
	struct sa local, remote;
	struct pcapng_packet pk;

	if (!p) {
		rec->over = true;
		return;
	}
	if (rec->mb->end + p->len > MEDIA_BYTES_MAX ||
	    !address_set(&local, &p->local) ||
	    !address_set(&remote, &p->remote))
		return;

	memset(&pk, 0, sizeof(pk));
	pk.at = p->at;
	pk.tx = p->tx;
	pk.src = p->tx ? &local : &remote;
	pk.dst = p->tx ? &remote : &local;
	pk.p = p->p;
	pk.len = p->len;
	(void)pcapng_udp(rec->mb, &pk);
}

static void recording_go_on(struct command_run *r)
{
	struct recording *rec = command_kept(r);
	struct mbuf *mb = command_text(r);

	rec->bytes += rec->mb->end;
	(void)mbuf_write_mem(mb, rec->mb->buf, rec->mb->end);
	mbuf_rewind(rec->mb);
	if (rec->over || tmr_jiffies() >= rec->end ||
	    rec->bytes >= MEDIA_BYTES_MAX)
		command_done(r);
	else if (command_part(r))
		command_later(r, FLUSH, recording_go_on);
}

/* A piece now and then, until the time is over, the call is, or nobody reads
 * any more. */
void cmd_call_media(struct command_run *r)
{
	const char *id = command_arg(r, "id"), *span = command_arg(r, "time");
	unsigned long s = span ? command_span(span) : MEDIA_TIME;
	struct writer w = {.mb = command_text(r), .call = id};
	struct recording *rec;
	struct call_keys k;
	int err;

	s = s > MEDIA_TIME_MAX ? MEDIA_TIME_MAX : s;
	rec = mem_zalloc(sizeof(*rec), recording_destructor);
	if (!rec) {
		command_fail(r, ENOMEM, "out of memory");
		return;
	}
	rec->r = r;
	rec->end = tmr_jiffies() + s * 1000;
	str_ncpy(rec->call, id, sizeof(rec->call));
	rec->mb = mbuf_alloc(4096);
	err = rec->mb ? calls_keys(id, &k) : ENOMEM;
	if (!err)
		err = calls_tap(id, (unsigned)s * 1000, on_packet, rec);
	rec->over = err;
	command_keep(r, rec);
	mem_deref(rec);
	if (!err)
		err = write_messages(&w, &k);

	if (err == EBUSY) {
		command_fail(r, err, "call %s: another looks on already", id);
	} else if (err) {
		command_fail(r, err, "no call %s that goes on", id);
	} else {
		log_warning("call %s: its sound goes to a file of %s, for at "
			    "most %lu s\n",
			    id, command_who(r), s);
		recording_go_on(r);
	}
}
