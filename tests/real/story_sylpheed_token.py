"""A Sylpheed that chooses the login itself, at a host that announces XOAUTH2: it begins that, has no token, and does not send on port
26. port26 moves it there and names a login that works; undo gives its own choice back."""

from clients.screen import Screen
from clients.sylpheed import ACCOUNT, Sylpheed, trust_the_authority
from lab.files import differences, picture
from story import DIR, Port26, arrived, by_hand, check, logins, main, must_arrive, port_25, saw, step

# "automatic" is number 0; 8 is PLAIN, 1 is LOGIN
OLD = {"smtp_port": "25", "set_smtpport": "0", "use_smtp_auth": "1", "smtp_auth_method": "0", "ssl_smtp": "0"}
NEW = dict(OLD, smtp_port="26", set_smtpport="1", ssl_smtp="2")
NAMED = {"8": "PLAIN", "1": "LOGIN"}


def chosen(settings):
    return {name: settings.get(name) for name in OLD}


def story():
    trust_the_authority()
    home = DIR / "home" / "jan"
    home.mkdir(parents=True)
    with Screen(home) as screen:
        sylpheed = Sylpheed(screen, home, DIR / "tmp")
        port26 = Port26(home, "sylpheed")

        step("Sylpheed saves its account: port 25, with a login of its own choice; none is asked for there")
        port_25("open")
        sylpheed.account(ACCOUNT.replace("use_smtp_auth=0", "use_smtp_auth=1"))
        sylpheed.while_open(lambda: None)
        old = sylpheed.settings()
        check(chosen(old) == OLD, f"not the account that was asked for: {chosen(old)}")
        sent, dialogs = sylpheed.send("while port 25 is open")
        check(sent, f"it cannot even send through an open port 25: {dialogs}")
        must_arrive("while port 25 is open", 25, secure=False, client="Sylpheed")

        step("Moved to port 26 by hand, Sylpheed begins XOAUTH2 and does not send")
        port_25("drop")
        saved = (sylpheed.folder / "accountrc").read_bytes()
        by_hand(sylpheed.folder / "accountrc", NEW)
        sent, dialogs = sylpheed.send("by hand")
        check(not arrived("by hand", seconds=3), "the message arrived")
        check([login for login, taken in logins() if not taken] == ["XOAUTH2"], f"the host saw these logins: {logins()}")
        saw(f"sent {sent}, it says: {dialogs}")
        sylpheed.forget_unsent()
        (sylpheed.folder / "accountrc").write_bytes(saved)

        step("port26 fixes it with a password given to it, undo puts back every byte")
        before = picture(home)
        port26.fix(credential=True)
        changed = differences(before, picture(home))
        check(changed == [".sylpheed-2.0/accountrc"], f"not just the account file was changed: {changed}")
        port26.undo()
        check(picture(home) == before, f"undo left differences: {differences(before, picture(home))}")

        step("port26 fixes it without being given a password, and Sylpheed sends")
        port26.fix(credential=False)
        new = sylpheed.settings()
        method = new["smtp_auth_method"]
        check(method in NAMED, f"the login is left to Sylpheed: smtp_auth_method={method}")
        check(chosen(new) == dict(NEW, smtp_auth_method=method), f"the settings are {chosen(new)}")
        known = len(logins())
        sent, dialogs = sylpheed.send_and_end("through port 26")
        check(sent, f"it did not send: {dialogs}")
        must_arrive("through port 26", 26, secure=True, client="Sylpheed")
        check(logins()[known:] == [(NAMED[method], True)], f"the host saw these logins: {logins()[known:]}")
        saw(f"logged in with {NAMED[method]}")

        step("After a day of use, undo puts back every setting, the choice of the login as well")
        port26.undo()
        check(sylpheed.settings() == old, f"differs: {set(sylpheed.settings().items()) ^ set(old.items())}")


main(story)
