#!/usr/bin/env python3
"""Writes the tests' cleaners, Tests/Fixtures/systems/cleaner*.onnx, and what ONNX Runtime makes of the picture with them.

    cleaner.py CLONE

cleaner.onnx takes pictures whose sides are multiples of 8, as SwinIR takes multiples of its windows; cleaner_tile.onnx takes 24 x 24 pixels alone; cleaner_double.onnx makes them twice as large.
The clone is of github.com/XPixelGroup/DiffBIR, whose function blends the tiles. Needs torch, onnx, onnxruntime, numpy, pillow, safetensors, tqdm.
"""
import importlib.util
import pathlib
import sys

import numpy
import onnxruntime
import torch
from PIL import Image
from safetensors.numpy import save_file
from torch import nn

folder = pathlib.Path(__file__).parents[2] / "Tests/Fixtures"
picture = numpy.asarray(Image.open(folder / "configs/picture.png").convert("RGB")).astype(numpy.float32).transpose(2, 0, 1)[None] / 255
torch.manual_seed(1)


class Cleaner(nn.Module):
    """A picture and what a few convolutions add to it."""

    def __init__(self, factor=8, scale=1):
        super().__init__()
        width = 3 * factor**2
        self.down, self.up, self.scale = nn.PixelUnshuffle(factor), nn.PixelShuffle(factor * scale), scale
        self.body = nn.Sequential(nn.Conv2d(width, 16, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(16, width * scale**2, 3, padding=1))

    def forward(self, image):
        same = image if self.scale == 1 else nn.functional.interpolate(image, scale_factor=self.scale)
        return same + 0.3 * self.up(self.body(self.down(image)))


def export(name, network, shape, free=False):
    axes = {2: "height", 3: "width"}
    path = folder / f"systems/{name}.onnx"
    torch.onnx.export(
        network.eval(), (torch.zeros(shape),), str(path), input_names=["image"], output_names=["clean"], dynamo=False,
        dynamic_axes={"image": axes, "clean": axes} if free else None)
    session = onnxruntime.InferenceSession(str(path))
    return lambda image: session.run(None, {"image": numpy.ascontiguousarray(image)})[0]


clean = export("cleaner", Cleaner(), (1, 3, 32, 48), free=True)
tile = export("cleaner_tile", Cleaner(4), (1, 3, 24, 24))
double = export("cleaner_double", Cleaner(1, 2), (1, 3, 32, 48), free=True)
spec = importlib.util.spec_from_file_location("common", pathlib.Path(sys.argv[1]) / "diffbir/utils/common.py")
common = importlib.util.module_from_spec(spec)
spec.loader.exec_module(common)
tiled = common.make_tiled_fn(lambda part: torch.tensor(tile(part.numpy())), 24, 12)(torch.tensor(picture)).numpy()
small = picture[..., :30, :44]
padded = clean(numpy.pad(small, [(0, 0), (0, 0), (0, 34), (0, 20)]))[..., :30, :44]
results = {"whole": clean(picture), "tiled": tiled, "padded": padded, "double": double(picture)}
save_file({name: numpy.ascontiguousarray(result) for name, result in results.items()}, folder / "systems/cleaner.safetensors")
