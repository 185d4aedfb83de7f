# The lives of both MSIs on a machine: built, signed, installed, repaired, upgraded, not downgraded, removed; for all users
# and for one. In a Windows of its own (Wine). Sourced by scripts/test.

MSI_PACKAGES="wixl msitools osslsigncode openssl xvfb xauth xdotool"

# fails TEXT: ends the story.
fails() { echo "MSI: $*" >&2; return 1; }

# msi ACTION FILE [PROPERTY=VALUE..]: msiexec in silence; its exit code.
msi() { wine64_here msiexec "$1" "$(winepath_of "$2")" /qn "${@:3}"; }

# repair FILE: what `msiexec /famus` does, in the properties that it stands for: Wine's msiexec has no /f yet.
repair() { msi /i "$1" REINSTALL=ALL REINSTALLMODE=amus; }

# ends_with CODE COMMAND..: the command's exit code must be this one. Wine hands on its lower 8 bits.
ends_with() {
    local wanted=$1 code=0
    shift
    "$@" || code=$?
    [ $code = $((wanted & 255)) ] || fails "$* ended with $code, not with $wanted ($((wanted & 255)))"
}

wine64_here() { env -u DISPLAY HOME="$CARGO_TARGET_DIR/winehome" /usr/lib/wine/wine64 "$@"; }

winepath_of() { echo "Z:${1//\//\\}"; }

# registry KEY [VALUE]: what `reg query` tells, without carriage returns; fails where there is nothing.
registry() { wine64_here reg query "$1" ${2:+/v "$2"} /reg:64 2>/dev/null | tr -d '\r'; }

no_registry() { if registry "$@" >/dev/null; then fails "still there: $*"; fi; }

# told KEY VALUE: the data of a value, or nothing.
told() { registry "$1" "$2" | sed -n "s/^ *$2 *REG_[A-Z_]* *//p" || true; }

# tells KEY VALUE DATA: this value must hold this.
tells() {
    local data
    data=$(told "$1" "$2")
    [ "$data" = "$3" ] || fails "$1 $2 is \"$data\", not \"$3\""
}

uninstall='Software\Microsoft\Windows\CurrentVersion\Uninstall'
run='Software\Microsoft\Windows\CurrentVersion\Run'

# entries: how many programs the list of programs has. Wine keeps one list in HKLM; Windows has one of each user's, too.
entries() { registry "HKLM\\$uninstall" | grep -c '{' || true; }

# entry: the key of port26 in that list; nothing if it is not in it.
entry() {
    wine64_here reg query "HKLM\\$uninstall" /s /reg:64 2>/dev/null | tr -d '\r' |
        awk '/^HKEY/ { key = $0 } /DisplayName .*port26/ { print key; exit }' || true
}

installed_version() { told "$(entry)" DisplayVersion; }

# policy: what the installed program says its policy is.
policy() { wine64_here "$program" policy show | tr -d '\r'; }

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

# listed VERSION PRODUCTS: what the list of programs shows; PRODUCTS is the installer's own key, the machine's or the user's.
listed() {
    local key icon
    key=$(entry)
    [ -n "$key" ] || fails "it is not in the list of programs"
    tells "$key" DisplayVersion "$1"
    tells "$key" Publisher port26
    tells "$key" HelpLink https://github.com/port26/port26/issues
    tells "$key" URLInfoAbout https://github.com/port26/port26
    # Windows makes DisplayIcon of it, Wine does not
    icon=$(wine64_here reg query "$2" /s /reg:64 | tr -d '\r' | sed -n 's/^ *ProductIcon *REG_SZ *//p')
    [[ $icon == *port26.ico ]] || fails "its icon is \"$icon\""
    [ -f "$WINEPREFIX/drive_c$(cut -c 3- <<<"${icon//\\//}")" ] || fails "there is no $icon"
    [ -n "$(told "$key" UninstallString)" ] || fails "there is no way to remove it"
}

# no_products KEY: the installer knows nothing of port26 there.
no_products() {
    if wine64_here reg query "$1" /s /reg:64 2>/dev/null | grep -q 'ProductName .*port26'; then fails "port26 is known in $1"; fi
}

# Wine has the same start menu for all users and for one; Windows has two.
start_menu_entry() { find "$WINEPREFIX/drive_c" -path '*Start Menu/Programs/Repair sending mail (port26).lnk'; }

# in_start_menu FOLDER: the entry of the start menu leads to port26w.exe in a folder that ends so.
in_start_menu() {
    local link
    link=$(start_menu_entry)
    [ -f "$link" ] || fails "there is no entry in the start menu"
    [[ $(strings -e l "$link" && strings "$link") == *"$1\\port26w.exe"* ]] || fails "the entry in the start menu leads elsewhere"
}

# A double click on port26w opens a window in which fix runs, and which stays open to be typed in, where the program is.
double_clicked() {
    local window="" at said=$WINEPREFIX/drive_c/said.txt
    mkfifo "$msi_work/display"
    Xvfb -displayfd 3 -screen 0 1000x700x24 3>"$msi_work/display" 2>/dev/null &
    xvfb=$!
    read -r at <"$msi_work/display"
    export DISPLAY=:$at
    # the desktop is made for whoever comes first
    /usr/lib/wine/wineserver64 -k || true
    HOME="$CARGO_TARGET_DIR/winehome" /usr/lib/wine/wine64 "$programs/port26w.exe" || fails "port26w.exe ended with $?"
    for at in $(seq 60); do
        window=$(xdotool search --name '^port26$' 2>/dev/null | head -n 1 || true)
        [ -z "$window" ] || break
        sleep 0.5
    done
    [ -n "$window" ] || fails "no window came up"
    sleep 2
    # in any order with what fix prints: the shell reads it afterwards
    xdotool windowfocus "$window" type --delay 20 'port26 policy show > c:\said.txt'
    xdotool key Return type --delay 20 'exit'
    xdotool key Return
    for at in $(seq 60); do
        xdotool search --name '^port26$' >/dev/null 2>&1 || break
        sleep 0.5
    done
    [[ $(cat "$said") == *target_ports* ]] || fails "in the window nothing could be typed: $(cat "$said")"
    /usr/lib/wine/wineserver64 -k || true
    kill $xvfb
    xvfb=""
    unset DISPLAY
}

msi_story() {
    windows_test_env
    needs_packages $MSI_PACKAGES
    cargo build --locked --target $WINDOWS
    export PORT26_EXE_DIR=$CARGO_TARGET_DIR/$WINDOWS/debug WINEPREFIX=$CARGO_TARGET_DIR/wine-msi
    rm -rf "$WINEPREFIX"
    wine_prefix
    msi_work=$(mktemp -d)
    xvfb=""
    trap '/usr/lib/wine/wineserver64 -k || true; [ -z "$xvfb" ] || kill $xvfb; rm -rf "$msi_work"' EXIT
    test_certificate "$msi_work/sign.pem"
    export PORT26_SIGN_PEM=$msi_work/sign.pem
    first=$msi_work/first.msi second=$msi_work/second.msi
    PORT26_MSI_VERSION=0.1.0 scripts/build-msi "$first"
    PORT26_MSI_VERSION=0.2.0 scripts/build-msi "$second"
    for_all_users
    for_one_user
}

for_all_users() {
    local programs program state policies products logon before value
    programs="$WINEPREFIX/drive_c/Program Files/port26"
    program="$programs/port26.exe"
    state="$WINEPREFIX/drive_c/users/$(id -un)/AppData/Local/port26"
    products='HKLM\Software\Classes\Installer\Products'
    policies='HKLM\Software\Policies\port26'
    before=$(entries)
    signed "$first"

    echo "a word that no policy has: refused, and nothing is installed"
    ends_with 1603 msi /i "$first" MODE=fixx
    ends_with 1603 msi /i "$first" SCHEDULE=weekly
    ends_with 1603 msi /i "$first" LOGON=yes
    [ ! -e "$programs" ] || fails "the programs are there"
    in_a_folder_of_its_own

    echo "installed in silence, with properties"
    ends_with 0 msi /i "$first" MODE=test 'HOST_ALLOW_LIST=*.hosting.test'
    [ -f "$program" ] && [ -f "$programs/port26w.exe" ] || fails "the programs are not there"
    signed "$program"
    signed "$programs/port26w.exe"
    has_tests --quiet --locked --target $WINDOWS --test suite programs::
    PORT26_PROGRAMS=$(winepath_of "$programs") cargo test --quiet --locked --target $WINDOWS --test suite programs::
    logon=$(told "HKLM\\$run" port26)
    case $logon in *'port26\port26w.exe" agent run --silent') ;; *) fails "the entry at logon is: $logon" ;; esac
    listed 0.1.0 "$products"
    in_start_menu 'Program Files\port26'
    [[ $(policy) =~ mode\ +\"test\"\ +.HKLM ]] || fails "the policy is: $(policy)"
    [[ $(policy) == *'["*.hosting.test"]'* ]] || fails "the policy is: $(policy)"
    [[ $(wine64_here "$program" scan --json | tr -d '\r') == *'"schema": "port26/1"'* ]] || fails "scan tells nothing"
    mkdir -p "$state/receipts" && echo kept >"$state/receipts/test"

    echo "run by a logon script"
    logon_script

    echo "started by a double click"
    # the prefix draws nothing by itself; a window is what this step looks for
    wine64_here reg add 'HKCU\Software\Wine\Drivers' /v Graphics /d x11 /f >/dev/null
    /usr/lib/wine/wineserver64 -k || true
    double_clicked

    echo "repaired: what is missing comes back, and what was said holds"
    rm "$program"
    wine64_here reg delete "HKLM\\$run" /v port26 /f /reg:64 >/dev/null
    ends_with 0 repair "$first"
    [ -f "$program" ] || fails "the repair did not bring the program back"
    [ "$(told "HKLM\\$run" port26)" = "$logon" ] || fails "the repair did not bring the entry at logon back"
    [[ $(policy) =~ mode\ +\"test\" ]] || fails "after the repair the policy is: $(policy)"

    echo "upgraded: one product, what was said before still holds, and more can be said"
    ends_with 0 msi /i "$second" SCHEDULE=daily
    listed 0.2.0 "$products"
    [ "$(entries)" = $((before + 1)) ] || fails "both versions are in the list of programs"
    tells "$policies" mode test
    tells "$policies" host_allow_list '*.hosting.test'
    tells "$policies" schedule daily
    [[ $(policy) =~ schedule\ +\"daily\"\ +.HKLM ]] || fails "after the upgrade the policy is: $(policy)"
    [ "$(told "HKLM\\$run" port26)" = "$logon" ] || fails "the upgrade lost the entry at logon"

    echo "not downgraded"
    ends_with 1603 msi /i "$first"
    [ "$(installed_version)" = 0.2.0 ] || fails "after a refused downgrade there is $(installed_version)"

    echo "said anew over what is installed"
    ends_with 0 msi /i "$second" REINSTALL=ALL MODE=off
    tells "$policies" mode off
    tells "$policies" schedule daily

    echo "removed: nothing is left but the user's receipts and what group policy said"
    wine64_here reg add "$policies" /v max_wait_s /t REG_DWORD /d 5 /reg:64 >/dev/null
    ends_with 0 msi /x "$second"
    [ ! -e "$programs" ] || fails "left: $(ls "$programs")"
    no_registry "HKLM\\$run" port26
    for value in mode host_allow_list schedule; do no_registry "$policies" $value; done
    tells "$policies" max_wait_s 0x5
    wine64_here reg delete "$policies" /f /reg:64 >/dev/null
    no_registry 'HKLM\Software\port26'
    [ -z "$(entry)" ] && [ "$(entries)" = "$before" ] || fails "it is still in the list of programs"
    [ -z "$(start_menu_entry)" ] || fails "it is still in the start menu"
    [ "$(cat "$state/receipts/test")" = kept ] || fails "the receipts are gone"
    # and the logon script says that it is gone
    ends_with 1 wine64_here cmd /c "$(winepath_of "$root/scripts/login/port26-logon.cmd")"

    echo "installed without an entry at logon, which an upgrade keeps so"
    ends_with 0 msi /i "$first" LOGON=none
    no_registry "HKLM\\$run" port26
    no_registry "$policies"
    ends_with 0 msi /i "$second"
    no_registry "HKLM\\$run" port26
    ends_with 0 msi /x "$second"
}

# INSTALLDIR: a folder that users may write is refused, however it is written; one below Program Files is taken.
in_a_folder_of_its_own() {
    local folder public="$WINEPREFIX/drive_c/users/Public/x" below="$WINEPREFIX/drive_c/Program Files/mail/port26"
    echo "in a folder that users may write: refused, and nothing is installed"
    for folder in 'C:\Users\Public\x' 'C:\Users\Public\x\' 'C:\Program Files\..\Users\Public\x' 'C:\Program Files (x86)\x'; do
        ends_with 1603 msi /i "$first" INSTALLDIR="$folder"
        [ ! -e "$public" ] && [ ! -e "$programs" ] || fails "INSTALLDIR=$folder: the programs are there"
        [ "$(entries)" = "$before" ] || fails "INSTALLDIR=$folder: it is in the list of programs"
        no_registry "HKLM\\$run" port26
    done

    echo "in another folder below Program Files: there it is repaired, upgraded and removed, too"
    ends_with 0 msi /i "$first" INSTALLDIR='c:\program files\mail\port26'
    [ -f "$below/port26.exe" ] || fails "it is not in $below"
    case $(told "HKLM\\$run" port26) in *'mail\port26\port26w.exe" agent run --silent') ;; *) fails "the entry at logon leads elsewhere" ;; esac
    rm "$below/port26.exe"
    ends_with 0 repair "$first"
    ends_with 0 msi /i "$second"
    [ -f "$below/port26.exe" ] && [ ! -e "$programs" ] || fails "repair and upgrade went elsewhere"
    ends_with 0 msi /x "$second"
    [ ! -e "$below" ] && [ ! -e "$programs" ] || fails "left: $(ls "$below" "$programs" 2>/dev/null)"
}

for_one_user() {
    local programs program home state products logon before
    products='HKCU\Software\Microsoft\Installer\Products'
    home="$WINEPREFIX/drive_c/users/$(id -un)"
    programs="$home/AppData/Local/Programs/port26"
    program="$programs/port26.exe"
    state="$home/AppData/Local/port26"
    before=$(entries)
    signed "${first%.msi}-user.msi"

    echo "for one user: installed below the user's own folder, and nothing for the machine"
    ends_with 0 msi /i "${first%.msi}-user.msi"
    [ -f "$program" ] && [ -f "$programs/port26w.exe" ] || fails "the programs are not there"
    logon=$(told "HKCU\\$run" port26)
    case $logon in *'Local\Programs\port26\port26w.exe" agent run --silent') ;; *) fails "the entry at logon is: $logon" ;; esac
    no_registry "HKLM\\$run" port26
    no_registry 'HKLM\Software\port26'
    [ ! -e "$WINEPREFIX/drive_c/Program Files/port26" ] || fails "it is in the folder for all users"
    listed 0.1.0 "$products"
    no_products 'HKLM\Software\Classes\Installer\Products'
    in_start_menu 'Local\Programs\port26'
    [[ $(policy) == *default* ]] || fails "it does not run: $(policy)"

    echo "for one user: repaired, upgraded, not downgraded"
    rm "$program"
    ends_with 0 repair "${first%.msi}-user.msi"
    [ -f "$program" ] || fails "the repair did not bring the program back"
    ends_with 0 msi /i "${second%.msi}-user.msi" LOGON=none
    listed 0.2.0 "$products"
    no_registry "HKCU\\$run" port26
    ends_with 1603 msi /i "${first%.msi}-user.msi"

    echo "for one user: removed"
    ends_with 0 msi /x "${second%.msi}-user.msi"
    [ ! -e "$programs" ] || fails "left: $(ls "$programs")"
    no_registry 'HKCU\Software\port26'
    [ "$(entries)" = "$before" ] || fails "it is still in the list of programs"
    no_products "$products"
    [ "$(cat "$state/receipts/test")" = kept ] || fails "the receipts are gone"

    echo "for one user: not beside the one for all users"
    ends_with 0 msi /i "$first"
    ends_with 1603 msi /i "${first%.msi}-user.msi"
    ends_with 0 msi /x "$first"
}

# The logon script, in silence, with the exit code of port26; it finds the program where the MSIs put it.
logon_script() {
    local script code took
    script=$(winepath_of "$root/scripts/login/port26-logon.cmd")
    code=0
    wine64_here cmd /c "$script" >"$msi_work/said" 2>&1 || code=$?
    [ $code = 0 ] || fails "the logon script ended with $code: $(cat "$msi_work/said")"
    [ ! -s "$msi_work/said" ] || fails "the logon script is not silent: $(cat "$msi_work/said")"
    took=$(date +%s%N)
    wine64_here cmd /c "$script"
    echo "the logon script took $((($(date +%s%N) - took) / 1000000)) ms with nothing to do, Wine's own start in it"
    # a policy that nobody can mean ends with 2, and the script hands that on
    wine64_here reg add "$policies" /v mode /t REG_SZ /d nonsense /f /reg:64 >/dev/null
    ends_with 2 wine64_here cmd /c "$script"
    wine64_here reg add "$policies" /v mode /t REG_SZ /d test /f /reg:64 >/dev/null
}
