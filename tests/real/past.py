"""What port26 says of the mail of an account that cannot send, held against what the program has really written."""

import email
import email.policy
import email.utils
from datetime import datetime, timezone

from lab.files import differences, picture
from story import CA, check, must_arrive, port_25, saw, step

# the messages that wait
WAIT = ("waits first", "waits second")


def date_of(text):
    """The date of a message, from its headers."""
    message = email.message_from_bytes(text, policy=email.policy.default)
    return email.utils.parsedate_to_datetime(message["date"]).astimezone(timezone.utc)


def told(port26, verb, *flags):
    """The account, of which something is told."""
    account = port26.run(verb, *flags, "--ca", CA, expect=3 if verb == "test" else 0)
    notices = {one["code"]: one["message"] for one in account.get("notices", [])}
    saw(notices.get("past_mail"))
    return account, notices


def is_told_moved_and_sends(program, name, home, port26, last, waiting, folder):
    """The rest of a story: port26 says when the program last sent and what waits, moves the account, and what waits goes out."""
    step("The network drops port 25: port26 says when it last sent and what waits, and fixes it; undo puts back every byte")
    port_25("drop")
    before = picture(home)
    is_told_of(*told(port26, "fix", "--yes"), last, waiting, folder)
    port26.undo()
    check(picture(home) == before, f"undo left differences: {differences(before, picture(home))}")

    step("Fixed, what waits goes out through port 26")
    port26.fix(credential=False)
    program.send_waiting()
    for subject in WAIT:
        must_arrive(subject, 26, secure=True, client=name)


def day(date):
    """As people read it, where the computer is."""
    local = date.astimezone()
    return f"{local.day} {local:%B}"


def is_told_of(account, notices, sent, waiting, folder):
    """The dates are those of the messages: the last that was sent, and the oldest of those that wait."""
    read = {name: account[name] for name in ("last_sent", "waiting")}
    check(datetime.fromisoformat(account["last_sent"]) == sent, f"it was sent on {sent}: {read}")
    wanted = {"count": len(waiting), "complete": True}
    found = dict(account["waiting"])
    oldest = datetime.fromisoformat(found.pop("oldest"))
    check(found == wanted and oldest == min(waiting), f"{len(waiting)} wait since {min(waiting)}: {read}")
    wait = "1 message waits" if len(waiting) == 1 else f"{len(waiting)} messages wait"
    sentence = f"Your last mail from this program went out on {day(sent)}; since then {wait} in the {folder}."
    check(notices["past_mail"] == sentence, f"not {sentence}")
    check("can go out once the account is moved" in notices["will_go_out"], f"nobody is warned: {notices}")

