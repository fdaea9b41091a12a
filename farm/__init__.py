"""ComfyUI servers: one started here or running anywhere, graphs run on them, and films made on several at once."""
