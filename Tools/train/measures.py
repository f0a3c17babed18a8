"""How near an image is to the truth, and how sharp it is; images are [n, 3, h, w] in 0...1, and the results [n]."""
import torch
from torch.nn import functional as F


def psnr(images, truth):
    return -10 * ((images - truth) ** 2).mean((1, 2, 3)).clamp(min=1e-10).log10()


def luminance(images):
    return (images * torch.tensor([0.299, 0.587, 0.114], device=images.device)[:, None, None]).sum(1, keepdim=True)


def ssim(images, truth):
    """Wang et al. 2004 on luminance: Gaussian window of 11, deviation 1.5."""
    places = torch.arange(11, device=images.device) - 5.0
    row = torch.exp(-(places**2) / (2 * 1.5**2))
    window = (row[:, None] * row / row.sum() ** 2)[None, None]
    x, y = luminance(images), luminance(truth)

    def mean(values):
        return F.conv2d(values, window)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    index = ((2 * mx * my + 0.01**2) * (2 * cov + 0.03**2)) / ((mx**2 + my**2 + 0.01**2) * (vx + vy + 0.03**2))
    return index.mean((1, 2, 3))


def sharpness(images):
    """Mean size of the luminance's gradient, in levels of 8 bits a pixel. Noise raises it too: compare it with the truth's."""
    x = 255 * luminance(images)
    across, down = x[..., :-1, 1:] - x[..., :-1, :-1], x[..., 1:, :-1] - x[..., :-1, :-1]
    return (across**2 + down**2).sqrt().mean((1, 2, 3))
