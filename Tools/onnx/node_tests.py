#!/usr/bin/env python3
"""Runs the ONNX project's own test cases through `deblurdiff execute`.

    node_tests.py DEBLURDIFF [-O 0 -O 1] [--filter WORD] [--verbose]

A case counts where all its ops are ones that deblurdiff imports (OPERATORS) and all its values are of types that it has. Of those at least 97 % must pass,
and what does not pass must stand in known_failures.txt with the reason. Needs what requirements.txt lists.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import itertools
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import warnings

import numpy as np

warnings.filterwarnings("ignore")
np.seterr(all="ignore")

import onnx
import onnx.backend.test
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.loader import load_model_tests

OPERATORS = set("""
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast
    CastLike Ceil Celu Clip Concat Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout
    DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater
    GreaterOrEqual GroupNormalization HardSigmoid HardSwish Identity If InstanceNormalization IsInf IsNaN LayerNormalization LRN LeakyRelu Less LessOrEqual Log
    LogSoftmax LpPool MatMul MatMulInteger Max MaxPool Mean Min Mish Mod Mul Neg NonZero Not Or PRelu Pad Pow QuantizeLinear RMSNormalization Range Reciprocal
    ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize Round Scatter
    ScatterElements ScatterND Selu Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh
    ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Where Xor
""".split())

SAFETENSORS = {
    "float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
    "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL",
}
TYPES = {
    TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.INT32, TensorProto.INT16,
    TensorProto.INT8, TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64, TensorProto.BOOL,
}
REQUIRED_SHARE = 0.97
DATA = pathlib.Path(onnx.backend.test.__file__).parent / "data"
HERE = pathlib.Path(__file__).resolve().parent


def write_tensors(path, tensors):
    header, data = {}, b""
    for name, array in tensors:
        bytes_ = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": SAFETENSORS[array.dtype.name], "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(bytes_)]}
        data += bytes_
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_tensors(path):
    from ml_dtypes import bfloat16  # NumPy has none of its own

    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    names = {code: bfloat16 if name == "bfloat16" else np.dtype(name) for name, code in SAFETENSORS.items()}
    result = {}
    for name, entry in json.loads(raw[8 : 8 + length]).items():
        if name == "__metadata__" or name.startswith("__padding__"):
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        result[name] = np.frombuffer(raw[begin:end], dtype=names[entry["dtype"]]).reshape(entry["shape"])
    return result


def array(value):
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)


def node_types(graph):
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from node_types(inner)


def scope(model):
    """Why a model does not count, or None."""
    others = sorted(set(node_types(model.graph)) - OPERATORS)
    if others:
        return "other ops"
    for value in list(model.graph.input) + list(model.graph.output):
        if value.type.WhichOneof("value") != "tensor_type" or value.type.tensor_type.elem_type not in TYPES:
            return "other types"
    return None


def difference(found, expected, rtol, atol):
    if found.dtype != expected.dtype:
        return f"is {found.dtype}, not {expected.dtype}"
    if found.shape != expected.shape:
        return f"is of shape {found.shape}, not {expected.shape}"
    if expected.dtype.kind in "biu":
        wrong = int((found != expected).sum())
        return f"differs in {wrong} of {expected.size} elements" if wrong else None
    a, b = found.astype(np.float64), expected.astype(np.float64)
    if np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True):
        return None
    return f"differs by up to {np.nanmax(np.abs(a - b)) if a.size else 0:.3g}"


@dataclasses.dataclass
class Case:
    name: str
    model: onnx.ModelProto
    sets: list  # of (inputs, outputs)
    rtol: float
    atol: float


def node_cases():
    for case in collect_testcases(None):
        yield Case(case.name, case.model, case.data_sets, case.rtol, case.atol)


def stored_cases():
    """The cases that the package holds as files: with data sets, or (the light models) with made-up inputs and the outputs beside the model."""
    for kind in ["simple", "pytorch-converted", "pytorch-operator"]:
        for case in load_model_tests(kind=kind):
            folder = pathlib.Path(case.model_dir)
            sets = [(stored_tensors(data, "input_"), stored_tensors(data, "output_")) for data in sorted(folder.glob("test_data_set_*"))]
            yield Case(case.name, onnx.load(str(folder / "model.onnx")), sets, case.rtol, case.atol)
    for case in load_model_tests(kind="real"):
        path = DATA / "light" / pathlib.Path(case.url).name
        model = onnx.load(str(path))
        inputs = []
        for value in given_inputs(model):
            shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
            count = int(np.prod(shape))
            inputs.append((np.arange(count).reshape(shape) / count).astype(np.float32))
        yield Case("light_" + case.model_name, model, [(inputs, stored_tensors(path.parent, f"{path.stem}_output_"))], case.rtol, case.atol)


def stored_tensors(folder, prefix):
    return [onnx.load_tensor(str(folder / f"{prefix}{i}.pb")) for i in range(len(list(folder.glob(f"{prefix}*.pb"))))]


def given_inputs(model):
    initialisers = {i.name for i in model.graph.initializer}
    return [i for i in model.graph.input if i.name not in initialisers]


def run(command, level, case, folder):
    """What is wrong with a case at a level, or None."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    names = [i.name for i in given_inputs(case.model)]
    for inputs, outputs in case.sets:
        write_tensors(folder / "in.safetensors", [(n, array(v)) for n, v in zip(names, inputs) if v is not None])
        result = subprocess.run(
            [command, "execute", "model.onnx", "--input", "in.safetensors", "--output", "out.safetensors", "--quiet", level],
            cwd=folder, capture_output=True, text=True, timeout=300)
        if result.returncode != 0:
            return (result.stderr.strip() or f"exit status {result.returncode}").replace("\n", " ")
        found = read_tensors(folder / "out.safetensors")
        for name, value in zip([o.name for o in case.model.graph.output], outputs):
            if name not in found:
                return f"no output '{name}'"
            wrong = difference(found[name], array(value), case.rtol, case.atol)
            if wrong:
                return f"output '{name}' {wrong}"
    return None


def known_failures():
    reasons = {}
    for line in (HERE / "known_failures.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, reason = line.split(None, 1)
            reasons[name] = reason
    return reasons


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", help="the built deblurdiff")
    parser.add_argument("-O", dest="levels", action="append", help="levels, 0 and 1 without it")
    parser.add_argument("--filter", default="", help="only cases with this in their names")
    parser.add_argument("--verbose", action="store_true", help="print each failure, known or not")
    options = parser.parse_args()
    command = str(pathlib.Path(options.command).resolve())

    cases, left_out = [], collections.Counter()
    for case in itertools.chain(node_cases(), stored_cases()):
        if options.filter not in case.name:
            continue
        reason = scope(case.model)
        if reason:
            left_out[reason] += 1
        else:
            cases.append(case)
    print(f"{len(cases)} cases; left out: " + ", ".join(f"{n} with {reason}" for reason, n in left_out.items()))
    known = known_failures()
    failed = False
    for level in options.levels or ["0", "1"]:
        with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(lambda c: run(command, f"-O{level}", c[1], pathlib.Path(folder) / str(c[0])), enumerate(cases)))
        wrong = {case.name: result for case, result in zip(cases, results) if result}
        share = 1 - len(wrong) / max(1, len(cases))
        new = {name: result for name, result in wrong.items() if name not in known}
        repaired = [case.name for case in cases if case.name in known and case.name not in wrong]
        print(f"-O{level}: {len(cases) - len(wrong)} of {len(cases)} pass ({100 * share:.1f} %)")
        for name, result in sorted((wrong if options.verbose else new).items()):
            print(f"  {name}: {result}")
        for name in repaired:
            print(f"  {name} passes, but stands in known_failures.txt")
        failed = failed or bool(new) or bool(repaired) or share < REQUIRED_SHARE
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
