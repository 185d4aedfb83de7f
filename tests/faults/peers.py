"""What others make of the same rows. swaks and a plain smtplib script try the account's present settings; they give
messages, not verdicts, and each message counts as the likeliest verdict that it can stand for, in their favour.
Thunderbird and Delta Chat look for settings that work; what counts of them is the port that they end at."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from imap import Imap
from lab.invented import HOST, USER
from world import HOST_4

SCRIPT = Path(__file__).resolve().parent / "peer_smtplib.py"

# what is said -> what it is taken for; the first that fits
MEANINGS = (
    (r"certificate has expired", "cert_expired"),
    (r"not yet valid", "clock_wrong"),
    (r"hostname mismatch|doesn't match|does not match", "cert_name"),
    (r"self.signed|unable to get local issuer|certificate verify failed|verification failed|unverified", "cert_untrusted"),
    (r"wrong version number|wrong_version_number|http request|unknown protocol|packet length too long", "wrong_tls_mode"),
    (r"name or service not known|no address associated|unknown host|nxdomain|not known", "bad_hostname"),
    (r"temporary failure in name resolution|try again", "dns_fault"),
    (r"permission denied|operation not permitted", "local_firewall"),
    (r"network is unreachable", "offline"),
    (r"no route to host", "port_blocked_network"),
    (r"connection refused", "server_port_closed"),
    (r"starttls extension not supported|did not advertise STARTTLS|starttls not|host did not advertise", "no_tls"),
    (r"\b(534|504)\b", "auth_method"),
    (r"\b535\b", "bad_credentials"),
    (r"auth extension not supported|no suitable authentication|auth not supported|host did not advertise auth|no authentication type", "auth_unavailable"),
    (r"\b553\b", "from_not_allowed"),
    (r"greeting.*\b(421|554)\b|connection unexpectedly closed|remote host closed connection unexpectedly|closed before", "server_refused_client"),
    (r"\b(450|451|454)\b", "temporary_failure"),
    (r"\b(530|550|554)\b", "auth_required"),
    (r"timed out.*greeting|timeout.*greeting|timed out after connect", "slow_server"),
    (r"timed out|timeout", "port_blocked_network"),
    (r"ssl|tls|handshake|eof", "tls_handshake"),
)


def meaning(text):
    """The verdict that a message can stand for."""
    low = text.lower()
    return next((verdict for pattern, verdict in MEANINGS if re.search(pattern, low, re.S | re.I)), "none")


def run(world, command):
    roots = world.folder / "roots.pem"
    roots.write_text("".join((world.certificates / f"{name}.pem").read_text() for name in ("ca", "shield")))
    command = [*world.at_client, *command]
    environment = dict(os.environ, SSL_CERT_FILE=str(roots))
    world.home()
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=200, check=False, env=environment
    )


def swaks(world):
    """swaks with its own deadline (30 s), TLS verified."""
    account = world.account
    command = ["swaks", "--server", HOST, "--port", account["port"], "--from", USER, "--to", "postmaster@example.com", "--quit-after", "RCPT"]
    roots = world.folder / "roots.pem"
    if account["tls"] == 2:
        command += ["--tls", "--tls-verify", "--tls-ca-path", roots]
    elif account["tls"] == 3:
        command += ["--tlsc", "--tls-verify", "--tls-ca-path", roots]
    if account["auth"] == 3:
        command += ["--auth", "--auth-user", USER, "--auth-password", world.password]
    done = run(world, command)
    said = "\n".join(line for line in done.stdout.splitlines() + done.stderr.splitlines() if line.startswith(("***", "<**", "<~*")))
    verdict = "ok" if done.returncode == 0 else meaning(said or done.stdout + done.stderr)
    return {"verdict": verdict, "said": said[:300], "in_clear": world.passwords_in_clear(), "wrong": []}


def smtplib(world):
    """A script as people write it: smtplib, 10 s."""
    done = run(world, ["python3", "-B", SCRIPT, HOST, json.dumps(world.account), USER, world.password])
    said = done.stdout.strip() or done.stderr.strip()
    verdict = "ok" if said == "ok" else meaning(said)
    return {"verdict": verdict, "said": said[:300], "in_clear": world.passwords_in_clear(), "wrong": []}


# Where Thunderbird and Delta Chat are cut off; neither has a limit of its own for the whole search.
CUT_OFF = 90


def thunderbird(world):
    """The search of Thunderbird's page "New account", with the host's name given. It names a port, and no cause."""
    home = world.folder / "thunderbird"
    home.mkdir()
    roots = [world.certificates / f"{name}.pem" for name in ("ca", "shield")]
    script = SCRIPT.with_name("peer_thunderbird.py")
    done = run(world, ["python3", "-B", script, home, HOST, USER.split("@")[1], CUT_OFF, *roots])
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    led_to = told.get("found", {}).get("port")
    return {"led_to": led_to, "said": json.dumps(told)[:300], "seconds": round(told["seconds"], 2), "in_clear": world.passwords_in_clear(), "wrong": []}


def deltachat(world):
    """Delta Chat's own search, with the host's name given. It names a port, or tells what it was told by the last one."""
    home = world.folder / "deltachat"
    home.mkdir()
    Imap(world.certificates, HOST_4)
    started = time.monotonic()
    done = run(world, ["python3", "-B", SCRIPT.with_name("peer_deltachat.py"), home, HOST, USER, world.password, CUT_OFF])
    seconds = round(time.monotonic() - started, 2)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    return {"led_to": told["port"], "said": json.dumps(told)[:300], "seconds": seconds, "in_clear": world.passwords_in_clear(), "wrong": []}


class Peer:
    """Somebody else who is asked, and the programs that takes."""

    def __init__(self, ask, *programs):
        self.ask, self.programs = ask, programs

    def missing(self):
        """What of it is not here."""
        return next((program for program in self.programs if not shutil.which(program)), None)


PEERS = {
    "swaks": Peer(swaks, "swaks"),
    "smtplib": Peer(smtplib, "python3"),
    "thunderbird": Peer(thunderbird, "thunderbird", "certutil"),
    "deltachat": Peer(deltachat, "deltachat-rpc-server"),
}
