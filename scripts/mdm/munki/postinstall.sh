#!/bin/sh
# Munki: postinstall_script of the item port26-fix. A failure is told to Munki, which tries again.
support=${PORT26_SUPPORT:-/Applications/port26.app/Contents/Resources}

exec "$support/as-console-user" fix --yes --silent
