"""What is on a reel, finished or not: `python read_reel.py REEL`, a folder that `longtake render --reel` or Long Take has made."""

import sys

from comfyui_longtake.reel.store import Reel

folder = sys.argv[1]
reel = Reel.peek(folder)  # reads reel.json, takes no lock: a take can be read while it is made
print(f"{reel['header']['model']}, {'finished' if reel['finished'] else 'not finished'}")
for segment in reel["segments"]:
    if segment["key"] in reel["order"]:  # the others are of earlier versions of the take
        latents = Reel.read(folder, segment)  # [1, channels, latent frames, height, width], checked against its hash
        indices = segment["meta"]["indices"]
        print(f"latent frames {indices[0]} to {indices[-1]}: {tuple(latents.shape)}, deviation {latents.std():.2f}")
