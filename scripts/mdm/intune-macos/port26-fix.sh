#!/bin/sh
# Intune: a shell script for macOS, "run script as signed-in user: no". Ends with 0 when there is nothing left to do;
# anything else is tried again by Intune (set "max number of times to retry").

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

in_session fix --yes --silent
code=$?
case $code in
69) echo "not installed: assign the package of port26 first" ;;
75) echo "deferred: nobody is logged in" ;;
*) echo "port26 fix ended with $code" ;;
esac
exit $code
