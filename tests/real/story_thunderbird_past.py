"""A Thunderbird that has sent once and cannot any more, with two messages that wait: port26 says since when, before it moves the
account, and the two go out afterwards."""

import mailbox

from clients.screen import Screen
from clients.thunderbird import Thunderbird
from lab.files import differences, picture
from past import date_of, is_told_of, told
from story import DIR, Port26, arrived, check, main, must_arrive, port_25, saw, step

# "Copies & Folders": a copy is placed in "Sent" of the local folders. At its start Thunderbird asks whether what waits shall be sent
# now, which nobody is there to answer: it was told not to ask and to wait.
COPIES = """
    Services.prefs.setStringPref("mail.identity.id1.fcc_folder", "mailbox://nobody@Local%20Folders/Sent");
    Services.prefs.setStringPref("mail.identity.id1.fcc_folder_picker_mode", "0");
    Services.prefs.setIntPref("offline.send.unsent_messages", 2);
"""


def messages(file):
    """Subject and date of each message that the file holds, also of those that are removed."""
    return {one["subject"]: date_of(bytes(one)) for one in mailbox.mbox(file)}


def story():
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        thunderbird = Thunderbird(screen, home)
        port26 = Port26(home, "thunderbird")

        step("Thunderbird sends one message, and three are laid into the Outbox, of which one is deleted again")
        port_25("open")
        thunderbird.first_start()
        thunderbird.trust_ca()

        def work(remote):
            thunderbird.new_account_now(remote)
            remote.script(COPIES)
            sent, dialogs = thunderbird.send_now(remote, "while port 25 was open", 60)
            check(sent, f"it cannot even send through an open port 25: {dialogs}")
            thunderbird.write_for_later(remote, ["removed", "waits first", "waits second"])
            thunderbird.remove_waiting(remote, "removed")

        thunderbird.in_one_session(work)
        folders = thunderbird.profile / "Mail" / "Local Folders"
        sent, waiting = messages(folders / "Sent"), messages(folders / "Unsent Messages")
        saw(f"sent {list(sent)}; in the file of the Outbox {list(waiting)}")
        check("removed" in waiting, "the deleted message is not in the file any more: it proves nothing")
        last, waits = sent["while port 25 was open"], [waiting["waits first"], waiting["waits second"]]

        step("The network drops port 25: port26 says when it last sent, and what waits")
        port_25("drop")
        before = picture(home)
        is_told_of(*told(port26, "test"), last, waits, "Outbox")
        check(picture(home) == before, f"the test left differences: {differences(before, picture(home))}")

        step("port26 fixes it and says so again; undo puts back every byte")
        is_told_of(*told(port26, "fix", "--yes"), last, waits, "Outbox")
        port26.undo()
        check(picture(home) == before, f"undo left differences: {differences(before, picture(home))}")

        step("Fixed, the two go out through port 26, and nothing else")
        port26.fix(credential=False)
        tried, went = thunderbird.send_waiting()
        check((tried, went) == (2, 2), f"{tried} tried, {went} sent")
        for subject in ("waits first", "waits second"):
            must_arrive(subject, 26, secure=True, client="Thunderbird")
        check(not arrived("removed", seconds=0), "a message that was deleted went out")


main(story)
