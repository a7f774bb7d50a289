/* stoxctl_complete.c: completion for shells, from the table.
 *
 * Each script asks a function of its own for what may come next: by the words
 * so far, without options, it knows the next words, choices and name=; ids of
 * calls it asks the gateway for, and keeps what looks like one. */
#include "admin/stoxctl.h"
#include <string.h>

typedef void(row_h)(const struct command *c, void *arg);

static void each(row_h *h, void *arg)
{
	for (size_t i = 0; i < command_count; i++)
		h(&command_table[i], arg);
	for (size_t i = 0; i < ctl_ownc; i++)
		h(&ctl_own[i], arg);
}

static size_t first_len(const struct command *c)
{
	return strcspn(c->name, " ");
}

/* Is it the first of those that begin with its first word? */
static bool is_first(const struct command *c)
{
	const struct command *e = command_table;
	const size_t len = first_len(c);

	for (; e < command_table + command_count && e != c; e++) {
		if (first_len(e) == len && !memcmp(e->name, c->name, len))
			return false;
	}

	return true;
}

static void first_word(const struct command *c, void *arg)
{
	const char *before = arg;

	if (is_first(c))
		printf("%s%.*s", before, (int)first_len(c), c->name);
}

/* The words after the first, of those that begin with it. */
static void second_words(const struct command *c, const char *before)
{
	const size_t len = first_len(c);

	for (size_t i = 0; i < command_count; i++) {
		const char *name = command_table[i].name;

		if (!strncmp(name, c->name, len) && name[len] == ' ')
			printf("%s%s", before, name + len + 1);
	}
}

static bool has_second(const struct command *c)
{
	return c->name[first_len(c)] == ' ';
}

static void choices(const struct command_arg *a, const char *before)
{
	const char *p;
	size_t len;

	for (size_t i = 0; (len = command_choice(a, i, &p)); i++)
		printf("%s%.*s", before, (int)len, p);
}

/* What may stand at a place of a command: an argument's values, names=. */
static void place(const struct command *c, const struct command_arg *a,
		  const char *ids)
{
	if (a && a->type == COMMAND_CALL)
		printf(" %s", ids);
	else if (a && a->choices)
		choices(a, " ");
	else if (a && a->type == COMMAND_WORD && !strcmp(a->name, "command"))
		each(first_word, (char[]){" "});
	for (size_t i = 0; i < command_argc(c); i++) {
		const struct command_arg *n = &c->args[i];

		if (n->place != COMMAND_NAMED)
			continue;
		if (n->choices) {
			const char *p;
			size_t len;

			for (size_t k = 0; (len = command_choice(n, k, &p));
			     k++)
				printf(" %s=%.*s", n->name, (int)len, p);
		} else {
			printf(" %s=", n->name);
		}
	}
}

static const struct command_arg *positional(const struct command *c, size_t n)
{
	for (size_t i = 0; i < command_argc(c); i++) {
		if (c->args[i].place != COMMAND_NAMED && !n--)
			return &c->args[i];
	}

	return NULL;
}

static bool has_named(const struct command *c)
{
	for (size_t i = 0; i < command_argc(c); i++) {
		if (c->args[i].place == COMMAND_NAMED)
			return true;
	}

	return false;
}

/* "call show" with n words after it, as a pattern of a case. */
static void shell_case(const struct command *c, void *arg)
{
	const struct command_arg *a;
	size_t n = 0;

	(void)arg;
	if (is_first(c) && has_second(c)) {
		printf("\t'%.*s') list='", (int)first_len(c), c->name);
		second_words(c, " ");
		printf("' ;;\n");
	}
	for (; (a = positional(c, n)); n++) {
		printf("\t'%s'", c->name);
		for (size_t i = 0; i < n; i++)
			printf("' '*");
		printf(") list=\"");
		place(c, a, "$(_stoxctl_ids)");
		if (!n && strchr(c->name, ' ') == NULL)
			second_words(c, " ");
		printf("\" ;;\n");
	}
	if (has_named(c)) {
		printf("\t'%s'*) list=\"", c->name);
		place(c, NULL, "");
		printf("\" ;;\n");
	}
}

/* Both know arrays, local and case. */
static void shell_function(const char *words, const char *last)
{
	printf("_stoxctl_ids() {\n"
	       "\tstoxctl \"${socket[@]}\" calls 2>/dev/null |\n"
	       "\t\tawk '$1 ~ /^[0-9a-f]+$/ { print $1 }'\n"
	       "}\n\n"
	       "_stoxctl_list() {\n"
	       "\tlocal said=\n"
	       "\tsocket=()\n"
	       "\twhile [ $# -gt 0 ]; do\n"
	       "\t\tcase $1 in\n"
	       "\t\t-s|--socket) socket=(-s \"$2\"); shift ;;\n"
	       "\t\t-*) ;;\n"
	       "\t\t*) said=\"$said${said:+ }$1\" ;;\n"
	       "\t\tesac\n"
	       "\t\tshift\n"
	       "\tdone\n"
	       "\tlist=\n"
	       "\tcase $said in\n"
	       "\t'') list='--json -s");
	each(first_word, (char[]){" "});
	printf("' ;;\n");
	each(shell_case, NULL);
	printf("\tesac\n}\n\n");
	printf("_stoxctl() {\n\tlocal list socket\n");
	printf("%s%s", words, last);
	printf("}\n");
}

static void bash(void)
{
	puts("# bash completion of stoxctl(1), printed by "
	     "\"stoxctl completion bash\"");
	shell_function(
	    "\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
	    "\tlocal before=(\"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n"
	    "\tif [ \"${COMP_WORDS[COMP_CWORD-1]}\" = -s ]; then\n"
	    "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
	    "\t\treturn\n"
	    "\tfi\n"
	    "\t_stoxctl_list \"${before[@]}\"\n",
	    "\tCOMPREPLY=($(compgen -W \"$list\" -- \"$cur\"))\n"
	    "\tcase ${COMPREPLY[0]} in *=) compopt -o nospace ;; esac\n");
	puts("complete -F _stoxctl stoxctl");
}

static void zsh(void)
{
	puts("#compdef stoxctl\n"
	     "# zsh completion of stoxctl(1), printed by "
	     "\"stoxctl completion zsh\"");
	shell_function("\tif [ \"${words[CURRENT-1]}\" = -s ]; then\n"
		       "\t\t_files\n"
		       "\t\treturn\n"
		       "\tfi\n"
		       "\t_stoxctl_list \"${(@)words[2,CURRENT-1]}\"\n",
		       "\tcompadd -S '' -- ${${=list}:#^*=}\n"
		       "\tcompadd -- ${${=list}:#*=}\n");
	puts("if [ \"$funcstack[1]\" = _stoxctl ]; then\n"
	     "\t_stoxctl \"$@\"\n"
	     "elif whence compdef >/dev/null; then\n"
	     "\tcompdef _stoxctl stoxctl\n"
	     "fi");
}

/* ---- fish ---- */

static void quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

static void fish_word(const char *at, const char *word, size_t len,
		      const char *help)
{
	printf("complete -c stoxctl -f -n '__stoxctl_said %s' -a '%.*s' -d ",
	       at, (int)len, word);
	quoted(help);
	putchar('\n');
}

static void fish_place(const struct command *c, size_t n)
{
	printf("complete -c stoxctl -f -n '__stoxctl_said \"%s", c->name);
	for (size_t i = 0; i < n; i++)
		printf(" *");
	printf("\"' -a '");
	place(c, positional(c, n), "(__stoxctl_ids)");
	printf("'\n");
}

static void fish_row(const struct command *c, void *arg)
{
	const char *space = strchr(c->name, ' ');
	char at[64];

	(void)arg;
	if (space) {
		(void)snprintf(at, sizeof(at), "\"%.*s\"",
			       (int)(space - c->name), c->name);
		fish_word(at, space + 1, strlen(space + 1), c->help);
		if (is_first(c))
			fish_word("\"\"", c->name, first_len(c),
				  "commands of this kind");
	} else {
		fish_word("\"\"", c->name, strlen(c->name), c->help);
	}
	for (size_t n = 0; positional(c, n); n++)
		fish_place(c, n);
	if (has_named(c)) {
		printf("complete -c stoxctl -f -n '__stoxctl_said \"%s*\"' "
		       "-a '",
		       c->name);
		place(c, NULL, "");
		printf("'\n");
	}
}

static void fish(void)
{
	puts("# fish completion of stoxctl(1), printed by "
	     "\"stoxctl completion fish\"\n"
	     "function __stoxctl_words\n"
	     "\tset -l skip 0\n"
	     "\tfor w in (commandline -opc)[2..-1]\n"
	     "\t\tif test $skip = 1\n"
	     "\t\t\tset skip 0\n"
	     "\t\telse if contains -- $w -s --socket\n"
	     "\t\t\tset skip 1\n"
	     "\t\telse if not string match -q -- '-*' $w\n"
	     "\t\t\techo $w\n"
	     "\t\tend\n"
	     "\tend\n"
	     "end\n"
	     "function __stoxctl_said\n"
	     "\tset -l said (__stoxctl_words)\n"
	     "\tstring match -q -- $argv[1] \"$said\"\n"
	     "end\n"
	     "function __stoxctl_ids\n"
	     "\tstoxctl calls 2>/dev/null | "
	     "string match -r -g '^([0-9a-f]+) '\n"
	     "end\n"
	     "complete -c stoxctl -f\n"
	     "complete -c stoxctl -s s -l socket -r -F -d 'control socket'\n"
	     "complete -c stoxctl -l json -d 'for programs'");
	each(fish_row, NULL);
}

int ctl_completion(const char *shell)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shells[i].name, shell) != 0)
			continue;
		shells[i].print();
		return fflush(stdout) ? EXIT_REFUSED : 0;
	}

	fprintf(stderr, "stoxctl: %s: not one of: bash zsh fish\n", shell);

	return EXIT_USAGE;
}
