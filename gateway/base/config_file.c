/* config_file.c: the configuration file itself, read in one go. */
#include "config_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fd_read(char *buf, size_t size, size_t *lenp, int fd)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*lenp = len;

	return 0;
}

/* One byte more than allowed is read, so as to see that it was too much. */
static int file_read(char **bufp, size_t *lenp, const char *file)
{
	struct stat st;
	char *buf = NULL;
	int err = 0, fd;

	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return errno;

	if (fstat(fd, &st))
		err = errno;
	else if (S_ISDIR(st.st_mode))
		err = EISDIR;
	else if (st.st_size > CONFIG_FILE_MAX)
		err = EFBIG;
	if (err)
		goto out;

	buf = mem_alloc(CONFIG_FILE_MAX + 1, NULL);
	err = buf ? fd_read(buf, CONFIG_FILE_MAX + 1, lenp, fd) : ENOMEM;
	if (!err && *lenp > CONFIG_FILE_MAX)
		err = EFBIG;

out:
	(void)close(fd);
	if (err)
		mem_deref(buf);
	else
		*bufp = buf;

	return err;
}

int config_load(struct config **cp, const char *file, struct re_printf *pf)
{
	char *buf = NULL;
	size_t len = 0;
	int err;

	if (!cp || !file)
		return EINVAL;

	err = file_read(&buf, &len, file);
	if (err) {
		if (pf)
			(void)re_hprintf(pf, "%s: cannot be read, %m%s\n",
					 file, err,
					 err == ENOENT ? "; \"stoxd init\" "
							 "writes a first one"
						       : "");
		return err;
	}

	err = config_parse(cp, file, buf, len, pf);
	explicit_bzero(buf, len);
	mem_deref(buf);

	return err;
}
