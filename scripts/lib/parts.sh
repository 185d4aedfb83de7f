# Parts of a test run: each is run, alone or beside others, or listed with what it needs; the table at the end and the exit code
# count all of them. Sourced by scripts/test.
#
# Which parts are run: all but the long ones, the long ones, or those that are named (words of a name, or its number). For
# that the caller declares all its parts in a function, and calls it through `parts_chosen` first, then by itself.

part_lines=() part_whys=()
parts_passed=0 parts_failed=0 parts_not_run=0

# `run`: what is declared is run, if it is wanted. `read`: it is only learnt of.
parts_mode=run
# Of the parts in the order in which they are declared: name, long or not, for which other part it is there.
parts_known=() parts_long=() parts_for=()
# normal, or long
parts_kind=normal
# Words or numbers; without any, all of the kind.
parts_named=()
parts_left_out=0 parts_long_lines=()

# parts_chosen DECLARE: learns of all parts that the function DECLARE declares, and ends the script with what is wrong if
# a name fits none of them.
parts_chosen() {
    local named at other fits
    parts_mode='read'
    "$1"
    parts_mode=run
    for named in "${parts_named[@]}"; do
        fits='' other=''
        for at in "${!parts_known[@]}"; do
            part_fits "$at" "$named" || continue
            if [ "${parts_long[at]}" = "$parts_kind" ]; then fits=1; else other=${parts_long[at]}; fi
        done
        [ -z "$fits" ] || continue
        case $other in
        long) echo "'$named' is a long part: scripts/test --long '$named'" >&2 ;;
        normal) echo "'$named' is not a long part: scripts/test '$named'" >&2 ;;
        *) echo "there is no part '$named'; scripts/test --list names them" >&2 ;;
        esac
        exit 2
    done
}

# part_fits AT NAMED: is this the number of the part, or in its name?
part_fits() {
    local name=${parts_known[$1],,} named=${2,,}
    case $named in
    '' | *[!0-9]*) [[ $name == *"$named"* ]] ;;
    *) [ "$named" = $(($1 + 1)) ] ;;
    esac
}

# part_wanted NAME: is it one of those that are run? One that is there for another goes with it.
part_wanted() {
    local at named whose
    for at in "${!parts_known[@]}"; do
        [ "${parts_known[at]}" = "$1" ] || continue
        [ "${parts_long[at]}" = "$parts_kind" ] || return 1
        [ ${#parts_named[@]} -gt 0 ] || return 0
        for named in "${parts_named[@]}"; do
            if part_fits "$at" "$named"; then return 0; fi
        done
        whose=${parts_for[at]}
        [ -n "$whose" ] && part_wanted "$whose"
        return
    done
    # declared to nobody: whoever has no choice runs all
    return 0
}

# parts_wanted WORDS..: will a part be run whose name has one of these words?
parts_wanted() {
    local name word
    for name in "${parts_known[@]}"; do
        part_wanted "$name" || continue
        for word in "$@"; do
            [[ ${name,,} != *"${word,,}"* ]] || return 0
        done
    done
    return 1
}

# parts_list: the number and the name of each part, those of the long ones with how long they take.
parts_list() {
    local at
    for at in "${!parts_known[@]}"; do
        printf '%3s  %s%s\n' $((at + 1)) "${parts_known[at]}" "$([ "${parts_long[at]}" = normal ] || echo '  (long)')"
    done
}

# not_run REASON: from inside a part, which then counts as not run.
not_run() {
    echo "$*" >"$part_note"
    exit 77
}

# part NAME FUNCTION [ARGUMENT..]: runs the function in a shell of its own that stops at the first error.
part() {
    part_known normal "" "$1" || return 0
    part_run "$@"
}

# part_for WHOSE NAME FUNCTION [ARGUMENT..]: one without which the later part WHOSE cannot be run.
part_for() {
    part_known normal "$1" "$2" || return 0
    part_run "${@:2}"
}

# part_beside NAME FUNCTION [ARGUMENT..]: one that waits more than it works. It is run between `beside_starts` and `beside_ends`, one
# of these after the other, while the parts between those two are run.
part_beside() {
    part_known normal "" "$1" || return 0
    beside_calls+=("$(printf '%q ' "$@")")
}
beside_calls=()

beside_starts() {
    [ ${#beside_calls[@]} -gt 0 ] || return 0
    beside_folder=$(mktemp -d)
    # a group of its own, so that whoever stops the run stops all that it has begun
    set -m
    beside_run &
    beside_process=$!
    set +m
    trap 'kill -- "-$beside_process" 2>/dev/null || true; rm -rf "$beside_folder"' EXIT
}

# In a process of its own: what each says, and how it ended after how many seconds, goes to files.
beside_run() {
    local at code started
    for at in "${!beside_calls[@]}"; do
        eval "set -- ${beside_calls[at]}"
        shift
        part_note=$beside_folder/$at.note started=$SECONDS
        set +e
        (set -e && "$@") </dev/null >"$beside_folder/$at.log" 2>&1
        code=$?
        set -e
        echo "$code $((SECONDS - started))" >"$beside_folder/$at.ended"
    done
}

# beside_ends: waits for them, tells what they said, and counts them.
beside_ends() {
    local at code seconds
    [ ${#beside_calls[@]} -gt 0 ] && [ "$parts_mode" = run ] || return 0
    wait "$beside_process" || true
    trap - EXIT
    for at in "${!beside_calls[@]}"; do
        eval "set -- ${beside_calls[at]}"
        part_note=$beside_folder/$at.note part_log=$beside_folder/$at.log
        touch "$part_note" "$part_log"
        # one of which nothing is known was cut off
        code='' seconds=''
        read -r code seconds < <(cat "$beside_folder/$at.ended" 2>/dev/null) || true
        code=${code:-1} seconds=${seconds:-0}
        printf '\n=== %s\n' "$1"
        cat "$part_log"
        part_counted "$1" "$code" "$seconds"
    done
    rm -rf "$beside_folder"
    beside_calls=()
}

# long_part MINUTES WHAT_FOR NAME FUNCTION [ARGUMENT..]: one that is run when it is asked for only, and listed otherwise.
long_part() {
    if part_known long "" "$3"; then
        part_run "${@:3}"
    elif [ "$parts_mode" = run ] && [ "$parts_kind" = normal ]; then
        parts_long_lines+=("$(printf 'not run (long)  %s, about %s min, %s' "$3" "$1" "$2")")
    fi
}

# part_known KIND WHOSE NAME: learns of it, or says whether it is to be run.
part_known() {
    if [ "$parts_mode" = read ]; then
        parts_known+=("$3") parts_long+=("$1") parts_for+=("$2")
        return 1
    fi
    part_wanted "$3" && return 0
    if [ "$1" = "$parts_kind" ]; then parts_left_out=$((parts_left_out + 1)); fi
    return 1
}

# part_run NAME FUNCTION [ARGUMENT..]: runs it.
part_run() {
    local name=$1 started=$SECONDS code
    shift
    printf '\n=== %s\n' "$name"
    part_note=$(mktemp) part_log=$(mktemp)
    # not in a condition: there bash would ignore `set -e` inside
    set +e
    (
        set -e
        "$@"
        # not a pipe, which a daemon that outlives the part would keep open
    ) </dev/null > >(tee "$part_log") 2>&1
    code=$?
    set -e
    part_counted "$name" "$code" $((SECONDS - started))
}

# part_counted NAME CODE SECONDS: what has become of it.
part_counted() {
    local name=$1 code=$2 seconds=$3 state note
    note=$(cat "$part_note")
    case $code in
    0) state=passed parts_passed=$((parts_passed + 1)) ;;
    77) state="NOT RUN" parts_not_run=$((parts_not_run + 1)) ;;
    *)
        state=FAILED parts_failed=$((parts_failed + 1))
        sleep 1 # tee may be a moment behind
        part_whys+=("$(printf -- '--- why %s failed:\n' "$name" && why "$part_log")")
        ;;
    esac
    rm -f "$part_note" "$part_log"
    part_lines+=("$(printf '%-8s %5s s  %s%s' "$state" "$seconds" "$name" "${note:+ (needs $note)}")")
    echo "--- $name: $state${note:+: needs $note}"
}

# why LOG: of a failed part's output, the lines that tell most; they are repeated where a long log ends. There may be none.
why() {
    local lines
    lines=$(grep -a -A 3 -E 'panicked at|^error|FAILED|crashed$' "$1" || tail -n 6 "$1")
    grep -av -e '^--$' -e '^$' -e 'RUST_BACKTRACE' <<<"$lines" | cut -c 1-240 | awk '!seen[$0]++' | head -n 14 || true
}

# tidy FOLDER: frees the disk of target/FOLDER, where a run was asked to leave little behind.
tidy() {
    [ "${PORT26_TIDY:-}" = 1 ] || return 0
    rm -rf "${root:?}/target/$1"
}

# enough_disk GB: says at the start what would otherwise be a linker's riddle in the middle.
enough_disk() {
    local need=$1 free
    if [ "${PORT26_TIDY:-}" = 1 ]; then need=$((need / 2)); fi
    free=$(($(df -Pk "$root" | awk 'NR == 2 { print $4 }') / 1024 / 1024))
    [ "$free" -ge "$need" ] ||
        echo "only $free GB are free here, and a first run needs about $need: it may fail for want of disk" >&2
}

# parts_end: the table, and the run's exit code. With PORT26_REQUIRE_ALL=1 a part that was not run is a failure,
# except those named in $parts_may_be_absent, one a line.
parts_end() {
    local line missing=0
    printf '\n'
    for line in "${part_lines[@]}"; do
        echo "$line"
        case $line in
        "NOT RUN"*) may_be_absent "$line" || missing=$((missing + 1)) ;;
        esac
    done
    # of a choice nobody wants to hear what else there is
    if [ ${#parts_named[@]} = 0 ] && [ ${#parts_long_lines[@]} -gt 0 ]; then
        printf '%s\n' "${parts_long_lines[@]}"
    fi
    printf '\n%s passed, %s failed, %s skipped\n' "$parts_passed" "$parts_failed" "$parts_not_run"
    if [ ${#parts_named[@]} = 0 ] && [ ${#parts_long_lines[@]} -gt 0 ]; then
        echo "${#parts_long_lines[@]} long parts were not run: scripts/test --long [PART..]"
    fi
    if [ "$parts_left_out" -gt 0 ]; then echo "$parts_left_out other parts were not asked for"; fi
    for line in "${part_whys[@]}"; do
        printf '%s\n' "$line"
    done
    if [ "$parts_failed" -gt 0 ]; then return 1; fi
    if [ "$missing" -gt 0 ]; then
        echo "$missing of the parts above were not run here; this is not a full test" >&2
        if [ "${PORT26_REQUIRE_ALL:-}" = 1 ]; then return 1; fi
    fi
}

may_be_absent() {
    local name
    while read -r name; do
        case $1 in *"$name"*) [ -n "$name" ] && return 0 ;; esac
    done <<<"${parts_may_be_absent:-}"
    return 1
}
