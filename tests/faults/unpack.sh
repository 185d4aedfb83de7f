# Debian's packages of mail servers, unpacked, since they cannot be installed beside each other: each server's into a folder of its
# own below FAULTS_TOOLS. Sourced by the labs with such servers.
FAULTS_TOOLS=${FAULTS_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/port26-lab}
export FAULTS_TOOLS

# unpack NAME PACKAGE..: Debian's packages into the folder NAME; a folder is complete or not there.
unpack() {
    local folder=$FAULTS_TOOLS/$1 package
    [ ! -e "$folder/complete" ] || return 0
    rm -rf "$folder"
    mkdir -p "$folder/packages"
    (
        cd "$folder/packages"
        apt-get -q -o APT::Sandbox::User=root download "${@:2}" >/dev/null 2>&1
        for package in *.deb; do dpkg -x "$package" ..; done
        cd .. && rm -r packages && touch complete
    ) || echo "the packages of $1 could not be had; its rows are not run" >&2
}
