#!/usr/bin/env python3
"""DeblurDiff's networks as plain PyTorch modules with the released parameter names, to compare and to export from.

    deblurdiff_torch.py CONFIG.yaml CHECKPOINT.safetensors IMAGE.png --compare STAGES.safetensors

restores an image as `deblurdiff run IMAGE.png --record STAGES.safetensors` does (with the empty prompt, without guidance and tiles), and prints the relative
errors of the record's stages. Needs torch, safetensors, pyyaml and Pillow.
"""
import argparse
import itertools
import math

import torch
from torch import nn
from torch.nn import functional as F


def group_norm(channels, epsilon=1e-5):
    return nn.GroupNorm(32, channels, epsilon)


class PositionNorm(nn.LayerNorm):
    """Normalises the channels of each position by themselves, so that a result depends on no other part of the picture."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def norm_of(config):
    """What makes a network's norms: of channels and an epsilon."""
    kinds = {"group": group_norm, "position": PositionNorm}
    return kinds[config.get("normalization", "group")]


def conv(inputs, outputs, size=3, stride=1):
    return nn.Conv2d(inputs, outputs, size, stride, (size - 1) // 2)


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, embedding, norm):
        super().__init__()
        self.in_layers = nn.Sequential(norm(inputs, 1e-5), nn.SiLU(), conv(inputs, outputs))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, outputs))
        self.out_layers = nn.Sequential(norm(outputs, 1e-5), nn.SiLU(), nn.Identity(), conv(outputs, outputs))
        self.skip_connection = nn.Identity() if inputs == outputs else conv(inputs, outputs, 1)

    def forward(self, x, embedding, context):
        h = self.out_layers(self.in_layers(x) + self.emb_layers(embedding)[:, :, None, None])
        return self.skip_connection(x) + h


class Attention(nn.Module):
    def __init__(self, width, context, head):
        super().__init__()
        self.head = head
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width))

    def forward(self, x, context):
        def heads(tokens):
            return tokens.unflatten(2, (-1, self.head)).transpose(1, 2)

        context = context.expand(x.shape[0], -1, -1)
        mixed = F.scaled_dot_product_attention(heads(self.to_q(x)), heads(self.to_k(context)), heads(self.to_v(context)))
        return self.to_out(mixed.transpose(1, 2).flatten(2))


class GEGLU(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.proj = nn.Linear(width, 2 * hidden)

    def forward(self, x):
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(GEGLU(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x):
        return self.net(x)


class TransformerBlock(nn.Module):
    def __init__(self, width, context, head, attends_to_itself):
        super().__init__()
        self.attends_to_itself = attends_to_itself
        self.attn1 = Attention(width, width if attends_to_itself else context, head)
        self.ff = FeedForward(width)
        self.attn2 = Attention(width, context, head)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x, context):
        n = self.norm1(x)
        x = self.attn1(n, n if self.attends_to_itself else context) + x
        x = self.attn2(self.norm2(x), context) + x
        return self.ff(self.norm3(x)) + x


def windows(length, size):
    """Where windows of at most `size` positions start, and how long they are."""
    if length <= size:
        return [0], length
    count = math.ceil(length / size)
    step = math.ceil((length - size) / (count - 1))
    return [min(index * step, length - size) for index in range(count)], size


class SpatialTransformer(nn.Module):
    def __init__(self, width, context, head, depth, window, norm, attends_to_itself):
        super().__init__()
        self.window = window
        self.norm = norm(width, 1e-6)
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, context, head, attends_to_itself) for _ in range(depth)])
        self.proj_out = nn.Linear(width, width)

    def within(self, x, context):
        h = self.proj_in(self.norm(x).flatten(2).transpose(1, 2))
        for block in self.transformer_blocks:
            h = block(h, context)
        return self.proj_out(h).transpose(1, 2).unflatten(2, x.shape[2:])

    def forward(self, x, embedding, context):
        (rows, height), (columns, width) = windows(x.shape[2], self.window), windows(x.shape[3], self.window)
        if len(rows) == len(columns) == 1:
            return self.within(x, context) + x
        total, count = torch.zeros_like(x), torch.zeros_like(x)
        for row in rows:
            for column in columns:
                place = (..., slice(row, row + height), slice(column, column + width))
                total[place] += self.within(x[place], context)
                count[place] += 1
        return total / count + x


class Downsample(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.op = conv(width, width, stride=2)

    def forward(self, x, embedding, context):
        return self.op(x)


class Upsample(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = conv(width, width)

    def forward(self, x, embedding, context):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class Plain(nn.Conv2d):
    def forward(self, x, embedding, context):
        return super().forward(x)


class Block(nn.ModuleList):
    def forward(self, x, embedding, context):
        for part in self:
            x = part(x, embedding, context)
        return x


class Encoder(nn.Module):
    """The half of the UNet that all three networks have."""

    def __init__(self, config, inputs, shrinking_windows):
        super().__init__()
        self.width = width = config["model_channels"]
        self.levels = [width * multiplier for multiplier in config["channel_mult"]]
        blocks = config["num_res_blocks"]
        self.blocks = blocks if isinstance(blocks, list) else [blocks] * len(self.levels)
        self.embedding = 4 * width
        self.resolutions = config.get("attention_resolutions", [4, 2, 1])
        self.config = config
        self.norm = norm_of(config)
        self.shrinking_windows = shrinking_windows
        self.time_embed = nn.Sequential(nn.Linear(width, self.embedding), nn.SiLU(), nn.Linear(self.embedding, self.embedding))
        self.input_blocks = nn.ModuleList([Block([Plain(inputs, self.levels[0], 3, 1, 1)])])
        self.skips = [self.levels[0]]
        channels = self.levels[0]
        for level, outputs in enumerate(self.levels):
            for _ in range(self.blocks[level]):
                parts = [self.residual_block(channels, outputs)]
                channels = outputs
                if 1 << level in self.resolutions:
                    parts.append(self.transformer(level))
                self.input_blocks.append(Block(parts))
                self.skips.append(channels)
            if level + 1 < len(self.levels):
                self.input_blocks.append(Block([Downsample(channels)]))
                self.skips.append(channels)
        middle = self.transformer(len(self.levels) - 1, attends_to_itself=not config.get("disable_middle_self_attn", False))
        self.middle_block = Block([self.residual_block(channels, channels), middle, self.residual_block(channels, channels)])

    def residual_block(self, inputs, outputs):
        return ResidualBlock(inputs, outputs, self.embedding, self.norm)

    def transformer(self, level, attends_to_itself=True):
        config = self.config
        window = max(1, 64 >> level) if self.shrinking_windows else 64
        width, context = self.levels[level], config["context_dim"]
        head = config.get("num_head_channels", -1)
        if head == -1:
            head = width // config["num_heads"]
        context = context[0] if isinstance(context, list) else context
        return SpatialTransformer(width, context, head, config.get("transformer_depth", 1), window, self.norm, attends_to_itself)

    def encode(self, x, timestep, context):
        half = self.width // 2
        frequencies = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32, device=timestep.device) / half)
        angles = timestep[:, None] * frequencies
        embedding = self.time_embed(torch.cat([torch.cos(angles), torch.sin(angles)], dim=1))
        outputs = []
        for block in self.input_blocks:
            x = block(x, embedding, context)
            outputs.append(x)
        return outputs, self.middle_block(x, embedding, context), embedding


class UNet(Encoder):
    def __init__(self, config, inputs, outputs):
        super().__init__(config, inputs, shrinking_windows=True)
        self.output_blocks = nn.ModuleList()
        skips = list(self.skips)
        channels = self.levels[-1]
        for level in reversed(range(len(self.levels))):
            for block in range(self.blocks[level] + 1):
                parts = [self.residual_block(channels + skips.pop(), self.levels[level])]
                channels = self.levels[level]
                if 1 << level in self.resolutions:
                    parts.append(self.transformer(level))
                if level > 0 and block == self.blocks[level]:
                    parts.append(Upsample(channels))
                self.output_blocks.append(Block(parts))
        self.out = nn.Sequential(self.norm(channels, 1e-5), nn.SiLU(), conv(channels, outputs))

    def forward(self, x, timestep, context, control=None):
        skips, h, embedding = self.encode(x, timestep, context)
        control = list(control or [])
        if control:
            h = h + control.pop()
        for block in self.output_blocks:
            skip = skips.pop()
            if control:
                skip = skip + control.pop()
            h = block(torch.cat([h, skip], dim=1), embedding, context)
        return self.out(h)


class ControlNet(Encoder):
    def __init__(self, config):
        super().__init__(config, config["in_channels"] + config["hint_channels"], shrinking_windows=False)
        self.zero_convs = nn.ModuleList([nn.Sequential(conv(width, width, 1)) for width in self.skips])
        self.middle_block_out = nn.Sequential(conv(self.levels[-1], self.levels[-1], 1))

    def forward(self, x, timestep, context):
        skips, h, _ = self.encode(x, timestep, context)
        return [zero(skip) for zero, skip in zip(self.zero_convs, skips)] + [self.middle_block_out(h)]


class AutoencoderBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1, self.conv1 = group_norm(inputs, 1e-6), conv(inputs, outputs)
        self.norm2, self.conv2 = group_norm(outputs, 1e-6), conv(outputs, outputs)
        if inputs != outputs:
            self.nin_shortcut = conv(inputs, outputs, 1)

    def forward(self, x):
        h = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x) + h


class AutoencoderAttention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = group_norm(width, 1e-6)
        self.q, self.k, self.v, self.proj_out = (conv(width, width, 1) for _ in range(4))

    def forward(self, x):
        n = self.norm(x)
        # One head; exporters want its dimension.
        q, k, v = (part(n).flatten(2).transpose(1, 2).unsqueeze(1) for part in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(q, k, v).squeeze(1)
        return x + self.proj_out(mixed.transpose(1, 2).unflatten(2, x.shape[2:]))


class AutoencoderHalf(nn.Module):
    def middle(self, width):
        self.mid = nn.Module()
        self.mid.block_1 = AutoencoderBlock(width, width)
        self.mid.attn_1 = AutoencoderAttention(width)
        self.mid.block_2 = AutoencoderBlock(width, width)

    def through_middle(self, h):
        return self.mid.block_2(self.mid.attn_1(self.mid.block_1(h)))


class ImageEncoder(AutoencoderHalf):
    def __init__(self, config):
        super().__init__()
        widths = [config["ch"] * multiplier for multiplier in config["ch_mult"]]
        self.conv_in = conv(config["in_channels"], config["ch"])
        self.down = nn.ModuleList()
        channels = config["ch"]
        for level, width in enumerate(widths):
            part = nn.Module()
            part.block = nn.ModuleList()
            for _ in range(config["num_res_blocks"]):
                part.block.append(AutoencoderBlock(channels, width))
                channels = width
            if level + 1 < len(widths):
                part.downsample = nn.Module()
                part.downsample.conv = nn.Conv2d(channels, channels, 3, 2)
            self.down.append(part)
        self.middle(channels)
        self.norm_out, self.conv_out = group_norm(channels, 1e-6), conv(channels, 2 * config["z_channels"])

    def forward(self, x):
        h = self.conv_in(x)
        for part in self.down:
            for block in part.block:
                h = block(h)
            if hasattr(part, "downsample"):
                h = part.downsample.conv(F.pad(h, (0, 1, 0, 1)))
        return self.conv_out(F.silu(self.norm_out(self.through_middle(h))))


class ImageDecoder(AutoencoderHalf):
    def __init__(self, config):
        super().__init__()
        widths = [config["ch"] * multiplier for multiplier in config["ch_mult"]]
        channels = widths[-1]
        self.conv_in = conv(config["z_channels"], channels)
        self.middle(channels)
        parts = []
        for level in reversed(range(len(widths))):
            part = nn.Module()
            part.block = nn.ModuleList()
            for _ in range(config["num_res_blocks"] + 1):
                part.block.append(AutoencoderBlock(channels, widths[level]))
                channels = widths[level]
            if level > 0:
                part.upsample = nn.Module()
                part.upsample.conv = conv(channels, channels)
            parts.insert(0, part)
        self.up = nn.ModuleList(parts)
        self.norm_out, self.conv_out = group_norm(channels, 1e-6), conv(channels, config["out_ch"])

    def forward(self, z):
        h = self.through_middle(self.conv_in(z))
        for part in reversed(self.up):
            for block in part.block:
                h = block(h)
            if hasattr(part, "upsample"):
                h = part.upsample.conv(F.interpolate(h, scale_factor=2, mode="nearest"))
        return self.conv_out(F.silu(self.norm_out(h)))


class Autoencoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        sizes = config["ddconfig"]
        self.factor = 2 ** (len(sizes["ch_mult"]) - 1)
        self.encoder, self.decoder = ImageEncoder(sizes), ImageDecoder(sizes)
        self.quant_conv = conv(2 * sizes["z_channels"], 2 * config["embed_dim"], 1)
        self.post_quant_conv = conv(config["embed_dim"], sizes["z_channels"], 1)

    def moments(self, image):
        return self.quant_conv(self.encoder(image))

    def decode(self, z):
        return self.decoder(self.post_quant_conv(z))


class BlockTransform(nn.Module):
    """An autoencoder that is a linear transform of blocks of pixels and its inverse."""

    def __init__(self, config):
        super().__init__()
        self.factor, latent = config["transform"]["block"], config["embed_dim"]
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.conv = nn.Conv2d(3, 2 * latent, self.factor, self.factor)
        self.decoder.conv = nn.ConvTranspose2d(latent, 3, self.factor, self.factor)

    def moments(self, image):
        return self.encoder.conv(image)

    def decode(self, z):
        return self.decoder.conv(z)


class TextBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(width), nn.MultiheadAttention(width, heads, batch_first=True), nn.LayerNorm(width)
        self.mlp = nn.Module()
        self.mlp.c_fc, self.mlp.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, mask):
        n = self.ln_1(x)
        x = x + self.attn(n, n, n, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp.c_proj(F.gelu(self.mlp.c_fc(self.ln_2(x))))


class TextEncoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        sizes = config["text_cfg"]
        width = sizes["width"]
        self.active = sizes["layers"] - (config.get("layer", "penultimate") == "penultimate")
        self.token_embedding = nn.Embedding(sizes["vocab_size"], width)
        self.positional_embedding = nn.Parameter(torch.zeros(sizes["context_length"], width))
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList([TextBlock(width, sizes["heads"]) for _ in range(self.active)])
        self.ln_final = nn.LayerNorm(width)

    def forward(self, tokens):
        x = self.token_embedding(tokens) + self.positional_embedding
        mask = torch.full((x.shape[1], x.shape[1]), -math.inf, device=x.device).triu(1)
        for block in self.transformer.resblocks:
            x = block(x, mask)
        return self.ln_final(x)


def adaptive_convolution(image, kernel):
    """Each channel of each pixel with a kernel of its own, and the image added."""
    n, c, h, w = image.shape
    size = math.isqrt(kernel.shape[1] // c)
    neighbours = F.unfold(image, size, padding=size // 2).view(n, c, size * size, h, w)
    return (neighbours * kernel.view(n, c, size * size, h, w)).sum(2) + image


class DeblurDiff(nn.Module):
    def __init__(self, config):
        super().__init__()
        config = config.get("params", config)
        latent = config["vae_cfg"]["embed_dim"]
        released = {"model_channels": 128, "channel_mult": [1, 2, 4, 4], "num_head_channels": 64, "context_dim": 1024, "num_res_blocks": 2}
        if "num_heads" in config.get("lkpn_cfg", {}):
            released["num_head_channels"] = -1
        lkpn = {**released, **config.get("lkpn_cfg", {})}
        self.scale = config["latent_scale_factor"]
        self.process = config.get("diffusion_cfg", {"linear_start": 0.00085, "linear_end": 0.0120})
        self.parameterization = config.get("parameterization", self.process.get("parameterization", "eps"))
        self.unet = UNet(config["unet_cfg"], latent, latent)
        self.kpn = nn.Module()
        self.kpn.unet = UNet(lkpn, 2 * latent, latent * lkpn.get("kernel_size", 5) ** 2)
        self.vae = (BlockTransform if "transform" in config["vae_cfg"] else Autoencoder)(config["vae_cfg"])
        self.clip = nn.Module()
        self.clip.model = TextEncoder(config["clip_cfg"])
        self.controlnet = ControlNet(config["controlnet_cfg"])

    def load(self, state):
        """Takes a state dict of the released form; what the networks do not run may be there or not."""
        missing, _ = self.load_state_dict(state, strict=False)
        if missing:
            raise KeyError(f"{len(missing)} tensors are missing: {missing[:4]}")
        return self


def sampled_latent(moments, scale, seed):
    """The first draw of a run."""
    torch.manual_seed(seed)
    mean, log_variance = moments.chunk(2, dim=1)
    return (mean + torch.exp(0.5 * log_variance.clamp(-30, 20)) * torch.randn(mean.shape)) * scale


def training_signal(process):
    """The share of the signal's power at each of the 1000 timesteps."""
    first, last = process.get("linear_start", 1e-4), process.get("linear_end", 2e-2)

    def ramp(first, last):
        return torch.linspace(first, last, 1000, dtype=torch.float64)

    kind = process.get("beta_schedule", "linear")
    if kind == "cosine":
        offset = process.get("cosine_s", 8e-3)
        angles = (torch.arange(1001, dtype=torch.float64) / 1000 + offset) / (1 + offset) * math.pi / 2
        signal = torch.cos(angles) ** 2
        betas = (1 - signal[1:] / signal[:-1]).clamp(0, 0.999)
    else:
        betas = {"linear": lambda: ramp(first**0.5, last**0.5) ** 2, "sqrt_linear": lambda: ramp(first, last), "sqrt": lambda: ramp(first, last) ** 0.5}[kind]()
    cumulative = torch.cumprod(1 - betas, 0)
    if process.get("zero_snr", False):
        root = cumulative.sqrt()
        cumulative = ((root - root[-1]) * (root[0] / (root[0] - root[-1]))) ** 2
    return cumulative


def schedule(steps, process):
    """The kept timesteps and a, b, signal, deviation, c1, c2, v of each, in float32."""
    cumulative = training_signal(process)
    # Added up, not multiplied: some sums lie on the other side of a half.
    timesteps = [round(t) for t in itertools.accumulate([999 / max(steps - 1, 1)] * (steps - 1), initial=0.0)]
    kept = cumulative[timesteps]
    betas = 1 - kept / torch.cat([torch.ones(1, dtype=torch.float64), kept[:-1]])
    cumulative = torch.cumprod(1 - betas, 0)
    before = torch.cat([torch.ones(1, dtype=torch.float64), cumulative[:-1]])
    a, b = (1 / cumulative).sqrt(), (1 / cumulative - 1).sqrt()
    v = betas * (1 - before) / (1 - cumulative)
    c1, c2 = betas * before.sqrt() / (1 - cumulative), (1 - before) * (1 - betas).sqrt() / (1 - cumulative)
    return timesteps, [x.float() for x in (a, b, cumulative.sqrt(), (1 - cumulative).sqrt(), c1, c2, v)]


def restore(model, clean, steps, seed):
    """A run with the empty prompt, without guidance and tiles: the tensors of its stages."""
    stages = {}
    tokens = torch.tensor([[49406, 49407] + [0] * (model.clip.model.positional_embedding.shape[0] - 2)])
    stages["clip_context.0"] = context = model.clip.model(tokens)
    stages["vae_moments.0"] = moments = model.vae.moments(clean)
    image = sampled_latent(moments, model.scale, seed)
    torch.randn(image.shape)  # the negative prompt's condition, which nobody uses
    z = torch.randn(image.shape)
    timesteps, (a, b, signal, deviation, c1, c2, v) = schedule(steps, model.process)
    for count, index in enumerate(reversed(range(steps))):
        timestep = torch.tensor([float(timesteps[index])])
        stages[f"unet_in.{count}"] = z
        stages[f"lkpn_kernel.{count}"] = kernel = model.kpn.unet(torch.cat([image, z], 1), timestep, context)
        stages[f"eac.{count}"] = eac = adaptive_convolution(image, kernel)
        control = model.controlnet(torch.cat([z, image, eac], 1), timestep, context)
        if count == 0:
            stages |= {f"control{number}.0": output for number, output in enumerate(control)}
        output = model.unet(z, timestep, context, control)
        if model.parameterization in ["residual", "x0"]:
            stages[f"x0.{count}"] = estimate = eac + output if model.parameterization == "residual" else output
        elif model.parameterization == "v":
            stages[f"v.{count}"] = output
            estimate = signal[index] * z - deviation[index] * output
        else:
            stages[f"eps.{count}"] = output
            estimate = a[index] * z - b[index] * output
        noise = torch.randn(z.shape)
        z = c1[index] * estimate + c2[index] * z + (v[index].sqrt() * noise if index else 0)
    stages["z_final_scaled.0"] = z / model.scale
    stages["decoded.0"] = model.vae.decode(stages["z_final_scaled.0"])
    return stages


def main():
    import numpy
    import yaml
    from PIL import Image
    from safetensors.torch import load_file, save_file

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["config", "checkpoint", "image"]:
        parser.add_argument(name)
    parser.add_argument("--compare", metavar="FILE", help="stages to compare with")
    parser.add_argument("--write", metavar="FILE", help="where to write the stages")
    parser.add_argument("--stages", default="", help="which to write: the beginnings of their names, with commas")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--seed", type=int, default=231)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    model = DeblurDiff(yaml.safe_load(open(options.config))).load(load_file(options.checkpoint)).eval()
    clean = torch.tensor(numpy.asarray(Image.open(options.image).convert("RGB"))).permute(2, 0, 1)[None] / 255
    multiple = model.vae.factor * 2 ** (max(len(model.unet.levels), len(model.kpn.unet.levels)) - 1)
    if model.vae.factor == 8:
        multiple = max(multiple, 64)  # as the released program, whatever the number of levels
    clean = F.pad(clean, (0, -clean.shape[3] % multiple, 0, -clean.shape[2] % multiple))
    stages = restore(model, clean, options.steps, options.seed)
    if options.compare:
        others = load_file(options.compare)
        errors = {name: ((others[name] - stages[name]).norm() / stages[name].norm()).item() for name in stages if name in others}
        for name, error in errors.items():
            print(f"{name:20} {error:.2e}")
        print(f"{len(errors)} stages, worst {max(errors.values()):.2e}")
    if options.write:
        beginnings = tuple(options.stages.split(","))
        save_file({name: tensor.contiguous() for name, tensor in stages.items() if name.startswith(beginnings)}, options.write)


if __name__ == "__main__":
    main()
