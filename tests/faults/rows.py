"""Every situation of the fault table that one machine can build, and what port26 must make of it. The rules were written
beside these; what real servers and public reports add is in `field.py`."""

from lab import real
from lab.certificates import HOST
from lab.hosts import Web
from lab.row import ROWS, after_a_good_run, login, row
from lab.world import HOST_4, HOST_6, NOBODY_4, OTHER_4, PORTAL_4, PROXY_4, RELAY, RELAY_4

ALL_MAIL = (25, 26, 465, 587, 2525)
# Where nobody is accused of a ban.
NOT_ACCUSED = "^((?!may have banned).)*$"


@row("1", "network drops 25 (real Postfix)", "port_blocked_network", to=26)
def _(world):
    world.postfix()
    world.other()
    world.block(25)


@row("1b", "network picks up on 25 and never says a word", "port_blocked_network", to=26)
def _(world):
    world.mail_host((26, 465, 587))
    world.smtp(2500, (PROXY_4,), silent=True, certificate=None)
    world.redirect("tcp dport 25", f"{PROXY_4}:2500")


@row("1c", "after a good run the network drops 25", "port_blocked_network", to=26, says=NOT_ACCUSED)
def _(world):
    world.mail_host()
    world.other()
    login(world, port=25)
    after_a_good_run(world, "tcp dport 25 drop")


@row("2", "network rejects 25 with RST", "port_blocked_network", to=26)
def _(world):
    world.mail_host()
    world.other()
    world.block(25, how="reset")


@row("2b", "network rejects 25 with ICMP prohibited", "port_blocked_network", to=26)
def _(world):
    world.mail_host()
    world.other()
    world.block(25, how="prohibited")


@row("3", "host closed its 25", "server_port_closed", to=26)
def _(world):
    world.mail_host((26, 465, 587))
    world.other()


@row("4", "25 only to the provider's own relay", "port_blocked_except_relay", to=26)
def _(world):
    world.mail_host()
    world.other()
    world.relay()
    world.rule(f"ip daddr != {RELAY_4} tcp dport 25 drop")


@row("5", "host down", "server_unreachable")
def _(world):
    world.other()
    world.rule(f"ip daddr {HOST_4} drop")


@row("5b", "three hosts that are shut or silent beside one that works: all are judged", "ok")
def _(world):
    world.mail_host()
    world.other()
    login(world)
    # each is late at another moment
    world.shut_host("refuses.hosting.test", "198.51.100.31", how="reset")
    world.shut_host("silent.hosting.test", "198.51.100.32")
    world.shut_host("silent.friend.test", "198.51.100.33")


@row("6", "offline: no route", "offline")
def _(world):
    world.mail_host()
    world.inside("ip", "link", "set", "eth0", "down")


@row("7", "captive portal answers every page", "captive_portal")
def _(world):
    world.mail_host()
    world.other()
    world.page()
    Web((PORTAL_4,), status="302 Found", headers=("Location: http://portal.isp.test/login",))
    world.redirect("tcp dport 80", f"{PORTAL_4}:80")
    world.rule(f"ip daddr {{ {HOST_4}, {OTHER_4} }} reject with icmpx type admin-prohibited")


@row("7b", "captive portal with a resolver that gives everybody its address", "captive_portal")
def _(world):
    world.page()
    Web((PORTAL_4,), status="200 OK")
    world.names.lie = PORTAL_4


@row("8", "name does not exist", "bad_hostname")
def _(world):
    world.mail_host()
    world.other()
    del world.names.records[HOST]


@row("9", "DNS silent", "dns_fault")
def _(world):
    world.mail_host()
    world.names.silent = True


@row("9b", "DNS lies: the same address for every name", "dns_fault")
def _(world):
    world.names.lie = NOBODY_4


@row("10", "IPv6 black hole", "ipv6_broken")
def _(world):
    world.mail_host(addresses=(HOST_4, HOST_6))
    world.other()
    world.names.records[HOST]["aaaa"] = [HOST_6]
    world.rule(f"ip6 daddr {HOST_6} drop")
    login(world)


@row("11", "transparent proxy on 25 (real Exim)", "intercepted", to=26)
def _(world):
    world.mail_host()
    world.other()
    real.exim_proxy(world.folder, PROXY_4)
    world.redirect("tcp dport 25", f"{PROXY_4}:25")


@row("11b", "proxy on 25 with TLS and a certificate of its own; the account logs in", "intercepted", to=26)
def _(world):
    world.mail_host()
    world.other()
    world.smtp(2501, (PROXY_4,), name=RELAY, certificate="proxy", clear_auth="PLAIN LOGIN")
    world.redirect("tcp dport 25", f"{PROXY_4}:2501")
    login(world, port=25)


@row("12", "STARTTLS overwritten with XXXXXXXA, starred greeting", "starttls_stripped", to=26)
def _(world):
    world.mail_host((26, 465, 587))
    world.other()
    world.smtp(25, greeting="220 " + "*" * 40, keywords=("SIZE 10240000", "XXXXXXXA"), tls_auth=None)


@row("12b", "STARTTLS taken out of the answer on 25; the account logs in", "starttls_stripped", to=26)
def _(world):
    world.mail_host((26, 465, 587))
    world.other()
    world.smtp(25, certificate=None, clear_auth="PLAIN LOGIN")
    login(world, port=25)


@row("13", "no TLS anywhere; the account logs in", "no_tls")
def _(world):
    world.mail_host((25, 26, 587), certificate=None, clear_auth="PLAIN LOGIN")
    world.other()
    world.account = {"port": 25, "tls": 0, "auth": 3}


@row("14", "handshake breaks after 220 on every port", "tls_handshake")
def _(world):
    world.mail_host((26, 587), breaks=True)
    world.other()
    login(world)


@row("14b", "handshake breaks on 587, 26 is clean", "tls_handshake", to=26)
def _(world):
    world.smtp(26)
    world.smtp(587, breaks=True)
    world.other()
    login(world)


@row("15", "antivirus in the middle: a root that only this computer has", "local_interception")
def _(world):
    world.mail_host(certificate="shielded")
    world.other()
    login(world)


@row("15b", "25 blocked, and antivirus in the middle of every other port", "local_interception")
def _(world):
    world.mail_host(certificate="shielded")
    world.block(25)


@row("16", "certificate expired", "cert_expired")
def _(world):
    world.mail_host(certificate="expired")
    world.other()
    Web((HOST_4,), status="200 OK")
    login(world)


@row("16b", "certificate untrusted", "cert_untrusted")
def _(world):
    world.mail_host(certificate="untrusted")
    world.other()
    login(world)


@row("16c", "this computer's clock is years behind", "clock_wrong")
def _(world):
    world.mail_host(certificate="ahead")
    world.other()
    Web((HOST_4,), status="200 OK", days=1000)
    login(world)


@row("16d", "this computer's clock is years ahead", "clock_wrong")
def _(world):
    world.mail_host(certificate="long_ago")
    world.other()
    Web((HOST_4,), status="200 OK", days=-1200)
    login(world)


@row("16e", "certificate expired for years, the clocks agree", "cert_expired")
def _(world):
    world.mail_host(certificate="long_ago")
    world.other()
    Web((HOST_4,), status="200 OK")
    login(world)


@row("17", "certificate for another name", "cert_name")
def _(world):
    world.mail_host(certificate="other_name")
    world.other()
    world.names.records["server7.hosting.test"] = {"a": [HOST_4]}
    login(world)


@row("18", "implicit TLS set on 587", "wrong_tls_mode", to=26)
def _(world):
    world.mail_host()
    world.other()
    login(world, port=587, tls=3)


@row("18b", "STARTTLS set on 465", "wrong_tls_mode", to=26)
def _(world):
    world.mail_host()
    world.other()
    login(world, port=465, tls=2)


@row("18c", "STARTTLS set on an odd port that speaks TLS at once, no other port there", "wrong_tls_mode", to=4650)
def _(world):
    world.smtp(4650, implicit=True)
    world.other()
    login(world, port=4650, tls=2)


@row("19", "slow greeting: 12 s, no other port", "slow_server")
def _(world):
    world.smtp(587, delay=12)
    world.other()
    login(world)


@row("19b", "slow greeting beside good ports", "slow_server")
def _(world):
    world.mail_host((26, 465))
    world.smtp(587, delay=12)
    world.other()
    login(world)


@row("19c", "tarpit: never greets, no other port", "uncertain")
def _(world):
    world.smtp(587, silent=True)
    world.other()
    login(world)


@row("20", "554 at the door", "server_refused_client")
def _(world):
    world.mail_host(greeting="554 5.7.1 mail.hosting.test: your address is on a list")
    world.other()
    login(world)


@row("20b", "closes before the greeting", "server_refused_client")
def _(world):
    world.mail_host((25, 26, 587), greeting="")
    world.other()
    login(world)


@row("20c", "421 at the door", "temporary_failure")
def _(world):
    world.mail_host((25, 26, 587), greeting="421 4.7.0 mail.hosting.test: too many connections from your address")
    world.other()
    login(world)


@row("20d", "silent after a good run on another network: nobody is accused", "server_unreachable", says=NOT_ACCUSED)
def _(world):
    world.mail_host()
    world.other()
    login(world)
    after_a_good_run(world, f"ip daddr {HOST_4} drop")
    first = world.before

    def then_elsewhere(world):
        first(world)
        world.resolv("search hotel.test")

    world.before = then_elsewhere


@row("21", "AUTH not offered on 587, 26 offers it", "auth_unavailable", to=26)
def _(world):
    world.smtp(587, tls_auth=None)
    world.smtp(26)
    world.other()
    login(world)


@row("22", "AUTH only after TLS (real Exim, set up as the page says)", "ok")
def _(world):
    real.exim_host(world.folder, world.certificates, HOST_4, HOST, "jan@hosting.test", "Geheim-2014 x")
    world.other()
    login(world, port=26)


@row("23", "wrong password (real Postfix: 535)", "bad_credentials")
def _(world):
    world.postfix()
    world.other()
    login(world)
    world.password = "Falsch-2014 x"


@row("24", "other mechanism needed: 534", "auth_method")
def _(world):
    world.mail_host(auth="534 5.7.9 Application-specific password required")
    world.other()
    login(world)


@row("24b", "OAuth only", "auth_method")
def _(world):
    world.mail_host(tls_auth="XOAUTH2 OAUTHBEARER")
    world.other()
    login(world)


# Postfix says at RCPT what it has against a sender, unless told not to: rows of `field.py` have it that way.
AT_MAIL = "smtpd_delay_reject = no"


@row("25", "relaying denied (real Postfix: 554)", "auth_required", to=26)
def _(world):
    world.postfix(options={25: [AT_MAIL, "smtpd_sender_restrictions = permit_sasl_authenticated, reject"]})
    world.other()


@row("25b", "login wanted at MAIL (real Postfix: 530)", "auth_required", to=26)
def _(world):
    world.postfix(options={25: ["smtpd_tls_security_level = encrypt"]})
    world.other()


@row("25c", "relaying denied (real Exim: 550)", "auth_required", to=26)
def _(world):
    real.exim_host(world.folder, world.certificates, HOST_4, HOST, "jan@hosting.test", "Geheim-2014 x")
    world.other()


@row("26", "sender not owned (real Postfix: 553)", "from_not_allowed")
def _(world):
    reject = "smtpd_sender_restrictions = reject_sender_login_mismatch"
    maps = "smtpd_sender_login_maps = inline:{ {jan@hosting.test=somebody@hosting.test} }"
    world.postfix(options={587: [AT_MAIL, reject, maps]})
    world.other()
    login(world)


@row("27", "try later at MAIL: 451", "temporary_failure")
def _(world):
    world.mail_host(mail="451 4.3.0 try again later")
    world.other()
    login(world)


@row("27b", "try later (real Postfix: 450)", "temporary_failure")
def _(world):
    later = "smtpd_sender_restrictions = check_client_access static:{450 4.7.1 try again later}"
    world.postfix(options={587: [AT_MAIL, later]})
    world.other()
    login(world)


@row("27c", "the login service is down: 454", "temporary_failure")
def _(world):
    world.mail_host(auth="454 4.7.0 Temporary authentication failure")
    world.other()
    login(world)


@row("28", "only the relay is left, and SPF forbids mail by it", "relay_unsafe")
def _(world):
    world.mail_host(ALL_MAIL + (993,))
    world.other()
    world.relay()
    world.names.records["hosting.test"]["txt"] = ["v=spf1 mx -all"]
    world.rule(f"ip daddr != {RELAY_4} tcp dport {{ {', '.join(map(str, ALL_MAIL))} }} drop")


@row("28b", "only the relay is left, and SPF allows it", "network_blocks_mail")
def _(world):
    world.mail_host(ALL_MAIL + (993,))
    world.other()
    world.relay()
    world.names.records["hosting.test"]["txt"] = [f"v=spf1 mx a:{RELAY} -all"]
    world.rule(f"ip daddr != {RELAY_4} tcp dport {{ {', '.join(map(str, ALL_MAIL))} }} drop")


@row("29", "25 and 26 blocked, 587 and 465 open", "use_submission", to=587)
def _(world):
    world.mail_host()
    world.other()
    world.block(25, 26)


@row("30", "every mail port blocked, 443 fine", "network_blocks_mail")
def _(world):
    world.mail_host()
    world.other()
    Web((HOST_4,), status="200 OK", port=443)
    world.block(*ALL_MAIL)


@row("31", "this computer itself forbids port 25 (EACCES)", "local_firewall")
def _(world):
    world.mail_host()
    world.other()
    world.inside("ip", "rule", "add", "ipproto", "tcp", "dport", "25", "prohibit")


@row("32", "the VPN drops 25", "vpn_block", to=26)
def _(world):
    world.mail_host()
    world.other()
    world.vpn()
    world.block(25)


@row("33", "flaky line: port 25 answers nothing for 1.6 s, then it does", "uncertain")
def _(world):
    world.mail_host()
    world.other()
    # the first SYN puts the host on a list for 1.6 s; only a host that is not on the second list can get on the first
    world.sets += ["outage { type ipv4_addr; flags dynamic,timeout; }", "had_one { type ipv4_addr; flags dynamic,timeout; }"]
    syn = f"ip daddr {HOST_4} tcp dport 25 tcp flags syn / syn,ack"
    world.rule(f"{syn} ip daddr @outage drop")
    world.rule(f"{syn} ip daddr != @had_one add @had_one {{ ip daddr timeout 1h }} add @outage {{ ip daddr timeout 1600ms }} drop")


@row("34", "nothing wrong: logs in on 587 (real Postfix)", "ok")
def _(world):
    world.postfix()
    world.other()
    login(world)


@row("34b", "nothing wrong: port 25 without a login, and it relays", "ok")
def _(world):
    world.mail_host(tls_auth="PLAIN LOGIN")
    world.other()
    world.page()


import field  # noqa: E402,F401  its rows stand behind these
