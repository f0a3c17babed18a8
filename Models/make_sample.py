#!/usr/bin/env python3
"""Makes sample.png: python3 make_sample.py (needs scikit-image 0.26, SciPy and Pillow)"""
import numpy as np
import skimage.data
from PIL import Image
from scipy.ndimage import convolve

random = np.random.default_rng(231)

# The photograph, cut to 4:3 and shrunk, in linear light: that is where a camera adds up what it sees.
sharp = Image.fromarray(skimage.data.coffee()).crop((20, 0, 553, 400)).resize((256, 192), Image.Resampling.LANCZOS)
light = (np.asarray(sharp) / 255.0) ** 2.2

# The camera's way during the exposure: it moves on in a direction that drifts.
place, heading, way = np.zeros(2), 0.6, []
for _ in range(2000):
    heading += 0.03 * random.standard_normal()
    place = place + 0.0065 * np.array([np.cos(heading), np.sin(heading)])
    way.append(place)
way = np.array(way) - (np.max(way, axis=0) + np.min(way, axis=0)) / 2

# Its trace on a grid of pixels, each point shared among its four neighbours.
kernel = np.zeros((25, 25))
for x, y in way:
    column, row = int(np.floor(x)), int(np.floor(y))
    for dy, fy in ((0, 1 - (y - row)), (1, y - row)):
        for dx, fx in ((0, 1 - (x - column)), (1, x - column)):
            kernel[12 + row + dy, 12 + column + dx] += fx * fy
kernel /= kernel.sum()

blurred = np.stack([convolve(light[..., c], kernel, mode="reflect") for c in range(3)], axis=-1).clip(0, 1) ** (1 / 2.2)
noisy = blurred + random.normal(0, 1 / 255, blurred.shape)
Image.fromarray((noisy.clip(0, 1) * 255 + 0.5).astype(np.uint8)).save("sample.png", optimize=True)
