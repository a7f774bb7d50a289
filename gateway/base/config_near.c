/* config_near.c: what a misspelt word may have meant. */
#include "config_int.h"
#include "base/near.h"

#include <string.h>

/* As other programs call it. */
static const struct {
	const char *kind, *name, *key;
} synonyms[] = {
    {"xmpp", "host", "server"},
    {"xmpp", "port", "server"},
    {"xmpp", "address", "server"},
    {"xmpp", "password", "secret"},
    {"xmpp", "jid", "component"},
    {"sip", "bind", "listen"},
    {"sip", "port", "listen"},
    {"sip", "external_ip", "public_address"},
    {"trunk", "host", "uri"},
    {"trunk", "server", "uri"},
    {"trunk", "secret", "password"},
    {"trunk", "permit", "accept_from"},
    {"media", "bind", "address"},
    {"media", "external_ip", "public_address"},
    {"log", "verbosity", "level"},
    {"log", "debug", "level"},
};

/* "max_calls" may mean calls, "stun_server" stun: a word of it is a key. */
static const char *part_of(const struct config_kind *kind, const char *name)
{
	const char *end = name + strlen(name), *p = end;

	while (p > name) {
		const char *from = p;

		while (from > name && from[-1] != '_')
			--from;
		for (size_t i = 0; i < kind->keyc && p - from >= 3; i++) {
			const char *key = kind->keys[i].name;

			if (strlen(key) == (size_t)(p - from) &&
			    !strncmp(key, from, strlen(key)))
				return key;
		}
		p = from > name ? from - 1 : name;
	}

	return NULL;
}

const char *config_key_synonym(const struct config_kind *kind,
			       const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(synonyms); i++) {
		if (!strcmp(synonyms[i].kind, kind->name) &&
		    !strcmp(synonyms[i].name, name))
			return synonyms[i].key;
	}

	return NULL;
}

const char *config_key_near(const struct config_kind *kind, const char *name)
{
	struct nearest n = {.word = name};
	size_t i;

	for (i = 0; i < kind->keyc; i++)
		nearest_try(&n, kind->keys[i].name);

	return n.best ? n.best : part_of(kind, name);
}

const char *config_kind_near(const char *name)
{
	struct nearest n = {.word = name};
	size_t i;

	for (i = 0; i < config_kindc; i++)
		nearest_try(&n, config_kinds[i].name);

	return n.best;
}

const char *config_word_near(const struct config_word *words, const char *name)
{
	struct nearest n = {.word = name};

	for (; words->name; words++)
		nearest_try(&n, words->name);

	return n.best;
}

const char *config_codec_near(const char *name)
{
	static const struct {
		const char *name, *codec;
	} others[] = {
	    {"ulaw", "pcmu"},	 {"mulaw", "pcmu"}, {"g711u", "pcmu"},
	    {"alaw", "pcma"},	 {"g711a", "pcma"}, {"g711", "pcma"},
	    {"g726", "g726-32"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		if (0 == str_casecmp(others[i].name, name))
			return others[i].codec;
	}

	return config_word_near(config_codecs, name);
}
