"""Dovecot's submission service: the ports 26 and 587 of a host whose Postfix is behind it."""

from lab import dovecot
from lab.programs import wait_for


def host(row, certificates, address, name, user, password, certificate="host", more=""):
    """STARTTLS is required, a login too; it sends on to port 2526 of this machine. `more` are settings of Dovecot."""
    mail = row / "dovecot/mail"
    mail.mkdir(parents=True)
    mail.chmod(0o777)
    told = dovecot.start(row, f"{certificates}/{certificate}", user, password, f"""protocols = submission
listen = {address}
hostname = {name}
ssl = required
disable_plaintext_auth = yes
mail_location = maildir:{mail}
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
{more}
""")
    for port in (26, 587):
        wait_for(address, port, told)
