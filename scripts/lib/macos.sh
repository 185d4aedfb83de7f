# The program for macOS on a Linux machine: Debian's rustc-web builds std, zig links it against stubs of Apple's
# frameworks. Sourced by scripts/build-macos and scripts/build-macos-pkg.

ZIG_VERSION=0.17.1 CARGO_ZIGBUILD_VERSION=0.24.0 RCODESIGN_VERSION=0.29.0
MACOS_PACKAGES="rustc-web cargo-web rust-web-src python3 python3-venv librsvg2-bin"

# macos_env STUBS: a linker that knows nothing of macOS but these stubs.
macos_env() {
    cross_env
    # linked for good: tests are not among what is built
    export CARGO_UNSTABLE_BUILD_STD=std,panic_unwind
    export CARGO_TARGET_DIR=$root/target/macos MACOSX_DEPLOYMENT_TARGET=12.0 SDKROOT=$1
    # rustc would call a program for it that Debian does not bring along; the linker leaves the symbols out as well
    export CARGO_PROFILE_RELEASE_STRIP=none CARGO_PROFILE_DEV_STRIP=none CARGO_PROFILE_DEV_DEBUG=0
    # which it can only for those that are not exported: zig knows no list of exports, and a program needs none
    export RUSTFLAGS="-Zdefault-visibility=hidden"
    # goes when target/macos goes
    export ZIG_GLOBAL_CACHE_DIR=$root/target/macos/zig CARGO_ZIGBUILD_CACHE_DIR=$root/target/macos/zigbuild
    export PATH=$root/target/tools/zig/bin:$PATH
}

# zig and cargo-zigbuild from PyPI, in a folder of their own.
zig_tool() {
    local folder=$root/target/tools/zig
    [ ! -e "$folder/complete-$ZIG_VERSION-$CARGO_ZIGBUILD_VERSION" ] || return 0
    rm -rf "$folder" && mkdir -p "${folder%/*}" && python3 -m venv "$folder" &&
        "$folder/bin/pip" install --quiet --disable-pip-version-check \
            "ziglang==$ZIG_VERSION" "cargo-zigbuild==$CARGO_ZIGBUILD_VERSION" &&
        touch "$folder/complete-$ZIG_VERSION-$CARGO_ZIGBUILD_VERSION"
}

# macos_stubs [LIST]: makes them below target/ and sets $stubs. The name changes with the content, so that the program
# is linked again when the list has changed.
macos_stubs() {
    stubs=$root/target/macos/stubs/$(cat "$root/scripts/macos/stubs.py" "$@" | sha256sum | cut -c 1-16)
    [ -d "$stubs" ] || python3 "$root/scripts/macos/stubs.py" "$stubs" "$@"
}

# macos_link PROFILE LINKER-ARGUMENT..: the program for each processor; sets $linked.
macos_link() {
    local target targets=() profile=$1 folder=$1
    shift
    if [ "$profile" = dev ]; then folder=debug; fi
    for target in $MACOS; do targets+=(--target "$target"); done
    # all that is not linked in one go for both processors: arguments for the linker can be given for one at a time only
    cargo-zigbuild build --locked --profile "$profile" --lib "${targets[@]}"
    linked=()
    for target in $MACOS; do
        cargo-zigbuild rustc --locked --profile "$profile" --bin port26 --target "$target" -- \
            "${@/#/-Clink-arg=}"
        linked+=("$CARGO_TARGET_DIR/$target/$folder/port26")
    done
}

version_of_port26() { sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml"; }

# mac_sign_with CERTIFICATE PASSWORD-FILE FILE [ARGUMENT..]: signs in place with rcodesign, which is built when it is not there.
mac_sign_with() {
    local rcodesign
    rcodesign=$(command -v rcodesign || echo "$root/target/tools/bin/rcodesign")
    [ -x "$rcodesign" ] || tool_of_cargo apple-codesign $RCODESIGN_VERSION --no-default-features
    "$rcodesign" sign --p12-file "$1" ${2:+--p12-password-file "$2"} \
        ${PORT26_MAC_SIGN_TIMESTAMP:+--timestamp-url "$PORT26_MAC_SIGN_TIMESTAMP"} "${@:4}" "$3"
}

# mac_sign PROGRAM-OR-APP: with the hardened runtime and the entitlements of port26.
mac_sign() {
    mac_sign_with "$PORT26_MAC_SIGN_P12" "${PORT26_MAC_SIGN_PASSWORD_FILE:-}" "$1" --binary-identifier org.port26 \
        --code-signature-flags runtime --entitlements-xml-file "$root/installer/macos/entitlements.plist"
}

# The program, the app and the package, built and looked at; their scripts against stand-ins for a Mac's commands. A
# build that is quick to make: what is looked at is the same in a release. Nothing of it ran on a Mac.
macos_products() {
    local version=7.6.5 program app package listed llvm
    needs_packages $MACOS_PACKAGES $MACOS_READERS
    zig_tool || not_run "zig (PyPI: ziglang $ZIG_VERSION, cargo-zigbuild $CARGO_ZIGBUILD_VERSION)"
    macos_work=$(mktemp -d)
    trap 'rm -rf "$macos_work"' EXIT
    needs_packages rust-web-clippy
    lints_with_the_build
    export PORT26_MAC_PROFILE=dev PORT26_MAC_VERSION=$version SOURCE_DATE_EPOCH=1700000000 PYTHONDONTWRITEBYTECODE=1
    scripts/build-macos "$macos_work"
    program=$macos_work/port26-$version-macos app=$macos_work/port26.app package=$macos_work/port26.pkg
    export PORT26_MAC_APP=$app
    scripts/build-macos-pkg "$package"
    scripts/build-macos-pkg "$macos_work/again.pkg"
    cmp "$package" "$macos_work/again.pkg"

    echo "read back"
    python3 scripts/macos/check_pkg.py "$package" $version "$macos_work/read"
    python3 scripts/macos/check.py app "$macos_work/read/root/Applications/port26.app"
    diff -r "$app" "$macos_work/read/root/Applications/port26.app"

    echo "read by others"
    7z t "$package" >/dev/null
    mkdir "$macos_work/bsdtar" "$macos_work/payload"
    bsdtar -xf "$package" -C "$macos_work/bsdtar"
    bsdtar -xf "$macos_work/bsdtar/port26.pkg/Payload" -C "$macos_work/payload"
    diff -r "$macos_work/payload" "$macos_work/read/root"
    [ "$(llvm-lipo-14 -archs "$program" | xargs)" = "arm64 x86_64" ]
    llvm=$(llvm-objdump-14 --macho --arch=all --private-headers "$program")
    [ "$(grep -c '^ *platform macos$' <<<"$llvm") $(grep -c '^ *minos 12\.0$' <<<"$llvm")" = "2 2" ]
    llvm=$(llvm-objdump-14 --macho --arch=all --dylibs-used "$program" | grep $'^\t')
    ! grep -v -e $'^\t/usr/lib/lib' -e $'^\t/System/Library/Frameworks/' <<<"$llvm" || return 1
    listed=$(bsdtar --numeric-owner -tvf "$macos_work/bsdtar/port26.pkg/Payload" | awk '{ print $1, $3, $4, $9 }')
    grep -qx 'drwxrwxr-x 0 80 ./Applications' <<<"$listed"
    grep -qx -e '-rwxr-xr-x 0 0 ./Applications/port26.app/Contents/MacOS/port26' <<<"$listed"

    echo "scripts"
    shellcheck --shell sh "$macos_work"/read/scripts/* "$app/Contents/Resources/remove-port26"
    python3 scripts/macos/test_scripts.py "$macos_work/read/scripts" "$macos_work/read/root"

    echo "faults put in"
    python3 scripts/macos/test_products.py "$program" "$app" "$package" $version
}

MACOS_READERS="libarchive-tools p7zip-full llvm-14 openssl shellcheck"
