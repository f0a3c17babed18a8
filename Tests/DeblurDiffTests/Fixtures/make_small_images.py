#!/usr/bin/env python3
"""Writes small_images.safetensors: stages of restorations of small images with the tiny model, computed in float64.

    seeded-checkpoint Tests/Fixtures/tiny_keys.json 1 tiny.safetensors
    make_small_images.py tiny.safetensors

Random numbers and the timesteps' angles are float32, as in the released implementation. Needs what Tools/torch/deblurdiff_torch.py needs.
"""
import math
import pathlib
import sys

import torch
import yaml
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

folder = pathlib.Path(__file__).parent
sys.path.insert(0, str(folder.parents[2] / "Tools" / "torch"))
import deblurdiff_torch as deblurdiff

STEPS = 2
SIZES = [(1, 1), (1, 40), (7, 5), (64, 64)]  # height, width
torch.set_grad_enabled(False)
float32_randn = torch.randn


def image(height, width):
    """Any image: (37 y + 91 x + 53 c) 29 mod 256."""
    y, x, c = torch.arange(height)[:, None, None], torch.arange(width)[None, :, None], torch.arange(3)
    return ((37 * y + 91 * x + 53 * c) * 29 % 256).permute(2, 0, 1)[None]


def angles(timestep, width):
    half = width // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)
    return timestep.float()[:, None] * frequencies


def encode(self, x, timestep, context):
    a = angles(timestep, self.width)
    embedding = self.time_embed(torch.cat([torch.cos(a), torch.sin(a)], dim=1).double())
    outputs = []
    for block in self.input_blocks:
        x = block(x, embedding, context)
        outputs.append(x)
    return outputs, self.middle_block(x, embedding, context), embedding


deblurdiff.Encoder.encode = encode
deblurdiff.torch.randn = lambda shape: float32_randn(shape, dtype=torch.float32).double()
state = load_file(sys.argv[1])
config = yaml.safe_load(open(folder.parents[1] / "Fixtures" / "tiny.yaml"))
model = deblurdiff.DeblurDiff(config).load(state).eval().double()
torch.set_default_dtype(torch.float64)
result = {}
for height, width in SIZES:
    clean = image(height, width).double() / 255
    clean = F.pad(clean, (0, -width % 64, 0, -height % 64))
    stages = deblurdiff.restore(model, clean, STEPS, seed=231)
    for name in ["vae_moments.0", "eps.0", "eps.1", "z_final_scaled.0", "decoded.0"]:
        result[f"{height}x{width}.{name}"] = stages[name].float().contiguous()
save_file(result, folder / "small_images.safetensors")
