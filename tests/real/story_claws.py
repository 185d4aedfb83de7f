"""A Claws Mail that cannot send any more since the network drops port 25, before port26, after it, and after undo."""

from clients.claws import ClawsMail
from clients.screen import Screen
from journey import Journey
from story import DIR, Port26, check, main, port_25, saw, step

OLD = {"smtp_port": "25", "set_smtpport": "1", "use_smtp_auth": "0", "ssl_smtp": "0"}
NEW = {"smtp_port": "26", "set_smtpport": "1", "use_smtp_auth": "1", "ssl_smtp": "2"}


def story():
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        claws = ClawsMail(screen, home)
        port26 = Port26(home, "claws_mail")
        account = Journey(claws, "Claws Mail", home, port26, ".claws-mail/accountrc", OLD)

        step("Claws Mail saves its account: port 25, no authentication")
        port_25("open")
        claws.new_account()
        account.sends("while port 25 is open", 25, secure=False)
        account.is_saved()

        step("The network refuses port 25: Claws Mail cannot send")
        port_25("reject")
        sent, dialogs = claws.send("while port 25 is refused")
        check(not sent and dialogs, f"it should have failed and said so: sent {sent}, {dialogs}")
        saw(f"it says: {dialogs}")
        claws.forget_unsent()
        check(account.chosen() == OLD, f"the account changed by itself: {account.chosen()}")

        step("While Claws Mail is open, port26 waits")
        port_25("drop")
        claws.while_open(port26.fix_waits)
        check(claws.settings() == account.saved, "something was changed")

        account.is_put_back_to_the_byte()
        account.is_moved_and_sends(NEW)
        account.is_put_back_after_use()
        account.sends_as_before()


main(story)
