"""A Geary that cannot send any more since the network refuses port 25, before port26, after it, and after undo. Its password is in the
keyring, for receiving; the key of it holds no port, so it logs in after the move without a question. What waits in its outbox
goes out by itself."""

from clients.desktop import Desktop
from clients.geary import KEYRING, SETTINGS, Geary
from clients.screen import Screen
from clients.sylpheed import trust_the_authority
from journey import Journey
from story import DIR, Port26, check, main, must_arrive, port_25, saw, step

FILE = ".config/geary/account_01/geary.ini"
OLD = {"Outgoing/port": "25", "Outgoing/transport_security": "none", "Outgoing/credentials": "none"}
NEW = {"Outgoing/port": "26", "Outgoing/transport_security": "start-tls", "Outgoing/credentials": "use-incoming"}


def story():
    trust_the_authority()
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen, Desktop(screen, home, SETTINGS) as desktop:
        geary = Geary(screen, desktop, home)
        port26 = Port26(home, "geary")
        account = Journey(geary, "Geary", home, port26, FILE, OLD)

        step("The network refuses port 25: Geary cannot send, and while it is open port26 waits")
        port_25("reject")
        with geary.open() as known:
            geary.write("while port 25 is refused")
            sent, said = geary.told("while port 25 is refused", known)
            check(not sent and said, f"it should have failed and said so: sent {sent}, {said}")
            saw(f"it says: {said}")
            port_25("drop")
            port26.in_own_session().fix_waits()
        account.is_saved()
        check("Incoming/credentials" in account.saved, "it is not Geary's own file")
        keyring = desktop.kept(**KEYRING)

        account.is_put_back_to_the_byte()
        account.is_moved_and_sends(NEW)
        must_arrive("while port 25 is refused", 26, secure=True, client="Geary")
        check(desktop.kept(**KEYRING) == keyring and keyring, "its items in the keyring changed")
        account.is_put_back_after_use()
        port26.secrets_stay_out()
        account.sends_as_before()


main(story)
