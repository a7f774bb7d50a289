/* account_store.c: what is kept of users: accounts, wishes, who sees whom. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "bridge/account_priv.h"

/* Bound to its row: no other account opens it. */
static int owner_text(char **tp, int64_t id, const char *jid)
{
	return re_sdprintf(tp, "account %lld %s", (long long)id, jid);
}

int account_save(struct account *acc, store_done_h *h, void *arg)
{
	const struct accounts *a = acc->owner->a;
	struct store_value v[12];
	uint8_t *sealed = NULL;
	char *text = NULL;
	size_t len;
	int err;

	err = owner_text(&text, acc->id, acc->owner->jid);
	if (!err)
		err = secret_seal(a->conf.secret, text, acc->password, &sealed,
				  &len);
	mem_deref(text);
	if (err)
		return err;

	v[0] = store_int(acc->id);
	v[1] = store_text(acc->owner->jid);
	v[2] = store_text(acc->gateway);
	v[3] = store_text(acc->slot->token);
	v[4] = store_text(acc->domain);
	v[5] = store_text(acc->username);
	v[6] = store_text(acc->auth);
	v[7] = store_text(acc->proxy);
	v[8] = store_text(acc->transport);
	v[9] = store_text(acc->name);
	v[10] = store_blob(sealed, len);
	v[11] = store_int(acc->privacy);
	err = store_put(a->conf.store, STORE_ACCOUNT_PUT, v, ARRAY_SIZE(v), h,
			arg);
	mem_deref(sealed);

	return err;
}

int account_forget(struct account *acc)
{
	const struct store_value v = store_int(acc->id);

	return store_put(acc->owner->a->conf.store, STORE_ACCOUNT_DELETE, &v,
			 1, NULL, NULL);
}

void owner_save(const struct owner *o)
{
	const struct store_value v[] = {store_text(o->jid), store_int(o->dnd)};

	if (o->a->conf.store && store_put(o->a->conf.store, STORE_USER_PUT, v,
					  ARRAY_SIZE(v), NULL, NULL))
		log_warning("account: what %s wants is not kept\n", o->jid);
}

static const char *text_of(const struct store_value *v)
{
	return v->kind == STORE_TEXT ? v->p : NULL;
}

static int row_open(struct accounts *a, const struct store_value *v,
		    char **password)
{
	char *text = NULL;
	int err;

	if (v[10].kind != STORE_BLOB || !text_of(&v[1]) || !text_of(&v[2]))
		return EBADMSG;

	err = owner_text(&text, v[0].n, text_of(&v[1]));
	if (!err)
		err = secret_open(a->conf.secret, text, v[10].p, v[10].len,
				  password);
	mem_deref(text);

	return err;
}

/* What its registrar knows its presence by, while it does. */
static const char *etag_of(const struct store_value *v, size_t n)
{
	return n >= 14 && v[13].n > (int64_t)time(NULL) ? text_of(&v[12])
							: NULL;
}

static int row_add(struct accounts *a, const struct store_value *v,
		   const char *password, const char *etag)
{
	const struct register_values rv = {
	    .username = text_of(&v[5]),
	    .password = password,
	    .domain = text_of(&v[4]),
	    .proxy = text_of(&v[7]),
	    .auth = text_of(&v[6]),
	    .transport = text_of(&v[8]),
	    .name = text_of(&v[9]),
	    .privacy = v[11].n != 0,
	};
	struct account *acc;
	struct owner *o;
	const char *why;
	int err;

	err = owner_get(&o, a, text_of(&v[1]));
	if (!err)
		err = account_alloc(&acc, o, text_of(&v[2]), &rv, &why);
	if (err)
		return err;

	acc->id = v[0].n;
	acc->stored = true;
	err = account_line(acc, text_of(&v[3]));
	if (err) {
		mem_deref(acc);
		return err;
	}

	account_add(acc);
	account_mwi_start(acc);
	err = account_attend(acc);
	account_publish_start(acc, etag);

	return err;
}

static void account_row(const struct store_value *v, size_t n, void *arg)
{
	struct accounts *a = arg;
	char *password = NULL;
	int err;

	if (n < 12)
		return;

	a->last_id = MAX(a->last_id, v[0].n);
	err = row_open(a, v, &password);
	if (!err)
		err = row_add(a, v, password, etag_of(v, n));
	if (err)
		log_error("account: number %lld of the store is left out: "
			  "%s\n",
			  (long long)v[0].n,
			  err == EBADMSG  ? "another key file sealed it"
			  : err == EINVAL ? "[account] does not allow it"
					  : strerror(err));
	mem_deref(password);
}

static void user_row(const struct store_value *v, size_t n, void *arg)
{
	struct accounts *a = arg;
	struct owner *o;

	if (n >= 2 && text_of(&v[0]) && !owner_get(&o, a, text_of(&v[0])))
		o->dnd = v[1].n != 0;
}

/* ---- presence's rows ---- */

struct pair_rows {
	struct accounts *a;
	presence_row_h *h;
	void *arg;
};

/* With the gateway itself: it may see the user. */
static void gateway_row(struct accounts *a, const char *user, unsigned flags)
{
	struct owner *o = owner_find(a, user);

	if (o)
		o->allowed = flags & PRESENCE_TO;
}

static void pair_row(const struct store_value *v, size_t n, void *arg)
{
	const struct pair_rows *p = arg;

	if (n < 3 || !text_of(&v[0]) || !text_of(&v[1]))
		return;
	if (strchr(text_of(&v[1]), '@'))
		p->h(text_of(&v[0]), text_of(&v[1]), (unsigned)v[2].n, p->arg);
	else
		gateway_row(p->a, text_of(&v[0]), (unsigned)v[2].n);
}

static int pairs_load(presence_row_h *h, void *harg, void *arg)
{
	struct accounts *a = arg;
	struct pair_rows p = {a, h, harg};

	return store_load(a->conf.store, STORE_PAIRS, pair_row, &p);
}

static void pair_save(const char *user, const char *contact, unsigned flags,
		      void *arg)
{
	const struct store_value v[] = {store_text(user), store_text(contact),
					store_int(flags)};
	struct accounts *a = arg;

	if (store_put(a->conf.store,
		      flags ? STORE_PAIR_PUT : STORE_PAIR_DELETE, v,
		      flags ? 3 : 2, NULL, NULL))
		log_warning("account: a subscription of %s is not kept\n",
			    user);
	if (flags && strchr(contact, '@'))
		accounts_contact(a, user, contact, NULL);
}

void owner_allow(struct owner *o, const char *gateway, bool allowed)
{
	if (o->allowed == allowed)
		return;

	o->allowed = allowed;
	if (o->a->conf.store)
		pair_save(o->jid, gateway, allowed ? PRESENCE_TO : 0, o->a);
}

const struct presence_store *accounts_presence(struct accounts *a)
{
	if (!a || !a->conf.store)
		return NULL;

	a->presence.load = pairs_load;
	a->presence.save = pair_save;
	a->presence.arg = a;

	return &a->presence;
}

int accounts_load(struct accounts *a)
{
	int err = 0;

	if (!a->conf.store)
		return 0;

	if (accounts_on(a))
		err =
		    store_load(a->conf.store, STORE_ACCOUNTS, account_row, a);
	if (!err)
		err = store_load(a->conf.store, STORE_USERS, user_row, a);
	if (!err)
		err = account_contacts_load(a);
	if (a->accountc)
		log_info("account: %u accounts are registered again\n",
			 a->accountc);

	return err;
}
