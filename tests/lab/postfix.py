"""Postfix in a folder of its own, with the ports and the settings of whoever starts it."""

import subprocess

from lab.programs import installed

SERVICES = """cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def start(root, name, certificate, settings, ports):
    """Starts it below `root`. Logins are asked of `queue/private/auth` there, as Dovecot's service answers them; `ports` are
    lines of master.cf. The log is `root/log`."""
    installed("/usr/sbin/postfix")
    for part in ("conf", "queue", "data"):
        (root / part).mkdir(parents=True, exist_ok=True)  # there may be settings of Cyrus SASL in it
    subprocess.run(["chown", "postfix", root / "data"], check=True)
    (root / "conf/main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {root}/log
maillog_file_prefixes = {root}
myhostname = {name}
alias_maps =
alias_database =
local_recipient_maps =
smtputf8_enable = no
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}.pem
smtpd_tls_key_file = {certificate}.key
smtpd_client_connection_rate_limit = 0
{settings}
""")
    (root / "conf/master.cf").write_text(ports + SERVICES)
    with root.with_name("postfix.told").open("w") as out:  # a file, since the daemon keeps it open
        subprocess.run(["postfix", "-c", root / "conf", "start"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False)
    (root / "queue/private").mkdir(exist_ok=True)
