#!/bin/sh
# Munki: installcheck_script of the item port26-fix. 0 says "install", which runs the fix; 1 says that nothing is to do.
support=${PORT26_SUPPORT:-/Applications/port26.app/Contents/Resources}

[ -x "$support/compliance" ] || exit 1
"$support/compliance"
[ $? = 3 ] || exit 1
exit 0
