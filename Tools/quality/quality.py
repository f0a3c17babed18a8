#!/usr/bin/env python3
"""Measures how good results are, by arithmetic, steps and options, and writes Docs/Quality.md:

    quality.py PROGRAM MODEL WORK [--only ROW ...]

fetches the held-out photographs (Tools/train/photos.py) and blurs them with `deblurdiff blur`, restores them in the way of each row of rows.py, and measures with
`deblurdiff evaluate`. What was measured is kept in Docs/Quality.json, from which tables and plots are drawn; with --only the named rows are measured alone, and the
others are as they were. WORK gets the photographs.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

from plots import Plot
from rows import ROWS, STANDARD

HERE = pathlib.Path(__file__).resolve().parent
DOCS = HERE.parent.parent / "Docs"
EXTENTS = [0, 4, 8, 14, 24]
BLURRED = EXTENTS[1:]
METRICS = {"psnr": "PSNR ↑", "ssim": "SSIM ↑", "niqe": "NIQE ↓"}
DECIMALS = {"psnr": 2, "ssim": 4, "niqe": 2}
BLUR = "--length 20-200 --kernel-size 33 --shot-noise 0.008"
ALL = [row for rows in ROWS.values() for row in rows]


def photographs(program, work):
    """Blurred and sharp ones, in folders by extent."""
    if len(list((work / "photographs/held-out").glob("*.png"))) < 8:
        subprocess.run([sys.executable, HERE.parent / "train/photos.py", work / "photographs", "--held-out-only"], check=True)
    for part in ["pairs", "blurred", "sharp"]:
        shutil.rmtree(work / part, ignore_errors=True)
    for extent in EXTENTS:
        pairs = work / "pairs" / str(extent)
        options = ["--extent", str(extent), *BLUR.split(), "--quiet"]
        subprocess.run([program, "blur", work / "photographs/held-out", "-o", pairs, *options], check=True)
        for part, folder in [("blur", "blurred"), ("sharp", "sharp")]:
            (work / folder).mkdir(exist_ok=True)
            (pairs / part).rename(work / folder / str(extent))


def restored(row, program, model, work):
    """Restores all blurred photographs; seconds for 512 x 512 pixels, megabytes, and whether other programs took much of the time."""
    results, manifest = work / "restored" / row.name.replace(" ", "-"), work / "manifest.jsonl"
    shutil.rmtree(results, ignore_errors=True)
    command = [program, "run", work / "blurred", "--model", model, "-o", results, "--manifest", manifest, "--no-resume", "--progress", "none", "--quiet"]
    process = subprocess.Popen([*command, *row.options.split()])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"'{row.name}' ended with status {os.waitstatus_to_exitcode(status)}.")
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    paces = [line["seconds"] / (line["width"] * line["height"]) for line in lines if "seconds" in line]
    # Of the last minute, in which this took a processor for each thread.
    busy = os.getloadavg()[0] > len(os.sched_getaffinity(0)) + 1
    return results, statistics.median(paces) * 512 * 512, usage.ru_maxrss / 1000, busy


def measured(results, program, work, metrics=METRICS):
    """(of the results, of the blurred photographs, the differences): by extent and metric, each with mean, and differences with low and high."""
    command = [program, "evaluate", results, "--reference", work / "sharp", "--against", work / "blurred", "--by-folder", "--metric", ",".join(metrics)]
    command += ["--measurements", work / "measured.jsonl", "--format", "json", "--quiet"]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    def rounded(values, *keys):
        return {metric: {key: round(value[key], 4) for key in keys} for metric, value in values.items()}

    groups = {str(extent): next(group for group in report["groups"] if group["name"] == str(extent)) for extent in EXTENTS}
    restored, blurred = ({extent: rounded(group["folders"][number], "mean") for extent, group in groups.items()} for number in (0, 1))
    return restored, blurred, {extent: rounded(group["differences"], "mean", "low", "high") for extent, group in groups.items()}


def machine():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "an unknown processor")
    return f"{len(os.sched_getaffinity(0))} threads of {name}"


def keep(ledger, file):
    """A line a row; rows that are no longer listed are dropped."""
    rows = ",\n".join(f"  {json.dumps(row.name)}: {json.dumps(ledger['rows'][row.name])}" for row in ALL if row.name in ledger["rows"])
    others = "".join(f"{json.dumps(key)}: {json.dumps(value)},\n" for key, value in ledger.items() if key != "rows")
    file.write_text(f'{{{others}"rows": {{\n{rows}\n}}}}\n')


def mean(of, metric, extents=BLURRED):
    return sum(of[str(extent)][metric]["mean"] for extent in extents) / len(extents)


def table(lines):
    head, *rows = [["" if cell is None else str(cell) for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rows])


def like_table_1(ledger):
    """Data sets, their metrics, and the mean of each method; the best one is marked."""
    methods = [("blurred", ledger["blurred"])] + [(row.name, ledger["rows"][row.name]["results"]) for row in ALL if row.in_table and row.name in ledger["rows"]]
    lines = [["blur", "metric", *(name for name, _ in methods)]]
    for extent in EXTENTS:
        for metric, title in METRICS.items():
            values = [f"{results[str(extent)][metric]['mean']:.{DECIMALS[metric]}f}" for _, results in methods]
            best = (min if title.endswith("↓") else max)(values, key=float)
            first = ("none" if extent == 0 else f"{extent} pixels") if metric == "psnr" else ""
            lines.append([first, title, *(f"**{value}**" if value == best else value for value in values)])
    return table(lines)


def rows_table(rows, ledger):
    lines = [["", "options of `run`", *(f"{extent} pixels" if extent else "none" for extent in EXTENTS), "SSIM", "NIQE", "seconds", "MB"]]
    for row in rows:
        if row.name not in ledger["rows"]:
            continue
        entry = ledger["rows"][row.name]
        gains = []
        for extent in EXTENTS:
            gain = entry["gains"][str(extent)]["psnr"]
            gains.append(f"{gain['mean']:+.2f} ({gain['low']:+.2f} to {gain['high']:+.2f})")
        ssim, niqe = f"{mean(entry['results'], 'ssim'):.4f}", f"{mean(entry['results'], 'niqe'):.2f}"
        lines.append([row.name, f"`{row.options}`" if row.options else "", *gains, ssim, niqe, f"{entry['seconds']:.2f}{' *' * entry['busy']}", f"{entry['megabytes']:.0f}"])
    return table(lines)


def draw(ledger):
    known = [row for row in ALL if row.name in ledger["rows"]]
    lines = [(row.name, [(extent, ledger["rows"][row.name]["gains"][str(extent)]["psnr"]["mean"]) for extent in BLURRED]) for row in known if row.drawn]
    plot = Plot("What restoring gains", "extent of the blur, pixels", "PSNR above the blurred photograph's, dB", BLURRED, [0, *(y for _, line in lines for _, y in line)])
    plot.lines(lines)
    (DOCS / "Pictures/quality-gain.svg").write_text(str(plot))
    points = [(row.name, ledger["rows"][row.name]["seconds"], mean(ledger["rows"][row.name]["gains"], "psnr")) for row in known]
    plot = Plot(
        "What it costs", "seconds for 512 x 512 pixels", "PSNR gained, mean of 4 to 24 pixels of blur, dB", [x for _, x, _ in points], [y for *_, y in points],
        logarithmic=True)
    plot.front(points)
    plot.points(points)
    (DOCS / "Pictures/quality-time.svg").write_text(str(plot))


def document(ledger):
    sections = "\n\n".join(f"### {heading}\n\n{rows_table(rows, ledger)}" for heading, rows in ROWS.items())
    return f"""# Quality

    make quality

writes this page: it blurs the eight held-out photographs ([Models/README.md](../Models/README.md) says which), on which the small model was not trained, restores them with the small model in the
way of each row, and measures the results against the sharp photographs. What was measured is in [Quality.json](Quality.json). Rows stand in
[Tools/quality/rows.py](../Tools/quality/rows.py); `make quality ROWS="'1 step' int16"` measures some of them anew.

The photographs are blurred by `deblurdiff blur held-out -o DIR --extent N {BLUR}` ([Blur.md](Blur.md)). Without motion they have that noise alone. Metrics are those of
[`deblurdiff evaluate`](Metrics.md); NIQE is of the photograph alone. LPIPS, MUSIQ, MANIQA and CLIP-IQA, which the paper has too, need weights that are not here.

## In the form of the paper's table 1

{like_table_1(ledger)}

Each number is the mean of the eight; the best of a line is marked. The sharp photographs have a NIQE of
{mean(ledger['sharp'], 'niqe', [0]):.2f}. "{STANDARD}" is `deblurdiff run` without options: float32 and the model's own number of steps.

## By arithmetic, steps and options

PSNR gained over the blurred photographs in dB, by the extent of their blur, with its interval of 95 % confidence (bootstrap over the eight); the means of SSIM and NIQE over 4 to 24 pixels of
blur, where the blurred photographs have {mean(ledger['blurred'], 'ssim'):.4f} and {mean(ledger['blurred'], 'niqe'):.2f}; seconds for 512 x 512 pixels, reading and writing included (the median); and the most memory.
Times are those of {ledger['machine']}; those with * were taken while other programs kept it busy, and tell little.

{sections}

![PSNR gained, by extent of the blur](Pictures/quality-gain.svg)

![PSNR gained, by seconds](Pictures/quality-time.svg)

The line is the front: no row above it takes less time for as much. Times with * move it. What steps leave out, and what the presets are, is in [Steps.md](Steps.md).
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--only", nargs="*", default=[], metavar="ROW", choices=[row.name for row in ALL])
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    choices = parser.parse_args()
    file = DOCS / "Quality.json"
    ledger = json.loads(file.read_text()) if file.exists() and (choices.only or choices.draw) else {"rows": {}}
    if not choices.draw:
        choices.work.mkdir(parents=True, exist_ok=True)
        photographs(choices.program, choices.work)
        ledger["machine"] = machine()
        ledger["sharp"] = measured(choices.work / "sharp", choices.program, choices.work, ["niqe"])[0]
        for number, row in enumerate(rows := [row for row in ALL if row.name in choices.only or not choices.only], 1):
            results, seconds, megabytes, busy = restored(row, choices.program, choices.model, choices.work)
            restoration, ledger["blurred"], gains = measured(results, choices.program, choices.work)
            ledger["rows"][row.name] = {
                "options": row.options, "seconds": round(seconds, 3), "busy": busy, "megabytes": round(megabytes), "results": restoration,
                "gains": {extent: {"psnr": values["psnr"]} for extent, values in gains.items()},
            }  # fmt: skip
            print(f"{number} of {len(rows)}, {row.name}: {mean(gains, 'psnr'):+.2f} dB, {seconds:.2f} s", flush=True)
            keep(ledger, file)
    draw(ledger)
    (DOCS / "Quality.md").write_text(document(ledger))


if __name__ == "__main__":
    main()
