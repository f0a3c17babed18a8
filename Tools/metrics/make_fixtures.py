#!/usr/bin/env python3
"""Makes Tests/CommandTests/Fixtures/lpips.onnx: LPIPS of the package lpips over a narrow AlexNet with random weights, and prints torch's values for the test.

    make_fixtures.py FOLDER

Needs torch, torchvision, onnx and lpips.
"""
import pathlib
import sys
from unittest import mock

import lpips
import torch
from torch import nn

import export

CHANNELS = [8, 12, 16, 12, 12]


def narrow_alexnet(**_):
    a, b, c, d, e = CHANNELS
    return mock.Mock(
        features=nn.Sequential(
            nn.Conv2d(3, a, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(a, b, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(b, c, 3, padding=1), nn.ReLU(), nn.Conv2d(c, d, 3, padding=1), nn.ReLU(), nn.Conv2d(d, e, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)))


def ramp(height, width, phase):
    """Images that the test makes, too."""
    levels = [[[(x * (3 + c) + y * (5 - c) + phase * x * y) % 256 for x in range(width)] for y in range(height)] for c in range(3)]
    return torch.tensor(levels, dtype=torch.float32)[None] / 255


def main():
    torch.manual_seed(7)
    with mock.patch("lpips.pretrained_networks.tv.alexnet", narrow_alexnet):
        network = lpips.LPIPS(pretrained=False, verbose=False)
    network.lins = nn.ModuleList([lpips.NetLinLayer(count) for count in CHANNELS])
    for index, lin in enumerate(network.lins):
        nn.init.uniform_(lin.model[-1].weight, 0, 1)
        setattr(network, f"lin{index}", lin)
    metric = export.Metric(network.eval(), normalize=True).eval()
    export.export(metric, pathlib.Path(sys.argv[1]) / "lpips.onnx", True)
    with torch.no_grad():
        for height, width in [(96, 80), (67, 121)]:
            print(height, width, metric(ramp(height, width, 1), ramp(height, width, 0)).item())


main()
