#!/bin/bash
# Fails where the tools in Python name what is not there or call it with arguments that it does not take: some of them run seldom, and what they call changes meanwhile.
set -eu
cd "$(dirname "$0")"

export MYPYPATH=$PWD/torch:$PWD/train
failed=0
for folder in . */; do
    compgen -G "$folder/*.py" >/dev/null || continue
    found=$(cd "$folder" && mypy --cache-dir /dev/null --ignore-missing-imports --check-untyped-defs --follow-imports silent -- *.py | grep -E '\[(call-arg|name-defined|syntax)\]$' || true)
    [ -z "$found" ] && continue
    sed "s|^|Tools/${folder%/}/|" <<<"$found" >&2
    failed=1
done
exit $failed
