"""Rows that the rules were not written beside: real servers, set up as their manuals and packages have it (server), and
what public reports tell of others, scripted (report). A row's name begins with its number in the fault table."""

from lab import real
from lab.certificates import HOST
from lab.row import after_a_good_run, login, row
from lab.world import FILTER, FILTER_4, HOST_4, OTHER_4, PROXY_4

# Debian's filters as its jails use them.
POSTFIX = ("postfix", "postfix[mode=auth]")
EXIM = ("exim",)


# 25: relaying is refused at RCPT. The account has no login, on port 25.


@row("25-postfix", "relaying refused at RCPT (Postfix)", "auth_required", to=26, origin="server", filters=POSTFIX)
def _(world):
    world.postfix()
    world.other()


@row("25-exim", "relaying refused at RCPT (Exim)", "auth_required", to=26, origin="server", filters=EXIM)
def _(world):
    world.exim(at_mail="  accept")
    world.other()


@row("25-sendmail", "relaying refused at RCPT (Sendmail)", "auth_required", to=26, origin="server")
def _(world):
    world.sendmail()
    world.other()


@row("25-opensmtpd", "relaying refused at RCPT (OpenSMTPD)", "auth_required", to=26, origin="server")
def _(world):
    world.opensmtpd()
    world.mail_host((26, 587))
    world.other(certificate="host")


@row("25-courier", "relaying refused at RCPT, late (Courier)", "auth_required", to=26, origin="server")
def _(world):
    world.courier()
    world.other()


@row("25-node", "relaying refused at RCPT (nodemailer's smtp-server)", "auth_required", to=26, origin="server")
def _(world):
    world.node()
    world.other()


@row("25-haraka", "relaying refused at RCPT (Haraka)", "auth_required", to=26, origin="server")
def _(world):
    world.haraka()
    world.other()


@row("25-submission", "no login on 587 (Postfix): login on that port", "auth_required", to=587, origin="server")
def _(world):
    world.postfix()
    world.other()
    world.account = {"port": 587, "tls": 2, "auth": 1}


@row("25-dovecot", "no login on 587 (Dovecot): login on that port", "auth_required", to=587, origin="server")
def _(world):
    world.dovecot()
    world.other()
    world.account = {"port": 587, "tls": 2, "auth": 1}


@row("1-haraka", "network drops 25 (Haraka)", "port_blocked_network", to=26, origin="server", most_connections=3)
def _(world):
    world.haraka()
    world.other()
    world.block(25)


@row("34-haraka", "nothing wrong: logs in on 587 (Haraka)", "ok", origin="server")
def _(world):
    world.haraka()
    world.other()
    login(world)


# 20b: refused on port 25 only. The account logs in on 25.

LISTED = "554 5.7.1 Service unavailable; Client host [192.0.2.2] blocked using pbl.spamhaus.org"


@row("20b-postfix", "554 at the door of 25 only (Postfix)", "port_refused_by_host", to=26, origin="server", says="blocked using")
def _(world):
    refused = f"smtpd_client_restrictions = check_client_access static:{{{LISTED}}}"
    world.postfix(options={25: ["smtpd_delay_reject = no", refused]})
    world.other()
    login(world, port=25)


@row("20b-postscreen", "521 at the door of 25 only (postscreen)", "port_refused_by_host", to=26, origin="server")
def _(world):
    options = ["postscreen_access_list = static:reject", "postscreen_blacklist_action = drop"]
    world.postfix(options={25: options}, postscreen=True)
    world.other()
    login(world, port=25)


@row("20b-exim", "550 at the door of 25 only (Exim)", "port_refused_by_host", to=26, origin="server", says="dynamic")
def _(world):
    acl = "acl_smtp_connect = ${if eq{$received_port}{25}{deny message = 550 5.7.1 dynamic addresses are not served here}{accept}}\n"
    world.exim(main=real.QUICK + acl)
    world.other()
    login(world, port=25)


@row("19-postscreen", "220- at once, 220 after 6 s: alive (postscreen)", "ok", "slow_server", origin="server")
def _(world):
    options = ["postscreen_greet_banner = Welcome, please wait", "postscreen_greet_action = enforce", "postscreen_greet_wait = 6s"]
    world.postfix(options={25: options}, postscreen=True)
    world.other()
    login(world, port=25)


# 19: slow everywhere, and the network drops 25.


@row("19-postfix", "25 blocked, all others greet after 6 s: reverse DNS is dead (Postfix)", "port_blocked_network", to=26, origin="server")
def _(world):
    world.resolv("options timeout:3 attempts:2")
    world.names.never_answered = (12,)
    world.postfix(main="smtpd_peername_lookup = yes")
    world.other()
    world.block(25)


@row("19-exim", "25 blocked, all others greet after 6 s: ident is dropped (Exim)", "port_blocked_network", to=26, origin="server")
def _(world):
    world.exim(main="host_lookup =\nrfc1413_hosts = *\nrfc1413_query_timeout = 6s\n")
    world.inside_rule("tcp dport 113 drop")
    world.other()
    world.block(25)


@row("19-sendmail", "25 blocked, 26 greets after 6 s: greet_pause (Sendmail)", "port_blocked_network", to=26, origin="server")
def _(world):
    world.sendmail(pause_s=6)
    world.other()
    world.block(25)


# 35: the network drops 25; the target works and its certificate does not.


@row("35-expired", "25 blocked, certificate of 26 and 587 expired (Dovecot)", "port_blocked_network", origin="server",
     reasons=("cert_expired",), says="(?i)expired", most_connections=3)
def _(world):
    world.dovecot(certificate="expired")
    world.other()
    world.block(25)


@row("35-issuer", "25 blocked, the issuer's certificate expired (Postfix)", "port_blocked_network", origin="server",
     reasons=("cert_expired",), says="Issuing CA", most_connections=3, filters=POSTFIX)
def _(world):
    world.postfix(certificate="old_issuer")
    world.other()
    world.block(25)


@row("35-name", "25 blocked, certificate for names that lead elsewhere (Postfix)", "port_blocked_network", origin="server",
     reasons=("cert_name",), says="server7", most_connections=3, filters=POSTFIX)
def _(world):
    world.postfix(certificate="other_name")
    world.other()
    world.block(25)


@row("35-rename", "25 blocked, certificate for another name of the host, nobody agreed (Dovecot)", "port_blocked_network",
     origin="server", reasons=("cert_name",), says="server7")
def _(world):
    world.names.records["server7.hosting.test"] = {"a": [HOST_4]}
    world.dovecot(certificate="renamed")
    world.other()
    world.block(25)


@row("35-agreed", "the same, and the policy agrees (Dovecot)", "port_blocked_network", to=26, origin="server")
def _(world):
    world.names.records["server7.hosting.test"] = {"a": [HOST_4]}
    world.dovecot(certificate="renamed")
    world.other()
    world.block(25)
    world.policy["allow_host_rename"] = True


@row("35-chain", "25 blocked, the issuer's certificate is not sent (Dovecot)", "port_blocked_network", origin="server",
     reasons=("cert_untrusted",), says="(?i)chain|issuer|intermediate", most_connections=3)
def _(world):
    world.dovecot(certificate="unchained")
    world.other()
    world.block(25)


@row("35-rsa1024", "25 blocked, certificate with an RSA key of 1024 bits (Postfix)", "port_blocked_network", origin="server",
     reasons=("cert_untrusted", "tls_handshake"), says="(?i)weak|1024", most_connections=3)
def _(world):
    world.weak_tls()
    world.postfix(certificate="rsa1024")
    world.other()
    world.block(25)


@row("35-sha1", "25 blocked, certificate signed with SHA-1 (Postfix)", "port_blocked_network", origin="server",
     reasons=("cert_untrusted", "tls_handshake"), says="(?i)weak|sha-?1", most_connections=3)
def _(world):
    world.weak_tls()
    world.postfix(certificate="sha1")
    world.other()
    world.block(25)


@row("35-cn", "25 blocked, certificate with its name in CN only (Dovecot)", "port_blocked_network", origin="server",
     reasons=("cert_name",), says="(?i)no names?|CN|common name|subject", most_connections=3)
def _(world):
    world.dovecot(certificate="cn_only")
    world.other()
    world.block(25)


@row("35-tls10", "25 blocked, the host has only TLS 1.0 (Postfix)", "port_blocked_network", origin="server",
     reasons=("tls_handshake",), says="(?i)TLS 1|old", most_connections=3)
def _(world):
    world.weak_tls()
    only = "TLSv1"
    world.postfix(main=f"smtpd_tls_protocols = {only}\nsmtpd_tls_mandatory_protocols = {only}\n")
    world.other()
    world.block(25)


# 37: TLS from the first byte on 26.


@row("37-postfix", "25 blocked, TLS from the first byte on 26, no other port (Postfix)", "port_blocked_network", to=26, origin="server")
def _(world):
    world.postfix(ports=(25, 26), options={26: ["smtpd_tls_wrappermode = yes"]})
    world.other()
    world.block(25)


# 11b, 12: another machine of the host on 25, or a host without STARTTLS there; unrelated hosts answer as themselves.


@row("11b-nginx", "a mail proxy on 25 that offers no login (nginx); the account logs in", "auth_unavailable", to=26, origin="server")
def _(world):
    world.postfix(ports=(26, 587))
    world.nginx("none", refusal="554 5.7.1 Relay access denied")
    world.other()
    login(world, port=25)


@row("11b-nginx-relay", "a mail proxy on 25 that refuses to relay (nginx)", "auth_required", to=26, origin="server")
def _(world):
    world.postfix(ports=(26, 587))
    world.nginx("none", refusal="554 5.7.1 Relay access denied")
    world.other()


@row("11b-haproxy", "another machine on 25 by haproxy, without TLS and login; the account logs in", "auth_unavailable", to=26, origin="server")
def _(world):
    world.postfix(ports=(26, 587))
    world.smtp(25, (FILTER_4,), name=FILTER, certificate=None, tls_auth=None)
    world.haproxy(FILTER_4)
    world.other(certificate="host")
    login(world, port=25)


@row("11b-haproxy-ok", "another machine on 25 by haproxy that relays (Exim)", "ok", origin="server")
def _(world):
    world.postfix(ports=(26, 587))
    real.exim_proxy(world.folder, FILTER_4)
    world.haproxy(FILTER_4)
    world.other(certificate="host")


@row("12-postfix", "no STARTTLS on 25, other hosts have it (Postfix); the account logs in", "auth_unavailable", to=26, origin="server")
def _(world):
    world.postfix(options={25: ["smtpd_tls_security_level = none"]})
    world.other(certificate="host")
    login(world, port=25)


@row("12-pix", "a Cisco PIX before every 25: starred greeting, EHLO refused, HELO taken", "starttls_stripped", to=26, origin="report")
def _(world):
    world.mail_host((26, 465, 587))
    pix = {"greeting": "220 " + "*" * 50, "ehlo": "500 5.3.3 Unrecognized command", "certificate": None, "tls_auth": None}
    world.smtp(2500, (PROXY_4,), **pix)
    world.redirect("tcp dport 25", f"{PROXY_4}:2500")
    login(world, port=25)


@row("39", "25 greets and then never says a word, at every host", "intercepted", to=26, origin="report")
def _(world):
    world.mail_host((26, 465, 587))
    world.smtp(25, mute=True)
    world.smtp(25, (OTHER_4,), name="mx.friend.test", mute=True, certificate=None)
    login(world, port=25)


@row("5-login", "host down, the account logs in on 587", "server_unreachable", origin="report")
def _(world):
    world.other()
    world.rule(f"ip daddr {HOST_4} drop")
    login(world)


# 20, 20c, 23, 26, 27: refused, banned, a login that fails or cannot be tried.


@row("20-busy", "421 at the door of every port (Postfix: too many connections)", "temporary_failure", origin="server")
def _(world):
    busy = "smtpd_client_restrictions = check_client_access static:{421 4.7.0 Too many connections from your address}"
    world.postfix(options={port: ["smtpd_delay_reject = no", busy] for port in (25, 26, 465, 587)})
    world.other()
    login(world)


@row("20c-ban", "slow, and when it is asked again for its greeting nothing answers: banned", "server_unreachable", origin="report", says="(?i)ban")
def _(world):
    world.mail_host((25, 26, 465))
    world.smtp(587, delay=12)
    world.other()
    # who has knocked at 587 once is let in nowhere any more
    world.sets.append("knocked { type ipv4_addr; flags dynamic,timeout; }")
    world.rule(f"ip daddr {HOST_4} tcp flags syn / syn,ack ip daddr @knocked drop")
    world.rule(f"ip daddr {HOST_4} tcp dport 587 tcp flags syn / syn,ack add @knocked {{ ip daddr timeout 1h }}")
    login(world)


# How it is said that a host which answered minutes ago does not any more.
BANNED = "answered (here )?(less than )?a minute ago.*may have banned"


@row("20c-again", "banned by the host after a first run: silence", "server_unreachable", origin="report", says=BANNED)
def _(world):
    world.mail_host()
    world.other()
    login(world)
    after_a_good_run(world, f"ip daddr {HOST_4} drop")


@row("20c-reject", "banned by the host after a first run: every port refuses", "server_unreachable", origin="report", says=BANNED)
def _(world):
    world.mail_host()
    world.other()
    login(world)
    # fail2ban's way
    after_a_good_run(world, f"ip daddr {HOST_4} reject")


@row("20c-postfix", "banned by the host after a first run (Postfix)", "server_unreachable", origin="server", says=BANNED)
def _(world):
    world.postfix()
    world.other()
    login(world)
    after_a_good_run(world, f"ip daddr {HOST_4} drop")


@row("23-postfix", "wrong password (Postfix)", "bad_credentials", origin="server", most_connections=1, filters=POSTFIX)
def _(world):
    world.postfix()
    world.other()
    login(world)
    world.password = "Falsch-2014 x"


@row("23-exim", "wrong password (Exim)", "bad_credentials", origin="server", most_connections=1, filters=EXIM)
def _(world):
    world.exim(at_mail="  accept")
    world.other()
    login(world)
    world.password = "Falsch-2014 x"


@row("23-dovecot", "wrong password (Dovecot)", "bad_credentials", origin="server", most_connections=1)
def _(world):
    world.dovecot()
    world.other()
    login(world)
    world.password = "Falsch-2014 x"


@row("26-postfix", "sender not owned, on 25 with a login (Postfix)", "from_not_allowed", origin="server")
def _(world):
    reject = "smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch"
    maps = "smtpd_sender_login_maps = inline:{ {jan@hosting.test=somebody@hosting.test} }"
    world.postfix(options={25: ["smtpd_delay_reject = no", reject, maps]})
    world.other()
    login(world, port=25)


MISMATCH = "smtpd_sender_restrictions = reject_sender_login_mismatch"
OWNERS = "smtpd_sender_login_maps = inline:{ {jan@hosting.test=somebody@hosting.test} }"


@row("26-delayed", "sender not owned, said at RCPT (Postfix as it comes)", "from_not_allowed", origin="server", says="not owned", filters=POSTFIX)
def _(world):
    world.postfix(options={587: [MISMATCH, OWNERS]})
    world.other()
    login(world)


@row("26-target", "25 blocked, the sender is not owned on 26 (Postfix as it comes)", "port_blocked_network", origin="server",
     reasons=("from_not_allowed",), says="not owned", most_connections=3)
def _(world):
    world.postfix(options={26: [MISMATCH, OWNERS]})
    world.other()
    world.block(25)


@row("26-iredapd", "sender not owned, as iRedMail says it at RCPT", "from_not_allowed", origin="report", says="not same as")
def _(world):
    words = "Recipient address rejected: Sender is not same as SMTP authenticate username"
    world.mail_host(rcpt=f"554 5.7.1 <jan@hosting.test>: {words}")
    world.other()
    login(world)


@row("34-owned", "the sender is owned, and checked at RCPT (Postfix as it comes)", "ok", origin="server")
def _(world):
    owned = "smtpd_sender_login_maps = inline:{ {jan@hosting.test=jan@hosting.test} }"
    world.postfix(options={587: [MISMATCH, owned]})
    world.other()
    login(world)


@row("34-greylist", "mail to itself is greylisted (Postfix)", "ok", origin="server")
def _(world):
    later = "smtpd_recipient_restrictions = check_recipient_access static:{450 4.2.0 Greylisted, see postgrey}"
    world.postfix(options={587: [later]})
    world.other()
    login(world)


@row("34-dovecot", "nothing wrong: logs in on 587 (Dovecot)", "ok", origin="server")
def _(world):
    world.dovecot()
    world.other()
    login(world)


@row("34-full", "its own mailbox is full", "ok", origin="report")
def _(world):
    world.mail_host(rcpt="552 5.2.2 <jan@hosting.test>: Mailbox full")
    world.other()
    login(world)


@row("34-unknown", "its own address is nobody's mailbox", "ok", origin="report")
def _(world):
    world.mail_host(rcpt="550 5.1.1 <jan@hosting.test>: Recipient address rejected: User unknown in virtual mailbox table")
    world.other()
    login(world)


@row("27-postfix", "the host's own login service is down: closes without a code (Postfix)", "temporary_failure", origin="server",
     says="(?i)login service|own login")
def _(world):
    world.postfix(login_service=False)
    world.other()
    login(world)


@row("27-exim", "the host's own login service is down: 435 (Exim)", "temporary_failure", origin="server", says="(?i)login service|own login")
def _(world):
    world.exim(check="${lookup{$auth2}lsearch{/nonexistent/passwords}{yes}}")
    world.other()
    login(world)


# Guests: what a run with 25 blocked leaves in the logs of real servers.


@row("1-postfix", "network drops 25, the account logs in (Postfix)", "port_blocked_network", to=26, origin="server", most_connections=3, filters=POSTFIX)
def _(world):
    world.postfix()
    world.other()
    world.block(25)
    login(world, port=25)


@row("1-exim", "network drops 25 (Exim)", "port_blocked_network", to=26, origin="server", most_connections=3, filters=EXIM)
def _(world):
    world.exim(at_mail="  accept")
    world.other()
    world.block(25)


# 34: odd and harmless replies. The account logs in on 587 unless something else is said.


@row("34-latin1", "replies in Latin-1", "ok", origin="report")
def _(world):
    world.mail_host(
        greeting=f"220 {HOST} Grüße vom Mailserver für Köln", auth="235 2.7.0 Anmeldung bestätigt", mail="250 2.1.0 Absender gültig",
    )
    world.other()
    login(world)


@row("34-bare-lf", "lines that end with a bare LF", "ok", origin="report")
def _(world):
    world.mail_host(line_end="\n")
    world.other()
    login(world)


@row("34-empty", "220 and 235 without a word behind them", "ok", origin="report")
def _(world):
    world.mail_host(greeting="220", auth="235", starttls="220", mail="250")
    world.other()
    login(world)


@row("34-lower", "words of the answer to EHLO in lower case", "ok", origin="report")
def _(world):
    world.mail_host(starttls_word="starttls", auth_word="auth", tls_auth="plain login")
    world.other()
    login(world)


@row("34-prompt", "AUTH PLAIN is answered 334", "ok", origin="report")
def _(world):
    world.mail_host(prompts=True, tls_auth="PLAIN")
    world.other()
    login(world)


@row("34-lines", "an answer to EHLO of 200 lines", "ok", origin="report")
def _(world):
    world.mail_host(keywords=tuple(f"X-LINE-{number}" for number in range(200)))
    world.other()
    login(world)


@row("34-long", "an answer to EHLO of 3,000 lines, STARTTLS and AUTH the last of them", "ok", "uncertain", origin="report")
def _(world):
    world.mail_host(keywords=tuple(f"X-LINE-{number}" for number in range(3000)))
    world.other()
    login(world)


@row("34-flood", "an answer to EHLO of 30,000 lines: what was not read to its end says nothing", "uncertain", "ok", origin="report")
def _(world):
    world.mail_host(keywords=tuple(f"X-LINE-{number}" for number in range(30000)))
    world.other()
    login(world)


@row("34-helo", "EHLO is not known, HELO is taken; no login, and it relays", "ok", origin="report")
def _(world):
    world.smtp(25, ehlo="502 5.5.2 Error: command not recognized", certificate=None, tls_auth=None)
    world.other()
