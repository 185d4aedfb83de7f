"""A folder, and what has changed in it."""

import os


def picture(folder):
    """Every file, folder and link below a folder with its mode and its content."""
    seen = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = path.read_bytes()
        else:
            content = None
        seen[str(path.relative_to(folder))] = (path.lstat().st_mode, content)
    return seen


def differences(before, after):
    """The names that differ between two pictures."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
