#!/usr/bin/env bash
# scripts/lib/parts.sh: which parts are run, and that a failed one, one left out, a long one and one that lacks something
# (scripts/lib/need.sh) are counted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# tell ARGUMENT..: what a run of a small set of parts prints, with its exit code. A bash of its own: in a condition it
# would not stop at the first error.
tell() {
    local code=0
    bash -euo pipefail -c '
        root=$PWD
        . scripts/lib/parts.sh
        . scripts/lib/need.sh
        [ "${1:-}" != --long ] || { parts_kind=long && shift; }
        parts_named=("$@")
        stops_at_the_first_error() { false; echo "went on"; }
        declared() {
            part "alpha one" true
            part_for "gamma ray" "beta" true
            part "gamma ray" true
            part "broken delta" stops_at_the_first_error
            part "lambda" needs bash no-such-program neither-this
            part "mu" needs bash
            long_part 20 "to be sure" "epsilon, for long" true
        }
        parts_chosen declared
        declared
        parts_end' tell "$@" 2>&1 || code=$?
    echo "code $code"
}

# must NAME TEXT EXPECTED..: each is somewhere in the text; one that begins with ! is nowhere.
must() {
    local name=$1 text=$2 expected
    shift 2
    for expected in "$@"; do
        case $expected in
        !*) [[ $text != *"${expected#!}"* ]] || { echo "$name: there is '${expected#!}' in:"; echo "$text"; exit 1; } ;;
        *) [[ $text == *"$expected"* ]] || { echo "$name: no '$expected' in:"; echo "$text"; exit 1; } ;;
        esac
    done
    echo "ok: $name"
}

must "all but the long ones" "$(tell)" "4 passed, 1 failed, 1 skipped" "not run (long)  epsilon, for long, about 20 min, to be sure" "1 long parts were not run" "code 1" "!went on" "!not asked for"
must "by a word, whatever its case" "$(tell ALPHA)" "1 passed, 0 failed, 0 skipped" "5 other parts were not asked for" "code 0" "!epsilon"
must "by its number, with what it needs before it" "$(tell 3)" "=== beta" "=== gamma" "2 passed, 0 failed, 0 skipped"
must "one that lacks something" "$(tell lambda)" "NOT RUN" "(needs no-such-program, neither-this)" "0 passed, 0 failed, 1 skipped"
must "several, in their own order" "$(tell gamma alpha)" "3 passed, 0 failed"
must "what another needs, alone" "$(tell beta)" "=== beta" "1 passed" "!=== gamma"
must "long ones" "$(tell --long)" "=== epsilon" "1 passed, 0 failed, 0 skipped" "code 0" "!alpha"
must "one that is not there" "$(tell zeta)" "there is no part 'zeta'" "code 2" "!passed"
must "a long one without saying so" "$(tell epsilon)" "is a long part: scripts/test --long 'epsilon'" "code 2"
must "a usual one among the long ones" "$(tell --long alpha)" "is not a long part" "code 2"

# Those that run beside others: both kinds are run, each is counted once, and what each said is told as one piece.
beside() {
    local code=0 meeting
    meeting=$(mktemp -d)
    meeting=$meeting bash -euo pipefail -c '
        root=$PWD
        . scripts/lib/parts.sh
        . scripts/lib/need.sh
        parts_named=("$@")
        # each waits for the other: one after the other they would wait for ever
        meets() { touch "$meeting/$1" && timeout 20 bash -c "until [ -e $meeting/$2 ]; do sleep 0.05; done" && echo "$1 met $2"; }
        stops_at_the_first_error() { false; echo "went on"; }
        declared() {
            part "first" true
            part_beside "north" meets north south
            part_beside "broken" stops_at_the_first_error
            part_beside "lacking" needs no-such-program
            part_beside "with words" echo "two words" "and more"
            beside_starts
            part "south" meets south north
            beside_ends
            part "last" true
        }
        parts_chosen declared
        declared
        parts_end' beside "$@" 2>&1 || code=$?
    rm -rf "$meeting"
    echo "code $code"
}

must "beside one another" "$(beside)" "north met south" "south met north" "two words and more" "5 passed, 1 failed, 1 skipped" "(needs no-such-program)" "why broken failed" "code 1" "!went on"
must "of those beside, some" "$(beside last "with words")" "two words and more" "2 passed, 0 failed" "5 other parts were not asked for" "code 0" "!=== north"
must "of those beside, none" "$(beside first)" "1 passed, 0 failed" "code 0" "!=== north"
