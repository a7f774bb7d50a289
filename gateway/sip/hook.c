/* hook.c: what libre does with a datagram, made callable.
 *
 * The guard decodes a message to judge it, and libre would decode it again;
 * and its handler of datagrams, which takes those that we read ourselves, is
 * known from its call of udp_listen() alone.  libre calls the two functions
 * here in place of its own (they are exported for that). */
#include "sip/hook.h"
#include <dlfcn.h>
#include "sip/decode.h"

#define EXPORT __attribute__((visibility("default")))

typedef int(decode_h)(struct sip_msg **msgp, struct mbuf *mb);
typedef int(listen_h)(struct udp_sock **usp, const struct sa *local,
		      udp_recv_h *rh, void *arg);

static struct { /* the last that was judged, until libre asks for it */
	struct sip_msg *msg; /* holds its mbuf, which so stays the same */
	size_t pos;	     /* of that, behind what was decoded */
} kept;

static struct hook_receiver listened; /* the last that anybody asked for */

static int decode(struct sip_msg **msgp, struct mbuf *mb)
{
	static decode_h *next;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "sip_msg_decode");

	return next ? next(msgp, mb) : ENOSYS;
}

EXPORT int sip_msg_decode(struct sip_msg **msgp, struct mbuf *mb)
{
	if (!kept.msg || kept.msg->mb != mb)
		return decode(msgp, mb);

	*msgp = kept.msg;
	mb->pos = kept.pos;
	kept.msg = NULL;

	return 0;
}

bool hook_decodes(struct mbuf *mb)
{
	const size_t pos = mb->pos, end = mb->end;
	int err;

	hook_forget();
	err = decode_msg(&kept.msg, mb);
	if (err == EAGAIN)
		err = decode(&kept.msg, mb);
	kept.pos = mb->pos;
	mb->pos = pos;
	mb->end = end;

	return !err;
}

void hook_forget(void)
{
	kept.msg = mem_deref(kept.msg);
}

EXPORT int udp_listen(struct udp_sock **usp, const struct sa *local,
		      udp_recv_h *rh, void *arg)
{
	static listen_h *next;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "udp_listen");
	if (!next)
		return ENOSYS;

	listened.h = rh;
	listened.arg = arg;

	return next(usp, local, rh, arg);
}

struct hook_receiver hook_listened(void)
{
	return listened;
}
