#!/usr/bin/env python3
"""Writes Tests/DeblurDiffTests/Fixtures/samplers.json: the paths that k-diffusion 0.1.1, diffusers 0.42 and stable-diffusion-webui's restart sampler take on a denoiser that is
known, and k-diffusion's noise levels.

    python3 -m pip install torch scipy torchdiffeq torchsde tqdm diffusers && python3 -m pip download --no-deps k-diffusion
    PYTHONPATH=FOLDER_WITH_k_diffusion:FOLDER_WITH_sd_samplers_extra.py python3 make_fixtures.py

Of k-diffusion only sampling.py and its helper are used; its other modules need much more. sd_samplers_extra.py is in `modules` of AUTOMATIC1111/stable-diffusion-webui. Paths are of z = x / sqrt(1 + sigma^2), at each level of noise and at the end.
"""
import importlib.util
import json
import pathlib
import sys
import types

import torch
from diffusers import DDIMScheduler, UniPCMultistepScheduler

SIZE, SEED = 24, 7
betas = torch.linspace(0.00085 ** 0.5, 0.012 ** 0.5, 1000, dtype=torch.float64) ** 2
acp = torch.cumprod(1 - betas, 0)
noise = (1 / acp - 1).sqrt()


def k_diffusion():
    """Its samplers alone."""
    folder = pathlib.Path(importlib.util.find_spec("k_diffusion").submodule_search_locations[0])
    package, utils = types.ModuleType("k_diffusion"), types.ModuleType("k_diffusion.utils")
    utils.append_dims = lambda x, count: x[(...,) + (None,) * (count - x.ndim)]
    package.__path__, package.utils = [str(folder)], utils
    sys.modules |= {"k_diffusion": package, "k_diffusion.utils": utils}
    return importlib.import_module("k_diffusion.sampling")


def denoised(x, sigma):
    """What the samplers are told is the image."""
    return torch.tanh(x / (0.5 + sigma * sigma)) + 0.1 * torch.sin(3 * x / (1 + sigma))


def levels(timesteps):
    return torch.cat([noise[timesteps], torch.zeros(1, dtype=torch.float64)])


def start():
    torch.manual_seed(SEED)
    return torch.randn(SIZE)


def path(points, sigmas):
    return [[round(float(v), 8) for v in x / (1 + sigma * sigma).sqrt()] for x, sigma in zip(points, sigmas)]


def with_k_diffusion(sampling, name, timesteps, **options):
    sigmas, z = levels(timesteps), start().double()
    points = []
    if name.endswith(("sde", "ancestral")):
        options["noise_sampler"] = lambda sigma, next: torch.randn(SIZE).double()
    result = getattr(sampling, "sample_" + name)(
        lambda x, sigma: denoised(x, sigma[:, None] if sigma.ndim else sigma), z[None] * (1 + sigmas[0] ** 2).sqrt(), sigmas, disable=True,
        callback=lambda now: points.append(now["x"][0].clone()), **options)
    return path(points[1:] + [result[0]], sigmas[1:])


def with_restarts(sampling, timesteps, times, top, bottom):
    """From each restart on, the levels from `top` to `bottom` again; the reference would take others between the two, which are no timesteps."""
    import sd_samplers_extra

    sigmas, z = levels(timesteps), start().double()
    points, old = [], sampling.get_sigmas_karras
    again = torch.cat([sigmas[top:bottom + 1], torch.zeros(1, dtype=torch.float64)])
    sampling.get_sigmas_karras = lambda *_, **__: again
    torch_randn, torch.randn_like = torch.randn_like, lambda x: torch.randn(SIZE).double()[None]
    result = sd_samplers_extra.restart_sampler(
        lambda x, sigma: denoised(x, sigma[:, None]), z[None] * (1 + sigmas[0] ** 2).sqrt(), sigmas, disable=True,
        callback=lambda now: points.append((now["x"][0].clone(), now["sigma_hat"])),
        restart_list={float(sigmas[bottom]): [bottom - top + 1, times, float(sigmas[top])]} if times else {})
    sampling.get_sigmas_karras, torch.randn_like = old, torch_randn
    points = points[1:] + [(result[0], sigmas[-1])]
    return path([x for x, _ in points], [sigma for _, sigma in points])


def with_diffusers(scheduler, timesteps, **options):
    sigmas, z = levels(timesteps), start().double()[None]
    points = []
    for timestep, sigma in zip(timesteps, sigmas):
        scale = (1 + sigma * sigma).sqrt()
        if options.get("eta"):
            options["variance_noise"] = torch.randn(SIZE).double()[None]
        z = scheduler.step(denoised(z * scale, sigma), timestep, z, **options).prev_sample
        points.append(z[0])
    return [[round(float(v), 8) for v in z] for z in points]


def unipc(timesteps):
    scheduler = UniPCMultistepScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, prediction_type="sample", final_sigmas_type="zero")
    scheduler.set_timesteps(len(timesteps))
    scheduler.sigmas, scheduler.timesteps = levels(timesteps), torch.tensor(timesteps)
    return with_diffusers(scheduler, scheduler.timesteps)


def ddim(count, eta):
    scheduler = DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, prediction_type="sample", clip_sample=False, set_alpha_to_one=True)
    scheduler.alphas_cumprod = acp
    scheduler.set_timesteps(count)
    return [int(t) for t in scheduler.timesteps], with_diffusers(scheduler, scheduler.timesteps, eta=eta)


sampling = k_diffusion()
even = [999, 888, 777, 666, 555, 444, 333, 222, 111, 0]
uneven = [999, 850, 736, 645, 545, 455, 343, 233, 124, 24]
cases = []
for timesteps in [even, uneven, [999, 500, 100], [700]]:
    for ours, name, options in [
        ("euler", "euler", {}), ("euler-a", "euler_ancestral", {}), ("euler-a", "euler_ancestral", {"eta": 0.4}), ("heun", "heun", {}), ("dpm++2m", "dpmpp_2m", {}),
        ("dpm++2m-sde", "dpmpp_2m_sde", {}), ("dpm++2m-sde", "dpmpp_2m_sde", {"eta": 0.5}), ("dpm++3m-sde", "dpmpp_3m_sde", {}),
        ("dpm++3m-sde", "dpmpp_3m_sde", {"eta": 0.5}),
    ]:
        if len(timesteps) == 1 and "sde" in name:
            continue  # k-diffusion fails there
        cases.append({"sampler": ours, "eta": options.get("eta"), "timesteps": timesteps, "path": with_k_diffusion(sampling, name, timesteps, **options)})
    cases.append({"sampler": "unipc", "eta": None, "timesteps": timesteps, "path": unipc(timesteps)})
# Not down to the last timesteps, where the slope is a hundred times what the roundings of float32 are.
for timesteps, times, top, bottom in [
    (even[:2], 0, 0, 0), (even[:8] + [150, 70], 1, 6, 9), (uneven[:8] + [160, 90], 1, 6, 9), ([999 - 37 * i for i in range(28)], 2, 13, 26),
]:
    cases.append({"sampler": "restart", "eta": None, "timesteps": timesteps, "path": with_restarts(sampling, timesteps, times, top, bottom)})
for eta in [0.0, 0.5, 1.0]:
    timesteps, points = ddim(10, eta)
    cases.append({"sampler": "ddim", "eta": eta, "timesteps": timesteps, "path": points})

ends = (float(noise[0]), float(noise[999]))
spacings = [{"spacing": name, "noise": [float(s) for s in make(count, *ends)[:-1]]} for count in [4, 10, 25]
            for name, make in [("karras", sampling.get_sigmas_karras), ("exponential", sampling.get_sigmas_exponential)]]
target = pathlib.Path(__file__).resolve().parents[2] / "Tests/DeblurDiffTests/Fixtures/samplers.json"
target.write_text(json.dumps({"size": SIZE, "seed": SEED, "cases": cases, "spacings": spacings}, separators=(",", ":")) + "\n")
print(len(cases), "cases,", target.stat().st_size, "bytes")
