# What the scripts of the fault lab need. Sourced by tests/faults/run and scripts/bench-faults.
die() { echo "tests/faults: $*" >&2; exit 2; }

PORT26=${PORT26:-}
[ -n "$PORT26" ] || die "say which program to test: PORT26=path/to/port26"
PORT26=$(readlink -f "$PORT26") && [ -x "$PORT26" ] || die "PORT26 is not a program that can be started"
export PORT26
export PATH=$PATH:/usr/sbin:/sbin
python=$(command -v python3) || die "not installed: python3"
if [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ]; then
    for tool in unshare nsenter ip nft openssl; do command -v "$tool" >/dev/null || die "not installed: $tool"; done
fi

# Exim cannot be installed beside Postfix, so its package is unpacked into a folder. FAULTS_EXIM says where it is already.
FAULTS_EXIM=${FAULTS_EXIM:-${XDG_CACHE_HOME:-$HOME/.cache}/port26-lab/exim}
export FAULTS_EXIM
unpack_exim() {
    local folder=$FAULTS_EXIM package
    [ ! -x "$folder/usr/sbin/exim4" ] && command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 0
    mkdir -p "$folder/packages"
    (
        cd "$folder/packages"
        apt-get -q -o APT::Sandbox::User=root download exim4-daemon-light exim4-base libidn12 >/dev/null 2>&1
        for package in *.deb; do dpkg -x "$package" ..; done
    ) || echo "Exim's package could not be had; its rows are not run" >&2
}
[ "${FAULTS_NO_DOWNLOAD:-}" = 1 ] || unpack_exim
