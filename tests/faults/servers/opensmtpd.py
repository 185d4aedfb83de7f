"""OpenSMTPD with the rules of its manual: its own domain from everybody, the rest after a login."""

from pathlib import Path

import packages
from lab.programs import start, wait_for


def host(row, address, name):
    """Port 25, without TLS: the handshakes of Debian 12's 6.8.0p2 end in an internal error."""
    environment = packages.lay_over(row, "opensmtpd")
    packages.users("opensmtpd", "opensmtpq")
    packages.empty("/run", "/var")
    Path("/var/run").symlink_to("/run")
    for folder in ("/var/empty", "/var/lib/opensmtpd/empty", "/var/spool/smtpd", "/var/tmp"):
        Path(folder).mkdir(parents=True)
    Path("/var/spool/smtpd").chmod(0o711)
    config = row / "smtpd.conf"
    config.write_text(f"""listen on {address} port 25 hostname {name}
action "local" maildir
action "relay" relay
match from any for domain "hosting.test" action "local"
match auth from any for any action "relay"
""")
    told = start(row, "opensmtpd", "/usr/sbin/smtpd", "-d", "-f", config, env=environment)
    wait_for(address, 25, told)
