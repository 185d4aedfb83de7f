# What administrators of fleets are given, as far as it is no program. Sourced by scripts/test.

FLEET_PACKAGES="python3 python3-venv shellcheck libarchive-tools"
# pinned, as a grammar that reads more would prove less
POWERSHELL_PARSER="tree-sitter==0.26.1 tree-sitter-powershell==0.26.4"

# The PowerShell scripts, read by a real parser and held to Intune's rules. Nothing here can run them.
powershell_scripts() {
    local parser=$root/target/tools/powershell-parser
    if ! "$parser/bin/python" -c 'import tree_sitter, tree_sitter_powershell' 2>/dev/null; then
        rm -rf "$parser"
        python3 -m venv "$parser" 2>/dev/null || not_run "python3 with venv"
        "$parser/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: $POWERSHELL_PARSER ||
            not_run "the parser for PowerShell (pip install $POWERSHELL_PARSER)"
    fi
    "$parser/bin/python" tests/mdm/powershell.py scripts
}

# What management of Macs is given: scripts that run here against stubs of a Mac's commands, and profiles.
mac_fleet() {
    needs python3 shellcheck bsdtar
    cargo build --locked --bin port26
    PORT26_PROGRAM=$root/target/debug/port26 python3 -B tests/macos/test_fleet.py
    python3 -B tests/macos/test_verify.py
}
