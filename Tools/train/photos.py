#!/usr/bin/env python3
"""Fetches the free photographs that the small model is trained and tested on, out of Debian's packages and scikit-image.

    photos.py FOLDER

writes FOLDER/train/NAME.jpg, photographs of at most 1536 pixels a side and some pages of text (some 25 MB in all, to be carried to where an accelerator is), and
FOLDER/held-out/NAME.png, the sharp middles of whole photographs that are held out; with --held-out-only no others. Needs apt-get (with Debian 12's packages) and dpkg.
"""
import argparse
import pathlib
import subprocess

import numpy
from PIL import Image, ImageDraw, ImageFont

LONGEST = 1536  # at their full size most photographs are soft themselves
HELD_OUT_SIDE = 512
MARGIN = 16  # blurring takes so many pixels off each side, as blur.py says; that needs PyTorch, and this does not
TEXT_PAGES = 4

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


def packages(folder, wanted):
    """Names and photographs of the packages, which are downloaded where they are not there yet."""
    for package, (place, files) in PACKAGES.items():
        files = [file for file in files if wanted(name_of(file))]
        if not files:
            continue
        root = folder / "packages" / package
        if not root.exists():
            download = folder / "download" / package
            download.mkdir(parents=True, exist_ok=True)
            subprocess.run(["apt-get", "download", "-q", package], cwd=download, check=True)
            (deb,) = download.glob("*.deb")
            root.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["dpkg", "-x", deb.resolve(), root.resolve()], check=True)
            deb.unlink()
        for file in files:
            yield name_of(file), Image.open(root / place / file)


def scikit_image(wanted):
    import skimage.data

    for name in filter(wanted, SCIKIT_IMAGE):
        yield name, Image.fromarray(getattr(skimage.data, name)())


def shrunk(photo, longest):
    scale = longest / max(photo.size)
    if scale >= 1:
        return photo
    return photo.resize([round(side * scale) for side in photo.size], Image.Resampling.LANCZOS)


def held_out(photo):
    """The middle of a shrunk photograph: HELD_OUT_SIDE pixels a side, or as many as there are, and the margin that blurring takes."""
    photo = shrunk(photo, round(1.3 * HELD_OUT_SIDE * max(photo.size) / min(photo.size)))
    width, height = (min(HELD_OUT_SIDE, (side - 2 * MARGIN) // 64 * 64) + 2 * MARGIN for side in photo.size)
    left, top = (photo.width - width) // 2, (photo.height - height) // 2
    return photo.crop((left, top, left + width, top + height))


def text_page(number):
    """Lines of random letters in several sizes and colours, as photographs of signs and pages have them."""
    random = numpy.random.default_rng(number)
    colour = lambda: tuple(int(value) for value in random.integers(0, 256, 3))
    page = Image.new("RGB", (1024, 768), colour())
    draw = ImageDraw.Draw(page)
    top = 8
    while top < page.height:
        size = int(random.integers(12, 64))
        letters = random.choice(list("abcdefghijklmnopqrstuvwxyz     ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?&"), 120)
        if random.random() < 0.3:
            draw.rectangle((0, top, page.width, top + 1.3 * size), colour())
        draw.text((8, top), "".join(letters), colour(), ImageFont.load_default(size))
        top += round(1.3 * size)
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--held-out-only", action="store_true")
    choices = parser.parse_args()
    folder = choices.folder
    for part in ["train", "held-out"]:
        (folder / part).mkdir(parents=True, exist_ok=True)
    pixels = 0
    pages = [] if choices.held_out_only else [(f"text{number}", text_page(number)) for number in range(TEXT_PAGES)]
    wanted = lambda name: name in HELD_OUT or not choices.held_out_only
    for name, photo in [*packages(folder, wanted), *scikit_image(wanted), *pages]:
        photo = photo.convert("RGB")
        if name in HELD_OUT:
            held_out(photo).save(folder / "held-out" / f"{name}.png")
        else:
            photo = shrunk(photo, LONGEST)
            photo.save(folder / "train" / f"{name}.jpg", quality=95, subsampling=0)
            pixels += photo.width * photo.height
    print(f"{len(list((folder / 'train').iterdir()))} photographs to train on, {pixels / 1e6:.1f} megapixels; {len(HELD_OUT)} held out")


if __name__ == "__main__":
    main()
