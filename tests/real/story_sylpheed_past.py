"""A Sylpheed that has sent once and cannot any more, with two messages in its queue: port26 says since when, before it moves the account,
and the two go out afterwards. Its account is of POP3: of one of IMAP it keeps all mail at the host."""

from clients.screen import Screen
from clients.sylpheed import ACCOUNT, Sylpheed, trust_the_authority
from past import WAIT, date_of, is_told_moved_and_sends
from story import DIR, Port26, check, main, port_25, step


def story():
    trust_the_authority()
    home = DIR / "home" / "jan"
    home.mkdir(parents=True)
    with Screen(home) as screen:
        sylpheed = Sylpheed(screen, home, DIR / "tmp")
        port26 = Port26(home, "sylpheed")

        step("Sylpheed sends one message, and two are laid into its queue")
        port_25("open")
        sylpheed.account(ACCOUNT.replace("protocol=3", "protocol=0"))
        sylpheed.while_open(lambda: None)
        sent, dialogs = sylpheed.send("while port 25 was open")
        check(sent, f"it cannot even send through an open port 25: {dialogs}")
        for subject in WAIT:
            sylpheed.write_for_later(subject)
        files = {name: list((home / "Mail" / name).glob("[0-9]*")) for name in ("sent", "queue")}
        # what concerns sending stands before the message, with an empty line between them
        written = {"sent": [one.read_bytes() for one in files["sent"]]}
        written["queue"] = [one.read_bytes().partition(b"\n\n")[2] for one in files["queue"]]
        of = {name: [date_of(text) for text in texts] for name, texts in written.items()}
        check([len(of["sent"]), len(of["queue"])] == [1, 2], f"not what was written: {of}")

        is_told_moved_and_sends(sylpheed, "Sylpheed", home, port26, *of["sent"], of["queue"], "Queue")


main(story)
