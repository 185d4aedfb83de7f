"""A Balsa that cannot send any more since the network refuses port 25, before port26, after it, and after undo. It keeps a password
together with the port, so it asks once after the move: port26 says so before, and here a person types it."""

from clients.balsa import Balsa
from clients.desktop import Desktop
from clients.screen import Screen
from clients.sylpheed import trust_the_authority
from journey import Journey
from lab.invented import HOST, PASSWORD, USER
from story import DIR, Port26, check, main, port_25, saw, step

CONFIG, PRIVATE = ".balsa/config", ".balsa/config-private"
OLD = {"config/Server": f"{HOST}:25", "config/Security": "4", "config/Anonymous": "true", "config-private/Username": ""}
NEW = {"config/Server": f"{HOST}:26", "config/Security": "2", "config/Anonymous": "false", "config-private/Username": USER}


def story():
    trust_the_authority()
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen, Desktop(screen, home) as desktop:
        balsa = Balsa(screen, desktop, home)
        port26 = Port26(home, "balsa")
        account = Journey(balsa, "Balsa", home, port26, CONFIG, OLD, PRIVATE, password=True)

        step("The network refuses port 25: Balsa cannot send")
        port_25("reject")
        sent, windows = balsa.send("while port 25 is refused", seconds=5)
        check(not sent and "Sending Mail" in windows, f"it should have tried, and failed: sent {sent}, {windows}")
        saw(f"windows: {windows}")
        balsa.forget_unsent()
        account.is_saved()
        told = port26.run("scan")
        check("password_question" in [notice["code"] for notice in told["notices"]], f"port26 does not say that it will ask: {told['notices']}")

        step("While Balsa is open, port26 waits")
        port_25("drop")
        balsa.while_open(lambda: port26.in_own_session().fix_waits(credential=True))
        check(balsa.settings() == account.saved, "something was changed")

        account.is_put_back_to_the_byte()
        account.is_moved_and_sends(NEW, send=lambda subject: balsa.send(subject, password=PASSWORD))
        account.is_put_back_after_use()
        port26.secrets_stay_out()
        account.sends_as_before()


main(story)
