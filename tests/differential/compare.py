"""Facts of the real program beside port26's document. Each difference is (its kind, words)."""

# What SmtpClient.sys.mjs makes of `authMethod`: 4 is CRAM-MD5, 8 is CRAM-MD5 or OAuth 2; what it does not know, it sends without
# a login. 7 is a certificate in the program's window, and its SMTP has no mechanism for it: here the window's word counts.
AUTH = {3: "password", 4: "encrypted", 5: "kerberos", 6: "ntlm", 8: "encrypted", 10: "oauth2", 7: "external"}
TLS = {2: "starttls", 3: "implicit"}


def expected(server):
    """How port26 would have to show an SMTP server."""
    tls = TLS.get(server["socket"], "none")
    auth = AUTH.get(server["auth"], "none")
    return {
        "host": server["host"],
        "port": server["port"] or (465 if tls == "implicit" else 587),
        "port_is_default": not server["port"],
        "tls": tls,
        "auth": auth,
        "user": (server["user"] or None) if auth != "none" else None,
    }

# What becomes of a saved login, one of these for each outgoing server with a user name.
FOUND, ASKED, NOT_KNOWN, WRONG = "found by both", "asked for by both", "of which only the key tells whose they are", "seen differently"


def blocks(user):
    """Names of as many blocks have ciphertexts of the same length. Beyond ASCII nothing is concluded from it."""
    return len(user) // 16 if user.isascii() else None


def alike(one, other):
    """Can the two names not be told apart without the key?"""
    return None in (blocks(one), blocks(other)) or blocks(one) == blocks(other)


def saved_logins(facts, document):
    """(key, what became of it, words) for each outgoing server that has a user name."""
    shown = {account["id"].split("/", 2)[2]: account for account in document["accounts"]}
    servers = {server["key"]: server for server in facts["servers"] if server["type"] == "smtp" and server["host"] and server["user"]}
    for key, server in servers.items():
        if key not in shown:
            continue
        told, finds, user = shown[key]["password_in_client"], server["finds"], server["user"]
        mine = [name for name in server["kept"] if alike(name, user)]
        mailbox = [name for sender in facts["senders"] if sender["server"] == key for name in sender["mailbox"]]
        logs_in = [other for other in servers.values() if expected(other)["auth"] != "none"]
        same_host = [other["user"] for other in logs_in if other["host"].lower() == server["host"].lower()]
        rivals = {other for other in same_host if any(alike(other, name) for name in mine)} | {user}
        # a server that does not log in gets the login of the mailbox, copied
        by_copy = expected(server)["auth"] == "none" and not mine and any(alike(name, user) for name in mailbox)
        if told == finds:
            how = FOUND if finds else ASKED
        elif (told and (mine or by_copy)) or (finds and len(mine) < len(rivals)):
            how = FOUND if by_copy and user in mailbox else NOT_KNOWN
        else:
            how = WRONG
        yield key, how, f"{user!r}: Thunderbird {'finds it' if finds else 'asks'}, port26 says {told}; kept {server['kept']}"


def differences(facts, document):
    """What the two say differently."""
    if "broken" in document:
        return [("no document", document["broken"][:400])]
    found = []
    shown = {account["id"].split("/", 2)[2]: account for account in document["accounts"]}
    problems = document["problems"]
    told = " ".join(f"{problem['code']} {problem['message']}" for problem in problems)
    usable = {}
    for server in facts["servers"]:
        # a key that stands twice is the same settings twice
        if server["type"] != "smtp" or server["host"]:
            usable[server["key"]] = server
    senders = {}
    homeless = []
    for sender in facts["senders"]:
        if sender["server"] in usable:
            senders.setdefault(sender["server"], []).append(sender["email"])
        elif sender["email"]:
            homeless.append(sender["email"])
    for key, server in usable.items():
        account = shown.pop(key, None)
        if server["type"] != "smtp":
            if account and not account.get("not_ours"):
                found.append(("type", f"{key} is {server['type']}, and port26 takes it for its own"))
            continue
        wanted = expected(server)
        if not 1 <= wanted["port"] <= 65535:
            # nobody is kept waiting by a server that nobody uses
            if key in senders and str(wanted["port"]) not in told + str(account):
                found.append(("odd port", f"{key}: port {wanted['port']} is told nowhere"))
            if account:
                wanted = {name: value for name, value in wanted.items() if not name.startswith("port")}
            else:
                continue
        if account is None:
            found.append(("server missing", f"{key}: {wanted}"))
            continue
        for name, value in wanted.items():
            if account["outgoing"].get(name) != value:
                found.append((name, f"{key}: Thunderbird {value!r}, port26 {account['outgoing'].get(name)!r}"))
        emails = list(dict.fromkeys(email for email in senders.get(key, []) if email))
        if sorted(account["emails"]) != sorted(emails):
            found.append(("emails", f"{key}: Thunderbird {emails}, port26 {account['emails']}"))
        found.extend(("saved login", f"{key}: {words}") for at, how, words in saved_logins(facts, document) if at == key and how == WRONG)
        if account["used"] != (key in senders):
            found.append(("used", f"{key}: Thunderbird {key in senders}, port26 {account['used']}"))
    for key, account in shown.items():
        if account["used"]:
            found.append(("server too many", f"{key}: {account['outgoing']}, used by {account['emails']}"))
    words = told + " ".join(notice["message"] for account in document["accounts"] for notice in account.get("notices") or [])
    for email in dict.fromkeys(homeless):
        if "no_outgoing_server" not in words or email not in words:
            found.append(("no outgoing server", f"{email} is not told"))
    for problem in problems:
        if problem["code"] == "no_outgoing_server" and not any(email in problem["message"] for email in homeless):
            found.append(("told in vain", problem["message"]))
    return found
