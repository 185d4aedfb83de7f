# What something needs and this machine may lack, asked for in one way. Sourced by scripts/test, and by the labs below tests/.

# lacking WHAT..: what of it is not here, one a line. `root` is Linux and its root; `namespaces` is the right to make them,
# which a container may forbid; everything else is a program.
lacking() {
    local what
    for what in "$@"; do
        case $what in
        root) [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] || echo "Linux and root" ;;
        namespaces) "$(dirname "${BASH_SOURCE[0]}")/../../tests/lab/namespaces" true 2>/dev/null || echo "the right to make namespaces" ;;
        *) PATH=$PATH:/usr/sbin:/sbin command -v "$what" >/dev/null || echo "$what" ;;
        esac
    done
}

# needs WHAT..: a part without all of it is not run.
needs() {
    local missing
    missing=$(lacking "$@")
    [ -z "$missing" ] || not_run "${missing//$'\n'/, }"
}

# needs_packages PACKAGE..: the same for packages of Debian 12.
needs_packages() {
    local missing
    missing=$(missing_packages "$@" 2>/dev/null | tr '\n' ' ')
    [ -z "$missing" ] || not_run "Debian 12's packages ${missing% }"
}
