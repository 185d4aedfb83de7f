"""An Evolution that cannot send any more since the network refuses port 25, before port26, after it, and after undo. The registry of
its sources runs all the while, as in any session of GNOME, and takes over what port26 writes. The outgoing server had no login,
so Evolution asks for the password once, and a person types it."""

import time

from clients.desktop import Desktop
from clients.evolution import TRANSPORT, Evolution
from clients.screen import Screen
from clients.sylpheed import trust_the_authority
from journey import Journey
from lab.invented import PASSWORD, USER
from lab.quiet import EVOLUTION
from story import DIR, Port26, check, main, must_arrive, port_25, saw, step

FILE = f".config/evolution/sources/{TRANSPORT}.source"
OLD = {"Authentication/Port": "25", "Authentication/Method": "none", "Authentication/User": "jan", "Security/Method": "none"}
NEW = {"Authentication/Port": "26", "Authentication/Method": "PLAIN", "Authentication/User": USER, "Security/Method": "starttls-on-standard-port"}
# so long the registry takes to see what is written beside it
TAKEN_OVER = 4


def story():
    trust_the_authority()
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen, Desktop(screen, home, EVOLUTION) as desktop:
        evolution = Evolution(screen, desktop, home)
        port26 = Port26(home, "evolution")
        account = Journey(evolution, "Evolution", home, port26, FILE, OLD, password=True)

        step("The network refuses port 25: Evolution cannot send, and while it is open port26 waits")
        port_25("reject")
        with evolution.open():
            sent, windows = evolution.send_now("while port 25 is refused", seconds=5)
            check(not sent, f"it should have failed: {windows}")
            evolution.save_to_outbox("while port 25 is refused")
            saw("it says so, and keeps the message in its outbox")
            port_25("drop")
            port26.in_own_session().fix_waits(credential=True)
        account.is_saved()
        check(desktop.bus.has("org.gnome.evolution.dataserver.Sources5"), "the registry of sources does not run")

        account.is_put_back_to_the_byte()
        account.is_moved_and_sends(NEW, send=lambda subject: _later(evolution, subject))
        must_arrive("while port 25 is refused", 26, secure=True)
        account.is_put_back_after_use()
        port26.secrets_stay_out()
        time.sleep(TAKEN_OVER)
        account.sends_as_before()


def _later(evolution, subject):
    time.sleep(TAKEN_OVER)
    return evolution.send(subject, password=PASSWORD)


main(story)
