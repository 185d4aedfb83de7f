#!/usr/bin/env bash
# NeoMutt refuses the list of login methods that its own manual shows, and takes a method that it refuses to have in a list.
#
# Version  neomutt 20220429+dfsg1-4.1 (Debian 12, which has it with GNU SASL), smtp_authenticators. The host offers CRAM-MD5, PLAIN and
#          LOGIN and refuses CRAM-MD5 with 535, as one does that keeps its passwords hashed.
# Guess    As its manual has it: without a list all methods are tried, the best first, so PLAIN follows; with "cram-md5:plain" too.
# Seen     Without a list it takes CRAM-MD5 and gives up at the 535. So a list is needed, and it refuses each that names more,
#          also the manual's own example, also in capitals: cram-md5, digest-md5, gssapi and scram-sha-256 are each "not a valid authenticator".
#          It says so once and goes on without a list, which is CRAM-MD5 again. Only the few methods that it does itself can be named:
#          "plain" alone is taken, and sends. So CRAM-MD5 can be kept out, but not be put first.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
not_asked() { echo "not asked: $*" >&2; exit 2; }
same() { # same WHAT SEEN BEFORE
    echo "$1: $2"
    [ "$2" = "$3" ] || { echo "CHANGED, it was: $3" >&2; exit 1; }
}

mkdir -p "$t/debs/partial"
apt-get -qq -y -d --reinstall --allow-downgrades --no-install-recommends -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
    -o Dir::Cache::archives="$t/debs" install neomutt=20220429+dfsg1-4.1 || not_asked "apt does not have it"
for deb in "$t"/debs/*.deb; do dpkg -x "$deb" "$t"; done
export LD_LIBRARY_PATH=$t/usr/lib/x86_64-linux-gnu:$t/lib/x86_64-linux-gnu HOME=$t

cat > "$t/send.py" <<'PY'
"""send.py PROGRAM SETTINGS [LIST]: the login commands and what became of the message."""
import contextlib
import socket
import subprocess
import sys
import threading

program, settings, *lists = sys.argv[1:]
listener = socket.create_server(("127.0.0.1", 0))
said = []


def talk():
    link, _ = listener.accept()
    stream = link.makefile("rb")

    def told(*lines):
        link.sendall("".join(line + "\r\n" for line in lines).encode())

    told("220 mail.hosting.example ESMTP")
    while line := stream.readline().decode():
        verb, *rest = line.split()
        if verb == "EHLO":
            told("250-mail.hosting.example", "250 AUTH CRAM-MD5 PLAIN LOGIN")
        elif verb == "AUTH" and rest[0] == "CRAM-MD5":
            told("334 PDEuMkBtYWlsLmhvc3RpbmcuZXhhbXBsZT4=")
            stream.readline()
            said.append("CRAM-MD5 535")
            told("535 5.7.8 no")
        elif verb == "AUTH":
            said.append(rest[0] + " 235")
            told("235 2.7.0 ok")
        elif verb == "DATA":
            told("354 go")
            while stream.readline() not in (b".\r\n", b""):
                pass
            said.append("taken")
            told("250 2.0.0 ok")
        else:
            told("250 2.0.0 ok")
    link.close()


def serve():
    with contextlib.suppress(ConnectionResetError):  # it may hang up without a word
        talk()


server = threading.Thread(target=serve, daemon=True)
server.start()
with open(settings, "w") as file:
    file.write('set from="jan@hosting.example"\nset hostname="hosting.example"\nset copy=no\nset ssl_starttls=no\nset ssl_force_tls=no\n')
    file.write('set smtp_pass="invented"\nset smtp_url="smtp://jan%%40hosting.example@127.0.0.1:%d/"\n' % listener.getsockname()[1])
    file.writelines('set smtp_authenticators="%s"\n' % given for given in lists)
command = [program, "-n", "-F", settings, "-s", "invented", "friend@other.example"]
run = subprocess.run(command, input="Invented.\n", text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
server.join(5)
refused = ["list refused"] if "is not a valid authenticator" in run.stdout else []
print(*refused, *said, "exit status %d" % run.returncode, sep=", ")
PY
send() { python3 "$t/send.py" "$t/usr/bin/neomutt" "$t/settings" "$@" || not_asked "it did not send"; }
example=$(zcat "$t/usr/share/doc/neomutt/manual.txt.gz" | sed -n 's/^set smtp_authenticators="\(.*\)"$/\1/p')
same "the manual's example" "$example" "digest-md5:cram-md5"

seen=$(send)
same "no list" "$seen" "CRAM-MD5 535, exit status 1"
for list in "$example" cram-md5:plain CRAM-MD5:PLAIN gssapi:plain scram-sha-256:plain; do
    seen=$(send "$list")
    same "$list" "$seen" "list refused, CRAM-MD5 535, exit status 1"
done
seen=$(send plain)
same plain "$seen" "PLAIN 235, taken, exit status 0"
