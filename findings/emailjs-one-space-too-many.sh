#!/usr/bin/env bash
# emailjs writes two spaces in one login command. Postfix does not mind. Dovecot's submission service does, on the same machine, for the
# same user: it is no syntax, so the right password is refused there.
#
# Version  emailjs 5.0.3 (npm), with dovecot-submissiond 1:2.3.19.1+dfsg1-2.1+deb12u7 and postfix 3.7.11-0+deb12u1 (Debian 12), which asks
#          the same Dovecot for its logins. Both offer PLAIN and CRAM-MD5, and CRAM-MD5 works on both.
# Guess    Who can log in at one can log in at the other: one list of methods, one list of users.
# Seen     Of what is offered emailjs takes CRAM-MD5, and with that method only it sends `AUTH  CRAM-MD5`. Postfix answers 334 and
#          then 235, Dovecot 500. emailjs reports "authorization.failed" and tries nothing else, though PLAIN is offered, and works when
#          it is the only method allowed. Dovecot answers the same command with 334 when one space is sent.
# Needs    root, for a network and a /usr of its own; node 18 or later, and npm.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
chmod 755 "$t"
not_asked() { echo "not asked: $*" >&2; exit 2; }
[ "$(id -u)" = 0 ] || not_asked "this needs root"

mkdir -p "$t/debs/partial"
version=1:2.3.19.1+dfsg1-2.1+deb12u7
apt-get -qq -y -d --reinstall --allow-downgrades --no-install-recommends -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
    -o Dir::Cache::archives="$t/debs" install dovecot-core=$version dovecot-submissiond=$version postfix=3.7.11-0+deb12u1 ||
    not_asked "apt does not have it"
for deb in "$t"/debs/*.deb; do dpkg -x "$deb" "$t"; done
npm --prefix "$t/npm" --cache "$t/cache" --ignore-scripts --no-audit --no-fund --silent install emailjs@5.0.3 || not_asked "npm does not have it"
mkdir -p "$t/run" "$t/state" "$t/mail" "$t/spool" "$t/data" "$t/conf" && chmod 777 "$t/mail"
echo 'jan@hosting.example:{PLAIN}invented::::::' > "$t/users"
cat > "$t/dovecot.conf" <<CONF
protocols = submission
base_dir = $t/run
state_dir = $t/state
log_path = $t/log
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain cram-md5
mail_location = maildir:$t/mail
service auth {
  unix_listener auth-client {
    mode = 0666
  }
}
passdb {
  driver = passwd-file
  args = $t/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=$t/mail
}
submission_relay_host = 127.0.0.1
submission_relay_port = 26
CONF
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
alias_maps =
local_recipient_maps =
smtpd_client_event_limit_exceptions = static:all
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = $t/run/auth-client
CONF
cat > "$t/conf/master.cf" <<'CONF'
26      inet       n - n - 1 smtpd
postlog unix-dgram n - n - 1 postlogd
CONF

cat > "$t/npm/ask.mjs" <<'JS'
import net from "node:net";
import { SMTPConnection } from "emailjs";

const [user, password] = ["jan@hosting.example", "invented"];
const login = (port, methods) => new Promise(resolve => {
    const link = new SMTPConnection({ host: "127.0.0.1", port, ...methods });
    const end = error => resolve(error ? error.message : "logged in");
    link.connect(error => error ? end(error) : link.login(end, user, password));
});
const raw = (port, command) => new Promise(resolve => {
    const link = net.connect(port, "127.0.0.1");
    let seen = "";
    link.on("data", data => {
        const ends = (seen += data).match(/^\d{3}(?= )/gm) ?? [];
        if (seen.endsWith("\n") && ends.length === 3) resolve(ends[2]), link.destroy();
        else if (seen.endsWith("\n")) link.write(`${["EHLO here", command][ends.length - 1]}\r\n`);
    });
});
// What it sends, as a host sees it that answers anything else with 500.
const sent = new Promise(resolve => {
    const host = net.createServer(link => {
        link.write("220 mail.hosting.example ESMTP\r\n");
        link.on("data", data => {
            if (/^ehlo/i.test(data)) return link.write("250-mail.hosting.example\r\n250 AUTH PLAIN CRAM-MD5\r\n");
            resolve(JSON.stringify(String(data).trimEnd()));
            link.end("500 5.5.2 no\r\n");
        });
    }).listen(0, "127.0.0.1", () => login(host.address().port));
});
console.log("sent:", await sent);
console.log("Postfix:", await login(26));
console.log("Dovecot:", await login(587));
console.log("Dovecot, PLAIN only:", await login(587, { authentication: ["PLAIN"] }));
console.log("one space by hand:", await raw(26, "AUTH CRAM-MD5"), await raw(587, "AUTH CRAM-MD5"));
console.log("two spaces by hand:", await raw(26, "AUTH  CRAM-MD5"), await raw(587, "AUTH  CRAM-MD5"));
process.exit();
JS
cat > "$t/inside" <<'INSIDE'
set -euo pipefail
t=$1
mount -t overlay usr -o "lowerdir=$t/usr:/usr" /usr
for file in passwd group; do cp "/etc/$file" "$t/$file" && mount --bind "$t/$file" "/etc/$file"; done
number=5100
for user in dovecot dovenull postfix postdrop; do
    number=$((number + 1))
    grep -q "^$user:" /etc/group || echo "$user:x:$number:" >> "$t/group"
    grep -q "^$user:" /etc/passwd || echo "$user:x:$number:$number::/nonexistent:/bin/false" >> "$t/passwd"
done
chown postfix "$t/data"
ip link set lo up
/usr/sbin/dovecot -F -c "$t/dovecot.conf" < /dev/null >&2 &
/usr/sbin/postfix -c "$t/conf" start-fg < /dev/null > "$t/log.postfix" 2>&1 &
for port in 26 587; do
    for _ in $(seq 100); do
        if (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null; then continue 2; fi
        sleep 0.1
    done
    exit 2
done
cd "$t/npm" && timeout 60 node ask.mjs
INSIDE
seen=$(unshare -m -n -p -f --mount-proc --kill-child bash "$t/inside" "$t") || not_asked "no answer: $(cat "$t/log" "$t/log.postfix" 2>&1)"
echo "$seen"
before='sent: "AUTH  CRAM-MD5"
Postfix: logged in
Dovecot: authorization.failed (bad response on command '\''AUTH'\'': 5.5.2 Invalid command syntax)
Dovecot, PLAIN only: logged in
one space by hand: 334 334
two spaces by hand: 334 500'
[ "$seen" = "$before" ] || { echo "CHANGED, it was: $before" >&2; exit 1; }
