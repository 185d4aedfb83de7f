"""Who is in a profile: outgoing servers, identities, accounts and receiving servers, as (function, name, value, attribute)."""

HOSTS = ("mail.hosting.example", "smtp.office.example", "out.mailhub.example", "mx1.verein.example")
ODD_HOSTS = (
    "Mail.Hosting.EXAMPLE", "mail.hosting.example.", " mail.hosting.example ", "2001:db8::25", "[2001:db8::25]", "192.0.2.25",
    "münchen.example", "mail_1.hosting.example", "localhost", "", "mail.hosting.example:26", "mail hosting.example",
)
USERS = ("jan@hosting.example", "jan", "ola@mailhub.example", "j.devries")
ODD_USERS = ("", "müller@hosting.example", " jan ", "jan:1", 'ja"n', "HOSTING\\jan", 7, "用户@hosting.example")
PORTS = (25, 26, 465, 587, 2525)
ODD_PORTS = (0, -1, 65535, 65536, 70025, -25, 2147483647, "25", "587", True, "")
TLS = (0, 2, 3)
ODD_TLS = (1, 4, -1, 99, "2", "3", True, "")
AUTH = (1, 3, 4)
ODD_AUTH = (0, 2, 5, 6, 7, 8, 9, 10, 11, -1, "3", "", False)


def preferences(dice, notes, odd):
    """All preferences of one profile, in the order in which they are to be written."""
    said = []
    put = lambda name, value: said.append(("user_pref", name, value, ""))
    keys = [f"smtp{number}" for number in range(1, dice.choice((1, 1, 1, 2, 2, 3)) + 1)]
    for key in keys:
        _server(dice, put, key, odd)
    _list(dice, notes, put, keys, odd)
    _default(dice, notes, put, keys, odd)
    _accounts(dice, notes, put, keys, odd)
    _versions(dice, notes, put, odd)
    if odd:
        _branch_for_all(dice, notes, put)
        _stray(dice, notes, put)
        if dice.random() < 0.25:
            notes.append("defaults")
            said.extend(_defaults(dice, said))
        if dice.random() < 0.3:
            dice.shuffle(said)
        else:
            said.sort(key=lambda line: line[1])
    else:
        said.sort(key=lambda line: line[1])
    return said


def _server(dice, put, key, odd):
    at = f"mail.smtpserver.{key}."
    pick = lambda usual, strange: dice.choice(strange) if odd and dice.random() < 0.15 else dice.choice(usual)
    put(at + "hostname", pick(HOSTS, ODD_HOSTS))
    if dice.random() < 0.8:
        put(at + "port", pick(PORTS, ODD_PORTS))
    if dice.random() < 0.8:
        put(at + "try_ssl", pick(TLS, ODD_TLS))
    if dice.random() < 0.8:
        put(at + "authMethod", pick(AUTH, ODD_AUTH))
    if dice.random() < 0.7:
        put(at + "username", pick(USERS, ODD_USERS))
    if dice.random() < 0.5:
        put(at + "description", "Hosting Provider")
    if dice.random() < 0.6:
        put(at + "type", "smtp")
    elif odd and dice.random() < 0.15:
        put(at + "type", dice.choice(("ews", "graph", "SMTP", "", "unknown", 1)))
        if dice.random() < 0.5:
            put(at + "ews_url", "https://owa.hosting.example/EWS/Exchange.asmx")


def _list(dice, notes, put, keys, odd):
    name = "mail.smtpservers"
    if not odd or dice.random() < 0.6:
        put(name, ",".join(keys))
        return
    form = dice.choice(("missing", "empty", "spaces", "unlisted", "extra", "twice", "commas", "number", "only space", "other case"))
    notes.append(f"list {form}")
    forms = {
        "empty": "", "spaces": ", ".join(keys), "unlisted": ",".join(keys[1:]), "extra": ",".join([*keys, "smtp9"]),
        "twice": ",".join(keys + keys), "commas": "," + ",,".join(keys) + ",", "number": 1, "only space": " ",
        "other case": ",".join(keys).upper(),
    }
    if form != "missing":
        put(name, forms[form])


def _default(dice, notes, put, keys, odd):
    name = "mail.smtp.defaultserver"
    if not odd or dice.random() < 0.6:
        if dice.random() < 0.9:
            put(name, dice.choice(keys))
        return
    form = dice.choice(("missing", "empty", "unlisted", "space", "number"))
    notes.append(f"default {form}")
    if form != "missing":
        put(name, {"empty": "", "unlisted": "smtp9", "space": f" {keys[0]}", "number": 1}[form])


def _accounts(dice, notes, put, keys, odd):
    strange = lambda chance: odd and dice.random() < chance
    accounts, identity = [], 0
    for number in range(1, dice.choice((1, 1, 2, 2, 3)) + 1):
        account, server = f"account{number}", f"server{number}"
        accounts.append(account)
        mine = []
        for _ in range(dice.choice((1, 1, 1, 2)) if not strange(0.1) else 0):
            identity += 1
            mine.append(f"id{identity}")
            _identity(dice, put, mine[-1], keys, identity, strange)
        if identity > 1 and strange(0.1):
            notes.append("shared identity")
            mine.append("id1")
        if strange(0.06):
            notes.append("identity of nobody")
            mine.append("id77")
        if mine:
            put(f"mail.account.{account}.identities", dice.choice((", ", ",,", " ,")).join(mine) if strange(0.1) else ",".join(mine))
        _receiving(dice, notes, put, account, server, number, strange)
    _local_folders(put, accounts)
    form = dice.choice(("missing", "spaces", "twice", "extra", "short", "empty", "commas")) if strange(0.2) else "usual"
    if form != "usual":
        notes.append(f"accounts {form}")
    listed = {
        "spaces": ", ".join(accounts), "twice": ",".join([*accounts, accounts[0]]), "extra": ",".join([*accounts, "account9"]),
        "short": ",".join(accounts[1:]), "empty": "", "commas": ",".join(accounts) + ",,",
    }
    if form != "missing":
        put("mail.accountmanager.accounts", listed.get(form, ",".join(accounts)))
    if strange(0.05):
        notes.append("appended accounts")
        put("mail.accountmanager.appendaccounts", dice.choice(("account1", "account3", "account1, account2")))
    put("mail.accountmanager.defaultaccount", "account1")


def _identity(dice, put, key, keys, number, strange):
    at = f"mail.identity.{key}."
    put(at + "useremail", dice.choice(("", "jan", " jan@hosting.example", "müller@hosting.example", 5)) if strange(0.08) else f"person{number}@hosting.example")
    put(at + "fullName", "Jan de Vries")
    if strange(0.25):
        put(at + "smtpServer", dice.choice(("", "smtp9", f" {keys[0]}", keys[0].upper(), 3, "id1")))
    elif dice.random() < 0.7:
        put(at + "smtpServer", dice.choice(keys))


def _receiving(dice, notes, put, account, server, number, strange):
    if strange(0.08):
        notes.append("account without server")
        return
    if number > 1 and strange(0.06):
        notes.append("shared receiving server")
        server = "server1"
    put(f"mail.account.{account}.server", "" if strange(0.03) else server)
    if strange(0.06):
        notes.append("receiving server of nobody")
        return
    at = f"mail.server.{server}."
    put(at + "type", dice.choice(("unknown", "", "IMAP", 3, "none", "nntp")) if strange(0.1) else dice.choice(("imap", "pop3")))
    twin = strange(0.08)
    put(at + "hostname", "imap1.hosting.example" if twin else f"imap{number}.hosting.example")
    put(at + "userName", "person1" if twin else f"person{number}")
    if strange(0.05):
        put(at + "hostname", dice.choice(("", "Imap.Hosting.Example", "imap hosting")))
    if strange(0.03):
        put(at + "hidden", True)
    if dice.random() < 0.7:
        put(at + "port", 993)
        put(at + "socketType", 3)


def _local_folders(put, accounts):
    accounts.append("account20")
    put("mail.account.account20.server", "server20")
    put("mail.server.server20.type", "none")
    put("mail.server.server20.hostname", "Local Folders")
    put("mail.server.server20.userName", "nobody")
    put("mail.accountmanager.localfoldersserver", "server20")


def _versions(dice, notes, put, odd):
    if not odd:
        put("mail.ui-rdf.version", 61)
    elif dice.random() < 0.7:
        version = dice.choice((0, 1, 34, 35, 40, 42, 43, 44, 45, 60, 61, 99, -1, "42", True))
        notes.append(f"version {version!r}")
        put("mail.ui-rdf.version", version)


def _branch_for_all(dice, notes, put):
    for part, values in (("port", PORTS), ("try_ssl", (0, 1, 2, 3)), ("authMethod", AUTH), ("hostname", HOSTS), ("username", USERS), ("try_ssl", ODD_TLS)):
        if dice.random() < 0.05:
            notes.append(f"for all {part}")
            put(f"mail.smtpserver.default.{part}", dice.choice(values))


def _stray(dice, notes, put):
    for name, value in (("mail.smtpserver.smtp9.hostname", "left.hosting.example"), ("mail.smtpserver.smtp1", "x"), ("mail.smtp", 1), ("mailnews.strange", "y")):
        if dice.random() < 0.08:
            notes.append("stray")
            put(name, value)


def _defaults(dice, said):
    """Lines that only set a default: of another value, of another type, locked, sticky."""
    for _, name, value, _ in dice.sample(said, min(len(said), dice.choice((1, 2, 4)))):
        other = dice.choice((value, _other(dice, value), _other(dice, value), 1 if isinstance(value, str) else "text"))
        yield (dice.choice(("pref", "pref", "sticky_pref")), name, other, dice.choice(("", "", "", "", ", locked", ", sticky", ", sticky, locked")))


def _other(dice, value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return dice.choice((0, 1, 2, 3, 25, 26, 587))
    return dice.choice((*HOSTS, "smtp1", "smtp2", ""))


def overriding(dice, said):
    """What a `user.js` says: some of the same preferences, with other values."""
    names = [line for line in said if "smtp" in line[1] or "identity" in line[1] or "account" in line[1]]
    for _, name, value, _ in dice.sample(names, min(len(names), dice.choice((1, 1, 2, 3)))):
        function = dice.choice(("user_pref", "user_pref", "user_pref", "pref", "sticky_pref"))
        yield (function, name, dice.choice((_other(dice, value), _other(dice, value), value, "text", 1)), dice.choice(("", "", "", "", ", locked")))
