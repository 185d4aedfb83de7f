#!/usr/bin/env bash
# Dovecot's submission service says that a login is good and then, unasked, that it closes, when the server behind it is away.
#
# Version  dovecot-submissiond 1:2.3.19.1+dfsg1-2.1+deb12u7 (Debian 12), with a submission_relay_host at which nobody listens.
# Guess    The login is answered with 454, as for a server that cannot check it now; or it is good, and MAIL is answered with 451.
# Seen     AUTH is answered with 235. Right behind it comes a reply that no command asked for, 421, and the connection is closed.
#          A client that sends MAIL reads this 421 as the answer to it, and one that stops at 235 calls the account working.
#          (With the wrong password it is a plain 535, so the login was looked at.)
# Needs    root, for a network and a /usr of its own.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
chmod 755 "$t"
not_asked() { echo "not asked: $*" >&2; exit 2; }
[ "$(id -u)" = 0 ] || not_asked "this needs root"

mkdir -p "$t/debs/partial"
version=1:2.3.19.1+dfsg1-2.1+deb12u7
apt-get -qq -y -d --reinstall --allow-downgrades --no-install-recommends -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
    -o Dir::Cache::archives="$t/debs" install dovecot-core=$version dovecot-submissiond=$version || not_asked "apt does not have it"
for deb in "$t"/debs/*.deb; do dpkg -x "$deb" "$t"; done
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=mail.hosting.example -keyout "$t/key" -out "$t/pem" 2>/dev/null
mkdir -p "$t/run" "$t/state" "$t/mail" && chmod 777 "$t/mail"
echo 'jan@hosting.example:{PLAIN}invented::::::' > "$t/users"
cat > "$t/conf" <<CONF
protocols = submission
base_dir = $t/run
state_dir = $t/state
log_path = $t/log
listen = 127.0.0.1
ssl = required
ssl_cert = <$t/pem
ssl_key = <$t/key
auth_mechanisms = plain
mail_location = maildir:$t/mail
passdb {
  driver = passwd-file
  args = $t/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=$t/mail
}
submission_relay_host = 127.0.0.1
submission_relay_port = 2526
CONF

cat > "$t/ask.py" <<'PY'
import base64
import socket
import ssl
import sys


def reply(stream):
    """The code of the next reply, or `closed`."""
    while line := stream.readline():
        if line[3:4] != b"-":
            return line[:3].decode()
    return "closed"


def ask(password):
    """What follows AUTH, without one more command."""
    link = socket.create_connection(("127.0.0.1", 587), 20)
    stream = link.makefile("rb")
    reply(stream)
    for command in (b"EHLO here\r\n", b"STARTTLS\r\n"):
        link.sendall(command)
        reply(stream)
    link = ssl._create_unverified_context().wrap_socket(link)
    stream = link.makefile("rb")
    link.sendall(b"EHLO here\r\n")
    reply(stream)
    link.sendall(b"AUTH PLAIN " + base64.b64encode(b"\0jan@hosting.example\0" + password) + b"\r\n")
    seen = [reply(stream)]
    link.settimeout(5)
    while seen[-1] != "closed":
        try:
            seen.append(reply(stream))
        except TimeoutError:
            return seen + ["open"]
    return seen


print("wrong password:", *ask(b"wrong"))
print("right password:", *ask(b"invented"))
PY
cat > "$t/inside" <<'INSIDE'
set -euo pipefail
t=$1
mount -t overlay usr -o "lowerdir=$t/usr:/usr" /usr
for file in passwd group; do cp "/etc/$file" "$t/$file" && mount --bind "$t/$file" "/etc/$file"; done
number=5100
for user in dovecot dovenull; do
    number=$((number + 1))
    grep -q "^$user:" /etc/group || echo "$user:x:$number:" >> "$t/group"
    grep -q "^$user:" /etc/passwd || echo "$user:x:$number:$number::/nonexistent:/bin/false" >> "$t/passwd"
done
ip link set lo up
/usr/sbin/dovecot -F -c "$t/conf" < /dev/null >&2 &
for _ in $(seq 100); do
    if (exec 3<> /dev/tcp/127.0.0.1/587) 2>/dev/null; then exec python3 "$t/ask.py"; fi
    sleep 0.1
done
exit 2
INSIDE
seen=$(unshare -m -n -p -f --mount-proc --kill-child bash "$t/inside" "$t") || not_asked "the server did not start: $(cat "$t/log" 2>&1)"
echo "$seen"
before=$'wrong password: 535 open\nright password: 235 421 closed'
[ "$seen" = "$before" ] || { echo "CHANGED, it was: $before" >&2; exit 1; }
