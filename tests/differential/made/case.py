"""One invented profile: its files, and how it came to be."""

import json
import random
from dataclasses import dataclass, field

from made import lines, logins, policies, world

# Saved logins of a kept profile, invented and in plain text.
PLAIN = "plain-logins.json"


@dataclass
class Case:
    """Files of a profile, and what stands outside it. `notes` says which oddities are in it."""

    name: str
    prefs: bytes | None
    user: bytes | None = None
    policies: bytes | None = None
    # saved logins in plain text: only a running Thunderbird has the key
    logins: list[dict] | None = None
    notes: list[str] = field(default_factory=list)

    def files(self, seal):
        """(name, bytes) of the files that are there. `seal`: from a text to its ciphertext."""
        saved = None if self.logins is None else logins.render(self.logins, seal)
        named = (("prefs.js", self.prefs), ("user.js", self.user), ("policies.json", self.policies), ("logins.json", saved))
        return [(name, data) for name, data in named if data is not None]


def make(seed, number):
    """The profile with this number. The same seed and number always give the same bytes."""
    dice = random.Random(f"{seed}/{number}")
    notes = []
    # a third is as the program writes it, a third has odd values, a third is broken as a text as well
    kind = dice.choice(("valid", "odd", "broken"))
    said = world.preferences(dice, notes, odd=kind != "valid")
    prefs = lines.render(dice, notes, said, broken=kind == "broken")
    user = None
    if kind != "valid" and dice.random() < 0.35:
        notes.append("user.js")
        user = lines.render(dice, notes, world.overriding(dice, said), broken=kind == "broken" and dice.random() < 0.5)
    policy = None
    if dice.random() < 0.15:
        policy = policies.policies(dice, notes, said)
    # dice of their own: the same profiles as without saved logins
    saved = logins.saved(random.Random(f"{seed}/{number}/logins"), notes, said)
    return Case(f"{seed}-{number}", prefs, user, policy, saved, [kind, *notes])


def load(folder):
    """A profile that was kept, or written by hand: `prefs.js`, `user.js`, `policies.json`, `plain-logins.json` in a folder."""
    names = ("prefs.js", "user.js", "policies.json", PLAIN)
    read = {name: (folder / name).read_bytes() if (folder / name).exists() else None for name in names}
    saved = read[PLAIN] and json.loads(read[PLAIN])
    return Case(folder.name, read["prefs.js"], read["user.js"], read["policies.json"], saved)


def keep(case, folder, told):
    """Writes a profile and what was said about it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in case.files(lambda text: text):
        if name != "logins.json":
            (folder / name).write_bytes(data)
    if case.logins is not None:
        (folder / PLAIN).write_text(json.dumps(case.logins, indent=1, ensure_ascii=False) + "\n")
    (folder / "told.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
