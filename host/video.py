"""Latents to a finished video file in the host's output folder, and the VIDEO that stands for it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import comfy.utils
import folder_paths
from comfy.cli_args import args
from comfy_api.latest import io, ui
from torch import Tensor

from ..errors import MediaError, RefusedError, UsageError
from ..guard.watch import Guard
from ..media import mark
from ..media.codecs import codecs
from ..media.disclosure import Disclosure, Film, discard
from ..media.file_names import objection
from ..media.write import Writer, open_writer
from ..metrics.joins import JoinFrames
from ..take.real_frames import Easing
from . import guarding, signing
from .codec import HostCodec
from .decoded import DecodedTake, as_bytes, decoded_of
from .file_names import expand
from .latents import cuts_in, joins_in, space_of_vae, video
from .progress import Watch
from .reels import ReelFile
from .sources import SAME_RATE, RealFrames, Span, rate_in, spans_in, wave_of

log = logging.getLogger(__name__)
NUMBERED = len("_00001_.webm")
"""Bytes that a number and an ending add to a name."""


def place(prefix: str, width: int, height: int) -> tuple[Path, str, str, int]:
    """Folder, its name below the output folder, file name and number for a new file. Raises UsageError for a name that is
    not allowed, MediaError where the folder cannot be made or read."""
    shown = f"filename_prefix {prefix[:60]!r}"
    if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", prefix):
        raise UsageError(f"{shown}: it holds characters that file names cannot have; give a plain name")
    prefix = prefix.replace("\\", "/")
    for part in prefix.split("/"):
        wrong = objection(part, NUMBERED) if part not in ("", ".", "..") else None
        if wrong is not None:
            raise UsageError(f"{shown}: {wrong}")
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
    audio: Any = None,
    prompt: Any = None,
    extra: dict[str, Any] | None = None,
    node: str | None = None,
) -> tuple[Any, Any]:
    """Decode a LATENT or a reel to a file and give (VIDEO, preview).

    Frames and sound of clips that the LATENT tells of stand in it as they were given; `audio` is what is heard instead. `fps` 0 is
    the rate that the LATENT or the reel tells. The file has the graph that made it in its metadata, and says by `disclosure` that
    a model made it; what the graph loads for `node` is an ingredient of its signature. Raises UsageError, ReelError, MediaError,
    RefusedError.
    """
    if latent is None:
        raise UsageError("reel: Long Take kept none; give it the name of a reel, or connect its LATENT")
    if vae is None:
        raise UsageError("vae: none; this checkpoint holds none, load the one that belongs to the video model")
    decoder, take = HostCodec(vae), _take(latent, vae)
    length, spatial = take.shape[1], vae.spacial_compression_decode()
    size = (take.shape[3] * spatial, take.shape[2] * spatial)
    suffix = suffix_of(codec)
    rate, notes = _rate(fps, take.fps)
    real = RealFrames(take.spans, decoder.frames(length), size, rate)
    sound, silent = real.sound() if audio is None else ([wave_of(audio)], [])
    joins = JoinFrames(*([real.place(at) for at in some] for some in take.joins))
    folder, below, name, number = place(expand(prefix, prompt, extra), *size)
    path = folder / f"{name}_{number:05}_{suffix}"
    facts = {**(joins._asdict() if any(joins) else {}), **({"cuts": [real.place(at) for at in take.cuts]} if take.cuts else {})}
    record = mark.make_record(texts_of(prompt), 0, "ComfyUI graph", **(facts | {"fps": rate} if facts else {}))
    said = Film(disclosure, record, *size, rate)
    tags = said.tags | graph_tags(prompt, extra)
    watching = guarding.guard()
    watching.check_prompts(texts_of(prompt))
    watching.begin_film(rate)
    bar = comfy.utils.ProgressBar(length)
    decode = partial(decoder.decode, take.chunks, length, tick=lambda done: bar.update_absolute(done, length))
    given = said.given(real.given())
    writer = open_writer(path, *size, rate, codec=codec, metadata=tags, crf=crf, sound=sound, given=given)
    _write(_Frames(writer, real, said, watching), decode if take.ready is None else take.ready.read)
    guarding.tell(watching)
    log.info("%s: %d frames", path, writer.frames)
    if notes + silent:
        Watch().say("\n".join(notes + silent))
    said.sources = signing.sources(prompt, node)
    signing.tell(said.finish(writer.files))
    return shown(path, below, said)


def graph_tags(prompt: Any, extra: dict[str, Any] | None) -> dict[str, Any]:
    """Tags with the graph that made a file; none where the host was started without metadata."""
    return {} if args.disable_metadata else {"prompt": prompt, **(extra or {})}


def shown(path: Path, below: str, said: Film) -> tuple[Any, Any]:
    """(VIDEO, preview) of a finished file in the output folder."""
    preview = ui.PreviewVideo([ui.SavedResult(path.name, below, io.FolderType.output)])
    return signing.SignedVideo(str(path), said), preview


class _Take(NamedTuple):
    """What is decoded: latents of `shape` (C, T, h, w) as `chunks`, their joins, the rate they tell, given clips in them, their
    frames where they were decoded before, and those after a hard cut."""

    chunks: Iterable[Tensor]
    shape: tuple[int, ...]
    joins: JoinFrames
    fps: float | None = None
    spans: Sequence[Span] = ()
    ready: DecodedTake | None = None
    cuts: Sequence[int] = ()


def _take(latent: dict[str, Any] | ReelFile, vae: Any) -> _Take:
    """A LATENT or a reel that this VAE can decode. Raises UsageError or ReelError."""
    channels, space = getattr(vae, "latent_channels", None), space_of_vae(vae)
    if not isinstance(latent, ReelFile):
        samples = video(latent, channels, space=space)
        frames = samples.shape[2]
        ready = decoded_of(latent, samples, vae, int(vae.upscale_ratio[0](frames)))
        spans = spans_in(latent, frames)
        return _Take([samples], samples.shape[1:], joins_in(latent, frames), rate_in(latent), spans, ready, cuts_in(latent, frames))
    shape, timeline = latent.shape, latent.header.timeline
    if channels not in (None, shape[0]):
        raise UsageError(f"reel: {shape[0]} channels, this VAE has {channels}; connect the VAE of the reel's model")
    if space is not None and (timeline.first, timeline.rest) != (space.first, space.rest):
        raise UsageError(f"reel: {timeline.rest} frames a latent, this VAE has {space.rest}; connect the VAE of the reel's model")
    return _Take(latent.chunks(), shape, latent.join_frames, latent.record.fps or None)


def _rate(fps: float, told: float | None) -> tuple[float, list[str]]:
    """Frames a second of the file, and a note where the LATENT or reel tells another rate. Raises UsageError."""
    if fps == 0 and told is None:
        raise UsageError("fps 0: this latent does not tell its rate; give frames a second, or connect fps of Size and Duration")
    rate = fps or told or 0.0
    if not 0.1 <= rate <= 240:
        raise MediaError(f"{rate:g} frames a second cannot be written; give 0.1 to 240")
    if told is not None and abs(rate - told) > SAME_RATE:
        return rate, [f"made at {told:.5g} fps, shown at {rate:.5g}: it moves at another speed; fps 0 keeps its own"]
    return rate, []


class _Frames:
    """Decoded frames on their way to the file: given clips as they are, what was made up to them, and marked. All are looked at by
    the guard, and labelled."""

    def __init__(self, writer: Writer, real: RealFrames, said: Film, watching: Guard):
        self.writer, self.real, self.said, self.watching = writer, real, said, watching
        self.easing, self.at = Easing(), 0

    def put(self, frames: Tensor) -> None:
        """Takes the next decoded frames [T, H, W, 3]."""
        for frame in as_bytes(frames).float() / 255:  # the same whether they were decoded for the file or kept as bytes
            span = self.real.span(self.at)
            given = None if span is None else self.real.frame(span, self.at)
            self.at += 1
            if span is None:
                self._made(self.easing.made(frame))
            elif given is not None:
                self._made(self.easing.real(given, frame))
                self._write(given[None])

    def end(self) -> None:
        """Writes what is left."""
        self._made(self.easing.end())
        for frame in self.real.rest():
            self._write(frame[None])

    def _made(self, frames: Iterator[Tensor]) -> None:
        for frame in frames:
            self._write(self.said.mark(frame[None]))

    def _write(self, frames: Tensor) -> None:
        self.watching.check_frames(frames)
        self.writer.write(self.said.label(frames))


def _write(frames: _Frames, decode: Callable[[Callable[[Tensor], object]], object]) -> None:
    """Writes a whole film; of one that is refused nothing is left."""
    try:
        with frames.writer:
            decode(frames.put)
            frames.end()
    except RefusedError:
        discard(frames.writer)
        raise


def suffix_of(codec: str) -> str:
    """The ending of files of a codec. Raises UsageError for one that this machine does not write."""
    offered = codecs()
    if codec not in offered or codec == "png":
        raise UsageError(f"codec {codec!r}: this machine writes {', '.join(c for c in offered if c != 'png')}")
    return offered[codec][0]


def texts_of(prompt: Any) -> list[str]:
    """Texts of the graph's text encode nodes, longest first: what the record calls the prompt."""
    nodes = prompt.values() if isinstance(prompt, dict) else ()
    found = {n["inputs"]["text"] for n in nodes if isinstance(n, dict) and isinstance(n.get("inputs", {}).get("text"), str)}
    return sorted(filter(None, found), key=len, reverse=True)
