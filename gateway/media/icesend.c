/* icesend.c: what leaves towards XMPP, and by which socket. */
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "media/demux.h"
#include "media/engine.h"

void iceflow_unpair(struct flow *f)
{
	struct ice_part *i = &f->i;

	flow_unaim(f);
	f->connected = false;
	if (i->send_fd >= 0)
		(void)close(i->send_fd);
	i->send_fd = -1;
	i->send_tried = false;
}

static void open_sender(struct flow *f)
{
	struct ice_part *i = &f->i;
	int err;

	i->send_tried = true;
	err = demux_sender(&i->send_fd, &i->pair.base, &i->pair.remote,
			   f->relay->conf->dscp);
	if (!err)
		return;
	i->send_fd = -1;
	log_debug("call %s: flow %u: no socket to send by: %m\n",
		  f->relay->name, f->index, err);
}

/* Not by libnice's socket, and not before a pair is selected. */
bool iceflow_aim(struct flow *f)
{
	struct ice_part *i = &f->i;

	if (!i->up || !i->paired || i->pair_fd < 0)
		return false;
	if (!i->send_tried && !f->relay->conf->one_socket)
		open_sender(f);
	f->connected = i->send_fd >= 0;
	f->aim.fd = f->connected ? i->send_fd : i->pair_fd;
	f->aim.len = ss_len(&i->pair.remote);
	memcpy(&f->aim.sa, &i->pair.remote, f->aim.len);

	return true;
}

void iceflow_send(struct flow *f, const uint8_t *p, size_t len)
{
	struct ice_part *i = &f->i;
	const struct sockaddr_storage *to = &i->pair.remote;
	int fd = i->pair_fd;
	bool sent;

	if (!i->up) {
		f->count.tx_drop++;
		return;
	}
	if (!i->paired) { /* answers go where the flight came from */
		to = &i->flight;
		fd = i->flight_fd;
	}
	if (fd < 0)
		sent = !agent_send(i->agent, p, len);
	else
		sent = sendto(fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL,
			      (const struct sockaddr *)to, ss_len(to)) >= 0;
	if (!sent) {
		f->count.tx_drop++;
		return;
	}
	f->count.tx_packets++;
	f->count.tx_bytes += len;
}
