"""The scripts for device management of Macs, run for real with a Mac's commands stubbed, and the files beside them."""

import os
import pathlib
import plistlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

import apple_keys
from stubs import Mac

ROOT = pathlib.Path(__file__).resolve().parents[2]
MACOS = ROOT / "installer/macos"
MDM = ROOT / "scripts/mdm"
sys.path.insert(0, str(ROOT / "scripts/macos"))


class Scripts(unittest.TestCase):
    def setUp(self):
        self.mac = Mac()
        self.addCleanup(self.mac.folder.cleanup)

    def run_it(self, script, *arguments, **variables):
        return self.mac.run(MDM / script, *arguments, **variables)

    def ran(self, calls, *arguments):
        """port26 ran with these arguments in the session of the user at the screen, and as that user."""
        self.assertTrue(calls[0].startswith("launchctl asuser 501 sudo -H -u jan "), calls)
        self.assertEqual(calls[1], "sudo -H -u jan", calls)
        self.assertEqual(calls[2:], ["port26 " + " ".join(f"[{word}]" for word in arguments)])

    def test_the_same_lines_are_in_every_script(self):
        scripts = list(MDM.glob("*/*.sh"))
        scripts = [path for path in scripts if path.parent.name in ("jamf", "munki", "intune-macos")]
        self.assertEqual(len(scripts), 6)
        part = lambda path, name: re.findall(rf"^{name}\(\) {{\n.*?^}}\n", path.read_text(), re.M | re.S)
        self.assertEqual({tuple(part(path, "in_session")) for path in scripts}, {tuple(part(scripts[0], "in_session"))})
        self.assertEqual(len(part(scripts[0], "in_session")), 1)
        words = {tuple(part(path, "words")) for path in scripts} - {()}
        self.assertEqual(len(words), 1)

    def test_the_user_needs_no_hand_over(self):
        ended, _, calls = self.run_it("intune-macos/port26-fix.sh", STUB_UID="501")
        self.assertEqual((ended, calls), (0, ["port26 [fix] [--yes] [--silent]"]))

    def test_nobody_at_the_screen_is_deferred(self):
        for user in ("root", "loginwindow", "_mbsetupuser", ""):
            for script in ("intune-macos/port26-fix.sh", "jamf/port26-fix.sh"):
                ended, said, calls = self.run_it(script, user=user)
                self.assertEqual((ended, said, calls), (75, "deferred: nobody is logged in", []), user)

    def test_there_are_words_for_every_exit_code_of_port26(self):
        words = {
            0: "mail goes out",
            1: "the test failed (1)",
            2: "the policy cannot be read",
            3: "can be fixed",
            4: "no way out: no port gets through",
            6: "needs the user",
        }
        for code, said in words.items():
            for script, form in (("jamf/port26-state.sh", "<result>{}</result>"), ("intune-macos/port26-state.sh", "{}")):
                ended, told, calls = self.run_it(script, STUB_CODE=str(code))
                self.assertEqual((ended, told), (0, form.format(said)))
                self.ran(calls, "test", "--silent")
        state = "intune-macos/port26-state.sh"
        self.assertEqual(self.run_it(state, user="root")[:2], (0, "nobody is logged in"))
        self.assertEqual(self.run_it(state, PORT26="/no")[:2], (0, "not installed"))

    def test_jamf_policy(self):
        jamf = lambda *parameters, **more: self.run_it("jamf/port26-fix.sh", "/", "mac", "jan", *parameters, **more)
        ended, said, calls = jamf(STUB_CODE="4")
        self.assertEqual((ended, said), (4, "port26 fix ended with 4"))
        self.ran(calls, "fix", "--yes", "--quiet")
        _, _, calls = jamf("fix", "a@x.test b@x.test", "--send-test", "/tmp/my log")
        self.ran(calls, "fix", "a@x.test", "b@x.test", "--send-test", "--yes", "--quiet", "--log", "/tmp/my log")
        _, _, calls = jamf("test", "*")
        self.ran(calls, "test", "*", "--quiet")
        _, _, calls = jamf("undo")
        self.ran(calls, "undo", "--quiet")
        for wrong in (("repair",), ("fix", "", "send-test")):
            ended, _, calls = jamf(*wrong)
            self.assertEqual((ended, calls), (2, []), wrong)
        self.assertEqual(jamf(PORT26="/no")[0], 69)

    def test_intune(self):
        fix = "intune-macos/port26-fix.sh"
        ended, said, calls = self.run_it(fix)
        self.assertEqual((ended, said), (0, "port26 fix ended with 0"))
        self.ran(calls, "fix", "--yes", "--silent")
        self.assertEqual(self.run_it(fix, STUB_CODE="6")[0], 6)
        self.assertEqual(self.run_it(fix, PORT26="/no")[0], 69)
        for script in (MDM / "intune-macos").iterdir():  # Intune takes 200 KB
            self.assertLess(script.stat().st_size, 200 * 1024)

    def test_munki_installs_only_what_can_be_fixed(self):
        check = "munki/installcheck.sh"
        for code in range(0, 7):
            ended, _, calls = self.run_it(check, STUB_CODE=str(code))
            self.assertEqual(ended, 0 if code == 3 else 1, f"port26 test ended with {code}")
            self.ran(calls, "test", "--silent")
        self.assertEqual(self.run_it(check, user="root")[0], 1)
        self.assertEqual(self.run_it(check, PORT26="/no")[0], 1)
        ended, _, calls = self.run_it("munki/postinstall.sh", STUB_CODE="5")
        self.assertEqual(ended, 5)
        self.ran(calls, "fix", "--yes", "--silent")

    def test_munki_pkginfo(self):
        make = lambda *arguments: subprocess.run([MDM / "munki/make-pkginfo", *arguments], capture_output=True)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "port26.pkg").mkdir()
            (folder / "port26.pkg/PackageInfo").write_text(
                '<pkg-info identifier="org.port26.pkg" version="1.2.3"><payload installKBytes="77"/></pkg-info>'
            )
            package = folder / "port26-1.2.3.pkg"
            subprocess.run(["bsdtar", "--format=xar", "-cf", package, "-C", folder, "port26.pkg"], check=True)
            info = plistlib.loads(make(package, "production").stdout)
            hashed = subprocess.run(["sha256sum", package], capture_output=True, text=True).stdout.split()[0]
            (folder / "broken.pkg").write_text("not a package")
            broken = make(folder / "broken.pkg")
            self.assertNotEqual(broken.returncode, 0)
            self.assertIn(b"broken.pkg", broken.stderr)
        self.assertEqual((info["name"], info["version"], info["catalogs"]), ("port26", "1.2.3", ["production"]))
        self.assertEqual(info["installer_item_hash"], hashed)
        self.assertEqual(info["receipts"], [{"packageid": "org.port26.pkg", "version": "1.2.3", "installed_size": 77}])
        fix = plistlib.loads(make("fix").stdout)
        self.assertEqual((fix["installer_type"], fix["requires"]), ("nopkg", [info["name"]]))
        for made in (info, fix):
            scripts = [name for name in made if name.endswith("_script")]
            self.assertTrue(scripts)
            for name in scripts:
                done = subprocess.run(["shellcheck", "-"], input=made[name], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stdout), (0, ""), name)

    def test_the_login_goes_on_at_once_and_the_agent_runs_as_the_user(self):
        script = ROOT / "scripts/login/port26-login-macos.sh"

        def calls_after(*arguments, expected, **variables):
            ended, said, _ = self.mac.run(script, *arguments, **variables)
            self.assertEqual((ended, said), (0, ""))
            for _ in range(200):  # it runs on in the background
                text = self.mac.calls.read_text()
                if text.count("\n") >= expected:
                    break
                time.sleep(0.05)
            return text.splitlines()

        # as a login hook, which is given the name
        self.ran(calls_after("jan", expected=3, user="root"), "agent", "run", "--silent")
        self.ran(calls_after(expected=3), "agent", "run", "--silent")
        self.assertEqual(calls_after(expected=1, STUB_UID="501"), ["port26 [agent] [run] [--silent]"])
        self.assertEqual(self.mac.run(script, user="root")[2], [])
        self.assertEqual(self.mac.run(script, PORT26="/no")[::2], (0, []))

    def test_every_script_is_plain_sh_and_shellcheck_finds_nothing(self):
        scripts = [path for folder in ("jamf", "munki", "intune-macos") for path in (MDM / folder).glob("*.sh")]
        scripts += [ROOT / "scripts/login/port26-login-macos.sh", ROOT / "scripts/verify-on-mac"]
        self.assertEqual(len(scripts), 8)
        for path in scripts:
            self.assertTrue(path.stat().st_mode & 0o100, f"{path} cannot be run")
        done = subprocess.run(["shellcheck", *map(str, scripts)], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class Profiles(unittest.TestCase):
    def test_they_are_as_their_maker_makes_them(self):
        import profiles

        for name in profiles.PROFILES:
            self.assertEqual((MACOS / f"profiles/{name}.mobileconfig").read_bytes(), profiles.text(name), name)
        kept = {path.stem for path in (MACOS / "profiles").iterdir()}
        self.assertEqual(kept, set(profiles.PROFILES))

    def test_every_key_is_one_of_apples(self):
        for path in (MACOS / "profiles").glob("*.mobileconfig"):
            self.assertEqual(list(apple_keys.profile_faults(plistlib.loads(path.read_bytes()))), [], path.name)

    def test_a_wrong_key_is_seen(self):
        good = plistlib.loads((MACOS / "profiles/port26-automation.mobileconfig").read_bytes())
        event = good["PayloadContent"][0]["Services"]["AppleEvents"][0]
        for name, value in [("AEReciever", "x"), ("Allowed", "true"), ("IdentifierType", "bundleid")]:
            event_before = dict(event)
            event[name] = value
            self.assertNotEqual(list(apple_keys.profile_faults(good)), [], name)
            event.clear()
            event |= event_before
        del event["AEReceiverCodeRequirement"]
        self.assertNotEqual(list(apple_keys.profile_faults(good)), [])

    def test_a_team_is_put_in(self):
        with tempfile.TemporaryDirectory() as folder:
            make = lambda team: subprocess.run([sys.executable, "-B", ROOT / "scripts/macos/profiles.py", team, folder], capture_output=True)
            self.assertEqual(make("ABCDE12345").returncode, 0)
            text = (pathlib.Path(folder) / "port26-automation.mobileconfig").read_text()
            self.assertIn('subject.OU] = "ABCDE12345"', text)
            self.assertNotIn("TEAMID0000", text)
            self.assertNotEqual(make('x" or anchor apple').returncode, 0)

    def test_mail_may_be_scripted_and_nothing_else(self):
        made = plistlib.loads((MACOS / "profiles/port26-automation.mobileconfig").read_bytes())
        events = made["PayloadContent"][0]["Services"]["AppleEvents"]
        receivers = {event["AEReceiverIdentifier"]: event["AEReceiverCodeRequirement"] for event in events}
        self.assertEqual(set(receivers), {"com.apple.mail", "com.microsoft.Outlook"})
        self.assertEqual(receivers["com.apple.mail"], 'identifier "com.apple.mail" and anchor apple')


class MailProfile(unittest.TestCase):
    def test_every_key_of_the_verb_is_one_of_apples(self):
        program = os.environ.get("PORT26_PROGRAM", str(ROOT / "target/debug/port26"))
        flags = ["--incoming", "in.x.test", "--outgoing", "out.x.test", "--name", "Jan", "--organization", "X"]
        for protocol in ("imap", "pop3"):
            done = subprocess.run([program, "profile", "jan@x.test", "--protocol", protocol, *flags], capture_output=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            made = plistlib.loads(done.stdout)
            self.assertEqual(list(apple_keys.profile_faults(made)), [])
            self.assertEqual(made["PayloadContent"][0]["OutgoingMailServerPortNumber"], 26)


class Names(unittest.TestCase):
    def test_one_program_everywhere_and_one_label(self):
        program = "{PORT26:-/Applications/port26.app/Contents/MacOS/port26}"
        for path in [*MDM.glob("jamf/*.sh"), *MDM.glob("munki/*.sh"), *MDM.glob("intune-macos/*.sh"), ROOT / "scripts/login/port26-login-macos.sh"]:
            self.assertIn(program, path.read_text(), path.name)
        rules = plistlib.loads((MACOS / "profiles/port26-background.mobileconfig").read_bytes())["PayloadContent"][0]["Rules"]
        self.assertEqual([(rule["RuleType"], rule["RuleValue"]) for rule in rules], [("Label", "org.port26.agent")])


if __name__ == "__main__":
    unittest.main()
