#!/bin/sh
# Intune: a custom attribute for macOS (data type String): what port26 finds on this Mac. It changes nothing.
support=${PORT26_SUPPORT:-/Applications/port26.app/Contents/Resources}

if [ -x "$support/compliance" ]; then
    "$support/compliance"
else
    echo "not installed"
fi
exit 0
