"""Makes a profile that shows a difference as small as it gets."""

import dataclasses


def shrink(case, shows):
    """The smallest profile found for which `shows` still holds. Takes away whole files, then lines."""
    for name in ("policies", "user"):
        without = dataclasses.replace(case, **{name: None})
        if getattr(case, name) is not None and shows(without):
            case = without
    if case.logins is not None and shows(without := dataclasses.replace(case, logins=None)):
        case = without
    for login in list(case.logins or []):
        fewer = dataclasses.replace(case, logins=[other for other in case.logins if other is not login])
        if shows(fewer):
            case = fewer
    for name in ("user", "prefs"):
        data = getattr(case, name)
        if data is None:
            continue
        lines = data.splitlines(keepends=True)
        size = max(1, len(lines) // 2)
        while size:
            at = 0
            while at < len(lines):
                fewer = lines[:at] + lines[at + size :]
                smaller = dataclasses.replace(case, **{name: b"".join(fewer)})
                if shows(smaller):
                    case, lines = smaller, fewer
                else:
                    at += size
            size //= 2
    return case
