"""The networks of Tools/torch with what training needs on top: first weights, the transform, a step of the sampler, and files in the released layout."""
import contextlib
import math
import pathlib
import sys

import torch
import yaml
from safetensors.torch import save_file
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "torch"))
from deblurdiff_torch import DeblurDiff, adaptive_convolution, schedule  # noqa: E402, F401


def build(config_path, seed):
    """The networks, with seeded first weights that suit training: what is added to a path starts at zero, and the first result is nearly the blurred image.

    Nearly: with networks that put out nothing, what is in front of their last convolution would be pushed about by rounding errors, which Adam makes as large as
    any gradient, and a norm behind it hides how large its numbers become.
    """
    config = yaml.safe_load(open(config_path))
    torch.manual_seed(seed)
    model = DeblurDiff(config)
    model.corrects_colours = config["params"].get("color_correction", "statistics") == "statistics"
    last = model.kpn.unet.out[2]
    last.__class__, last.taps = ByTaps, last.out_channels // config["params"]["vae_cfg"]["embed_dim"]
    for name, part in model.named_modules():
        if name.endswith(("out_layers.3", "proj_out")):
            nn.init.zeros_(part.weight), nn.init.zeros_(part.bias)
    # Zero convolutions spare a trained denoiser; one that learns too sees nothing but noise behind them.
    for part in [model.controlnet.middle_block_out, *model.controlnet.zero_convs]:
        nn.init.dirac_(part[0].weight), nn.init.zeros_(part[0].bias)
    for network in [model.unet, model.kpn.unet]:
        nn.init.normal_(network.out[2].weight, std=1e-3), nn.init.zeros_(network.out[2].bias)
    latent = config["params"]["vae_cfg"]["embed_dim"]
    with torch.no_grad():  # What is noise at first is to be heard less than the blurred image.
        for network, inputs in [(model.unet, slice(latent)), (model.kpn.unet, slice(latent, None)), (model.controlnet, slice(latent))]:
            network.input_blocks[0][0].weight[:, inputs] *= 0.1
    nn.init.normal_(model.clip.model.positional_embedding, std=0.01)
    # The ControlNet starts as a copy of the UNet's first half; only its first convolution has other inputs.
    own, other = model.controlnet.state_dict(), model.unet.state_dict()
    model.controlnet.load_state_dict(own | {name: other[name] for name in own if name in other and other[name].shape == own[name].shape})
    return model, config


def empty_context(model):
    """The text encoder's output for the empty prompt. The encoder keeps its first, random weights: there are no prompts to learn from."""
    length = model.clip.model.positional_embedding.shape[0]
    tokens = torch.tensor([[49406, 49407] + [0] * (length - 2)], device=model.clip.model.positional_embedding.device)
    with torch.no_grad():
        return model.clip.model(tokens)


def fit_transform(model, images):
    """Makes the autoencoder the cosine transform of blocks of pixels and of colours (brightness and two differences), and its inverse.

    In `images`, in 0...1, each of its numbers has a mean of 0 and a deviation of 1, so that the noise schedule gets the latents that it expects.
    """
    size, latent = model.vae.factor, model.vae.decoder.conv.in_channels
    cosines = torch.tensor([[math.sqrt((1 if k == 0 else 2) / size) * math.cos(math.pi * (2 * n + 1) * k / (2 * size)) for n in range(size)] for k in range(size)])
    colours = torch.tensor([[1, 1, 1], [1, 0, -1], [1, -2, 1]]).float()
    colours = colours / colours.norm(dim=1, keepdim=True)
    basis = torch.einsum("ac,iy,jx->ijacyx", colours, cosines, cosines).reshape(3 * size * size, 3, size, size).to(images.device)
    if len(basis) != latent:
        raise SystemExit(f"blocks of {size} x {size} pixels make {len(basis)} numbers, and embed_dim is {latent}")
    with torch.no_grad():
        numbers = nn.functional.conv2d(images, basis, stride=size)
        deviation = numbers.std((0, 2, 3))
        # Of the cosines only the constant ones have a mean, and a transposed convolution has one bias for a whole block.
        mean = torch.where(basis.mean((2, 3)).abs().amax(1) > 1e-4, numbers.mean((0, 2, 3)), 0)
        encoder, decoder = model.vae.encoder.conv, model.vae.decoder.conv
        encoder.weight.zero_(), encoder.bias.zero_()
        encoder.weight[:latent] = basis / deviation[:, None, None, None] / model.scale
        encoder.bias[:latent] = -mean / deviation / model.scale
        encoder.bias[latent:] = -30  # the log variance: no noise
        # The decoder's images are in -1...1.
        decoder.weight.copy_(2 * basis * deviation[:, None, None, None] * model.scale)
        decoder.bias.copy_(2 * (mean[:, None, None, None] * basis).sum(0)[:, 0, 0] - 1)


def paces(model):
    """How fast the last convolutions' outputs are to learn, by parameter: those that mean much in pixels, first of all the blocks' brightness, the more slowly.

    All are numbers of deviation 1. At one rate brightness would waver by levels while the finest differences have yet to be learnt.
    """
    deviation = model.vae.decoder.conv.weight.detach().flatten(1).norm(dim=1) / 2
    pace = (0.03 / deviation).clamp(max=1)
    result = {}
    for name, last in [("unet", model.unet.out[2]), ("kpn.unet", model.kpn.unet.out[2])]:
        result[f"{name}.out.2.bias"] = rows = pace.repeat_interleave(last.out_channels // len(pace))
        result[f"{name}.out.2.weight"] = rows.view(-1, 1, 1, 1)
    return result


def encode(model, images):
    """Latents of images in 0...1: the means, of which the transform's hardly differ."""
    return model.vae.moments(images).chunk(2, dim=1)[0] * model.scale


def decode(model, latents):
    """Images in 0...1 of latents."""
    return (model.vae.decode(latents / model.scale).float() + 1) / 2


class ByTaps(nn.Conv2d):
    """The LKPN's last convolution with its outputs in another order, all channels' first numbers before the second ones: so EAC reads them in a row."""

    taps = 1

    def forward(self, x):
        weight, bias = (part.unflatten(0, (-1, self.taps)).transpose(0, 1).flatten(0, 1) for part in (self.weight, self.bias))
        return nn.functional.conv2d(x, weight, bias, padding=self.padding)


class Filtered(torch.autograd.Function):
    """EAC's sum, [n, c, h, w]: a position's kernels [n, k k c, h, w] times its neighbours, without gradients of the latter."""

    @staticmethod
    def shifted(image, size):
        padded = nn.functional.pad(image, [size // 2] * 4)
        return (padded[..., y : y + image.shape[2], x : x + image.shape[3]] for y in range(size) for x in range(size))

    @staticmethod
    def forward(ctx, kernel, image):
        ctx.image, ctx.taps = image.to(kernel.dtype), kernel.shape[1] // image.shape[1]
        result = torch.zeros_like(image)
        for part, neighbours in zip(kernel.chunk(ctx.taps, 1), Filtered.shifted(image, math.isqrt(ctx.taps))):
            result.addcmul_(part.float(), neighbours)
        return result

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.to(ctx.image.dtype)
        n, c, h, w = gradient.shape
        result = torch.empty(n, ctx.taps * c, h, w, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last)
        for part, neighbours in zip(result.chunk(ctx.taps, 1), Filtered.shifted(ctx.image, math.isqrt(ctx.taps))):
            torch.mul(gradient, neighbours, out=part)
        return result, None


def predict(model, z, blurred, timestep, context, without=()):
    """(estimate of the sharp image's latents, EAC's guidance) for noisy latents `z` and the blurred image's latents, as a step of the sampler computes them.

    `without` leaves parts out for the ablation: "eac" (the LKPN's output is the guidance itself), "feedback" (the LKPN does not see z),
    "lkpn" (the blurred image alone is the condition).
    """
    if "lkpn" in without:
        guidance = blurred
    else:
        kernel = model.kpn.unet(torch.cat([blurred, torch.zeros_like(z) if "feedback" in without else z], 1), timestep, context)
        guidance = kernel[:, : z.shape[1]].float() + blurred if "eac" in without else blurred + Filtered.apply(kernel, blurred)
    control = model.controlnet(torch.cat([z, blurred, guidance], 1), timestep, context)
    return guidance + model.unet(z, timestep, context, control).float(), guidance


class Sampler:
    """The sampler's coefficients for a number of steps, as tensors of one number a step, first step first."""

    def __init__(self, model, steps, device):
        timesteps, (*_, c1, c2, v) = schedule(steps, model.process)
        self.steps = steps
        self.timesteps = torch.tensor(timesteps, device=device).flip(0).float()
        v[0] = 0
        self.c1, self.c2, self.deviation = (part.to(device).flip(0) for part in (c1, c2, v.sqrt()))

    def advance(self, z, estimate, step, noise):
        """z of the next step; `step` holds each image's."""
        c1, c2, deviation = (part[step].view(-1, 1, 1, 1) for part in (self.c1, self.c2, self.deviation))
        return c1 * estimate + c2 * z + deviation * noise


def restore(model, images, sampler, generator, context, without=(), precision=contextlib.nullcontext):
    """The sampler on images in 0...1 whose sides fit the networks: (restored before the colours are corrected, guidance of each step).

    `precision` makes the context in which the networks run; the transform is always of float32.
    """
    blurred = encode(model, images)
    z = torch.randn(blurred.shape, generator=generator, device=blurred.device)
    guides = []
    for step in range(sampler.steps):
        with precision():
            estimate, guidance = predict(model, z, blurred, sampler.timesteps[step].expand(len(z)), context, without)
        guides.append(guidance)
        fresh = torch.randn(z.shape, generator=generator, device=z.device)
        z = sampler.advance(z, estimate, torch.full([len(z)], step, device=z.device), fresh)
    return decode(model, z), guides


def coloured_as(images, reference):
    """The released colour fix, before it is clamped."""

    def moments(x):
        return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True) + 1e-5).sqrt()

    (mean, deviation), (wanted, wanted_deviation) = moments(images), moments(reference)
    return (images - mean) / deviation * wanted_deviation + wanted


def write_released(config, state, path):
    """PATH.safetensors in the released layout, and PATH.yaml with its sizes."""
    path = pathlib.Path(path)
    save_file({name: tensor.detach().cpu().float().contiguous() for name, tensor in state.items()}, path)
    path.with_suffix(".yaml").write_text(yaml.safe_dump(config, sort_keys=False))
