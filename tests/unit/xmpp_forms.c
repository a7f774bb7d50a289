/* xmpp_forms.c: data forms, and the form of a SIP account. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/compat.h"
#include "xmpp/register.h"
#include "xmpp/xmldoc.h"
#include "suite.h"

static struct form *decode(const char *xml, int want)
{
	struct form *f = NULL;
	struct stanza *x;

	ck_assert_int_eq(0, xmldoc_decode(&x, xml, strlen(xml)));
	ck_assert_int_eq(want, form_decode(&f, x));
	stanza_free(x);

	return f;
}

#define X "<x xmlns='jabber:x:data' type='submit'>"

START_TEST(values)
{
	struct form *f = decode(X "<field var='a'><value> one </value>"
				  "<value>two</value></field>"
				  "<field var='b'/>"
				  "<field var='a'><value>late</value></field>"
				  "<field><value>x</value></field>"
				  "<field var='t'><value>true</value></field>"
				  "<field var='z'><value>0</value></field>"
				  "<field var='c'><value>a\nb</value></field>"
				  "</x>",
				0);

	ck_assert_str_eq(f->type, "submit");
	ck_assert_uint_eq(f->fieldc, 5);
	ck_assert_str_eq(form_value(f, "a"), "one");
	ck_assert_uint_eq(f->fields[0].valuec, 2);
	ck_assert_ptr_null(form_value(f, "b"));
	ck_assert_ptr_null(form_value(f, "none"));
	ck_assert_ptr_null(form_value(NULL, "a"));
	ck_assert_str_eq(form_value(f, "c"), "a b");
	ck_assert(form_bool(f, "t", false));
	ck_assert(!form_bool(f, "z", true));
	ck_assert(form_bool(f, "a", true) && !form_bool(f, "a", false));
	mem_deref(f);
}
END_TEST

/* XEP-0004 3.1 */
START_TEST(form_types)
{
	static const char *const v[] = {"form", "submit", "cancel", "result"};
	char xml[80];

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct form *f;

		(void)snprintf(xml, sizeof(xml),
			       "<x xmlns='jabber:x:data' type='%s'/>", v[i]);
		f = decode(xml, 0);
		ck_assert_str_eq(f->type, v[i]);
		mem_deref(f);
	}
}
END_TEST

START_TEST(refused)
{
	static char many[20000];

	decode("<x xmlns='jabber:x:data'/>", EBADMSG);
	decode("<x xmlns='jabber:x:data' type='no'/>", EBADMSG);
	decode("<x xmlns='jabber:x' type='submit'/>", EBADMSG);
	decode("<y xmlns='jabber:x:data' type='submit'/>", EBADMSG);

	strcpy(many, X);
	for (unsigned i = 0; i <= FORM_FIELDS_MAX; i++)
		(void)snprintf(many + strlen(many), 40, "<field var='%u'/>",
			       i);
	strcat(many, "</x>");
	decode(many, E2BIG);
	strcpy(many, X "<field var='a'>");
	for (unsigned i = 0; i <= FORM_VALUES_MAX; i++)
		strcat(many, "<value/>");
	strcat(many, "</field></x>");
	decode(many, E2BIG);
	memset(many, 0, sizeof(many));
	strcpy(many, X "<field var='a'><value>");
	memset(many + strlen(many), 'x', FORM_VALUE_MAX + 1);
	strcat(many, "</value></field></x>");
	decode(many, E2BIG);
}
END_TEST

/* What is shown never holds the password, and reads back. */
/* Protocol G.3: X0077, the form of a SIP account. */
static const struct {
	const char *var, *type, *label;
	bool required;
} account_fields[] = {
    {"username", "text-single", "User name of the SIP account", true},
    {"password", "text-private", "Password", true},
    {"domain", "text-single", "SIP domain", false},
    {"outbound_proxy", "text-single", "Outbound proxy", false},
    {"auth_username", "text-single",
     "User name for authentication, if it is another", false},
    {"transport", "list-single", "Transport", false},
    {"display_name", "text-single", "Name that others see", false},
    {"privacy", "boolean", "Hide my identity from those whom I call", false},
};

static const struct stanza *field_of(const struct stanza *x, const char *var)
{
	const struct stanza *e;

	for (e = stanza_child(x, "field", NS_FORMS); e;
	     e = stanza_next(e, "field", NS_FORMS)) {
		if (!strcmp(stanza_attr(e, "var"), var))
			return e;
	}
	ck_abort_msg("no field %s", var);

	return NULL;
}

START_TEST(account_asked)
{
	static const char *const transports[] = {"auto", "udp", "tcp", "tls"};
	const struct register_form form = {.title = "T"};
	struct stanza *root = stanza_new("query", NS_REGISTER), *x;
	const struct stanza *e, *o;
	char *text;
	size_t n = 0;

	x = register_form_add(root, &form);
	for (size_t i = 0; i < ARRAY_SIZE(account_fields); i++) {
		e = field_of(x, account_fields[i].var);
		ck_assert_str_eq(stanza_attr(e, "type"),
				 account_fields[i].type);
		ck_assert_str_eq(stanza_attr(e, "label"),
				 account_fields[i].label);
		ck_assert_int_eq(!!stanza_child(e, "required", NS_FORMS),
				 account_fields[i].required);
	}
	e = field_of(x, "transport");
	for (o = stanza_child(e, "option", NS_FORMS); o;
	     o = stanza_next(o, "option", NS_FORMS)) {
		ck_assert_uint_lt(n, ARRAY_SIZE(transports));
		ck_assert_int_eq(
		    0, stanza_text(&text, stanza_child(o, "value", NS_FORMS)));
		ck_assert_str_eq(text, transports[n++]);
		mem_deref(text);
	}
	ck_assert_uint_eq(n, ARRAY_SIZE(transports));
	stanza_free(root);
}
END_TEST

START_TEST(account_filled_in)
{
	struct form *f =
	    decode(X "<field var='username'><value>1</value></field>"
		     "<field var='password'><value>2</value></field>"
		     "<field var='domain'><value>3</value></field>"
		     "<field var='outbound_proxy'><value>4</value></field>"
		     "<field var='auth_username'><value>5</value></field>"
		     "<field var='transport'><value>6</value></field>"
		     "<field var='display_name'><value>7</value></field>"
		     "<field var='privacy'><value>true</value></field></x>",
		   0);
	struct register_values v;

	register_form_read(&v, f);
	ck_assert_str_eq(v.username, "1");
	ck_assert_str_eq(v.password, "2");
	ck_assert_str_eq(v.domain, "3");
	ck_assert_str_eq(v.proxy, "4");
	ck_assert_str_eq(v.auth, "5");
	ck_assert_str_eq(v.transport, "6");
	ck_assert_str_eq(v.name, "7");
	ck_assert(v.privacy);
	mem_deref(f);
}
END_TEST

START_TEST(account_form)
{
	struct register_form form = {
	    .title = "T",
	    .v = {.username = "bob",
		  .password = "s3cret",
		  .domain = "example.net",
		  .transport = "tls",
		  .privacy = true},
	};
	char provider[] = "example.net", *providers[] = {provider};
	struct stanza *root = stanza_new("query", NS_REGISTER), *x;
	struct register_values v;
	char *text = NULL;
	struct form *f;

	form.providers = providers;
	form.providerc = 1;
	x = register_form_add(root, &form);
	ck_assert_ptr_nonnull(x);
	ck_assert_int_eq(0, re_sdprintf(&text, "%H", stanza_print, root));
	ck_assert_ptr_null(strstr(text, "s3cret"));
	ck_assert_ptr_nonnull(strstr(text, "text-private"));
	ck_assert_ptr_nonnull(strstr(text, "<required/>"));
	mem_deref(text);

	ck_assert_int_eq(0, form_decode(&f, x));
	register_form_read(&v, f);
	ck_assert_str_eq(v.username, "bob");
	ck_assert_ptr_null(v.password);
	ck_assert_str_eq(v.domain, "example.net");
	ck_assert_str_eq(v.transport, "tls");
	ck_assert_ptr_null(v.auth);
	ck_assert(v.privacy);
	mem_deref(f);
	stanza_free(root);
}
END_TEST

START_TEST(table)
{
	struct stanza *root = stanza_new("command", NS_COMPONENT), *x;
	char *text = NULL;

	x = form_add(root, "result", NULL, NULL, NULL);
	form_column_add(x, "text-single", "a", "A");
	form_column_add(x, "text-single", "b", "B");
	ck_assert_int_eq(0, re_sdprintf(&text, "%H", stanza_print, root));
	ck_assert_str_eq(text, "<command><x xmlns='jabber:x:data' "
			       "type='result'><reported>"
			       "<field type='text-single' var='a' label='A'/>"
			       "<field type='text-single' var='b' label='B'/>"
			       "</reported></x></command>");
	mem_deref(text);
	stanza_free(root);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, values);
	tcase_add_test(tc, form_types);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, account_asked);
	tcase_add_test(tc, account_filled_in);
	tcase_add_test(tc, account_form);
	tcase_add_test(tc, table);

	return suite_run("forms", tc);
}
