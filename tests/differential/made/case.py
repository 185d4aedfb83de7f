"""One invented profile: its files, and how it came to be."""

import json
import random
from dataclasses import dataclass, field

from made import lines, policies, world


@dataclass
class Case:
    """Files of a profile, and what stands outside it. `notes` says which oddities are in it."""

    name: str
    prefs: bytes | None
    user: bytes | None = None
    policies: bytes | None = None
    notes: list[str] = field(default_factory=list)

    def files(self):
        """(name, bytes) of the files that are there."""
        named = (("prefs.js", self.prefs), ("user.js", self.user), ("policies.json", self.policies))
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
    return Case(f"{seed}-{number}", prefs, user, policy, [kind, *notes])


def load(folder):
    """A profile that was kept, or written by hand: `prefs.js`, `user.js`, `policies.json` in a folder."""
    read = {name: (folder / name).read_bytes() if (folder / name).exists() else None for name in ("prefs.js", "user.js", "policies.json")}
    return Case(folder.name, read["prefs.js"], read["user.js"], read["policies.json"])


def keep(case, folder, told):
    """Writes a profile and what was said about it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in case.files():
        (folder / name).write_bytes(data)
    (folder / "told.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
