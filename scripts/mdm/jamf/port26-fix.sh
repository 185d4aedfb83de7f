#!/bin/sh
# Jamf Pro: a policy's script. Jamf runs it as root and gives the Mac's volume, its name and the user as $1 to $3.
#
#   $4   what to do: fix (the default), test, undo
#   $5   only these accounts: addresses with spaces between them (undo: a receipt; empty: the latest run)
#   $6   flags for port26, each beginning with --, with spaces between them: --send-test
#   $7   a log file that the user may write to
#
# Ends as port26 does (0 done, 3 something to fix, 4 no port gets through, 6 the user is needed, ..); with 69 when port26
# is not installed, and with 75 when nobody is logged in: let the policy try again.

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

verb=${4:-fix}
accounts=${5:-}
flags=${6:-}
log=${7:-}

case $verb in
fix | test | undo) ;;
*)
    echo "parameter 4 is \"$verb\": write fix, test or undo" >&2
    exit 2
    ;;
esac
set -f # a * in a parameter is not a file's name
for flag in $flags; do
    case $flag in
    --*) ;;
    *)
        echo "parameter 6 has \"$flag\": a flag begins with --" >&2
        exit 2
        ;;
    esac
done
if [ "$verb" = fix ]; then flags="$flags --yes"; fi
# no account and no flag may hold a space, and several are wanted
# shellcheck disable=SC2086
in_session "$verb" $accounts $flags --quiet ${log:+--log "$log"}
code=$?
case $code in
69) echo "not installed: install the package of port26 first" ;;
75) echo "deferred: nobody is logged in" ;;
*) echo "port26 $verb ended with $code" ;;
esac
exit $code
