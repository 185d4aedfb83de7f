# Parts of a test run: each is run, or listed with what it needs; the table at the end and the exit code
# count both. Sourced by scripts/test and scripts/check.

part_lines=() part_whys=()
parts_passed=0 parts_failed=0 parts_not_run=0

# not_run REASON: from inside a part, which then counts as not run.
not_run() {
    echo "$*" >"$part_note"
    exit 77
}

# part NAME FUNCTION [ARGUMENT..]: runs the function in a shell of its own that stops at the first error.
part() {
    local name=$1 started=$SECONDS code state note
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
    part_lines+=("$(printf '%-8s %5s s  %s%s' "$state" $((SECONDS - started)) "$name" "${note:+ (needs $note)}")")
    echo "--- $name: $state${note:+: needs $note}"
}

# why LOG: of a failed part's output, the lines that tell most; they are repeated where a long log ends.
why() {
    local lines
    lines=$(grep -a -A 3 -E 'panicked at|^error|FAILED|crashed$' "$1" || tail -n 6 "$1")
    grep -av -e '^--$' -e '^$' -e 'RUST_BACKTRACE' <<<"$lines" | cut -c 1-240 | awk '!seen[$0]++' | head -n 14
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
    printf '\n%s passed, %s failed, %s skipped\n' "$parts_passed" "$parts_failed" "$parts_not_run"
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
