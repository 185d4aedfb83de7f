"""A Thunderbird that cannot send any more since the network drops port 25, before port26, after it, and after undo."""

from clients.screen import Screen
from clients.thunderbird import Thunderbird
from lab.files import differences, picture
from lab.invented import HOST
from story import DIR, Port26, check, main, must_arrive, port_25, saw, step

OLD = {"hostname": f'"{HOST}"', "port": "25", "try_ssl": "0", "authMethod": "1"}
NEW = {"port": "26", "try_ssl": "2", "authMethod": "3", "username": '"jan@hosting.test"'}


def origins(logins):
    return [login["hostname"] for login in logins]


def story():
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        thunderbird = Thunderbird(screen, home)
        port26 = Port26(home, "thunderbird")

        step("Thunderbird makes a profile and an account: port 25, no authentication")
        port_25("open")
        thunderbird.first_start()
        thunderbird.trust_ca()
        thunderbird.new_account()
        sent, dialogs = thunderbird.send("while port 25 is open")
        check(sent, f"it cannot even send through an open port 25: {dialogs}")
        must_arrive("while port 25 is open", 25, secure=False, client="Thunderbird")
        old, old_logins = thunderbird.settings()
        check(all(old.get(name) == value for name, value in OLD.items()), f"not the account that was asked for: {old}")
        check("username" not in old and origins(old_logins) == [f"imap://{HOST}"], f"unexpected: {old} {origins(old_logins)}")

        step("The network refuses port 25: Thunderbird cannot send")
        port_25("reject")  # refused, so that it says so at once; with a drop it takes Thunderbird over two minutes
        sent, dialogs = thunderbird.send("while port 25 is refused")
        check(not sent and dialogs, f"it should have failed and said so: sent {sent}, {dialogs}")
        saw(f"it says: {dialogs[0][:110]}..")

        step("While Thunderbird is open, port26 waits")
        port_25("drop")
        thunderbird.while_open(port26.fix_waits)
        check(thunderbird.settings() == (old, old_logins), "something was changed")

        step("The network drops port 25: port26 fixes it, undo puts back every byte")
        before = picture(home)
        port26.fix(credential=True)
        changed = differences(before, picture(home))
        saw("changed: " + ", ".join(changed))
        profile = thunderbird.profile.relative_to(home)
        check(f"{profile}/prefs.js" in changed, "prefs.js was not changed")
        check({name.rpartition("/")[2] for name in changed} <= {"prefs.js", "logins.json"}, "more than the settings was changed")
        port26.undo()
        check(picture(home) == before, f"undo left differences: {differences(before, picture(home))}")

        step("port26 fixes it without being given a password, and Thunderbird sends")
        port26.fix(credential=False)
        sent, dialogs = thunderbird.send("through port 26")
        check(sent and not dialogs, f"it did not just send: sent {sent}, {dialogs}")
        must_arrive("through port 26", 26, secure=True, client="Thunderbird")
        new, new_logins = thunderbird.settings()
        check(new == old | NEW, f"the settings are {new}, not {old | NEW}")
        check(origins(new_logins) == [f"imap://{HOST}", f"smtp://{HOST}"], f"the logins are {origins(new_logins)}")

        step("After a day of use, undo puts back every setting")
        port26.undo()
        check(thunderbird.settings() == (old, old_logins), f"the settings are {thunderbird.settings()}, not {(old, old_logins)}")

        step("On a network with port 25 open Thunderbird sends as it did before")
        port_25("open")
        sent, dialogs = thunderbird.send("after undo")
        check(sent and not dialogs, f"it did not just send: sent {sent}, {dialogs}")
        must_arrive("after undo", 25, secure=False, client="Thunderbird")


main(story)
