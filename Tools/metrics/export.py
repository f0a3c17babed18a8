#!/usr/bin/env python3
"""Exports metrics that are networks to ONNX, for `deblurdiff evaluate --metric NAME=FILE.onnx`.

    export.py lpips -o lpips.onnx [--net alex|vgg|squeeze]      with the package lpips
    export.py NAME -o NAME.onnx [--size 512x512]                with the package pyiqa: dists, musiq, maniqa, clipiqa, ...

LPIPS and DISTS were tried, with random weights; MUSIQ, MANIQA and CLIP-IQA were not. Both packages load their weights, which must be there or within reach of the network, and have licences of their own (pyiqa's forbids commercial use).

The graph's inputs are the image, and the reference of a metric that has one: float32 [1, 3, height, width], sRGB in 0...1. Its output is one number. LPIPS and DISTS take images of
any size; the others are traced at one size, 512 x 512 without --size, and take images of that size only. Needs torch and onnx.
"""
import argparse
import inspect
import pathlib
import warnings

import torch


class Metric(torch.nn.Module):
    """A network between images in 0...1 and one number."""

    def __init__(self, network, **options):
        super().__init__()
        self.network, self.options = network, options

    def forward(self, image, reference=None):
        images = (image,) if reference is None else (image, reference)
        return self.network(*images, **self.options).reshape(1)


def export(metric, path, has_reference, size=(128, 160), is_dynamic=True):
    names = ["image", "reference"][: 1 + has_reference]
    images = tuple(torch.rand(1, 3, *size) for _ in names)
    axes = {name: {2: "height", 3: "width"} for name in names} if is_dynamic else None
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(metric.eval(), images, str(path), opset_version=17, dynamo=False, input_names=names, output_names=["value"], dynamic_axes=axes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    parser.add_argument("--net", default="alex")
    parser.add_argument("--size", default="512x512", help="width x height")
    arguments = parser.parse_args()
    if arguments.name == "lpips":
        import lpips

        # normalize: from 0...1 to the -1...1 that the network takes.
        return export(Metric(lpips.LPIPS(net=arguments.net, verbose=False), normalize=True), arguments.output, True)
    import pyiqa

    metric = pyiqa.create_metric(arguments.name, device="cpu")
    width, height = map(int, arguments.size.split("x"))
    has_reference = metric.metric_mode == "FR"
    is_dynamic = has_reference
    options = {"return_mos": True} if "return_mos" in inspect.signature(metric.net.forward).parameters else {}
    export(Metric(metric.net, **options), arguments.output, has_reference, (height, width), is_dynamic)


if __name__ == "__main__":
    main()
