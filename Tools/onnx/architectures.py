#!/usr/bin/env python3
"""Exports small networks of many kinds from PyTorch, and compares deblurdiff at each level with ONNX Runtime.

    architectures.py DEBLURDIFF [--filter WORD] [--tolerance 1e-4]

Each has what layouts trip over: images of one channel, shifted windows (torch.roll), unequal strides, dilation, groups, splits along every axis. Needs torch, onnx,
onnxruntime and numpy.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F

from node_tests import read_tensors, write_tensors

warnings.filterwarnings("ignore")


class ShiftedWindows(nn.Module):
    """A Swin block: windows of 4 x 4, shifted by torch.roll, attention within each."""

    def __init__(self, channels=32, heads=4, size=4, shift=2):
        super().__init__()
        self.heads, self.size, self.shift = heads, size, shift
        self.norm, self.qkv, self.out = nn.LayerNorm(channels), nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.mlp = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels))

    def forward(self, x):
        n, c, h, w = x.shape
        s = self.size
        y = torch.roll(x, (-self.shift, -self.shift), (2, 3)) if self.shift else x
        y = y.reshape(n, c, h // s, s, w // s, s).permute(0, 2, 4, 3, 5, 1).reshape(-1, s * s, c)
        q, k, v = self.qkv(self.norm(y)).reshape(-1, s * s, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        a = torch.softmax(q @ k.transpose(-1, -2) * (c // self.heads) ** -0.5, -1) @ v
        y = y + self.out(a.transpose(1, 2).reshape(-1, s * s, c))
        y = y + self.mlp(y)
        y = y.reshape(n, h // s, w // s, s, s, c).permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w)
        return torch.roll(y, (self.shift, self.shift), (2, 3)) if self.shift else y


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride=1, dilation=1, groups=1, norm=nn.BatchNorm2d):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, groups, bias=False), norm(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), norm(outputs))
        self.skip = nn.Identity() if inputs == outputs and stride == 1 else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


def residual_network():
    return nn.Sequential(nn.Conv2d(3, 16, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1), Residual(16, 16), Residual(16, 32, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def restoration_transformer():
    return nn.Sequential(nn.Conv2d(3, 32, 3, 1, 1), ShiftedWindows(shift=0), ShiftedWindows(), nn.Conv2d(32, 3, 3, 1, 1))


class TextRecogniser(nn.Module):
    """Reads lines of text from grey images: strides of 2 x 1, then a sequence over the width, taken apart along it."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, (2, 2), 1), nn.ReLU(), nn.Conv2d(16, 32, 3, (2, 1), 1), nn.ReLU(), nn.Conv2d(32, 32, 3, (2, 1), 1), nn.ReLU())
        self.head = nn.Linear(32, 11)

    def forward(self, x):
        y = self.body(x)
        left, right = torch.chunk(y, 2, 3)
        y = torch.cat([right, left], 3).mean(2)
        return torch.log_softmax(self.head(y.transpose(1, 2)), -1)


class Atrous(nn.Module):
    """Dilated branches side by side and a map of one channel that gates them."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, 1, 1)
        self.branches = nn.ModuleList([nn.Conv2d(16, 16, 3, 1, d, d) for d in (1, 2, 4)])
        self.gate = nn.Conv2d(48, 1, 1)
        self.spread = nn.Conv2d(1, 16, 3, (1, 1), (2, 2), (2, 2))
        self.narrow = nn.Conv2d(1, 8, (3, 5), (1, 2), (1, 2))

    def forward(self, x):
        y = F.relu(self.stem(x))
        all_ = torch.cat([F.relu(b(y)) for b in self.branches], 1)
        gate = torch.sigmoid(self.gate(all_))
        return F.relu(self.spread(gate)) * gate + y, self.narrow(gate)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = Residual(3, 16, norm=lambda c: nn.GroupNorm(4, c)), Residual(16, 32, 2), Residual(32, 32, 1, 2)
        self.up, self.out = nn.ConvTranspose2d(32, 16, 2, 2), nn.Conv2d(32, 3, 3, 1, 1)

    def forward(self, x):
        a = self.a(x)
        y = self.up(self.c(self.b(a)))
        return self.out(torch.cat([a, y], 1))


class Shuffled(nn.Module):
    """Grouped convolutions between shuffles of channels, and pixels from channels at the end."""

    def __init__(self):
        super().__init__()
        self.stem, self.depth, self.point = nn.Conv2d(3, 16, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.Conv2d(8, 8, 1)
        self.out = nn.Conv2d(16, 12, 3, 1, 1)

    def forward(self, x):
        y = F.relu(self.stem(x))
        n, c, h, w = y.shape
        y = y.reshape(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        a, b = y.chunk(2, 1)
        y = torch.cat([a, F.silu(self.point(self.depth(b)))], 1)
        return F.pixel_shuffle(self.out(y), 2)


class AxialMixer(nn.Module):
    """Linear layers along the height and along the width, and halves of each swapped."""

    def __init__(self, size=(8, 12), channels=16):
        super().__init__()
        self.stem, self.out = nn.Conv2d(3, channels, 3, 1, 1), nn.Conv2d(channels, 3, 3, 1, 1)
        self.rows, self.columns = nn.Linear(size[0], size[0]), nn.Linear(size[1], size[1])

    def forward(self, x):
        y = F.gelu(self.stem(x))
        y = y + self.columns(y) + self.rows(y.transpose(2, 3)).transpose(2, 3)
        for axis in (2, 3):
            first, second = torch.split(y, [y.shape[axis] // 2, y.shape[axis] - y.shape[axis] // 2], axis)
            y = torch.cat([second, first], axis)
        return self.out(y)


class VisionTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 4, 4)
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, norm_first=True), 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.layers(self.patches(x).flatten(2).transpose(1, 2)).mean(1))


class FlowWarp(nn.Module):
    """Neighbours of each pixel by rolling along every axis, weighted by a softmax over channels."""

    def __init__(self):
        super().__init__()
        self.weights, self.mix = nn.Conv2d(3, 5, 3, 1, 1), nn.Conv2d(3, 8, 3, (2, 1), 1)

    def forward(self, x):
        w = torch.softmax(self.weights(x), 1)
        moved = [x] + [torch.roll(F.relu(x), s, a) for a in (2, 3) for s in (1, -1)]
        return self.mix(sum(m * w[:, i : i + 1] for i, m in enumerate(moved)))


class LargeKernels(nn.Module):
    """ConvNeXt: depthwise 7 x 7, layer norms over channels."""

    def __init__(self, c=16):
        super().__init__()
        self.stem, self.depth, self.norm = nn.Conv2d(3, c, 2, 2), nn.Conv2d(c, c, 7, 1, 3, groups=c), nn.LayerNorm(c)
        self.expand, self.shrink, self.out = nn.Linear(c, 4 * c), nn.Linear(4 * c, c), nn.Conv2d(c, 1, 3, (1, 2), 1)

    def forward(self, x):
        x = self.stem(x)
        y = self.shrink(F.gelu(self.expand(self.norm(self.depth(x).permute(0, 2, 3, 1))))).permute(0, 3, 1, 2)
        return self.out(x + y)


class Recurrent(nn.Module):
    """A convolutional cell unrolled over frames that lie along the batch."""

    def __init__(self):
        super().__init__()
        self.cell = nn.Conv2d(1 + 8, 32, 3, 1, 1)

    def forward(self, x):
        state = memory = torch.zeros(1, 8, x.shape[2], x.shape[3])
        for frame in x.split(1, 0):
            i, f, o, g = self.cell(torch.cat([frame, state], 1)).chunk(4, 1)
            memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
            state = torch.sigmoid(o) * torch.tanh(memory)
        return state


NETWORKS = {
    "residual": (residual_network, [(1, 3, 32, 40), (2, 3, 32, 32)]),
    "restoration_transformer": (restoration_transformer, [(1, 3, 8, 12), (2, 3, 16, 8)]),
    "text_recogniser": (TextRecogniser, [(1, 1, 32, 48), (2, 1, 32, 40)]),
    "atrous": (Atrous, [(1, 1, 8, 12), (2, 1, 9, 8)]),
    "unet": (UNet, [(1, 3, 16, 12), (2, 3, 8, 8)]),
    "shuffled": (Shuffled, [(1, 3, 8, 12), (2, 3, 6, 8)]),
    "axial_mixer": (AxialMixer, [(1, 3, 8, 12), (2, 3, 8, 12)]),
    "vision_transformer": (VisionTransformer, [(1, 3, 16, 24), (2, 3, 16, 16)]),
    "flow_warp": (FlowWarp, [(1, 3, 8, 12), (2, 3, 6, 8)]),
    "large_kernels": (LargeKernels, [(1, 3, 16, 24), (2, 3, 12, 16)]),
    "recurrent": (Recurrent, [(3, 1, 8, 12)]),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", help="the built deblurdiff")
    parser.add_argument("--filter", default="")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="relative to the largest number of an output or to 1")
    options = parser.parse_args()
    command = str(pathlib.Path(options.command).resolve())
    failed = 0
    for name, (make, shapes) in NETWORKS.items():
        if options.filter not in name:
            continue
        torch.manual_seed(1)
        network = make().eval()
        for shape in shapes:
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                x = torch.randn(shape)
                torch.onnx.export(network, (x,), str(folder / "model.onnx"), opset_version=17, input_names=["x"], dynamo=False)
                session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
                expected = dict(zip([o.name for o in session.get_outputs()], session.run(None, {"x": x.numpy()})))
                write_tensors(folder / "in.safetensors", [("x", x.numpy())])
                for level in ["-O0", "-O1"]:
                    result = subprocess.run(
                        [command, "execute", "model.onnx", "--input", "in.safetensors", "--output", "out.safetensors", "--quiet", level],
                        cwd=folder, capture_output=True, text=True)
                    worst = result.stderr.strip()
                    if result.returncode == 0:
                        found = read_tensors(folder / "out.safetensors")
                        worst = max(float(np.abs(found[n] - e).max() / max(1, np.abs(e).max())) if found[n].shape == e.shape else np.inf for n, e in expected.items())
                    good = not isinstance(worst, str) and worst <= options.tolerance
                    failed += not good
                    print(f"{name:24} {str(list(shape)):18} {level} {worst if isinstance(worst, str) else f'{worst:.1e}'}{'' if good else '  WRONG'}", flush=True)
    sys.exit(f"{failed} differ" if failed else 0)


if __name__ == "__main__":
    main()
