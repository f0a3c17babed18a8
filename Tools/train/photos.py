#!/usr/bin/env python3
"""Fetches the free photographs that the small model is trained and tested on, out of Debian's packages and scikit-image.

    photos.py FOLDER

writes FOLDER/train/NAME.jpg, photographs of at most 1536 pixels a side (some 40 MB in all, to be carried to where an accelerator is), and FOLDER/held-out/NAME-{sharp,blurred}.png, pairs of 512 x 512 pixels (less where
a photograph is smaller) that are the same at every run. Whole photographs are held out. Needs apt-get (with Debian 12's packages) and dpkg.
"""
import argparse
import pathlib
import subprocess

import numpy
import torch
from PIL import Image

import blur

LONGEST = 1536  # at their full size most photographs are soft themselves
HELD_OUT_SIDE = 512

# Package: folder inside it, and its photographs. Drawings and renderings in the same packages are left out.
PACKAGES = {
    "lomiri-wallpapers-16.04": (
        "usr/share/backgrounds",
        [
            "Bridge_by_Sander_Klootwijk.jpg", "Dragonfly_by_Bolly.jpg", "Picture_0B_by_freespace.jpg", "Picture_1A_by_freespace.jpg",
            "Wine_by_Jakkub_Mede.jpg", "aitzgorri_by_Aitzol_Berasategi.jpg", "free_by_Peter_Nerlich.jpg", "friends_by_Aitzol_Berasategi.jpg",
            "greentock_by_Peter_Nerlich.jpg", "life_by_Aitzol_Berasategi.jpg", "picosdeeuropa_by_Aitzol_Berasategi.jpg",
            "seeding_by_Clements_Engelhardt.jpg", "sunset_by_Aitzol_Berasategi.jpg",
        ],
    ),
    "lomiri-wallpapers-20.04": ("usr/share/backgrounds", ["Kleiber_by_Lukas_Baubkus.jpg"]),
    "lxqt-themes": (
        "usr/share/lxqt/wallpapers",
        [
            "Butterfly-Kenneth-Wimer.jpg", "Valendas.png", "after-the-rain.jpg", "appleflower.png", "beam.png", "butterfly.png", "cloud.png", "drop.png",
            "flowers.png", "fog.jpg", "this-is-not-windows.jpg",
        ],
    ),
    "mate-backgrounds": (
        "usr/share/backgrounds/mate/nature",
        [
            "Aqua.jpg", "Blinds.jpg", "Dune.jpg", "FreshFlower.jpg", "Garden.jpg", "GreenMeadow.jpg", "LadyBird.jpg", "RainDrops.jpg", "Storm.jpg",
            "TwoWings.jpg", "Wood.jpg", "YellowFlower.jpg",
        ],
    ),
    "plasma-workspace-wallpapers": (
        "usr/share/wallpapers",
        [
            f"{name}/contents/images/2560x1600.jpg"
            for name in [
                "BytheWater", "ColorfulCups", "DarkestHour", "EveningGlow", "FallenLeaf", "Grey", "Kite", "OneStandsOut", "Path", "summer_1am",
            ]
        ],
    ),
    "libjxl-testdata": (
        "usr/share/libjxl-testdata",
        [
            "jxl/flower/flower.png", "external/wesaturate/500px/cvo9xd_keong_macan_srgb8.png", "external/wesaturate/500px/tmshre_riaphotographs_srgb8.png",
            "external/wesaturate/500px/u76c0g_bliznaca_srgb8.png",
        ],
    ),
}
SCIKIT_IMAGE = ["astronaut", "chelsea", "coffee", "rocket"]

HELD_OUT = ["Picture_1A_by_freespace", "friends_by_Aitzol_Berasategi", "life_by_Aitzol_Berasategi", "Valendas", "EveningGlow", "FallenLeaf", "chelsea", "coffee"]


def name_of(path):
    parts = pathlib.PurePath(path).parts
    return parts[0] if "contents" in parts else pathlib.PurePath(path).stem


def packages(folder):
    """Names and photographs of the packages, which are downloaded where they are not there yet."""
    for package, (place, files) in PACKAGES.items():
        root = folder / "packages" / package
        if not root.exists():
            download = folder / "download" / package
            download.mkdir(parents=True, exist_ok=True)
            subprocess.run(["apt-get", "download", "-q", package], cwd=download, check=True)
            (deb,) = download.glob("*.deb")
            subprocess.run(["dpkg", "-x", deb.resolve(), root.resolve()], check=True)
            deb.unlink()
        for file in files:
            yield name_of(file), Image.open(root / place / file)


def scikit_image():
    import skimage.data

    for name in SCIKIT_IMAGE:
        yield name, Image.fromarray(getattr(skimage.data, name)())


def shrunk(photo, longest):
    scale = longest / max(photo.size)
    if scale >= 1:
        return photo
    return photo.resize([round(side * scale) for side in photo.size], Image.Resampling.LANCZOS)


def held_out(photo, number):
    """The middle of a shrunk photograph, and the same blurred: (sharp, blurred), bytes of HWC."""
    scale = min(1, 1.3 * HELD_OUT_SIDE / min(photo.size))
    photo = photo.resize([round(side * scale) for side in photo.size], Image.Resampling.LANCZOS)
    pixels = torch.tensor(numpy.asarray(photo)).permute(2, 0, 1)[None].float() / 255
    generator = torch.Generator().manual_seed(1000 + number)
    kernels = torch.tensor(blur.kernel_bank(2, seed=5000 + number, extent=(8 + 2 * (number % 4), 10 + 2 * (number % 4))))
    blurred = blur.blurred(pixels, kernels[:1], kernels[1:], slice(int(number % 4 == 3)), generator=generator)
    sharp = pixels[..., blur.MARGIN : -blur.MARGIN, blur.MARGIN : -blur.MARGIN]
    noisy = blur.jpeg(blur.noisy(blurred, torch.full([1], 1.5 / 255), generator), torch.full([1], 92.0))

    def middle(image):
        height, width = image.shape[2:]
        rows, columns = min(HELD_OUT_SIDE, height // 64 * 64), min(HELD_OUT_SIDE, width // 64 * 64)
        top, left = (height - rows) // 2, (width - columns) // 2
        part = image[0, :, top : top + rows, left : left + columns]
        return (part.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()

    return middle(sharp), middle(noisy)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    for part in ["train", "held-out"]:
        (folder / part).mkdir(parents=True, exist_ok=True)
    pixels = 0
    for name, photo in [*packages(folder), *scikit_image()]:
        photo = photo.convert("RGB")
        if name in HELD_OUT:
            for kind, image in zip(["sharp", "blurred"], held_out(photo, HELD_OUT.index(name))):
                Image.fromarray(image).save(folder / "held-out" / f"{name}-{kind}.png")
        else:
            photo = shrunk(photo, LONGEST)
            photo.save(folder / "train" / f"{name}.jpg", quality=95, subsampling=0)
            pixels += photo.width * photo.height
    print(f"{len(list((folder / 'train').iterdir()))} photographs to train on, {pixels / 1e6:.1f} megapixels; {len(HELD_OUT)} held out")


if __name__ == "__main__":
    main()
