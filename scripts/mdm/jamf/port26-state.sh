#!/bin/sh
# Jamf Pro: an extension attribute (data type String): what port26 finds on this Mac. It changes nothing.
support=${PORT26_SUPPORT:-/Applications/port26.app/Contents/Resources}

if [ -x "$support/compliance" ]; then
    state=$("$support/compliance")
else
    state="not installed"
fi
echo "<result>$state</result>"
