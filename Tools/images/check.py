#!/usr/bin/env python3
"""Photographs of every format, made and read back by other programs (Pillow, pillow-heif, pypng, tifffile).

    check.py COPY_PHOTO DEBLURDIFF MODEL

COPY_PHOTO does to a photograph what `deblurdiff run` does, without the networks, so that what comes back must be what went in. Needs what requirements.txt lists.
"""
import io
import itertools
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

import numpy as np
import pillow_heif
import png
import tifffile
from PIL import Image, ImageCms, ImageOps, IptcImagePlugin

pillow_heif.register_heif_opener()

COPY, DEBLURDIFF, MODEL = sys.argv[1:4]
WRITABLE = ["png", "jpg", "tif", "webp"]
failures = 0
checks = 0


def expect(condition, what):
    global failures, checks
    checks += 1
    if not condition:
        failures += 1
        print(f"FAILED: {what}")


def copy(source, target, *options, says=None):
    done = subprocess.run([COPY, str(source), str(target), *options], capture_output=True, text=True)
    expect(done.returncode == 0, f"{source.name} to {target.name}: {done.stderr.strip()}")
    if says is not None:
        expect(says in done.stdout, f"{source.name}: warns of '{says}', not '{done.stdout.strip()}'")
    else:
        expect(done.stdout == "", f"{source.name}: warns: {done.stdout.strip()}")
    return target


def refuse(source, words, *options):
    done = subprocess.run([COPY, str(source), str(source.with_suffix(".out.png")), *options], capture_output=True, text=True)
    expect(done.returncode == 1 and words in done.stderr, f"{source.name} is refused with '{words}', not {done.returncode}: {done.stderr.strip()}")


def pixels(path):
    """As other programs see it, 8 bits, without any turning."""
    with Image.open(path) as image:
        image.load()
        return np.asarray(image if image.mode in ("L", "LA", "RGB", "RGBA") else image.convert("RGB")).astype(int)


def deep(path):
    """Samples of 16 bits, H x W x channels."""
    if path.suffix == ".png":
        width, height, rows, info = png.Reader(filename=str(path)).asDirect()
        expect(info["bitdepth"] == 16, f"{path.name} has 16 bits")
        return np.vstack([np.asarray(row, np.int64) for row in rows]).reshape(height, width, -1)
    data = tifffile.imread(path).astype(np.int64)
    return data if data.ndim == 3 else data[:, :, None]


def near(a, b, levels, what):
    a, b = np.squeeze(a), np.squeeze(b)
    expect(a.shape == b.shape and np.abs(a - b).max() <= levels,
           f"{what}: shapes {a.shape} {b.shape}" + (f", off by {np.abs(a - b).max()}" if a.shape == b.shape else ""))


def psnr(a, b):
    return 10 * np.log10(255 ** 2 / max(1e-9, np.mean((a - b) ** 2.0))) if a.shape == b.shape else 0


def scene(width=96, height=64, channels=3):
    """Smooth colours with an edge; each corner is told apart."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    planes = [120 + 100 * np.sin(x / 17 + c) * np.cos(y / 13 - c) for c in range(channels)]
    image = np.clip(np.stack(planes, -1), 0, 255)
    image[:12, :20] = [250, 20, 30, 200][:channels]
    return image.round().astype(np.uint8)


# Profiles, made here so that no other program's are needed.

def icc(primaries, gamma, space=b"RGB ", white=(0.3127, 0.3290)):
    def xyz(x, y):
        return np.array([x / y, 1, (1 - x - y) / y])
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    d50 = np.array([0.9642, 1, 0.8249])
    adapt = np.linalg.inv(bradford) @ np.diag((bradford @ d50) / (bradford @ xyz(*white))) @ bradford

    def number(value):
        return struct.pack(">i", round(value * 65536))
    curve = b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + b"".join(map(number, [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045])) if gamma is None else \
        b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"Test\0" + b"\0" * 79, b"cprt": b"text\0\0\0\0CC0\0", b"wtpt": b"XYZ \0\0\0\0" + b"".join(map(number, d50))}
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        matrix = np.stack([xyz(*p) for p in primaries], 1)
        matrix = adapt @ (matrix * np.linalg.solve(matrix, xyz(*white)))
        for name, column in zip("rgb", matrix.T):
            tags[name.encode() + b"XYZ"] = b"XYZ \0\0\0\0" + b"".join(map(number, column))
            tags[name.encode() + b"TRC"] = curve
    table, data, start = b"", b"", 132 + 12 * len(tags)
    for name, value in tags.items():
        value += b"\0" * (-len(value) % 4)
        table += name + struct.pack(">II", start + len(data), len(value))
        data += value
    body = struct.pack(">I", len(tags)) + table + data
    head = struct.pack(">I4sI4s4s4s", 128 + len(body), b"test", 0x04000000, b"mntr", space, b"XYZ ") + b"\0" * 12 + b"acsp" + b"\0" * 28
    head += b"".join(map(number, d50)) + b"\0" * (128 - len(head) - 12)
    return head + body


P3 = icc([(0.680, 0.320), (0.265, 0.690), (0.150, 0.060)], None)
ADOBE = icc([(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)], 2.19921875)
PROPHOTO = icc([(0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)], 1.8, white=(0.3457, 0.3585))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GRAY = icc(None, 1.8, b"GRAY")


def exif_bytes(orientation=1, width=4000, height=3000, thumbnail=True, order=">", note=b"note with \0 and offsets"):
    """Big-endian as cameras often write it, with a maker's note, a place, and a thumbnail."""
    def directory(entries, start, follow=0):
        head, values = struct.pack(order + "H", len(entries)), b""
        at = start + 2 + 12 * len(entries) + 4
        for tag, kind, count, value in entries:
            head += struct.pack(order + "HHI", tag, kind, count)
            if len(value) <= 4:
                head += value + b"\0" * (4 - len(value))
            else:
                head += struct.pack(order + "I", at + len(values))
                values += value + b"\0" * (len(value) % 2)
        return head + struct.pack(order + "I", follow) + values

    def text(tag, value):
        return (tag, 2, len(value) + 1, value.encode() + b"\0")

    def short(tag, value):
        return (tag, 3, 1, struct.pack(order + "H", value))

    def long(tag, value):
        return (tag, 4, 1, struct.pack(order + "I", value))
    first = [text(0x10f, "Maker"), text(0x110, "Model Nine"), short(0x112, orientation), text(0x132, "2024:05:06 07:08:09"), text(0x13b, "A. Photographer"),
             text(0x8298, "(c) A. Photographer")]
    inner = [(0x829a, 5, 1, struct.pack(order + "II", 1, 125)), text(0x9003, "2024:05:06 07:08:09"), (0x927c, 7, len(note), note), long(0xa002, width), long(0xa003, height)]
    degrees = struct.pack(order + "IIIIII", 48, 1, 8, 1, 15, 1)
    place = [text(1, "N"), (2, 5, 3, degrees), text(3, "E"), (4, 5, 3, degrees)]
    size = len(directory(first + [long(0x8769, 0), long(0x8825, 0)], 8))
    exif_at = 8 + size
    gps_at = exif_at + len(directory(inner, exif_at))
    second_at = gps_at + len(directory(place, gps_at))
    first = sorted(first + [long(0x8769, exif_at), long(0x8825, gps_at)])
    picture = b"\xff\xd8" + b"thumb" * 100 + b"\xff\xd9"
    second = [long(0x201, 0), long(0x202, len(picture))]
    picture_at = second_at + len(directory(second, second_at))
    second = [long(0x201, picture_at), long(0x202, len(picture))]
    result = (b"MM" if order == ">" else b"II") + struct.pack(order + "HI", 42, 8) + directory(first, 8, second_at if thumbnail else 0)
    result += directory(inner, exif_at) + directory(place, gps_at)
    return result + (directory(second, second_at) + picture if thumbnail else b"")


XMP = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" tiff:Orientation="6">
<dc:creator><rdf:Seq><rdf:li>A. Photographer</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
IPTC = b"\x1c\x02\x05\x00\x05Title\x1c\x02\x50\x00\x0fA. Photographer"


def insert_segments(jpeg, *segments):
    return jpeg[:2] + b"".join(struct.pack(">BBH", 0xff, marker, len(data) + 2) + data for marker, data in segments) + jpeg[2:]


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(array, compression=1, tile=None, photometric=None, planar=1, extra=None, order="<", orientation=None):
    """Files that Pillow does not write: 16 bits in colour, tiles, planes one by one."""
    array = np.asarray(array)
    height, width = array.shape[:2]
    channels = array.shape[2] if array.ndim == 3 else 1
    array = array.reshape(height, width, channels)
    bits = array.dtype.itemsize * 8
    stored = array.astype(array.dtype.newbyteorder(order))
    planes = [stored] if planar == 1 else [stored[:, :, c:c + 1] for c in range(channels)]
    blocks = []
    for plane in planes:
        if tile:
            for y, x in itertools.product(range(0, height, tile), range(0, width, tile)):
                block = np.zeros((tile, tile, plane.shape[2]), plane.dtype)
                part = plane[y:y + tile, x:x + tile]
                block[:part.shape[0], :part.shape[1]] = part
                blocks.append(block)
        else:
            blocks += [plane[y:y + 10] for y in range(0, height, 10)]
    data = [block.tobytes() for block in blocks]
    if compression == 8:
        data = [zlib.compress(block) for block in data]
    entries = {256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * channels), 259: (3, [compression]), 262: (3, [photometric if photometric is not None else 2 if channels >= 3 else 1]),
               277: (3, [channels]), 284: (3, [planar])}
    if orientation:
        entries[274] = (3, [orientation])
    if extra is not None:
        entries[338] = (3, [extra])
    if tile:
        entries |= {322: (4, [tile]), 323: (4, [tile]), 324: (4, [0] * len(data)), 325: (4, [len(d) for d in data])}
    else:
        entries |= {273: (4, [0] * len(data)), 278: (4, [10]), 279: (4, [len(d) for d in data])}
    size = 8 + 2 + 12 * len(entries) + 4
    out = 0
    for kind, values in entries.values():
        length = len(values) * (2 if kind == 3 else 4)
        out += length + length % 2 if length > 4 else 0
    place, places = size + out, []
    for block in data:
        places.append(place)
        place += len(block)
    entries[324 if tile else 273] = (4, places)
    head, values_at, extra_bytes = struct.pack(order + "H", len(entries)), size, b""
    for tag in sorted(entries):
        kind, values = entries[tag]
        value = struct.pack(order + str(len(values)) + ("H" if kind == 3 else "I"), *values)
        head += struct.pack(order + "HHI", tag, kind, len(values))
        if len(value) <= 4:
            head += value + b"\0" * (4 - len(value))
        else:
            head += struct.pack(order + "I", values_at + len(extra_bytes))
            extra_bytes += value + b"\0" * (len(value) % 2)
    return (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8) + head + b"\0\0\0\0" + extra_bytes + b"".join(data)


def reading(folder):
    """Every kind of file is read as another program reads it."""
    rgb = Image.fromarray(scene())
    gray = rgb.convert("L")
    rgba = Image.fromarray(scene(channels=4), "RGBA")
    lossless = {
        "rgb.png": encoded(rgb, "PNG"), "gray.png": encoded(gray, "PNG"), "rgba.png": encoded(rgba, "PNG"), "palette.png": encoded(rgb.quantize(64), "PNG"),
        "rgba.webp": encoded(rgba, "WEBP", lossless=True, exact=True), "rgb.webp": encoded(rgb, "WEBP", quality=90),
        "one.tif": encoded(gray.point(lambda v: 255 * (v > 120)).convert("1"), "TIFF"),
        "fax.tif": encoded(gray.point(lambda v: 255 * (v > 120)).convert("1"), "TIFF", compression="group4"),
        "palette.tif": encoded(rgb.quantize(64), "TIFF"), "gray.tif": encoded(gray, "TIFF"), "rgba.tif": encoded(rgba, "TIFF"),
        "tiles.tif": tiff(scene(), tile=32), "planes.tif": tiff(scene(), planar=2, compression=8), "big-endian.tif": tiff(scene(), order=">"),
        "tiles-planes.tif": tiff(scene(), tile=16, planar=2), "white.tif": tiff(255 - np.asarray(gray), photometric=0),
        "baseline.jpg": encoded(rgb, "JPEG", quality=90), "progressive.jpg": encoded(rgb, "JPEG", quality=90, progressive=True),
        "full.jpg": encoded(rgb, "JPEG", quality=90, subsampling=0), "gray.jpg": encoded(gray, "JPEG"),
    }
    for compression in ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma"]:
        try:
            lossless[f"{compression}.tif"] = encoded(rgb, "TIFF", compression=compression)
        except Exception as error:
            print(f"(Pillow does not write TIFF with {compression}: {error})")
    for name, data in lossless.items():
        source = folder / name
        source.write_bytes(data)
        wanted = pixels(source) if name != "white.tif" else np.asarray(gray).astype(int)
        if name.startswith(("one", "fax")):
            wanted = np.asarray(Image.open(source).convert("L")).astype(int)
        if name == "tiff_jpeg.tif" or name.startswith("jpeg"):
            expect(psnr(pixels(copy(source, folder / f"{name}.png")), wanted) > 40, f"{name} as Pillow reads it")
            continue
        near(pixels(copy(source, folder / f"{name}.png")), wanted, 2 if name.endswith("jpg") else 1, f"{name} as Pillow reads it")
    # Ink: Adobe's programs store it the other way round, and Pillow writes as they do.
    ink = rgb.convert("CMYK")
    for name, data in {"cmyk.jpg": encoded(ink, "JPEG", quality=97, subsampling=0), "cmyk.tif": encoded(ink, "TIFF")}.items():
        (folder / name).write_bytes(data)
        near(pixels(copy(folder / name, folder / f"{name}.png")), np.asarray(rgb).astype(int), 12, f"{name}: ink becomes the colours that it was made of")
    # libheif and libaom of other versions.
    for name, data in {"a.heic": encoded(rgb, "HEIF", quality=95), "alpha.heic": encoded(rgba, "HEIF", quality=95), "a.avif": encoded(rgb, "AVIF", quality=95, subsampling="4:4:4"),
                       "alpha.avif": encoded(rgba, "AVIF", quality=95, subsampling="4:4:4")}.items():
        (folder / name).write_bytes(data)
        result, wanted = pixels(copy(folder / name, folder / f"{name}.png")), pixels(folder / name)
        expect(psnr(result, wanted) > 40, f"{name} as Pillow reads it: {psnr(result, wanted):.1f} dB")
    # What files are is told by their bytes.
    (folder / "really.jpg").write_bytes(lossless["rgb.png"])
    near(pixels(copy(folder / "really.jpg", folder / "really.png")), np.asarray(rgb).astype(int), 1, "a PNG file by the name of .jpg")


def writing(folder):
    """Every format that is written is what it says, with what it can hold."""
    source = folder / "w.png"
    rgba = scene(channels=4)
    Image.fromarray(rgba, "RGBA").save(source)
    kinds = {"png": "PNG", "jpg": "JPEG", "tif": "TIFF", "webp": "WEBP"}
    for ending in WRITABLE:
        result = copy(source, folder / f"w2.{ending}")
        with Image.open(result) as image:
            expect(image.format == kinds[ending], f"{result.name} is {image.format}")
            expect(image.mode == ("RGB" if ending == "jpg" else "RGBA"), f"{result.name} has the mode {image.mode}")
            expect(psnr(np.asarray(image)[:, :, :3].astype(int), rgba[:, :, :3].astype(int)) > 37, f"{result.name} looks like its source")
            if ending != "jpg":
                expect((np.asarray(image)[:, :, 3] == rgba[:, :, 3]).all(), f"{result.name} has the same opacity")
            if ending == "jpg":
                expect(image.layer[0][1:3] == (1, 1), "JPEG is 4:4:4")
                reference = Image.open(io.BytesIO(encoded(Image.fromarray(rgba[:, :, :3]), "JPEG", quality=95)))
                expect(image.quantization == reference.quantization, "JPEG has quality 95")
        again = copy(source, folder / f"w3.{ending}")
        expect(again.read_bytes() == result.read_bytes(), f"{ending}: the same bytes again")
    near(pixels(copy(source, folder / "exact.webp", "--quality", "100")), rgba.astype(int), 1, "WebP of quality 100 has no loss")
    expect(copy(source, folder / "q50.jpg", "--quality", "50").stat().st_size < (folder / "w2.jpg").stat().st_size, "--quality acts")
    gray = folder / "g.png"
    Image.fromarray(scene()[:, :, 0]).save(gray)
    for ending in WRITABLE:
        with Image.open(copy(gray, folder / f"g2.{ending}")) as image:
            expect(image.mode == ("RGB" if ending == "webp" else "L"), f"grey as {ending} has the mode {image.mode}")


def orientation(folder):
    """Each of the eight, in each format that says so: upright afterwards, and not turned again."""
    image = Image.fromarray(scene())
    for turn in range(1, 9):
        data = exif_bytes(turn, *image.size)
        sources = {"jpg": encoded(image, "JPEG", quality=98, subsampling=0, exif=b"Exif\0\0" + data), "png": encoded(image, "PNG", exif=b"Exif\0\0" + data),
                   "webp": encoded(image, "WEBP", lossless=True, exif=b"Exif\0\0" + data), "tif": tiff(scene(), orientation=turn)}
        for ending, source_data in sources.items():
            source = folder / f"turn{turn}.{ending}"
            source.write_bytes(source_data)
            with Image.open(source) as original:
                wanted = np.asarray(ImageOps.exif_transpose(original)).astype(int)
            for target in WRITABLE if ending == "jpg" else [ending]:
                result = copy(source, folder / f"turned{turn}-{ending}.{target}")
                with Image.open(result) as upright:
                    upright.load()
                    expect(upright.getexif().get(0x112, 1) == 1, f"{result.name} says that it is upright")
                    if ending != "tif":
                        inner = upright.getexif().get_ifd(0x8769)
                        expect((inner.get(0xa002), inner.get(0xa003)) == upright.size, f"{result.name}: the size in EXIF is {inner.get(0xa002)}")
                    shown = np.asarray(ImageOps.exif_transpose(upright)).astype(int)
                expect(psnr(shown, wanted) > 33, f"{result.name} is upright: {psnr(shown, wanted):.1f} dB, {shown.shape} {wanted.shape}")
    # HEIF's own transformations are applied by the library, and the tag beside them is not applied again.
    heif = pillow_heif.from_pillow(image)
    heif.info["exif"] = exif_bytes(6, *image.size)
    heif.save(folder / "turn.heic", quality=95)
    with Image.open(folder / "turn.heic") as original:
        wanted = np.asarray(original).astype(int)
    expect(psnr(pixels(copy(folder / "turn.heic", folder / "turn-heic.png")), wanted) > 38, "HEIC is turned once")


def colors(folder):
    """Patches in wide colour spaces come back within a level; the networks see sRGB."""
    levels = [0, 1, 8, 64, 128, 200, 254, 255]
    patches = np.array(list(itertools.product(levels, levels, levels)), np.uint8).reshape(16, 32, 3)
    patches = patches.repeat(2, 0).repeat(2, 1)
    image = Image.fromarray(patches)
    for name, profile in {"p3": P3, "adobe": ADOBE, "prophoto": PROPHOTO}.items():
        for ending, options in {"png": {}, "tif": {}, "webp": {"lossless": True, "exact": True}}.items():
            source = folder / f"{name}.{ending}"
            source.write_bytes(encoded(image, {"tif": "TIFF"}.get(ending, ending.upper()), icc_profile=profile, **options))
            result = copy(source, folder / f"{name}-back.{ending}", "--quality", "100")
            near(pixels(result), patches.astype(int), 1, f"{name} in {ending} comes back")
            with Image.open(result) as back:
                expect(back.info.get("icc_profile") == profile, f"{name} in {ending} keeps its profile")
        source = folder / f"{name}.jpg"
        source.write_bytes(encoded(image, "JPEG", quality=98, subsampling=0, icc_profile=profile))
        with Image.open(copy(source, folder / f"{name}-back.jpg", "--quality", "100")) as back:
            expect(back.info.get("icc_profile") == profile, f"{name} in JPEG keeps its profile")
            expect(np.abs(np.asarray(back).astype(int) - pixels(source)).max() <= 3, f"{name} in JPEG comes back")
        seen = deep(copy(folder / f"{name}.png", folder / f"{name}-planes.png", "--planes")) / 257
        transform = ImageCms.buildTransform(ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), "RGB", "RGB", 1)
        wanted = np.asarray(ImageCms.applyTransform(image, transform)).astype(int)
        expect(np.abs(seen - wanted).max() <= 1.6, f"{name}: the networks see sRGB, off by {np.abs(seen - wanted).max():.2f}")
    # sRGB by its profile takes the way of no profile, bit for bit.
    (folder / "plain.png").write_bytes(encoded(image, "PNG"))
    (folder / "srgb.png").write_bytes(encoded(image, "PNG", icc_profile=SRGB))
    plain, same = (pixels(copy(folder / name, folder / f"{name}.out.png")) for name in ("plain.png", "srgb.png"))
    expect((plain == same).all(), "a profile of sRGB changes nothing")
    # A grey profile.
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 256).repeat(4, 0)
    (folder / "ramp.png").write_bytes(encoded(Image.fromarray(ramp), "PNG", icc_profile=GRAY))
    result = copy(folder / "ramp.png", folder / "ramp-back.png")
    near(pixels(result), ramp.astype(int), 1, "a grey profile comes back")
    with Image.open(result) as back:
        expect(back.mode == "L" and back.info.get("icc_profile") == GRAY, "a grey profile is kept")
    # A profile that is none.
    for data in [b"garbage" * 40, P3[:200], P3[:128] + bytes(len(P3) - 128), GRAY]:
        (folder / "bad.jpg").write_bytes(encoded(image, "JPEG", quality=95, icc_profile=data))
        with Image.open(copy(folder / "bad.jpg", folder / "bad-out.jpg", says="its colour profile is ignored")) as back:
            expect("icc_profile" not in back.info, "a profile that is none is left out")
    # HEIC and AVIF with nothing but a code for Display P3.
    for ending, kind in [("avif", "AVIF")]:
        (folder / f"wide.{ending}").write_bytes(encoded(image, kind, quality=100, subsampling="4:4:4", icc_profile=P3))
        with Image.open(copy(folder / f"wide.{ending}", folder / f"wide-{ending}.jpg")) as back:
            expect(back.info.get("icc_profile") == P3, f"{ending} keeps its profile")


def depth(folder):
    """16 bits stay 16, to the level of 65535."""
    rng = np.random.default_rng(1)
    for channels in [1, 2, 3, 4]:
        values = rng.integers(0, 65536, (20, 30, channels), dtype=np.uint16)
        values[0, :4, :] = np.array([0, 1, 65534, 65535], np.uint16)[:, None]
        source = folder / f"deep{channels}.png"
        with open(source, "wb") as file:
            png.Writer(30, 20, greyscale=channels < 3, alpha=channels % 2 == 0, bitdepth=16).write(file, values.reshape(20, -1))
        (folder / f"deep{channels}.tif").write_bytes(tiff(values, extra=2 if channels % 2 == 0 else None, order=">" if channels == 3 else "<", tile=16 if channels == 4 else None))
        for first in ["png", "tif"]:
            for second in ["png", "tif"]:
                near(deep(copy(folder / f"deep{channels}.{first}", folder / f"deep{channels}-{first}.{second}")), values.astype(np.int64), 1,
                     f"16 bits, {channels} channels, {first} to {second}")
    with open(folder / "deep-wide.png", "wb") as file:
        writer = png.Writer(30, 20, greyscale=False, bitdepth=16)
        writer.write(file, rng.integers(0, 65536, (20, 90), dtype=np.uint16))
    data = (folder / "deep-wide.png").read_bytes()
    body = b"P3\0\0" + zlib.compress(P3)
    chunk = struct.pack(">I", len(body)) + b"iCCP" + body + struct.pack(">I", zlib.crc32(b"iCCP" + body))
    (folder / "deep-wide.png").write_bytes(data[:33] + chunk + data[33:])
    near(deep(copy(folder / "deep-wide.png", folder / "deep-wide-back.png")), deep(folder / "deep-wide.png"), 8, "16 bits in P3")
    # Ten bits of HEIC become sixteen.
    wide = pillow_heif.from_bytes("RGB;16", (96, 64), (np.repeat(scene().astype(np.uint16), 1) * 257).tobytes())
    wide.save(folder / "ten.heic", quality=-1)
    result = deep(copy(folder / "ten.heic", folder / "ten.png"))
    expect(psnr(result / 257, scene().astype(float)) > 40, f"HEIC of more than 8 bits: {psnr(result / 257, scene().astype(float)):.1f} dB")


def metadata(folder):
    """EXIF, XMP and IPTC from each format to each, as far as they can hold them."""
    image = Image.fromarray(scene())
    data = exif_bytes(1, *image.size)
    resources = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC + b"\0" * (len(IPTC) % 2)
    (folder / "m.jpg").write_bytes(insert_segments(encoded(image, "JPEG", quality=95, dpi=(300, 300)), (0xe1, b"Exif\0\0" + data), (0xe1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
                                                   (0xed, b"Photoshop 3.0\0" + resources)))
    heif = pillow_heif.from_pillow(image)
    heif.info["exif"], heif.info["xmp"] = data, XMP
    heif.save(folder / "m.heic", quality=90)
    (folder / "m.avif").write_bytes(encoded(image, "AVIF", exif=data, xmp=XMP))
    for ending in ["png", "tif", "webp"]:
        copy(folder / "m.jpg", folder / f"m.{ending}")
    for source, target in itertools.product(["jpg", "png", "tif", "webp", "heic", "avif"], WRITABLE):
        result = copy(folder / f"m.{source}", folder / f"m-{source}.{target}")
        what = f"{source} to {target}"
        with Image.open(result) as back:
            back.load()
            exif = back.getexif()
            expect(exif.get(0x8298) == "(c) A. Photographer" and exif.get(0x13b) == "A. Photographer" and exif.get(0x110) == "Model Nine", f"{what}: {dict(exif)}")
            inner = exif.get_ifd(0x8769)
            expect(inner.get(0x9003) == "2024:05:06 07:08:09" and abs(inner.get(0x829a, 0) - 1 / 125) < 1e-9, f"{what}: {inner}")
            expect(inner.get(0x927c) == b"note with \0 and offsets", f"{what}: the maker's note is {inner.get(0x927c)}")
            place = exif.get_ifd(0x8825)
            expect(place.get(1) == "N" and [float(v) for v in place.get(2, [])] == [48, 8, 15], f"{what}: {place}")
            expect(not exif.get_ifd(1), f"{what}: the thumbnail is gone")
            xmp = back.info.get("xmp") or back.info.get("XML:com.adobe.xmp") or (back.tag_v2.get(700) if target == "tif" else None) or b""
            xmp = xmp if isinstance(xmp, bytes) else xmp.encode()
            expect(b"A. Photographer" in xmp and b'tiff:Orientation="1"' in xmp, f"{what}: XMP is {xmp[:80]}")
            if target in ("jpg", "tif") and source in ("jpg", "png", "tif"):
                record = IptcImagePlugin.getiptcinfo(back) or {}
                expect(record.get((2, 80)) == b"A. Photographer" and record.get((2, 5)) == b"Title", f"{what}: IPTC is {record}")
            if target == "png" and source in ("jpg", "png", "tif"):
                expect(IPTC.hex() in "".join(back.info.get("Raw profile type iptc", "").split()), f"{what}: IPTC is there")
            if source in ("jpg", "tif", "png") and target != "webp":
                expect(abs(float(back.info.get("dpi", (0, 0))[0]) - 300) < 0.1, f"{what}: {back.info.get('dpi')} dots an inch")
        bare = copy(folder / f"m.{source}", folder / f"bare-{source}.{target}", "--strip-metadata")
        expect(not any(word in bare.read_bytes() for word in [b"Photographer", b"Maker", b"xmpmeta"]), f"{what}: --strip-metadata")
    # All bytes of the EXIF data but those that must change are as they were.
    turned = exif_bytes(6, 96, 64, thumbnail=False)
    (folder / "bytes.jpg").write_bytes(insert_segments(encoded(image, "JPEG"), (0xe1, b"Exif\0\0" + turned)))
    with Image.open(copy(folder / "bytes.jpg", folder / "bytes-out.jpg")) as back:
        now = back.info["exif"][6:]
    expect(now == exif_bytes(1, 64, 96, thumbnail=False), "EXIF data change in orientation and size alone")
    # Another reader of all of them, where it is there.
    if subprocess.run(["sh", "-c", "command -v exiftool"], capture_output=True).returncode == 0:
        names = [str(folder / f"m-jpg.{target}") for target in WRITABLE]
        for told in json.loads(subprocess.run(["exiftool", "-json", "-n", *names], capture_output=True, text=True).stdout):
            what = f"exiftool of {told['SourceFile']}"
            expect(told.get("Copyright") == "(c) A. Photographer" and abs(told.get("GPSLatitude", 0) - 48.1375) < 1e-4 and told.get("Creator") == "A. Photographer"
                   and told.get("DateTimeOriginal") == "2024:05:06 07:08:09" and told.get("Orientation", 1) == 1 and told.get("Warning", "[minor]").startswith("[minor]"), f"{what}: {told}")


def restoring(folder):
    """The command, with a model: what it writes says how it was made."""
    source = folder / "m.jpg"
    for ending in WRITABLE:
        target = folder / f"restored.{ending}"
        run = [DEBLURDIFF, "run", str(source), "-o", str(target), "--model", MODEL, "--steps", "1", "--quiet"]
        done = subprocess.run(run, capture_output=True, text=True)
        expect(done.returncode == 0, f"{target.name}: {done.stderr}")
        with Image.open(target) as back:
            back.load()
            expect(back.size == (96, 64), f"{target.name} has the size {back.size}")
            exif = back.getexif()
            expect(exif.get(0x131, "").startswith("deblurdiff ") and exif.get(0x8298) == "(c) A. Photographer", f"{target.name}: {dict(exif)}")
            xmp = back.info.get("xmp") or back.info.get("XML:com.adobe.xmp") or (back.tag_v2.get(700) if ending == "tif" else None) or b""
            xmp = xmp.decode() if isinstance(xmp, bytes) else xmp
        for words in ['deblurdiff:Seed="231"', "--steps 1", "deblurdiff:ModelSHA256=", "A. Photographer"]:
            expect(words in xmp, f"{target.name}: '{words}' is in its XMP")
        told = json.loads(subprocess.run([DEBLURDIFF, "inspect", str(target), "--json"], capture_output=True, text=True).stdout)
        expect(told["restoration"]["seed"] == 231 and told["artist"] == "A. Photographer" and told["hasPosition"], f"inspect tells of {target.name}: {told}")
    (folder / "out").mkdir(exist_ok=True)
    done = subprocess.run([DEBLURDIFF, "run", str(folder / "m.heic"), "-o", str(folder / "out"), "--model", MODEL, "--steps", "1", "--quiet"], capture_output=True, text=True)
    expect(done.returncode == 0 and Image.open(folder / "out/m.jpg").format == "JPEG", f"HEIC becomes JPEG: {done.stderr}")


def refusals(folder):
    """What is no photograph, or promises more than it is."""
    image = Image.fromarray(scene())
    files = {"jpg": encoded(image, "JPEG"), "tif": encoded(image, "TIFF", compression="tiff_lzw"), "webp": encoded(image, "WEBP"), "png": encoded(image, "PNG"),
             "heic": encoded(image, "HEIF"), "avif": encoded(image, "AVIF")}
    for ending, data in files.items():
        path = folder / f"cut.{ending}"
        for share in [0.3, 0.6, 0.9]:
            path.write_bytes(data[:int(len(data) * share)])
            refuse(path, "damaged")
        path = folder / f"small.{ending}"
        path.write_bytes(data)
        refuse(path, "too large: 96 x 64", "--max-pixels", "6143")
    # A size of terabytes, in a few bytes.
    head = files["jpg"]
    at = head.index(b"\xff\xc0")
    (folder / "vast.jpg").write_bytes(head[:at + 5] + b"\xff\xdc\xff\xdc" + head[at + 9:])
    refuse(folder / "vast.jpg", "too large: 65500 x 65500")
    (folder / "vast2.jpg").write_bytes(head[:at + 5] + b"\x30\x00\x30\x00" + head[at + 9:])
    refuse(folder / "vast2.jpg", "too short")
    for name, size in {"vast.tif": (0xffffffff, 0xffffffff), "vast2.tif": (14000, 14000)}.items():
        data = bytearray(tiff(scene()))
        for tag, value in zip([256, 257], size):
            place = data.index(struct.pack("<HHI", tag, 4, 1)) + 8
            data[place:place + 4] = struct.pack("<I", value)
        (folder / name).write_bytes(data)
        refuse(folder / name, "too large" if name == "vast.tif" else "damaged")
    data = files["webp"]
    body = struct.pack("<I", 0x10) + b"\xff\xff\xff" * 2
    chunks = b"VP8X" + struct.pack("<I", 10) + body + data[12:]
    (folder / "vast.webp").write_bytes(b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks)
    refuse(folder / "vast.webp", "")
    Image.fromarray(scene()).save(folder / "moving.webp", save_all=True, append_images=[Image.fromarray(255 - scene())])
    refuse(folder / "moving.webp", "several pictures")
    (folder / "float.tif").write_bytes(encoded(image.convert("F"), "TIFF"))
    refuse(folder / "float.tif", "")
    # EXIF that lies: loops, offsets out of the data, counts beyond measure. The picture is still read.
    lies = [exif_bytes()[:20], b"MM\0*\0\0\0\x08\xff\xff", exif_bytes()[:-300], b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\xf0\xff\xff\xff\x08\0\0\0",
            exif_bytes().replace(struct.pack(">HHI", 0x8769, 4, 1), struct.pack(">HHI", 0x8769, 4, 1)[:8])[:8] + exif_bytes()[8:]]
    for index, lie in enumerate(lies):
        path = folder / f"lie{index}.jpg"
        path.write_bytes(insert_segments(files["jpg"], (0xe1, b"Exif\0\0" + lie)))
        done = subprocess.run([COPY, str(path), str(folder / "lie-out.jpg")], capture_output=True, text=True)
        expect(done.returncode == 0, f"EXIF that lies, {index}: {done.stderr}")
        with Image.open(folder / "lie-out.jpg") as back:
            expect(back.size == (96, 64), "a picture with EXIF that lies")


with tempfile.TemporaryDirectory() as scratch:
    for part in [reading, writing, orientation, colors, depth, metadata, restoring, refusals]:
        before = checks
        part(pathlib.Path(scratch))
        print(f"{part.__name__}: {checks - before} checks")
print(f"{checks} checks, {failures} failed")
sys.exit(failures > 0)
