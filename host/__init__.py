"""The only room that knows ComfyUI: our nets as its MODEL, CLIP and VAE, and its models as our samplers."""
