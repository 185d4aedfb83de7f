"""A `profiles.ini` of one home: valid, odd and broken, with folders that are there or not."""

import random
from dataclasses import dataclass, field


@dataclass
class ListCase:
    """`{HOME}` in a file stands for the home folder."""

    name: str
    files: dict[str, bytes]
    # folders below `.thunderbird` (or the home, when they begin with `/`) that hold a profile
    folders: list[str]
    notes: list[str] = field(default_factory=list)


def make(seed, number):
    """The home with this number."""
    dice = random.Random(f"{seed}/list/{number}")
    notes, sections, folders = [], [], []
    odd = number % 3 != 0
    strange = lambda chance: odd and dice.random() < chance
    for at in range(dice.choice((1, 1, 2, 3))):
        sections.append((f"Profile{at}", _profile(dice, notes, folders, at, strange)))
    sections.append(("General", [("StartWithLastProfile", "1"), ("Version", "2")]))
    if dice.random() < 0.5:
        default = dice.choice(folders) if not strange(0.2) else "gone.default"
        sections.append(("Install11457493C5A56847", [("Default", default), ("Locked", "1")]))
    if strange(0.15):
        notes.append("numbers")
        sections = [(name.replace("0", "5") if name.startswith("Profile") else name, lines) for name, lines in sections]
    if strange(0.1):
        notes.append("same section")
        sections.append(dice.choice(sections))
    if strange(0.1):
        notes.append("lower case")
        sections = [(name.lower(), lines) for name, lines in sections]
    if strange(0.15):
        notes.append("shuffled")
        dice.shuffle(sections)
    return ListCase(f"{seed}-list-{number}", {"profiles.ini": _render(dice, notes, sections, odd)}, folders, ["odd" if odd else "valid", *notes])


def _profile(dice, notes, folders, at, strange):
    folder = dice.choice((f"abcd{at}.default", f"Profiles/abcd{at}.default", f"abcd{at}.Jan's post"))
    relative, path = "1", folder
    if strange(0.25):
        form = dice.choice(("absolute", "outside", "absolute said relative", "relative said absolute", "dots", "slash", "missing folder", "spaces", "umlaut"))
        notes.append(form)
        folder = {"outside": f"/mail/abcd{at}", "umlaut": f"käse{at}"}.get(form, folder)
        path = {
            "absolute": f"{{HOME}}/.thunderbird/{folder}", "outside": f"{{HOME}}{folder}",
            "absolute said relative": f"{{HOME}}/.thunderbird/{folder}", "dots": f"./{folder}", "slash": folder + "/", "spaces": f"  {folder} ",
        }.get(form, folder)
        relative = "0" if form in ("absolute", "outside", "relative said absolute") else "1"
        if form == "missing folder":
            path = "gone.default"
    folders.append(folder)
    lines = [("Name", f"name{at}"), ("IsRelative", relative), ("Path", path)]
    if at == 0 and dice.random() < 0.7:
        lines.append(("Default", "1"))
    if strange(0.2):
        form = dice.choice(("no name", "no path", "no flag", "odd flag", "empty name", "twice", "empty path", "key case"))
        notes.append(form)
        if form in ("no name", "no path", "no flag"):
            del lines[("no name", "no flag", "no path").index(form)]
        elif form == "odd flag":
            lines[1] = ("IsRelative", dice.choice(("true", "2", "", "01", " 1")))
        elif form == "empty name":
            lines[0] = ("Name", "")
        elif form == "twice":
            lines.append(("Path", dice.choice(("gone.default", folder))))
        elif form == "empty path":
            lines[2] = ("Path", "")
        else:
            lines[2] = ("path", path)
    return lines


def _render(dice, notes, sections, odd):
    form = "plain"
    if odd and dice.random() < 0.5:
        form = dice.choice(("crlf", "cr", "bom", "spaces", "indented", "comments", "no bracket", "nul", "utf-16", "no line end", "stray text"))
        notes.append(form)
    text = ""
    for name, lines in sections:
        text += f"[{name}\n" if form == "no bracket" and dice.random() < 0.5 else f"[{name}]\n"
        for key, value in lines:
            text += {"spaces": f"{key} = {value} \n", "indented": f"  {key}={value}\n", "comments": f"; {key}=x\n{key}={value}\n# {key}=y\n"}.get(form, f"{key}={value}\n")
        text += "nonsense\n=x\n\n" if form == "stray text" else "\n"
    return {
        "crlf": lambda: text.replace("\n", "\r\n").encode(),
        "cr": lambda: text.replace("\n", "\r").encode(),
        "bom": lambda: b"\xef\xbb\xbf" + text.encode(),
        "nul": lambda: text.encode() + b"\0\0",
        "utf-16": lambda: b"\xff\xfe" + text.encode("utf-16-le"),
        "no line end": lambda: text.rstrip("\n").encode(),
    }.get(form, text.encode)()
