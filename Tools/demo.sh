#!/bin/bash
# demo.sh PROGRAMS FOLDER: restores a photograph with the small model that comes with the program; where there is none, shows the whole way, from a checkpoint to
# a picture, with a model made on the spot.
set -eu

programs=$1
out=$2
mkdir -p "$out"

show() { printf '\n$ deblurdiff'; printf ' %q' "$@"; printf '\n'; "$programs/deblurdiff" "$@"; }

if [ -e Models/small.ddiff.safetensors ]; then
    rm -f "$out"/cat-restored.png
    show inspect
    show run Models/cat-blurred.png --output "$out/cat-restored.png"
    cat <<EOF

The blurred photograph:  $PWD/Models/cat-blurred.png
What the model made:     $PWD/$out/cat-restored.png
What it should be like:  $PWD/Models/cat-sharp.png

The model has not seen this photograph in its training. It is small; for the quality of the paper convert the released checkpoint: see README.md.
EOF
    exit
fi

rm -f "$out"/demo.safetensors "$out"/demo.ddiff.safetensors "$out"/sample-restored.png
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
