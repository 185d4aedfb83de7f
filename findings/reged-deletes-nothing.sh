#!/usr/bin/env bash
# reged, the importer of .reg files for hives of a Windows that is not running, cannot delete a value. It says so on the screen only.
#
# Version  chntpw 140201-1 (Debian 12), called as `reged -C -I HIVE PREFIX FILE`. The hive is filled with hivexsh 1.3.23.
# Guess    `"name"=-` takes the value away, as regedit and hivexregedit do. If not, the exit status tells. What stands in the same
#          file before such a line is written in any case. 0 means that it worked.
# Seen     One `"name"=-` ends the whole import: it prints "operation FAILED!" and writes nothing, also not the value that stands
#          before it. Then it exits with 0. An import that worked exits with 2. So a script that trusts the status has it backwards.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
not_asked() { echo "not asked: $*" >&2; exit 2; }
same() { # same WHAT SEEN BEFORE
    echo "$1: $2"
    [ "$2" = "$3" ] || { echo "CHANGED, it was: $3" >&2; exit 1; }
}

mkdir -p "$t/debs/partial"
apt-get -qq -y -d --reinstall --allow-downgrades --no-install-recommends -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
    -o Dir::Cache::archives="$t/debs" install chntpw=140201-1 libhivex-bin=1.3.23-1+b1 libhivex0=1.3.23-1+b1 || not_asked "apt does not have it"
for deb in "$t"/debs/*.deb; do dpkg -x "$deb" "$t"; done
export LD_LIBRARY_PATH=$t/usr/lib/x86_64-linux-gnu
cd "$t"

# An empty hive: its head, and one block with the root key and that key's security descriptor. hivexsh fills it.
python3 - <<'PY'
import struct

security = bytes.fromhex(
    "010004801400000024000000000000003400000001020000000000052000000020020000"
    "01020000000000052000000020020000" "02001c0001000000000214003f000f00010100000000000100000000"
)
none = 0xFFFFFFFF
root = b"nk" + struct.pack("<HQ15I2H", 0x2C, 0, 0, none, 0, 0, none, none, 0, none, 0x80, none, 0, 0, 0, 0, 0, 4, 0) + b"ROOT"
safe = b"sk" + struct.pack("<H4I", 0, 0x80, 0x80, 1, len(security)) + security
block = b"hbin" + struct.pack("<IIQQI", 0, 4096, 0, 0, 0)
block += struct.pack("<i", -0x60) + root.ljust(0x5C, b"\0") + struct.pack("<i", -0x90) + safe.ljust(0x8C, b"\0")
block += struct.pack("<i", 4096 - len(block))
head = (b"regf" + struct.pack("<IIQ7I", 1, 1, 0, 1, 3, 0, 1, 0x20, 4096, 1)).ljust(508, b"\0")
check = 0
for (word,) in struct.iter_unpack("<I", head):
    check ^= word
open("hive", "wb").write((head + struct.pack("<I", check)).ljust(4096, b"\0") + block.ljust(4096, b"\0"))
PY
usr/bin/hivexsh -w hive <<'SH'
cd \
add Software
cd \Software
add Mail
cd \Software\Mail
setval 2
Server
string:mail.hosting.example
Port
dword:25
commit
SH

values() { printf 'cd \\Software\\Mail\nlsval\n' | usr/bin/hivexsh hive | tr '\n' ' '; }
import() { # import LINE..: says the exit status, and what reged printed is in `said`
    { printf 'Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\Software\\Mail]\r\n' && printf '%s\r\n' "$@"; } > in.reg
    local status=0
    usr/sbin/reged -C -I hive HKEY_CURRENT_USER in.reg > said 2>&1 || status=$?
    echo $status
}
full='"Server"="mail.hosting.example" "Port"=dword:00000019 '
[ "$(values)" = "$full" ] || not_asked "the hive is not what it should be: $(values)"

verdict() { grep -o 'operation [A-Z]*' said || echo "no verdict"; }

status=$(import '"Server"="other.hosting.example"' '"Port"=-')
same "a change, then a deletion" "exit status $status, $(verdict), $(values)" "exit status 0, operation FAILED, $full"
status=$(import '"Server"="other.hosting.example"')
same "the change alone" "exit status $status, $(verdict), $(values)" \
    'exit status 2, operation SUCCEEDED, "Server"="other.hosting.example" "Port"=dword:00000019 '
