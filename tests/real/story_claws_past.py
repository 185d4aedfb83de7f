"""A Claws Mail that has sent once and cannot any more, with two messages in its queue: port26 says since when, before it moves the
account, and the two go out afterwards."""

from clients.claws import ClawsMail
from clients.screen import Screen
from past import WAIT, date_of, is_told_moved_and_sends
from story import DIR, Port26, check, main, port_25, step


def story():
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        claws = ClawsMail(screen, home)
        port26 = Port26(home, "claws_mail")

        step("Claws Mail sends one message, and two are laid into its queue")
        port_25("open")
        claws.new_account()
        sent, dialogs = claws.send_and_write_for_later("while port 25 was open", list(WAIT))
        check(sent, f"it cannot even send through an open port 25: {dialogs}")
        of = {name: [date_of(file.read_bytes()) for file in (home / "Mail" / name).glob("[0-9]*")] for name in ("sent", "queue")}
        check([len(of["sent"]), len(of["queue"])] == [1, 2], f"not what was written: {of}")

        is_told_moved_and_sends(claws, "Claws Mail", home, port26, *of["sent"], of["queue"], "Queue")


main(story)
