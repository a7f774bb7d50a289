/* forward.c: the packet path.  No lock, no allocation.
 *
 * authentic? -> which stream? -> which number there? -> header of ours ->
 * protect -> send.  The source was checked by the flow. */
#include <errno.h>
#include <string.h>
#include "media/packet.h"
#include "media/relay.h"
#include "media/report.h"

static int open_packet(struct flow *f, uint8_t *p, size_t *len, bool rtcp)
{
	int err;

	f->count.rx_packets++;
	f->count.rx_bytes += *len;
	if (!f->crypt) {
		if (f->ice || f->r.encrypted)
			f->count.rx_auth_fail++;
		return f->ice || f->r.encrypted ? EACCES : 0;
	}
	err = crypt_unprotect(f->crypt, p, len, rtcp);
	if (err == EACCES)
		f->count.rx_auth_fail++;
	else if (err == EALREADY)
		f->count.rx_replay++;
	else if (err)
		f->count.rx_bad++;

	return err;
}

void forward_send(struct flow *f, uint8_t *p, size_t len, bool rtcp)
{
	if (!f)
		return;
	if (!f->aim.len && !flow_is_open(f)) {
		f->count.tx_drop++;
		return;
	}
	if (f->tap)
		tap_packet(f, true, rtcp, p, len, NULL);
	if (f->crypt && crypt_protect(f->crypt, p, &len, rtcp)) {
		f->count.tx_drop++;
		return;
	}
	if (len > f->relay->conf->datagram_out) {
		f->count.tx_drop++;
		return;
	}
	flow_send(f, p, len, rtcp);
}

static bool has_mid(const struct stream *s, const struct packet *pk)
{
	const uint8_t *v;
	size_t n;

	return s->conf.mid_ext &&
	       packet_element(pk, s->conf.mid_ext, &v, &n) &&
	       n == strlen(s->conf.mid) && !memcmp(v, s->conf.mid, n);
}

static bool is_announced(const struct stream *s, uint32_t ssrc)
{
	unsigned i;

	for (i = 0; i < s->conf.x_ssrcc && i < 8; i++) {
		if (s->conf.x_ssrc[i] == ssrc)
			return true;
	}

	return false;
}

/* RFC 9143 9.2: an SSRC that is known, a MID, an announced SSRC, a payload
 * type.  The number must be one of the stream's in any case. */
static struct stream *find_stream(const struct flow *f,
				  const struct packet *pk)
{
	struct stream *s, *best = NULL;
	unsigned i, rank, top = 0;

	for (i = 0; i < MEDIA_STREAM_MAX; i++) {
		s = f->relay->streams[i];
		if (!s || !s->conf.used)
			continue;
		if (!f->ice) {
			if (s->conf.s_flow == f->index && s->s_map[pk->pt])
				return s;
			continue;
		}
		if (s->conf.x_flow != f->index || !s->x_map[pk->pt])
			continue;
		if (s->xs.started && s->xs.in_ssrc == pk->ssrc)
			return s;
		rank = has_mid(s, pk) ? 3 : is_announced(s, pk->ssrc) ? 2 : 1;
		if (rank > top) {
			top = rank;
			best = s;
		}
	}

	return best;
}

/* The extension of headers towards X; returns its length. */
static size_t make_mid(const struct stream *s, uint8_t ext[PACKET_MID_MAX])
{
	if (!s->conf.mid_ext || s->conf.mid_ext >= 15 || !s->conf.mid[0])
		return 0;

	return packet_write_mid(ext, s->conf.mid_ext, s->conf.mid);
}

uint8_t *forward_header(const struct stream *s, const struct packet *pk,
			uint8_t *payload, bool to_x)
{
	uint8_t ext[PACKET_MID_MAX];
	size_t n = to_x ? make_mid(s, ext) : 0;

	memcpy(payload - n, ext, n);
	packet_write(payload - n - PACKET_RTP_HEADER, pk, n);

	return payload - n - PACKET_RTP_HEADER;
}

/* Does the event end here, because the other side has no number for it or
 * gets it by signalling? */
static bool ends_here(const struct stream *s, const struct media_pt *m,
		      bool to_x)
{
	if (!m->event)
		return false;

	return (to_x ? m->x : m->s) == MEDIA_PT_NONE ||
	       (!to_x && s->conf.x_events);
}

/* The next packet of this type need not ask again. */
static void note_way(struct stream *s, struct flow *from, struct flow *to,
		     const struct media_pt *m, bool to_x)
{
	struct way *w = to_x ? &s->sx_way : &s->xs_way;

	if (m->event)
		return;
	from->last = s;
	w->to = to;
	w->in_clock = to_x ? m->s_clock : m->x_clock;
	w->out_clock = to_x ? m->x_clock : m->s_clock;
	w->pt_in = to_x ? m->s : m->x;
	w->pt_out = to_x ? m->x : m->s;
	w->extlen = (uint8_t)(to_x ? make_mid(s, w->ext) : 0);
}

static void relay_packet(struct stream *s, struct flow *from,
			 struct packet *pk, uint8_t *p)
{
	bool to_x = !from->ice;
	const struct media_pt *m =
	    &s->conf.pts[(to_x ? s->s_map : s->x_map)[pk->pt] - 1];
	struct track *t = to_x ? &s->sx : &s->xs;
	uint32_t in = to_x ? m->s_clock : m->x_clock;
	uint32_t out = to_x ? m->x_clock : m->s_clock;
	uint8_t pt = to_x ? m->x : m->s, *payload = p + pk->head, *start;
	uint32_t in_ts = pk->ts;
	uint64_t now = s->relay->w->now;
	struct flow *to;

	if (ends_here(s, m, to_x)) {
		if (s->conf.dtmf_events || (!to_x && s->conf.x_events))
			keypad_event(s, to_x ? MEDIA_TO_X : MEDIA_TO_S, pk,
				     payload, in);
		return;
	}
	if (!m->event)
		t->event = false;
	if (track_map(t, pk, in, now)) {
		from->count.rx_bad++;
		return;
	}
	if (pt == MEDIA_PT_NONE || !(to_x ? s->conf.s_to_x : s->conf.x_to_s))
		return;
	if (s->keypads[to_x ? MEDIA_TO_X : MEDIA_TO_S].queue.count)
		return; /* a digit of ours has the line */
	if (m->event && pk->payload >= PACKET_EVENT_LEN)
		track_event(t, pk, in_ts, payload, in, out, now);
	to = flow_find(s->relay, to_x ? s->conf.x_flow : s->conf.s_flow);
	if (!flow_is_open(to))
		return;
	pk->pt = pt;
	start = forward_header(s, pk, payload, to_x);
	track_sent(t, pk, out, pk->payload, now);
	forward_send(to, start, (size_t)(payload - start) + pk->payload,
		     false);
	note_way(s, from, to, m, to_x);
}

/* Does the packet go the way of the one before it? */
static bool is_again(const struct flow *from, const struct packet *pk)
{
	const struct stream *s = from->last;
	const struct way *w;

	if (!s)
		return false;
	w = from->ice ? &s->xs_way : &s->sx_way;

	return w->to && w->pt_in == pk->pt && w->to->aim.len &&
	       (!from->ice || pk->ssrc == s->xs.in_ssrc);
}

/* What relay_packet does, where nothing has changed since it did it. */
static void relay_again(struct flow *from, struct packet *pk, uint8_t *p)
{
	struct stream *s = from->last;
	struct way *w = from->ice ? &s->xs_way : &s->sx_way;
	struct track *t = from->ice ? &s->xs : &s->sx;
	uint64_t now = from->relay->w->now;
	uint8_t *start;

	t->event = false;
	if (track_map(t, pk, w->in_clock, now)) {
		from->count.rx_bad++;
		return;
	}
	pk->pt = w->pt_out;
	start = p + pk->head - w->extlen - PACKET_RTP_HEADER;
	memcpy(start + PACKET_RTP_HEADER, w->ext, w->extlen);
	packet_write(start, pk, w->extlen);
	track_sent(t, pk, w->out_clock, pk->payload, now);
	forward_send(w->to, start, PACKET_RTP_HEADER + w->extlen + pk->payload,
		     false);
}

void forward_rtp(struct flow *f, uint8_t *p, size_t len,
		 const struct sockaddr_storage *src)
{
	struct packet pk;
	struct stream *s;

	if (packet_decode(&pk, p, len)) {
		f->count.rx_bad++;
		return;
	}
	if (open_packet(f, p, &len, false))
		return;
	if (f->crypt && packet_resize(&pk, p, len)) {
		f->count.rx_bad++;
		return;
	}
	if (f->tap)
		tap_packet(f, false, false, p, len, src);
	if (is_again(f, &pk)) {
		flow_authentic(f, src, false);
		relay_again(f, &pk, p);
		return;
	}
	s = find_stream(f, &pk);
	if (!s) {
		f->count.rx_bad++;
		return;
	}
	flow_authentic(f, src, false);
	relay_packet(s, f, &pk, p);
}

/* For one stream of those that share the flow. */
static void relay_report(struct stream *s, struct flow *from, const uint8_t *p,
			 size_t len)
{
	uint32_t buf[(REPORT_MAX + CRYPT_TRAILER) / 4];
	struct report_map map;
	bool to_x = !from->ice;
	struct flow *to;
	size_t n;

	map.fwd = to_x ? &s->sx : &s->xs;
	map.rev = to_x ? &s->xs : &s->sx;
	map.cname = s->relay->cname;
	map.video = s->conf.kind == DESC_VIDEO;
	map.now = s->relay->w->now;
	if (report_translate((uint8_t *)buf, &n, p, len, &map) || !n)
		return;
	to = flow_find(s->relay, to_x ? s->conf.x_flow : s->conf.s_flow);
	if (!flow_is_open(to))
		return;
	map.fwd->report_at = map.now + REPORT_INTERVAL / 2;
	forward_send(to, (uint8_t *)buf, n, true);
}

void forward_rtcp(struct flow *f, uint8_t *p, size_t len,
		  const struct sockaddr_storage *src)
{
	struct stream *s;
	unsigned i;

	if (open_packet(f, p, &len, true))
		return;
	if (report_check(p, len)) {
		f->count.rx_bad++;
		return;
	}
	flow_authentic(f, src, true);
	if (f->tap)
		tap_packet(f, false, true, p, len, src);
	for (i = 0; i < MEDIA_STREAM_MAX; i++) {
		s = f->relay->streams[i];
		if (s && s->conf.used &&
		    (f->ice ? s->conf.x_flow : s->conf.s_flow) == f->index)
			relay_report(s, f, p, len);
	}
}
