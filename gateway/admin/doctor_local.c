/* doctor_local.c: this machine: descriptors, addresses, certificates. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "admin/doctor.h"
#include "media/media.h"

enum {
	DAYS_WARN = 21, /* before a certificate ends */
	CALL_FDS = 6,	/* a call, with one local address */
};

/* ---- descriptors, ports ---- */

static int room_probe(struct doctor *d, const struct gateway *gw)
{
	const unsigned want = gw->config->limits.calls;
	struct engine_use use;
	struct rlimit rl;
	struct probe *p;
	unsigned room, fds;
	int err;

	err = doctor_probe(&p, d, "room", "calls");
	if (err)
		return err;

	memset(&rl, 0, sizeof(rl));
	(void)getrlimit(RLIMIT_NOFILE, &rl);
	engine_used(gw->engine, &use);
	fds = use.fds_max / CALL_FDS;
	room = policy_room(gw->policy);
	if (want && fds < want)
		probe_say(
		    p, PROBE_FAILED,
		    "Raise the limit of descriptors (LimitNOFILE= of the "
		    "unit, or ulimit -n), six a call, or lower [limits] "
		    "calls.",
		    "%u descriptors are enough for %u calls, not %u",
		    (unsigned)rl.rlim_cur, fds, want);
	else if (room < 10)
		probe_say(
		    p, PROBE_WARNING,
		    "Raise the limit of descriptors (LimitNOFILE= of the "
		    "unit) and widen [media] ports: three ports a call.",
		    "%u descriptors and %u ports: room for %u calls",
		    (unsigned)rl.rlim_cur, use.ports_max, room);
	else
		probe_say(p, PROBE_OK, "",
			  "%u descriptors and %u ports: room for %u calls",
			  (unsigned)rl.rlim_cur, use.ports_max, room);

	return 0;
}

static int address_probe(struct doctor *d, const struct sa *sa)
{
	struct probe *p;
	int fd, err;

	if (!sa_isset(sa, SA_ADDR))
		return 0;
	err = doctor_probe(&p, d, "address", "%j", sa);
	if (err)
		return err;

	fd = socket(sa_af(sa), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, &sa->u.sa, sa->len))
		probe_say(p, PROBE_FAILED,
			  "Set [media] address to an address of this machine; "
			  "what others see belongs into public_address.",
			  "media cannot have it: %m", errno);
	else
		probe_say(p, PROBE_OK, "", "is one of this machine");
	if (fd >= 0)
		(void)close(fd);

	return 0;
}

/* ---- certificates ---- */

static void cert_judge(struct probe *p, const X509 *x)
{
	static const char remedy[] =
	    "Renew the certificate, and \"stoxctl reload\".";
	int days = 0, secs = 0;

	if (!ASN1_TIME_diff(&days, &secs, NULL, X509_get0_notAfter(x)))
		probe_say(p, PROBE_FAILED, remedy, "it has no end");
	else if (days < 0 || secs < 0)
		probe_say(p, PROBE_FAILED, remedy, "it ended %d days ago",
			  -days);
	else if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0)
		probe_say(p, PROBE_FAILED,
			  "Set the clock, or use a certificate that is valid "
			  "now.",
			  "it is not valid yet");
	else
		probe_say(p, days < DAYS_WARN ? PROBE_WARNING : PROBE_OK,
			  remedy, "it ends in %d days", days);
}

struct cert {
	char *file;
	X509 *x; /* NULL: it cannot be read */
};

static void cert_destructor(void *arg)
{
	struct cert *c = arg;

	mem_deref(c->file);
	X509_free(c->x);
}

static void cert_look(void *data)
{
	struct cert *c = data;
	BIO *bio = BIO_new_file(c->file, "r");

	if (bio)
		c->x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	(void)BIO_free(bio);
}

static void cert_say(struct probe *p, const void *data)
{
	const struct cert *c = data;

	if (c->x)
		cert_judge(p, c->x);
	else
		probe_say(
		    p, PROBE_FAILED,
		    "Let the file be readable for the gateway, and hold a "
		    "certificate (PEM).",
		    "%s cannot be read", c->file);
}

static int cert_probe(struct doctor *d, const char *whose, const char *file)
{
	struct cert *c;
	struct probe *p;
	int err;

	if (!file)
		return 0;
	err = doctor_probe(&p, d, "certificate", "%s", whose);
	if (err)
		return err;

	c = mem_zalloc(sizeof(*c), cert_destructor);
	if (!c)
		return ENOMEM;
	err = str_dup(&c->file, file);
	if (!err)
		err = probe_look(p, cert_look, cert_say, c,
				 "Look at the disk that the file is on.");
	mem_deref(c);

	return err;
}

int doctor_local(struct doctor *d, const struct gateway *gw)
{
	const struct config *c = gw->config;
	int err;

	err = room_probe(d, gw);
	err |= address_probe(d, &c->media.addr4);
	err |= address_probe(d, &c->media.addr6);
	err |= cert_probe(d, "[sip]", c->sip.cert);
	for (size_t i = 0; i < c->trunkc; i++)
		err |= cert_probe(d, c->trunk[i].name, c->trunk[i].tls_cert);

	return err ? ENOMEM : 0;
}
