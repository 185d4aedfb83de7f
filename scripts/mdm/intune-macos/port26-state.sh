#!/bin/sh
# Intune: a custom attribute for macOS (data type String): what port26 finds on this Mac. It changes nothing.

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

# What `port26 test` ended with, in words; no address, host or name is told.
words() {
    case $1 in
    0) echo "mail goes out" ;;
    2) echo "the policy cannot be read" ;;
    3) echo "can be fixed" ;;
    4) echo "no way out: no port gets through" ;;
    6) echo "needs the user" ;;
    69) echo "not installed" ;;
    75) echo "nobody is logged in" ;;
    *) echo "the test failed ($1)" ;;
    esac
}

in_session test --silent >/dev/null 2>&1
words $?
exit 0
