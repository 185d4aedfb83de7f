"""What is the same in every story of a program whose account is in files of lines: it sends, is moved, sends through 26, and is
put back. The program has `settings()`, `send(subject)`, and a name for people."""

from lab.files import differences, picture
from story import arrived, by_hand, check, logins, must_arrive, port_25, saw, step


class Journey:
    """One account of one program, in a home folder, on its way to port 26 and back."""

    def __init__(self, program, name, home, port26, file, old, *others, password=False):
        """`file`, `others`: the only ones that may change, below the home; `old`: the settings that count, as they are before;
        `password`: port26 must be given it, since the program has none for the new login."""
        self.program = program
        self.name = name
        self.home = home
        self.port26 = port26
        self.file = file
        self.files = sorted([file, *others])
        self.password = password
        # what its messages say that they were written by
        self.signs = name
        self.old = old
        self.saved = None

    def chosen(self):
        """The settings that count."""
        settings = self.program.settings()
        return {name: settings.get(name) for name in self.old}

    def is_saved(self):
        """The program has saved the account that was asked for: what undo must give back."""
        self.saved = self.program.settings()
        check(self.chosen() == self.old, f"not the account that was asked for: {self.chosen()}")

    def sends(self, subject, port, secure, send=None):
        """A message goes out by this port."""
        sent, dialogs = (send or self.program.send)(subject)
        check(sent, f"it did not send: {dialogs}")
        must_arrive(subject, port, secure=secure, client=self.signs)
        return dialogs

    def cannot_send_by_hand(self, new, refused):
        """Set to port 26 as a person would, the program begins a login that cannot work. `refused`: its mechanism."""
        step(f"Moved to port 26 by hand, {self.name} takes {refused}, is refused and does not send")
        port_25("drop")
        file = self.home / self.file
        before = file.read_bytes()
        by_hand(file, new)
        known = len(logins())
        sent, dialogs = self.program.send("by hand")
        check(not arrived("by hand", seconds=3), "the message arrived")
        check(logins()[known:] == [(refused, False)], f"the host saw these logins: {logins()[known:]}")
        saw(f"sent {sent}, it says: {dialogs}")
        self.program.forget_unsent()
        file.write_bytes(before)

    def fixed(self, credential):
        """port26 moves the account; nothing else in the file differs. Returns the settings."""
        self.port26.fix(credential=credential)
        new = self.program.settings()
        others = {name for name in self.saved.keys() | new.keys() if self.saved.get(name) != new.get(name)} - self.old.keys()
        check(not others, f"it changed more: {others}")
        return new

    def is_put_back_to_the_byte(self):
        """With a password given to it."""
        step("The network drops port 25: port26 fixes it, undo puts back every byte")
        before = picture(self.home)
        self.fixed(credential=True)
        changed = differences(before, picture(self.home))
        saw("changed: " + ", ".join(changed))
        check(changed == self.files, "not just the account was changed")
        self.port26.undo()
        check(picture(self.home) == before, f"undo left differences: {differences(before, picture(self.home))}")

    def is_moved_and_sends(self, new, named=None, send=None):
        """`named`: the login mechanisms that a setting may name, by its number; the host sees that one."""
        step(f"port26 fixes it {'with' if self.password else 'without being given'} a password, and {self.name} sends")
        method = self.fixed(credential=self.password).get("smtp_auth_method")
        wanted = new if named is None else dict(new, smtp_auth_method=method)
        check(named is None or method in named, f"the login is left to {self.name}: smtp_auth_method={method}")
        check(self.chosen() == wanted, f"the settings are {self.chosen()}, not {wanted}")
        known = len(logins())
        saw(f"dialogs: {self.sends('through port 26', 26, secure=True, send=send)}")
        if named is not None:
            check(logins()[known:] == [(named[method], True)], f"the host saw these logins: {logins()[known:]}")
            saw(f"logged in with {named[method]}")
        check(self.chosen() == wanted, f"it lost settings: {self.chosen()}")

    def is_put_back_after_use(self):
        """Every setting, though the program has written its file since."""
        step("After a day of use, undo puts back every setting")
        self.port26.undo()
        now = self.program.settings()
        check(now == self.saved, f"differs: {set(now.items()) ^ set(self.saved.items())}")

    def sends_as_before(self):
        """Where port 25 is open."""
        step(f"On a network with port 25 open {self.name} sends as it did before")
        port_25("open")
        self.sends("after undo", 25, secure=False)
