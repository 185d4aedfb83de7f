#!/bin/sh
# Jamf Pro: a policy's script. Jamf runs it as root and gives the Mac's volume, its name and the user as $1 to $3.
#
#   $4   what to do: fix (the default), test, undo
#   $5   only these accounts: addresses with spaces between them (undo: a receipt; empty: the latest run)
#   $6   flags for port26, each beginning with --, with spaces between them: --send-test
#   $7   a log file that the user may write to
#
# Ends as port26 does (0 done, 3 something to fix, 4 no port gets through, 6 the user is needed, ..), with 75 when
# nobody is logged in: let the policy try again.
support=${PORT26_SUPPORT:-/Applications/port26.app/Contents/Resources}
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
if [ ! -x "$support/as-console-user" ]; then
    echo "not installed: install the package of port26 first" >&2
    exit 69
fi
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
"$support/as-console-user" "$verb" $accounts $flags --quiet ${log:+--log "$log"}
code=$?
echo "port26 $verb ended with $code"
exit $code
