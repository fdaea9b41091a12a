"""LongTake: one prompt, or a list of shots, becomes one coherent take.

As a folder under ComfyUI's custom_nodes/ it is a node pack (`comfy_entrypoint`), installed by pip a library and the
command `longtake`; the nodes are imported only when ComfyUI asks for them.
"""

from typing import Any

__version__ = "0.1.0"
WEB_DIRECTORY = "./js"


async def comfy_entrypoint() -> Any:
    """The extension ComfyUI registers."""
    from .nodes import LongTakeExtension

    return LongTakeExtension()
