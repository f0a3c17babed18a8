#!/usr/bin/env python3
"""Runs what deblurdiff exports in ONNX Runtime, and compares with what deblurdiff itself computes of the same random inputs.

    check_export.py MODEL [--graphs step,unet,...] [--size 128x128] [--stages imported,optimized] [--tolerance 1e-4] [--deblurdiff .build/release/deblurdiff]

Each graph is exported with functions and, with --inline, in standard operators alone; onnx's checker looks at both. A size beyond 512x512 at the released window sizes
has transformers that are cut into several windows. Prints the relative error (of Euclidean norms) of the worst
output of each, and ends with an error if one is above the tolerance. Needs onnx, onnxruntime and numpy.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime

GRAPHS = ["text_encoder", "vae_encoder", "lkpn", "eac", "control_net", "unet", "step", "vae_decoder"]


def run(path, inputs, inlined):
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path, load_external_data=False)
    if inlined and (model.functions or {entry.domain for entry in model.opset_import} > {""}):
        sys.exit(f"{model.graph.name}: --inline left operators that are not ONNX's own")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    wanted = {value.name: inputs[value.name] for value in session.get_inputs()}
    return dict(zip([value.name for value in session.get_outputs()], session.run(None, wanted)))


def error(found, expected):
    return float(numpy.linalg.norm(found - expected) / max(numpy.linalg.norm(expected), 1e-30))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a converted model")
    parser.add_argument("--graphs", default=",".join(GRAPHS))
    parser.add_argument("--size", default="128x128")
    parser.add_argument("--stages", default="imported,optimized")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--deblurdiff", default=".build/release/deblurdiff")
    options = parser.parse_args()

    def deblurdiff(*arguments):
        subprocess.run([options.deblurdiff, *map(str, arguments)], check=True)

    failed = False
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for graph in options.graphs.split(","):
            place = ["--graph", graph, "--size", options.size, "--quiet"]
            deblurdiff("execute", options.model, *place, "--random-seed", 1, "--save-inputs", folder / "inputs.npz", "--output", folder / "outputs.npz")
            inputs, expected = dict(numpy.load(folder / "inputs.npz")), dict(numpy.load(folder / "outputs.npz"))
            for stage in options.stages.split(","):
                for form in [[], ["--inline"]]:
                    path = str(folder / "model.onnx")

                    def exported(name):
                        deblurdiff("export", options.model, "--graph", name, *place[2:], "--stage", stage, "-o", path, *form)
                        return path

                    values = dict(inputs)
                    if graph == "step" and stage == "optimized":
                        # What does not change from step to step was moved out of it.
                        for name in ["prologue", "time_table"]:
                            values |= run(exported(name), values, form)
                    found = run(exported(graph), values, form)
                    worst = max(error(found[name], expected[name]) for name in expected)
                    failed = failed or not worst <= options.tolerance
                    print(f"{graph:14} {stage:10} {'inline' if form else 'functions':10} {worst:.1e}", flush=True)
    if failed:
        sys.exit(f"above the tolerance of {options.tolerance}")


if __name__ == "__main__":
    main()
