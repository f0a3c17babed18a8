#!/bin/bash
# Builds the examples as a package of their own, and runs them. Any that does not do what it should ends with an error.
set -eu
cd "$(dirname "$0")"
swift=${SWIFT:-swift}
model=../../Models/small.ddiff.safetensors
build=../../.build/examples
# Without optimisation, but for the kernels: it takes half the time.
"$swift" build --scratch-path "$build" -Xcc -O2
"$build/debug/extend" "$model"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{ printf 'P6\n64 48\n255\n'; head -c $((64 * 48 * 3)) "$model"; } >"$folder/in.ppm"
"$build/debug/restore" "$model" "$folder/in.ppm" "$folder/out.ppm" | tail -1
[ "$(wc -c <"$folder/out.ppm")" = "$(wc -c <"$folder/in.ppm")" ]
if cmp -s "$folder/in.ppm" "$folder/out.ppm"; then
    echo "Error: the picture came back as it was" >&2
    exit 1
fi
