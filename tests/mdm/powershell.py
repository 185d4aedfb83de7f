"""Reads the PowerShell scripts for device management with a real parser (tree-sitter) and holds them to the rules of Intune and
of this project. There is no PowerShell for the systems on which the tests run: the scripts were never run by it.

    powershell.py FOLDER
"""

import dataclasses
import pathlib
import re
import sys

import tree_sitter
import tree_sitter_powershell

@dataclasses.dataclass
class Rules:
    """What one script may do."""

    exits: set[int]
    """The codes it ends with; Intune repairs at 1."""
    calls: list[str]
    """How it calls port26: the words after the program."""
    commands: set[str]
    members: set[str]
    """What it may read of an object. Never what names a person, an account, a host or a place (email, id, host, user, profile,
    message, evidence)."""
    says: str
    """The only command that writes."""


# how each finds the program
FINDS = {"OpenBaseKey", "OpenSubKey", "GetValue"}
COUNTS = FINDS | {"accounts", "result", "problems", "Count", "Name", "Length", "OutputEncoding", "UTF8", "Substring", "Min", "deferred"}
COUNTING = {"Tell", "Test-Path", "ConvertFrom-Json", "ForEach-Object", "Where-Object", "Group-Object"}
SCRIPTS = {
    "mdm/intune/detect.ps1": Rules(
        {0, 1, 2}, ["test --json", "policy show --json"], COUNTING, COUNTS | {"settings", "name", "value"}, "Tell"
    ),
    "mdm/intune/remediate.ps1": Rules({0, 1, 2}, ["fix --silent --json"], COUNTING, COUNTS, "Tell"),
    "mdm/intune/detect-app.ps1": Rules({0, 1}, [], {"Test-Path", "Get-Item"}, FINDS | {"VersionInfo", "ProductVersion"}, "Write-Output"),
    "verify-on-windows.ps1": Rules(
        {0, 1},
        ["scan --json", "test --json", "fix --dry-run --json", "policy show --json", "status --json"],
        {
            "Test-Path", "Get-Item", "ConvertFrom-Json", "ConvertTo-Json", "ForEach-Object", "Where-Object", "Join-Path", "Get-Location",
            "Get-UICulture", "Get-AuthenticodeSignature", "Set-Content", "Parsed", "Accounts", "Step",
        },
        FINDS
        | {
            "accounts", "client", "used", "outgoing", "port", "port_is_default", "tls", "auth", "credential", "verdict", "code", "result",
            "reason", "after", "Elapsed", "TotalSeconds", "Round", "schema", "clients", "problems", "OutputEncoding", "UTF8", "StartNew",
            "scan", "test", "dry_run", "settings", "name", "from", "kind", "receipts", "Count", "OSVersion", "Version", "ToString",
            "PSVersion", "Name", "VersionInfo", "ProductVersion", "Status",
        },
        "Write-Output",
    ),
}
# Intune keeps this much of a script's output, and takes scripts up to this size
OUTPUT_LIMIT, SIZE_LIMIT = 2048, 200 * 1024

parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
problems: list[str] = []


def walk(node):
    yield node
    for child in node.children:
        yield from walk(child)


def check(path: pathlib.Path, rules: Rules) -> None:
    source = path.read_bytes()

    def fail(why: str, node=None) -> None:
        line = f":{node.start_point[0] + 1}" if node is not None else ""
        problems.append(f"{path.name}{line}: {why}")

    def text(node) -> str:
        return source[node.start_byte : node.end_byte].decode()

    if not source.isascii():
        fail("not plain ASCII, which is UTF-8 in every PowerShell")
    if len(source) > SIZE_LIMIT:
        fail(f"larger than {SIZE_LIMIT} bytes")
    tree = parser.parse(source)
    nodes = list(walk(tree.root_node))
    for node in nodes:
        if node.is_error or node.is_missing:
            fail(f"does not parse: {text(node)[:60]!r}", node)

    exits = set()
    for node in nodes:
        if node.type == "flow_control_statement" and text(node).lower().startswith("exit"):
            code = text(node)[4:].strip()
            if not code.isdigit() or int(code) not in rules.exits:
                fail(f"ends with {code or 'no code'}; allowed are {sorted(rules.exits)}", node)
            else:
                exits.add(int(code))
    if exits != rules.exits:
        fail(f"ends with {sorted(exits)}, and should with each of {sorted(rules.exits)}")
    statements = next(node for node in tree.root_node.children if node.type == "statement_list")
    if not text(statements.named_children[-1]).startswith("exit"):
        fail("its last statement is no exit")

    calls = []
    for node in nodes:
        if node.type == "command":
            name = next((text(child) for child in node.children if child.type == "command_name"), None)
            if name is None:
                words = text(node).split()
                if words[:2] != ["&", "$program"] or words[-1] != "2>$null":
                    fail(f"calls something else: {text(node)}", node)
                calls.append(" ".join(words[2:-1]))
            elif name == "Write-Output" and (rules.says == name or inside(node, "function_statement")):
                pass
            elif name not in rules.commands:
                fail(f"uses {name}", node)
        if node.type == "member_name" and text(node) not in rules.members:
            fail(f"reads .{text(node)}", node)
        if node.type == "variable" and re.match(r"\$env:|\$\{env:", text(node), re.IGNORECASE):
            fail(f"reads {text(node)}", node)
    if calls != rules.calls:
        fail(f"calls port26 with {calls}, not with {rules.calls}")

    limit = re.search(r"^\$limit = (\d+)", source.decode(errors="replace"), re.MULTILINE)
    if rules.says == "Tell" and (limit is None or int(limit[1]) >= OUTPUT_LIMIT):
        fail(f"does not keep its output under {OUTPUT_LIMIT} characters")


def inside(node, kind: str) -> bool:
    while node is not None:
        if node.type == kind:
            return True
        node = node.parent
    return False


folder = pathlib.Path(sys.argv[1])
found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.ps1")}
if found != set(SCRIPTS):
    problems.append(f"{folder}: scripts {sorted(found)}, known are {sorted(SCRIPTS)}")
for name in sorted(found & set(SCRIPTS)):
    check(folder / name, SCRIPTS[name])
for problem in problems:
    print(problem, file=sys.stderr)
print(f"{len(found)} scripts for PowerShell parsed, {len(problems)} problems")
sys.exit(1 if problems else 0)
