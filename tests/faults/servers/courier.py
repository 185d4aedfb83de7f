"""Courier with Debian's settings: it answers what it refuses late (TARPIT)."""

from pathlib import Path

import packages
from lab.programs import sh, start, wait_for


def host(row, certificates, address, name, user, password):
    """Port 25, and port 26 with TLS and a login."""
    environment = packages.lay_over(row, "courier")
    packages.users("courier")
    packages.empty("/run", "/var")
    Path("/var/run").symlink_to("/run")
    for folder in ("allfilters", "filters", "msgq", "msgs", "tmp", "track"):
        Path("/var/lib/courier", folder).mkdir(parents=True)
    Path("/run/courier/authdaemon").mkdir(parents=True)
    etc = Path("/etc/courier")
    for file, text in (("me", name), ("locals", "hosting.test"), ("esmtpacceptmailfor", "hosting.test")):
        (etc / file).write_text(f"{text}\n")
    pem = etc / "esmtpd.pem"
    pem.write_text((certificates / "host.key").read_text() + (certificates / "host.pem").read_text())
    pem.chmod(0o644)
    secret = sh("openssl", "passwd", "-1", "-stdin", input=password).strip()
    (etc / "userdb").write_text(f"{user}\tuid=5101|gid=5101|home=/tmp|mail=/tmp|esmtppw={secret}\n")
    (etc / "userdb").chmod(0o600)
    with (etc / "authdaemonrc").open("a") as settings:
        settings.write('authmodulelist="authuserdb"\n')
    with (etc / "esmtpd").open("a") as settings:
        settings.write('BOFHCHECKDNS=0\nESMTPAUTH=""\nESMTPAUTH_TLS="PLAIN LOGIN"\n')
    sh("chown", "-R", "courier:courier", "/var/lib/courier", "/run/courier", etc)
    sh("/usr/sbin/makeuserdb", env=environment)
    daemon = "set -a; . /etc/courier/authdaemonrc; exec /usr/lib/courier/courier-authlib/authdaemond"
    start(row, "authdaemond", "sh", "-c", daemon, env=environment)
    told = None
    for port, more in ((25, ""), (26, "ESMTP_TLS_REQUIRED=1; AUTH_REQUIRED=1;")):
        # what Debian's own script does, except that it stays in the foreground
        serve = f"set -a; . /etc/courier/esmtpd; {more} exec /usr/sbin/couriertcpd -address={address}"
        serve += f" -user=courier -group=courier -noidentlookup -maxprocs=40 -maxperip=5 -maxperc=5 {port} /usr/sbin/courieresmtpd"
        told = start(row, "courier", "sh", "-c", serve, env=environment)
        wait_for(address, port, told)
