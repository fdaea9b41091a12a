"""Latents to a finished video file in the host's output folder, and the VIDEO that stands for it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import comfy.utils
import folder_paths
from comfy.cli_args import args
from comfy_api.latest import InputImpl, io, ui
from torch import Tensor

from ..errors import UsageError
from ..media import mark
from ..media.codecs import codecs
from ..media.write import open_writer
from .decode import decode
from .latents import video
from .reels import ReelFile

log = logging.getLogger(__name__)
MARK_KEY = "longtake"


def place(prefix: str, width: int, height: int) -> tuple[Path, str, str, int]:
    """Folder, its name below the output folder, file name and number for a new file. Raises UsageError."""
    try:
        folder, name, number, below, _ = folder_paths.get_save_image_path(
            prefix, folder_paths.get_output_directory(), width, height
        )
    except Exception as error:
        raise UsageError(f"filename_prefix {prefix!r}: it leads out of the output folder; give a plain name") from error
    return Path(folder), below, name, number


def save(
    vae: Any, latent: dict[str, Any] | ReelFile | None, fps: float, prefix: str, *, codec: str, crf: int, marked: bool,
    prompt: Any = None, extra: dict[str, Any] | None = None,
) -> tuple[Any, Any]:  # fmt: skip
    """Decode a LATENT or a reel to a file and give (VIDEO, preview).

    The file has the graph that made it in its metadata and an invisible mark. Raises UsageError, ReelError, MediaError.
    """
    if latent is None:
        raise UsageError("reel: Long Take kept none; give it the name of a reel, or connect its LATENT")
    channels = getattr(vae, "latent_channels", None)
    chunks: Iterable[Tensor]
    if isinstance(latent, ReelFile):
        chunks, shape = latent.chunks(), latent.shape
        if channels not in (None, shape[0]):
            raise UsageError(f"reel: {shape[0]} channels, this model has {channels}; it is of another family")
    else:
        samples = video(latent, channels=channels)
        chunks, shape = [samples], (samples.shape[1], samples.shape[2], samples.shape[3], samples.shape[4])
    length, spatial = shape[1], vae.spacial_compression_decode()
    size = (shape[3] * spatial, shape[2] * spatial)
    offered = codecs()
    if codec not in offered or codec == "png":
        raise UsageError(f"codec {codec!r}: this machine writes {', '.join(c for c in offered if c != 'png')}")
    folder, below, name, number = place(prefix, *size)
    suffix = offered[codec][0]
    path = folder / f"{name}_{number:05}_{suffix}"
    tags = mark.metadata(_texts(prompt), 0, "ComfyUI graph") if marked else {}
    if not args.disable_metadata:
        tags |= {"prompt": prompt, **(extra or {})}
    bar = comfy.utils.ProgressBar(length)
    with open_writer(path, *size, fps, codec=codec, metadata=tags, crf=crf) as writer:

        def put(frames: Tensor) -> None:
            writer.write(mark.embed(frames, MARK_KEY) if marked else frames)

        decode(vae, chunks, length, put, lambda done: bar.update_absolute(done, length))
    log.info("%s: %d frames", path, writer.frames)
    shown = ui.PreviewVideo([ui.SavedResult(path.name, below, io.FolderType.output)])
    return InputImpl.VideoFromFile(str(path)), shown


def _texts(prompt: Any) -> list[str]:
    """Texts of the graph's text encode nodes, longest first: what the record calls the prompt."""
    nodes = prompt.values() if isinstance(prompt, dict) else ()
    found = {n["inputs"]["text"] for n in nodes if isinstance(n, dict) and isinstance(n.get("inputs", {}).get("text"), str)}
    return sorted(filter(None, found), key=len, reverse=True)
