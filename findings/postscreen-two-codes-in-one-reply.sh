#!/usr/bin/env bash
# Postfix's postscreen greets with a reply whose lines have different codes: it begins as 220 and ends as 521.
#
# Version  postfix 3.7.11-0+deb12u1 (Debian 12), with postscreen on port 25, a list of blocked addresses that is asked over DNS, and
#          postscreen_dnsbl_action = drop. The client is silent until it is greeted, as it must be.
# Guess    Who is on the list gets no greeting but a 554 or 521 of one line; or the greeting, and the 5xx for the first command.
# Seen     At once a line `220-` with the server's name, which promises a next line. After postscreen_greet_wait that next line comes,
#          and it is `521 `: no command was sent, so both are one reply. RFC 5321 (4.2.1) wants one code on all lines. A client that
#          takes the code of the first line thinks it was greeted; one that insists on one code calls it no mail server.
# Needs    root, for a network and a /usr of its own.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
chmod 755 "$t"
not_asked() { echo "not asked: $*" >&2; exit 2; }
[ "$(id -u)" = 0 ] || not_asked "this needs root"

mkdir -p "$t/debs/partial"
apt-get -qq -y -d --reinstall --allow-downgrades --no-install-recommends -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
    -o Dir::Cache::archives="$t/debs" install postfix=3.7.11-0+deb12u1 || not_asked "apt does not have it"
for deb in "$t"/debs/*.deb; do dpkg -x "$deb" "$t"; done
mkdir -p "$t/spool" "$t/data" "$t/conf"
echo "nameserver 127.0.0.1" > "$t/resolv.conf"
cat > "$t/conf/main.cf" <<CONF
compatibility_level = 3.6
queue_directory = $t/spool
data_directory = $t/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
shlib_directory = /usr/lib/postfix
myhostname = mail.hosting.example
inet_interfaces = 127.0.0.1
maillog_file = /dev/stdout
postscreen_access_list =
postscreen_greet_wait = 1s
postscreen_dnsbl_sites = list.filter.example
postscreen_dnsbl_action = drop
CONF
cat > "$t/conf/master.cf" <<'CONF'
smtp    inet       n - n - 1 postscreen
smtpd   pass       - - n - - smtpd
dnsblog unix       - - n - 0 dnsblog
postlog unix-dgram n - n - 1 postlogd
CONF

cat > "$t/list.py" <<'PY'
"""Answers each question for an address with 127.0.0.2: it is on the list."""
import socket

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
while True:
    question, client = server.recvfrom(512)
    end = question.index(b"\0", 12) + 5
    address = question[end - 4 : end - 2] == b"\0\1"
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\2" if address else b""
    server.sendto(question[:2] + b"\x81\x80\0\1\0" + bytes([address, 0, 0, 0, 0]) + question[12:end] + answer, client)
PY
cat > "$t/inside" <<'INSIDE'
set -euo pipefail
t=$1
mount -t overlay usr -o "lowerdir=$t/usr:/usr" /usr
for file in passwd group; do cp "/etc/$file" "$t/$file" && mount --bind "$t/$file" "/etc/$file"; done
mount --bind "$t/resolv.conf" /etc/resolv.conf
for group in postfix:x:5101: postdrop:x:5102:; do grep -q "^${group%%:*}:" /etc/group || echo "$group" >> "$t/group"; done
grep -q ^postfix: /etc/passwd || echo postfix:x:5101:5101::/nonexistent:/bin/false >> "$t/passwd"
chown postfix "$t/data"
ip link set lo up
python3 "$t/list.py" < /dev/null &
/usr/sbin/postfix -c "$t/conf" start-fg < /dev/null > "$t/log" 2>&1 &
for _ in $(seq 100); do
    if (exec 3<> /dev/tcp/127.0.0.1/25) 2>/dev/null; then break; fi
    sleep 0.1
done
python3 - <<'PY'
import socket

link = socket.create_connection(("127.0.0.1", 25), 20)
for line in link.makefile("r"):
    print(line.rstrip())
    if line[3:4] != "-":
        break
PY
INSIDE
seen=$(unshare -m -n -p -f --mount-proc --kill-child bash "$t/inside" "$t") || not_asked "the server did not answer: $(cat "$t/log" 2>&1)"
echo "$seen"
before="220- 521 "
now=$(cut -c1-4 <<< "$seen" | paste -sd' ')
[ "$now" = "$before" ] || { echo "CHANGED, the codes were: $before" >&2; exit 1; }
