"""Latents to a finished video file in the host's output folder, and the VIDEO that stands for it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import comfy.utils
import folder_paths
from comfy.cli_args import args
from comfy_api.latest import io, ui
from torch import Tensor

from ..errors import MediaError, RefusedError, UsageError
from ..media import mark
from ..media.codecs import codecs
from ..media.disclosure import Disclosure, Film, discard
from ..media.write import open_writer
from ..metrics.joins import JoinFrames
from . import guarding, signing
from .codec import HostCodec
from .decoded import DecodedTake, as_bytes, decoded_of
from .latents import joins_in, space_of_vae, video
from .reels import ReelFile

log = logging.getLogger(__name__)


def place(prefix: str, width: int, height: int) -> tuple[Path, str, str, int]:
    """Folder, its name below the output folder, file name and number for a new file. Raises UsageError for a name that is
    not allowed, MediaError where the folder cannot be made or read."""
    shown = f"filename_prefix {prefix[:60]!r}"
    if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", prefix):
        raise UsageError(f"{shown}: it holds characters that file names cannot have; give a plain name")
    try:
        folder, name, number, below, _ = folder_paths.get_save_image_path(
            prefix, folder_paths.get_output_directory(), width, height
        )
    except PermissionError as error:
        raise MediaError(f"{shown}: its folder may not be written to; change its rights, or give another name") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise MediaError(f"{shown}: a file stands where its folder is to be; give another name") from error
    except OSError as error:  # disk full, name too long, drive gone
        raise MediaError(f"{shown}: its folder cannot be made or read: {error.strerror or error}; give another name") from error
    except Exception as error:  # the host has no class of its own for it
        raise UsageError(f"{shown}: it leads out of the output folder; give a plain name") from error
    return Path(folder), below, name, number


def save(
    vae: Any,
    latent: dict[str, Any] | ReelFile | None,
    fps: float,
    prefix: str,
    *,
    codec: str,
    crf: int,
    disclosure: Disclosure,
    prompt: Any = None,
    extra: dict[str, Any] | None = None,
    node: str | None = None,
) -> tuple[Any, Any]:
    """Decode a LATENT or a reel to a file and give (VIDEO, preview).

    The file has the graph that made it in its metadata, and says by `disclosure` that a model made it; what the graph loads for
    `node` is an ingredient of its signature. Raises UsageError, ReelError, MediaError, RefusedError.
    """
    if latent is None:
        raise UsageError("reel: Long Take kept none; give it the name of a reel, or connect its LATENT")
    if vae is None:
        raise UsageError("vae: none; this checkpoint holds none, load the one that belongs to the video model")
    decoder = HostCodec(vae)
    chunks, shape, joins, ready = _taken(vae, latent)
    length, spatial = shape[1], vae.spacial_compression_decode()
    size = (shape[3] * spatial, shape[2] * spatial)
    offered = codecs()
    if codec not in offered or codec == "png":
        raise UsageError(f"codec {codec!r}: this machine writes {', '.join(c for c in offered if c != 'png')}")
    folder, below, name, number = place(prefix, *size)
    suffix = offered[codec][0]
    path = folder / f"{name}_{number:05}_{suffix}"
    record = mark.make_record(_texts(prompt), 0, "ComfyUI graph", **(joins._asdict() if any(joins) else {}))
    film = Film(disclosure, record, *size, fps)
    tags: dict[str, Any] = film.tags | ({} if args.disable_metadata else {"prompt": prompt, **(extra or {})})
    watching = guarding.guard()
    watching.check_prompts(_texts(prompt))
    watching.begin_film(fps)
    bar = comfy.utils.ProgressBar(length)
    writer = open_writer(path, *size, fps, codec=codec, metadata=tags, crf=crf)

    def put(frames: Tensor) -> None:
        frames = as_bytes(frames).float() / 255  # the same whether they were decoded for the file or kept as bytes
        watching.check_frames(frames)
        writer.write(film.label(film.mark(frames)))

    decode = partial(decoder.decode, chunks, length, tick=lambda done: bar.update_absolute(done, length))
    try:
        with writer:
            (decode if ready is None else ready.read)(put)
    except RefusedError:
        discard(writer)
        raise
    guarding.tell(watching)
    log.info("%s: %d frames", path, writer.frames)
    film.sources = signing.sources(prompt, node)
    signing.tell(film.finish(writer.files))
    shown = ui.PreviewVideo([ui.SavedResult(path.name, below, io.FolderType.output)])
    return signing.SignedVideo(str(path), film), shown


def _taken(
    vae: Any, latent: dict[str, Any] | ReelFile
) -> tuple[Iterable[Tensor], tuple[int, int, int, int], JoinFrames, DecodedTake | None]:
    """Latents in order, their shape (C, T, h, w), the joins of a LATENT or a reel, and its frames where they were decoded before.
    Raises UsageError for another model's."""
    channels, space = getattr(vae, "latent_channels", None), space_of_vae(vae)
    chunks: Iterable[Tensor]
    ready: DecodedTake | None = None
    if isinstance(latent, ReelFile):
        chunks, shape = latent.chunks(), latent.shape
        if channels not in (None, shape[0]):
            raise UsageError(f"reel: {shape[0]} channels, this VAE has {channels}; connect the VAE of the reel's model")
        timeline, joins = latent.header.timeline, latent.join_frames
        if space is not None and (timeline.first, timeline.rest) != (space.first, space.rest):
            raise UsageError(
                f"reel: {timeline.rest} frames a latent, this VAE has {space.rest}; connect the VAE of the reel's model"
            )
    else:
        samples = video(latent, channels, space=space)
        joins = joins_in(latent, samples.shape[2])
        chunks, shape = [samples], (samples.shape[1], samples.shape[2], samples.shape[3], samples.shape[4])
        ready = decoded_of(latent, samples, vae, int(vae.upscale_ratio[0](samples.shape[2])))
    return chunks, shape, joins, ready


def _texts(prompt: Any) -> list[str]:
    """Texts of the graph's text encode nodes, longest first: what the record calls the prompt."""
    nodes = prompt.values() if isinstance(prompt, dict) else ()
    found = {n["inputs"]["text"] for n in nodes if isinstance(n, dict) and isinstance(n.get("inputs", {}).get("text"), str)}
    return sorted(filter(None, found), key=len, reverse=True)
