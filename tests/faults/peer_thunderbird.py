"""peer_thunderbird.py FOLDER HOST DOMAIN SECONDS CERTIFICATE..: what the real Thunderbird guesses for the outgoing server of
this host: the search behind its page "New account", without a window. As JSON: its answer, or how it failed, and how long
the search took (not Thunderbird's start)."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from lab.marionette import Marionette, MarionetteError
from lab.quiet import USER_JS

# The incoming side is given, so that only the outgoing one is searched for.
GUESS = """
    const [host, domain, seconds] = args;
    const { AccountConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/AccountConfig.sys.mjs");
    const { GuessConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/GuessConfig.sys.mjs");
    Services.io.manageOfflineStatus = false;
    Services.io.offline = false;
    const config = new AccountConfig();
    Object.assign(config.incoming, { hostname: host, type: "imap", port: 143, socketType: 0, auth: 3, username: "%EMAILADDRESS%" });
    Object.assign(config.outgoing, { hostname: host, type: "smtp" });
    const clock = Services.wm.getMostRecentWindow(null), started = Date.now(), abort = new AbortController();
    const told = {};
    try {
        const found = await Promise.race([
            GuessConfig.guessConfig(domain, () => {}, config, "outgoing", abort.signal),
            new Promise((_, late) => clock.setTimeout(() => late(new Error("not done after " + seconds + " s")), seconds * 1000)),
        ]);
        const { hostname, port, socketType, auth } = found.outgoing;
        told.found = { hostname, port, tls: socketType, auth };
    } catch (error) {
        told.failed = String(error?.message ?? error);
    }
    abort.abort();
    told.seconds = (Date.now() - started) / 1000;
    return told;
"""


def main():
    folder, host, domain, seconds = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    profile = folder / "profile"
    profile.mkdir(parents=True)
    (profile / "user.js").write_text(USER_JS)
    subprocess.run(["certutil", "-N", "--empty-password", "-d", f"sql:{profile}"], check=True)
    for number, certificate in enumerate(sys.argv[5:]):
        subprocess.run(["certutil", "-A", "-d", f"sql:{profile}", "-n", f"Invented {number}", "-t", "C,,", "-i", certificate], check=True)
    env = dict(os.environ, HOME=str(folder), MOZ_CRASHREPORTER_DISABLE="1", MOZ_DISABLE_CONTENT_SANDBOX="1", MOZ_REMOTE_ALLOW_SYSTEM_ACCESS="1")
    command = ["thunderbird", "--headless", "--no-remote", "--profile", str(profile), "--marionette", "--remote-allow-system-access"]
    with open(folder / "thunderbird.log", "wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        remote = Marionette(lambda: process.poll() is None, 120)
        print(json.dumps(remote.script(GUESS, host, domain, seconds)))
    except MarionetteError as error:
        sys.exit(f"Thunderbird: {error}")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


main()
