"""A Sylpheed that cannot send any more since the network drops port 25, before port26, after it, and after undo. Its password
stands in the clear in the file that is changed, and is in nothing that port26 writes."""

from clients.screen import Screen
from clients.sylpheed import ACCOUNT, Sylpheed, trust_the_authority
from lab.files import differences, picture
from story import DIR, Port26, check, main, must_arrive, port_25, saw, step

OLD = {"smtp_port": "25", "set_smtpport": "0", "use_smtp_auth": "0", "smtp_auth_method": "0", "ssl_smtp": "0"}
NEW = dict(OLD, smtp_port="26", set_smtpport="1", use_smtp_auth="1", ssl_smtp="2")


def chosen(settings):
    return {name: settings.get(name) for name in OLD}


def story():
    trust_the_authority()
    # a system of its own, as port26 sees it: the homes and, beside them, what is temporary
    home = DIR / "home" / "jan"
    home.mkdir(parents=True)
    with Screen(home) as screen:
        sylpheed = Sylpheed(screen, home, DIR / "tmp")
        port26 = Port26(home, "sylpheed")

        step("Sylpheed saves its account: port 25, no authentication")
        port_25("open")
        sylpheed.account(ACCOUNT)
        sylpheed.while_open(lambda: None)
        old = sylpheed.settings()
        check("use_nonblocking_ssl" in old, "Sylpheed did not save the account")
        check(chosen(old) == OLD, f"not the account that was asked for: {chosen(old)}")
        sent, dialogs = sylpheed.send("while port 25 is open")
        check(sent, f"it cannot even send through an open port 25: {dialogs}")
        must_arrive("while port 25 is open", 25, secure=False, client="Sylpheed")

        step("The network refuses port 25: Sylpheed cannot send")
        port_25("reject")
        sent, dialogs = sylpheed.send("while port 25 is refused")
        check(not sent and dialogs, f"it should have failed and said so: sent {sent}, {dialogs}")
        saw(f"it says: {dialogs}")
        sylpheed.forget_unsent()
        check(sylpheed.settings() == old, "the account changed by itself")

        step("While Sylpheed is open, port26 waits: its own user's, and an administrator's who names the home")
        port_25("drop")
        sylpheed.while_open(port26.in_own_session().fix_waits)
        sylpheed.while_open(port26.fix_waits)
        check(sylpheed.settings() == old, "something was changed")

        step("The network drops port 25: port26 fixes it, undo puts back every byte")
        before = picture(home)
        port26.fix(credential=True)
        changed = differences(before, picture(home))
        saw("changed: " + ", ".join(changed))
        check(changed == [".sylpheed-2.0/accountrc"], "not just the account file was changed")
        others = {name for name in old if sylpheed.settings().get(name) != old[name]} - OLD.keys()
        check(not others, f"it changed more: {others}")
        port26.undo()
        check(picture(home) == before, f"undo left differences: {differences(before, picture(home))}")

        step("port26 fixes it without being given a password, and Sylpheed sends")
        port26.fix(credential=False)
        sent, dialogs = sylpheed.send_and_end("through port 26")
        check(sent, f"it did not send: {dialogs}")
        saw(f"dialogs: {dialogs}")
        must_arrive("through port 26", 26, secure=True, client="Sylpheed")
        check(chosen(sylpheed.settings()) == NEW, f"the settings are {chosen(sylpheed.settings())}, not {NEW}")

        step("After a day of use, undo puts back every setting")
        port26.undo()
        check(sylpheed.settings() == old, f"differs: {set(sylpheed.settings().items()) ^ set(old.items())}")
        port26.secrets_stay_out()

        step("On a network with port 25 open Sylpheed sends as it did before")
        port_25("open")
        sent, dialogs = sylpheed.send("after undo")
        check(sent, f"it did not send: {dialogs}")
        must_arrive("after undo", 25, secure=False, client="Sylpheed")


main(story)
