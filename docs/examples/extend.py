"""Four seconds more of a film, before or after it: `python extend.py FILM LONGER [forward|backward] [WEIGHTS]`."""

import sys
from pathlib import Path

from comfyui_longtake.cli.plan import RenderPlan, SamplerOptions
from comfyui_longtake.cli.render import render
from comfyui_longtake.media.read import probe
from comfyui_longtake.take.shots import ShotText
from rich.console import Console

film, longer, direction, *weights = [*sys.argv[1:3], *(sys.argv[3:] or ["forward"])]
info = probe(Path(film))
size, fps = (info.width, info.height), float(info.fps)
canvas = tuple(-(-side // 16) * 16 for side in size)  # what is sampled: whole latent cells
shots, frames = [ShotText("a red dog runs")], [round(4 * fps)]
sampler = SamplerOptions(weights=Path(weights[0]) if weights else None)
plan = RenderPlan("extend", shots, frames, size, canvas, fps, Path(longer), [Path(film)], sampler=sampler)
plan.backward = direction == "backward"
report = render(plan, Console(quiet=True))
print(f"{report['frames']} frames in {report['file']}")
