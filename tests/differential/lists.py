"""Which profiles does a `profiles.ini` name? Each home takes a start of the real Thunderbird."""

import os
import pathlib
import shutil
import tempfile

from asked.thunderbird import Program, place_policies

PREFS = 'user_pref("mail.smtpserver.smtp1.hostname", "mail.hosting.example");\nuser_pref("mail.smtpservers", "smtp1");\n'

# A start with a folder of its own reads the list, and changes nothing in it.
KNOWN = """
    const service = Cc["@mozilla.org/toolkit/profile-service;1"].getService(Ci.nsIToolkitProfileService);
    return [...service.profiles].map(profile => [profile.name, profile.rootDir.path]);
"""


def build(case, home):
    """Lays out the home folder."""
    shutil.rmtree(home, ignore_errors=True)
    root = home / ".thunderbird"
    root.mkdir(parents=True)
    for name, data in case.files.items():
        (root / name).write_bytes(data.replace(b"{HOME}", os.fsencode(home)))
    for folder in case.folders:
        at = home / folder[1:] if folder.startswith("/") else root / folder
        at.mkdir(parents=True, exist_ok=True)
        (at / "prefs.js").write_text(PREFS)


def differences(case, port26):
    """What the two say differently about this home."""
    place_policies(None)
    with tempfile.TemporaryDirectory(prefix="list.") as folder:
        home = pathlib.Path(folder, "home")
        build(case, home)
        document = port26.scan(home, own=True)
        listed = [profile for client in document.get("clients", []) if client["client"] == "thunderbird" for profile in client["profiles"]]
        shown = {os.path.realpath(profile["path"]) for profile in listed}
        own = pathlib.Path(folder, "own")
        own.mkdir()
        with Program(home, ["--profile", str(own)]) as program:
            known = {os.path.realpath(path): name for name, path in program.script(KNOWN)}
        there = {path: name for path, name in known.items() if os.path.exists(os.path.join(path, "prefs.js"))}
        short = lambda paths: sorted(os.path.relpath(path, home) for path in paths)
        found = []
        if set(there) - shown:
            found.append(("profile missing", f"{short(set(there) - shown)}"))
        if shown - set(there):
            found.append(("profile too many", f"{short(shown - set(there))}"))
        for profile in listed:
            name = there.get(os.path.realpath(profile["path"]))
            if name and profile["name"] != name:
                found.append(("profile name", f"Thunderbird {name!r}, port26 {profile['name']!r}"))
        return found
