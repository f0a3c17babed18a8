#!/usr/bin/env python3
"""Writes Tests/Fixtures/systems/NAME.safetensors: what DiffBIR's and ControlNet's own programs compute with seeded weights.

    seeded-checkpoint --config Tests/Fixtures/systems/diffbir.yaml --seed 1 diffbir.safetensors
    seeded-checkpoint --config Tests/Fixtures/systems/controlnet.yaml --seed 1 controlnet.safetensors
    other_systems.py --diffbir CLONE --controlnet CLONE --checkpoints FOLDER [NAME...]

The clones are of github.com/XPixelGroup/DiffBIR and github.com/lllyasviel/ControlNet; the numbers in the repository are those of commits 3f8b530 and ed85cd1. Nothing of them is here:
their classes are imported, given the weights, and watched. The cases are those of cases.json beside the results; tokens of their prompts are written into it. ControlNet's networks run in DiffBIR's
autoencoder, text encoder and sampler. Needs torch, einops, omegaconf, scipy, torchsde, ftfy, regex, numpy, pillow, safetensors, pyyaml.
"""
import argparse
import json
import pathlib
import sys
import types

import numpy
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file, save_file

fixtures = pathlib.Path(__file__).parents[2] / "Tests/Fixtures"
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name in ["diffbir", "controlnet", "checkpoints"]:
    parser.add_argument(f"--{name}", required=True)
parser.add_argument("names", nargs="*")
options = parser.parse_args()
sys.path[:0] = [options.diffbir, options.controlnet]


def stub(name, **contents):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(contents)


# What the programs import and these runs do not need.
for package in ["torchvision", "timm", "timm.models"]:
    stub(package, __path__=[])
stub("torchvision.utils", make_grid=None)
stub("timm.models.layers", DropPath=None, to_2tuple=None, trunc_normal_=None)
stub("ldm.models.diffusion.ddpm", LatentDiffusion=object)
stub("ldm.models.diffusion.ddim", DDIMSampler=object)
torch.cuda.max_memory_allocated = lambda *_: 0
torch.cuda.synchronize = lambda *_: None
torch.Tuple = tuple  # which older versions had
torch.set_grad_enabled(False)

import diffbir.model as models
import diffbir.pipeline as pipelines
from diffbir.model.open_clip import tokenize
from cldm.cldm import ControlNet, ControlledUnetModel

cases = json.loads((fixtures / "systems/cases.json").read_text())


class Watched(models.ControlLDM):
    """Keeps what goes through it."""

    def keep(self, name, value):
        number = sum(other.split(".")[0] == name for other in self.kept)
        self.kept[f"{name}.{number}"] = value.clone()

    def forward(self, x, t, cond):
        self.keep("unet_in", x)
        control = self.controlnet(x=x, hint=cond["c_img"], timesteps=t, context=cond["c_txt"])
        for number in (0, len(control) - 1) if "control0.0" not in self.kept else ():
            self.keep(f"control{number}", control[number] * self.control_scales[number])
        result = super().forward(x, t, cond)
        self.keep(self.result, result)
        return result

    def vae_decode(self, z, *arguments):
        self.keep("z_final_scaled", z / self.scale_factor)
        return super().vae_decode(z, *arguments)


def model(case):
    config = yaml.safe_load((fixtures / "systems" / case["config"]).read_text())["params"]
    is_controlnet = case["config"].startswith("controlnet")
    if is_controlnet:
        other, config["controlnet_cfg"]["hint_channels"] = dict(config["controlnet_cfg"]), 4
    result = Watched(**config)
    if is_controlnet:
        result.controlnet, result.unet = ControlNet(**other), ControlledUnetModel(**config["unet_cfg"])
    state = load_file(f"{options.checkpoints}/{pathlib.Path(case['config']).stem}.safetensors")
    state = {key: value for key, value in state.items() if not key.startswith("__padding__")}
    missing, unexpected = result.load_state_dict(state, strict=False)
    # What does not run is not in the checkpoint.
    assert not unexpected and all("resblocks.1." in name or not name.startswith(("unet", "vae", "controlnet")) for name in missing), (missing, unexpected)
    result.kept = {}
    return result.eval()


def run(name, case):
    diffusion = {"linear_start": 0.00085, "linear_end": 0.0120, "timesteps": 1000}
    if "diffusion" in case:
        diffusion = yaml.safe_load((fixtures / "systems" / case["diffusion"]).read_text())["params"]
    network, process = model(case), models.Diffusion(**diffusion)
    network.result = process.parameterization
    picture = numpy.asarray(Image.open(fixtures / "configs/picture.png").convert("RGB"))
    pipeline = pipelines.SCUNetPipeline(lambda image: image, network, process, None, "cpu")
    arguments = dict(
        steps=case["steps"], strength=case["strength"], vae_encoder_tiled=False, vae_encoder_tile_size=0, vae_decoder_tiled=False, vae_decoder_tile_size=0,
        cldm_tiled=False, cldm_tile_size=0, cldm_tile_stride=0, pos_prompt=case["pos_prompt"], neg_prompt=case["neg_prompt"], cfg_scale=case["cfg_scale"],
        start_point_type="cond" if case["better_start"] else "noise", sampler_type="spaced", noise_aug=case["noise_aug"], rescale_cfg=case["rescale_cfg"],
        s_churn=0, s_tmin=0, s_tmax=0, s_noise=0, eta=0, order=0)
    torch.manual_seed(case["seed"])
    if case["whole"]:
        pixels = pipeline.run(picture[None], cleaner_tiled=False, cleaner_tile_size=0, cleaner_tile_stride=0, **arguments)[0]
        network.kept = {key: value for key, value in network.kept.items() if key.startswith("z_final")}
        network.kept["pixels"] = torch.tensor(pixels)
    elif name == "controlnet":
        clean = pipelines.pad_to_multiples_of(torch.tensor(picture).permute(2, 0, 1)[None] / 255, multiple=64)
        network.control_scales = [case["strength"]] * 13
        sampler = pipelines.SpacedSampler(process.betas, process.parameterization, case["rescale_cfg"])
        size = (1, 4, clean.shape[2] // 8, clean.shape[3] // 8)
        told = dict(c_txt=network.clip.encode([case["pos_prompt"]]), c_img=clean)
        z = sampler.sample(network, "cpu", case["steps"], size, told, None, case["cfg_scale"], x_T=torch.randn(size))
        network.kept["decoded.0"] = network.vae_decode(z)
    else:
        clean = torch.tensor(picture).permute(2, 0, 1)[None] / 255
        network.kept["image"] = pipelines.wavelet_reconstruction((pipeline.apply_cldm(clean, **arguments) + 1) / 2, clean)
    save_file({key: value.contiguous() for key, value in network.kept.items()}, fixtures / f"systems/{name}.safetensors")
    case["tokens"] = [[int(token) for token in tokenize([case[prompt]])[0] if token] for prompt in ("pos_prompt", "neg_prompt")]
    print(name, {key: tuple(value.shape) for key, value in network.kept.items()})


for name in options.names or cases:
    run(name, cases[name])
(fixtures / "systems/cases.json").write_text(json.dumps(cases) + "\n")
