"""A KMail that cannot send any more since the network refuses port 25, before port26, after it, and after undo. It is open all the
while, which is no obstacle: what sends for it reads the settings for each message. Its server had no login, so it asks for the
password once, and a person types it."""

from clients.desktop import Desktop
from clients.kmail import KMail, network_card, trust_the_authority
from clients.screen import Screen
from journey import Journey
from lab.invented import PASSWORD, USER
from story import DIR, Port26, check, main, port_25, saw, step

FILE = ".config/mailtransports"
OLD = {"port": None, "encryption": None, "auth": None, "authtype": "0", "user": None}
NEW = {"port": "26", "encryption": "TLS", "auth": "true", "authtype": "1", "user": USER}


def story():
    trust_the_authority()
    network_card()
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen, Desktop(screen, home) as desktop, KMail(screen, desktop, home) as kmail:
        port26 = Port26(home, "kmail").in_own_session()
        account = Journey(kmail, "KMail", home, port26, FILE, OLD, password=True)
        account.signs = ""  # its messages do not say

        step("The network refuses port 25: KMail cannot send")
        port_25("reject")
        sent, windows = kmail.send("while port 25 is refused", seconds=8)
        tried = any(title.startswith("Configure shortcut") for title in windows)
        check(not sent and tried, f"the keys should have reached it, and it should have failed: sent {sent}, {windows}")
        saw(f"windows: {windows}")
        account.is_saved()

        step("The network drops port 25: with KMail open port26 fixes it, undo puts back every byte")
        port_25("drop")
        file = home / FILE
        before = file.read_bytes()
        account.fixed(credential=True)
        check(account.chosen() == NEW, f"the settings are {account.chosen()}")
        port26.undo()
        check(file.read_bytes() == before, "undo left differences")

        account.is_moved_and_sends(NEW, send=lambda subject: kmail.send(subject, password=PASSWORD))
        account.is_put_back_after_use()
        port26.secrets_stay_out()
        account.sends_as_before()


main(story)
