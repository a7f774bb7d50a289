#!/bin/sh
# embed.sh DIR: the files of the page, compressed, as C on standard output.
# The same files give the same bytes.
set -eu
cd "$1"
files="index.html style.css app.js icon.svg"

type_of() {
	case $1 in
	*.html) echo "text/html; charset=utf-8" ;;
	*.css) echo "text/css; charset=utf-8" ;;
	*.js) echo "text/javascript; charset=utf-8" ;;
	*.svg) echo "image/svg+xml" ;;
	esac
}

echo "/* Made from gateway/admin/page by embed.sh. */"
echo "#include \"admin/web_priv.h\""
n=0
for f in $files; do
	echo "static const unsigned char file_$n[] = {"
	gzip -9nc "$f" | od -An -v -tu1 | sed 's/  */,/g; s/^,//; s/$/,/'
	echo "};"
	n=$((n + 1))
done
echo "const struct webfile web_files[] = {"
n=0
for f in $files; do
	tag=$(sha256sum <"$f" | cut -c 1-16)
	echo "{\"$f\", \"$(type_of "$f")\", \"\\\"$tag\\\"\", file_$n, sizeof(file_$n)},"
	n=$((n + 1))
done
echo "};"
echo "const size_t web_filec = $n;"
