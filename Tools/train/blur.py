"""Made blur: motion kernels from random trajectories, uniform or by region, noise and JPEG, on batches of images."""
import math

import numpy
import torch
from torch.nn import functional as F

SIZE = 33
MARGIN = SIZE // 2  # blurring takes so many pixels off each side


def trajectories(random, count, steps=400):
    """Ways of a camera or an object during the exposure [count, steps, 2], each of length 1.

    After Boracchi and Foi, "Modeling the performance of image restoration from motion blur" (2012): a point that keeps its speed, is pushed at random, is pulled
    back to where it was held, and now and then jerks.
    """

    def uniform(low, high, *shape):
        return random.uniform(low, high, (count, *shape))

    inertia, shaking = uniform(0.3, 1, 1), 10 ** uniform(-3, 0.3, 1)
    pull, jerking = 10 ** uniform(-1, 1, 1), uniform(0, 0.005, 1)
    angle = uniform(0, 2 * math.pi)
    speed = numpy.stack([numpy.cos(angle), numpy.sin(angle)], 1)
    place, ways = numpy.zeros((count, 2)), numpy.zeros((count, steps, 2))
    for step in range(steps):
        speed = speed + inertia * shaking * random.standard_normal((count, 2)) - pull * place / steps
        jerked = random.random((count, 1)) < jerking
        speed = numpy.where(jerked, random.standard_normal((count, 2)) - speed, speed)
        speed /= numpy.maximum(numpy.linalg.norm(speed, axis=1, keepdims=True), 1e-9)
        place = place + speed / steps
        ways[:, step] = place
    return ways


def trace(way, extent):
    """A way, `extent` pixels across, as a kernel [SIZE, SIZE] whose sum is 1 and whose centre of mass is in the middle."""
    way = way - way.mean(0)
    way = way * min(extent / max(numpy.ptp(way, 0).max(), 1e-9), (MARGIN - 1) / max(numpy.abs(way).max(), 1e-9))
    corner = numpy.floor(way).astype(int)
    part = way - corner
    kernel = numpy.zeros((SIZE, SIZE), numpy.float32)
    for dx in (0, 1):
        for dy in (0, 1):
            weight = numpy.abs(1 - dx - part[:, 0]) * numpy.abs(1 - dy - part[:, 1])
            numpy.add.at(kernel, (MARGIN + corner[:, 1] + dy, MARGIN + corner[:, 0] + dx), weight)
    return kernel / kernel.sum()


def kernel_bank(count, seed, extent):
    """`count` kernels [count, SIZE, SIZE] whose extents lie between the two of `extent`, short ones being more frequent."""
    random = numpy.random.default_rng(seed)
    return numpy.stack([trace(way, extent[0] + (extent[1] - extent[0]) * random.random() ** 1.2) for way in trajectories(random, count)])


def convolved(images, kernels):
    """Each image [n, c, h, w] with its kernel [n, SIZE, SIZE]; wraps around at the edges."""
    height, width = images.shape[2:]
    padded = F.pad(kernels, (0, width - SIZE, 0, height - SIZE)).roll((-MARGIN, -MARGIN), (1, 2))
    return torch.fft.irfft2(torch.fft.rfft2(images) * torch.fft.rfft2(padded)[:, None], s=(height, width))


def regions(count, height, width, generator):
    """Soft random shapes [count, 1, height, width], 1 inside: thresholded smooth noise, as a stand-in for segmented objects."""
    coarse = torch.randn(count, 1, 5, 5, generator=generator, device=generator.device)
    smooth = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)
    return torch.sigmoid(20 * (smooth - 0.3))


def blurred(images, kernels, others, regional, generator):
    """Sharp images [n, 3, h, w] as a camera would see them, less MARGIN on each side.

    Light adds up, so it happens in linear light (gamma 2.2). In the images of the slice `regional` a region moves by its own kernel of `others`; its edge moves
    with it.
    """
    light = images.clamp(0, 1) ** 2.2
    result = convolved(light, kernels)
    count = len(kernels[regional])
    if count:
        height, width = images.shape[2:]
        mask = regions(count, height, width, generator)
        moved = convolved(torch.cat([light[regional] * mask, mask], 1), others[regional])
        front, cover = moved[:, :3], moved[:, 3:].clamp(0, 1)
        result[regional] = front + (1 - cover) * result[regional]
    result = result[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
    return result.clamp(1e-6, 1) ** (1 / 2.2)


def seed_of(name, length):
    """So that each photograph is blurred in a way of its own, the same at every run."""
    return sum(name.encode()) + length


def sample(sharp, length, regional, seed):
    """(blurred, sharp, kernel) of one image [1, 3, h, w], less MARGIN on each side: motion of `length` pixels, in 8 bits with noise of one level.

    By region, the kernel is that of the background.
    """
    generator = torch.Generator().manual_seed(seed)
    kernels = torch.tensor(kernel_bank(2, seed, (length, length)))
    images = blurred(sharp, kernels[:1], kernels[1:], slice(int(not regional), 1), generator)
    noise = torch.randn(images.shape, generator=generator)
    return ((images * 255 + noise).round() / 255).clamp(0, 1), sharp[..., MARGIN:-MARGIN, MARGIN:-MARGIN], kernels[0]


def noisy(images, deviation, generator):
    """Gaussian noise of the given deviation [n] at medium brightness, partly growing with brightness as shot noise does."""
    noise = torch.randn(images.shape, generator=generator, device=generator.device)
    return (images + noise * deviation[:, None, None, None] * (0.5 + 0.7 * images.clamp(0, 1).sqrt())).clamp(0, 1)


LUMINANCE = torch.tensor([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92], [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
]).float()  # fmt: skip
CHROMINANCE = torch.full((8, 8), 99.0)
CHROMINANCE[:4, :4] = torch.tensor([[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]).float()
TO_YCC = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
DCT = torch.tensor([[math.sqrt((1 if k == 0 else 2) / 8) * math.cos(math.pi * (2 * n + 1) * k / 16) for n in range(8)] for k in range(8)])


def jpeg(images, quality):
    """What JPEG of the given quality [n] does to images [n, 3, h, w] (h, w multiples of 8), without subsampled colours."""
    device = images.device
    to_ycc, dct = TO_YCC.to(device), DCT.to(device)
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None, None, None, None] / 100
    table = torch.stack([LUMINANCE, CHROMINANCE, CHROMINANCE]).to(device)[None, :, None, None]
    table = (table * scale).round().clamp(1, 255)
    n, c, h, w = images.shape
    pad = F.pad(images, (0, -w % 8, 0, -h % 8), mode="replicate")
    ycc = torch.einsum("ij,njhw->nihw", to_ycc, pad * 255) - torch.tensor([128.0, 0, 0], device=device)[:, None, None]
    blocks = ycc.unflatten(3, (-1, 8)).unflatten(2, (-1, 8)).transpose(3, 4)
    levels = ((dct @ blocks @ dct.T) / table).round() * table
    back = (dct.T @ levels @ dct).transpose(3, 4).flatten(4, 5).flatten(2, 3) + torch.tensor([128.0, 0, 0], device=device)[:, None, None]
    rgb = torch.einsum("ij,njhw->nihw", torch.linalg.inv(TO_YCC).to(device), back)
    return (rgb.round() / 255).clamp(0, 1)[..., :h, :w]
