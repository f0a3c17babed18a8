"""The networks of Tools/torch with what training needs on top: their empty context, precision, latents, and files in the released layout."""
import pathlib
import sys

import torch
import yaml
from safetensors.torch import save_file
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "torch"))
from deblurdiff_torch import DeblurDiff, adaptive_convolution, schedule  # noqa: E402, F401


SMALL = 3e-6  # against the square root of a norm's epsilon


class Float32(nn.Sequential):
    """Computes in float32 whatever autocast says. At the first timesteps an error of the noise is 15 times as large in the image."""

    def forward(self, x):
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def build(config_path, seed):
    """The networks, with seeded first weights that suit training: what is added to a path starts at zero."""
    config = yaml.safe_load(open(config_path))
    torch.manual_seed(seed)
    model = DeblurDiff(config)
    for network in [model.unet, model.kpn.unet]:
        network.out = Float32(*network.out)
        nn.init.zeros_(network.out[2].weight), nn.init.zeros_(network.out[2].bias)
    for zero in [*model.controlnet.zero_convs, model.controlnet.middle_block_out]:
        nn.init.zeros_(zero[0].weight), nn.init.zeros_(zero[0].bias)
    for name, part in model.named_modules():
        if name.endswith(("out_layers.3", "proj_out", "conv2")):
            nn.init.zeros_(part.weight), nn.init.zeros_(part.bias)
    nn.init.normal_(model.clip.model.positional_embedding, std=0.01)
    model.clip.requires_grad_(False)
    return model, config


def empty_context(model):
    """The text encoder's output for the empty prompt. The encoder keeps its first, random weights: there are no prompts to learn from."""
    length = model.clip.model.positional_embedding.shape[0]
    tokens = torch.tensor([[49406, 49407] + [0] * (length - 2)], device=model.clip.model.positional_embedding.device)
    with torch.no_grad():
        return model.clip.model(tokens)


def downsamplings(model):
    return [part.downsample.conv for part in model.vae.encoder.down if hasattr(part, "downsample")]


def transformed(model, images):
    """What the encoder of `make_encoder` computes, in less time: means of latents."""
    *first, last = downsamplings(model)
    for _ in first:
        images = nn.functional.pixel_unshuffle(images, 2)
    width, count = images.shape[1], model.vae.quant_conv.out_channels // 2
    rows = slice(0, 2 * count, 2)
    return nn.functional.conv2d(images, last.weight[rows, :width, :2, :2] / SMALL, last.bias[rows] / SMALL, stride=2)


def importance(model):
    """What an error of each latent channel is to count, [1, channels, 1, 1] with mean 1: its deviation in the image.

    All channels have a deviation of 1, and of what the eye and PSNR see the first has most. Squared, as PSNR would have it, fine detail would count for nothing.
    """
    basis = downsamplings(model)[-1].weight[: model.vae.quant_conv.out_channels : 2].flatten(1)
    deviations = 1 / basis.norm(dim=1)
    return (deviations / deviations.mean()).view(1, -1, 1, 1)


def encode(model, images, generator=None):
    """Latents of images in 0...1, sampled where there is a generator, else the mean."""
    mean, log_variance = model.vae.moments(images).float().chunk(2, dim=1)
    if generator is not None:
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        mean = mean + torch.exp(0.5 * log_variance.clamp(-30, 20)) * noise
    return mean * model.scale


def decode(model, latents):
    """Images in 0...1 of latents."""
    return (model.vae.decode(latents / model.scale).float() + 1) / 2


def make_encoder(model, images):
    """Makes the encoder a fixed transform: blocks of pixels, and of each its first principal components in `images`, with a deviation of 1 each.

    A transform loses less than a small network would learn to lose, all channels are as the noise schedule expects them, fine detail counts as much as brightness,
    and an adaptive convolution of latents is one of the image's own bands. Its numbers are so small that epsilon alone is what the last norm divides by, and
    each comes with its negative: x = silu(x) - silu(-x). So the released layout computes it exactly.
    """
    encoder, quant = model.vae.encoder, model.vae.quant_conv
    count = quant.out_channels // 2
    if encoder.norm_out.num_channels // encoder.norm_out.num_groups % 2 or 2 * count > encoder.norm_out.num_channels:
        raise SystemExit("the encoder needs an even number of channels in each group of its last norm, and two for each latent channel")
    with torch.no_grad():
        for name, value in [*encoder.named_parameters(), *quant.named_parameters()]:
            value.fill_(1 if ".norm" in name and name.endswith("weight") else 0)
        for name, part in encoder.named_modules():
            if name.endswith("nin_shortcut"):
                nn.init.dirac_(part.weight)
        for channel in range(3):
            encoder.conv_in.weight[channel, channel, 1, 1] = 1
        *first, last = downsamplings(model)
        blocks = images
        for conv in first:
            for channel in range(4 * blocks.shape[1]):
                conv.weight[channel, channel // 4, channel // 2 % 2, channel % 2] = 1
            blocks = nn.functional.pixel_unshuffle(blocks, 2)
        width = blocks.shape[1]
        rows = nn.functional.pixel_unshuffle(blocks, 2).permute(1, 0, 2, 3).flatten(1).double()
        mean = rows.mean(1, keepdim=True)
        variances, vectors = torch.linalg.eigh((rows - mean) @ (rows - mean).T / rows.shape[1])
        basis = (vectors / variances.sqrt()).T.flip(0)[:count]
        for sign in (0, 1):
            part = slice(sign, 2 * count, 2)
            last.weight[part, :width, :2, :2] = SMALL * (1 - 2 * sign) * basis.view(count, width, 2, 2).float()
            last.bias[part] = -SMALL * (1 - 2 * sign) * (basis @ mean)[:, 0].float()
        encoder.norm_out.weight.fill_(encoder.norm_out.eps**0.5 / SMALL)
        for channel in range(count):
            encoder.conv_out.weight[channel, 2 * channel, 1, 1] = 1
            encoder.conv_out.weight[channel, 2 * channel + 1, 1, 1] = -1
            quant.weight[channel, channel] = 1 / model.scale
        quant.bias[count:] = -20  # hardly any noise


def timesteps_of(steps):
    return schedule(steps)[0]


def predict(model, z, blurred, timestep, context, without=()):
    """(noise, EAC's guidance) for noisy latents `z` and the blurred image's latents, as a step of the sampler computes them.

    `without` leaves parts out for the ablation: "eac" (the LKPN's output is the guidance itself), "feedback" (the LKPN does not see z),
    "lkpn" (the blurred image alone is the condition).
    """
    if "lkpn" in without:
        guidance = blurred
    else:
        kernel = model.kpn.unet(torch.cat([blurred, torch.zeros_like(z) if "feedback" in without else z], 1), timestep, context)
        if "eac" in without:
            guidance = kernel[:, : z.shape[1]].float() + blurred
        else:
            guidance = adaptive_convolution(blurred, kernel.float())
    control = model.controlnet(torch.cat([z, blurred, guidance], 1), timestep, context)
    return model.unet(z, timestep, context, control).float(), guidance


def restore(model, images, steps, generator, context, without=()):
    """The sampler on images in 0...1 whose sides fit the networks: (restored before the colours are corrected, guidance of each step)."""
    blurred = encode(model, images, generator)
    z = torch.randn(blurred.shape, generator=generator, device=blurred.device)
    timesteps, (a, b, c1, c2, v) = schedule(steps)
    guides = []
    for index in reversed(range(steps)):
        timestep = torch.full([len(z)], float(timesteps[index]), device=z.device)
        noise, guidance = predict(model, z, blurred, timestep, context, without)
        guides.append(guidance)
        fresh = torch.randn(z.shape, generator=generator, device=z.device)
        z = c1[index] * (a[index] * z - b[index] * noise) + c2[index] * z + (v[index].sqrt() * fresh if index else 0)
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
