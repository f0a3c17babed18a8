#!/usr/bin/env python3
"""Measures a trained model on the held-out photographs, with the deblurdiff program itself:

    evaluate.py MODEL.ddiff.safetensors --weights RUN/deblur.safetensors --data FOLDER --out RESULTS

prints PSNR, SSIM and sharpness of each blurred photograph and of what became of it, writes the results and RESULTS/sheet.jpg (input, EAC's guidance at each step,
result, truth). Guidance is decoded with --weights, the checkpoint that MODEL was converted from.

    evaluate.py --torch RUN/deblur.safetensors --without eac --data FOLDER --out RESULTS

runs the sampler in PyTorch instead, for the ablation's models, which the program does not know.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import numpy
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file

import model as networks
from measures import psnr, sharpness, ssim

TILE = 224
SHOWN_STEPS = 3


def read(file):
    return torch.tensor(numpy.asarray(Image.open(file).convert("RGB"))).permute(2, 0, 1)[None].float() / 255


def write(image, file):
    Image.fromarray((image[0].clamp(0, 1) * 255).byte().permute(1, 2, 0).numpy()).save(file)


def load(weights):
    model, config = networks.build(weights.with_suffix(".yaml"), 0)
    return model.load(load_file(weights)).eval(), config["params"].get("default_steps")


def with_program(choices, model, blurred_file, result_file):
    """(restored, guidance in latents a step, seconds)"""
    with tempfile.TemporaryDirectory() as folder:
        record = pathlib.Path(folder) / "record.safetensors"
        command = [choices.program, "run", blurred_file, "--model", choices.model, "--steps", str(choices.steps), "--output", result_file, "--quiet"]
        began = time.monotonic()
        subprocess.run([*command, "--record", record], check=True)
        seconds = time.monotonic() - began
        stages = load_file(record)
    return read(result_file), [stages[f"eac.{step}"] for step in range(choices.steps)], seconds


def with_torch(choices, model, blurred_file, result_file):
    blurred = read(blurred_file)
    began = time.monotonic()
    generator = torch.Generator().manual_seed(231)
    restored, guides = networks.restore(model, blurred, choices.steps, generator, networks.empty_context(model), choices.without)
    restored = networks.coloured_as(restored, blurred)
    write(restored, result_file)
    return read(result_file), guides, time.monotonic() - began


def most_detailed(image):
    """Where the TILE x TILE pixels with the most detail begin."""
    grey = image.mean(1, keepdim=True)
    detail = (grey[..., 1:, 1:] - grey[..., :-1, 1:]).abs() + (grey[..., 1:, 1:] - grey[..., 1:, :-1]).abs()
    side = min(TILE - 1, *detail.shape[2:])
    mean = torch.nn.functional.avg_pool2d(detail, side, 16)[0, 0]
    place = mean.argmax().item()
    return 16 * (place // mean.shape[1]), 16 * (place % mean.shape[1])


def sheet(rows, titles, file):
    """Rows of images of TILE x TILE pixels."""
    page = Image.new("RGB", (len(titles) * (TILE + 4), len(rows) * (TILE + 4) + 16), "white")
    draw = ImageDraw.Draw(page)
    for column, title in enumerate(titles):
        draw.text((column * (TILE + 4) + 4, 2), title, fill="black")
    for number, images in enumerate(rows):
        for column, image in enumerate(images):
            pixels = (image[0].clamp(0, 1) * 255).byte().permute(1, 2, 0).numpy()
            page.paste(Image.fromarray(pixels), (column * (TILE + 4), 16 + number * (TILE + 4)))
    page.save(file, quality=92)


def measured(image, truth):
    return {"psnr": psnr(image, truth).item(), "ssim": ssim(image, truth).item(), "sharpness": sharpness(image).item()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=pathlib.Path, help="the converted model")
    parser.add_argument("--weights", type=pathlib.Path, help="the checkpoint it was converted from, its sizes beside it as .yaml")
    parser.add_argument("--torch", type=pathlib.Path, metavar="WEIGHTS", help="run this checkpoint in PyTorch instead of the program")
    parser.add_argument("--without", nargs="*", default=[], choices=["eac", "feedback", "lkpn"])
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--program", default=".build/release/deblurdiff")
    parser.add_argument("--steps", type=int, help="of the sampler; those that the model was trained for, if not given")
    parser.add_argument("--first", type=int, metavar="N", help="only the first photographs")
    parser.add_argument("--shown", nargs="*", metavar="NAME", help="photographs on the sheet; all, if none is named")
    choices = parser.parse_args()
    weights = choices.torch or choices.weights
    if weights is None or (choices.model is None) == (choices.torch is None):
        parser.error("give a converted model and its --weights, or --torch WEIGHTS")
    torch.set_grad_enabled(False)
    choices.out.mkdir(parents=True, exist_ok=True)
    model, steps = load(weights)
    choices.steps = choices.steps or steps
    if not choices.steps:
        parser.error(f"{weights.with_suffix('.yaml')} has no default_steps: give --steps")
    restore = with_torch if choices.torch else with_program
    shown = sorted({round(k * (choices.steps - 1) / (SHOWN_STEPS - 1)) for k in range(SHOWN_STEPS)})
    rows, table = [], {}
    print(f"{'':30} {'PSNR':>15} {'SSIM':>15} {'sharpness':>22}  seconds")
    for sharp_file in sorted((choices.data / "held-out").glob("*-sharp.png"))[: choices.first]:
        name = sharp_file.stem.removesuffix("-sharp")
        blurred_file = sharp_file.with_name(f"{name}-blurred.png")
        truth, blurred = read(sharp_file), read(blurred_file)
        restored, guides, seconds = restore(choices, model, blurred_file, choices.out / f"{name}.png")
        if not choices.shown or name in choices.shown:
            top, left = most_detailed(truth)
            shown_blurred, shown_restored, shown_truth = (image[..., top : top + TILE, left : left + TILE] for image in (blurred, restored, truth))
            # Of the guidance only this part is decoded: the attention over a whole photograph would not fit into memory here.
            factor = 2 ** (len(model.vae.encoder.down) - 1)
            window = (..., slice(top // factor, (top + TILE) // factor), slice(left // factor, (left + TILE) // factor))
            guided = [networks.coloured_as(networks.decode(model, guides[step][window]), shown_blurred) for step in shown]
            rows.append([shown_blurred, *guided, shown_restored, shown_truth])
        table[name] = {"input": measured(blurred, truth), "result": measured(restored, truth), "truth": measured(truth, truth), "seconds": seconds}
        print(line(name, table[name]), flush=True)
    kinds = ["input", "result", "truth"]
    mean = {kind: {key: sum(row[kind][key] for row in table.values()) / len(table) for key in ["psnr", "ssim", "sharpness"]} for kind in kinds}
    table["mean"] = {**mean, "seconds": sum(row["seconds"] for row in table.values()) / len(table)}
    print(line("mean", table["mean"]))
    (choices.out / "measures.json").write_text(json.dumps(table, indent=1))
    sheet(rows, ["input", *[f"EAC, step {step + 1}" for step in shown], "result", "truth"], choices.out / "sheet.jpg")


def line(name, row):
    before, after, truth = row["input"], row["result"], row["truth"]
    return (
        f"{name:30} {before['psnr']:6.2f} > {after['psnr']:6.2f} {before['ssim']:6.3f} > {after['ssim']:6.3f} "
        f"{before['sharpness']:5.2f} > {after['sharpness']:5.2f} ({truth['sharpness']:5.2f}) {row['seconds']:8.1f}"
    )


if __name__ == "__main__":
    main()
