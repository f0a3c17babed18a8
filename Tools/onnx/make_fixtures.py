#!/usr/bin/env python3
"""Writes the PyTorch exports that Tests/ONNXTests read: small networks, as the exporters write them, without their weights.

    make_fixtures.py SEEDED_CHECKPOINT [--only NAME]

SEEDED_CHECKPOINT is the tool of that name (swift build --product seeded-checkpoint). Each export's weights, which are the seeded ones, are external data; beside
it lies a list of them in their order, so that the tests can make them again: the tensor's key, and whether it was transposed.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy
import onnx
import torch
import yaml
from onnx import numpy_helper
from safetensors.numpy import load_file

import export_torch
from deblurdiff_torch import DeblurDiff

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests/ONNXTests/Fixtures"
SIZE = 64
# Exporter, opset, whether attention is written as primitives, whether constants are folded.
VARIANTS = {
    "tracing17": ("tracing", 17, False, True),
    "tracing14": ("tracing", 14, True, False),
    "dynamo18": ("dynamo", 18, False, True),
    "dynamo20": ("dynamo", 20, True, True),
}
# The large ones in two variants only.
NETWORKS = {network: list(VARIANTS) for network in ["text_encoder", "vae_encoder", "vae_decoder", "eac", "control_net"]}
NETWORKS |= {"lkpn": ["tracing14", "dynamo20"], "unet": ["tracing17", "dynamo18"], "step": ["tracing17", "dynamo18"]}


def tensors(model):
    """All places where a graph holds a tensor."""
    for initializer in model.graph.initializer:
        yield initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t


def strip(path, weights):
    """Makes weights external data and removes what only exporters read. Returns the list of weights."""
    model = onnx.load(path)
    known = {}
    for key, value in weights.items():
        # Several may be equal in shape and values, but not seeded ones.
        known[value.tobytes(), value.size] = (key, False)
        if value.ndim == 2:
            known[value.T.copy().tobytes(), value.size] = (key, True)
    listed, offset = [], 0
    for tensor in tensors(model):
        value = numpy_helper.to_array(tensor)
        found = known.get((value.tobytes(), value.size)) if value.dtype == numpy.float32 and value.size > 8 else None
        if found is None:
            continue
        for field in ["raw_data", "float_data"]:
            tensor.ClearField(field)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, content in [("location", "weights"), ("offset", str(offset)), ("length", str(value.nbytes))]:
            tensor.external_data.add(key=key, value=content)
        listed.append([found[0], found[1]])
        offset += value.nbytes
    model.ClearField("metadata_props")
    model.graph.ClearField("metadata_props")
    model.graph.ClearField("value_info")
    for function in model.functions:
        function.ClearField("metadata_props")
    for node in model.graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    for value in list(model.graph.input) + list(model.graph.output) + list(model.graph.initializer):
        value.ClearField("metadata_props")
        value.ClearField("doc_string")
    shorten_names(model.graph)
    onnx.save(model, path)
    return listed


def shorten_names(graph):
    """Most of what an exporter writes are paths of modules."""
    names = {value.name: value.name for value in list(graph.input) + list(graph.output)}
    names[""] = ""

    def short(name):
        return names.setdefault(name, f"v{len(names)}")

    for initializer in graph.initializer:
        initializer.name = short(initializer.name)
    for node in graph.node:
        node.ClearField("name")
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeded_checkpoint")
    parser.add_argument("--only", default="", help="the beginning of the names to write")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    path = FOLDER / "networks.yaml"
    config = yaml.safe_load(open(path))
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as checkpoint:
        subprocess.run([options.seeded_checkpoint, checkpoint.name, "--config", path], check=True, stdout=subprocess.DEVNULL)
        weights = load_file(checkpoint.name)
    model = DeblurDiff(config).load({key: torch.tensor(value) for key, value in weights.items()}).eval()
    fused = export_torch.deblurdiff_torch.F.scaled_dot_product_attention
    for network, variants in NETWORKS.items():
        for variant in variants:
            name = f"{network}.{variant}"
            if not name.startswith(options.only):
                continue
            exporter, opset, primitives, folds = VARIANTS[variant]
            export_torch.deblurdiff_torch.F.scaled_dot_product_attention = export_torch.primitive_attention if primitives else fused
            signature = export_torch.signature(network, model, config, SIZE, SIZE)
            target = FOLDER / f"{name}.onnx"
            export_torch.export(signature, target, exporter, opset, folds)
            listed = strip(target, weights)
            (FOLDER / f"{name}.json").write_text(json.dumps(listed, separators=(",", ":")) + "\n")
            print(name, target.stat().st_size, len(listed))


if __name__ == "__main__":
    main()
