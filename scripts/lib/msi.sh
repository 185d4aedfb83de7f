# The MSI's life on a machine: built, signed, installed, upgraded, not downgraded, removed. In a Windows of its own
# (Wine). Sourced by scripts/test.

MSI_PACKAGES="wixl msitools osslsigncode openssl"

# fails TEXT: ends the story.
fails() { echo "MSI: $*" >&2; return 1; }

# msi ACTION FILE [PROPERTY=VALUE..]: msiexec in silence; its exit code.
msi() { wine64_here msiexec "$1" "$(winepath_of "$2")" /qn "${@:3}"; }

wine64_here() { env -u DISPLAY HOME="$CARGO_TARGET_DIR/winehome" /usr/lib/wine/wine64 "$@"; }

winepath_of() { echo "Z:${1//\//\\}"; }

# registry KEY [VALUE]: what `reg query` tells, without carriage returns; fails where there is nothing.
registry() { wine64_here reg query "$1" ${2:+/v "$2"} /reg:64 2>/dev/null | tr -d '\r'; }

no_registry() { if registry "$@" >/dev/null; then fails "still there: $*"; fi; }

uninstall_entries() { registry 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall' | grep -c '{' || true; }

installed_version() {
    wine64_here reg query 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall' /s /reg:64 2>/dev/null |
        tr -d '\r' | grep DisplayVersion | awk '{print $NF}'
}

# A certificate for one run: it proves that signing works, not who signed.
test_certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=port26 test" -addext extendedKeyUsage=codeSigning \
        -keyout "$1.key" -out "$1.crt" 2>/dev/null
    cat "$1.crt" "$1.key" >"$1"
}

signed() {
    local told
    told=$(osslsigncode verify -CAfile "$msi_work/sign.pem.crt" -in "$1") || true
    [[ $told == *"Signature verification: ok"* ]] || fails "the signature of $1 does not verify: $told"
}

msi_story() {
    windows_env
    needs_packages $MSI_PACKAGES
    cargo build --locked --target $WINDOWS
    export PORT26_EXE_DIR=$CARGO_TARGET_DIR/$WINDOWS/debug WINEPREFIX=$CARGO_TARGET_DIR/wine-msi
    rm -rf "$WINEPREFIX"
    wine_prefix
    local work run policies logon programs program state before told
    msi_work=$(mktemp -d)
    work=$msi_work
    trap '/usr/lib/wine/wineserver64 -k || true; rm -rf "$msi_work"' EXIT
    test_certificate "$work/sign.pem"
    export PORT26_SIGN_PEM=$work/sign.pem
    PORT26_MSI_VERSION=0.1.0 scripts/build-msi "$work/first.msi"
    PORT26_MSI_VERSION=0.2.0 scripts/build-msi "$work/second.msi"
    signed "$work/first.msi"

    programs="$WINEPREFIX/drive_c/Program Files/port26"
    program="$programs/port26.exe"
    state="$WINEPREFIX/drive_c/users/$(id -un)/AppData/Local/port26"
    policies='HKLM\Software\Policies\port26'
    run='HKLM\Software\Microsoft\Windows\CurrentVersion\Run'
    before=$(uninstall_entries)

    echo "installed in silence, with properties"
    msi /i "$work/first.msi" MODE=test 'HOST_ALLOW_LIST=*.hosting.test' || fails "installing ended with $?"
    [ -f "$program" ] && [ -f "$programs/port26w.exe" ] || fails "the programs are not there"
    signed "$program"
    logon=$(registry "$run" port26)
    case $logon in *'port26\port26w.exe" fix --silent') ;; *) fails "the entry at logon is: $logon" ;; esac
    [ "$(installed_version)" = 0.1.0 ] || fails "the list of programs tells $(installed_version)"
    told=$(wine64_here "$program" policy show | tr -d '\r')
    [[ $told =~ mode\ +\"test\"\ +.HKLM ]] || fails "the policy is: $told"
    [[ $told == *'["*.hosting.test"]'* ]] || fails "the policy is: $told"
    told=$(wine64_here "$program" scan --json | tr -d '\r')
    [[ $told == *'"schema": "port26/1"'* ]] || fails "scan tells: $told"
    mkdir -p "$state/receipts" && echo kept >"$state/receipts/test"

    echo "upgraded: one product, and what was said before still holds"
    msi /i "$work/second.msi" || fails "the upgrade ended with $?"
    [ "$(installed_version)" = 0.2.0 ] || fails "the list of programs tells $(installed_version)"
    told=$(wine64_here "$program" policy show)
    [[ $told == *'"test"'* ]] || fails "the upgrade lost the policy: $told"
    registry "$run" port26 >/dev/null || fails "the upgrade lost the entry at logon"

    echo "not downgraded"
    if msi /i "$work/first.msi"; then fails "an older version went in over a newer one"; fi
    [ "$(installed_version)" = 0.2.0 ] || fails "after a refused downgrade there is $(installed_version)"

    echo "removed: nothing is left but the user's receipts"
    msi /x "$work/second.msi" || fails "removing ended with $?"
    [ ! -e "$programs" ] || fails "left: $(ls "$programs")"
    no_registry "$run" port26
    no_registry "$policies"
    no_registry 'HKLM\Software\port26'
    [ "$(uninstall_entries)" = "$before" ] || fails "it is still in the list of programs"
    [ "$(cat "$state/receipts/test")" = kept ] || fails "the receipts are gone"

    echo "installed without an entry at logon, which an upgrade keeps so"
    msi /i "$work/first.msi" LOGON=none || fails "installing ended with $?"
    no_registry "$run" port26
    msi /i "$work/second.msi" || fails "the upgrade ended with $?"
    no_registry "$run" port26
    msi /x "$work/second.msi" || fails "removing ended with $?"
}
