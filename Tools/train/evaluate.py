#!/usr/bin/env python3
"""Measures a trained model on the held-out photographs, whole, with the deblurdiff program:

    evaluate.py MODEL.ddiff.safetensors --data FOLDER --out RESULTS

blurs each by every length, uniformly and by region, and prints PSNR and SSIM of the blurred images, of what became of them, and of what unsharp masking,
Richardson and Lucy's method and Wiener's filter make of them. The last two are told the true kernel, which nobody knows of a real photograph, and work in linear
light; all three have the best of a few strengths. RESULTS gets the images, measures.json and sheet.jpg (input, EAC's guidance at the first and the last step,
result, truth).

    evaluate.py --torch RUN/deblur.safetensors --data FOLDER --out RESULTS

runs the sampler in PyTorch instead; with --without also the ablation's models, as `deblurdiff run --without` does.
"""
import argparse
import json
import pathlib
import subprocess
import time

import numpy
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file
from skimage import filters, restoration

import blur
import model as networks
from images import bytes_of, read, write
from measures import psnr, sharpness, ssim

LENGTHS = [0, 4, 8, 14, 24]
SHOWN_LENGTH = 14
TILE = 224
UNSHARP = [(radius, amount) for radius in (1, 2, 4) for amount in (0.5, 1, 2)]
RICHARDSON_LUCY = [5, 10, 20, 40]
WIENER = [0.001, 0.01, 0.1]


def load(weights):
    model, config = networks.build(weights.with_suffix(".yaml"), 0)
    return model.load(load_file(weights)).eval(), config["params"]["default_steps"]


def cases(folder, lengths):
    """What is measured, by name."""
    result = {}
    for name, image in read(folder):
        for length in lengths:
            for regional in ([False, True] if length else [False]):
                blurred, truth, kernel = blur.sample(image, length, regional, blur.seed_of(name, length))
                kind = f"{length}{'-region' if regional else ''}"
                result[f"{name}-{kind}"] = {"photograph": name, "kind": kind, "blurred": blurred, "truth": truth, "kernel": kernel}
    return result


def made_by_program(choices):
    """The same, blurred by `deblurdiff blur`: what anybody can make without Python."""
    result = {}
    for length in choices.lengths:
        for regional in ([False, True] if length else [False]):
            kind = f"{length}{'-region' if regional else ''}"
            pairs = choices.out / "pairs" / kind
            options = ["--extent", length, "--length", "20-200", "--kernel-size", blur.SIZE, "--shot-noise", "0.008", *(["--regions", "1"] if regional else [])]
            subprocess.run([choices.program, "blur", choices.data / "held-out", "-o", pairs, "--quiet", *map(str, options)], check=True)
            for name, blurred in read(pairs / "blur"):
                kernel = torch.tensor(numpy.load(pairs / "kernels" / f"{name}.npy")[0])
                result[f"{name}-{kind}"] = {"photograph": name, "kind": kind, "blurred": blurred, "truth": read(pairs / "sharp" / f"{name}.png"), "kernel": kernel}
    return result


def with_program(choices, cases):
    """Restores all cases; the seconds that each took."""
    inputs, outputs = choices.out / "blurred", choices.out / "restored"
    for folder in (inputs, outputs):
        folder.mkdir(parents=True, exist_ok=True)
    for name, case in cases.items():
        write(case["blurred"], inputs / f"{name}.png")
    began = time.monotonic()
    subprocess.run([choices.program, "run", *(inputs / f"{name}.png" for name in cases), "--model", choices.model, "--output", outputs, "--quiet"], check=True)
    for name, case in cases.items():
        case["restored"] = read(outputs / f"{name}.png")
    return (time.monotonic() - began) / len(cases)


def with_torch(choices, cases, model, steps):
    began = time.monotonic()
    for case in cases.values():
        case["restored"], case["guides"] = in_torch(model, case["blurred"], steps, choices.without)
    return (time.monotonic() - began) / len(cases)


def in_torch(model, blurred, steps, without=()):
    """(restored, guidance at each step, both images)"""
    sampler = networks.Sampler(model, steps, blurred.device)
    restored, guides = networks.restore(model, blurred, sampler, torch.Generator().manual_seed(231), networks.empty_context(model), without)
    if model.corrects_colours:
        restored = networks.coloured_as(restored, blurred)
    restored = torch.tensor(bytes_of(restored)).permute(2, 0, 1)[None] / 255
    return restored, [networks.decode(model, guide).clamp(0, 1) for guide in guides]


def classical(case):
    """What each method makes of a case at each of its strengths: {method: [images]}"""
    pixels, kernel = case["blurred"][0].permute(1, 2, 0).numpy(), case["kernel"].numpy()
    light = pixels.clip(1e-3, 1) ** 2.2

    def image(values):
        return torch.tensor(numpy.ascontiguousarray(values)).permute(2, 0, 1)[None].float().clamp(0, 1)

    def in_light(method):
        return image(numpy.stack([method(light[..., channel]) for channel in range(3)], 2).clip(0, 1) ** (1 / 2.2))

    return {
        "unsharp": [image(filters.unsharp_mask(pixels, radius, amount, channel_axis=2)) for radius, amount in UNSHARP],
        "richardson-lucy": [in_light(lambda plane: restoration.richardson_lucy(plane, kernel, count)) for count in RICHARDSON_LUCY],
        "wiener": [in_light(lambda plane: restoration.wiener(plane, kernel, balance)) for balance in WIENER],
    }


def measured(image, truth):
    return {"psnr": psnr(image, truth).item(), "ssim": ssim(image, truth).item(), "sharpness": sharpness(image).item()}


def mean(rows):
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}


def summary(table):
    """For each kind of blur the mean of each method, with the strength that is best for that kind, and the smallest gain."""
    result = {}
    for kind in dict.fromkeys(row["kind"] for row in table.values()):
        rows = [row for row in table.values() if row["kind"] == kind]
        result[kind] = {method: mean([row[method] for row in rows]) for method in ["blurred", "restored", "truth"]}
        result[kind]["worst"] = min(row["restored"]["psnr"] - row["blurred"]["psnr"] for row in rows)
        if "guidance" in rows[0]:
            result[kind] |= {f"EAC {step}": mean([row["guidance"][step] for row in rows]) for step in ["first", "last"]}
        for method in [key for key in rows[0] if isinstance(rows[0][key], list)]:
            result[kind][method] = max((mean(strength) for strength in zip(*(row[method] for row in rows))), key=lambda row: row["psnr"])
    return result


def print_summary(summary):
    methods = [key for key in next(iter(summary.values())) if key not in ("truth", "worst")]
    print(f"{'':12}" + "".join(f"{method:>18}" for method in methods) + f"{'worst gain':>12}")
    for kind, row in summary.items():
        print(f"{kind:12}" + "".join(f"{row[method]['psnr']:11.2f} {row[method]['ssim']:.3f} " for method in methods) + f"{row['worst']:11.2f}")


def most_detailed(image):
    """Where the TILE x TILE pixels with the most detail begin."""
    grey = image.mean(1, keepdim=True)
    detail = (grey[..., 1:, 1:] - grey[..., :-1, 1:]).abs() + (grey[..., 1:, 1:] - grey[..., 1:, :-1]).abs()
    side = min(TILE - 1, *detail.shape[2:])
    average = torch.nn.functional.avg_pool2d(detail, side, 16)[0, 0]
    place = average.argmax().item()
    return 16 * (place // average.shape[1]), 16 * (place % average.shape[1])


def sheet(rows, titles, file):
    """Rows of images, and of each the part with the most detail in the last."""
    page = Image.new("RGB", (len(titles) * (TILE + 4), len(rows) * (TILE + 4) + 16), "white")
    draw = ImageDraw.Draw(page)
    for column, title in enumerate(titles):
        draw.text((column * (TILE + 4) + 4, 2), title, fill="black")
    for number, images in enumerate(rows):
        top, left = most_detailed(images[-1])
        for column, image in enumerate(images):
            tile = Image.fromarray(bytes_of(image[..., top : top + TILE, left : left + TILE]))
            page.paste(tile, (column * (TILE + 4), 16 + number * (TILE + 4)))
    page.save(file, quality=92)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=pathlib.Path, help="the converted model")
    parser.add_argument("--torch", type=pathlib.Path, metavar="WEIGHTS", help="the checkpoint; without a model it runs in PyTorch, with one it makes the sheet")
    parser.add_argument("--without", nargs="*", default=[], choices=["eac", "feedback", "lkpn"])
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--program", default=".build/release/deblurdiff")
    parser.add_argument("--lengths", nargs="*", type=int, default=LENGTHS, help="of blur, in pixels")
    parser.add_argument("--made-by-program", action="store_true", help="blur with `deblurdiff blur` instead of blur.py")
    parser.add_argument("--classical", action="store_true", help="measure the other methods too, which takes minutes")
    parser.add_argument("--shown", nargs="*", metavar="NAME", help="photographs on the sheet; all, if none is named")
    choices = parser.parse_args()
    if choices.model is None and choices.torch is None:
        parser.error("give a converted model or --torch WEIGHTS")
    torch.set_grad_enabled(False)
    choices.out.mkdir(parents=True, exist_ok=True)
    all_cases = made_by_program(choices) if choices.made_by_program else cases(choices.data / "held-out", choices.lengths)
    model, steps = load(choices.torch) if choices.torch else (None, None)
    seconds = with_program(choices, all_cases) if choices.model else with_torch(choices, all_cases, model, steps)
    table = {}
    for name, case in all_cases.items():
        row = {"photograph": case["photograph"], "kind": case["kind"], **{part: measured(case[part], case["truth"]) for part in ["blurred", "restored", "truth"]}}
        if choices.classical:
            row |= {method: [measured(image, case["truth"]) for image in images] for method, images in classical(case).items()}
        if "guides" in case:
            row["guidance"] = {step: measured(case["guides"][index], case["truth"]) for step, index in [("first", 0), ("last", -1)]}
        table[name] = row
    total = summary(table)
    print_summary(total)
    print(f"{seconds:.1f} seconds a photograph")
    (choices.out / "measures.json").write_text(json.dumps({"mean": total, "each": table}, indent=1))
    if model is not None:
        rows = []
        for case in all_cases.values():
            if case["kind"] == str(SHOWN_LENGTH) and (not choices.shown or case["photograph"] in choices.shown):
                guides = case.get("guides") or in_torch(model, case["blurred"], steps, choices.without)[1]
                rows.append([case["blurred"], guides[0], guides[-1], case["restored"], case["truth"]])
        if rows:
            sheet(rows, ["input", "EAC, first step", "EAC, last step", "result", "truth"], choices.out / "sheet.jpg")


if __name__ == "__main__":
    main()
