#!/usr/bin/env python3
"""How far presets, and what steps leave out, take a model's results from its exact ones, and in what time: a table as Markdown.

    Tools/quality/distances.py .build/install/deblurdiff MODEL PHOTO... [--steps 50] [--rows 'high' 'fast' ...] [--work DIR]

The first row is exact. For weights that were not trained (`seeded-checkpoint`) the numbers say how different results are, and nothing about how good.
"""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile

PRESETS = {name: f"--preset {name}" for name in ["exact", "high", "fast", "draft"]}
SCHEDULES = {
    "forecast 2": "--forecast 2", "forecast 3": "--forecast 3", "lkpn 2": "--reuse lkpn:2", "control_net 2": "--reuse control_net:2",
    "encoder, control_net, lkpn 2": "--reuse encoder:2,control_net:2,lkpn:2", "encoder, control_net, lkpn 5": "--reuse encoder:5,control_net:5,lkpn:5",
    "all 3": "--reuse decoder:3,encoder:3,control_net:3,lkpn:3", "all 5": "--reuse decoder:5,encoder:5,control_net:5,lkpn:5",
}  # fmt: skip
ROWS = PRESETS | SCHEDULES


def restored(program, model, photos, options, folder):
    manifest = folder.with_suffix(".jsonl")
    command = [program, "run", *photos, "--model", model, "-o", folder, "--manifest", manifest, "--no-resume", "--overwrite", "--quiet", "--format", "png"]
    folder.mkdir()
    subprocess.run([*command, *options.split()], check=True)
    return sum(json.loads(line)["seconds"] for line in manifest.read_text().splitlines()) / len(photos)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("photos", type=pathlib.Path, nargs="+")
    parser.add_argument("--steps", type=int, help="of exact, and of the rows that are no presets")
    parser.add_argument("--options", default="", help="of all rows")
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), default=list(ROWS))
    choices = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        print("| | options | seconds a photograph | PSNR to exact, dB | SSIM |\n| --- | --- | --- | --- | --- |", flush=True)
        for number, name in enumerate(dict.fromkeys(["exact", *choices.rows])):
            options = ROWS[name]
            if choices.steps and (name == "exact" or name in SCHEDULES):
                options += f" --steps {choices.steps}"
            seconds = restored(choices.program, choices.model, choices.photos, f"{options} {choices.options}", work / str(number))
            report = json.loads(subprocess.run(
                [choices.program, "evaluate", work / str(number), "--reference", work / "0", "--metric", "psnr,ssim", "--format", "json", "--quiet"],
                check=True, stdout=subprocess.PIPE).stdout)  # fmt: skip
            metrics = {key: value["mean"] for key, value in report["groups"][0]["folders"][0].items()} if number else {"psnr": "", "ssim": ""}
            shown = [f"{value:.{digits}f}" if isinstance(value := metrics[key], float) else str(value) for key, digits in [("psnr", 2), ("ssim", 4)]]
            busy = " *" * (os.getloadavg()[0] > len(os.sched_getaffinity(0)) + 1)
            print(f"| {name} | `{options}` | {seconds:.1f}{busy} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
