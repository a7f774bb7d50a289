/* kept.c: the store and users' accounts, for people and programs. */
#include "admin/kept.h"
#include "admin/rows.h"

json_t *kept_store_json(const struct gateway *gw)
{
	struct store_status st;
	json_t *j = json_object();

	store_status(gw->store, &st);
	row_bool(j, "open", gw->store);
	row_number(j, "waiting", st.waiting);
	row_number(j, "written", st.written);
	if (st.trouble)
		json_object_set_new(j, "trouble", json_string(st.trouble));

	return j;
}

json_t *kept_accounts_json(const struct gateway *gw)
{
	struct accounts_stat st;
	json_t *j = json_object();

	accounts_stat(gw->accounts, &st);
	row_number(j, "accounts", st.accounts);
	row_number(j, "registered", st.up);
	row_number(j, "contacts", st.contacts);

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
