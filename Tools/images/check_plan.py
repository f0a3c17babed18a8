#!/usr/bin/env python3
"""What `deblurdiff plan` says against what then happens: a table in Markdown.

    check_plan.py DEBLURDIFF MODEL PHOTO

Needs Pillow. Sizes and options are below; each is planned (twice: what is measured for the first is known to the second) and then run, from start to end of the process.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

from PIL import Image

DEBLURDIFF, MODEL, PHOTO = sys.argv[1:4]
CASES = [
    ("256x192.png", 1, []), ("512x512.jpg", 1, []), ("640x480.jpg", 4, []), ("800x600.tif", 1, ["--steps", "8"]),
    ("1024x768.jpg", 1, ["--cfg-scale", "2", "--neg-prompt", ""]), ("1024x1024.png", 1, ["--precision", sys.argv[4] if len(sys.argv) > 4 else "int16"]),
    ("1600x1200.jpg", 1, []), ("1600x1200.jpg", 1, ["--tiled", "--tile-size", "512", "--tile-stride", "384"]), ("2000x1500.webp", 1, ["--memory", "lean"]),
    ("3000x2000.jpg", 1, ["--threads", "1"]),
]


def main():
    print("| photographs | options | planned | took | | memory planned | taken | |\n|---|---|---|---|---|---|---|---|")
    for name, count, options in CASES:
        with tempfile.TemporaryDirectory() as folder:
            width, height = map(int, name.split(".")[0].split("x"))
            os.mkdir(f"{folder}/in")
            for index in range(count):
                Image.open(PHOTO).convert("RGB").resize((width, height), Image.LANCZOS).save(f"{folder}/in/{index}.{name.split('.')[1]}", quality=92)
            plan = None
            for _ in range(2):
                said = subprocess.run([DEBLURDIFF, "plan", MODEL, f"{folder}/in", "--json", *options], capture_output=True, text=True, check=True)
                plan = json.loads(said.stdout)
            start = time.monotonic()
            run = subprocess.Popen([DEBLURDIFF, "run", MODEL, f"{folder}/in", "-o", f"{folder}/out", "--no-resume", "--quiet", *options])
            _, status, usage = os.wait4(run.pid, 0)
            seconds = time.monotonic() - start
            assert status == 0
            memory = usage.ru_maxrss * 1024
            print(f"| {count if count > 1 else ''} {width} x {height} {name.split('.')[1]} | `{' '.join(options)}` | {plan['seconds']:.1f} s | {seconds:.1f} s "
                  f"| {100 * (plan['seconds'] / seconds - 1):+.0f} % | {plan['peakBytes'] / 1e6:.0f} MB | {memory / 1e6:.0f} MB "
                  f"| {100 * (plan['peakBytes'] / memory - 1):+.0f} % |", flush=True)


main()
