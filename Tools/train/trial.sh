#!/bin/bash
# trial.sh DATA OUT PROGRAM: every stage of the training with a tiny model, in minutes. Fails unless the autoencoder learns, an interrupted run ends with the same
# weights as one that was not, and the program takes the result.
set -eu

data=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
program=$(realpath "$3")
cd "$(dirname "$0")"
rm -rf "$out"/{whole,parts,eac,feedback,lkpn}
common=(--config trial.yaml --data "$data" --batch 8 --side 32 --device cpu --threads 1)

train() { python3 train.py "$@" "${common[@]}"; }

train autoencoder --out "$out/whole" --steps 40 --rate 2e-3
train denoiser --out "$out/whole" --steps 10 --start "$out/whole/autoencoder.safetensors"
train deblur --out "$out/whole" --steps 10 --start "$out/whole/denoiser.safetensors" --train-denoiser
train deblur --out "$out/parts" --steps 10 --start "$out/whole/denoiser.safetensors" --train-denoiser --minutes 0.001
train deblur --out "$out/parts" --steps 10 --start "$out/whole/denoiser.safetensors" --train-denoiser
python3 - "$out" <<'EOF'
import json, sys
from safetensors.torch import load_file

out = sys.argv[1]
whole, parts = (load_file(f"{out}/{kind}/deblur.safetensors") for kind in ("whole", "parts"))
assert whole.keys() == parts.keys() and all(whole[name].equal(parts[name]) for name in whole), "an interrupted run ends with other weights"
autoencoder = json.loads(open(f"{out}/whole/autoencoder.jsonl").readlines()[-1])
assert autoencoder["psnr"] > 20, f"the autoencoder did not learn: {autoencoder}"
print("interrupted and whole runs agree to the bit")
EOF
"$program" convert "$out/whole/deblur.safetensors" --config "$out/whole/deblur.yaml" --dtype bfloat16 -o "$out/trial.ddiff.safetensors" --quiet
python3 evaluate.py "$out/trial.ddiff.safetensors" --weights "$out/whole/deblur.safetensors" --data "$data" --out "$out/results" --program "$program" --first 2
for without in eac feedback lkpn; do
    train deblur --out "$out/$without" --steps 2 --start "$out/whole/denoiser.safetensors" --without "$without"
done
python3 evaluate.py --torch "$out/eac/deblur.safetensors" --without eac --data "$data" --out "$out/results-eac" --first 1
