"""The check that a person with a Mac runs: with a Mac's commands stubbed it asks nothing it may not, puts back what it
changed, and tells nothing personal."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from stubs import Mac

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/verify-on-mac"
PAGE = ROOT / "docs/verify-macos.md"
WORKS = '#!/bin/sh\necho "$(basename "$0") $*" >>"$STUB_CALLS"\nexit 0\n'
# Mail with one outgoing server and Outlook with one account, whose port is in a file
OSASCRIPT = r"""#!/bin/sh
echo "osascript $4" >>"$STUB_CALLS"
case $4 in
*"s.port = "*) echo "${4##*= }" >"$STUB_PORT"; [ -z "${STUB_KILL:-}" ] || { kill -TERM "$(cat "$STUB_KILL")"; sleep 5; } ;;
*"smtpServers[0].port = "* | *"a.smtpPort = "*) echo "${4##*= }" >"$STUB_PORT" ;;
*"typeof s.port()" | *"typeof a.smtpPort()") echo number ;;
*"s.port()" | *"a.smtpPort()") cat "$STUB_PORT" ;;
*authentication*) exit 1 ;;
*) echo something ;;
esac
"""


class Verify(unittest.TestCase):
    def setUp(self):
        self.mac = Mac()
        self.addCleanup(self.mac.folder.cleanup)
        for name in ("codesign", "spctl", "arch", "plutil", "lsbom", "installer", "security", "pkgutil"):
            self.mac.command(name, WORKS)
        self.mac.command("uname", '#!/bin/sh\n[ "$1" = -s ] && echo Darwin || echo arm64\n')
        self.mac.command("sw_vers", "#!/bin/sh\necho 14.5\n")
        self.mac.command("osascript", OSASCRIPT)
        # the user and root are the same here
        self.mac.command("id", '#!/bin/sh\n[ "$1" = -u ] && echo 501 || echo secretname\n')
        self.port = self.mac.path / "port"
        self.port.write_text("25\n")
        app = self.mac.path / "port26.app/Contents/MacOS"
        app.mkdir(parents=True)
        (app / "port26").write_text(WORKS)
        (app / "port26").chmod(0o755)
        (self.mac.path / "Library/Accounts").mkdir(parents=True)
        (self.mac.path / "Library/Accounts/Accounts4.sqlite").write_text("SQLite format 3")
        self.more = {
            "PORT26_APP": str(app.parents[1]),
            "HOME": str(self.mac.path),
            "STUB_PORT": str(self.port),
            "PORT26_OUTLOOK": str(self.mac.path),
            "TMPDIR": str(self.mac.path),
        }

    def verify(self, *flags, **variables):
        code, said, calls = self.mac.run(SCRIPT, *flags, **self.more | variables)
        return code, json.loads(said)["answers"] if code == 0 else said, calls

    def test_read_only_starts_and_changes_nothing(self):
        code, answers, calls = self.verify("--read-only")
        self.assertEqual((code, answers["program_starts"], answers["mail_port_can_be_set"]), (0, "yes", "skipped"))
        changing = [call for call in calls if call.startswith(("osascript", "security", "sudo"))]
        self.assertEqual(changing, [])

    def test_nobody_to_ask_is_no_yes(self):
        _, answers, calls = self.verify()
        self.assertEqual(answers["mail_lists_servers"], "skipped")
        self.assertFalse(any(call.startswith(("osascript", "security", "sudo")) for call in calls))

    def test_all_agreed_answers_everything_and_puts_back(self):
        package, profiles = self.mac.path / "x.pkg", self.mac.path / "profiles"
        package.write_text("")
        profiles.mkdir()
        code, answers, calls = self.verify("--yes", "--pkg", str(package), "--profiles", str(profiles))
        self.assertEqual(code, 0)
        self.assertNotIn("skipped", answers.values())
        self.assertEqual([name for name, said in answers.items() if said == "no"], ["mail_reads_authentication"])
        self.assertIn("osascript var s = Application('Mail').smtpServers[0]; s.port = 2626", calls)
        self.assertTrue(any(call.endswith("a.smtpPort = 2626") for call in calls))
        self.assertTrue(any(call.endswith("a.smtpPort = 25") for call in calls))
        self.assertEqual(self.port.read_text(), "25\n")
        self.assertTrue(any(call.startswith("security delete") for call in calls))

    def test_interrupted_it_puts_the_port_back(self):
        pid = self.mac.path / "pid"
        environment = {"PATH": f"{self.mac.path}/bin:{os.environ['PATH']}", "STUB_KILL": str(pid)}
        environment |= {"STUB_CALLS": str(self.mac.calls), "STUB_UNKNOWN": str(self.mac.unknown), "STUB_USER": "jan"}
        process = subprocess.Popen(
            ["sh", "-c", f'echo $$ >"{pid}"; exec "{SCRIPT}" --yes'],
            env=environment | self.more,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        out, _ = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (1, b""))
        self.assertEqual(self.port.read_text().strip(), "25")

    def test_it_tells_nothing_personal(self):
        _, said, _ = self.mac.run(SCRIPT, "--yes", **self.more)
        document = json.loads(said)
        self.assertEqual(set(document), {"schema", "macos", "processor", "answers"})
        self.assertEqual((document["macos"], document["processor"]), ("14.5", "arm64"))
        self.assertLessEqual(set(document["answers"].values()), {"yes", "no", "skipped"})
        for private in ("secretname", str(self.mac.path), "something"):
            self.assertNotIn(private, said)

    def test_what_it_cannot_do_is_said(self):
        for flags in (["--al"], ["--pkg", "/no/such.pkg"], ["--pkg"]):
            self.assertEqual(self.verify(*flags)[:2], (2, ""), flags)
        self.mac.command("uname", "#!/bin/sh\necho Linux\n")
        self.assertEqual(self.verify("--yes")[::2], (2, []))

    def test_the_page_explains_every_answer(self):
        _, read_only, _ = self.verify("--read-only")
        explained = set(re.findall(r"^\| `(\w+)`", PAGE.read_text(), re.M))
        self.assertEqual(explained, set(read_only))
        with tempfile.NamedTemporaryFile() as package:
            _, all_of_it, _ = self.verify("--yes", "--pkg", package.name)
        self.assertEqual(list(all_of_it), list(read_only), "the same questions whatever is agreed to")


if __name__ == "__main__":
    unittest.main()
