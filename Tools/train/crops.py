"""Batches of sharp crops and of blurred and sharp pairs, made on the device out of photographs that are all in its memory."""
import collections
import math
import pathlib

import numpy
import torch
from PIL import Image
from torch.nn import functional as F

import blur

SCALES = [1, 0.7, 0.5]
GRID = 16
COLLAGES = slice(None, None, 5)
REGIONAL = slice(3, None, 4)


def versions(folder):
    """The photographs of a folder at each scale, bytes [3, height, width]; kept beside the folder in a file, because shrinking takes a while."""
    kept = folder.with_suffix(".pt")
    if not kept.exists():
        images = []
        for file in sorted([*folder.glob("*.png"), *folder.glob("*.jpg")]):
            photo = Image.open(file).convert("RGB")
            for scale in SCALES:
                size = [round(length * scale) for length in photo.size]
                images.append(torch.tensor(numpy.asarray(photo.resize(size, Image.Resampling.LANCZOS))).permute(2, 0, 1).contiguous())
        torch.save(images, kept)
    return torch.load(kept, weights_only=True)


def uniform(generator, low, high, *shape):
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)


class Photographs:
    """Crops are drawn where there is detail: skies and blurred backgrounds teach little."""

    def __init__(self, folder, side, device, flat=0.15):
        self.side = side
        images, places, weights = [], [], []
        start = 0
        for image in versions(pathlib.Path(folder)):
            height, width = image.shape[1:]
            if min(height, width) < side + GRID:
                continue
            grey = image[1].float()
            detail = (grey[1:, 1:] - grey[:-1, 1:]).abs() + (grey[1:, 1:] - grey[1:, :-1]).abs()
            mean = F.avg_pool2d(F.avg_pool2d(detail[None], GRID), side // GRID, 1)[0]
            rows, columns = (part.flatten() for part in torch.meshgrid(*(torch.arange(length) * GRID for length in mean.shape), indexing="ij"))
            facts = [torch.full_like(rows, fact) for fact in (start, height, width)]
            places.append(torch.stack([*facts, rows, columns], 1))
            # Small versions have fewer places, and as much to learn from.
            weights.append((mean.clamp(max=30) / 10 + flat).flatten() / mean.numel() ** 0.5)
            images.append(image.flatten(1))
            start += height * width
        if not images:
            raise SystemExit(f"{folder} has no photograph of {side + GRID} pixels a side: make them with photos.py.")
        self.pixels = torch.cat(images, 1).to(device)
        self.places = torch.cat(places).to(device)
        self.sums = torch.cat(weights).double().cumsum(0).to(device)

    def batch(self, count, generator):
        """Sharp crops [count, 3, side, side] in 0...1, flipped, turned and in changed colours."""
        drawn = uniform(generator, 0, 1, count).double() * self.sums[-1]
        chosen = self.places[torch.searchsorted(self.sums, drawn).clamp(max=len(self.places) - 1)]
        start, height, width, row, column = chosen.T.view(5, count, 1, 1)
        jitter = torch.randint(GRID, (2, count, 1, 1), generator=generator, device=generator.device)
        top, left = torch.minimum(row + jitter[0], height - self.side), torch.minimum(column + jitter[1], width - self.side)
        turn = torch.randint(2, (3, count, 1, 1), generator=generator, device=generator.device).bool()
        along = torch.arange(self.side, device=generator.device)
        down, across = along.view(1, -1, 1), along.view(1, 1, -1)
        down, across = torch.where(turn[0], across, down), torch.where(turn[0], down, across)
        down = torch.where(turn[1], self.side - 1 - down, down)
        across = torch.where(turn[2], self.side - 1 - across, across)
        crops = self.pixels[:, start + (top + down) * width + left + across].transpose(0, 1).float() / 255
        crops = recoloured(softened(crops, generator), generator)
        crops[COLLAGES] = collages(crops[COLLAGES], crops[1:], generator)
        return crops


def collages(crops, others, generator):
    """Bars and half-planes of other crops laid over crops: hard straight edges, of which landscapes have few."""
    count, _, side, _ = crops.shape
    place = torch.arange(side, device=crops.device) - side / 2
    for layer in range(3):
        angle, offset = uniform(generator, 0, math.pi, count, 1, 1, 1), uniform(generator, -side / 2, side / 2, count, 1, 1, 1)
        width = 2 ** uniform(generator, 0, math.log2(side), count, 1, 1, 1)
        across = (place * angle.cos() + place[:, None] * angle.sin() - offset).abs()
        mask = (width / 2 - across + 0.5).clamp(0, 1)
        crops = mask * others.roll(-2 * layer, 0)[:count] + (1 - mask) * crops
    return crops


def softened(crops, generator, share=0.25):
    """Some crops enlarged, so that they are soft and yet as they should be: what is out of focus is not to be taken for moved."""
    side = crops.shape[2]
    part = side // 2 + torch.randint(side // 4, (1,), generator=generator, device=crops.device).item()
    enlarged = F.interpolate(crops[..., :part, :part], (side, side), mode="bicubic", align_corners=False).clamp(0, 1)
    return torch.where(uniform(generator, 0, 1, len(crops), 1, 1, 1) < share, enlarged, crops)


def recoloured(crops, generator):
    n = crops.shape[0]
    gamma, gain = uniform(generator, 0.8, 1.25, n, 1, 1, 1), uniform(generator, 0.8, 1.1, n, 1, 1, 1) * uniform(generator, 0.93, 1.07, n, 3, 1, 1)
    saturation = uniform(generator, 0.6, 1.2, n, 1, 1, 1)
    grey = crops.mean(1, keepdim=True)
    return ((grey + saturation * (crops - grey)).clamp(0, 1) ** gamma * gain).clamp(0, 1)


class Pairs:
    """Blurred and sharp crops; each fourth is blurred by region, and each eighth hardly: sharp photographs are to stay as they are."""

    def __init__(self, folder, side, device, seed, longest, kernels=2048):
        self.photographs, self.device = Photographs(folder, side + 2 * blur.MARGIN, device), device
        sharp = kernels // 8
        banks = [blur.kernel_bank(sharp, seed, (0, 0)), blur.kernel_bank(kernels - sharp, seed, (0, longest))]
        self.kernels = torch.tensor(numpy.concatenate(banks)).to(device)

    def batch(self, count, generator):
        """(blurred, sharp), each [count, 3, side, side] in 0...1."""
        crops = self.photographs.batch(count, generator)
        first, second = self.kernels[torch.randint(len(self.kernels), (2, count), generator=generator, device=generator.device)]
        images = blur.blurred(crops, first, second, REGIONAL, generator)
        # Half of them with hardly any noise, and half without JPEG.
        images = blur.noisy(images, uniform(generator, 0, 1, count) ** 2 * 6 / 255, generator)
        compressed = blur.jpeg(images, uniform(generator, 60, 98, count))
        images = torch.where(uniform(generator, 0, 1, count, 1, 1, 1) < 0.5, compressed, images)
        margin = blur.MARGIN
        return (images * 255).round() / 255, crops[..., margin:-margin, margin:-margin]


class MadePairs:
    """Crops of pairs of photographs that are there already, in the folders `blur` and `sharp` as `deblurdiff blur` writes them; flipped and turned."""

    def __init__(self, folder, side, device):
        self.side, self.device, self.pairs = side, device, []
        for file in sorted((folder / "blur").rglob("*.png")):
            pair = [numpy.asarray(Image.open(path).convert("RGB")) for path in (file, folder / "sharp" / file.relative_to(folder / "blur"))]
            if min(pair[0].shape[:2]) >= side:
                self.pairs.append(torch.tensor(numpy.stack(pair)).permute(0, 3, 1, 2).to(device))
        if not self.pairs:
            raise SystemExit(f"{folder} has no pair of {side} pixels a side: make them with `deblurdiff blur`.")
        # Large photographs count more, but not as much more as they are larger.
        self.weights = torch.tensor([float(pair[0, 0].numel()) ** 0.5 for pair in self.pairs], device=device)

    def batch(self, count, generator):
        """(blurred, sharp), each [count, 3, side, side] in 0...1."""

        def below(limit):
            return torch.randint(limit, (1,), generator=generator, device=generator.device).item()

        crops = []
        for index in torch.multinomial(self.weights, count, replacement=True, generator=generator).tolist():
            pair = self.pairs[index]
            top, left = (below(size - self.side + 1) for size in pair.shape[2:])
            crops.append(turned(pair[..., top : top + self.side, left : left + self.side], below(8)))
        return (torch.stack(crops, 1).float() / 255).unbind()


class Stock:
    """Pairs that are drawn several times before newer ones take their place, flipped and turned anew each time: making them is a good part of a processor's work.

    What is in stock follows from how many were drawn.
    """

    PART = 4  # pairs are made so many at a time

    def __init__(self, pairs, size, uses, seed):
        self.pairs, self.uses, self.seed = pairs, uses, seed
        self.drawn, self.newest = 0, -math.inf
        self.parts = collections.deque(maxlen=size // self.PART)

    def batch(self, count, generator):
        """(blurred, sharp), each [count, 3, side, side] in 0...1."""
        self.drawn += count
        newest = self.drawn // (self.uses * self.PART)
        for number in range(max(self.newest, newest - self.parts.maxlen) + 1, newest + 1):
            self.parts.append(self.made(number))
        self.newest = newest
        chosen = torch.randint(len(self.parts) * self.PART, (count,), generator=generator, device=generator.device).tolist()
        pairs = torch.stack([self.parts[place // self.PART][:, place % self.PART] for place in chosen], 1).float() / 255
        return torch.cat([turned(part, way) for way, part in enumerate(pairs.chunk(8, 1))], 1).unbind()

    def made(self, number):
        generator = torch.Generator(self.pairs.device).manual_seed((self.seed * 1_000_033 + number) % 2**32)
        return (torch.stack(self.pairs.batch(self.PART, generator)) * 255).round().byte()


def turned(images, way):
    """One of the eight ways to flip and turn images [..., side, side]."""
    if way & 1:
        images = images.flip(-1)
    if way & 2:
        images = images.flip(-2)
    return images.transpose(-1, -2) if way & 4 else images
