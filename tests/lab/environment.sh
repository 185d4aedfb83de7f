# What a lab's `run` begins with. Sourced.
die() { echo "$0: $*" >&2; exit 2; }

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$tests/../scripts/lib/need.sh"
# the programs of servers are there
export PATH=$PATH:/usr/sbin:/sbin
# for `import lab`
export PYTHONPATH=$tests

# must_have WHAT..: ends the run if something of it is not here (`lacking` says what can be asked for).
must_have() {
    local missing
    missing=$(lacking "$@")
    [ -z "$missing" ] || die "needs ${missing//$'\n'/, } (scripts/test installs packages on Debian 12)"
}

# program_under_test: PORT26 must say which.
program_under_test() {
    [ -n "${PORT26:-}" ] || die "say which program to test: PORT26=path/to/port26"
    PORT26=$(readlink -f "$PORT26") && [ -x "$PORT26" ] || die "PORT26 is not a program that can be started"
    export PORT26
}
