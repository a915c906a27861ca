# SPDX-License-Identifier: BSD-3-Clause
"""The rules of the code that the compiler does not know. Run through script/lint.

Each check is a function that yields findings, "file:line: what is wrong"; CHECKS at the end lists them.
"""

import collections
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]

# The layer rule of docs/architecture.md: a folder of src/ -> the folders whose public headers it may include, besides
# its own, base and sys.
LAYERS = {
    "base": [],
    "sys": [],
    "ds": [],
    "config": [],
    "value": ["ds"],
    "keyspace": ["value", "ds", "config"],
    "proto": [],
    "net": ["proto", "config"],
    "exec": ["keyspace", "value", "proto", "net", "config"],
    "cmd": ["script", "exec", "keyspace", "value", "proto", "config"],
    "script": ["exec", "keyspace", "value", "proto", "config"],
    "home": [],
    "journal": ["keyspace", "value", "home"],
    "server": ["*"],
}
EVERYONE_MAY_USE = {"base", "sys"}
BASE_MAY_USE = set()  # base includes nothing of ours

ROOT_PROGRAM = pathlib.PurePath("src/server/main.c")  # the one file that the meson.build on top names

MOST_LINES_IN_A_FILE = 800
MOST_LINES_IN_A_FUNCTION = 70
# Tables and generated code, which are exempt from the sizes.
TABLES = ["src/cmd/*_table.c", "src/*/tables/*", "src/*/generated/*"]

BANNED = {
    "strcpy": "a copy with a length", "strcat": "a buffer", "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "gets": "a read with a length", "atoi": "base/number.h", "strtok": "a loop", "rand": "base/random.h",
    "srand": "base/random.h",
}

CLANG_FORMAT = "14"  # its output differs between versions, so only this one's word counts


def tracked_files():
    """What git knows or would add, as paths relative to the checkout."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                             capture_output=True, text=True).stdout
    return [path for path in map(pathlib.PurePath, listing.splitlines()) if (ROOT / path).is_file()]


class Tree:
    """The files of the checkout, by kind, each read once."""

    def __init__(self):
        self.files = tracked_files()
        self.texts = {}
        self.c = [f for f in self.files if f.suffix in (".c", ".h") and f.parts[0] in ("src", "tests", "bench")]
        self.headers = [f for f in self.c if f.suffix == ".h"]
        self.shell = [f for f in self.files if self.starts_with(f, "#!/usr/bin/env bash")
                      or (f.suffix == ".sh" and f.parts[0] == "script")]
        self.python = [f for f in self.files if f.suffix == ".py"]
        self.meson = [f for f in self.files if f.name in ("meson.build", "meson_options.txt")]
        self.code = self.c + self.shell + self.python + self.meson

    def text(self, path):
        if path not in self.texts:
            self.texts[path] = (ROOT / path).read_text(encoding="utf-8", errors="replace")
        return self.texts[path]

    def lines(self, path):
        """Numbered from 1."""
        return enumerate(self.text(path).split("\n"), 1)

    def starts_with(self, path, start):
        return path.suffix == "" and self.text(path).startswith(start)


COMMENT_OR_STRING = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', re.DOTALL)


def without_comments_and_strings(text):
    """The same lines, with nothing left but code."""
    def blank(match):
        found = match.group()
        return "\n" * found.count("\n") if found.startswith("/") else found[0] * 2
    return COMMENT_OR_STRING.sub(blank, text)


def check_format(tree):
    """C files stand as clang-format puts them."""
    if not shutil.which("clang-format"):
        yield "clang-format is missing (script/setup test)"
        return
    version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True, check=True).stdout
    trusted = re.search(r"version (\d+)", version).group(1) == CLANG_FORMAT
    chunks = [tree.c[i::os.cpu_count()] for i in range(os.cpu_count())]

    def run(chunk):
        command = ["clang-format", "--dry-run", *map(str, chunk)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stderr if chunk else ""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        output = "".join(pool.map(run, chunks))
    places = {}
    for line in output.splitlines():
        match = re.match(r"(\S+?):(\d+):\d+: warning: code should be clang-formatted", line)
        if match:
            places.setdefault(match.group(1), match.group(2))
    for path, line in sorted(places.items()):
        finding = f"{path}:{line}: not as clang-format puts it (script/lint --fix)"
        if trusted:
            yield finding
        else:
            print(f"warning: {finding}; only version {CLANG_FORMAT} counts")


INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def layer_finding(source, included):
    """What is wrong with a file of src/ including a header, if anything."""
    folder = source.parts[1]
    if "/" not in included:
        return f'"{included}" must be included by its path from src/'
    target, name = included.split("/")[0], included.rsplit("/", 1)[1]
    if target == folder:
        if folder == "cmd" and source.suffix == ".c" and not is_shared_by_families(source, included):
            return f"a command family includes another one's {included}"
        return None
    if name.endswith("_priv.h"):
        return f"{included} is private to {target}/"
    if target not in LAYERS:
        return f"{target}/ is not a folder of src/ that script/lint.py knows"
    if target == "server":
        return "nobody includes server/"
    allowed = LAYERS[folder]
    everyone = BASE_MAY_USE if folder == "base" else EVERYONE_MAY_USE - {folder}
    if folder == "sys":
        everyone = {"base"}
    if target in everyone or target in allowed or "*" in allowed:
        return None
    return f"{folder}/ may not include {target}/ ({included})"


# Headers of src/cmd that are nobody's family: what all families may include.
SHARED_BY_FAMILIES = ["cmd.h", "cmd_*.h", "families.h", "limits.h", "shared*.h", "common*.h", "reply*.h", "parse*.h"]


def is_shared_by_families(source, included):
    name = pathlib.PurePath(included).name
    family = source.stem.split("_")[0]
    return name.startswith(family) or any(fnmatch.fnmatch(name, shared) for shared in SHARED_BY_FAMILIES)


def check_layers(tree):
    """A folder includes only what lies below it, and only public headers."""
    for path in tree.c:
        if path.parts[0] != "src" or len(path.parts) < 3:
            continue
        if path.parts[1] not in LAYERS:
            yield f"{path}:1: {path.parts[1]}/ is missing from LAYERS in script/lint.py"
            continue
        for number, line in tree.lines(path):
            match = INCLUDE.match(line)
            finding = match and layer_finding(path, match.group(1))
            if finding:
                yield f"{path}:{number}: {finding}"


def is_table(path):
    return any(fnmatch.fnmatch(str(path), pattern) for pattern in TABLES)


def functions(text):
    """(name, first line, number of lines) of each function of a file that clang-format has been over."""
    start = name = None
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"[A-Za-z_]", line) and not line.endswith((";", ":")):
            match = re.search(r"([A-Za-z_]\w*)\s*\(", line)
            start, name = number, match.group(1) if match else line
        elif line == "}" and start:
            yield name, start, number - start + 1
            start = None


def check_sizes(tree):
    """Files and functions stay short enough to be read."""
    for path in tree.c + tree.python + tree.shell:
        count = tree.text(path).count("\n")
        if count > MOST_LINES_IN_A_FILE and not is_table(path):
            yield f"{path}:1: {count} lines, more than {MOST_LINES_IN_A_FILE}"
    for path in tree.c:
        if path.suffix != ".c" or is_table(path):
            continue
        for name, line, count in functions(tree.text(path)):
            if count > MOST_LINES_IN_A_FUNCTION:
                yield f"{path}:{line}: {name} has {count} lines, more than {MOST_LINES_IN_A_FUNCTION}"


def check_headers(tree):
    """A header is included once and says on top what it is for."""
    for path in tree.headers:
        lines = [line for _, line in tree.lines(path) if line.strip()]
        if "#pragma once" not in lines:
            yield f"{path}:1: no #pragma once"
        after_includes = [line for line in lines[1:] if not line.startswith("#")]
        if not after_includes or not after_includes[0].startswith("/*"):
            yield f"{path}:2: a header starts with a comment that says what it is for"


def check_licence(tree):
    """Every file of code names its licence."""
    for path in tree.code:
        first = tree.text(path).split("\n", 2)[:2]
        wanted = "/* SPDX-License-Identifier: BSD-3-Clause */" if path in tree.c else \
            "# SPDX-License-Identifier: BSD-3-Clause"
        if wanted not in (first[:1] if path in tree.c else first):
            yield f"{path}:1: the first line should be {wanted}"


LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX)\b")


def check_left_overs(tree):
    """What is unfinished is an issue in the tracker, not a remark in the code."""
    for path in tree.code:
        if path.name == "lint.py":
            continue
        for number, line in tree.lines(path):
            match = LEFT_OVER.search(line)
            if match:
                yield f"{path}:{number}: {match.group(1)}"


DEAD_CODE = [re.compile(r"^\s*//.*[;{}]\s*$"), re.compile(r"^\s*/\*.*[;{}]\s*\*/\s*$"),
             re.compile(r"^\s*#\s*if\s+0\b")]


def check_dead_code(tree):
    """Code that does not run does not stay."""
    for path in tree.c:
        for number, line in tree.lines(path):
            if any(pattern.search(line) for pattern in DEAD_CODE):
                yield f"{path}:{number}: looks like code that is switched off"


BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")


def check_banned(tree):
    """Functions that have a safer sister."""
    for path in tree.c:
        for number, line in enumerate(without_comments_and_strings(tree.text(path)).split("\n"), 1):
            match = BANNED_CALL.search(line)
            if match:
                yield f"{path}:{number}: {match.group(1)}(): use {BANNED[match.group(1)]}"


def check_readmes(tree):
    """Every folder with code says what lives in it; one of src/ names each of its modules, or the start of its name."""
    folders = {path.parent for path in tree.code if path.parts[0] in ("src", "tests", "bench", "script")
               and path.name != "meson.build"}
    folders = {f for f in folders if len(f.parts) <= 2 and f.name != "lib"}
    for folder in sorted(folders):
        if folder / "README.md" not in tree.files:
            yield f"{folder}: no README.md"
        elif folder.parts[0] == "src" and folder.name != "cmd":
            named = {name.removesuffix("_priv") for name in
                     re.findall(r"`(\w+)(?:_\*)?\.[ch]`", tree.text(folder / "README.md"))}
            modules = {path.stem.removesuffix("_priv") for path in tree.c if path.parent == folder}
            for module in sorted(modules - named):
                if not any(module.startswith(name + "_") for name in named):
                    yield f"{folder}/README.md: does not name {module}"


def check_built(tree):
    """Every C file is built: the meson.build beside it names it."""
    for path in tree.c:
        build = path.parent / "meson.build"
        if path.suffix != ".c" or build not in tree.files:
            continue
        if not re.search(rf"'{path.stem.removeprefix('fuzz_')}(\.c)?'", tree.text(build)) and path != ROOT_PROGRAM:
            yield f"{build}: does not name {path.name}"


DECLARATION = re.compile(r"^(?!static|typedef|extern|return|#)(?:[a-z_]\w*[ *]+)+([a-z_]\w*)\(", re.MULTILINE)


def check_used(tree):
    """What a header of src/ declares is for others: a function that only its own file calls is static, or gone."""
    words = {path: collections.Counter(re.findall(r"\w+", without_comments_and_strings(tree.text(path))))
             for path in tree.c}
    for path in tree.headers:
        if path.parts[0] != "src":
            continue
        for match in DECLARATION.finditer(without_comments_and_strings(tree.text(path))):
            name = match.group(1)
            definition = re.compile(rf"^[a-z][^;\n]*\b{name}\([^;{{]*\{{", re.MULTILINE)
            users = [other for other in words if other != path and name in words[other]]
            if words[path][name] == 1 and all(definition.search(tree.text(other)) for other in users):
                yield f"{path}: {name}() is called by its own file alone, or by nobody"


LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
PATH_IN_TEXT = re.compile(r"`((?:src|tests|docs|script|bench|man)/[\w./-]*\w)`")


def check_links(tree):
    """What the documents point to is there."""
    for path in tree.files:
        if path.suffix != ".md" or path.name == "CHANGELOG.md":
            continue
        for number, line in tree.lines(path):
            for target in LINK.findall(line):
                if not (ROOT / path.parent / target).exists():
                    yield f"{path}:{number}: {target} is not there"
            for target in PATH_IN_TEXT.findall(line):
                if not (ROOT / target).exists() and not (ROOT / "src" / target).exists():
                    yield f"{path}:{number}: {target} is not there"


ROWS = re.compile(r"struct config_row \w+\[\] = \{(.*?)\n\};", re.DOTALL)
ROW = re.compile(r'^    \{(?:\.name = )?"([\w-]+)"(?:,\s*(?:\.alias = )?"([\w-]+)")?', re.MULTILINE)
ROW_BY_MACRO = re.compile(r'^    [A-Z_]+\("([\w-]+)"', re.MULTILINE)


def check_directives(tree):
    """docs/configuration.md has all directives: those with a meaning in its tables, the others in its last one."""
    meaning, inert = set(), set()
    for path in tree.c:
        for rows in ROWS.findall(tree.text(path)) if path.parts[0] == "src" else []:
            meaning |= {name for names in ROW.findall(rows) for name in names if name}
            (inert if path.name == "inert.c" else meaning).update(ROW_BY_MACRO.findall(rows))
    page = pathlib.PurePath("docs/configuration.md")
    documented, others = tree.text(page).split("## Accepted without a meaning")
    cells = re.findall(r"^\| (`.*?) \|", documented.split("## Users")[0], re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`([\w-]+)`", cell)}
    patterns = re.findall(r"`([\w*-]+)`", others)
    yield from (f"{page}: {name} is not in a table" for name in sorted(meaning - named))
    yield from (f"{page}: {name} is not a directive with a meaning" for name in sorted(named - meaning))
    for name in sorted(inert):
        if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            yield f"{page}: {name} is not named"


def check_whitespace(tree):
    """No tabs or blanks where nobody sees them, and a newline at the end."""
    for path in tree.code:
        text = tree.text(path)
        if text and not text.endswith("\n"):
            yield f"{path}: no newline at the end"
        for number, line in tree.lines(path):
            if line != line.rstrip():
                yield f"{path}:{number}: blanks at the end of the line"
            if "\t" in line:
                yield f"{path}:{number}: a tab"


def check_shell(tree):
    """The scripts pass shellcheck."""
    if not shutil.which("shellcheck"):
        yield "shellcheck is missing (script/setup test)"
        return
    result = subprocess.run(["shellcheck", "-x", "-f", "gcc", *map(str, tree.shell)], cwd=ROOT,
                            capture_output=True, text=True, check=False)
    yield from result.stdout.splitlines()


def check_python(tree):
    """Python without names that are unknown or unused."""
    if not shutil.which("pyflakes3"):
        yield "pyflakes3 is missing (script/setup test)"
        return
    result = subprocess.run(["pyflakes3", *map(str, tree.python)], cwd=ROOT, capture_output=True, text=True, check=False)
    yield from result.stdout.splitlines()


CHECKS = [check_format, check_layers, check_sizes, check_headers, check_licence, check_left_overs, check_dead_code,
          check_used, check_built, check_banned, check_readmes, check_links, check_directives, check_whitespace,
          check_shell, check_python]


def main(arguments):
    tree = Tree()
    if arguments == ["--fix"]:
        subprocess.run(["clang-format", "-i", *map(str, tree.c)], cwd=ROOT, check=True)
        tree = Tree()
    elif arguments:
        sys.exit("script/lint: unknown argument (--help)")
    failed = 0
    for check in CHECKS:
        findings = list(check(tree))
        failed += bool(findings)
        for finding in findings:
            print(finding)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
