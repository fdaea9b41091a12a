"""How frames are made: timeline, roles, frame order, noise matrices, the denoiser protocol, windows and queue. Torch alone."""
