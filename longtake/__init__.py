"""The long-take engine: timeline, noise matrix, sampler, windows, takes, metrics and the reel. Pure torch, no host."""
