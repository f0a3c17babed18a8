"""Reading and writing of images [1, 3, h, w] in 0...1."""
import numpy
import torch
from PIL import Image


def read(place):
    """The image of a file, or (name, image) of each PNG in a folder."""
    if place.is_dir():
        return [(file.stem, read(file)) for file in sorted(place.glob("*.png"))]
    return torch.tensor(numpy.asarray(Image.open(place).convert("RGB"))).permute(2, 0, 1)[None].float() / 255


def bytes_of(image):
    """Height x width x 3 bytes, cut off as the program does."""
    return (image[0].clamp(0, 1) * 255).byte().permute(1, 2, 0).numpy()


def write(image, file):
    Image.fromarray(bytes_of(image)).save(file)
