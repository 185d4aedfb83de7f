#!/usr/bin/env bash
# Thunderbird's policies turn a locked number 1 into `true`, in those profiles that have no such number yet.
#
# Version  thunderbird 1:153.8.0esr-1~deb12u1 (Debian 12), asked over its remote control without a window. The policy locks the
#          authMethod of the outgoing server to 1 (no login, for a relay of one's own network). "Preferences" in policies.json.
# Guess    JSON has true and false for that, so 1 is the number 1, in each profile.
# Seen     A number that is 0 or 1 becomes a boolean unless a number of that name is already there. The mail code asks for a number,
#          finds none, and takes its own default 3, a password; and the lock keeps a correction by hand out. So one and the same
#          policy works in the profile where somebody once chose a method, and does nothing in the fresh one. 4 works in both.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
not_asked() { echo "not asked: $*" >&2; exit 2; }

mkdir -p "$t/debs/partial"
apt-get -qq -y -d --reinstall --allow-downgrades --no-install-recommends -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
    -o Dir::Cache::archives="$t/debs" install thunderbird=1:153.8.0esr-1~deb12u1 || not_asked "apt does not have it"
[ ! -e /etc/thunderbird/policies/policies.json ] || not_asked "this machine has policies of its own, which would win"
for deb in "$t"/debs/*.deb; do dpkg -x "$deb" "$t"; done
export LD_LIBRARY_PATH=$t/usr/lib/x86_64-linux-gnu:$t/lib/x86_64-linux-gnu

mkdir "$t/usr/lib/thunderbird/distribution"

cat > "$t/ask.py" <<'PY'
"""ask.py PROGRAM PROFILE BODY: what this function body, run inside Thunderbird, returns."""
import json
import os
import signal
import socket
import subprocess
import sys
import time

program, profile, body = sys.argv[1:]
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
env = {name: text for name, text in os.environ.items() if not name.startswith(("MOZ_", "DBUS_", "XDG_", "DISPLAY", "WAYLAND"))}
env.update(HOME=profile, MOZ_CRASHREPORTER_DISABLE="1", MOZ_MARIONETTE_PREF_STATE_ACROSS_RESTARTS='{"marionette.port": %d}' % port)
command = [program, "--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", profile]
run = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
try:
    for _ in range(600):
        try:
            link = socket.create_connection(("127.0.0.1", port), 5)
            break
        except OSError:
            if run.poll() is not None:
                sys.exit("Thunderbird ended by itself")
            time.sleep(0.1)
    else:
        sys.exit("Thunderbird does not listen")
    link.settimeout(120)
    stream = link.makefile("rb")

    def message():
        size = b""
        while (byte := stream.read(1)) != b":":
            size += byte
        return json.loads(stream.read(int(size)))

    def told(number, name, **given):
        data = json.dumps([0, number, name, given]).encode()
        link.sendall(b"%d:%s" % (len(data), data))
        _, _, error, result = message()
        return sys.exit(error["message"]) if error else result

    message()
    told(1, "WebDriver:NewSession", capabilities={})
    told(2, "Marionette:SetContext", value="chrome")
    mail = 'const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");'
    print(told(3, "WebDriver:ExecuteScript", args=[], sandbox="system", script=mail + body)["value"])
finally:
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()
PY

# ask NUMBER LINE: what a Thunderbird says with this number locked and this line in its prefs.js
ask() {
    printf '{"policies": {"Preferences": {"mail.smtpserver.smtp1.authMethod": {"Value": %s, "Status": "locked"}}}}' "$1" \
        > "$t/usr/lib/thunderbird/distribution/policies.json"
    rm -rf "$t/profile" && mkdir "$t/profile"
    cat > "$t/profile/prefs.js" <<PREFS
user_pref("mail.smtpservers", "smtp1");
user_pref("mail.smtpserver.smtp1.hostname", "mail.hosting.example");
user_pref("mail.smtpserver.smtp1.type", "smtp");
user_pref("mail.ui-rdf.version", 60);
$2
PREFS
    # shellcheck disable=SC2016 # the dollars are JavaScript's
    python3 "$t/ask.py" "$t/usr/lib/thunderbird/thunderbird" "$t/profile" '
        const name = "mail.smtpserver.smtp1.authMethod", prefs = Services.prefs;
        const type = { [prefs.PREF_INT]: "number", [prefs.PREF_BOOL]: "boolean" }[prefs.getPrefType(name)] ?? "none";
        const [server] = MailServices.outgoingServer.servers;
        const method = server.authMethod;
        try { server.authMethod = 4; } catch {}
        return `a ${type}, locked: ${prefs.prefIsLocked(name)}, method: ${method}, after a correction: ${server.authMethod}`;' || not_asked "no answer"
}
same() { # same WHAT SEEN BEFORE
    echo "$1: $2"
    [ "$2" = "$3" ] || { echo "CHANGED, it was: $3" >&2; exit 1; }
}
chosen='user_pref("mail.smtpserver.smtp1.authMethod", 3);'
seen=$(ask 1 "$chosen")
same "1 over a number" "$seen" "a number, locked: true, method: 1, after a correction: 1"
seen=$(ask 1 "")
same "1 over nothing" "$seen" "a boolean, locked: true, method: 3, after a correction: 3"
seen=$(ask 4 "")
same "4 over nothing" "$seen" "a number, locked: true, method: 4, after a correction: 4"
