"""Where the programs and the hosts meet: addresses, names, the authority that this mount namespace trusts."""

import os
from pathlib import Path

from lab import etc
from lab.certificates import authority, certificate
from lab.invented import DOMAIN
from lab.names import Names
from lab.programs import sh

DIR = Path(os.environ["REAL_DIR"])
TLS = DIR / "tls"
CLIENT_4, NAMES_4 = "192.0.2.2", "192.0.2.53"
KEYS = (
    "postfix", "tls12", "tls13", "tls10", "plain", "login", "cram-hashed", "saslauthd", "cram", "cram-only", "exim", "exim-tls12",
    "exim-tls13", "exim-tls10", "exim-login", "submission", "submission-tls12", "submission-tls13", "submission-tls10", "no-auth",
    "no-auth-open", "tls10-hidden",
)


def name_of(key):
    return f"{key}.{DOMAIN}"


def address_of(key):
    return f"198.51.100.{10 + KEYS.index(key)}"


def network():
    """An interface that is no loopback, since programs that see none believe that they are offline."""
    # a Postfix whose master says more than ten lines before its postlogd runs waits for itself for ever
    Path("/proc/sys/net/unix/max_dgram_qlen").write_text("500")
    sh("ip", "link", "set", "lo", "up")
    sh("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "cable")
    sh("ip", "addr", "add", f"{CLIENT_4}/24", "dev", "eth0")
    sh("ip", "addr", "add", f"{NAMES_4}/32", "dev", "lo")
    for key in KEYS:
        sh("ip", "addr", "add", f"{address_of(key)}/32", "dev", "lo")
    for end in ("eth0", "cable"):
        sh("ip", "link", "set", end, "up")
    sh("ip", "route", "add", "default", "via", "192.0.2.1")
    names = Names(NAMES_4)
    for key in KEYS:
        names.records[name_of(key)] = {"a": [address_of(key)]}
    folder = DIR / "etc"
    folder.mkdir()
    etc.names_of(folder, NAMES_4)


def trust():
    """The hosts' certificate, and its authority in the place of all that this machine trusts."""
    TLS.mkdir()
    authority(TLS, "ca", "/O=Invented/CN=Invented Test CA")
    certificate(TLS, "host", "ca", [name_of(key) for key in KEYS])
    sh("mount", "--bind", TLS / "ca.pem", "/etc/ssl/certs/ca-certificates.crt")
