#!/bin/sh
# operator.sh PREFIX ETC: the last step of an installation on this machine: the
# user that the gateway runs as, its folders, and that it may read ETC.
set -eu

if [ "$(id -u)" != 0 ]; then
	echo "install: not root: no user stoxd was made" >&2
elif ! command -v systemd-sysusers >/dev/null; then
	echo "install: no systemd here: make a user and a group stoxd that own" \
		"/var/lib/stoxd and /run/stoxd, and chgrp -R stoxd $2" >&2
else
	systemd-sysusers "$1/lib/sysusers.d/stoxd.conf"
	systemd-tmpfiles --create "$1/lib/tmpfiles.d/stoxd.conf"
	chgrp stoxd "$2" "$2/stoxd.conf"
fi
