#!/usr/bin/env bash
# Claws Mail with two sections of one number in its accountrc reads the first twice, and writes it over the second.
#
# Version  claws-mail 4.1.1-2+b1 (Debian 12), its file ~/.claws-mail/accountrc, as after two files were put together: the sections
#          are complete and differ in everything but their `[Account: N]`.
# Guess    Two accounts with their own settings, the second with a new number; or one account: the last section wins, or the keys
#          of both are merged, as other readers of such files do.
# Seen     Two accounts, and both are the first: it looks each section up by its name, and the name finds the first one. A start
#          and an end without a click are enough to lose the second: its place in the file holds a copy of the first, number and
#          all. Only accountrc.bak, which lives until the next save, still has it.
# Needs    root, or user namespaces, for a /usr of its own.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
not_asked() { echo "not asked: $*" >&2; exit 2; }

mkdir -p "$t/debs/partial"
apt-get -qq -y -d --reinstall --allow-downgrades --no-install-recommends -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
    -o Dir::Cache::archives="$t/debs" install claws-mail=4.1.1-2+b1 xvfb=2:21.1.7-3+deb12u13 || not_asked "apt does not have it"
for deb in "$t"/debs/*.deb; do dpkg -x "$deb" "$t"; done
rc=$t/home/.claws-mail
mkdir -p "$rc" "$t/home/Mail/"{inbox,outbox,draft,queue,trash}
mkdir -m 700 "$t/run"
# Protocol 4 is an account that only sends, so nothing asks for anything at the start.
for name in first second; do
    printf '[Account: 4]\naccount_name=%s\nname=Jan\naddress=%s@hosting.example\nprotocol=4\nsmtp_server=%s.hosting.example\n\n' $name $name $name
done > "$rc/accountrc"
echo "[Common]" > "$rc/clawsrc"
{
    echo '<?xml version="1.0"?><folderlist><folder type="mh" name="Mailbox" path="Mail" collapsed="0" sort="0">'
    for name in inbox outbox draft queue trash; do echo "<folderitem type=\"$name\" name=\"$name\" path=\"$name\"/>"; done
    echo '</folder></folderlist>'
} > "$rc/folderlist.xml"

cat > "$t/inside" <<'INSIDE'
set -euo pipefail
t=$1
mount -t overlay usr -o "lowerdir=$t/usr:/usr" /usr
export HOME=$t/home XDG_RUNTIME_DIR=$t/run DBUS_SESSION_BUS_ADDRESS=disabled: NO_AT_BRIDGE=1
unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME WAYLAND_DISPLAY
Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp 3> "$t/display" < /dev/null > "$t/log" 2>&1 &
for _ in $(seq 100); do [ ! -s "$t/display" ] || break; sleep 0.1; done
DISPLAY=:$(cat "$t/display")
export DISPLAY
claws-mail --offline < /dev/null >> "$t/log" 2>&1 &
claws=$!
# It has started when it has drawn its window, which is when it first keeps its menus.
for _ in $(seq 200); do [ ! -e "$HOME/.claws-mail/folderitemrc" ] || break; sleep 0.1; done
sleep 3
timeout 20 claws-mail --exit < /dev/null >> "$t/log" 2>&1
for _ in $(seq 200); do
    kill -0 $claws 2>/dev/null || exit 0
    sleep 0.1
done
exit 1
INSIDE
[ "$(id -u)" = 0 ] && own=() || own=(-r)
unshare "${own[@]}" -m -p -f --mount-proc --kill-child bash "$t/inside" "$t" || not_asked "Claws Mail did not start and end: $(cat "$t/log" 2>&1)"
servers() { sed -n 's/^\[\(.*\)\]$/\1/p; s/^smtp_server=//p' "$1" | paste -sd' '; }
echo "before: $(servers "$rc/accountrc.bak")"
echo "after:  $(servers "$rc/accountrc")"
before="Account: 4 first.hosting.example Account: 4 first.hosting.example"
[ "$(servers "$rc/accountrc")" = "$before" ] || { echo "CHANGED, it was: $before" >&2; exit 1; }
