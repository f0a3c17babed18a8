#!/usr/bin/env python3
"""Computes convolutions around every op in ONNX Runtime, and compares with what deblurdiff computes.

    chain_tests.py FUZZ_GRAPHS [--tolerance 3e-5] [--verbose]

`fuzz-graphs --export` writes the models, as imported and as the passes leave them, with inputs and results. Needs what requirements.txt lists.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

from node_tests import read_tensors

STAGES = ["imported", "optimized"]


def difference(found, expected):
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return f"is {found.dtype}{list(found.shape)}, not {expected.dtype}{list(expected.shape)}"
    if expected.dtype.kind in "biu":
        return None if np.array_equal(found, expected) else "differs"
    a, b = found.astype(np.float64), expected.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return None
    scale = max(1.0, np.abs(b[np.isfinite(b)]).max(initial=0))
    worst = float(np.abs(np.where(same, 0, a - b)).max()) / scale
    return worst


# What makes much of how a convolution in front of it was rounded.
STEEP = re.compile("function = (reciprocal|reciprocal_square_root|log|tan|atanh|acosh|acos|asin|power|divide|modulo)|to = b?f16")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", help="the built fuzz-graphs")
    parser.add_argument("--tolerance", type=float, default=3e-5, help="relative to the largest number of an output or to 1")
    parser.add_argument("--verbose", action="store_true", help="print also what ONNX Runtime does not compute")
    options = parser.parse_args()
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = 1
    compared, refused, failed = 0, {}, []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([options.command, "--export", str(folder)], check=True)
        for index, name in enumerate((folder / "names.txt").read_text().split("\n")):
            tensors = read_tensors(folder / f"{index}.safetensors")
            for stage in STAGES:
                try:
                    session = onnxruntime.InferenceSession(str(folder / f"{index}.{stage}.onnx"), settings, providers=["CPUExecutionProvider"])
                    inputs = {value.name: tensors[f"in.{value.name}"] for value in session.get_inputs()}
                    outputs = session.run(None, inputs)
                except Exception as error:
                    refused.setdefault(str(error).split(":")[-1].strip()[:100], []).append(f"{name} {stage}")
                    continue
                compared += 1
                for value, found in zip(session.get_outputs(), outputs):
                    wrong = difference(found, tensors[f"out.{value.name}"])
                    tolerance = options.tolerance * (100 if STEEP.search(name) else 1)
                    if isinstance(wrong, str) or (wrong is not None and not wrong <= tolerance):
                        failed.append(f"{name} {stage}: output {value.name} {wrong}")
    print(f"{compared} models computed, {len(failed)} outputs differ, {sum(map(len, refused.values()))} models that ONNX Runtime does not compute")
    for line in failed if options.verbose else failed[:20]:
        print("  " + line)
    if options.verbose:
        for reason, names in refused.items():
            print(f"  {len(names)} {reason}: {names[0]}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
