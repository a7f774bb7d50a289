#!/bin/sh
# lint.sh: format, include arrows, names, sizes, README.  Prints problems only,
# and a closing line.  B: build directory, for the check of names.
set -u
cd "$(dirname "$0")/.." || exit 2
B=${B:-build}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

c_files() { find gateway sdp tests -name '*.[ch]' | sort; }
scripts() { find tests .ci docs conf -type f \( -name '*.py' -o -name '*.sh' \
	-o -name '*.mk' \) -not -path '*/node_modules/*' | sort
	ls .ci/run tests/run tests/total tests/e2e/run 2>/dev/null; }

formatted() {
	c_files | xargs clang-format-14 --dry-run -Werror 2>&1 |
		grep -E 'error:|warning:' | sed 's/: error: code should be.*/: not as clang-format has it/' |
		sort -t: -k1,1 -u
}

# An arrow may only point down.  FOLDER: what it must not include.
arrows() {
	c_files | grep -v '^tests/' | xargs awk '
	function folder(path) {
		if (path ~ /^gateway\/main\.c$/) return "main"
		if (path ~ /^sdp\//) return "sdp"
		split(path, p, "/")
		return p[1] == "gateway" ? p[2] : "main"
	}
	BEGIN {
		no["sdp"] = "base xmpp jingle sip media bridge admin re"
		no["base"] = "xmpp jingle sip media bridge admin sdp"
		no["media"] = "xmpp jingle sip bridge admin re compat"
		no["xmpp"] = "jingle sip media bridge admin sdp"
		no["sip"] = "xmpp jingle media bridge admin"
		no["jingle"] = "sip media bridge admin"
		no["bridge"] = "admin"
		ok["sip bridge/leg.h"] = ok["sip bridge/reason.h"] = 1
		ok["jingle bridge/leg.h"] = ok["jingle bridge/reason.h"] = 1
		ok["xmpp bridge/reason.h"] = 1
	}
	/^[ \t]*#[ \t]*include/ {
		f = folder(FILENAME)
		h = $0
		gsub(/^[^<"]*[<"]|[>"].*$/, "", h)
		to = h
		sub(/^gateway\//, "", to)
		if ((f " " to) in ok) next
		if (to ~ /^re(\.h|_)/) to = "re/"
		else if (to == "base/compat.h" && f == "media") to = "compat/"
		else if (to == "gateway.h") to = f == "main" || f == "admin" ? "" \
			: "main/"
		else if (to !~ /\//) next
		sub(/\/.*/, "", to)
		if (to == "") next
		if (index(" " no[f] " ", " " to " ") || to == "main")
			print FILENAME ":" FNR ": " f " must not include " h
	}'
}

# What libre exports, it also calls by name: ours must be called otherwise.
names() {
	re=$(ldconfig -p | awk '/libre\.so/ { print $NF; exit }')
	[ -n "$re" ] || { echo "libre is not installed"; return; }
	nm -D --defined-only "$re" | awk '{ print $3 }' | sort -u >"$tmp/re"
	for a in "$B"/lib*.a; do
		[ -f "$a" ] || continue
		nm -g --defined-only "$a" 2>/dev/null |
			awk '$2 ~ /[TDBR]/ { print $3 }' | sort -u |
			comm -12 - "$tmp/re" |
			grep -vxE 'tcp_(accept|connect)|mem_zalloc|rand_u(32|64)|sip_msg_decode|udp_listen|tmr_(jiffies|start|cancel|poll|next_timeout|get_expire)' |
			sed "s|^|$a: a name of libre: |"
	done
}

# What is exported is for somebody else; at least for a test.
unused() {
	grep -rhoE '\b[a-z][a-z0-9_]+\b' tests --include='*.[ch]' | sort -u \
		>"$tmp/tests"
	nm -g "$B"/lib[a-z]*.a "$B"/gateway/main.o \
		"$B"/gateway/admin/stoxctl*.o 2>/dev/null | awk '
		NF >= 2 && $(NF - 1) == "U" { used[$NF] }
		NF == 3 && $2 ~ /[TDBR]/ { ours[$3] }
		END { for (n in ours) if (!(n in used)) print n }' | sort |
		comm -23 - "$tmp/tests" | comm -23 - "$tmp/re" |
		sed 's/$/: exported, and nobody else uses it/'
}

sizes() {
	c_files | xargs awk '
	# a test program is a list of cases: it may be twice as long
	function closed() {
		most = file ~ /^tests\// ? 1200 : 600
		if (lines > most)
			print file ": " lines " lines, over " most
	}
	FNR == 1 { closed(); file = FILENAME; start = 0 }
	{ lines = FNR }
	/^[a-zA-Z_].*\(/ && !/;[ \t]*$/ { name = $0 }
	/^\{/ { start = FNR }
	/^\}/ && start {
		if (FNR - start > 100 && name != "") {
			sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
			print file ":" start ": " name ": " FNR - start \
				" lines, over 100"
		}
		start = 0; name = ""
	}
	END { closed() }'
}

# "Follow a call", "a message" .. name functions as `file:function` or
# `function()`.
readme() {
	[ -f README.md ] || return
	awk '/^#+ /{ on = /Follow a / } on' README.md |
		grep -oE '`[a-z0-9_/]+\.[ch]:[a-z0-9_]+(\(\))?`|`[a-z0-9_]+\(\)`' |
		tr -d '`()' | sort -u >"$tmp/follow"
	while IFS=: read -r file func; do
		if [ -z "$func" ]; then
			grep -rqE "^[a-zA-Z].*\\b$file\\(" gateway sdp ||
				echo "README.md: no function $file"
			continue
		fi
		path=$(find . -path "./$B" -prune -o -path "*/$file" -print |
			head -1)
		if [ -z "$path" ]; then
			echo "README.md: no file $file"
		elif ! grep -qE "^[a-zA-Z].*\\b$func\\(" "$path"; then
			echo "README.md: no $func in $file"
		fi
	done <"$tmp/follow"
}

# docs/hardening.md names tests: names of three words and more are theirs.
hardening() {
	cat tests/integration/*.py tests/unit/*.c >"$tmp/tests"
	grep -oE '\b[a-z][a-z0-9]*(_[a-z0-9]+){2,}' docs/hardening.md |
		sort -u | while read -r name; do
		grep -qw -- "$name" "$tmp/tests" ||
			echo "docs/hardening.md: no test $name"
	done
}

text() {
	c_files | xargs grep -nE '[ 	]+$' | sed 's/:[^:]*$/: trailing space/'
	c_files | xargs grep -nE '\b(TODO|FIXME|XXX)\b' |
		sed 's/:[^:]*$/: TODO/'
	c_files | xargs awk 'FNR == 1 && !/^\/\*/ {
		print FILENAME ":1: does not say what the file is" }'
	scripts | xargs grep -nE '[ 	]+$' | sed 's/:[^:]*$/: trailing space/'
	find tests -name '*.py' -not -path '*/node_modules/*' |
		xargs grep -n '	' | sed 's/:[^:]*$/: tab in Python/'
	find tests -name '*.py' -not -path '*/node_modules/*' |
		xargs awk 'length > 79 {
		print FILENAME ":" FNR ": over 79 columns" }'
	for f in $(scripts); do
		case $(head -1 "$f") in
		*python3) python3 - "$f" ;;
		*bash) bash -n "$f" ;;
		*/sh) sh -n "$f" ;;
		*) case $f in *.py) python3 - "$f" ;; esac ;;
		esac <<-'PY' 2>&1
			import ast, sys
			try:
			    ast.parse(open(sys.argv[1]).read(), sys.argv[1])
			except SyntaxError as e:
			    print("%s:%s: %s" % (e.filename, e.lineno, e.msg))
		PY
	done
}

{
	formatted
	arrows
	names
	unused
	sizes
	readme
	hardening
	text
} >"$tmp/problems"
n=$( { c_files; scripts; } | wc -l)
if [ -s "$tmp/problems" ]; then
	cat "$tmp/problems"
	echo "lint: $(wc -l <"$tmp/problems") problems in $n files"
	exit 1
fi
echo "lint: $n files ok"
