/* init_file.c: writes the files of "stoxd init": all of them or none. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "init_int.h"

enum {
	DIR_MODE = 0750,
	FILE_MODE = 0640, /* they hold secrets */
};

static bool is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static int none_is_there(const struct init_file *v, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!is_there(v[i].path))
			continue;
		fprintf(stderr, "stoxd: %s exists\n", v[i].path);
		any = true;
	}
	if (any)
		fputs("stoxd: nothing written; --force replaces these files, "
		      "--out DIR takes another directory\n",
		      stderr);

	return any ? EEXIST : 0;
}

static int text_write(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		text += n;
		left -= (size_t)n;
	}

	return fsync(fd) ? errno : 0;
}

static int part_path(char **sp, const struct init_file *f)
{
	return re_sdprintf(sp, "%s.new", f->path);
}

/* The gateway runs as another user than root, who writes here: it may read
 * what the group of its directory may. */
static int group_give(int fd, const char *dir)
{
	struct stat st;

	if (geteuid())
		return 0;

	return stat(dir, &st) || fchown(fd, (uid_t)-1, st.st_gid) ? errno : 0;
}

/* Beside its place, under another name. */
static int part_write(const struct init_file *f, const char *dir)
{
	char *part = NULL;
	int fd, err;

	err = part_path(&part, f);
	if (err)
		return err;

	(void)unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd < 0) {
		err = errno;
	} else {
		err = text_write(fd, f->text);
		if (!err)
			err = group_give(fd, dir);
		if (!err && fchmod(fd, FILE_MODE))
			err = errno;
		if (close(fd) && !err)
			err = errno;
	}
	if (err)
		fprintf(stderr, "stoxd: %s: %s\n", part, strerror(err));
	mem_deref(part);

	return err;
}

static int part_move(const struct init_file *f, bool force)
{
	char *part = NULL;
	int err;

	err = part_path(&part, f);
	if (err)
		return err;

	/* link(2) refuses what has come into being since it was looked for */
	if (force ? rename(part, f->path) : link(part, f->path))
		err = errno;
	if (err)
		fprintf(stderr, "stoxd: %s: %s\n", f->path, strerror(err));
	mem_deref(part);

	return err;
}

static void parts_remove(const struct init_file *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *part = NULL;

		if (!part_path(&part, &v[i]))
			(void)unlink(part);
		mem_deref(part);
	}
}

int init_files_write(const struct init_file *v, size_t n, const char *dir,
		     bool force)
{
	size_t moved = 0;
	int err;

	if (mkdir(dir, DIR_MODE) && errno != EEXIST) {
		err = errno;
		fprintf(stderr, "stoxd: %s: %s\n", dir, strerror(err));
		return err;
	}

	err = force ? 0 : none_is_there(v, n);
	if (err)
		return err;

	for (size_t i = 0; i < n && !err; i++)
		err = part_write(&v[i], dir);
	for (; moved < n && !err; moved++)
		err = part_move(&v[moved], force);
	if (err && !force) { /* what was moved is new: no harm done */
		for (size_t i = 0; i + 1 < moved; i++)
			(void)unlink(v[i].path);
	}
	parts_remove(v, n);

	return err;
}
