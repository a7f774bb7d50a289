/* control.c: the control socket. */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "admin/command.h"
#include "admin/control.h"
#include "base/log.h"
#include "base/loop.h"

enum {
	CLIENTS_MAX = 16,
	REQUEST_MAX = 8192, /* bytes */
	WHO_MAX = 32,
	CLIENT_TIMEOUT =
	    10 * 1000,	       /* ms to send a request, to take the answer */
	OUTPUT_MAX = 32 << 20, /* bytes that a slow reader may leave */
};

struct control {
	int fd;
	char *path;
	const struct gateway *gw; /* not referenced */
	struct list clients;
};

struct client {
	struct le le;
	int fd;
	const struct gateway *gw;
	char in[REQUEST_MAX];
	size_t inlen;
	char who[WHO_MAX]; /* "uid 0" */
	struct mbuf *out;
	struct command_run *run; /* a request being answered */
	bool begun;		 /* the first byte of the answer is there */
	bool done;		 /* close when out is written */
	struct tmr timer;
};

static void client_destructor(void *arg)
{
	struct client *c = arg;

	list_unlink(&c->le);
	tmr_cancel(&c->timer);
	mem_deref(c->run);
	mem_deref(c->out);
	loop_fd_remove(c->fd);
	if (c->fd >= 0)
		(void)close(c->fd);
}

static void client_timeout(void *arg)
{
	mem_deref(arg);
}

static void client_io(int flags, void *arg);

/* Writes what there is; false when the client is gone. */
static bool client_flush(struct client *c)
{
	ssize_t n;

	while (mbuf_get_left(c->out)) {
		n = send(c->fd, mbuf_buf(c->out), mbuf_get_left(c->out),
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return !loop_fd_add(c->fd, FD_READ | FD_WRITE,
					    client_io, c);
		if (n <= 0)
			return false;
		mbuf_advance(c->out, n);
	}

	c->out->pos = c->out->end = 0;
	if (c->done)
		return false;

	return !loop_fd_add(c->fd, FD_READ, client_io, c);
}

/* The first byte of the answer: stoxctl's exit status; '!' is a result, and a
 * bad one. */
static char status_char(const struct client *c, int err)
{
	if (err)
		return err == EINVAL ? '2' : '1';

	return command_alarms(c->run) ? '!' : '0';
}

static void client_output(int err, const char *text, size_t len, bool last,
			  void *arg)
{
	static const char too_long[] =
	    "the answer is too long; ask for less\n";
	struct client *c = arg;
	size_t pos = c->out->pos;
	int failed = 0;

	if (c->out->end + len > OUTPUT_MAX) {
		if (c->begun) { /* it breaks off */
			mem_deref(c);
			return;
		}
		err = E2BIG;
		text = too_long;
		len = sizeof(too_long) - 1;
		last = true;
	}

	c->out->pos = c->out->end;
	if (!c->begun) {
		const char first[] = {status_char(c, err), '\n'};

		failed = mbuf_write_mem(c->out, (const uint8_t *)first,
					sizeof(first));
		c->begun = true;
	}
	if (!failed)
		failed = mbuf_write_mem(c->out, (const uint8_t *)text, len);
	if (failed) {
		mem_deref(c);
		return;
	}
	c->out->pos = pos;
	c->done |= last;
	if (last)
		tmr_start(&c->timer, CLIENT_TIMEOUT, client_timeout, c);
	if (!client_flush(c))
		mem_deref(c);
}

static void client_request(struct client *c)
{
	int err;

	tmr_cancel(&c->timer);
	err = command_line(&c->run, c->gw, c->in, c->who, client_output, c);
	if (err)
		client_output(err, "out of memory\n", 14, true, c);
}

static void client_io(int flags, void *arg)
{
	struct client *c = arg;
	ssize_t n;
	char *nl;

	if (flags & FD_WRITE) {
		if (!client_flush(c)) {
			mem_deref(c);
			return;
		}
	}
	if (!(flags & FD_READ))
		return;

	n = recv(c->fd, c->in + c->inlen, sizeof(c->in) - 1 - c->inlen,
		 MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || c->run) { /* gone, or talks while it is answered */
		mem_deref(c);
		return;
	}

	c->inlen += (size_t)n;
	c->in[c->inlen] = '\0';
	nl = memchr(c->in, '\n', c->inlen);
	if (nl) {
		*nl = '\0';
		for (char *p = c->in; p < nl; p++)
			*p = *p ? *p : '?'; /* no word ends there */
		client_request(c);
	} else if (c->inlen >= sizeof(c->in) - 1) {
		mem_deref(c);
	}
}

static void client_name(struct client *c)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		str_ncpy(c->who, "control socket", sizeof(c->who));
	else
		(void)re_snprintf(c->who, sizeof(c->who), "uid %u", cred.uid);
}

/* One more may come; those who hold a place and ask for nothing go first. */
static bool make_room(struct control *ctl)
{
	struct le *le;

	if (list_count(&ctl->clients) < CLIENTS_MAX)
		return true;

	LIST_FOREACH (&ctl->clients, le) {
		struct client *c = le->data;

		if (!c->run && !c->begun) {
			mem_deref(c);
			return true;
		}
	}

	return false;
}

static void accept_handler(int flags, void *arg)
{
	struct control *ctl = arg;
	struct client *c;
	int fd;

	(void)flags;

	fd = accept4(ctl->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;

	if (!make_room(ctl)) {
		(void)close(fd);
		return;
	}

	c = mem_zalloc(sizeof(*c), client_destructor);
	if (!c) {
		(void)close(fd);
		return;
	}

	c->fd = fd;
	c->gw = ctl->gw;
	client_name(c);
	list_append(&ctl->clients, &c->le, c);
	c->out = mbuf_alloc(1024);
	if (!c->out || loop_fd_add(fd, FD_READ, client_io, c)) {
		mem_deref(c);
		return;
	}
	tmr_start(&c->timer, CLIENT_TIMEOUT, client_timeout, c);
}

static void control_destructor(void *arg)
{
	struct control *ctl = arg;

	list_flush(&ctl->clients);
	loop_fd_remove(ctl->fd);
	if (ctl->fd >= 0) {
		(void)close(ctl->fd);
		(void)unlink(ctl->path);
	}
	mem_deref(ctl->path);
}

/* A socket file that nobody answers is a leftover of a crash. */
static int clear_stale(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return errno;

	if (!connect(fd, (const struct sockaddr *)sun, sizeof(*sun)))
		err = EADDRINUSE;
	else if (errno == ECONNREFUSED && !lstat(sun->sun_path, &st) &&
		 S_ISSOCK(st.st_mode))
		(void)unlink(sun->sun_path);

	(void)close(fd);

	return err;
}

/* As a service it is there (RuntimeDirectory); started by hand it is not. */
static int make_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = NULL;
	struct pl pl;
	int err;

	if (!slash || slash == path)
		return ENOENT;

	pl.p = path;
	pl.l = (size_t)(slash - path);
	err = pl_strdup(&dir, &pl);
	if (!err && mkdir(dir, 0750))
		err = errno;
	mem_deref(dir);

	return err;
}

static int control_bind(int fd, const struct sockaddr_un *sun)
{
	const mode_t mask = umask(0177);
	int err = 0;

	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)))
		err = errno;
	(void)umask(mask);

	return err;
}

/* Nobody but us until the group is the right one. */
static int control_share(const char *path, const char *name)
{
	const struct group *g;

	errno = 0;
	g = getgrnam(name);
	if (!g) {
		log_error("admin: socket_group: there is no group %s\n", name);
		return errno ? errno : ENOENT;
	}
	if (chown(path, (uid_t)-1, g->gr_gid) || chmod(path, 0660)) {
		const int err = errno;

		log_error("admin: socket_group: %s cannot be given to group "
			  "%s, which we have to be in: %m\n",
			  path, name, err);
		return err;
	}

	return 0;
}

static int control_listen(struct control *ctl, const char *group)
{
	struct sockaddr_un sun;
	int err;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlen(ctl->path) >= sizeof(sun.sun_path))
		return ENAMETOOLONG;
	str_ncpy(sun.sun_path, ctl->path, sizeof(sun.sun_path));

	err = clear_stale(&sun);
	if (err)
		return err;

	ctl->fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ctl->fd < 0)
		return errno;

	err = control_bind(ctl->fd, &sun);
	if (err == ENOENT && !make_directory(ctl->path))
		err = control_bind(ctl->fd, &sun);
	if (err) {
		(void)close(ctl->fd);
		ctl->fd = -1;
		return err;
	}

	err = group ? control_share(ctl->path, group) : 0;
	if (err)
		return err;
	if (listen(ctl->fd, CLIENTS_MAX))
		return errno;

	return loop_fd_add(ctl->fd, FD_READ, accept_handler, ctl);
}

int control_alloc(struct control **cp, const char *path,
		  const struct gateway *gw)
{
	struct control *ctl;
	int err;

	ctl = mem_zalloc(sizeof(*ctl), control_destructor);
	if (!ctl)
		return ENOMEM;

	ctl->fd = -1;
	ctl->gw = gw;
	err = str_dup(&ctl->path, path);
	if (!err)
		err = control_listen(ctl, gw->config->admin_group);
	if (err) {
		log_error("admin: cannot listen on %s: %m; socket in [admin] "
			  "sets another place\n",
			  path, err);
		mem_deref(ctl);
		return err;
	}

	*cp = ctl;

	return 0;
}
