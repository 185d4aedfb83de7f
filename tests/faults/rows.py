"""How the situations of the fault table are built beside which the rules were written. What must come of them is in
`table.toml`; what real servers and public reports add is in `field.py`."""

from lab.invented import DOMAIN, HOST
from row import after_a_good_run, all_built, login, row
from scripted import Web
from servers import exim
from world import HOST_4, HOST_6, NOBODY_4, OTHER_4, PORTAL_4, PROXY_4, RELAY, RELAY_4

ALL_MAIL = (25, 26, 465, 587, 2525)


@row("1")
def _(world):
    world.postfix()
    world.other()
    world.block(25)


@row("1b")
def _(world):
    world.mail_host((26, 465, 587))
    world.smtp(2500, (PROXY_4,), silent=True, certificate=None)
    world.redirect("tcp dport 25", f"{PROXY_4}:2500")


@row("1c")
def _(world):
    world.mail_host()
    world.other()
    login(world, port=25)
    after_a_good_run(world, "tcp dport 25 drop")


@row("2")
def _(world):
    world.mail_host()
    world.other()
    world.block(25, how="reset")


@row("2b")
def _(world):
    world.mail_host()
    world.other()
    world.block(25, how="prohibited")


@row("3")
def _(world):
    world.mail_host((26, 465, 587))
    world.other()


@row("4")
def _(world):
    world.mail_host()
    world.other()
    world.relay()
    world.rule(f"ip daddr != {RELAY_4} tcp dport 25 drop")


@row("5")
def _(world):
    world.other()
    world.rule(f"ip daddr {HOST_4} drop")


@row("5b")
def _(world):
    world.mail_host()
    world.other()
    login(world)
    # each is late at another moment
    world.shut_host("refuses.hosting.test", "198.51.100.31", how="reset")
    world.shut_host("silent.hosting.test", "198.51.100.32")
    world.shut_host("silent.friend.test", "198.51.100.33")


@row("6")
def _(world):
    world.mail_host()
    world.inside("ip", "link", "set", "eth0", "down")


@row("7")
def _(world):
    world.mail_host()
    world.other()
    world.page()
    Web((PORTAL_4,), status="302 Found", headers=("Location: http://portal.isp.test/login",))
    world.redirect("tcp dport 80", f"{PORTAL_4}:80")
    world.rule(f"ip daddr {{ {HOST_4}, {OTHER_4} }} reject with icmpx type admin-prohibited")


@row("7b")
def _(world):
    world.page()
    Web((PORTAL_4,), status="200 OK")
    world.names.lie = PORTAL_4


@row("8")
def _(world):
    world.mail_host()
    world.other()
    del world.names.records[HOST]


@row("9")
def _(world):
    world.mail_host()
    world.names.silent = True


@row("9b")
def _(world):
    world.names.lie = NOBODY_4


@row("10")
def _(world):
    world.mail_host(addresses=(HOST_4, HOST_6))
    world.other()
    world.names.records[HOST]["aaaa"] = [HOST_6]
    world.rule(f"ip6 daddr {HOST_6} drop")
    login(world)


@row("11")
def _(world):
    world.mail_host()
    world.other()
    exim.proxy(world.folder, PROXY_4)
    world.redirect("tcp dport 25", f"{PROXY_4}:25")


@row("11-tls")
def _(world):
    world.mail_host()
    world.other()
    world.smtp(2501, (PROXY_4,), name=RELAY, certificate="proxy", clear_auth="PLAIN LOGIN")
    world.redirect("tcp dport 25", f"{PROXY_4}:2501")
    login(world, port=25)


@row("12")
def _(world):
    world.mail_host((26, 465, 587))
    world.other()
    world.smtp(25, greeting="220 " + "*" * 40, keywords=("SIZE 10240000", "XXXXXXXA"), tls_auth=None)


@row("12b")
def _(world):
    world.mail_host((26, 465, 587))
    world.other()
    world.smtp(25, certificate=None, clear_auth="PLAIN LOGIN")
    login(world, port=25)


@row("13")
def _(world):
    world.mail_host((25, 26, 587), certificate=None, clear_auth="PLAIN LOGIN")
    world.other()
    world.account = {"port": 25, "tls": 0, "auth": 3}


@row("14")
def _(world):
    world.mail_host((26, 587), breaks=True)
    world.other()
    login(world)


@row("14b")
def _(world):
    world.smtp(26)
    world.smtp(587, breaks=True)
    world.other()
    login(world)


@row("15")
def _(world):
    world.mail_host(certificate="shielded")
    world.other()
    login(world)


@row("15b")
def _(world):
    world.mail_host(certificate="shielded")
    world.block(25)


@row("16")
def _(world):
    world.mail_host(certificate="expired")
    world.other()
    Web((HOST_4,), status="200 OK")
    login(world)


@row("16b")
def _(world):
    world.mail_host(certificate="untrusted")
    world.other()
    login(world)


@row("16c")
def _(world):
    world.mail_host(certificate="ahead")
    world.other()
    Web((HOST_4,), status="200 OK", days=1000)
    login(world)


@row("16d")
def _(world):
    world.mail_host(certificate="long_ago")
    world.other()
    Web((HOST_4,), status="200 OK", days=-1200)
    login(world)


@row("16e")
def _(world):
    world.mail_host(certificate="long_ago")
    world.other()
    Web((HOST_4,), status="200 OK")
    login(world)


@row("17")
def _(world):
    world.mail_host(certificate="other_name")
    world.other()
    world.names.records["server7.hosting.test"] = {"a": [HOST_4]}
    login(world)


@row("18")
def _(world):
    world.mail_host()
    world.other()
    login(world, port=587, tls=3)


@row("18b")
def _(world):
    world.mail_host()
    world.other()
    login(world, port=465, tls=2)


@row("18c")
def _(world):
    world.smtp(4650, implicit=True)
    world.other()
    login(world, port=4650, tls=2)


@row("19")
def _(world):
    world.smtp(587, delay=12)
    world.other()
    login(world)


@row("19b")
def _(world):
    world.mail_host((26, 465))
    world.smtp(587, delay=12)
    world.other()
    login(world)


@row("19c")
def _(world):
    world.smtp(587, silent=True)
    world.other()
    login(world)


@row("20")
def _(world):
    world.mail_host(greeting="554 5.7.1 mail.hosting.test: your address is on a list")
    world.other()
    login(world)


@row("20-closes")
def _(world):
    world.mail_host((25, 26, 587), greeting="")
    world.other()
    login(world)


@row("20-421")
def _(world):
    world.mail_host((25, 26, 587), greeting="421 4.7.0 mail.hosting.test: too many connections from your address")
    world.other()
    login(world)


@row("20d")
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


@row("21")
def _(world):
    world.smtp(587, tls_auth=None)
    world.smtp(26)
    world.other()
    login(world)


@row("22")
def _(world):
    world.exim()
    world.other()
    login(world, port=26)


@row("23")
def _(world):
    world.postfix()
    world.other()
    login(world)
    world.password = "Falsch-2014 x"


@row("24")
def _(world):
    world.mail_host(auth="534 5.7.9 Authentication mechanism is too weak")
    world.other()
    login(world)


@row("24b")
def _(world):
    world.mail_host(tls_auth="XOAUTH2 OAUTHBEARER")
    world.other()
    login(world)


# Postfix says at RCPT what it has against a sender, unless told not to: rows of `field.py` have it that way.
AT_MAIL = "smtpd_delay_reject = no"


@row("25")
def _(world):
    world.postfix(options={25: [AT_MAIL, "smtpd_sender_restrictions = permit_sasl_authenticated, reject"]})
    world.other()


@row("25b")
def _(world):
    world.postfix(options={25: ["smtpd_tls_security_level = encrypt"]})
    world.other()


@row("25c")
def _(world):
    world.exim()
    world.other()


@row("26")
def _(world):
    reject = "smtpd_sender_restrictions = reject_sender_login_mismatch"
    maps = "smtpd_sender_login_maps = inline:{ {jan@hosting.test=somebody@hosting.test} }"
    world.postfix(options={587: [AT_MAIL, reject, maps]})
    world.other()
    login(world)


@row("27")
def _(world):
    world.mail_host(mail="451 4.3.0 try again later")
    world.other()
    login(world)


@row("27b")
def _(world):
    later = "smtpd_sender_restrictions = check_client_access static:{450 4.7.1 try again later}"
    world.postfix(options={587: [AT_MAIL, later]})
    world.other()
    login(world)


@row("27c")
def _(world):
    world.mail_host(auth="454 4.7.0 Temporary authentication failure")
    world.other()
    login(world)


@row("28")
def _(world):
    world.mail_host(ALL_MAIL + (993,))
    world.other()
    world.relay()
    world.names.records[DOMAIN]["txt"] = ["v=spf1 mx -all"]
    world.rule(f"ip daddr != {RELAY_4} tcp dport {{ {', '.join(map(str, ALL_MAIL))} }} drop")


@row("28b")
def _(world):
    world.mail_host(ALL_MAIL + (993,))
    world.other()
    world.relay()
    world.names.records[DOMAIN]["txt"] = [f"v=spf1 mx a:{RELAY} -all"]
    world.rule(f"ip daddr != {RELAY_4} tcp dport {{ {', '.join(map(str, ALL_MAIL))} }} drop")


@row("29")
def _(world):
    world.mail_host()
    world.other()
    world.block(25, 26)


@row("30")
def _(world):
    world.mail_host()
    world.other()
    Web((HOST_4,), status="200 OK", port=443)
    world.block(*ALL_MAIL)


@row("31")
def _(world):
    world.mail_host()
    world.other()
    world.inside("ip", "rule", "add", "ipproto", "tcp", "dport", "25", "prohibit")


@row("32")
def _(world):
    world.mail_host()
    world.other()
    world.vpn()
    world.block(25)


@row("33")
def _(world):
    world.mail_host()
    world.other()
    # the first SYN puts the host on a list for 1.6 s; only a host that is not on the second list can get on the first
    world.sets += ["outage { type ipv4_addr; flags dynamic,timeout; }", "had_one { type ipv4_addr; flags dynamic,timeout; }"]
    syn = f"ip daddr {HOST_4} tcp dport 25 tcp flags syn / syn,ack"
    world.rule(f"{syn} ip daddr @outage drop")
    world.rule(f"{syn} ip daddr != @had_one add @had_one {{ ip daddr timeout 1h }} add @outage {{ ip daddr timeout 1600ms }} drop")


@row("34")
def _(world):
    world.postfix()
    world.other()
    login(world)


@row("34b")
def _(world):
    world.mail_host(tls_auth="PLAIN LOGIN")
    world.other()
    world.page()


import field  # noqa: E402,F401

ROWS = all_built()
