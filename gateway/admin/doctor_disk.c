/* doctor_disk.c: the disks that files of ours are on. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "admin/cdr.h"
#include "admin/doctor.h"
#include "base/store.h"

enum {
	MB = 1 << 20,
	DISK_WARN = 500, /* MB */
	DISK_FAIL = 50,
};

static const char hangs[] = "Look at that disk, or at the server that it is "
			    "on: what the gateway writes to it waits.";

struct disk {
	char *path, *dir;
	char *trouble; /* of who writes the file; NULL: none */
	int err;
	struct statvfs st;
};

static void disk_destructor(void *arg)
{
	struct disk *k = arg;

	mem_deref(k->path);
	mem_deref(k->dir);
	mem_deref(k->trouble);
}

static void judge(struct probe *p, const void *data)
{
	const struct disk *k = data;
	const uint64_t mb = (uint64_t)k->st.f_bavail * k->st.f_frsize / MB;
	const bool read_only = k->st.f_flag & ST_RDONLY;

	if (k->err)
		probe_say(
		    p, PROBE_FAILED,
		    "Make the directory, owned by the gateway's user, on "
		    "a disk that can be written (StateDirectory= of the "
		    "unit does so).",
		    "%s: %m", k->path, k->err);
	else if (k->trouble)
		probe_say(p, PROBE_FAILED,
			  "Move the file away, or name another; the log has "
			  "more.",
			  "%s: %s", k->path, k->trouble);
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

static void look(void *data)
{
	struct disk *k = data;

	if (statvfs(k->dir, &k->st) || access(k->dir, W_OK) ||
	    (access(k->path, F_OK) == 0 && access(k->path, W_OK)))
		k->err = errno;
}

static int disk_alloc(struct disk **kp, const char *path, const char *slash,
		      const char *trouble)
{
	struct disk *k = mem_zalloc(sizeof(*k), disk_destructor);
	int err;

	if (!k)
		return ENOMEM;

	err = str_dup(&k->path, path);
	err |= re_sdprintf(&k->dir, "%b", path,
			   slash > path ? (size_t)(slash - path) : 1);
	if (trouble)
		err |= str_dup(&k->trouble, trouble);
	if (err)
		mem_deref(k);
	else
		*kp = k;

	return err ? ENOMEM : 0;
}

/* trouble: of who writes the file, NULL: none. */
static int disk_probe(struct doctor *d, const char *what, const char *path,
		      const char *trouble)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	struct disk *k;
	struct probe *p;
	int err;

	if (!slash)
		return 0;
	err = doctor_probe(&p, d, "disk", "%s", what);
	if (err)
		return err;
	err = disk_alloc(&k, path, slash, trouble);
	if (err)
		return err;
	err = probe_look(p, look, judge, k, hangs);
	mem_deref(k);

	return err;
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
