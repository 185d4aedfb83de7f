# What the fault lab begins with: the program under test, and the packages of servers (all but Postfix, which is this machine's).
# Sourced by tests/faults/run, scripts/bench-faults and scripts/bench.
. "$(dirname "${BASH_SOURCE[0]}")/../lab/environment.sh"
if [ "${1:-}" = --lacking ]; then
    # so that no row is left out
    lacking root namespaces nft ip nsenter openssl python3 postfix dovecot nginx haproxy node npm
    exit
fi
program_under_test
must_have python3
# elsewhere, and as another user, the rows say themselves that they are not run
[ -n "$(lacking root)" ] || must_have unshare nsenter ip nft openssl

. "$(dirname "${BASH_SOURCE[0]}")/unpack.sh"
NODE_SMTP_SERVER=3.13.6
HARAKA=3.3.4

unpack_all() {
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 0
    unpack exim exim4-daemon-light exim4-base libidn12
    unpack sendmail sendmail-bin sendmail-base sendmail-cf m4 libsigsegv2 liblockfile1 libwrap0 libnsl2 libldap-2.5-0 \
        sasl2-bin libsasl2-modules libsasl2-modules-db
    unpack courier courier-mta courier-base courier-authlib courier-authdaemon courier-authlib-userdb libcourier-unicode4 \
        libidn12 libpcre3 libgamin0 libltdl7 libgdbm6
    unpack opensmtpd opensmtpd
    unpack fail2ban fail2ban
}

# from_npm FOLDER PACKAGE VERSION: a package of npm with what it needs, in a folder of its own.
from_npm() {
    local folder=$FAULTS_TOOLS/$1
    command -v npm >/dev/null && [ ! -d "$folder/node_modules/$2" ] || return 0
    mkdir -p "$folder"
    (cd "$folder" && npm install --silent --no-audit --no-fund --ignore-scripts "$2@$3" >/dev/null 2>&1) ||
        echo "$2 could not be had from npm; its rows are not run" >&2
}

# Servers in Node: the one that nodemailer's authors wrote, and Haraka.
fetch_node_servers() {
    from_npm node smtp-server "$NODE_SMTP_SERVER"
    from_npm haraka Haraka "$HARAKA"
}
[ "${FAULTS_NO_DOWNLOAD:-}" = 1 ] || { unpack_all; fetch_node_servers; }
