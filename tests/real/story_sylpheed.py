"""A Sylpheed that cannot send any more since the network drops port 25, before port26, after it, and after undo. Its password
stands in the clear in the file that is changed, and is in nothing that port26 writes."""

from clients.screen import Screen
from clients.sylpheed import ACCOUNT, Sylpheed, trust_the_authority
from journey import Journey
from story import DIR, Port26, check, main, port_25, saw, step

OLD = {"smtp_port": "25", "set_smtpport": "0", "use_smtp_auth": "0", "smtp_auth_method": "0", "ssl_smtp": "0"}
NEW = dict(OLD, smtp_port="26", set_smtpport="1", use_smtp_auth="1", ssl_smtp="2")


def story():
    trust_the_authority()
    # a system of its own, as port26 sees it: the homes and, beside them, what is temporary
    home = DIR / "home" / "jan"
    home.mkdir(parents=True)
    with Screen(home) as screen:
        sylpheed = Sylpheed(screen, home, DIR / "tmp")
        port26 = Port26(home, "sylpheed")
        account = Journey(sylpheed, "Sylpheed", home, port26, ".sylpheed-2.0/accountrc", OLD)

        step("Sylpheed saves its account: port 25, no authentication")
        port_25("open")
        sylpheed.account(ACCOUNT)
        sylpheed.while_open(lambda: None)
        account.is_saved()
        check("use_nonblocking_ssl" in account.saved, "Sylpheed did not save the account")
        account.sends("while port 25 is open", 25, secure=False)

        step("The network refuses port 25: Sylpheed cannot send")
        port_25("reject")
        sent, dialogs = sylpheed.send("while port 25 is refused")
        check(not sent and dialogs, f"it should have failed and said so: sent {sent}, {dialogs}")
        saw(f"it says: {dialogs}")
        sylpheed.forget_unsent()
        check(sylpheed.settings() == account.saved, "the account changed by itself")

        step("While Sylpheed is open, port26 waits: its own user's, and an administrator's who names the home")
        port_25("drop")
        sylpheed.while_open(port26.in_own_session().fix_waits)
        sylpheed.while_open(port26.fix_waits)
        check(sylpheed.settings() == account.saved, "something was changed")

        account.is_put_back_to_the_byte()
        account.is_moved_and_sends(NEW, send=sylpheed.send_and_end)
        account.is_put_back_after_use()
        port26.secrets_stay_out()
        account.sends_as_before()


main(story)
