"""The rows of Docs/Quality.md. A new one is a line here."""
from typing import NamedTuple


class Row(NamedTuple):
    name: str
    options: str = ""  # of `deblurdiff run`
    drawn: bool = False  # as a line of the first plot; all are points of the second
    in_table: bool = False  # a column of the first table


STANDARD = "as it comes"

# By heading.
ROWS = {
    "Arithmetic": [
        Row(STANDARD, drawn=True, in_table=True),
        Row("int16", "--precision int16", in_table=True),
    ],
    "Steps and samplers": [
        Row("1 step", "--steps 1", drawn=True, in_table=True),
        Row("3 steps", "--steps 3"),
        Row("4 steps", "--steps 4", drawn=True, in_table=True),
        Row("8 steps", "--steps 8", drawn=True),
        Row("ddim", "--sampler ddim"),
        Row("dpm++2m-sde, 4 steps", "--sampler dpm++2m-sde --steps 4"),
        Row("unipc, 4 steps", "--sampler unipc --steps 4 --better-start"),
        Row("heun, 3 steps", "--sampler heun --steps 3"),
        Row("restart, 7 steps", "--sampler restart --steps 7"),
    ],
    "Presets, and what steps leave out": [
        Row("high", "--preset high"),
        Row("fast", "--preset fast"),
        Row("8 steps, forecast", "--steps 8 --forecast 2"),
        Row("8 steps, kernels kept", "--steps 8 --reuse lkpn:3"),
        Row("8 steps, encoder kept", "--steps 8 --reuse lkpn:3,control_net:3,encoder:3"),
        Row("8 steps, all kept", "--steps 8 --reuse lkpn:3,control_net:3,encoder:3,decoder:3"),
    ],
    "Options": [
        Row("blend 0.5", "--blend 0.5", drawn=True, in_table=True),
        Row("only if blurred", "--only-if-blurred"),
        Row("better start", "--better-start"),
        Row("tiles of 256", "--tiled --tile-size 256 --tile-stride 128"),
        Row("guidance 0.1", "--g-scale 0.1"),
        Row("strength 0.5", "--strength 0.5"),
    ],
}
