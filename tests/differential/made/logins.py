"""Saved logins of a profile: under the host as it is written and as it is not, of its user and of others."""

import json

FORMS = (
    *["as written"] * 6, "lower case", "lower case", "upper case", "with port", "with user", "slash", "other scheme",
    "other realm", "no realm", "empty realm", "realm with port", "user in other case", "other user", "other user as long", "empty user",
    "no user", "no password", "two users", "twice", "deleted",
)


def saved(dice, notes, said):
    """What is in `logins.json`, in plain text. `None`: there is no such file."""
    if dice.random() < 0.15:
        return None
    servers, receiving = {}, {}
    for _, name, value, _ in said:
        at, _, part = name.rpartition(".")
        if at.startswith("mail.smtpserver.") and isinstance(value, str):
            servers.setdefault(at, {})[part] = value
        elif at.startswith("mail.server.") and isinstance(value, str):
            receiving.setdefault(at, {})[part] = value
    found = []
    for server in servers.values():
        if server.get("hostname") and dice.random() < 0.8:
            found.extend(_of_server(dice, notes, server["hostname"], server.get("username", "")))
    for server in receiving.values():
        scheme = {"imap": "imap", "pop3": "mailbox"}.get(server.get("type"))
        if scheme and server.get("hostname") and dice.random() < 0.5:
            origin = f"{scheme}://{server['hostname']}"
            if dice.random() < 0.3:
                origin = origin.lower()
            found.append(_login(origin, server.get("userName", "") if dice.random() < 0.8 else "somebody"))
    if dice.random() < 0.3:
        found.append(_login("https://webmail.hosting.example", "jan@hosting.example", None))
    dice.shuffle(found)
    return found


def _login(origin, user, realm=..., password="secret"):
    return {"origin": origin, "realm": origin if realm is ... else realm, "user": user, "password": password}


def _of_server(dice, notes, host, user):
    form = dice.choice(FORMS)
    notes.append(f"login {form}")
    # as the program writes it
    origin = f"smtp://[{host}]" if ":" in host else f"smtp://{host}"
    usual = _login(origin, user)
    other_user = {"empty user": "", "user in other case": user.swapcase(), "other user": f"{user}.of.another.person", "other user as long": user[::-1]}
    if form in other_user:
        return [_login(origin, other_user[form])]
    return {
        "lower case": lambda: [_login(origin.lower(), user)],
        "upper case": lambda: [_login(f"smtp://{origin[7:].upper()}", user)],
        "with port": lambda: [_login(f"{origin}:{dice.choice((25, 26, 587))}", user)],
        "with user": lambda: [_login(f"smtp://{user}@{host}", user)],
        "slash": lambda: [_login(origin + "/", user)],
        "other scheme": lambda: [_login(dice.choice(("SMTP", "smtps", "imap")) + origin[4:], user)],
        "other realm": lambda: [_login(origin, user, "mail")],
        "no realm": lambda: [_login(origin, user, None)],
        "empty realm": lambda: [_login(origin, user, "")],
        "realm with port": lambda: [_login(origin, user, f"{origin}:25")],
        "no user": lambda: [_login(origin, None)],
        "no password": lambda: [_login(origin, user, password=None)],
        "two users": lambda: [usual, _login(origin, dice.choice(("anna", "anna@hosting.example", user.upper())))],
        "twice": lambda: [usual, _login(origin.lower(), user)],
        "deleted": lambda: [usual | {"deleted": True}],
    }.get(form, lambda: [usual])()


def render(found, seal):
    """The bytes of `logins.json`. `seal`: from a text to its ciphertext."""
    logins = [_entry(number, login, seal) for number, login in enumerate(found, 1)]
    document = {
        "nextId": len(logins) + 1, "logins": logins, "potentiallyVulnerablePasswords": [], "dismissedBreachAlertsByLoginGUID": {}, "version": 3,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _entry(number, login, seal):
    guid = f"{{00000000-0000-4000-8000-{number:012}}}"
    if login.get("deleted"):
        # what stays of one that was synced
        return {"id": number, "guid": guid, "deleted": True, "timePasswordChanged": 1700000000000, "syncCounter": 1, "everSynced": True}
    sealed = lambda text: "" if text is None else seal(text)
    form = None if login["realm"] is not None else login["origin"]
    return {
        "id": number, "hostname": login["origin"], "httpRealm": login["realm"], "formSubmitURL": form, "usernameField": "", "passwordField": "",
        "encryptedUsername": sealed(login["user"]), "encryptedPassword": sealed(login["password"]), "guid": guid, "encType": 1,
        "timeCreated": 1700000000000, "timeLastUsed": 1700000000000, "timePasswordChanged": 1700000000000, "timesUsed": 1, "syncCounter": 1,
        "everSynced": False, "encryptedUnknownFields": None,
    }
