"""A prompt to a film, with the library alone: `python render.py PROMPT FILE [WEIGHTS]`."""

import sys
from pathlib import Path

from comfyui_longtake.engine.settings import Settings
from comfyui_longtake.engine.take import sample
from comfyui_longtake.media.write import open_writer
from comfyui_longtake.models.box import box_denoiser, decode_stream
from comfyui_longtake.models.load import load_bundle
from comfyui_longtake.take.operations import film
from comfyui_longtake.take.shots import ShotText

prompt, file, *weights = sys.argv[1:]
bundle = load_bundle(weights=Path(weights[0]) if weights else None)
can = bundle.capability  # what the model is best sampled with
take = film(can, [ShotText(prompt)], [32], (can.channels, 160 // can.spatial, 256 // can.spatial), seed=1)
states, empty = bundle.states([prompt, ""])
denoiser = box_denoiser(bundle, [states], empty, fps=can.fps, cfg=can.cfg, order=1, device="cpu")
chunks = (chunk.latents for chunk in sample(take.request, denoiser, Settings.of(can)))
with open_writer(Path(file), 256, 160, can.fps) as writer:
    for frames in decode_stream(bundle.vae, chunks):  # a few at a time: memory does not grow with the length
        writer.write(frames)
print(f"{writer.frames} frames in {file}")
