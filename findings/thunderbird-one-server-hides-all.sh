#!/usr/bin/env bash
# Thunderbird with one outgoing server of a type that it does not know has no outgoing server at all.
#
# Version  thunderbird 1:153.8.0esr-1~deb12u1 (Debian 12), asked over its remote control without a window. The profile lists two
#          servers; the first is plain SMTP, complete, and the identity names it. The second has a type that this version does not
#          have, as a newer one may leave behind: "smtp" and "ews" are known, here it is "jmap".
# Guess    The unknown server is left out, or is taken for SMTP as one without a type is; the first works as before.
# Seen     The list is built as a whole, and one unknown type throws it away: there is no list, no default server, and the server
#          of the identity is not found either, though nothing is wrong with it. Each later look throws again. Nothing is repaired
#          in prefs.js, so it stays like this at each start. So the settings of one server cannot be judged alone.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
not_asked() { echo "not asked: $*" >&2; exit 2; }

mkdir -p "$t/debs/partial"
apt-get -qq -y -d --reinstall --allow-downgrades --no-install-recommends -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
    -o Dir::Cache::archives="$t/debs" install thunderbird=1:153.8.0esr-1~deb12u1 || not_asked "apt does not have it"
for deb in "$t"/debs/*.deb; do dpkg -x "$deb" "$t"; done
export LD_LIBRARY_PATH=$t/usr/lib/x86_64-linux-gnu:$t/lib/x86_64-linux-gnu

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

# ask TYPE: what a Thunderbird says whose second server has this type
ask() {
    rm -rf "$t/profile" && mkdir "$t/profile"
    cat > "$t/profile/prefs.js" <<PREFS
user_pref("mail.accountmanager.accounts", "account1");
user_pref("mail.account.account1.server", "server1");
user_pref("mail.account.account1.identities", "id1");
user_pref("mail.server.server1.type", "none");
user_pref("mail.server.server1.hostname", "Local Folders");
user_pref("mail.server.server1.userName", "nobody");
user_pref("mail.identity.id1.useremail", "jan@hosting.example");
user_pref("mail.identity.id1.smtpServer", "smtp1");
user_pref("mail.smtpservers", "smtp1,smtp2");
user_pref("mail.smtpserver.smtp1.hostname", "mail.hosting.example");
user_pref("mail.smtpserver.smtp1.type", "smtp");
user_pref("mail.smtpserver.smtp2.hostname", "other.hosting.example");
user_pref("mail.smtpserver.smtp2.type", "$1");
user_pref("mail.ui-rdf.version", 60);
PREFS
    # shellcheck disable=SC2016 # the dollars are JavaScript's
    python3 "$t/ask.py" "$t/usr/lib/thunderbird/thunderbird" "$t/profile" '
        const tried = look => { try { return look() ?? "none"; } catch { return "error"; } };
        const all = () => MailServices.outgoingServer.servers.map(server => server.key).join("+");
        const identity = MailServices.accounts.getIdentity("id1");
        return [
            `list: ${tried(all)}`, `again: ${tried(all)}`, `default: ${tried(() => MailServices.outgoingServer.defaultServer.key)}`,
            `of the identity (${identity.smtpServerKey}): ${tried(() => MailServices.outgoingServer.getServerByIdentity(identity).key)}`,
        ].join(", ");' || not_asked "no answer"
}
same() { # same WHAT SEEN BEFORE
    echo "$1: $2"
    [ "$2" = "$3" ] || { echo "CHANGED, it was: $3" >&2; exit 1; }
}
seen=$(ask smtp)
same smtp "$seen" "list: smtp1+smtp2, again: smtp1+smtp2, default: smtp1, of the identity (smtp1): smtp1"
seen=$(ask jmap)
same jmap "$seen" "list: error, again: error, default: error, of the identity (smtp1): error"
kept=$(grep -c '"mail.smtpserver.smtp2.type", "jmap"' "$t/profile/prefs.js" || true)
same "the type in prefs.js after the start" "$kept" 1
