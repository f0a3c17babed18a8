#!/usr/bin/env python3
"""Metrics of `deblurdiff evaluate` beside references that other people wrote, over image pairs that are made here.

    check.py DEBLURDIFF

PSNR, SSIM and the Laplacian are scikit-image's; MS-SSIM is put together from scikit-image's SSIM. SSIMULACRA2 is that of the package ssimulacra2, with libjxl's blur in place of its
own. What needs programs that are no small packages was recorded with them, in recorded.json: SSIMULACRA2 by libjxl's tool `ssimulacra2`, NIQE by basicsr's niqe.py. Images are made of whole numbers by a frozen generator, so they are the same everywhere; a digest says so.

    check.py DEBLURDIFF --record SSIMULACRA2 BASICSR

records them again: a path of libjxl's tool, and the unpacked source of basicsr 1.4.2.
"""
import hashlib
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import types
import warnings

import numpy as np
import png
import ssimulacra2.ssimulacra2
from PIL import Image
from skimage import data
from skimage.color import rgb2ycbcr
from skimage.filters import laplace
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.transform import downscale_local_mean

RECORDED = pathlib.Path(__file__).with_name("recorded.json")
# libjxl blurs by a recursion in float32, whose errors show.
TOLERANCE = {"niqe": 0.01, "ssimulacra2 of libjxl": 0.01}


def photograph(name, height, width, bits):
    """Photographs that come with scikit-image, and a scene of edges and waves; whole numbers."""
    if name == "scene":
        y, x = np.mgrid[:height, :width]
        levels = (x * x // 37 + y * 5) % 256 * (1 + (x // 23 + y // 17) % 2) // 2
        image = np.stack([levels, (levels * 3 + x) % 256, (255 - levels + y // 2) % 256], 2)
    else:
        image = getattr(data, name)()
        image = image[:height, :width].astype(int)
        if image.ndim == 2:
            image = np.stack([image] * 3, 2)
    return image if bits == 8 else np.minimum(image * 257 + np.random.RandomState(5).randint(0, 256, image.shape), 65535)


def blurred(image, length):
    """Moved to the right while the shutter is open."""
    padded = np.pad(image, ((0, 0), (length, length), (0, 0)), "edge")
    total = sum(padded[:, k : k + image.shape[1]] for k in range(length // 2 + 1, length // 2 + 1 + length))
    return (total + length // 2) // length


def noisy(image, sigma, largest, seed):
    noise = np.random.RandomState(seed).randint(-1000, 1001, (6,) + image.shape).sum(0) * sigma // 1414
    return np.clip(image + noise, 0, largest)


def pairs():
    """Name, result, reference, bits, whether it is stored as grey."""
    def pair(name, photo, height, width, change, bits=8, gray=False):
        reference = photograph(photo, height, width, bits)
        if gray:
            reference = np.repeat(reference[..., 1:2], 3, 2)
        result = np.clip(change(reference), 0, 2**bits - 1)
        if gray:
            result = np.repeat(result[..., :1], 3, 2)
        return name, result, reference, bits, gray

    yield pair("blur", "astronaut", 512, 512, lambda i: blurred(i, 9))
    yield pair("blur-little", "astronaut", 512, 512, lambda i: blurred(i, 3))
    yield pair("blur-much", "astronaut", 512, 512, lambda i: blurred(i, 31))
    yield pair("noise", "astronaut", 512, 512, lambda i: noisy(i, 12, 255, 1))
    yield pair("noise-little", "astronaut", 512, 512, lambda i: noisy(i, 2, 255, 2))
    yield pair("blur-and-noise", "astronaut", 512, 512, lambda i: noisy(blurred(i, 7), 6, 255, 3))
    yield pair("darker", "astronaut", 512, 512, lambda i: i * 4 // 5)
    yield pair("odd", "chelsea", 299, 451, lambda i: blurred(i, 5))
    yield pair("odd-noise", "chelsea", 217, 333, lambda i: noisy(i, 20, 255, 4))
    yield pair("wide", "coffee", 193, 599, lambda i: noisy(blurred(i, 11), 3, 255, 5))
    yield pair("tall", "coffee", 399, 197, lambda i: blurred(i, 15))
    yield pair("cells", "immunohistochemistry", 427, 500, lambda i: blurred(i, 6))
    yield pair("gray", "camera", 512, 512, lambda i: blurred(i, 9), gray=True)
    yield pair("gray-odd", "camera", 301, 203, lambda i: noisy(i, 9, 255, 6), gray=True)
    yield pair("deep", "astronaut", 400, 300, lambda i: blurred(i, 9), bits=16)
    yield pair("deep-noise", "chelsea", 255, 257, lambda i: noisy(i, 900, 65535, 7), bits=16)
    yield pair("deep-gray", "camera", 256, 320, lambda i: blurred(i, 4), bits=16, gray=True)
    yield pair("scene", "scene", 240, 320, lambda i: blurred(i, 9))
    yield pair("scene-noise", "scene", 201, 263, lambda i: noisy(i, 30, 255, 8))
    yield pair("equal", "chelsea", 300, 400, lambda i: i)
    yield pair("flat", "astronaut", 200, 200, lambda i: i * 0 + 90)
    yield pair("flat-both", "scene", 32, 48, lambda i: i * 0 + 90)
    yield pair("small", "astronaut", 40, 23, lambda i: blurred(i, 3))
    yield pair("tiny", "astronaut", 9, 8, lambda i: noisy(i, 10, 255, 9))


def references(result, reference, bits):
    """By metric, on 0...255."""
    result, reference = (image / (257 if bits == 16 else 1) for image in (result, reference))
    luma = [rgb2ycbcr(image / 255)[..., 0] for image in (result, reference)]
    gaussian = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
    values = {}
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.simplefilter("ignore")
        values["psnr"] = peak_signal_noise_ratio(reference, result, data_range=255)
        values["psnr-y"] = peak_signal_noise_ratio(luma[1], luma[0], data_range=255)
    side = min(result.shape[:2])
    if side >= 11:
        values["ssim"] = structural_similarity(reference, result, channel_axis=2, **gaussian)
        values["ssim-y"] = structural_similarity(luma[1], luma[0], **gaussian)
    if side >= 176:
        product, (a, b) = 1.0, luma
        for scale, power in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
            # With so large a K1 brightness does not count.
            product *= max(structural_similarity(b, a, K1=0.01 if scale == 4 else 1e9, **gaussian), 0) ** power
            a, b = (downscale_local_mean(np.pad(p, [(0, n % 2) for n in p.shape], "edge"), (2, 2)) for p in (a, b))
        values["ms-ssim"] = product
    values["sharpness"] = laplace(gray(result))[1:-1, 1:-1].var()
    return values


def libjxl_blur(image):
    """What its recursion stands for: nine weights, and zeros around."""
    half = [0.2646211054881985, 0.2129285920104222, 0.1093353727774603, 0.0360111146583644, 0.00941436780965374]
    for axis in (0, 1):
        padded = np.moveaxis(np.pad(image, [(4, 4) if a == axis else (0, 0) for a in range(3)]), axis, 0)
        count = image.shape[axis]
        total = sum(half[abs(k)] * padded[4 + k : 4 + k + count] for k in range(-4, 5))
        image = np.moveaxis(total, 0, axis)
    return image


def gray(image):
    """MATLAB's rgb2gray."""
    return np.floor(image @ [0.298936021293775, 0.587043074451121, 0.114020904255103] + 0.5)


def digest(result, reference):
    return hashlib.sha256(b"".join(np.ascontiguousarray(image.astype("<u2")).tobytes() for image in (result, reference))).hexdigest()


def write(path, image, bits, is_gray):
    rows = (image[..., 0] if is_gray else image.reshape(len(image), -1)).tolist()
    with open(path, "wb") as file:
        png.Writer(image.shape[1], image.shape[0], greyscale=is_gray, bitdepth=bits).write(file, rows)


def basicsr_niqe(folder):
    """basicsr's own function, without the packages around it; imresize is Pillow's, which computes the same but at the edges."""

    def imresize(image, scale, antialiasing):
        return np.asarray(Image.fromarray(image.astype(np.float32)).resize([int(n * scale) for n in image.shape[::-1]], Image.Resampling.BICUBIC)).astype(float)

    def stub(name, **fields):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update(fields)

    registry = types.SimpleNamespace(register=lambda: lambda function: function)
    from scipy import ndimage
    for name in ["cv2", "basicsr", "basicsr.metrics", "basicsr.utils"]:
        stub(name)
    stub("scipy.ndimage.filters", convolve=ndimage.convolve)
    stub("basicsr.metrics.metric_util", reorder_image=None, to_y_channel=None)
    stub("basicsr.utils.matlab_functions", imresize=imresize)
    stub("basicsr.utils.registry", METRIC_REGISTRY=registry)
    spec = importlib.util.spec_from_file_location("niqe", pathlib.Path(folder) / "basicsr/metrics/niqe.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda image: module.calculate_niqe(image, 0, input_order="HW")


def main():
    command = sys.argv[1]
    ssimulacra2.ssimulacra2.blur_image = libjxl_blur
    recording = sys.argv[2:3] == ["--record"]
    recorded = {} if recording else json.loads(RECORDED.read_text())
    worst, failures, checks = {}, 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        (scratch / "results").mkdir()
        (scratch / "sharp").mkdir()
        made = {name: rest for name, *rest in pairs()}
        for name, (result, reference, bits, is_gray) in made.items():
            write(scratch / f"results/{name}.png", result, bits, is_gray)
            write(scratch / f"sharp/{name}.png", reference, bits, is_gray)
        if recording:
            niqe = basicsr_niqe(sys.argv[4])
            for name, (result, reference, bits, is_gray) in made.items():
                paths = [str(scratch / folder / f"{name}.png") for folder in ("sharp", "results")]
                said = subprocess.run([sys.argv[3], *paths], capture_output=True, text=True).stdout
                values = {"digest": digest(result, reference)}
                if min(result.shape[:2]) >= 8:
                    values["ssimulacra2 of libjxl"] = float(said.split()[0])
                if (result.shape[0] // 96) * (result.shape[1] // 96) >= 2 and not name.startswith("flat"):
                    values["niqe"] = niqe(gray(result / (257 if bits == 16 else 1)))
                recorded[name] = values
            RECORDED.write_text(json.dumps(recorded, indent=1) + "\n")
        done = subprocess.run(
            [command, "evaluate", "results", "--reference", "sharp", "--metric", "all", "--format", "json", "--quiet"], cwd=scratch, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        for photograph in json.loads(done.stdout)["folders"][0]["photographs"]:
            name = photograph["name"].removesuffix(".png")
            result, reference, bits, _ = made[name]
            known = dict(recorded[name])
            assert known.pop("digest") == digest(result, reference), f"{name}: the images are not those that were recorded"
            expected = references(result, reference, bits) | known
            # Of smaller images the package leaves out the last scale, other than libjxl.
            if bits == 8 and min(result.shape[:2]) > 224:
                paths = [scratch / f"{folder} {name}.png" for folder in ("sharp", "results")]
                for path, image in zip(paths, (reference, result)):
                    Image.fromarray(image.astype(np.uint8)).save(path)
                expected["ssimulacra2 of the package"] = ssimulacra2.ssimulacra2.compute_ssimulacra2(*paths)
            kinds = {metric.split()[0] for metric in expected}
            if kinds != set(photograph["values"]):
                failures += 1
                print(f"FAILED: {name}: measured {sorted(photograph['values'])}, not {sorted(kinds)}; {photograph['undefined']}")
            for metric in expected:
                value = float(photograph["values"].get(metric.split()[0], "nan"))
                error = 0 if value == expected[metric] else abs(value - expected[metric]) / max(abs(expected[metric]), 1e-6)
                worst[metric] = max(worst.get(metric, (0, "")), (error, name))
                checks += 1
                if not error <= TOLERANCE.get(metric, 1e-4):
                    failures += 1
                    print(f"FAILED: {name}: {metric} is {value}, not {expected[metric]}: {error:.1e}")
    for metric, (error, name) in sorted(worst.items()):
        print(f"  {metric:27} {error:.1e} at most{f' ({name})' if name else ''}")
    print(f"metrics: {checks - failures} passed, {failures} failed")
    sys.exit(failures > 0)


main()
