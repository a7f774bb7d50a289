#!/bin/sh
# deps.sh [build|check|e2e|bench|deb]...: installs what is missing (Debian 12 or 13, apt)
# to build, to test, to test with real peers (these three without an argument),
# and what the benchmark compares with.
# Asks nothing and starts no service; says nothing when nothing is missing.
set -eu

build="gcc libc6-dev make pkg-config libre-dev libnice-dev libsrtp2-dev
	libexpat1-dev libssl-dev libinih-dev libidn-dev libjansson-dev
	libglib2.0-dev libsqlite3-dev libmicrohttpd-dev"
# Debian 12 has clang 14, by whose clang-format the sources are written; Debian
# 13 has clang 19, and Python's audioop apart.
llvm=14 more=clang-format-14
# shellcheck source=/dev/null
if [ "$(. /etc/os-release; echo "${VERSION_ID-}")" = 13 ]; then
	llvm=19 more=python3-audioop-lts
fi
check="check clang-$llvm $more libclang-rt-$llvm-dev llvm-$llvm binutils
	python3 python3-prometheus-client iproute2 util-linux mandoc systemd apparmor
	zsh fish"
e2e="prosody lua-sec baresip-core sip-tester openssl python3-slixmpp
	python3-aiortc python3-pylibsrtp ejabberd kamailio
	kamailio-presence-modules kamailio-sqlite-modules coturn chromium
	ca-certificates tshark sngrep dino-im xvfb pulseaudio pulseaudio-utils
	dbus-daemon at-spi2-core python3-gi gstreamer1.0-plugins-good
	gstreamer1.0-pulseaudio"
bench="rtpengine-daemon ejabberd sqlite3 python3-cryptography"
deb="build-essential debhelper dh-apparmor dpkg-dev fakeroot lintian"
# node may be there without being Debian's
command -v npm >/dev/null || e2e="$e2e nodejs npm"

[ $# -gt 0 ] || set -- build check e2e
missing=
for s in "$@"; do
	case $s in
	build) list=$build ;;
	check) list=$check ;;
	e2e) list=$e2e ;;
	bench) list=$bench ;;
	deb) list=$deb ;;
	*) echo "deps.sh: no set $s" >&2; exit 2 ;;
	esac
	for p in $list; do
		dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null |
			grep -qx installed || missing="$missing $p"
	done
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "deps: needs root:" >&2
	echo "apt-get install -y --no-install-recommends$missing" >&2
	exit 1
fi
echo "deps: installing$missing"

# Servers come up on their own ports otherwise (invoke-rc.d asks this file).
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod +x $policy
fi
export DEBIAN_FRONTEND=noninteractive
# A machine that is made for one run need not survive a loss of power.
fast=
[ "${CI-}" != true ] || fast="-o Dpkg::Options::=--force-unsafe-io"
log=$(mktemp)
apt-get -qq update >"$log" 2>&1 || echo "deps: apt-get update failed" >&2
# shellcheck disable=SC2086
if ! apt-get install -y --no-install-recommends $fast $missing >>"$log" 2>&1; then
	tail -20 "$log" >&2
	echo "deps: apt-get install failed, see $log" >&2
	exit 1
fi
rm -f "$log"
