#!/bin/sh
# A login script for Macs without device management: looks at the accounts of the user who logs in, once, in silence.
#
# Run by the user (Login Items, a LaunchAgent of your own) it needs nothing. Run by root (a login hook gets the user's
# name as $1, outset and the like run as root or as the user) it goes into the user's session first. It waits for
# nobody: the login goes on at once, and port26 ends by itself.
port26=${PORT26:-/Applications/port26.app/Contents/MacOS/port26}

[ -x "$port26" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    "$port26" agent run --silent >/dev/null 2>&1 &
    exit 0
fi
user=${1:-$(stat -f %Su /dev/console)}
case $user in
"" | root | loginwindow | _mbsetupuser) exit 0 ;;
esac
uid=$(id -u "$user") || exit 0
launchctl asuser "$uid" sudo -H -u "$user" "$port26" agent run --silent >/dev/null 2>&1 &
exit 0
