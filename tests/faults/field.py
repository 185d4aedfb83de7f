"""How the rows are built that the rules were not written beside: real servers, set up as their manuals and packages have it,
and what public reports tell of others, scripted. What must come of them is in `table.toml`."""

from lab.invented import HOST
from row import after_a_good_run, login, row
from servers import exim
from world import FILTER, FILTER_4, HOST_4, OTHER_4, PROXY_4

# 25: relaying is refused at RCPT. The account has no login, on port 25.


@row("25-postfix")
def _(world):
    world.postfix()
    world.other()


@row("25-exim")
def _(world):
    world.exim(at_mail="  accept")
    world.other()


@row("25-sendmail")
def _(world):
    world.sendmail()
    world.other()


@row("25-opensmtpd")
def _(world):
    world.opensmtpd()
    world.mail_host((26, 587))
    world.other(certificate="host")


@row("25-courier")
def _(world):
    world.courier()
    world.other()


@row("25-node")
def _(world):
    world.node()
    world.other()


@row("25-haraka")
def _(world):
    world.haraka()
    world.other()


@row("25-submission")
def _(world):
    world.postfix()
    world.other()
    world.account = {"port": 587, "tls": 2, "auth": 1}


@row("25-dovecot")
def _(world):
    world.dovecot()
    world.other()
    world.account = {"port": 587, "tls": 2, "auth": 1}


@row("1-haraka")
def _(world):
    world.haraka()
    world.other()
    world.block(25)


@row("34-haraka")
def _(world):
    world.haraka()
    world.other()
    login(world)


# 20b: refused on port 25 only. The account logs in on 25.

LISTED = "554 5.7.1 Service unavailable; Client host [192.0.2.2] blocked using pbl.spamhaus.org"


@row("20b-postfix")
def _(world):
    refused = f"smtpd_client_restrictions = check_client_access static:{{{LISTED}}}"
    world.postfix(options={25: ["smtpd_delay_reject = no", refused]})
    world.other()
    login(world, port=25)


@row("20b-postscreen")
def _(world):
    options = ["postscreen_access_list = static:reject", "postscreen_blacklist_action = drop"]
    world.postfix(options={25: options}, postscreen=True)
    world.other()
    login(world, port=25)


@row("20b-exim")
def _(world):
    acl = "acl_smtp_connect = ${if eq{$received_port}{25}{deny message = 550 5.7.1 dynamic addresses are not served here}{accept}}\n"
    world.exim(main=exim.QUICK + acl)
    world.other()
    login(world, port=25)


@row("19-postscreen")
def _(world):
    options = ["postscreen_greet_banner = Welcome, please wait", "postscreen_greet_action = enforce", "postscreen_greet_wait = 6s"]
    world.postfix(options={25: options}, postscreen=True)
    world.other()
    login(world, port=25)


# 19: slow everywhere, and the network drops 25.


@row("19-postfix")
def _(world):
    world.resolv("options timeout:3 attempts:2")
    world.names.never_answered = (12,)
    world.postfix(main="smtpd_peername_lookup = yes")
    world.other()
    world.block(25)


@row("19-exim")
def _(world):
    world.exim(main="host_lookup =\nrfc1413_hosts = *\nrfc1413_query_timeout = 6s\n")
    world.inside_rule("tcp dport 113 drop")
    world.other()
    world.block(25)


@row("19-sendmail")
def _(world):
    world.sendmail(pause_s=6)
    world.other()
    world.block(25)


# 35: the network drops 25; the target works and its certificate does not.


@row("35-expired")
def _(world):
    world.dovecot(certificate="expired")
    world.other()
    world.block(25)


@row("35-issuer")
def _(world):
    world.postfix(certificate="old_issuer")
    world.other()
    world.block(25)


@row("35-name")
def _(world):
    world.postfix(certificate="other_name")
    world.other()
    world.block(25)


@row("35-rename")
def _(world):
    world.names.records["server7.hosting.test"] = {"a": [HOST_4]}
    world.dovecot(certificate="renamed")
    world.other()
    world.block(25)


@row("35-agreed")
def _(world):
    world.names.records["server7.hosting.test"] = {"a": [HOST_4]}
    world.dovecot(certificate="renamed")
    world.other()
    world.block(25)
    world.policy["allow_host_rename"] = True


@row("35-chain")
def _(world):
    world.dovecot(certificate="unchained")
    world.other()
    world.block(25)


@row("35-rsa1024")
def _(world):
    world.weak_tls()
    world.postfix(certificate="rsa1024")
    world.other()
    world.block(25)


@row("35-sha1")
def _(world):
    world.weak_tls()
    world.postfix(certificate="sha1")
    world.other()
    world.block(25)


@row("35-cn")
def _(world):
    world.dovecot(certificate="cn_only")
    world.other()
    world.block(25)


@row("35-tls10")
def _(world):
    world.weak_tls()
    only = "TLSv1"
    world.postfix(main=f"smtpd_tls_protocols = {only}\nsmtpd_tls_mandatory_protocols = {only}\n")
    world.other()
    world.block(25)


# 37: TLS from the first byte on 26.


@row("37-postfix")
def _(world):
    world.postfix(ports=(25, 26), options={26: ["smtpd_tls_wrappermode = yes"]})
    world.other()
    world.block(25)


# 11b, 12: another machine of the host on 25, or a host without STARTTLS there; unrelated hosts answer as themselves.


@row("11b-nginx")
def _(world):
    world.postfix(ports=(26, 587))
    world.nginx("none", refusal="554 5.7.1 Relay access denied")
    world.other()
    login(world, port=25)


@row("11b-nginx-relay")
def _(world):
    world.postfix(ports=(26, 587))
    world.nginx("none", refusal="554 5.7.1 Relay access denied")
    world.other()


@row("11b-haproxy")
def _(world):
    world.postfix(ports=(26, 587))
    world.smtp(25, (FILTER_4,), name=FILTER, certificate=None, tls_auth=None)
    world.haproxy(FILTER_4)
    world.other(certificate="host")
    login(world, port=25)


@row("11b-haproxy-ok")
def _(world):
    world.postfix(ports=(26, 587))
    exim.proxy(world.folder, FILTER_4)
    world.haproxy(FILTER_4)
    world.other(certificate="host")


@row("12-postfix")
def _(world):
    world.postfix(options={25: ["smtpd_tls_security_level = none"]})
    world.other(certificate="host")
    login(world, port=25)


@row("12-pix")
def _(world):
    world.mail_host((26, 465, 587))
    pix = {"greeting": "220 " + "*" * 50, "ehlo": "500 5.3.3 Unrecognized command", "certificate": None, "tls_auth": None}
    world.smtp(2500, (PROXY_4,), **pix)
    world.redirect("tcp dport 25", f"{PROXY_4}:2500")
    login(world, port=25)


@row("39")
def _(world):
    world.mail_host((26, 465, 587))
    world.smtp(25, mute=True)
    world.smtp(25, (OTHER_4,), name="mx.friend.test", mute=True, certificate=None)
    login(world, port=25)


@row("5-login")
def _(world):
    world.other()
    world.rule(f"ip daddr {HOST_4} drop")
    login(world)


# 20, 20c, 23, 26, 27: refused, banned, a login that fails or cannot be tried.


@row("20-busy")
def _(world):
    busy = "smtpd_client_restrictions = check_client_access static:{421 4.7.0 Too many connections from your address}"
    world.postfix(options={port: ["smtpd_delay_reject = no", busy] for port in (25, 26, 465, 587)})
    world.other()
    login(world)


@row("20c-ban")
def _(world):
    world.mail_host((25, 26, 465))
    world.smtp(587, delay=12)
    world.other()
    # who has knocked at 587 once is let in nowhere any more
    world.sets.append("knocked { type ipv4_addr; flags dynamic,timeout; }")
    world.rule(f"ip daddr {HOST_4} tcp flags syn / syn,ack ip daddr @knocked drop")
    world.rule(f"ip daddr {HOST_4} tcp dport 587 tcp flags syn / syn,ack add @knocked {{ ip daddr timeout 1h }}")
    login(world)


@row("20c-again")
def _(world):
    world.mail_host()
    world.other()
    login(world)
    after_a_good_run(world, f"ip daddr {HOST_4} drop")


@row("20c-reject")
def _(world):
    world.mail_host()
    world.other()
    login(world)
    # fail2ban's way
    after_a_good_run(world, f"ip daddr {HOST_4} reject")


@row("20c-postfix")
def _(world):
    world.postfix()
    world.other()
    login(world)
    after_a_good_run(world, f"ip daddr {HOST_4} drop")


@row("23-postfix")
def _(world):
    world.postfix()
    world.other()
    login(world)
    world.password = "Falsch-2014 x"


@row("23-exim")
def _(world):
    world.exim(at_mail="  accept")
    world.other()
    login(world)
    world.password = "Falsch-2014 x"


@row("23-dovecot")
def _(world):
    world.dovecot()
    world.other()
    login(world)
    world.password = "Falsch-2014 x"


@row("26-postfix")
def _(world):
    reject = "smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch"
    maps = "smtpd_sender_login_maps = inline:{ {jan@hosting.test=somebody@hosting.test} }"
    world.postfix(options={25: ["smtpd_delay_reject = no", reject, maps]})
    world.other()
    login(world, port=25)


MISMATCH = "smtpd_sender_restrictions = reject_sender_login_mismatch"
OWNERS = "smtpd_sender_login_maps = inline:{ {jan@hosting.test=somebody@hosting.test} }"


@row("26-delayed")
def _(world):
    world.postfix(options={587: [MISMATCH, OWNERS]})
    world.other()
    login(world)


@row("26-target")
def _(world):
    world.postfix(options={26: [MISMATCH, OWNERS]})
    world.other()
    world.block(25)


@row("26-iredapd")
def _(world):
    words = "Recipient address rejected: Sender is not same as SMTP authenticate username"
    world.mail_host(rcpt=f"554 5.7.1 <jan@hosting.test>: {words}")
    world.other()
    login(world)


@row("34-owned")
def _(world):
    owned = "smtpd_sender_login_maps = inline:{ {jan@hosting.test=jan@hosting.test} }"
    world.postfix(options={587: [MISMATCH, owned]})
    world.other()
    login(world)


@row("34-greylist")
def _(world):
    later = "smtpd_recipient_restrictions = check_recipient_access static:{450 4.2.0 Greylisted, see postgrey}"
    world.postfix(options={587: [later]})
    world.other()
    login(world)


@row("34-dovecot")
def _(world):
    world.dovecot()
    world.other()
    login(world)


@row("34-full")
def _(world):
    world.mail_host(rcpt="552 5.2.2 <jan@hosting.test>: Mailbox full")
    world.other()
    login(world)


@row("34-unknown")
def _(world):
    world.mail_host(rcpt="550 5.1.1 <jan@hosting.test>: Recipient address rejected: User unknown in virtual mailbox table")
    world.other()
    login(world)


@row("27-postfix")
def _(world):
    world.postfix(login_service=False)
    world.other()
    login(world)


@row("27-exim")
def _(world):
    world.exim(check="${lookup{$auth2}lsearch{/nonexistent/passwords}{yes}}")
    world.other()
    login(world)


# Guests: what a run with 25 blocked leaves in the logs of real servers.


@row("1-postfix")
def _(world):
    world.postfix()
    world.other()
    world.block(25)
    login(world, port=25)


@row("1-exim")
def _(world):
    world.exim(at_mail="  accept")
    world.other()
    world.block(25)


# 34: odd and harmless replies. The account logs in on 587 unless something else is said.


@row("34-latin1")
def _(world):
    world.mail_host(
        greeting=f"220 {HOST} Grüße vom Mailserver für Köln", auth="235 2.7.0 Anmeldung bestätigt", mail="250 2.1.0 Absender gültig",
    )
    world.other()
    login(world)


@row("34-bare-lf")
def _(world):
    world.mail_host(line_end="\n")
    world.other()
    login(world)


@row("34-empty")
def _(world):
    world.mail_host(greeting="220", auth="235", starttls="220", mail="250")
    world.other()
    login(world)


@row("34-lower")
def _(world):
    world.mail_host(starttls_word="starttls", auth_word="auth", tls_auth="plain login")
    world.other()
    login(world)


@row("34-prompt")
def _(world):
    world.mail_host(prompts=True, tls_auth="PLAIN")
    world.other()
    login(world)


@row("34-lines")
def _(world):
    world.mail_host(keywords=tuple(f"X-LINE-{number}" for number in range(200)))
    world.other()
    login(world)


@row("34-long")
def _(world):
    world.mail_host(keywords=tuple(f"X-LINE-{number}" for number in range(3000)))
    world.other()
    login(world)


@row("34-flood")
def _(world):
    world.mail_host(keywords=tuple(f"X-LINE-{number}" for number in range(30000)))
    world.other()
    login(world)


@row("34-helo")
def _(world):
    world.smtp(25, ehlo="502 5.5.2 Error: command not recognized", certificate=None, tls_auth=None)
    world.other()


# As Exchange Online's documentation has them; in life such an account is told by its host's name, and no login is tried.
def ended(world, answer):
    world.mail_host(auth=answer)
    world.other()
    login(world)


@row("24c")
def _(world):
    ended(world, "550 5.7.30 Basic authentication is not supported for Client Submission.")


@row("24d")
def _(world):
    ended(world, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.")


# As Google, Yandex and Exchange Online were reported to answer (tests/replies.toml).
@row("24e")
def _(world):
    ended(world, "534 5.7.9 Application-specific password required. Learn more")


@row("24f")
def _(world):
    ended(world, "535 5.7.8 Error: authentication failed: This user does not have access rights to this service")


@row("24g")
def _(world):
    ended(world, "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.")
