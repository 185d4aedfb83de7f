# Programs of macOS that are set by scripting: the JavaScript that speaks to them, unmodified, under node with a model of
# such programs. Sourced by scripts/test.

NODE_PACKAGES=nodejs

script_tests() {
    command -v node >/dev/null || not_run "node 18 or later (Debian: $NODE_PACKAGES)"
    node --test tests/scripts/
    # the same contract as the twin in memory, through the very calls that are made on a Mac
    PORT26_TEST_NODE=1 cargo test --locked --workspace --test scripts
}
