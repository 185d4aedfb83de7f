"""A Claws Mail that cannot send any more since the network drops port 25, before port26, after it, and after undo."""

from clients.claws import ClawsMail
from clients.screen import Screen
from lab.files import differences, picture
from story import DIR, Port26, check, main, must_arrive, port_25, saw, step

OLD = {"smtp_port": "25", "set_smtpport": "1", "use_smtp_auth": "0", "ssl_smtp": "0"}
NEW = {"smtp_port": "26", "set_smtpport": "1", "use_smtp_auth": "1", "ssl_smtp": "2"}


def chosen(settings):
    return {name: settings.get(name) for name in OLD}


def story():
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        claws = ClawsMail(screen, home)
        port26 = Port26(home, "claws_mail")

        step("Claws Mail saves its account: port 25, no authentication")
        port_25("open")
        claws.new_account()
        sent, dialogs = claws.send("while port 25 is open")
        check(sent, f"it cannot even send through an open port 25: {dialogs}")
        must_arrive("while port 25 is open", 25, secure=False, client="Claws Mail")
        old = claws.settings()
        check(chosen(old) == OLD, f"not the account that was asked for: {chosen(old)}")

        step("The network refuses port 25: Claws Mail cannot send")
        port_25("reject")
        sent, dialogs = claws.send("while port 25 is refused")
        check(not sent and dialogs, f"it should have failed and said so: sent {sent}, {dialogs}")
        saw(f"it says: {dialogs}")
        claws.forget_unsent()
        check(chosen(claws.settings()) == OLD, f"the account changed by itself: {chosen(claws.settings())}")

        step("While Claws Mail is open, port26 waits")
        port_25("drop")
        claws.while_open(port26.fix_waits)
        check(claws.settings() == old, "something was changed")

        step("The network drops port 25: port26 fixes it, undo puts back every byte")
        before = picture(home)
        port26.fix(credential=True)
        changed = differences(before, picture(home))
        saw("changed: " + ", ".join(changed))
        check(changed == [".claws-mail/accountrc"], "not just the account file was changed")
        port26.undo()
        check(picture(home) == before, f"undo left differences: {differences(before, picture(home))}")

        step("port26 fixes it without being given a password, and Claws Mail sends")
        port26.fix(credential=False)
        sent, dialogs = claws.send("through port 26")
        check(sent, f"it did not send: {dialogs}")
        saw(f"dialogs: {dialogs}")
        must_arrive("through port 26", 26, secure=True, client="Claws Mail")
        check(chosen(claws.settings()) == NEW, f"the settings are {chosen(claws.settings())}, not {NEW}")

        step("After a day of use, undo puts back every setting")
        port26.undo()
        check(claws.settings() == old, f"differs: {set(claws.settings().items()) ^ set(old.items())}")

        step("On a network with port 25 open Claws Mail sends as it did before")
        port_25("open")
        sent, dialogs = claws.send("after undo")
        check(sent, f"it did not send: {dialogs}")
        must_arrive("after undo", 25, secure=False, client="Claws Mail")


main(story)
