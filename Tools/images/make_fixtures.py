#!/usr/bin/env python3
"""Makes Tests/ImagesTests/Fixtures and the beginnings of fuzz_images in Tools/fuzz/corpus/images: tiny photographs of the formats that the tests cannot write themselves.

    PYTHONPATH=.build/python-images Tools/images/make_fixtures.py TESTS_FOLDER CORPUS_FOLDER
"""
import io
import pathlib
import struct
import sys

import numpy as np
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()

tests, corpus = map(pathlib.Path, sys.argv[1:3])
for folder in (tests, corpus):
    folder.mkdir(parents=True, exist_ok=True)

# Red, green, blue and white quarters: each is known wherever it comes out.
pixels = np.zeros((16, 24, 3), np.uint8)
pixels[:8, :12], pixels[:8, 12:], pixels[8:, :12], pixels[8:, 12:] = [200, 30, 30], [30, 160, 40], [40, 50, 190], [240, 240, 240]
image = Image.fromarray(pixels)
rgba = image.copy()
rgba.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 24).astype(np.uint8), (16, 1))))
exif = b"MM\0*\0\0\0\x08\0\x03\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x01\x31\0\x02\0\0\0\x05\0\0\0\x32\x87\x69\0\x04\0\0\0\x01\0\0\0\x38\0\0\0\0test\0\0"
exif += b"\0\x02\x90\x03\0\x02\0\0\0\x14\0\0\0\x56\xa0\x02\0\x04\0\0\0\x01\0\0\0\x18\0\0\0\0" + b"2024:05:06 07:08:09\0"
xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" ' \
      b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'


def save(folder, name, picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    (folder / name).write_bytes(buffer.getvalue())


tagged = pillow_heif.from_pillow(image)
tagged.info["exif"], tagged.info["xmp"] = exif, xmp
buffer = io.BytesIO()
tagged.save(buffer, quality=95, chroma=444)
for folder in (tests, corpus):
    (folder / "quarters.heic").write_bytes(buffer.getvalue())
    save(folder, "quarters.avif", rgba, "AVIF", quality=95, subsampling="4:4:4", exif=b"Exif\0\0" + exif)
    save(folder, "ink.jpg", image.convert("CMYK"), "JPEG", quality=95, subsampling=0)
    save(folder, "progressive.jpg", image, "JPEG", quality=95, subsampling=0, progressive=True, exif=b"Exif\0\0" + exif)
    save(folder, "ink.tif", image.convert("CMYK"), "TIFF", compression="tiff_lzw")
    save(folder, "fax.tif", image.convert("1"), "TIFF", compression="group4")
    save(folder, "jpeg.tif", image, "TIFF", compression="jpeg")
ten = pillow_heif.from_bytes("RGB;16", (24, 16), (pixels.astype(np.uint16) * 257).tobytes())
ten.save(corpus / "ten.heic", quality=90)
save(corpus, "baseline.jpg", image, "JPEG", exif=b"Exif\0\0" + exif)
save(corpus, "gray.jpg", image.convert("L"), "JPEG")
save(corpus, "palette.tif", image.quantize(8), "TIFF", compression="packbits")
save(corpus, "alpha.tif", rgba, "TIFF", compression="tiff_adobe_deflate")
save(corpus, "zstd.tif", image, "TIFF", compression="zstd")
save(corpus, "lossy.webp", rgba, "WEBP", quality=80, exif=b"Exif\0\0" + exif, xmp=xmp)
save(corpus, "lossless.webp", image, "WEBP", lossless=True)
save(corpus, "palette.png", image.quantize(8), "PNG")
save(corpus, "alpha.png", rgba, "PNG", exif=b"Exif\0\0" + exif)
