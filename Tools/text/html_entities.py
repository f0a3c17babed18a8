#!/usr/bin/env python3
"""Writes HTML 5's names of characters, as Python has them, as Sources/DeblurDiff/Prompt/HTMLEntityNames.swift: python3 html_entities.py"""
import html.entities
import pathlib
import textwrap

names = {}
for name, text in html.entities.html5.items():
    if name.endswith(";"):
        names.setdefault("+".join(f"{ord(c):x}" for c in text), []).append(name[:-1])
table = ";".join(" ".join([code, *sorted(of)]) for code, of in sorted(names.items(), key=lambda e: [int(c, 16) for c in e[0].split("+")]))
lines = textwrap.wrap(table.replace(";", "; "), 138, break_long_words=False, break_on_hyphens=False)
source = """// Written by Tools/text/html_entities.py.

extension HTMLEntities {
    /// The 2125 names of HTML 5: a code or two in hexadecimal with a plus, then the names of it.
    static let html5 = \"\"\"
"""
source += "".join(f"        {line} \\\n" for line in lines[:-1]) + f'        {lines[-1]}\n        """\n}}\n'
(pathlib.Path(__file__).parents[2] / "Sources/DeblurDiff/Prompt/HTMLEntityNames.swift").write_text(source)
