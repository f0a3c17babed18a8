#!/usr/bin/env python3
"""Trains a small DeblurDiff, stage after stage:

    train.py autoencoder --config CONFIG.yaml --data FOLDER --out RUN
    train.py denoiser    --config CONFIG.yaml --data FOLDER --out RUN --start RUN/autoencoder.safetensors
    train.py deblur      --config CONFIG.yaml --data FOLDER --out RUN --start RUN/denoiser.safetensors

FOLDER is what photos.py made. A stage saves its state to RUN/STAGE.pt now and then and goes on from there when it is started again; at its end, and at each save,
it writes the averaged weights of all networks to RUN/STAGE.safetensors in the released layout, with RUN/STAGE.yaml: `deblurdiff convert` takes both. On a CPU the
same seed and the same number of threads give the same weights, whether a run was interrupted or not.
"""
import argparse
import json
import math
import os
import pathlib
import time

import torch
from safetensors.torch import load_file

import model as networks
from stages import STAGES


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=STAGES)
    for name in ["config", "data", "out"]:
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path)
    parser.add_argument("--start", type=pathlib.Path, help="weights of the stage before, in the released layout")
    parser.add_argument("--steps", type=int, default=20000, help="updates in all; the learning rate falls to zero until then")
    parser.add_argument("--total-minutes", type=float, default=math.inf, help="end after so long in all if that is sooner, the learning rate falling with the time")
    parser.add_argument("--minutes", type=float, default=math.inf, help="save and stop after so long; start again to go on")
    parser.add_argument("--save-minutes", type=float, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side", type=int, default=128, help="of the crops, in pixels")
    parser.add_argument("--rate", type=float, default=5e-4, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--extent", type=float, nargs=2, default=[2, 20], metavar="PIXELS", help="smallest and largest extent of the motion")
    parser.add_argument("--sampler-steps", type=int, default=10, help="steps of the sampler that stage deblur trains for; the program's default for the model")
    parser.add_argument("--train-denoiser", action="store_true", help="stage deblur: let the denoiser learn too")
    parser.add_argument("--without", nargs="*", default=[], choices=["eac", "feedback", "lkpn"], help="stage deblur: leave out, for the ablation")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="let PyTorch compile the networks; pays on a GPU in long runs")
    parser.add_argument("--float32", action="store_true", help="do not multiply in bfloat16")
    choices = parser.parse_args()
    if choices.stage != "autoencoder" and not choices.start:
        parser.error("this stage needs --start: the weights of the stage before")
    if choices.compile and choices.device == "cpu" and not choices.float32:
        parser.error("on a CPU --compile needs --float32: with bfloat16 PyTorch 2.13 computes gradients of zero there")
    if choices.sampler_steps < 3 or choices.batch < 8:
        parser.error("--sampler-steps must be at least 3, and --batch at least 8")
    return choices


def learning_rate(progress, step, highest):
    return highest * min(1, (step + 1) / 100) * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * min(progress, 1))))


class Run:
    def __init__(self, choices):
        self.choices = choices
        torch.set_num_threads(choices.threads)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        self.device = torch.device(choices.device)
        self.model, self.config = networks.build(choices.config, choices.seed)
        if choices.stage == "deblur":
            self.config["params"]["default_steps"] = choices.sampler_steps
        if choices.start:
            self.take(load_file(choices.start))
        self.model.to(self.device, memory_format=torch.channels_last)
        self.model.requires_grad_(False)
        self.stage = STAGES[choices.stage](self.model, choices, self.device)
        self.stage.first_weights()
        if choices.compile:
            for network in [self.model.unet, self.model.controlnet, self.model.kpn.unet, self.model.vae.encoder, self.model.vae.decoder]:
                network.compile(dynamic=False)
        self.trained = {}
        for prefix in self.stage.trained:
            self.model.get_submodule(prefix).requires_grad_(True)
            self.trained |= {f"{prefix}.{name}": value for name, value in self.model.get_submodule(prefix).named_parameters()}
        self.average = {name: value.detach().clone() for name, value in self.trained.items()}
        self.optimizer = torch.optim.AdamW(self.trained.values(), lr=choices.rate, betas=(0.9, 0.99), weight_decay=1e-4, fused=self.device.type == "cuda")
        self.step, self.seconds, self.sums = 0, 0.0, {}
        choices.out.mkdir(parents=True, exist_ok=True)
        self.path = choices.out / f"{choices.stage}.pt"
        if self.path.exists():
            self.resume()

    def take(self, state):
        """Another stage's weights. Networks of other sizes stay as they are, so that one autoencoder serves denoisers of several sizes."""
        own = self.model.state_dict()
        other = [name for name in own if name not in state or state[name].shape != own[name].shape]
        if any(name.startswith("vae.") for name in other):
            raise SystemExit(f"{self.choices.start} has an autoencoder of other sizes than {self.choices.config}.")
        if other:
            print(f"{self.choices.start}: {len(other)} tensors have other sizes and stay as they are, {other[0]} the first of them", flush=True)
        self.model.load_state_dict(own | {name: state[name] for name in own if name not in other})

    def resume(self):
        state = torch.load(self.path, map_location=self.device, weights_only=True)
        with torch.no_grad():
            for name, value in self.trained.items():
                value.copy_(state["weights"][name])
                self.average[name].copy_(state["average"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        print(f"goes on from step {self.step}", flush=True)

    def averaged(self):
        """The model's whole state with the averaged weights."""
        return self.model.state_dict() | self.average

    def save(self):
        state = {
            "weights": {name: value.detach() for name, value in self.trained.items()}, "average": self.average,
            "optimizer": self.optimizer.state_dict(), "step": self.step, "seconds": self.seconds,
        }  # fmt: skip
        torch.save(state, self.path.with_suffix(".partial"))
        os.replace(self.path.with_suffix(".partial"), self.path)
        weights = self.averaged()
        current = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(weights)
        networks.write_released(self.config, self.model.state_dict(), self.path.with_suffix(".safetensors"))
        with torch.no_grad(), self.autocast(), torch.compiler.set_stance("force_eager"):
            scores = self.stage.evaluate()
        self.model.load_state_dict(current)
        self.log(scores)

    def log(self, scores):
        count = max(self.sums.pop("count", 1), 1)
        line = {"step": self.step, "minutes": round(self.seconds / 60, 2), **{k: round(float(v) / count, 5) for k, v in self.sums.items()}, **scores}
        self.sums = {}
        print(json.dumps(line), flush=True)
        with open(self.choices.out / f"{self.choices.stage}.jsonl", "a") as file:
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
        with self.autocast():
            losses = self.stage.losses(generator)
        total = sum(losses.values())
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.trained.values(), 1.0)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.step += 1
        decay = min(0.999, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.average.values()), [value.detach() for value in self.trained.values()], 1 - decay)
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0) + value.detach()
        self.sums["count"] = self.sums.get("count", 0) + 1

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


if __name__ == "__main__":
    Run(options()).train()
