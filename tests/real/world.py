"""world.py STORY..: makes the network, the names, the CA and the mail host inside the namespaces that `run` has just made,
then runs the story there. Everything lies in $REAL_DIR and ends with the namespaces."""

import subprocess
import sys
from pathlib import Path

from lab import dovecot, etc, postfix, screens
from lab.certificates import authority, certificate
from lab.invented import DOMAIN, HOST, OTHER, PASSWORD, USER
from lab.names import Names
from lab.programs import sh, wait_for
from story import DIR, FRIEND

# the mail host: Postfix on 25, 26, 587, 465; Dovecot on 143 and 993
HOST_4 = "127.0.0.25"
# an unrelated host, so that a blocked port can be told from a closed one
OTHER_4, OTHER_DOMAIN = "127.0.0.35", OTHER.split(".", 1)[1]
NAMES_4 = "127.0.0.53"
MAILBOX_UID = 5000

# Stories at a host that announces a login that nobody there can use, and has neither TLS nor logins on port 25: CRAM-MD5 over
# passwords that are kept hashed, XOAUTH2 where nobody hands out tokens.
ANNOUNCED_AND_REFUSED = {"story_claws_hashed": "cram-md5", "story_sylpheed_token": "xoauth2"}
NEITHER_TLS_NOR_LOGIN = ("smtpd_sasl_auth_enable = no", "smtpd_tls_security_level = none")

HOSTS = f"""127.0.0.1 localhost client.home.test
{HOST_4} {HOST} {DOMAIN}
{OTHER_4} {OTHER} {OTHER_DOMAIN}
"""


def network():
    """Addresses and names."""
    sh("ip", "link", "set", "lo", "up")
    for address in (HOST_4, OTHER_4, NAMES_4):
        sh("ip", "addr", "replace", f"{address}/8", "dev", "lo")
    names = Names(NAMES_4)
    for host, domain, address in ((HOST, DOMAIN, HOST_4), (OTHER, OTHER_DOMAIN, OTHER_4)):
        names.records[host] = names.records[domain] = {"a": [address], "mx": [host]}
    folder = DIR / "etc"
    folder.mkdir()
    etc.names_of(folder, NAMES_4, hosts=HOSTS)


def certificates():
    """The CA that the clients are told of, and the host's certificate."""
    folder = DIR / "tls"
    folder.mkdir()
    authority(folder, "ca", "/O=Invented/CN=Invented Test CA")
    certificate(folder, "host", "ca", (HOST, DOMAIN))


def listening(address, port, *options):
    """One port; each stamps the mail that it takes with its number."""
    stamp = f"smtpd_data_restrictions = check_client_access static:{{prepend X-Lab-Port: {port}}}"
    lines = [f"{address}:{port} inet n - n - - smtpd", f"  -o syslog_name=postfix/{port}"]
    return "".join(f"{line}\n" for line in [*lines, *(f"  -o {{ {one} }}" for one in (stamp, *options))])


def hashed():
    """The password as such a host keeps it."""
    return sh("doveadm", "pw", "-s", "SSHA256", "-p", PASSWORD).strip()


def mail_host(refused):
    """Postfix, with the mailboxes of both hosts, and Dovecot, which knows the password, or with a login that it refuses a hash
    of it."""
    mail = DIR / "mail"
    mail.mkdir()
    sh("chown", f"{MAILBOX_UID}:{MAILBOX_UID}", mail)
    login_only = [
        "smtpd_relay_restrictions = permit_sasl_authenticated, reject",
        "smtpd_recipient_restrictions = permit_sasl_authenticated, reject",
    ]
    ports = [
        # 25 is also how mail from elsewhere comes in, so it takes mail for its own domains from anybody
        listening(HOST_4, 25, *(NEITHER_TLS_NOR_LOGIN if refused else ())),
        listening(HOST_4, 26, *login_only, "smtpd_tls_auth_only = yes"),
        listening(HOST_4, 587, *login_only, "smtpd_tls_auth_only = yes"),
        listening(HOST_4, 465, *login_only, "smtpd_tls_wrappermode = yes"),
        listening(OTHER_4, 25, f"myhostname = {OTHER}", "smtpd_sasl_auth_enable = no", "smtpd_tls_security_level = none"),
    ]
    postfix.start(DIR / "postfix", HOST, DIR / "tls/host", f"""inet_interfaces = {HOST_4}, {OTHER_4}
inet_protocols = ipv4
mydomain = {DOMAIN}
mydestination =
mynetworks = 127.0.0.250/32
smtpd_banner = $myhostname ESMTP Postfix (Hosting Provider)
append_dot_mydomain = no
biff = no
virtual_mailbox_domains = {DOMAIN}, {OTHER_DOMAIN}
virtual_mailbox_base = {mail}
virtual_mailbox_maps = inline:{{ {{{USER}=jan/}} {{{FRIEND}=friend/}} }}
virtual_uid_maps = static:{MAILBOX_UID}
virtual_gid_maps = static:{MAILBOX_UID}
virtual_minimum_uid = 100
smtpd_sasl_auth_enable = yes
smtpd_sasl_security_options = noanonymous
smtpd_sasl_authenticated_header = yes
smtpd_tls_received_header = yes
smtpd_tls_loglevel = 1
smtpd_relay_restrictions = permit_sasl_authenticated, permit_mynetworks, reject_unauth_destination
smtpd_hard_error_limit = 100
anvil_rate_time_unit = 1s
""", "".join(ports))
    told = dovecot.start(DIR, DIR / "tls/host", USER, PASSWORD, f"""protocols = imap
auth_mechanisms = plain login {refused}
listen = {HOST_4}
ssl = yes
disable_plaintext_auth = no
auth_verbose = yes
mail_location = maildir:{mail}/%n
first_valid_uid = 100
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
  mailbox Queue {{
    auto = subscribe
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
}}
userdb {{
  driver = static
  args = uid={MAILBOX_UID} gid={MAILBOX_UID} home={mail}/home
}}
service auth {{
  unix_listener {DIR}/postfix/queue/private/auth {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = 143
  }}
  inet_listener imaps {{
    port = 993
    ssl = yes
  }}
}}
""", hashed() if refused else None)
    for port in (25, 26, 587, 465):
        wait_for(HOST_4, port, DIR / "postfix/log")
    wait_for(OTHER_4, 25, DIR / "postfix/log")
    wait_for(HOST_4, 143, told)


def logs():
    """What the servers said last, for a story that failed."""
    for name in ("postfix.told", "dovecot.told", "dovecot/log", "postfix/log"):
        file = DIR / name
        if file.exists() and file.stat().st_size:
            print(f"--- last lines of {name}", *file.read_text(errors="replace").splitlines()[-25:], sep="\n", file=sys.stderr)


def main():
    network()
    screens.of_this_lab()
    certificates()
    mail_host(refused=ANNOUNCED_AND_REFUSED.get(Path(sys.argv[1]).stem, ""))
    code = subprocess.run([sys.executable, "-B", *sys.argv[1:]], check=False).returncode
    if code:
        logs()
    sys.exit(code)


if __name__ == "__main__":
    main()
