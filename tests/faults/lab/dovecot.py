"""Dovecot's submission service: the ports 26 and 587 of a host whose Postfix is behind it."""

from lab import unpacked


def submission(row, certificates, address, name, user, password, certificate="host"):
    """STARTTLS is required, a login too; it sends on to port 2526 of this machine."""
    unpacked.installed("/usr/sbin/dovecot")
    root = row / "dovecot"
    for part in ("run", "state", "mail"):
        (root / part).mkdir(parents=True)
    (root / "mail").chmod(0o777)
    (root / "users").write_text(f"{user}:{{PLAIN}}{password}::::::\n")
    (root / "conf").write_text(f"""protocols = submission
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
listen = {address}
hostname = {name}
ssl = required
ssl_cert = <{certificates}/{certificate}.pem
ssl_key = <{certificates}/{certificate}.key
disable_plaintext_auth = yes
auth_mechanisms = plain login
mail_location = maildir:{root}/mail
passdb {{
  driver = passwd-file
  args = {root}/users
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/tmp
}}
service submission-login {{
  inet_listener submission {{
    port = 587
  }}
  inet_listener port26 {{
    port = 26
  }}
}}
submission_relay_host = 127.0.0.1
submission_relay_port = 2526
""")
    told = unpacked.start(row, "dovecot", "/usr/sbin/dovecot", "-F", "-c", root / "conf")
    for port in (26, 587):
        unpacked.wait_for(address, port, told)
    return root / "log"
