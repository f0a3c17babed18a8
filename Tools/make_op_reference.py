#!/usr/bin/env python3
"""Writes the list of ops in Docs/IR.md from the doc comments in Sources/Operators. With --check it only says whether the list is up to date."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
document = root / "Docs/IR.md"
begin, end = "<!-- ops: made by Tools/make_op_reference.py -->\n", "<!-- ops: end -->\n"


def link(text):
    """Names of Swift types, as code."""
    return re.sub(r"``([^`]+)``", r"`\1`", text)


def snake(name):
    return re.sub(r"[A-Z]", lambda letter: "_" + letter.group().lower(), name)


def attributes(body):
    """The stored properties of an op: name, type and doc comment."""
    pattern = re.compile(r"((?:^    ///.*\n)*)^    public var (\w+): ([^={\n]+?)(?: = [^\n{]+)?$\n", re.M)
    for comment, name, kind in pattern.findall(body):
        text = " ".join(line.strip()[3:].strip() for line in comment.splitlines())
        yield snake(name), kind.strip(), link(text)


def ops(folder):
    for path in sorted(folder.glob("*.swift")):
        source = path.read_text()
        match = re.search(r"((?:^///.*\n)+)public struct (\w+): \w*Op\b.*?\n(.*?)^\}", source, re.M | re.S)
        name = re.search(r'public static let name = "(\w+)"', source)
        if not match or not name:
            continue
        comment = "\n".join(line[3:].removeprefix(" ") for line in match.group(1).splitlines())
        yield name.group(1), link(comment), list(attributes(match.group(3)))


def steps(source, enum):
    """The cases of an enum of steps: name and doc comment."""
    body = re.search(rf"enum {enum}\b.*?^}}", source, re.M | re.S).group()
    for comment, name, raw in re.findall(r"((?:^    ///.*\n)*)^    case (\w+)(?: = \"(\w+)\")?$", body, re.M):
        yield raw or name, link(" ".join(line.strip()[3:].strip() for line in comment.splitlines()))


def step_tables(path):
    source = path.read_text()
    parts = []
    for title, enum in ("a prologue", "PrologueStep"), ("an epilogue", "EpilogueStep"):
        parts.append(f"| step of {title} | |\n|---|---|\n" + "".join(f"| `{name}` | {text} |\n" for name, text in steps(source, enum)))
    return "\n".join(parts) + "\n"


def reference(folder):
    parts = []
    for name, comment, properties in sorted(ops(folder)):
        part = f"### `{name}`\n\n{comment}\n"
        if properties:
            part += "\n| attribute | type | |\n|---|---|---|\n"
            part += "".join(f"| `{key}` | {kind} | {text} |\n" for key, kind, text in properties)
        parts.append(part)
    return "\n".join(parts) + "\n"


general = """## General ops

What graphs from elsewhere are made of besides. Values of every element type, in row-major layout; functions of single elements
also take channels-last images. Numbers follow ONNX: f16 and bf16 are computed in f32 and rounded once, integers wrap around.

"""

text = document.read_text()
head, rest = text.split(begin)
tail = rest.split(end)[1]
operators = root / "Sources/Operators"
expected = head + begin + "\n" + step_tables(operators / "FusedOp.swift") + reference(operators) + general + reference(operators / "General") + end + tail
if sys.argv[1:] == ["--check"]:
    if text != expected:
        sys.exit("Docs/IR.md is out of date: run Tools/make_op_reference.py")
else:
    document.write_text(expected)
