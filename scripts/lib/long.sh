# Parts that take too long for every run: scripts/test --long. Sourced by scripts/test.

# More of what `same_profiles` does, with another seed than the one that every run has.
many_profiles() {
    lab tests/differential/run --profiles 2000 --starts 30 --lists 30 --seed "${PORT26_SEED:-many}"
}

# Under Wine each file costs a hundred times as much: every run takes a third of the fixtures there.
windows_contract() {
    (PORT26_EVERY_FIXTURE=1 windows_tests --test contract)
    (PORT26_EVERY_FIXTURE=1 windows_tests --test suite formats::)
}

# Where packets are lost a verdict may be "uncertain". It is never wrong in a way that harms, and no password is in the
# clear. The table says how often it was what it is without a loss; another verdict in more than two of a hundred runs is a failure.
lost_packets() {
    local results
    results=$(mktemp)
    trap 'rm -f "$results"' EXIT
    scoreboard --repeat 3 --loss 1,5 --peers "" --at-once 6 --results "$results"
    python3 - "$results" <<'X'
import json, sys
told = [json.loads(line) for line in open(sys.argv[1])]
broken = [one for one in told if one.get("harmful") or one.get("in_clear")]
wrong = [(one["unit"], code) for one in told for code in one.get("verdicts", []) if code not in (one["expected"], "uncertain")]
runs = sum(len(one.get("verdicts", [])) for one in told)
print(f"{runs} runs, {len(wrong)} with another verdict: {wrong[:20]}")
sys.exit(bool(broken) or runs == 0 or len(wrong) * 50 > runs)
X
}

# The same rows as other programs see them: a page to read, not to pass.
peers_at_faults() {
    scoreboard --repeat 1 --loss 0 --at-once 6
}

scoreboard() {
    export FAULTS_TOOLS=$root/target/tools/mail
    lab scripts/bench-faults "$@"
}

# fuzzing TARGET: for as many seconds as PORT26_FUZZ_SECONDS says.
fuzzing() {
    cargo +nightly --version >/dev/null 2>&1 || not_run "the nightly toolchain"
    fuzz/run "$1" "${PORT26_FUZZ_SECONDS:-1200}"
}
