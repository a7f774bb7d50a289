/* kept.c: the store and users' accounts, for people and programs. */
#include "admin/kept.h"

json_t *kept_store_json(const struct gateway *gw)
{
	struct store_status st;
	json_t *j = json_object();

	store_status(gw->store, &st);
	json_object_set_new(j, "open", json_boolean(gw->store));
	json_object_set_new(j, "waiting",
			    json_integer((json_int_t)st.waiting));
	json_object_set_new(j, "written",
			    json_integer((json_int_t)st.written));
	if (st.trouble)
		json_object_set_new(j, "trouble", json_string(st.trouble));

	return j;
}

json_t *kept_accounts_json(const struct gateway *gw)
{
	struct accounts_stat st;
	json_t *j = json_object();

	accounts_stat(gw->accounts, &st);
	json_object_set_new(j, "accounts", json_integer(st.accounts));
	json_object_set_new(j, "registered", json_integer(st.up));
	json_object_set_new(j, "contacts", json_integer(st.contacts));

	return j;
}

void kept_print(struct mbuf *mb, const struct gateway *gw)
{
	struct accounts_stat as;
	struct store_status st;

	if (!gw->store)
		return;

	store_status(gw->store, &st);
	accounts_stat(gw->accounts, &as);
	(void)mbuf_printf(mb, "store: %s%s%llu changes written, %zu wait\n",
			  st.trouble ? st.trouble : "", st.trouble ? ", " : "",
			  (unsigned long long)st.written, st.waiting);
	(void)mbuf_printf(mb, "accounts: %u of %u registered\n", as.up,
			  as.accounts);
}
