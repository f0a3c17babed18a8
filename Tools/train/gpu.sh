#!/bin/bash
# gpu.sh DATA OUT [MINUTES [OPTIONS]]: trains the model of wide.yaml for so many minutes (10; with its start that should be 12) on a GPU, and saves weights and state to OUT
# every two. DATA is what photos.py made; its train and held-out folders, 25 MB, are all that must be there. OPTIONS go to train.py and may replace those given here:
#
#     gpu.sh DATA OUT 0.5 --config trial.yaml --batch 8 --side 32 --device cpu --threads 1
#
# tries the whole of it on a processor.
set -eu

data=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
minutes=${3:-10}
shift $(($# < 3 ? $# : 3))
cd "$(dirname "$0")"
compile=()
if python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then compile=(--compile); fi
exec python3 train.py --config wide.yaml --data "$data" --out "$out" --steps 1000000 --total-minutes "$minutes" --save-minutes 2 --batch 128 --side 128 --rate 1e-3 \
    "${compile[@]}" "$@"
