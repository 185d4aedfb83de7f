"""Sendmail from Debian's templates, with Cyrus SASL for the login."""

from pathlib import Path

import packages
from lab.programs import sh, start, wait_for


def host(row, certificates, address, name, user, password, pause_s=0):
    """Ports 25 and 26; greets after so many seconds on both (FEATURE greet_pause)."""
    environment = packages.lay_over(row, "sendmail")
    packages.empty("/run")
    root = Path("/run/sendmail")
    (root / "queue").mkdir(parents=True)
    (root / "queue").chmod(0o700)
    (root / "names").write_text("hosting.test\n")
    for file in ("host.pem", "host.key", "ca.pem"):  # it takes none from folders that others may write to
        (root / file).write_text((certificates / file).read_text())
    (root / "host.key").chmod(0o600)
    sasl = Path("/etc/sasl2")
    sasl.mkdir(exist_ok=True)
    (sasl / "Sendmail.conf").write_text("pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n")
    person, realm = user.split("@")
    sh("/usr/sbin/saslpasswd2", "-p", "-c", "-u", realm, person, input=password, env=environment)
    Path("/etc/sasldb2").chmod(0o600)
    pause = f"FEATURE(`greet_pause', `{pause_s * 1000}')\n" if pause_s else ""
    (root / "host.mc").write_text(f"""include(`/usr/share/sendmail/cf/m4/cf.m4')
OSTYPE(`debian')
define(`confDOMAIN_NAME', `{name}')
define(`confCW_FILE', `{root}/names')
define(`QUEUE_DIR', `{root}/queue')
define(`confPID_FILE', `{root}/pid')
define(`STATUS_FILE', `{root}/statistics')
define(`confHOST_STATUS_DIRECTORY', `')
define(`confCONTROL_SOCKET_NAME', `')
define(`HELP_FILE', `')
define(`confRUN_AS_USER', `root')
define(`confTO_IDENT', `0')
define(`confCACERT', `{root}/ca.pem')
define(`confCACERT_PATH', `{root}')
define(`confSERVER_CERT', `{root}/host.pem')
define(`confSERVER_KEY', `{root}/host.key')
define(`confAUTH_MECHANISMS', `PLAIN LOGIN')
TRUST_AUTH_MECH(`PLAIN LOGIN')
define(`confAUTH_OPTIONS', `A p')
FEATURE(`use_cw_file')
FEATURE(`no_default_msa')
{pause}DAEMON_OPTIONS(`Family=inet, Name=MTA, Port=25, Addr={address}')
DAEMON_OPTIONS(`Family=inet, Name=P26, Port=26, Addr={address}, M=Ea')
MAILER(`smtp')
""")
    config = sh("/usr/bin/m4", "-D_CF_DIR_=/usr/share/sendmail/cf/", root / "host.mc", env=environment)
    (root / "host.cf").write_text(config)
    told = start(row, "sendmail", "/usr/libexec/sendmail/sendmail", "-C", root / "host.cf", "-bD", env=environment)
    for port in (25, 26):
        wait_for(address, port, told)
