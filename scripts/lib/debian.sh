# Debian packages that the tests need, installed when this is Debian 12 and root. Sourced by scripts/test.

debian_12() { (. /etc/os-release && [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 12 ]) 2>/dev/null; }

# missing_packages PACKAGE..: those that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
    done
}

# install_packages PACKAGE..: quietly, without starting a service and without removing anything that is there. On
# another system or user the parts themselves say what is missing. PORT26_NO_INSTALL=1 leaves the machine as it is.
install_packages() {
    local missing
    debian_12 && [ "$(id -u)" = 0 ] && [ -z "${PORT26_NO_INSTALL:-}" ] || return 0
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    echo "installing:" $missing
    (
        export DEBIAN_FRONTEND=noninteractive
        # a Postfix without a configuration: the tests bring their own, and nothing starts
        echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
        if [ ! -e /usr/sbin/policy-rc.d ]; then
            trap 'rm -f /usr/sbin/policy-rc.d' EXIT
            printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
            chmod 755 /usr/sbin/policy-rc.d
        fi
        apt="apt-get -q -o DPkg::Lock::Timeout=900 -o Acquire::Retries=3"
        $apt update >/dev/null
        # --no-remove: a machine with another mail server keeps it, and the parts that want Postfix are not run
        $apt install -y --no-install-recommends --no-remove $missing >/dev/null
        $apt clean
    ) || echo "not everything could be installed; the parts that need it say so" >&2
}
