/* doctor_disk.c: the disks that files of ours are on.
 *
 * A thread looks at each, for a disk that hangs (NFS) would hold up the loop.
 * It touches only its look; that belongs to nobody else until it is over, so
 * giving up is forgetting. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "admin/cdr.h"
#include "admin/doctor.h"
#include "base/store.h"

enum {
	WAIT = 5000, /* ms */
	MB = 1 << 20,
	DISK_WARN = 500, /* MB */
	DISK_FAIL = 50,
	LOOKS_MAX = 16,		 /* that hang, before no more are begun */
	STACK_SIZE = 128 * 1024, /* bytes */
};

static const char hangs[] = "Look at that disk, or at the server that it is "
			    "on: what the gateway writes to it waits.";

struct look {
	struct mqueue *mq;
	char *path, *dir;
	char *trouble;	     /* of who writes the file; NULL: none */
	struct asker *asker; /* the loop's alone; NULL: nobody waits */
	int err;
	struct statvfs st;
};

struct asker { /* kept by its probe */
	struct probe *probe;
	struct look *look; /* NULL once it is over */
};

static unsigned looks;

static void look_destructor(void *arg)
{
	struct look *l = arg;

	mem_deref(l->mq);
	mem_deref(l->path);
	mem_deref(l->dir);
	mem_deref(l->trouble);
}

static void asker_destructor(void *arg)
{
	struct asker *a = arg;

	if (a->look)
		a->look->asker = NULL;
}

static void judge(struct probe *p, const struct look *l)
{
	const uint64_t mb = (uint64_t)l->st.f_bavail * l->st.f_frsize / MB;
	const bool read_only = l->st.f_flag & ST_RDONLY;

	if (l->err)
		probe_say(
		    p, PROBE_FAILED,
		    "Make the directory, owned by the gateway's user, on "
		    "a disk that can be written (StateDirectory= of the "
		    "unit does so).",
		    "%s: %m", l->path, l->err);
	else if (l->trouble)
		probe_say(p, PROBE_FAILED,
			  "Move the file away, or name another; the log has "
			  "more.",
			  "%s: %s", l->path, l->trouble);
	else
		probe_say(
		    p,
		    read_only || mb < DISK_FAIL ? PROBE_FAILED
		    : mb < DISK_WARN		? PROBE_WARNING
						: PROBE_OK,
		    "Make room on that disk, or move the file to another.",
		    "%llu MB free%s", (unsigned long long)mb,
		    read_only ? ", read-only" : "");
}

static void look_over(int id, void *data, void *arg)
{
	struct look *l = arg;

	(void)id;
	(void)data;
	--looks;
	if (l->asker) {
		l->asker->look = NULL;
		judge(l->asker->probe, l);
	}
	mem_deref(l);
}

static void *look_go(void *arg)
{
	struct look *l = arg;

	if (statvfs(l->dir, &l->st) || access(l->dir, W_OK) ||
	    (access(l->path, F_OK) == 0 && access(l->path, W_OK)))
		l->err = errno;
	/* fails only when the pipe is full, and this is its one message */
	(void)mqueue_push(l->mq, 0, NULL);

	return NULL;
}

static int look_start(struct look *l)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (looks >= LOOKS_MAX)
		return EBUSY;
	err = mqueue_alloc(&l->mq, look_over, l);
	if (!err)
		err = pthread_attr_init(&attr);
	if (err)
		return err;

	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	err = pthread_create(&thread, &attr, look_go, l);
	(void)pthread_attr_destroy(&attr);
	if (!err)
		++looks;

	return err;
}

static int look_alloc(struct look **lp, const char *path, const char *slash,
		      const char *trouble)
{
	struct look *l = mem_zalloc(sizeof(*l), look_destructor);
	int err;

	if (!l)
		return ENOMEM;

	err = str_dup(&l->path, path);
	err |= re_sdprintf(&l->dir, "%b", path,
			   slash > path ? (size_t)(slash - path) : 1);
	if (trouble)
		err |= str_dup(&l->trouble, trouble);
	if (err)
		mem_deref(l);
	else
		*lp = l;

	return err ? ENOMEM : 0;
}

/* trouble: of who writes the file, NULL: none. */
static int disk_probe(struct doctor *d, const char *what, const char *path,
		      const char *trouble)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	struct asker *a;
	struct look *l;
	struct probe *p;
	int err;

	if (!slash)
		return 0;
	err = doctor_probe(&p, d, "disk", "%s", what);
	if (err)
		return err;
	a = mem_zalloc(sizeof(*a), asker_destructor);
	if (!a)
		return ENOMEM;

	a->probe = p;
	probe_keep(p, a);
	probe_wait(p, WAIT, hangs);
	err = look_alloc(&l, path, slash, trouble);
	if (err)
		return err;
	err = look_start(l);
	if (err) {
		mem_deref(l);
		probe_say(p, PROBE_FAILED, hangs, "cannot be looked at: %m",
			  err);
		return 0;
	}
	l->asker = a;
	a->look = l;

	return 0;
}

static int store_probe(struct doctor *d, const struct gateway *gw)
{
	struct store_status st;

	store_status(gw->store, &st);

	return disk_probe(d, "store", gw->config->store.path,
			  gw->store ? st.trouble : "it could not be opened");
}

static int records_probe(struct doctor *d, const struct gateway *gw,
			 const char *name, const char *path)
{
	const char *trouble = NULL;
	struct cdr_status st;

	cdr_status(gw->cdr, &st);
	for (unsigned i = 0; i < st.filec; i++) {
		if (!strcmp(st.files[i].name, name))
			trouble = st.files[i].trouble;
	}

	return disk_probe(d, "records", path, trouble);
}

int doctor_disk(struct doctor *d, const struct gateway *gw)
{
	const struct config *c = gw->config;
	int err;

	err = store_probe(d, gw);
	err |= records_probe(d, gw, "csv", c->records.csv);
	err |= records_probe(d, gw, "sqlite", c->records.sqlite);

	return err ? ENOMEM : 0;
}
