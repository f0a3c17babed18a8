#!/usr/bin/env python3
"""The gradient of a model's decoder as PyTorch computes it: the tests' fixture.

    seeded-checkpoint --config Tests/Fixtures/tiny.yaml --seed 1 tiny.safetensors
    decoder_gradient.py Tests/Fixtures/tiny.yaml tiny.safetensors Tests/Fixtures/decoder_gradient.safetensors

Latent and the gradient with respect to the image are normal numbers. Needs torch, safetensors and pyyaml.
"""
import sys

import torch
import yaml
from safetensors.torch import load_file, save_file

from deblurdiff_torch import DeblurDiff

config, checkpoint, output = sys.argv[1:]
model = DeblurDiff(yaml.safe_load(open(config))).load(load_file(checkpoint)).eval()
generator = torch.Generator().manual_seed(1)
latent = torch.randn(1, 4, 8, 16, generator=generator, requires_grad=True)
image = model.vae.decode(latent)
gradient = torch.randn(image.shape, generator=generator)
image.backward(gradient)
save_file({"latent": latent.detach(), "image.gradient": gradient, "latent.gradient": latent.grad}, output)
