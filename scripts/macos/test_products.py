"""What check.py and check_pkg.py are worth: each fault that is put into what was built is named by them.
test_products.py PROGRAM APP PKG VERSION"""

import copy
import dataclasses
import pathlib
import plistlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import archive
import bom
import check
import check_pkg
import macho
import sign

PROGRAM, APP, PKG, VERSION = None, None, None, None


def offsets(data):
    """Where each slice of a universal program begins."""
    count = struct.unpack_from(">I", data, 4)[0]
    return [struct.unpack_from(">I", data, 8 + 20 * number + 8)[0] for number in range(count)]


def flipped(data, at):
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def signed_again(data, old, new):
    """The program with other bytes in it, and signatures that vouch for them."""
    assert len(old) == len(new)
    xml = sign.ENTITLEMENTS.read_bytes()
    slices = macho.read(data)
    return macho.join([sign.sign_slice(one.data.replace(old, new), xml) for one in slices])


class Program(unittest.TestCase):
    def setUp(self):
        self.data = PROGRAM.read_bytes()

    def assertFault(self, data, *words):
        faults = list(check.program_faults(data))
        for word in words:
            self.assertTrue(any(word in fault for fault in faults), (word, faults))

    def test_is_right_as_built(self):
        self.assertEqual(list(check.program_faults(self.data)), [])

    def test_a_flipped_byte_is_caught_in_each_slice(self):
        for one, start in zip(macho.read(self.data), offsets(self.data)):
            signature = one.signature()
            # what follows the load commands counts too: it is where a command could be added
            for at in (one.header_end, signature.code_limit // 2, signature.code_limit - 1):
                page = at // signature.page_size
                self.assertFault(flipped(self.data, start + at), f"{one.cpu}: page {page} ")

    def test_what_the_signature_says_is_caught_too(self):
        for one, start in zip(macho.read(self.data), offsets(self.data)):
            directory = start + one.data.rindex(struct.pack(">I", macho.DIRECTORY))
            without_runtime = bytearray(self.data)
            flags = struct.unpack_from(">I", self.data, directory + 12)[0]
            struct.pack_into(">I", without_runtime, directory + 12, flags & ~macho.FLAG_RUNTIME)
            self.assertFault(bytes(without_runtime), f"{one.cpu}: without the hardened runtime")
            name = start + one.data.rindex(b"org.port26\0")
            self.assertFault(flipped(self.data, name), f"{one.cpu}: the identifier is nrg.port26")
            entitlement = start + one.data.rindex(b"<key>com.apple.security") + 6
            self.assertFault(flipped(self.data, entitlement), "the entitlements are", "special slot 5 is not")

    def test_right_signatures_do_not_excuse_what_is_signed(self):
        library = b"/usr/lib/libSystem.B.dylib"
        self.assertFault(signed_again(self.data, library, b"/opt/lib/libSystem.B.dylib"), "wants /opt/lib/libSystem.B.dylib")
        oldest = struct.pack("<II", macho.PLATFORM_MACOS, 12 << 16)
        newer = struct.pack("<II", macho.PLATFORM_MACOS, 15 << 16)
        self.assertFault(signed_again(self.data, oldest, newer), "(1, '15.0')")

    def test_one_processor_only(self):
        for one in macho.read(self.data):
            self.assertFault(macho.join([one.data]), f"made for {one.cpu}")

    def test_unsigned(self):
        parts = []
        for one in macho.read(self.data):
            bare = bytearray(one.data)
            struct.pack_into("<I", bare, one.find(macho.LC_CODE_SIGNATURE)[0], 0x7F)
            parts.append(bytes(bare))
        self.assertFault(macho.join(parts), "arm64: not signed", "x86_64: not signed")

    def test_cut_off(self):
        with self.assertRaises(macho.Malformed):
            macho.read(self.data[:-1])

    def test_signing_twice_changes_nothing(self):
        self.assertEqual(signed_again(self.data, b"", b""), self.data)

    def test_entitlements_in_their_second_form(self):
        # as rcodesign 0.29 writes it for this one entitlement, and openssl reads it
        name = b"com.apple.security.automation.apple-events"
        wanted = b"\x70\x36\x02\x01\x01\xb0\x31\x30\x2f\x0c\x2a" + name + b"\x01\x01\xff"
        self.assertEqual(sign.entitlements_der({name.decode(): True}), wanted)
        read = subprocess.run(["openssl", "asn1parse", "-inform", "der"], input=wanted, stdout=subprocess.PIPE, check=True)
        shape = [line.partition(": ")[2].split() for line in read.stdout.decode().splitlines()]
        self.assertEqual(
            shape,
            [
                ["appl", "[", "16", "]"],
                ["INTEGER", ":01"],
                ["cont", "[", "16", "]"],
                ["SEQUENCE"],
                ["UTF8STRING", f":{name.decode()}"],
                ["BOOLEAN", ":255"],
            ],
        )


class App(unittest.TestCase):
    def setUp(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        self.app = shutil.copytree(APP, folder / "port26.app")
        self.contents = self.app / "Contents"

    def assertFault(self, *words):
        faults = list(check.app_faults(self.app))
        for word in words:
            self.assertTrue(any(word in fault for fault in faults), (word, faults))

    def test_is_right_as_built(self):
        self.assertEqual(list(check.app_faults(self.app)), [])
        self.assertEqual(plistlib.loads((self.contents / "Info.plist").read_bytes())["CFBundleVersion"], VERSION)

    def test_a_changed_resource(self):
        remover = self.contents / "Resources/remove-port26"
        remover.write_text(remover.read_text() + "\n")
        self.assertFault("Resources/remove-port26 is not what was sealed")

    def test_a_file_more_or_less(self):
        (self.contents / "Resources/more").write_text("")
        (self.contents / "Resources/LICENSE-MIT").unlink()
        self.assertFault("Resources/more: not sealed", "Resources/LICENSE-MIT: sealed, and not there")

    def test_a_changed_info_plist(self):
        info = self.contents / "Info.plist"
        info.write_text(info.read_text().replace("<true/>", "<false/>"))
        self.assertFault("LSUIElement is False", "arm64: special slot 1", "x86_64: special slot 1")

    def test_a_changed_seal(self):
        seal = self.contents / "_CodeSignature/CodeResources"
        seal.write_bytes(seal.read_bytes() + b"\n")
        self.assertFault("arm64: special slot 3", "x86_64: special slot 3")

    def test_a_flipped_byte_of_the_program(self):
        program = self.contents / "MacOS/port26"
        data = program.read_bytes()
        program.write_bytes(flipped(data, offsets(data)[1] + 70_000))
        self.assertFault("x86_64: page 17 ")

    def test_the_standalone_program_is_no_apps_program(self):
        shutil.copy(PROGRAM, self.contents / "MacOS/port26")
        self.assertFault("special slot 1", "special slot 3")


class Package(unittest.TestCase):
    def setUp(self):
        self.data = PKG.read_bytes()
        self.files = archive.read_xar(self.data)
        self.entries = archive.read_cpio(self.files["port26.pkg/Payload"])
        self.scripts = archive.read_cpio(self.files["port26.pkg/Scripts"])

    def faults(self, files=None, entries=None):
        return list(check_pkg.faults(files or self.files, VERSION, entries or self.entries, self.scripts))

    def assertFault(self, word, **changed):
        faults = self.faults(**changed)
        self.assertTrue(any(word in fault for fault in faults), (word, faults))

    def test_is_right_as_built(self):
        self.assertEqual(self.faults(), [])

    def test_a_flipped_byte(self):
        for at in (len(self.data) - 1, len(self.data) // 2, 40):
            with self.assertRaises(Exception):
                archive.read_xar(flipped(self.data, at))

    def test_modes_and_owners(self):
        for number, entry in enumerate(self.entries):
            if entry.path not in (check_pkg.PROGRAM, "./Applications"):
                continue
            for change in ({"mode": entry.mode | 0o4002}, {"uid": 501}, {"gid": 20}):
                entries = copy.copy(self.entries)
                entries[number] = dataclasses.replace(entry, **change)
                self.assertFault(f"{entry.path} is ", entries=entries)
                self.assertFault(f"Bom tells other modes, owners or dates of {entry.path}", entries=entries)

    def test_a_bill_of_other_files(self):
        bill = bom.write([entry for entry in self.entries if entry.path != check_pkg.REMOVER])
        self.assertFault(f"Bom and Payload differ in {check_pkg.REMOVER}", files=self.files | {"port26.pkg/Bom": bill})
        other = [dataclasses.replace(entry, data=entry.data + b" ") for entry in self.entries]
        self.assertFault(f"Bom tells another content of {check_pkg.PROGRAM}", entries=other)

    def test_another_version(self):
        for part in ("Distribution", "port26.pkg/PackageInfo"):
            text = self.files[part].replace(f'version="{VERSION}"'.encode(), b'version="9.9"')
            self.assertFault("version", files=self.files | {part: text})

    def test_a_root_daemon_has_no_place(self):
        entry = next(entry for entry in self.entries if entry.path.endswith("agent.plist"))
        daemon = dataclasses.replace(entry, path="./Library/LaunchDaemons/org.port26.agent.plist")
        self.assertFault("has no place", entries=[*self.entries, daemon])


if __name__ == "__main__":
    PROGRAM, APP, PKG = (pathlib.Path(argument) for argument in sys.argv[1:4])
    VERSION = sys.argv[4]
    unittest.main(argv=sys.argv[:1])
