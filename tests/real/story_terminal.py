"""A person types `port26 fix` at a terminal: is asked for the password, which is not shown, and before anything is
changed; a test message arrives; undo puts every byte back. No mail program is needed: the profile is written here."""

import re

from clients.terminal import Terminal
from lab import port26
from lab.files import differences, picture
from lab.invented import HOST, PASSWORD, USER
from story import CA, DIR, check, main, must_arrive, port_25, saw, step

PREFS = {
    "mail.accountmanager.accounts": '"account1"',
    "mail.account.account1.identities": '"id1"',
    "mail.account.account1.server": '"server1"',
    "mail.identity.id1.useremail": f'"{USER}"',
    "mail.identity.id1.smtpServer": '"smtp1"',
    "mail.server.server1.type": '"imap"',
    "mail.server.server1.hostname": f'"{HOST}"',
    "mail.server.server1.userName": f'"{USER}"',
    "mail.smtpservers": '"smtp1"',
    "mail.smtpserver.smtp1.hostname": f'"{HOST}"',
    "mail.smtpserver.smtp1.port": "25",
    "mail.smtpserver.smtp1.authMethod": "3",
    "mail.smtpserver.smtp1.username": f'"{USER}"',
}


def new_home():
    home = DIR / "home"
    profile = home / ".thunderbird/abcd.default"
    profile.mkdir(parents=True)
    (profile.parent / "profiles.ini").write_text("[Profile0]\nName=default\nIsRelative=1\nPath=abcd.default\nDefault=1\n")
    (profile / "prefs.js").write_text("".join(f'user_pref("{name}", {value});\n' for name, value in PREFS.items()))
    return home


def at_terminal(home, *arguments):
    return Terminal(port26.command(*arguments, "--ca", CA, home=home, state=DIR / "state"))


def told(terminal):
    """What stayed on the screen, for the story: no colours, no spinner."""
    for line in re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", terminal.shown).splitlines():
        line = line.rpartition("\r")[2].rstrip()
        if line and not "\u2800" <= line[0] <= "\u28ff":
            saw(line)


def story():
    home = new_home()
    before = picture(home)
    port_25("drop")

    step("Ctrl-C at the question gives the terminal its echo back")
    terminal = at_terminal(home, "fix")
    terminal.wait_for("Password")
    check(not terminal.echoes(), "what is typed would be shown")
    terminal.interrupt()
    check(terminal.echoes(), "the echo is off after Ctrl-C")
    check(picture(home) == before, "something was changed")

    step("A wrong password may be typed once more, no third time, and nothing is changed")
    terminal = at_terminal(home, "fix")
    terminal.wait_for("Password")
    terminal.type("not the password")
    terminal.wait_for("once more")
    terminal.type("nor this one")
    code = terminal.end()
    told(terminal)
    check(code == 6, f"it ended with {code}")
    check(picture(home) == before, "something was changed")

    step("The right password, and then a no: nothing is changed")
    terminal = at_terminal(home, "fix")
    terminal.wait_for("Password")
    terminal.type(PASSWORD)
    terminal.wait_for("[y/N]")
    terminal.type("n")
    code = terminal.end()
    told(terminal)
    check(code == 3, f"it ended with {code}")
    check(picture(home) == before, "something was changed")
    check(PASSWORD not in terminal.shown, "the password is shown")

    step("The right password and a yes: the account is moved, and a test message arrives through port 26")
    terminal = at_terminal(home, "fix", "--send-test")
    terminal.wait_for("Password")
    terminal.type(PASSWORD)
    terminal.wait_for("[y/N]")
    terminal.type("y")
    code = terminal.end()
    told(terminal)
    check(code == 0, f"it ended with {code}")
    check(PASSWORD not in terminal.shown, "the password is shown")
    check(differences(before, picture(home)) == [".thunderbird/abcd.default/prefs.js"], "not just prefs.js was changed")
    must_arrive("port26 test message", 26, secure=True, mailbox="jan")

    step("What was done is told, and undone to the last byte")
    terminal = at_terminal(home, "status")
    check(terminal.end() == 0, terminal.shown)
    told(terminal)
    terminal = at_terminal(home, "undo", "--yes")
    code = terminal.end()
    told(terminal)
    check(code == 0, f"it ended with {code}")
    check(picture(home) == before, f"undo left differences: {differences(before, picture(home))}")


if __name__ == "__main__":
    main(story)
