#!/bin/sh
# Intune: a shell script for macOS, "run script as signed-in user: no". Ends with 0 when there is nothing left to do;
# anything else is tried again by Intune (set "max number of times to retry").
support=${PORT26_SUPPORT:-/Applications/port26.app/Contents/Resources}

if [ ! -x "$support/as-console-user" ]; then
    echo "not installed: assign the package of port26 first"
    exit 69
fi
"$support/as-console-user" fix --yes --silent
code=$?
echo "port26 fix ended with $code"
exit $code
