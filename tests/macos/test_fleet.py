"""The scripts for device management of Macs, run for real with a Mac's commands stubbed, and the files beside them."""

import pathlib
import plistlib
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
        return self.mac.run(script, *arguments, PORT26_SUPPORT=str(MACOS), **variables)

    def ran(self, calls, *arguments):
        """port26 ran with these arguments in the session of the user at the screen, and as that user."""
        self.assertTrue(calls[0].startswith("launchctl asuser 501 sudo -H -u jan "), calls)
        self.assertEqual(calls[1], "sudo -H -u jan", calls)
        self.assertEqual(calls[2:], ["port26 " + " ".join(f"[{word}]" for word in arguments)])

    def test_root_hands_over_to_the_user_at_the_screen(self):
        for code in ("0", "3", "6"):
            ended, _, calls = self.run_it(MACOS / "as-console-user", "fix", "--log", "a b", STUB_CODE=code)
            self.assertEqual(ended, int(code))
            self.ran(calls, "fix", "--log", "a b")

    def test_the_user_needs_no_hand_over(self):
        ended, _, calls = self.run_it(MACOS / "as-console-user", "scan", STUB_UID="501")
        self.assertEqual((ended, calls), (0, ["port26 [scan]"]))

    def test_nobody_at_the_screen_is_deferred(self):
        for user in ("root", "loginwindow", "_mbsetupuser", ""):
            ended, said, calls = self.run_it(MACOS / "as-console-user", "fix", user=user)
            self.assertEqual((ended, said, calls), (75, "deferred: nobody is logged in", []), user)

    def test_a_mac_without_port26_is_told_so(self):
        ended, said, _ = self.run_it(MACOS / "as-console-user", "fix", PORT26="/no/such/port26")
        self.assertEqual((ended, said), (69, "not installed: /no/such/port26"))

    def test_compliance_has_words_for_every_exit_code_of_port26(self):
        words = {
            0: "mail goes out",
            1: "the test failed (1)",
            2: "the policy cannot be read",
            3: "can be fixed",
            4: "no way out: no port gets through",
            6: "needs the user",
        }
        for code, said in words.items():
            ended, told, calls = self.run_it(MACOS / "compliance", STUB_CODE=str(code))
            self.assertEqual((ended, told), (code, said))
            self.ran(calls, "test", "--silent")
        self.assertEqual(self.run_it(MACOS / "compliance", user="root")[:2], (75, "nobody is logged in"))
        self.assertEqual(self.run_it(MACOS / "compliance", PORT26="/no")[:2], (69, "not installed"))

    def test_jamf_policy(self):
        jamf = lambda *parameters, **more: self.run_it(MDM / "jamf/port26-fix.sh", "/", "mac", "jan", *parameters, **more)
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
        self.assertEqual(jamf(user="loginwindow")[0], 75)
        self.assertEqual(self.mac.run(MDM / "jamf/port26-fix.sh", PORT26_SUPPORT="/no")[0], 69)

    def test_jamf_extension_attribute(self):
        script = MDM / "jamf/port26-state.sh"
        self.assertEqual(self.run_it(script, STUB_CODE="3")[:2], (0, "<result>can be fixed</result>"))
        self.assertEqual(self.mac.run(script, PORT26_SUPPORT="/no")[:2], (0, "<result>not installed</result>"))

    def test_intune(self):
        fix, state = MDM / "intune-macos/port26-fix.sh", MDM / "intune-macos/port26-state.sh"
        ended, said, calls = self.run_it(fix)
        self.assertEqual((ended, said), (0, "port26 fix ended with 0"))
        self.ran(calls, "fix", "--yes", "--silent")
        self.assertEqual(self.run_it(fix, STUB_CODE="6")[0], 6)
        self.assertEqual(self.run_it(state, STUB_CODE="3")[:2], (0, "can be fixed"))
        self.assertEqual(self.mac.run(state, PORT26_SUPPORT="/no")[:2], (0, "not installed"))
        for script in (fix, state):  # Intune's limits: 200 KB a script, 20 KB an answer
            self.assertLess(script.stat().st_size, 200 * 1024)

    def test_munki_installs_only_what_can_be_fixed(self):
        check = MDM / "munki/installcheck.sh"
        for code in range(0, 7):
            ended, _, calls = self.run_it(check, STUB_CODE=str(code))
            self.assertEqual(ended, 0 if code == 3 else 1, f"port26 test ended with {code}")
            self.ran(calls, "test", "--silent")
        self.assertEqual(self.run_it(check, user="root")[0], 1)
        self.assertEqual(self.mac.run(check, PORT26_SUPPORT="/no")[0], 1)
        ended, _, calls = self.run_it(MDM / "munki/postinstall.sh", STUB_CODE="5")
        self.assertEqual(ended, 5)
        self.ran(calls, "fix", "--yes", "--silent")

    def test_munki_is_given_the_very_scripts(self):
        done = subprocess.run([MDM / "munki/make-pkginfo", "production"], capture_output=True, check=True)
        made = plistlib.loads(done.stdout)
        self.assertEqual((made["name"], made["catalogs"], made["installer_type"]), ("port26-fix", ["production"], "nopkg"))
        for key in ("installcheck", "postinstall"):
            self.assertEqual(made[f"{key}_script"], (MDM / f"munki/{key}.sh").read_text())

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
        scripts = [path for folder in (MACOS, MDM / "jamf", MDM / "munki", MDM / "intune-macos", ROOT / "scripts/login") for path in folder.rglob("*") if path.is_file()]
        scripts = [path for path in scripts if path.read_bytes().startswith(b"#!/bin/sh")]
        self.assertGreater(len(scripts), 8)
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


if __name__ == "__main__":
    unittest.main()
