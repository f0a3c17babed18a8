#!/bin/bash
# trial.sh DATA OUT PROGRAM: the whole training with a tiny model, in minutes. Fails unless the losses fall, the first model changes nothing, an interrupted run ends
# with the same weights as one that was not, and the program makes of the weights what PyTorch makes.
set -eu

data=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
program=$(realpath "$3")
cd "$(dirname "$0")"
rm -rf "$out"/{whole,parts,gpu,program,torch,pairs,from-pairs,eac,feedback,lkpn}
common=(--config trial.yaml --data "$data" --batch 8 --side 64 --uses 2 --device cpu --threads 1)

python3 train.py "${common[@]}" --out "$out/whole" --steps 60
python3 train.py "${common[@]}" --out "$out/parts" --steps 60 --minutes 0.02
python3 train.py "${common[@]}" --out "$out/parts" --steps 60
./gpu.sh "$data" "$out/gpu" 0.02 "${common[@]}"
python3 - "$out" <<'EOF'
import json, sys
from safetensors.torch import load_file

out = sys.argv[1]
whole, parts = (load_file(f"{out}/{kind}/deblur.safetensors") for kind in ("whole", "parts"))
assert whole.keys() == parts.keys() and all(whole[name].equal(parts[name]) for name in whole), "an interrupted run ends with other weights"
first, last = (json.loads(open(f"{out}/{kind}/deblur.jsonl").readlines()[0]) for kind in ("parts", "whole"))
assert first["step"] < 60 == last["step"], f"the run was not interrupted: {first}"
assert last["blur 0"]["psnr"] > 30, f"sharp images do not stay sharp: {last}"
print("interrupted and whole runs agree to the bit")
EOF
"$program" convert "$out/whole/deblur.safetensors" --config "$out/whole/deblur.yaml" --dtype float32 -o "$out/trial.ddiff.safetensors" --quiet
python3 evaluate.py "$out/trial.ddiff.safetensors" --data "$data" --out "$out/program" --program "$program" --lengths 0 14
python3 evaluate.py --torch "$out/whole/deblur.safetensors" --data "$data" --out "$out/torch" --lengths 0 14
python3 - "$out" <<'EOF'
import json, sys

program, torch = (json.load(open(f"{sys.argv[1]}/{kind}/measures.json"))["mean"] for kind in ("program", "torch"))
for kind in program:
    assert abs(program[kind]["restored"]["psnr"] - torch[kind]["restored"]["psnr"]) < 0.1, f"the program and PyTorch differ: {program[kind]} {torch[kind]}"
print("the program restores as PyTorch does")
EOF
"$program" blur "$data/held-out" -o "$out/pairs" --extent 0-26 --length 20-200 --kernel-size 33 --quiet
python3 train.py "${common[@]}" --pairs "$out/pairs" --out "$out/from-pairs" --steps 20
for without in eac feedback lkpn; do
    python3 train.py "${common[@]}" --out "$out/$without" --steps 2 --without "$without"
done
