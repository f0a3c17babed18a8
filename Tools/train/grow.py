#!/usr/bin/env python3
"""Gives a trained model more blocks at its deepest level without changing what it does:

    grow.py WEIGHTS.safetensors --from OLD.yaml --to NEW.yaml OUT.safetensors

WEIGHTS is a checkpoint in the released layout, or a converted model. NEW.yaml differs from OLD.yaml in the last number of num_res_blocks of denoiser and ControlNet
alone. The new blocks of the encoder add nothing at first, and those of the decoder hand on what comes from below. With --to left out, nothing grows: a converted model
becomes a checkpoint that train.py --start takes.
"""
import argparse
import pathlib
import re

import torch
from safetensors.torch import load_file, save_file

import model as networks


def renamed(name, count):
    """The new name of an old tensor: `count` output blocks come before the old ones. The encoder's new blocks come after the old."""
    return re.sub(r"^unet\.output_blocks\.(\d+)\.", lambda match: f"unet.output_blocks.{int(match[1]) + count}.", name)


def grown(old, before, after):
    """The weights `old` of the configuration file `before` in the networks of the file `after`."""
    smaller, (larger, _) = networks.build(before, 0)[0], networks.build(after, 0)
    count = len(larger.unet.input_blocks) - len(smaller.unet.input_blocks)
    state = {**larger.state_dict(), **{renamed(name, count): value for name, value in old.items()}}
    for number in range(count):
        skip = state[f"unet.output_blocks.{number}.0.skip_connection.weight"]
        skip.zero_()[:, : len(skip)] = torch.eye(len(skip))[..., None, None]
        state[f"unet.output_blocks.{number}.0.skip_connection.bias"].zero_()
    larger.load_state_dict(state)
    return larger.state_dict()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--from", dest="before", type=pathlib.Path, metavar="OLD.yaml")
    parser.add_argument("--to", dest="after", type=pathlib.Path, metavar="NEW.yaml")
    choices = parser.parse_args()
    if (choices.before is None) != (choices.after is None):
        parser.error("--from and --to go together")
    state = {name: value.float() for name, value in load_file(choices.weights).items() if not name.startswith("__padding__")}
    if choices.after:
        state = grown(state, choices.before, choices.after)
    save_file({name: value.contiguous() for name, value in state.items()}, choices.out)


if __name__ == "__main__":
    main()
