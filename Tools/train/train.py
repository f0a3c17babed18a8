#!/usr/bin/env python3
"""Trains a small DeblurDiff:

    train.py --config CONFIG.yaml --data FOLDER --out RUN

FOLDER is what photos.py made. The state is saved to RUN/deblur.pt now and then, and the same command goes on from there; at each save and at the end the averaged
weights of all networks go to RUN/deblur.safetensors in the released layout, with RUN/deblur.yaml: `deblurdiff convert` takes both. On a CPU the same seed and the
same number of threads give the same weights, whether a run was interrupted or not.
"""
import argparse
import json
import math
import os
import pathlib
import time

import torch
from safetensors.torch import load_file
from torch.nn.attention import SDPBackend, sdpa_kernel

import blur
import model as networks
from crops import MadePairs, Pairs, Stock
from images import read
from measures import psnr, ssim
from muon import Muon
from trajectories import FirstSteps, Trajectories

JUDGED = {0: False, 4: False, 8: False, 14: True, 24: False}  # lengths of blur, and whether it is by region
JUDGED_SIDE = 192
GUIDANCE = 0.3  # what EAC's guidance counts against the result
EDGES = 0.5
STOCK = 1024  # pairs, where they are used more than once


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["config", "data", "out"]:
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path)
    parser.add_argument("--pairs", type=pathlib.Path, help="train on pairs that `deblurdiff blur` made, instead of blurring crops of FOLDER/train")
    parser.add_argument("--start", type=pathlib.Path, help="first weights, in the released layout")
    parser.add_argument("--steps", type=int, default=20000, help="updates in all; in the second half the learning rate falls to zero")
    parser.add_argument("--total-minutes", type=float, default=math.inf, help="end after so long in all if that is sooner, the learning rate falling with the time")
    parser.add_argument("--minutes", type=float, default=math.inf, help="save and stop after so long; start again to go on")
    parser.add_argument("--save-minutes", type=float, default=5)
    parser.add_argument("--batch", type=int, default=16, help="a multiple of the sampler's steps")
    parser.add_argument("--side", type=int, default=96, help="of the crops, in pixels")
    parser.add_argument("--rate", type=float, default=5e-4, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=26, metavar="PIXELS", help="the longest motion")
    parser.add_argument("--sampler-steps", type=int, default=4, help="steps of the sampler; the program's default for the model")
    parser.add_argument("--first-steps", type=float, default=0.7, metavar="SHARE", help="of the run that trains a regression, before the sampler's trajectories")
    parser.add_argument("--uses", type=int, default=1, help="of each pair before a new one takes its place; 4 spares a processor much work")
    parser.add_argument("--without", nargs="*", default=[], choices=["eac", "feedback", "lkpn"], help="leave out, for the ablation")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--compile", action="store_true", help="let PyTorch compile the networks; pays on a GPU")
    parser.add_argument("--float32", action="store_true", help="do not multiply in bfloat16")
    choices = parser.parse_args()
    if choices.batch % choices.sampler_steps:
        parser.error("--batch must be a multiple of --sampler-steps")
    return choices


def learning_rate(progress, step, highest):
    return highest * min(1, (step + 1) / 100) * min(1, max(0, 2 * (1 - progress)))


def distance(images, truth):
    """Absolute differences of images and, for their edges, of neighbours' differences [n]."""
    error = images - truth
    across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
    return sum(factor * part.abs().mean((1, 2, 3)) for factor, part in [(1, error), (EDGES, across), (EDGES, down)])


class Run:
    def __init__(self, choices):
        self.choices = choices
        torch.set_num_threads(choices.threads)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        self.device = torch.device(choices.device)
        self.model, self.config = networks.build(choices.config, choices.seed)
        self.config["params"]["default_steps"] = choices.sampler_steps
        self.model.to(self.device, memory_format=torch.channels_last)
        self.sampler = networks.Sampler(self.model, choices.sampler_steps, self.device)
        generator = torch.Generator(self.device).manual_seed(choices.seed)
        if choices.pairs:
            pairs = MadePairs(choices.pairs, choices.side, self.device)
            sharp = pairs.batch(256, generator)[1]
        else:
            pairs = Pairs(choices.data / "train", choices.side, self.device, choices.seed, choices.longest)
            sharp = pairs.photographs.batch(256, generator)
        networks.fit_transform(self.model, sharp)
        if choices.start:
            self.model.load_state_dict(load_file(choices.start))
        self.context = networks.empty_context(self.model)
        self.stock = Stock(pairs, STOCK, choices.uses, choices.seed)
        self.first_steps, self.trajectories = (
            kind(self.model, self.stock if choices.uses > 1 else pairs, self.sampler, choices.batch) for kind in (FirstSteps, Trajectories)
        )
        self.judged = [pair for name, image in read(choices.data / "held-out") for pair in judged_pairs(name, image)]
        self.trained = {name: value for name, value in self.model.named_parameters() if name.startswith(("unet.", "kpn.", "controlnet."))}
        for name, value in self.model.named_parameters():
            value.requires_grad_(name in self.trained)
        if choices.compile:
            for network in [self.model.unet, self.model.controlnet, self.model.kpn.unet]:
                network.compile(dynamic=False)
        self.average = {name: value.detach().clone() for name, value in self.trained.items()}
        self.optimizer = Muon(self.trained, choices.rate, networks.paces(self.model))
        self.step, self.seconds, self.sums = 0, 0.0, {}
        choices.out.mkdir(parents=True, exist_ok=True)
        self.path = choices.out / "deblur.pt"
        if self.path.exists():
            self.resume()

    def resume(self):
        state = torch.load(self.path, map_location=self.device, weights_only=True)
        with torch.no_grad():
            for name, value in self.trained.items():
                value.copy_(state["weights"][name])
                self.average[name].copy_(state["average"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.trajectories.state, self.stock.drawn, self.step, self.seconds = (state[name] for name in ("trajectories", "stock", "step", "seconds"))
        print(f"goes on from step {self.step}", flush=True)

    def save(self):
        state = {
            "weights": {name: value.detach() for name, value in self.trained.items()}, "average": self.average, "optimizer": self.optimizer.state_dict(),
            "trajectories": self.trajectories.state, "stock": self.stock.drawn, "step": self.step, "seconds": self.seconds,
        }  # fmt: skip
        torch.save(state, self.path.with_suffix(".partial"))
        os.replace(self.path.with_suffix(".partial"), self.path)
        current = {name: value.detach().clone() for name, value in self.trained.items()}
        self.model.load_state_dict(self.average, strict=False)
        networks.write_released(self.config, self.model.state_dict(), self.path.with_suffix(".safetensors"))
        self.log(self.evaluate())
        self.model.load_state_dict(current, strict=False)

    def evaluate(self):
        """Mean gains over the blurred image on the middles of held-out photographs."""
        scores = {}
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):
            for length in JUDGED:
                blurred, sharp = (torch.cat([pair[part] for pair in self.judged if pair[0] == length]).to(self.device) for part in (1, 2))
                generator = torch.Generator(self.device).manual_seed(0)
                result, guides = networks.restore(self.model, blurred, self.sampler, generator, self.context, self.choices.without, self.autocast)
                guidance = networks.decode(self.model, guides[-1]).clamp(0, 1)
                fixed = networks.coloured_as(result, blurred).clamp(0, 1)
                result = result.clamp(0, 1)
                gain = psnr(result, sharp) - psnr(blurred, sharp)
                scores[f"blur {length}"] = {
                    "psnr": psnr(result, sharp).mean(), "gain": gain.mean(), "worst": gain.min(), "fixed": (psnr(fixed, sharp) - psnr(blurred, sharp)).mean(),
                    "ssim": (ssim(result, sharp) - ssim(blurred, sharp)).mean(), "guidance": (psnr(guidance, sharp) - psnr(blurred, sharp)).mean(),
                }  # fmt: skip
        return {name: {key: round(value.item(), 3) for key, value in part.items()} for name, part in scores.items()}

    def log(self, scores):
        count = max(self.sums.pop("count", 1), 1)
        line = {"step": self.step, "minutes": round(self.seconds / 60, 2), **{k: round(float(v) / count, 5) for k, v in self.sums.items()}, **scores}
        self.sums = {}
        print(json.dumps(line), flush=True)
        with open(self.choices.out / "deblur.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    def autocast(self):
        # Without the cache: in some versions weights that were converted while no gradients were wanted are used again where they are.
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=not self.choices.float32, cache_enabled=False)

    def progress(self):
        return max(self.step / self.choices.steps, self.seconds / 60 / self.choices.total_minutes)

    def update(self):
        choices = self.choices
        # Every update's random numbers follow from its number, so that an interrupted run goes on as if it had not been.
        generator = torch.Generator(self.device).manual_seed((choices.seed * 1_000_003 + self.step * 7919) % 2**32)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.progress(), self.step, choices.rate)
        with torch.no_grad():
            batches = self.first_steps if self.progress() < choices.first_steps else self.trajectories
            blurred, z, step, sharp = batches.batch(self.step, generator)
        with self.autocast():
            estimate, guidance = networks.predict(self.model, z, blurred, self.sampler.timesteps[step], self.context, choices.without)
        result = distance(networks.decode(self.model, estimate), sharp)
        guided = distance(networks.decode(self.model, guidance), sharp)
        with torch.no_grad():
            before = distance(networks.decode(self.model, blurred), sharp)
            # What counts is by how much a picture gains. Without this, soft ones, whose differences are small, are ruined for the sake of the others.
            weight = 0.1 / (before + 0.06)
        self.optimizer.zero_grad(set_to_none=True)
        (weight * (result + GUIDANCE * guided)).mean().backward()
        norm = torch.nn.utils.clip_grad_norm_(self.trained.values(), 0.5)
        if torch.isfinite(norm):
            self.optimizer.step()
        with torch.no_grad():
            batches.advance(self.step, estimate.detach(), generator)
        self.step += 1
        decay = min(0.998, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.average.values()), [value.detach() for value in self.trained.values()], 1 - decay)
        for name, value in {"blurred": before, "result": result, "guidance": guided, "norm": norm, "count": 1}.items():
            self.sums[name] = self.sums.get(name, 0) + (value.detach().mean() if torch.is_tensor(value) else value)

    def train(self):
        began = saved = last = time.monotonic()
        while self.progress() < 1 and last - began < self.choices.minutes * 60:
            self.update()
            now = time.monotonic()
            self.seconds, last = self.seconds + now - last, now
            if now - saved > self.choices.save_minutes * 60:
                self.save()
                saved = last = time.monotonic()
        self.save()


def judged_pairs(name, image):
    """(length of blur, blurred, sharp) middles of a held-out photograph."""
    for length, regional in JUDGED.items():
        *pair, _ = blur.sample(image, length, regional, seed=blur.seed_of(name, length))
        top, left = ((side - JUDGED_SIDE) // 2 for side in pair[0].shape[2:])
        yield length, *(part[..., top : top + JUDGED_SIDE, left : left + JUDGED_SIDE] for part in pair)


if __name__ == "__main__":
    with sdpa_kernel(SDPBackend.MATH):  # a few tokens against a few: other ways cost more here
        Run(options()).train()
