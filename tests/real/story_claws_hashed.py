"""A Claws Mail that chooses the login itself, at a host that announces CRAM-MD5 over hashed passwords and must refuse everybody who
takes it: on port 26 it cannot send so. port26 moves it there and names a login that works; undo gives its own choice back."""

from clients.claws import ACCOUNT, ClawsMail
from clients.screen import Screen
from lab.files import differences, picture
from story import DIR, Port26, arrived, by_hand, check, logins, main, must_arrive, port_25, saw, step

# "automatic" is number 0; 16 is PLAIN, 1 is LOGIN
OLD = {"smtp_port": "25", "set_smtpport": "1", "use_smtp_auth": "1", "smtp_auth_method": "0", "ssl_smtp": "0"}
NEW = dict(OLD, smtp_port="26", ssl_smtp="2")
NAMED = {"16": "PLAIN", "1": "LOGIN"}


def chosen(settings):
    return {name: settings.get(name) for name in OLD}


def fixed(port26, claws, old, credential):
    """port26 moves the account and names a login; nothing else differs. Returns which."""
    port26.fix(credential=credential)
    new = claws.settings()
    method = new["smtp_auth_method"]
    check(method in NAMED, f"the login is left to Claws Mail, or to one that cannot work: smtp_auth_method={method}")
    check(chosen(new) == dict(NEW, smtp_auth_method=method), f"the settings are {chosen(new)}")
    others = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)} - OLD.keys()
    check(not others, f"it changed more: {others}")
    return NAMED[method]


def story():
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        claws = ClawsMail(screen, home)
        port26 = Port26(home, "claws_mail")

        step("Claws Mail saves its account: port 25, with a login of its own choice; none is asked for there")
        port_25("open")
        claws.new_account(ACCOUNT.replace("use_smtp_auth=0", "use_smtp_auth=1\nsmtp_auth_method=0"))
        sent, dialogs = claws.send("while port 25 is open")
        check(sent, f"it cannot even send through an open port 25: {dialogs}")
        must_arrive("while port 25 is open", 25, secure=False, client="Claws Mail")
        old = claws.settings()
        check(chosen(old) == OLD, f"not the account that was asked for: {chosen(old)}")

        step("Moved to port 26 by hand, Claws Mail takes CRAM-MD5, is refused and does not send")
        port_25("drop")
        saved = (claws.folder / "accountrc").read_bytes()
        by_hand(claws.folder / "accountrc", NEW)
        sent, dialogs = claws.send("by hand")
        check(not arrived("by hand", seconds=3), "the message arrived")
        check(logins() == [("CRAM-MD5", False)], f"the host saw these logins: {logins()}")
        saw(f"CRAM-MD5 is refused; sent {sent}, it says: {dialogs}")
        claws.forget_unsent()
        (claws.folder / "accountrc").write_bytes(saved)

        step("port26 fixes it with a password given to it, undo puts back every byte")
        before = picture(home)
        method = fixed(port26, claws, old, credential=True)
        changed = differences(before, picture(home))
        saw(f"the login is named: {method}; changed: {', '.join(changed)}")
        check(changed == [".claws-mail/accountrc"], "not just the account file was changed")
        port26.undo()
        check(picture(home) == before, f"undo left differences: {differences(before, picture(home))}")

        step("port26 fixes it without being given a password, and Claws Mail sends")
        method = fixed(port26, claws, old, credential=False)
        known = len(logins())
        sent, dialogs = claws.send("through port 26")
        check(sent, f"it did not send: {dialogs}")
        must_arrive("through port 26", 26, secure=True, client="Claws Mail")
        check(logins()[known:] == [(method, True)], f"the host saw these logins: {logins()[known:]}")
        saw(f"logged in with {method}")
        check(chosen(claws.settings()) == chosen(dict(NEW, smtp_auth_method=claws.settings()["smtp_auth_method"])), "it lost settings")

        step("After a day of use, undo puts back every setting, the choice of the login as well")
        port26.undo()
        check(claws.settings() == old, f"differs: {set(claws.settings().items()) ^ set(old.items())}")

        step("On a network with port 25 open Claws Mail sends as it did before")
        port_25("open")
        sent, dialogs = claws.send("after undo")
        check(sent, f"it did not send: {dialogs}")
        must_arrive("after undo", 25, secure=False, client="Claws Mail")


main(story)
