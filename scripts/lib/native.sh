# The parts that run with the developer's own toolchain on any system. Sourced by scripts/test.

DENY_VERSION=0.20.2

format() { cargo fmt --all --check; }

clippy() { cargo clippy --locked --workspace --all-targets -- -D warnings; }

# The keychain has a part of its own, which is the one that may not be left out.
all_tests() { env -u PORT26_REQUIRE_ALL cargo test --locked --workspace; }

# Without `--bench` they run once, to see that they work.
benches_once() { cargo test --locked --bench scan --bench plan_apply --bench probe --bench flood; }

# The fuzz targets build with the stable toolchain, and every reader takes its corpus once. To fuzz: fuzz/run.
fuzz_corpus() {
    local deny
    cargo clippy --locked --manifest-path fuzz/Cargo.toml --target-dir target --bins -- -D warnings
    has_tests --locked --test suite fuzz_corpus::
    cargo test --locked --test suite fuzz_corpus::
    deny_tool
    "$deny" --locked --manifest-path fuzz/Cargo.toml --config deny.toml check licenses bans sources
}

# has_tests ARGUMENT..: a run of words that no test has in its name would pass, too.
has_tests() { cargo test "$@" -- --list | grep ': test$' >/dev/null; }

# What a session does, built before it begins: the keychain of the platform, and port26 with it.
KEYCHAIN_TESTS="cargo test --locked --workspace --test keychain
    cargo test --locked --workspace --test this_machine keychain::"

# The tests that keep and forget passwords in the session's real keychain, in sessions that are thrown away: one
# whose keyring is open, and one with the same keyring locked, as after a login without a password.
keychain_tests() {
    needs dbus-run-session gnome-keyring-daemon
    cargo test --locked --workspace --test keychain --no-run
    has_tests --locked --workspace --test this_machine keychain::
    keyring_session=$(mktemp -d)
    trap 'rm -rf "$keyring_session"' EXIT
    chmod 700 "$keyring_session"
    export XDG_RUNTIME_DIR=$keyring_session XDG_DATA_HOME=$keyring_session
    PORT26_TEST_KEYRING=1 dbus-run-session -- bash -ec "
        printf test | gnome-keyring-daemon --unlock --components=secrets >/dev/null
        $KEYCHAIN_TESTS"
    PORT26_TEST_KEYRING=locked dbus-run-session -- bash -ec "
        gnome-keyring-daemon --start --components=secrets >/dev/null
        $KEYCHAIN_TESTS"
}

# tool_of_cargo PROGRAM VERSION [ARGUMENT..]: builds a crate's program into target/tools, without optimisation: these
# run for seconds and would be built for minutes.
tool_of_cargo() {
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install --quiet --locked --version "$2" --root "$root/target/tools" "$1" "${@:3}"
}

# deny_tool: sets $deny to cargo-deny, which it builds once when there is none (a minute).
deny_tool() {
    deny=$(command -v cargo-deny || echo "$root/target/tools/bin/cargo-deny")
    [ -x "$deny" ] || tool_of_cargo cargo-deny $DENY_VERSION || not_run "cargo-deny (cargo install cargo-deny)"
}

licences() {
    local deny
    deny_tool
    "$deny" --locked check licenses bans sources
}

advisories() {
    local deny
    deny_tool
    timeout 120 "$deny" fetch db >/dev/null 2>&1 || not_run "the advisory database: RustSec's repository on GitHub"
    "$deny" --locked check advisories
}

# lab RUN [ARGUMENT..]: a lab below tests/, which knows itself what it needs, with the program as it is now.
lab() {
    local missing
    missing=$("$1" --lacking "${@:2}")
    [ -z "$missing" ] || not_run "${missing//$'\n'/, }"
    cargo build --locked --bin port26
    PORT26=${CARGO_TARGET_DIR:-target}/debug/port26 "$@"
}

real_client() { lab tests/real/run "$1"; }

# Generated profiles, the same ones each time: what port26 reads is what the program does. Thousands: scripts/test --long
same_profiles() { lab tests/differential/run --profiles 400 --starts 12 --lists 8; }

# real_programs_meet [PROGRAM..]: which real program sends through which real host, beside what port26 says of each pair.
real_programs_meet() {
    local missing
    export FAULTS_TOOLS=$root/target/tools/mail
    missing=$(tests/meet/run --lacking "$@")
    [ -z "$missing" ] || not_run "${missing//$'\n'/, }"
    cargo build --locked --example will_send
    WILL_SEND=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/examples/will_send tests/meet/run "$@"
}

# Every row of the fault table. Postfix, Dovecot, nginx and haproxy are this machine's; the servers that cannot be installed
# beside Postfix, and fail2ban, are unpacked from their packages.
all_faults() {
    export FAULTS_TOOLS=$root/target/tools/mail
    lab tests/faults/run
}

REAL_PACKAGES="thunderbird claws-mail sylpheed geary balsa evolution dbus gnome-keyring libsecret-tools postfix dovecot-core
    dovecot-imapd nftables iproute2 openssl libnss3-tools xvfb xdotool imagemagick python3 procps"
# By itself: 150 MB. Akonadi needs no database server with SQLite.
KMAIL_PACKAGES="kmail akonadi-backend-sqlite"
FAULTS_PACKAGES="dovecot-submissiond nginx libnginx-mod-mail haproxy"
MEET_PACKAGES="msmtp neomutt dovecot-submissiond"
MEET_ALL_PACKAGES="$MEET_PACKAGES s-nail"
KEYCHAIN_PACKAGES="dbus gnome-keyring keepassxc"
