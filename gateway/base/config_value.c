/* config_value.c: types of values that are words, numbers, names and files. */
#include "config_int.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <stringprep.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

bool config_files_off;

const char *config_string_set(struct config_value *v, char **fieldp,
			      const char *s, size_t len)
{
	char *str = mem_alloc(len + 1, NULL);

	if (!str) {
		v->err = ENOMEM;
		return "out of memory";
	}

	memcpy(str, s, len);
	str[len] = '\0';
	mem_deref(*fieldp);
	*fieldp = str;

	return NULL;
}

bool config_list_next(struct pl *elem, struct pl *rest)
{
	static const char sep[] = ", \t";

	while (rest->l && strchr(sep, *rest->p))
		pl_advance(rest, 1);

	elem->p = rest->p;
	while (rest->l && !strchr(sep, *rest->p))
		pl_advance(rest, 1);
	elem->l = (size_t)(rest->p - elem->p);

	return elem->l > 0;
}

void config_section_clear(const struct config_kind *kind, void *base)
{
	size_t i;

	for (i = 0; i < kind->keyc; i++) {
		const struct config_key *key = &kind->keys[i];

		if (key->type->clear)
			key->type->clear(key, base);
	}
}

static const char *text_decode(struct config_value *v, void *base)
{
	return config_string_set(v, config_field(base, v->key->offset),
				 v->text, strlen(v->text));
}

int config_text_print(struct re_printf *pf, const struct config_key *key,
		      const void *base)
{
	char *const *field = config_field_in(base, key->offset);

	return *field ? re_hprintf(pf, "%s", *field) : 0;
}

void config_text_clear(const struct config_key *key, void *base)
{
	char **field = config_field(base, key->offset);

	*field = mem_deref(*field);
}

const struct config_type config_type_text = {text_decode, config_text_print,
					     config_text_clear, false};

/* ---- secrets and files ---- */

static int secret_print(struct re_printf *pf, const struct config_key *key,
			const void *base)
{
	char *const *field = config_field_in(base, key->offset);

	return *field ? re_hprintf(pf, "(set)") : 0;
}

const struct config_type config_type_secret = {text_decode, secret_print,
					       config_text_clear, true};

/* dir/text, or text where it is absolute already. */
static const char *path_join(struct config_value *v, char **pathp)
{
	const char *slash = v->dir[0] && strcmp(v->dir, "/") ? "/" : "";
	char *path = NULL;
	int err;

	if (v->text[0] == '/')
		err = re_sdprintf(&path, "%s", v->text);
	else
		err = re_sdprintf(&path, "%s%s%s", v->dir,
				  *slash ? slash : "/", v->text);
	if (err) {
		v->err = err;
		return "out of memory";
	}

	mem_deref(*pathp);
	*pathp = path;

	return NULL;
}

/* Opens what is a file and nothing that could block. */
static const char *file_open(int *fdp, const char *path, struct stat *st)
{
	int fd;

	if (config_files_off)
		return "names a file";

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? "names a file that does not exist"
				       : "names a file that cannot be read";

	if (fstat(fd, st) || !S_ISREG(st->st_mode)) {
		(void)close(fd);
		return "names what is no file";
	}
	*fdp = fd;

	return NULL;
}

static const char *secret_read(struct config_value *v, const char *path,
			       char **fieldp)
{
	char buf[CONFIG_SECRET_MAX + 2];
	const char *why;
	struct stat st;
	ssize_t n;
	int fd;

	why = file_open(&fd, path, &st);
	if (why)
		return why;

	n = read(fd, buf, sizeof(buf) - 1);
	(void)close(fd);

	if (st.st_mode & (S_IROTH | S_IWOTH))
		why = "names a file that everyone may read; chmod 600 it";
	else if (n < 0)
		why = "names a file that cannot be read";
	else {
		buf[n] = '\0';
		buf[strcspn(buf, "\r\n")] = '\0';
		if (!buf[0])
			why = "names a file whose first line is empty";
		else if (strlen(buf) > CONFIG_SECRET_MAX)
			why = "names a file whose first line is too long";
		else
			why = config_string_set(v, fieldp, buf, strlen(buf));
	}
	explicit_bzero(buf, sizeof(buf));

	return why;
}

static const char *secret_file_decode(struct config_value *v, void *base)
{
	char *path = NULL;
	const char *why = path_join(v, &path);

	if (!why)
		why = secret_read(v, path, config_field(base, v->key->offset));
	mem_deref(path);

	return why;
}

/* The secret itself stands in the field: its other key prints and frees it. */
const struct config_type config_type_secret_file = {secret_file_decode, NULL,
						    NULL, false};

static const char *file_decode(struct config_value *v, void *base)
{
	char **field = config_field(base, v->key->offset);
	const char *why = path_join(v, field);
	struct stat st;
	int fd;

	if (!why)
		why = file_open(&fd, *field, &st);
	if (!why)
		(void)close(fd);
	else /* nobody looks for it again */
		*field = mem_deref(*field);

	return why;
}

const struct config_type config_type_file = {file_decode, config_text_print,
					     config_text_clear, false};

static const char *path_decode(struct config_value *v, void *base)
{
	char **field = config_field(base, v->key->offset);
	const char *why = path_join(v, field);

	if (!why &&
	    strlen(*field) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return "path is too long for a socket (107 bytes)";

	return why;
}

const struct config_type config_type_path = {path_decode, config_text_print,
					     config_text_clear, false};

/* A file that is made when it is missing. */
static const char *place_decode(struct config_value *v, void *base)
{
	return path_join(v, config_field(base, v->key->offset));
}

const struct config_type config_type_place = {place_decode, config_text_print,
					      config_text_clear, false};

/* ---- words and numbers ---- */

static const struct config_word bool_words[] = {
    {"yes", 1}, {"no", 0}, {"true", 1}, {"false", 0}, {"on", 1},
    {"off", 0}, {"1", 1},  {"0", 0},	{NULL, 0},
};

static const struct config_word dscps[] = {
    /* RFC 2474 4.2.2, 2597 6, 3246 2.7, 5865 */
    {"CS0", 0},	  {"CS1", 8},	{"CS2", 16},  {"CS3", 24},  {"CS4", 32},
    {"CS5", 40},  {"CS6", 48},	{"CS7", 56},  {"AF11", 10}, {"AF12", 12},
    {"AF13", 14}, {"AF21", 18}, {"AF22", 20}, {"AF23", 22}, {"AF31", 26},
    {"AF32", 28}, {"AF33", 30}, {"AF41", 34}, {"AF42", 36}, {"AF43", 38},
    {"EF", 46},	  {"VA", 44},	{NULL, 0},
};

/* Audio that passes through unchanged; names as in SDP. */
const struct config_word config_codecs[] = {
    {.name = "opus"}, {.name = "g722"},	  {.name = "pcmu"},
    {.name = "pcma"}, {.name = "g729"},	  {.name = "g726-32"},
    {.name = "gsm"},  {.name = "ilbc"},	  {.name = "speex"},
    {.name = "amr"},  {.name = "amr-wb"}, {.name = "evs"},
    {.name = "l16"},  {NULL, 0},
};

static const struct config_word *word_find(const struct config_word *words,
					   const char *name)
{
	for (; words->name; words++) {
		if (0 == strcasecmp(words->name, name))
			return words;
	}

	return NULL;
}

static const char *word_of(const struct config_word *words, int value)
{
	for (; words->name; words++) {
		if (words->value == value)
			return words->name;
	}

	return NULL;
}

static const char *bool_decode(struct config_value *v, void *base)
{
	const struct config_word *word = word_find(bool_words, v->text);

	if (!word)
		return "must be yes or no";

	*(bool *)config_field(base, v->key->offset) = word->value != 0;

	return NULL;
}

static int bool_print(struct re_printf *pf, const struct config_key *key,
		      const void *base)
{
	const bool *field = config_field_in(base, key->offset);

	return re_hprintf(pf, "%s", *field ? "yes" : "no");
}

const struct config_type config_type_bool = {bool_decode, bool_print, NULL,
					     false};

static bool number_parse(unsigned *np, const char *s)
{
	unsigned long long n;
	char *end;

	if (!isdigit((unsigned char)s[0]) || strlen(s) > 10)
		return false;

	n = strtoull(s, &end, 10);
	if (*end || n > UINT32_MAX)
		return false;
	*np = (unsigned)n;

	return true;
}

static const char *number_decode(struct config_value *v, void *base)
{
	unsigned n;

	if (!number_parse(&n, v->text))
		return "must be a number";
	if (n < v->key->min)
		return "is too small";
	if (n > v->key->max)
		return "is too large";

	*(unsigned *)config_field(base, v->key->offset) = n;

	return NULL;
}

static int number_print(struct re_printf *pf, const struct config_key *key,
			const void *base)
{
	const unsigned *field = config_field_in(base, key->offset);

	return re_hprintf(pf, "%u", *field);
}

const struct config_type config_type_number = {number_decode, number_print,
					       NULL, false};

/* Enumerations are as wide as int on every ABI that we build for. */
static const char *enum_decode(struct config_value *v, void *base)
{
	const struct config_word *word = word_find(v->key->words, v->text);

	if (!word) {
		v->mean = config_word_near(v->key->words, v->text);
		return "is not one of";
	}
	if (word->value == CONFIG_LATER)
		return "is not supported yet; supported are";

	memcpy(config_field(base, v->key->offset), &word->value, sizeof(int));

	return NULL;
}

static int enum_print(struct re_printf *pf, const struct config_key *key,
		      const void *base)
{
	const char *name;
	int value;

	memcpy(&value, config_field_in(base, key->offset), sizeof(value));
	name = word_of(key->words, value);

	return name ? re_hprintf(pf, "%s", name) : 0;
}

const struct config_type config_type_enum = {enum_decode, enum_print, NULL,
					     false};

static const char *dscp_decode(struct config_value *v, void *base)
{
	const struct config_word *word = word_find(dscps, v->text);
	unsigned n;

	if (word)
		n = (unsigned)word->value;
	else if (!number_parse(&n, v->text) || n > 63)
		return "must be 0 to 63, or a name such as EF, CS3, AF41";

	*(unsigned *)config_field(base, v->key->offset) = n;

	return NULL;
}

static int dscp_print(struct re_printf *pf, const struct config_key *key,
		      const void *base)
{
	const unsigned *field = config_field_in(base, key->offset);
	const char *name = word_of(dscps, (int)*field);

	return name ? re_hprintf(pf, "%s", name)
		    : re_hprintf(pf, "%u", *field);
}

const struct config_type config_type_dscp = {dscp_decode, dscp_print, NULL,
					     false};

/* ---- domains and codecs ---- */

static bool domain_is_clean(const char *s)
{
	const char *p;

	if (!*s || *s == '.' || strlen(s) > 255 || strstr(s, ".."))
		return false;

	for (p = s; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x80 && !isalnum(c) && !strchr("-._", c))
			return false;
	}

	return true;
}

/* Domains are compared with prepared JIDs, hence prepared here (RFC 3491);
 * XMPP wants the Unicode form, not the A-label. */
static const char *domain_prepare(struct config_value *v, char **dp,
				  const struct pl *text)
{
	const char *why = "is not a domain name";
	char *in = NULL, *out = NULL;
	int rc;

	if (pl_strdup(&in, text)) {
		v->err = ENOMEM;
		return "out of memory";
	}

	rc = stringprep_profile(in, &out, "Nameprep", 0);
	if (rc == STRINGPREP_MALLOC_ERROR)
		v->err = ENOMEM;
	else if (rc == STRINGPREP_OK && domain_is_clean(out))
		why = config_string_set(v, dp, out, strlen(out));

	free(out);
	mem_deref(in);

	return why;
}

static const char *domain_decode(struct config_value *v, void *base)
{
	struct pl text;

	pl_set_str(&text, v->text);

	return domain_prepare(v, config_field(base, v->key->offset), &text);
}

const struct config_type config_type_domain = {
    domain_decode, config_text_print, config_text_clear, false};

static void strings_free(char **list, size_t n)
{
	while (n)
		mem_deref(list[--n]);
	mem_deref(list);
}

static void strings_clear(const struct config_key *key, void *base)
{
	char ***field = config_field(base, key->offset);
	size_t *n = config_field(base, key->offset2);

	strings_free(*field, *n);
	*field = NULL;
	*n = 0;
}

static int strings_print(struct re_printf *pf, const struct config_key *key,
			 const void *base)
{
	char **const *field = config_field_in(base, key->offset);
	const size_t *n = config_field_in(base, key->offset2);
	size_t i;
	int err = 0;

	for (i = 0; i < *n; i++)
		err |= re_hprintf(pf, "%s%s", i ? ", " : "", (*field)[i]);

	return err;
}

typedef const char *(string_h)(struct config_value *v, char **sp,
			       const struct pl *elem);

static const char *strings_decode(struct config_value *v, void *base,
				  string_h *sh)
{
	const char *why = NULL;
	struct pl elem, rest;
	char **list;
	size_t n = 0;

	list = mem_zalloc(CONFIG_LIST_MAX * sizeof(*list), NULL);
	if (!list) {
		v->err = ENOMEM;
		return "out of memory";
	}

	pl_set_str(&rest, v->text);
	while ((n < CONFIG_LIST_MAX || PLANT == 1) &&
	       config_list_next(&elem, &rest)) {
		const char *bad = sh(v, &list[n++], &elem);

		if (*elem.p == '#') { /* the rest is prose */
			why = config_value_bad(v, &elem,
					       "takes no comment behind it, "
					       "that needs its own line");
			rest.l = 0;
			break;
		}
		if (bad)
			why = config_value_bad(v, &elem, bad);
	}
	if (config_list_next(&elem, &rest))
		why = "has too many elements";
	else if (!n)
		why = "has no element";
	if (why) {
		strings_free(list, n);
		return why;
	}

	strings_clear(v->key, base);
	*(char ***)config_field(base, v->key->offset) = list;
	*(size_t *)config_field(base, v->key->offset2) = n;

	return NULL;
}

static const char *domains_decode(struct config_value *v, void *base)
{
	return strings_decode(v, base, domain_prepare);
}

const struct config_type config_type_domains = {domains_decode, strings_print,
						strings_clear, false};

static const char *codec_decode(struct config_value *v, char **sp,
				const struct pl *elem)
{
	const struct config_word *word;
	char name[32] = "";

	(void)pl_strcpy(elem, name, sizeof(name));
	word = word_find(config_codecs, name);
	if (!word) {
		v->mean = config_codec_near(name);
		return "is not a codec that passes through";
	}

	return config_string_set(v, sp, word->name, strlen(word->name));
}

static const char *codecs_decode(struct config_value *v, void *base)
{
	return strings_decode(v, base, codec_decode);
}

const struct config_type config_type_codecs = {codecs_decode, strings_print,
					       strings_clear, false};

static const char *word_decode(struct config_value *v, char **sp,
			       const struct pl *elem)
{
	return config_string_set(v, sp, elem->p, elem->l);
}

static const char *words_decode(struct config_value *v, void *base)
{
	return strings_decode(v, base, word_decode);
}

const struct config_type config_type_words = {words_decode, strings_print,
					      strings_clear, false};
