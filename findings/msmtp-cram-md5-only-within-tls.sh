#!/usr/bin/env bash
# msmtp takes CRAM-MD5 by itself where TLS protects it already, and not where it would be of use: without TLS.
#
# Version  msmtp 1.8.23-1 (Debian 12), with `auth on`, which leaves the choice to it. The host offers CRAM-MD5.
# Guess    CRAM-MD5 in both cases. The manual says of the choice without TLS that those methods are left which do not send the
#          password in clear, and counts CRAM-MD5 among these, if as one that is not secure any more.
# Seen     Within TLS it is CRAM-MD5, and the message is sent. Without TLS it hangs up after EHLO, with not one more command, says that
#          it "cannot use a secure authentication method" and exits with 69 ("unavailable"), not with 77, as after a refused login. So what
#          looks like a host that is down is a choice.
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
    -o Dir::Cache::archives="$t/debs" install msmtp=1.8.23-1 || not_asked "apt does not have it"
for deb in "$t"/debs/*.deb; do dpkg -x "$deb" "$t"; done
export LD_LIBRARY_PATH=$t/usr/lib/x86_64-linux-gnu:$t/lib/x86_64-linux-gnu HOME=$t
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout "$t/key" -out "$t/pem" 2>/dev/null

cat > "$t/send.py" <<'PY'
"""send.py FOLDER TLS AUTH OFFERED: what was sent after EHLO, and how msmtp ended."""
import os
import socket
import ssl
import subprocess
import sys
import threading

folder, tls, auth, offered = sys.argv[1:]
listener = socket.create_server(("127.0.0.1", 0))
said = []


def serve():
    link, _ = listener.accept()
    if tls == "on":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder + "/pem", folder + "/key")
        link = context.wrap_socket(link, server_side=True)
    stream = link.makefile("rb")

    def told(*lines):
        link.sendall("".join(line + "\r\n" for line in lines).encode())

    told("220 mail.hosting.example ESMTP")
    while line := stream.readline().decode():
        verb, *rest = line.split()
        if verb == "EHLO":
            told("250-mail.hosting.example", "250 AUTH " + offered)
            continue
        said.append(" ".join([verb, *rest[:1]]) if verb == "AUTH" else verb)
        if verb == "AUTH":
            if rest[0] == "CRAM-MD5":
                told("334 PDEuMkBtYWlsLmhvc3RpbmcuZXhhbXBsZT4=")
                stream.readline()
            told("235 2.7.0 ok")
        elif verb == "DATA":
            told("354 go")
            while stream.readline() not in (b".\r\n", b""):
                pass
            told("250 2.0.0 ok")
        else:
            told("250 2.0.0 ok")


server = threading.Thread(target=serve, daemon=True)
server.start()
settings = folder + "/settings"
with open(os.open(settings, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
    file.write("account default\nhost localhost\nport %d\nsource_ip 127.0.0.1\nfrom jan@hosting.example\n" % listener.getsockname()[1])
    file.write("user jan@hosting.example\npassword invented\nauth %s\ntls %s\ntls_starttls off\ntls_trust_file %s/pem\n" % (auth, tls, folder))
command = [folder + "/usr/bin/msmtp", "-C", settings, "friend@other.example"]
run = subprocess.run(command, input="Subject: invented\n\n", text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
server.join(5)
why = ["cannot use a secure authentication method"] if "cannot use a secure authentication method" in run.stdout else []
print(*(said or ["nothing"]), *why, "exit status %d" % run.returncode, sep=", ")
PY
send() { python3 "$t/send.py" "$t" "$@" || not_asked "it did not send"; }
seen=$(send on on "CRAM-MD5")
same "TLS, auth on" "$seen" "AUTH CRAM-MD5, MAIL, RCPT, DATA, QUIT, exit status 0"
for offered in CRAM-MD5 "CRAM-MD5 PLAIN LOGIN"; do
    seen=$(send off on "$offered")
    same "no TLS, auth on, offered $offered" "$seen" "nothing, cannot use a secure authentication method, exit status 69"
done
