"""The package's scripts and the removal script, run against stand-ins for the commands of macOS they call. The stand-ins
keep which sessions have the agent, and write down every call; that they answer as a Mac does is from their manuals.
test_scripts.py SCRIPTS ROOT: the folders check_pkg.py made of a package."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SCRIPTS, ROOT = None, None
AGENT = "/Library/LaunchAgents/org.port26.agent.plist"
STANDINS = {
    "launchctl": """
echo "launchctl $*" >>"$CALLS"
session=$SESSIONS/$(echo "$2" | cut -d/ -f2)
case $1 in
print) [ -e "$session" ] ;;
bootout) [ -n "${STUCK:-}" ] || rm "$session" ;;
bootstrap) [ -z "${REFUSED:-}" ] || exit "$REFUSED"; [ ! -e "$session" ] && touch "$session" ;;
*) exit 64 ;;
esac
""",
    "stat": """
[ "$*" = "-f %u /dev/console" ] || exit 64
[ -n "${AT_SCREEN:-}" ] || exit 1
echo "$AT_SCREEN"
""",
    "pkgutil": """
echo "pkgutil $*" >>"$CALLS"
case $1 in
--pkg-info) [ -e "$SESSIONS/receipt" ] ;;
--forget) rm "$SESSIONS/receipt" ;;
*) exit 64 ;;
esac
""",
    "ps": """
[ "$*" = "-axo uid=,comm=" ] || exit 64
echo "    0 /sbin/launchd"
for person in ${BEHIND:-}; do echo "  $person $PROGRAM"; done
echo "  503 /Applications/Other App.app/Contents/MacOS/port26"
""",
    "id": 'echo "${UID_HERE:-0}"',
    "sleep": 'echo "sleep $1" >>"$CALLS"',
}


class Mac(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.sessions, self.calls_at = self.folder / "sessions", self.folder / "calls"
        self.sessions.mkdir()
        (self.folder / "bin").mkdir()
        for name, text in STANDINS.items():
            path = self.folder / "bin" / name
            path.write_text("#!/bin/sh\n" + text)
            path.chmod(0o755)

    def has_agent(self, *people):
        for person in people:
            (self.sessions / str(person)).touch()

    def run_script(self, path, *arguments, **environment):
        self.calls_at.write_text("")
        places = {"CALLS": self.calls_at, "SESSIONS": self.sessions, "PATH": f"{self.folder}/bin:/usr/bin:/bin"}
        places |= {"PROGRAM": f"{self.folder}/mac/Applications/port26.app/Contents/MacOS/port26"}
        environment = {key: str(value) for key, value in (places | environment).items()}
        return subprocess.run(
            ["sh", path, *arguments], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def installer(self, name, volume="/", **environment):
        return self.run_script(SCRIPTS / name, "/tmp/port26.pkg", "/", volume, **environment)

    @property
    def calls(self):
        return self.calls_at.read_text().splitlines()


class Installing(Mac):
    def test_starts_the_agent_of_the_person_at_the_screen(self):
        ran = self.installer("preinstall", AT_SCREEN=501)
        self.assertEqual((ran.returncode, self.calls), (0, ["launchctl print gui/501/org.port26.agent"]))
        ran = self.installer("postinstall", AT_SCREEN=501)
        self.assertEqual((ran.returncode, self.calls), (0, [f"launchctl bootstrap gui/501 {AGENT}"]))
        self.assertTrue((self.sessions / "501").exists())

    def test_upgrade_ends_the_old_agent_and_waits_for_it(self):
        self.has_agent(501, 502)
        ran = self.installer("preinstall", AT_SCREEN=501)
        self.assertEqual((ran.returncode, ran.stdout), (0, ""))
        self.assertIn("launchctl bootout gui/501/org.port26.agent", self.calls)
        self.assertEqual(sorted(os.listdir(self.sessions)), ["502"])
        ran = self.installer("postinstall", AT_SCREEN=501)
        self.assertEqual((ran.returncode, ran.stdout), (0, ""))
        self.assertEqual(sorted(os.listdir(self.sessions)), ["501", "502"])

    def test_an_agent_that_does_not_end_holds_nothing_up_for_good(self):
        self.has_agent(501)
        ran = self.installer("preinstall", AT_SCREEN=501, STUCK=1)
        self.assertEqual(ran.returncode, 0)
        self.assertIn("user 501 did not end", ran.stdout)
        # launchd itself kills after 20 seconds; a minute is enough for everybody
        self.assertGreater(self.calls.count("sleep 1"), 30)
        self.assertLess(self.calls.count("sleep 1"), 90)

    def test_nobody_at_the_screen_is_nothing_to_do(self):
        for name in ("preinstall", "postinstall"):
            for person in (0, 248, ""):
                with self.subTest(name, person=person):
                    ran = self.installer(name, AT_SCREEN=person)
                    self.assertEqual((ran.returncode, self.calls), (0, []))

    def test_another_volume_is_left_to_its_own_start(self):
        for name in ("preinstall", "postinstall"):
            ran = self.installer(name, volume="/Volumes/Other", AT_SCREEN=501)
            self.assertEqual((ran.returncode, self.calls), (0, []))

    def test_a_refusal_of_launchd_does_not_fail_the_installation(self):
        ran = self.installer("postinstall", AT_SCREEN=501, REFUSED=125)
        self.assertEqual(ran.returncode, 0)
        self.assertIn("(launchctl told 125)", ran.stdout)


class Removing(Mac):
    def setUp(self):
        super().setUp()
        self.mac = self.folder / "mac"
        shutil.copytree(ROOT, self.mac)
        (self.mac / "private/etc").rename(self.mac / "etc")  # /etc leads there on a Mac
        self.kept = self.mac / "Users/anna/Library/Application Support/port26/receipts/1.json"
        self.kept.parent.mkdir(parents=True)
        self.kept.write_text("{}")
        (self.sessions / "receipt").touch()
        # the same script, one folder further down
        self.remover = self.mac / "Applications/port26.app/Contents/Resources/remove-port26"
        text = self.remover.read_text()
        for top in ("/Applications/port26.app", "/Library/", "/etc/"):
            self.assertIn(f"={top}", text)
            text = text.replace(f"={top}", f"={self.mac}{top}")
        self.remover.write_text(text)

    def files(self):
        return sorted(path.relative_to(self.mac).as_posix() for path in self.mac.rglob("*") if not path.is_dir())

    def test_leaves_nothing_but_the_receipts_of_users(self):
        self.has_agent(501, 502, 503)
        ran = self.run_script(self.remover, AT_SCREEN=501, BEHIND="502 501")
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertEqual(self.files(), [self.kept.relative_to(self.mac).as_posix()])
        self.assertFalse((self.mac / "Applications/port26.app").exists())
        self.assertTrue((self.mac / "Library/LaunchAgents").is_dir())
        self.assertEqual(os.listdir(self.sessions), ["503"])
        self.assertIn("pkgutil --forget org.port26.pkg", self.calls)

    def test_only_an_administrator_removes(self):
        before = self.files()
        ran = self.run_script(self.remover, UID_HERE=501, AT_SCREEN=501)
        self.assertEqual((ran.returncode, self.calls, self.files()), (1, [], before))
        self.assertIn("sudo", ran.stdout)

    def test_nobody_at_the_screen(self):
        ran = self.run_script(self.remover, AT_SCREEN=0)
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertEqual([call for call in self.calls if call.startswith("launchctl")], [])

    def test_what_pkgutil_never_knew_is_not_forgotten(self):
        (self.sessions / "receipt").unlink()
        ran = self.run_script(self.remover, AT_SCREEN=0)
        self.assertEqual((ran.returncode, self.calls), (0, ["pkgutil --pkg-info org.port26.pkg"]))

    def test_a_link_in_place_of_the_app_is_removed_and_not_followed(self):
        app, elsewhere = self.mac / "Applications/port26.app", self.folder / "elsewhere"
        remover = shutil.copy(self.remover, self.folder / "remove-port26")
        app.rename(elsewhere)
        app.symlink_to(elsewhere)
        ran = self.run_script(remover, AT_SCREEN=0)
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertFalse(app.is_symlink())
        self.assertTrue((elsewhere / "Contents/MacOS/port26").is_file())


if __name__ == "__main__":
    SCRIPTS, ROOT = (pathlib.Path(argument) for argument in sys.argv[1:3])
    unittest.main(argv=sys.argv[:1])
