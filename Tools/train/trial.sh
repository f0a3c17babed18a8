#!/bin/bash
# trial.sh DATA OUT PROGRAM: the whole training with a tiny model, in minutes. Fails unless the losses fall, the first model changes nothing, an interrupted run ends
# with the same weights as one that was not, the program makes of the weights what PyTorch makes, and growing changes nothing.
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
python3 - "$out" <<'EOF'
import sys, pathlib
import torch
import yaml
import grow
import model as networks
from safetensors.torch import load_file

out, state = pathlib.Path(sys.argv[1]), load_file(f"{sys.argv[1]}/whole/deblur.safetensors")
config = yaml.safe_load(open("trial.yaml"))
for part in ["unet_cfg", "controlnet_cfg"]:
    config["params"][part]["num_res_blocks"] = [1, 3]
(out / "grown.yaml").write_text(yaml.safe_dump(config))
old, new = networks.build("trial.yaml", 0)[0].load(state), networks.build(out / "grown.yaml", 0)[0].load(grow.grown(state, "trial.yaml", out / "grown.yaml"))
inputs = [*torch.randn(2, 1, 48, 16, 16), torch.tensor([999.0]), networks.empty_context(old)]
with torch.no_grad():
    before, after = (networks.predict(model, *inputs)[0] for model in (old, new))
assert torch.allclose(before, after, atol=1e-5), f"growing changes the result by {(before - after).abs().max()}"
print("a grown model does what it did")
EOF
"$program" blur "$data/held-out" -o "$out/pairs" --extent 0-26 --length 20-200 --kernel-size 33 --quiet
python3 train.py "${common[@]}" --pairs "$out/pairs" --out "$out/from-pairs" --steps 20
for without in eac feedback lkpn; do
    python3 train.py "${common[@]}" --out "$out/$without" --steps 2 --without "$without"
done
