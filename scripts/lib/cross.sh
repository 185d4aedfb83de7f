# Windows and macOS on a Linux machine: Debian's rustc-web with the sources of std, so that cargo builds std for
# the other system itself. Each keeps its own folder below target/. Sourced by scripts/test.

CROSS_PACKAGES="rustc-web cargo-web rust-web-src rust-web-clippy"
WINDOWS_PACKAGES="$CROSS_PACKAGES gcc-mingw-w64-x86-64-posix wine64"
WINDOWS=x86_64-pc-windows-gnu
MACOS="aarch64-apple-darwin x86_64-apple-darwin"

# The toolchain of Debian before any other. RUSTC_BOOTSTRAP lets its stable cargo build std; the Linux build never sees it.
cross_env() {
    export PATH=/usr/bin:$PATH RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1
    export CARGO_UNSTABLE_BUILD_STD=std,panic_unwind,test
    unset RUSTUP_TOOLCHAIN
}

windows_env() {
    needs_packages $WINDOWS_PACKAGES
    cross_env
    export CARGO_TARGET_DIR=$root/target/windows
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
    export CC_x86_64_pc_windows_gnu=x86_64-w64-mingw32-gcc AR_x86_64_pc_windows_gnu=x86_64-w64-mingw32-ar
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$root/scripts/lib/wine-test
    wine_env wine
}

# For what is tested, never for what is shipped: clippy's driver is the compiler of port26's own crates, so that the lints
# come with the build instead of before it, and nothing is compiled twice. This is how `cargo clippy` calls it.
lints_with_the_build() {
    export RUSTC_WORKSPACE_WRAPPER=/usr/bin/clippy-driver
    export CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
}

windows_test_env() {
    windows_env
    lints_with_the_build
}

# wine_env NAME: Wine itself, in a prefix of that name below target/windows.
wine_env() {
    export WINEPREFIX=$root/target/windows/$1 WINEARCH=win64 WINEDEBUG=-all
    export WINEDLLOVERRIDES="mscoree,mshtml=;winemenubuilder.exe=d"
    # without a UTF-8 locale Wine cannot name files beyond ASCII
    export LANG=C.UTF-8 LC_ALL=C.UTF-8
}

# A Windows of our own below target/, with its own home: Wine links Documents and the like to $HOME.
wine_prefix() {
    local dll=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll
    [ ! -e "$dll" ] || { windows_without_screen; return 0; }
    rm -rf "$WINEPREFIX"
    mkdir -p "$root/target/windows/winehome"
    env -u DISPLAY HOME="$root/target/windows/winehome" /usr/lib/wine/wine64 wineboot -i >/dev/null 2>&1
    /usr/lib/wine/wineserver64 -w
    # Wine 8 lacks this library of Windows, from which Rust's std takes its random numbers. For tests only.
    x86_64-w64-mingw32-gcc -O2 -s -shared -o "$dll.new" "$root/scripts/lib/bcryptprimitives.c" -ladvapi32
    mv "$dll.new" "$dll"
    windows_without_screen
}

# Programs there may open windows, which nobody sees: Wine's driver that draws nothing needs no X server.
windows_without_screen() {
    ! grep -qs '^"Graphics"="null"' "$WINEPREFIX/user.reg" || return 0
    env -u DISPLAY /usr/lib/wine/wine64 reg add 'HKCU\Software\Wine\Drivers' /v Graphics /d null /f >/dev/null
    /usr/lib/wine/wineserver64 -w
}

windows_build() {
    windows_test_env
    cargo build --locked --workspace --all-targets --target $WINDOWS
    wine_prefix
    local told
    told=$(/usr/lib/wine/wine64 "$CARGO_TARGET_DIR/$WINDOWS/debug/port26.exe" --version | tr -d '\r')
    echo "port26.exe --version: $told"
    case $told in "port26 "*) ;; *) return 1 ;; esac
}

# windows_tests ARGUMENT..: cargo test with programs for Windows, which Wine runs. The rules about the source itself (`house`)
# read the same files on every system, and are left to the tests of this one.
windows_tests() {
    windows_test_env
    wine_prefix
    /usr/lib/wine/wineserver64 -p300 || true # one server for all programs; it fails when one is up already
    trap '/usr/lib/wine/wineserver64 -k || true' EXIT
    # wineserver does one thing at a time: with more at once each waits for it, and for longer than a program would
    RUST_TEST_THREADS=$(getconf _NPROCESSORS_ONLN)
    export RUST_TEST_THREADS
    PORT26_TEST_KEYRING=1 PORT26_TEST_LIVE_REGISTRY=1 cargo test --locked --no-fail-fast --target $WINDOWS "$@" \
        -- --skip house::
}

# The test that drives port26.exe from Linux's side is a program for Linux. It is kept, since the build it comes from may
# be gone by then.
windows_machine_test() {
    local told
    told=$(cargo test --locked --test windows_machine --no-run 2>&1) || { echo "$told" && return 1; }
    told=$(sed -n 's/.*Executable .*(\(.*\))$/\1/p' <<<"$told")
    mkdir -p "$root/target/tools"
    cp "$told" "$root/target/tools/windows_machine"
}

# One Windows with accounts of all its mail clients, made and thrown away.
windows_machine() {
    (windows_test_env && cargo build --locked --bins --target $WINDOWS)
    wine_env machine
    rm -rf "$WINEPREFIX"
    wine_prefix
    /usr/lib/wine/wineserver64 -p300 || true
    trap '/usr/lib/wine/wineserver64 -k || true; rm -rf "$WINEPREFIX"' EXIT
    PORT26_TEST_WINDOWS_PROGRAMS=$root/target/windows/$WINDOWS/debug "$root/target/tools/windows_machine" --nocapture
}

# Everything for one processor, tests too: no line asks for another. What is shipped is linted for both where it is built
# (macos_products), so that no target is compiled twice.
macos_clippy() {
    local target=${MACOS%% *}
    needs_packages $CROSS_PACKAGES
    cross_env
    # as in macos_env, so that what runs while building is built once
    export CARGO_TARGET_DIR=$root/target/macos MACOSX_DEPLOYMENT_TARGET=12.0
    export CARGO_PROFILE_DEV_STRIP=none CARGO_PROFILE_DEV_DEBUG=0
    export "CC_${target//-/_}=$root/scripts/lib/fakecc" "CXX_${target//-/_}=$root/scripts/lib/fakecc"
    cargo clippy --locked --workspace --all-targets --target "$target" -- -D warnings
}
