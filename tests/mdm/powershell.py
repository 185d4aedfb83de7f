"""Reads the PowerShell scripts for device management with a real parser (tree-sitter) and holds them to the rules of Intune and
of this project. There is no PowerShell for the systems on which the tests run: the scripts were never run by it.

    powershell.py FOLDER
"""

import pathlib
import re
import sys

import tree_sitter
import tree_sitter_powershell

# which exit codes each script may end with; Intune repairs at 1
EXITS = {"detect.ps1": {0, 1, 2}, "remediate.ps1": {0, 1, 2}, "detect-app.ps1": {0, 1}}
# how each may call port26: the words after the program
CALLS = {"detect.ps1": ["test --json"], "remediate.ps1": ["fix --silent --json"], "detect-app.ps1": []}
COMMANDS = {"Tell", "Write-Output", "Test-Path", "Get-Item", "ConvertFrom-Json", "ForEach-Object", "Where-Object", "Group-Object"}
# what may be read of an object: counts, results and places of the program, nothing that names a person or an account
MEMBERS = {
    "accounts", "result", "problems", "Count", "Name", "Length", "IsSystem", "VersionInfo", "ProductVersion", "OutputEncoding",
    "UTF8", "OpenBaseKey", "OpenSubKey", "GetValue", "GetCurrent", "Substring", "Min",
}
# Intune keeps this much of a script's output, and takes scripts up to this size
OUTPUT_LIMIT, SIZE_LIMIT = 2048, 200 * 1024

parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
problems: list[str] = []


def walk(node):
    yield node
    for child in node.children:
        yield from walk(child)


def check(path: pathlib.Path) -> None:
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
            if not code.isdigit() or int(code) not in EXITS[path.name]:
                fail(f"ends with {code or 'no code'}; allowed are {sorted(EXITS[path.name])}", node)
            else:
                exits.add(int(code))
    if exits != EXITS[path.name]:
        fail(f"ends with {sorted(exits)}, and should with each of {sorted(EXITS[path.name])}")
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
            elif name not in COMMANDS:
                fail(f"uses {name}", node)
            elif name == "Write-Output" and path.name != "detect-app.ps1" and not inside(node, "function_statement"):
                fail("writes beside Tell, which keeps the output short", node)
        if node.type == "member_name" and text(node) not in MEMBERS:
            fail(f"reads .{text(node)}", node)
        if node.type == "variable" and re.match(r"\$env:|\$\{env:", text(node), re.IGNORECASE):
            fail(f"reads {text(node)}", node)
    if calls != CALLS[path.name]:
        fail(f"calls port26 with {calls}, not with {CALLS[path.name]}")

    limit = re.search(r"^\$limit = (\d+)", source.decode(errors="replace"), re.MULTILINE)
    if path.name != "detect-app.ps1" and (limit is None or int(limit[1]) >= OUTPUT_LIMIT):
        fail(f"does not keep its output under {OUTPUT_LIMIT} characters")


def inside(node, kind: str) -> bool:
    while node is not None:
        if node.type == kind:
            return True
        node = node.parent
    return False


folder = pathlib.Path(sys.argv[1])
found = {path.name for path in folder.glob("*.ps1")}
if found != set(EXITS):
    problems.append(f"{folder}: scripts {sorted(found)}, known are {sorted(EXITS)}")
for name in sorted(found & set(EXITS)):
    check(folder / name)
for problem in problems:
    print(problem, file=sys.stderr)
print(f"{len(found)} scripts for PowerShell parsed, {len(problems)} problems")
sys.exit(1 if problems else 0)
