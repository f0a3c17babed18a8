"""The networks of Tools/torch with what training needs on top: their empty context, precision, latents, and files in the released layout."""
import pathlib
import sys

import torch
import yaml
from safetensors.torch import save_file
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "torch"))
from deblurdiff_torch import DeblurDiff, adaptive_convolution, schedule  # noqa: E402, F401


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


def settle_latents(model, images):
    """Folds a factor a channel into the autoencoder's 1x1 convolutions, so that every latent channel of `images` has a deviation of 1 after the scale factor.

    The noise schedule expects that, and it makes fine detail, in weak channels, count as much as brightness.
    """
    with torch.no_grad():
        latents = encode(model, images)
        mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
        count = mean.shape[0]
        quant, post = model.vae.quant_conv, model.vae.post_quant_conv
        post.bias += post.weight[:, :, 0, 0] @ (mean / model.scale)
        post.weight *= deviation[None, :, None, None]
        quant.bias[:count] -= mean / model.scale
        quant.weight[:count] /= deviation[:, None, None, None]
        quant.bias[:count] /= deviation
        quant.bias[count:] -= 2 * deviation.log()


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
    """The released colour fix."""
    def moments(x):
        return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True) + 1e-5).sqrt()

    (mean, deviation), (wanted, wanted_deviation) = moments(images), moments(reference)
    return ((images - mean) / deviation * wanted_deviation + wanted).clamp(0, 1)


def write_released(config, state, path):
    """PATH.safetensors in the released layout, and PATH.yaml with its sizes."""
    path = pathlib.Path(path)
    save_file({name: tensor.detach().cpu().float().contiguous() for name, tensor in state.items()}, path)
    path.with_suffix(".yaml").write_text(yaml.safe_dump(config, sort_keys=False))
