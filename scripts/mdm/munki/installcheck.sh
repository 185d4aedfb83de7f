#!/bin/sh
# Munki: installcheck_script of the item port26-fix. 0 says "install", which runs the fix; 1 says that nothing is to do.

# The user at the screen: root has neither their keychain nor their permission to script Mail. The same lines are in
# every script for device management here, since each is handed out alone; a test compares them.
port26=${PORT26:-/Applications/port26.app/Contents/MacOS/port26}
in_session() {
    [ -x "$port26" ] || return 69 # not installed
    user=$(stat -f %Su /dev/console)
    case $user in
    "" | root | loginwindow | _mbsetupuser) return 75 ;; # nobody is logged in
    esac
    uid=$(id -u "$user") || return 1
    if [ "$(id -u)" = "$uid" ]; then
        "$port26" "$@"
    else
        # asuser enters the user's session, sudo becomes the user: neither does both
        launchctl asuser "$uid" sudo -H -u "$user" "$port26" "$@"
    fi
}

in_session test --silent >/dev/null 2>&1
[ $? = 3 ]
