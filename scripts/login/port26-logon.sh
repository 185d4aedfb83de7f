#!/bin/sh
# port26 at login, for Linux: from ~/.profile, /etc/profile.d or a desktop's autostart. In silence; it asks nobody and changes
# what the policy (/etc/port26/policy.toml) allows. The exit code is that of port26: 0 nothing to do or all done, 6 the user
# is needed. PORT26 names the program if it is not in the search path.
program=${PORT26:-port26}
if ! command -v "$program" >/dev/null 2>&1; then
    echo "$program was not found: install port26, or set PORT26 to its path." >&2
    exit 1
fi
exec "$program" fix --silent
