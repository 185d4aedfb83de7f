"""A Claws Mail that has sent once and cannot any more, with two messages in its queue: port26 says since when, before it moves the
account, and the two go out afterwards."""

from clients.claws import ClawsMail
from clients.screen import Screen
from lab.files import differences, picture
from past import date_of, is_told_of, told
from story import DIR, Port26, check, main, must_arrive, port_25, step


def story():
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        claws = ClawsMail(screen, home)
        port26 = Port26(home, "claws_mail")

        step("Claws Mail sends one message, and two are laid into its queue")
        port_25("open")
        claws.new_account()
        sent, dialogs = claws.send_and_write_for_later("while port 25 was open", ["waits first", "waits second"])
        check(sent, f"it cannot even send through an open port 25: {dialogs}")
        of = {name: [date_of(file.read_bytes()) for file in (home / "Mail" / name).glob("[0-9]*")] for name in ("sent", "queue")}
        check([len(of["sent"]), len(of["queue"])] == [1, 2], f"not what was written: {of}")

        step("The network drops port 25: port26 says when it last sent and what waits, and fixes it; undo puts back every byte")
        port_25("drop")
        before = picture(home)
        is_told_of(*told(port26, "fix", "--yes"), *of["sent"], of["queue"], "Queue")
        port26.undo()
        check(picture(home) == before, f"undo left differences: {differences(before, picture(home))}")

        step("Fixed, the two go out through port 26")
        port26.fix(credential=False)
        claws.send_waiting()
        for subject in ("waits first", "waits second"):
            must_arrive(subject, 26, secure=True, client="Claws Mail")


main(story)
