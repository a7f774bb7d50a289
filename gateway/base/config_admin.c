/* config_admin.c: where the web page and the HTTP API are, and who may. */
#include "config_int.h"

#include <string.h>

enum { TOKEN_MIN = 16, TOKEN_MAX = 256 }; /* characters */

static const char *bind_decode(struct config_value *v, void *base)
{
	struct sa *sa = config_field(base, v->key->offset);
	struct pl pl;

	pl_set_str(&pl, v->text);
	if (sa_decode(sa, pl.p, pl.l) || !sa_port(sa) ||
	    !config_port_is_valid(&pl)) {
		sa_init(sa, AF_UNSPEC);
		return "is not ADDRESS:PORT, as 127.0.0.1:5080";
	}

	return NULL;
}

static int bind_print(struct re_printf *pf, const struct config_key *key,
		      const void *base)
{
	const struct sa *sa = config_field_in(base, key->offset);

	return sa_isset(sa, SA_PORT) ? re_hprintf(pf, "%J", sa) : 0;
}

const struct config_type config_type_bind = {bind_decode, bind_print, NULL,
					     false};

/* The first line of a file, as of secret_file; here no other key sets it. */
static const char *token_decode(struct config_value *v, void *base)
{
	return config_type_secret_file.decode(v, base);
}

const struct config_type config_type_token_file = {token_decode, NULL,
						   config_text_clear, false};

/* RFC 6750 2.1: what fits into a header */
static bool token_is_fine(const char *s)
{
	const size_t n = strlen(s);

	return n >= TOKEN_MIN && n <= TOKEN_MAX &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789-._~+/=") == n;
}

static void token_check(struct config_parser *p, const char *token, int line,
			const char *key)
{
	if (token && !token_is_fine(token))
		config_problem(p, line, NULL, NULL,
			       "%s: a token is %u to %u letters and digits; "
			       "\"openssl rand -hex 24\" makes one",
			       key, TOKEN_MIN, TOKEN_MAX);
}

void config_admin_check(struct config_parser *p,
			const struct config_section *s)
{
	const struct config *c = p->c;

	token_check(p, c->read_token, config_line_of(s, "read_token_file"),
		    "read_token_file");
	token_check(p, c->write_token, config_line_of(s, "write_token_file"),
		    "write_token_file");
	if (c->read_token && c->write_token &&
	    !strcmp(c->read_token, c->write_token))
		config_problem(p, config_line_of(s, "write_token_file"), NULL,
			       NULL,
			       "write_token_file and read_token_file hold the "
			       "same token; who may read could write");
	if (sa_isset(&c->admin_http, SA_PORT) &&
	    !sa_is_loopback(&c->admin_http) && !c->read_token)
		config_problem(p, config_line_of(s, "http"), NULL, NULL,
			       "http is not a loopback address: everyone who "
			       "reaches it would see calls; set "
			       "read_token_file");
}
