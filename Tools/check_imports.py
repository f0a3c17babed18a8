#!/usr/bin/env python3
"""Says which targets import what Package.swift does not declare for them, or declare what no file of theirs imports. Reads `swift package describe --type json` from standard input."""
import json
import pathlib
import re
import sys

ours = {target["name"]: target for target in json.load(sys.stdin)["targets"]}
problems = []
for name, target in ours.items():
    sources = [file for file in pathlib.Path(target["path"]).rglob("*.swift")]
    if not sources:
        continue
    text = "\n".join(file.read_text() for file in sources)
    imported = set(re.findall(r"^ *(?:@\w+ +)*(?:public |package |internal |private )?import (?:\w+ )?(\w+)", text, re.M)) & set(ours)
    declared = set(target.get("target_dependencies", []))
    problems += [f"{name} imports {other}, which Package.swift does not declare for it" for other in sorted(imported - declared)]
    # Tests of a program declare it to have it built.
    declared = {other for other in declared if ours[other]["type"] != "executable"}
    problems += [f"{name} declares {other} in Package.swift, and imports it nowhere" for other in sorted(declared - imported)]
print("\n".join(problems), end="\n" if problems else "")
sys.exit(bool(problems))
