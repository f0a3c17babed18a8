#!/usr/bin/env python3
"""Exports DeblurDiff's networks from PyTorch to ONNX, as the people do who have no deblurdiff.

    export_torch.py CONFIG.yaml CHECKPOINT.safetensors --network unet -o unet.onnx [--exporter tracing|dynamo] [--opset 17] [--size 128x128]

The networks are those of Tools/torch/deblurdiff_torch.py. `tracing` is torch.onnx.export's old exporter, `dynamo` the new one (which needs onnxscript). With
`--attention primitives` attention is written as matmul, scale and softmax rather than as scaled_dot_product_attention. Inputs and outputs are named as in
deblurdiff's own graphs. Needs torch, onnx, safetensors and pyyaml.
"""
import argparse
import contextlib
import io
import pathlib
import sys
import warnings

import torch
from torch import nn


sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torch"))
import deblurdiff_torch  # noqa: E402
from deblurdiff_torch import DeblurDiff, adaptive_convolution  # noqa: E402

NETWORKS = ["text_encoder", "vae_encoder", "lkpn", "eac", "control_net", "unet", "step", "vae_decoder"]


class Signature(nn.Module):
    """One network as a module, its inputs and outputs by name."""

    def __init__(self, model, inputs, outputs, body):
        super().__init__()
        self.model, self.inputs, self.outputs, self.body = model, inputs, outputs, body

    def forward(self, *values):
        return self.body(self.model, *values)


def step(model, z, timestep, image, context):
    kernel = model.kpn.unet(torch.cat([image, z], 1), timestep, context)
    eac = adaptive_convolution(image, kernel)
    control = model.controlnet(torch.cat([z, image, eac], 1), timestep, context)
    return model.unet(z, timestep, context, control)


def signature(network, model, config, height, width):
    """The network with inputs of the types that it takes for images of a size in pixels."""
    config = config.get("params", config)
    text = config["clip_cfg"]["text_cfg"]
    latent = config["vae_cfg"]["embed_dim"]
    factor = 2 ** (len(config["vae_cfg"]["ddconfig"]["ch_mult"]) - 1)
    h, w = height // factor, width // factor
    random = torch.Generator().manual_seed(1)

    def image(channels, *size):
        return torch.randn(1, channels, *(size or (h, w)), generator=random)

    common = {"timestep": torch.tensor([413.0]), "context": torch.randn(1, text["context_length"], text["width"], generator=random)}
    kernel = latent * config.get("lkpn_cfg", {}).get("kernel_size", 5) ** 2
    if network == "text_encoder":
        tokens = torch.randint(0, text["vocab_size"], (1, text["context_length"]), generator=random, dtype=torch.int32)
        return Signature(model, {"tokens": tokens}, ["context"], lambda model, tokens: model.clip.model(tokens))
    if network == "vae_encoder":
        return Signature(model, {"image": image(3, height, width)}, ["moments"], lambda model, image: model.vae.moments(image))
    if network == "vae_decoder":
        return Signature(model, {"latent": image(latent)}, ["image"], lambda model, latent: model.vae.decode(latent))
    if network == "lkpn":
        return Signature(model, {"x": image(2 * latent), **common}, ["kernel"], lambda model, *inputs: model.kpn.unet(*inputs))
    if network == "eac":
        inputs = {"c_img": image(latent), "kernel": image(kernel)}
        return Signature(model, inputs, ["eac"], lambda model, *inputs: adaptive_convolution(*inputs))
    count = len(model.controlnet.skips) + 1
    controls = [f"control{index}" for index in range(count)]
    if network == "control_net":
        inputs = {"x": image(3 * latent), **common}
        return Signature(model, inputs, controls, lambda model, *inputs: tuple(model.controlnet(*inputs)))
    if network == "unet":
        with torch.no_grad():
            made = model.controlnet(image(3 * latent), *common.values())
        inputs = {"x": image(latent), **common, **dict(zip(controls, (torch.randn(c.shape, generator=random) for c in made)))}
        return Signature(model, inputs, ["eps"], lambda model, x, t, context, *control: model.unet(x, t, context, control))
    inputs = {"z": image(latent), "timestep": common["timestep"], "c_img": image(latent), "context": common["context"]}
    return Signature(model, inputs, ["eps"], step)


def primitive_attention(query, key, value, attn_mask=None, *_, **__):
    scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
    if attn_mask is not None:
        scores = scores + attn_mask
    return scores.softmax(-1) @ value


def export(signature, path, exporter="tracing", opset=17, folds=True):
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        names = {"input_names": list(signature.inputs), "output_names": signature.outputs}
        if exporter == "tracing":
            torch.onnx.export(signature, tuple(signature.inputs.values()), path, opset_version=opset, dynamo=False, do_constant_folding=folds, **names)
        else:
            program = torch.onnx.export(signature, tuple(signature.inputs.values()), opset_version=opset, dynamo=True, verbose=False, **names)
            program.save(path, external_data=False)


def main():
    import yaml
    from safetensors.torch import load_file

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("checkpoint")
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--exporter", choices=["tracing", "dynamo"], default="tracing")
    parser.add_argument("--opset", type=int, default=17)
    parser.add_argument("--size", default="128x128", help="of the image in pixels, width first")
    parser.add_argument("--attention", choices=["fused", "primitives"], default="fused")
    parser.add_argument("--no-folding", action="store_true", help="do not let the tracing exporter compute constants")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    config = yaml.safe_load(open(options.config))
    model = DeblurDiff(config).load(load_file(options.checkpoint)).eval()
    if options.attention == "primitives":
        deblurdiff_torch.F.scaled_dot_product_attention = primitive_attention
    width, height = map(int, options.size.split("x"))
    export(signature(options.network, model, config, height, width), options.output, options.exporter, options.opset, not options.no_folding)


if __name__ == "__main__":
    main()
