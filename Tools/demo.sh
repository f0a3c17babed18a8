#!/bin/bash
# demo.sh PROGRAMS FOLDER: the whole way, from a checkpoint to a restored photograph, with a small model made on the spot.
set -eu

programs=$1
out=$2
mkdir -p "$out"
rm -f "$out"/demo.safetensors "$out"/demo.ddiff.safetensors "$out"/sample-restored.png

show() { printf '\n$ deblurdiff'; printf ' %q' "$@"; printf '\n'; "$programs/deblurdiff" "$@"; }

"$programs/seeded-checkpoint" --config Models/demo.yaml --seed 1 "$out/demo.safetensors"
show convert "$out/demo.safetensors" --config Models/demo.yaml -o "$out/demo.ddiff.safetensors"
show inspect "$out/demo.ddiff.safetensors"
show run Models/sample.png --model "$out/demo.ddiff.safetensors" --steps 10 --output "$out/sample-restored.png"

cat <<EOF

The blurred photograph:  $PWD/Models/sample.png
What the model made:     $PWD/$out/sample-restored.png

This model is NOT trained: its weights are pseudo-random numbers, so what it makes is noise in the photograph's colours and no
restoration. The demo shows that every part works, from the checkpoint to the picture. For a real restoration convert the released
checkpoint: see README.md.
EOF
