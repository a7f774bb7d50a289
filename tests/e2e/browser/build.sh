#!/bin/sh
# build.sh DIR: the page's script and its libraries as DIR/jingle.js.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" .
if ! npm ci --silent --ignore-scripts >npm.log 2>&1; then
	tail -5 npm.log >&2
	echo "$0: npm ci failed; no cells with Chromium" >&2
	exit 1
fi
NODE_PATH=$PWD/node_modules node_modules/.bin/esbuild "$here/jingle.js" \
	--bundle --format=iife --define:global=globalThis \
	--outfile=jingle.js --log-level=warning
