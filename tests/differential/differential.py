"""Generated profiles, read by the real Thunderbird and by port26, must mean the same. See README.md."""

import argparse
import collections
import os
import pathlib
import sys
import tempfile
import time

import lists
from asked import thunderbird
from asked.port26 import Port26
from compare import differences, saved_logins
from made import case as cases
from made import profile_lists
from shrink import shrink


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/differential/run")
    parser.add_argument("--profiles", type=int, default=300, help="how many profiles are made (300)")
    parser.add_argument("--seed", default="port26", help="another seed makes other profiles")
    parser.add_argument("--first", type=int, default=0, help="number of the first profile")
    parser.add_argument("--starts", type=int, default=12, help="for how many of them Thunderbird is also started alone (12)")
    parser.add_argument("--lists", type=int, default=8, help="how many homes with a profiles.ini are made; each takes a start (8)")
    parser.add_argument("--folder", type=pathlib.Path, action="append", help="a profile that was kept or written by hand, instead of made ones")
    parser.add_argument("--keep", type=pathlib.Path, help="where profiles with a difference are kept, as small as possible")
    parser.add_argument("--each-kind", type=int, default=3, help="how many profiles of one kind of difference are made small (3)")
    return parser.parse_args()


def main():
    """Returns the exit code: 0 no difference, 1 differences."""
    args = arguments()
    if args.folder:
        wanted = [cases.load(folder) for folder in args.folder]
    else:
        wanted = [cases.make(args.seed, args.first + number) for number in range(args.profiles)]
    with tempfile.TemporaryDirectory(prefix="port26-differential.") as folder:
        running = thunderbird.Running(pathlib.Path(folder, "thunderbird"))
        try:
            port26 = Port26(os.environ["PORT26"], folder, running)
            same = compare_lists(args, port26)
            return 0 if compare(args, wanted, running, port26) and same else 1
        finally:
            running.end()


def compare_lists(args, port26):
    """Goes through all lists of profiles and tells. Returns whether nothing differs."""
    began, differing = time.monotonic(), 0
    count = 0 if args.folder else args.lists
    for number in range(count):
        case = profile_lists.make(args.seed, args.first + number)
        found = lists.differences(case, port26)
        differing += bool(found)
        for kind, words in found:
            print(f"{case.name}: {kind}: {words} ({', '.join(case.notes)})\n    profiles.ini: {case.files['profiles.ini']!r}", flush=True)
    print(f"{count} homes with a profiles.ini: {differing} with a difference; {time.monotonic() - began:.0f} s")
    return not differing


def compare(args, wanted, running, port26):
    """Goes through all profiles and tells. Returns whether nothing differs."""
    began, kinds, differing = time.monotonic(), collections.Counter(), 0
    # spread over all, so that every kind of profile is among them
    every = max(1, len(wanted) // args.starts) if args.starts else 0
    starts = untrue = 0
    logins = collections.Counter()
    for number, case in enumerate(wanted):
        facts = running.facts(case)
        document = port26.read(case)
        found = differences(facts, document)
        logins.update(how for _, how, _ in saved_logins(facts, document))
        if every and number % every == 0:
            starts += 1
            alone = thunderbird.started(case, running.seal, running.key)
            if alone != facts:
                untrue += 1
                print(f"{case.name}: a start of its own says something else ({', '.join(case.notes)})\n  running {facts}\n  started {alone}")
                if args.keep:
                    cases.keep(case, args.keep / f"untrue-{case.name}", {"running": facts, "started": alone})
        if not found:
            continue
        differing += 1
        for kind in dict.fromkeys(kind for kind, _ in found):
            kinds[kind] += 1
            if kinds[kind] <= args.each_kind:
                small = shrink(case, lambda smaller: any(k == kind for k, _ in differences(running.facts(smaller), port26.read(smaller))))
                tell(args, case, small, kind, running.facts(small), port26.read(small))
    seconds = time.monotonic() - began
    print(
        f"{len(wanted)} profiles (seed {args.seed}, from {args.first}), Thunderbird {running.version} ({running.build}): {differing} with a difference;"
        f" {starts} starts of its own, {untrue} unlike the running one; {seconds:.0f} s"
    )
    print("saved logins: " + ", ".join(f"{count} {how}" for how, count in logins.most_common()))
    for kind, count in kinds.most_common():
        print(f"  {count:5} {kind}")
    return not differing and not untrue


def tell(args, case, small, kind, facts, document):
    """Prints a small profile with its difference, and keeps it."""
    found = [words for k, words in differences(facts, document) if k == kind]
    print(f"{case.name}: {kind}: {'; '.join(found)}")
    for name, data in small.files(lambda text: text):
        print(f"    {name}: {data!r}")
    sys.stdout.flush()
    if args.keep:
        cases.keep(small, args.keep / f"{kind.replace(' ', '-')}-{case.name}", {"differences": found, "thunderbird": facts, "port26": document})


if __name__ == "__main__":
    sys.exit(main())
