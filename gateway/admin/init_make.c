/* init_make.c: from the answers of "stoxd init" to its files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/config.h"
#include "bridge/route.h"
#include "init_int.h"

enum {
	PORT_BESIDE = 5070, /* where the PBX is on this machine */
	WORDS_MAX = 32,
};

struct making {
	const struct init_answers *a;
	const struct init_kind *server, *pbx;
	struct init_word words[WORDS_MAX + 1];
	char *held[WORDS_MAX]; /* mem_ref'd values of them */
	size_t wordc;
	struct init_file files[INIT_FILES_MAX];
	size_t filec;
	uint16_t port; /* our SIP port */
	int err;
};

static int print_stderr(const char *p, size_t size, void *arg)
{
	(void)arg;

	return fwrite(p, 1, size, stderr) == size ? 0 : EIO;
}

static int secret_make(char buf[INIT_SECRET_SIZE])
{
	uint8_t raw[(INIT_SECRET_SIZE - 1) / 2];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return errno ? errno : EIO;

	for (size_t i = 0; i < sizeof(raw); i++)
		(void)re_snprintf(buf + 2 * i, 3, "%02x", raw[i]);
	explicit_bzero(raw, sizeof(raw));

	return 0;
}

static void word_add(struct making *m, const char *name, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	if (m->err || m->wordc >= WORDS_MAX)
		return;

	va_start(ap, fmt);
	m->err = re_vsdprintf(&s, fmt, ap);
	va_end(ap);
	if (m->err)
		return;
	m->held[m->wordc] = s;
	m->words[m->wordc].name = name;
	m->words[m->wordc++].value = s;
}

static void secret_add(struct making *m, const char *name)
{
	char buf[INIT_SECRET_SIZE];

	if (!m->err)
		m->err = secret_make(buf);
	if (!m->err)
		word_add(m, name, "%s", buf);
	explicit_bzero(buf, sizeof(buf));
}

/* "host", "host:port", "[v6]:port", a bare IPv6 address. */
static void split(const char *s, char *host, size_t size, uint16_t *port)
{
	const char *colon = strrchr(s, ':');
	size_t n = strcspn(s, ";");

	if (colon && (strchr(s, ':') == colon || colon[-1] == ']')) {
		*port = (uint16_t)strtoul(colon + 1, NULL, 10);
		n = (size_t)(colon - s);
	} else {
		*port = 0;
	}
	if (*s == '[' && n > 1 && s[n - 1] == ']') {
		s++;
		n -= 2;
	}
	if (n >= size)
		n = size - 1;
	memcpy(host, s, n);
	host[n] = '\0';
}

static bool is_v6(const char *host)
{
	return strchr(host, ':') != NULL;
}

/* An address that can be bound is one of this machine. */
static bool is_here(const char *host)
{
	struct sa sa;
	bool here;
	int fd;

	if (!strcmp(host, "localhost"))
		return true;
	if (sa_set_str(&sa, host, 0))
		return false;

	fd = socket(sa_af(&sa), SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	here = !bind(fd, &sa.u.sa, sa.len);
	(void)close(fd);

	return here;
}

static bool is_loopback(const char *host)
{
	struct sa sa;

	return !strcmp(host, "localhost") ||
	       (!sa_set_str(&sa, host, 0) && sa_is_loopback(&sa));
}

/* [xmpp] server, and what the server's snippet must say about it. */
static void server_words(struct making *m)
{
	const char *address = m->a->server_address;
	const bool ejabberd = !strcmp(m->server->name, "ejabberd");
	const char *more = "";
	char host[INIT_VALUE_MAX], other[INIT_VALUE_MAX];
	uint16_t port;
	bool near;

	split(address, host, sizeof(host), &port);
	near = is_loopback(host);
	if (!port)
		split(m->server->address, other, sizeof(other), &port);
	if (!near && ejabberd)
		more = "# its certificate is verified: tls_ca, tls_name\n"
		       "tls = yes\n";
	else if (!near)
		more =
		    "# not encrypted: only over a network of your own, or a "
		    "tunnel\n"
		    "allow_plain = yes\n";

	word_add(m, "BIND", "%s", near ? "127.0.0.1" : "::");
	word_add(m, "SERVERPORT", "%u", port);
	word_add(m, "EJABBERDTLS", "%s",
		 near ? ""
		      : "    tls: true\n"
			"    # certificate chain and key in one file\n"
			"    certfile: \"/etc/ejabberd/component.pem\"\n");
	if (!strcmp(host, "127.0.0.1") && port == 5347)
		word_add(m, "SERVER", ""); /* the default */
	else
		word_add(m, "SERVER", "server = %s%s%s:%u\n%s",
			 is_v6(host) ? "[" : "", host, is_v6(host) ? "]" : "",
			 port, more);
}

/* [sip] and [media], where the defaults do not do. */
static void sip_words(struct making *m, bool here)
{
	const char *ours = m->a->address, *seen = m->a->public_address;
	const char *l = is_v6(ours) ? "[" : "", *r = is_v6(ours) ? "]" : "";
	char listen[INIT_VALUE_MAX] = "";

	if (here)
		(void)re_snprintf(listen, sizeof(listen),
				  "# beside the PBX, which has port 5060\n"
				  "listen = udp:%s%s%s:%u, tcp:%s%s%s:%u\n",
				  l, ours, r, m->port, l, ours, r, m->port);
	if (here || seen)
		word_add(m, "SIP", "[sip]\n%s%s%s%s\n", listen,
			 seen ? "# behind NAT\npublic_address = " : "",
			 seen ? seen : "", seen ? "\n" : "");
	else
		word_add(m, "SIP", "");
	if (seen)
		word_add(m, "MEDIA",
			 "\n[media]\naddress = %s\npublic_address = %s\n",
			 ours, seen);
	else
		word_add(m, "MEDIA", "");
}

/* [trunk] uri and accept_from. */
static void trunk_words(struct making *m)
{
	const char *tail = strchr(m->a->pbx_address, ';');
	const char *l, *r, *ours = m->a->address;
	char host[INIT_VALUE_MAX], at[16] = "";
	uint16_t port;
	struct sa sa;
	bool here;

	split(m->a->pbx_address, host, sizeof(host), &port);
	if (!port && strcmp(m->pbx->address, "5060"))
		(void)re_snprintf(at, sizeof(at), ":%s", m->pbx->address);
	else if (port)
		(void)re_snprintf(at, sizeof(at), ":%u", port);
	l = is_v6(host) ? "[" : "";
	r = is_v6(host) ? "]" : "";
	word_add(m, "URI", "sip:%s%s%s%s%s", l, host, r, at, tail ? tail : "");

	if (sa_set_str(&sa, host, 0))
		word_add(m, "ACCEPT",
			 "# calls are taken from the addresses of this name; "
			 "others:\n#accept_from = 192.0.2.0/24\n");
	else
		word_add(m, "ACCEPT", "accept_from = %s\n", host);
	word_add(m, "PHONES",
		 m->a->phones ? "# Kamailio carries no sound: it comes from "
				"the telephones\nmedia_from = %s, %s\n"
			      : "# Kamailio carries no sound: name the "
				"networks of the telephones\n#media_from = "
				"%s, 198.51.100.0/24\n",
		 sa_set_str(&sa, host, 0) ? ours : host, m->a->phones);

	here = is_here(host);
	m->port = here ? PORT_BESIDE : SIP_PORT;
	l = is_v6(ours) ? "[" : "";
	r = is_v6(ours) ? "]" : "";
	word_add(m, "OURS", "%s%s%s:%u", l, ours, r, m->port);
	word_add(m, "IDENTIFY", "match=%s\n", ours);
	word_add(m, "FROMOURS",
		 here ? "$si == \"%s\" && $sp == %u" : "$si == \"%s\"", ours,
		 m->port);
	sip_words(m, here);
}

/* The dots of an address, for a regular expression. */
static void host_re_word(struct making *m)
{
	char buf[2 * INET6_ADDRSTRLEN];
	const char *s = m->a->address;
	size_t n = 0;

	for (; *s && n + 3 < sizeof(buf); s++) {
		if (*s == '.')
			buf[n++] = '\\';
		buf[n++] = *s;
	}
	buf[n] = '\0';
	word_add(m, "OURHOSTRE", "%s", buf);
}

static void words_make(struct making *m)
{
	const struct init_answers *a = m->a;
	char *trunk = NULL;

	word_add(m, "COMPONENT", "%s", a->component);
	word_add(m, "DOMAIN", "%s", a->domain);
	word_add(m, "DIR", "%s", a->out);
	word_add(m, "PBX", "%s",
		 strcmp(a->pbx, "trunk") ? a->pbx : "provider");
	secret_add(m, "SECRET");
	secret_add(m, "PASSWORD");
	server_words(m);
	trunk_words(m);
	host_re_word(m);

	if (a->username)
		word_add(m, "LOGIN",
			 "username = %s\npassword = %s\n"
			 "# log in there, so as to be called\n"
			 "register = yes\n",
			 a->username, a->password);
	else
		word_add(m, "LOGIN",
			 "# the provider knows the gateway by its address\n");
	if (!m->err)
		m->err = init_expand(&trunk, m->pbx->trunk, m->words);
	word_add(m, "TRUNK", "%s", trunk);
	mem_deref(trunk);
}

static void file_add(struct making *m, const char *name, const char *text)
{
	struct init_file *f = &m->files[m->filec];

	if (m->err || m->filec >= INIT_FILES_MAX)
		return;

	++m->filec;
	m->err = re_sdprintf(&f->path, "%s/%s", m->a->out, name);
	if (!m->err)
		m->err = init_expand(&f->text, text, m->words);
}

/* What the gateway itself says of the first file. */
static int config_judge(const struct init_file *f)
{
	struct re_printf pf = {print_stderr, NULL};
	struct config *c = NULL;
	struct route *r = NULL;
	int err;

	err = config_parse(&c, f->path, f->text, strlen(f->text), &pf);
	if (!err)
		err = route_alloc(&r, c, &pf);
	if (err == EBADMSG)
		fputs("stoxd: these answers make no configuration that "
		      "holds; nothing written\n",
		      stderr);
	mem_deref(r);
	mem_deref(c);

	return err;
}

static int next_tell(struct making *m)
{
	const char *parts[] = {m->server->next, m->pbx->next};
	char *text = NULL;
	int err = 0;

	puts("Written, readable by their owner and group only:");
	for (size_t i = 0; i < m->filec; i++)
		printf("  %s\n", m->files[i].path);
	puts("Next:");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !err; i++) {
		err = init_expand(&text, parts[i], m->words);
		if (!err)
			fputs(text, stdout);
		text = mem_deref(text);
	}
	printf("  The gateway: stoxd --check -c %s, start it, and\n"
	       "    \"stoxctl doctor\" says what is still in the way.\n"
	       "Then 600@%s is extension 600.\n",
	       m->files[0].path, m->a->component);

	return fflush(stdout) ? EIO : err;
}

int init_make(const struct init_answers *a)
{
	struct making m;

	memset(&m, 0, sizeof(m));
	m.a = a;
	m.server = init_kind_find(init_servers, a->server);
	m.pbx = init_kind_find(init_pbxes, a->pbx);
	words_make(&m);

	file_add(&m, "stoxd.conf", init_config);
	for (size_t i = 0; i < 3; i++) {
		if (m.server->files[i].name)
			file_add(&m, m.server->files[i].name,
				 m.server->files[i].text);
	}
	for (size_t i = 0; i < 3; i++) {
		if (m.pbx->files[i].name)
			file_add(&m, m.pbx->files[i].name,
				 m.pbx->files[i].text);
	}

	if (!m.err)
		m.err = config_judge(&m.files[0]);
	if (!m.err)
		m.err = init_files_write(m.files, m.filec, a->out, a->force);
	if (!m.err)
		m.err = next_tell(&m);

	for (size_t i = 0; i < m.filec; i++) {
		mem_deref(m.files[i].path);
		mem_deref(m.files[i].text);
	}
	for (size_t i = 0; i < m.wordc; i++)
		mem_deref(m.held[i]);

	return m.err;
}
