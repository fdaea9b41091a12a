"""Finish Video: a VIDEO of the host through its interpolation and upscale models, and to another rate, size and sound."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import comfy.utils
import torch
from comfy import model_management
from torch import Tensor
from torch.nn.functional import pad

from ..errors import UsageError
from ..media import mark
from ..media.cuts import Changes
from ..media.disclosure import Disclosure
from ..media.finish import Finish, Models
from ..media.finish_options import FinishOptions
from ..media.footage import FileFootage, Footage, Origin, Scan, thumb
from ..media.pixels import fit
from ..media.sound import Sound
from ..media.tags import samples
from . import guarding, signing
from .file_names import expand
from .progress import EVERY, Watch, clock
from .sources import file_of, wave_of
from .video import graph_tags, place, shown, suffix_of, texts_of

log = logging.getLogger(__name__)
TILE, TILE_MIN, OVERLAP = 512, 128, 32
"""Pixels a side of what an upscale model sees at once, the least it is brought to where memory is short, and what tiles share."""
BYTES_A_PIXEL = 512 * 512 * 384
"""Memory that the host's own node asks for on behalf of an upscale model, for each of three colours and each time it enlarges."""


def finish(
    video: Any,
    options: FinishOptions,
    prefix: str,
    *,
    interpolation: Any = None,
    upscale: Any = None,
    disclosure: Disclosure,
    audio: Any = None,
    prompt: Any = None,
    extra: dict[str, Any] | None = None,
    node: str | None = None,
) -> tuple[Any, Any]:
    """Finishes a VIDEO and gives (VIDEO, preview); see media/finish.py. Pieces of a run that was stopped lie beside the file, under
    its prefix, and the next run with it goes on from them. Raises UsageError, MediaError, RefusedError."""
    footage = footage_of(video, prompt)
    models = models_of(interpolation, upscale)
    size = options.size(footage.size, models.scale)
    folder, below, name, number = place(expand(prefix, prompt, extra), *size)
    path = folder / f"{name}_{number:05}_{suffix_of(options.codec or '')}"
    guard = guarding.guard()
    work = Finish(
        footage,
        path,
        options,
        models,
        disclosure,
        audio=None if audio is None else wave_of(audio),
        tags=graph_tags(prompt, extra),
        prompts=texts_of(prompt),
        check=guard.check_frames,
        pieces=folder / f"{name}.pieces",
        sources=signing.sources(prompt, node),
    )
    guard.begin_film(float(work.fps))
    with torch.inference_mode():
        made = work.run(_Bar())
    guarding.tell(guard)
    Watch().say("\n".join([f"{made.frames} frames at {float(made.fps):.5g} fps, {made.size[0]}x{made.size[1]}", *made.notes]))
    for note in made.notes:
        log.info("%s: %s", path.name, note)
    return shown(path, below, made.said)


class _Bar:
    """The host's progress bar, and the time left on the node; Cancel is heeded after each frame."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.bar: Any = None
        self.begun, self.reused, self.said = time.monotonic(), 0, 0.0

    def __call__(self, done: int, total: int, reused: bool) -> None:
        model_management.throw_exception_if_processing_interrupted()
        self.bar = self.bar or comfy.utils.ProgressBar(total)
        self.bar.update_absolute(done, total)
        self.reused = done if reused else self.reused
        now = time.monotonic()
        if done > self.reused and now - self.said >= EVERY:
            self.said = now
            left = (now - self.begun) / (done - self.reused) * (total - done)
            self.watch.say(f"frame {done} of {total}, about {clock(left)} left")


@dataclass
class HeldFootage:
    """A VIDEO that lies in memory; see media.footage.Footage. `made`: whether it comes of a graph that samples."""

    video: Any
    made: bool = False
    name: str = "the video"
    path: Path | None = None
    start: Fraction = Fraction(0)

    @cached_property
    def parts(self) -> Any:
        """Its components."""
        return self.video.get_components()

    @property
    def size(self) -> tuple[int, int]:
        """See Footage."""
        return int(self.parts.images.shape[2]), int(self.parts.images.shape[1])

    @property
    def fps(self) -> Fraction:
        """See Footage."""
        return Fraction(self.parts.frame_rate)

    @cached_property
    def scan(self) -> Scan:
        """See Footage."""
        changes, count = Changes(), len(self.parts.images)
        for image in self.parts.images:
            changes.add(thumb(image[..., :3]))
        return Scan([number / self.fps for number in range(count)], count / self.fps, changes.cuts())

    @cached_property
    def origin(self) -> Origin:
        """See Footage."""
        detector, images = mark.Detector(mark.KEY), self.parts.images
        for image in images[: mark.STRETCH]:
            detector.add(image[..., :3].float())
        marked = detector.match().found
        return Origin(self.made or marked, marked)

    @property
    def tags(self) -> dict[str, str]:
        """See Footage."""
        return {}

    @property
    def notes(self) -> list[str]:
        """See Footage."""
        return []

    def digest(self) -> str:
        """See Footage."""
        return hashlib.sha256(b"".join(_hash(image) for image in self.parts.images)).hexdigest()

    def frames(self, first: int, size: tuple[int, int]) -> Iterator[Tensor]:
        """See Footage."""
        return (fit(image[..., :3].float().cpu(), size) for image in self.parts.images[first:])

    def sound(self) -> list[Sound]:
        """See Footage."""
        return [] if self.parts.audio is None else [wave_of(self.parts.audio)]


def footage_of(video: Any, prompt: Any = None) -> Footage:
    """A VIDEO as it is finished, which comes of the graph `prompt`. Raises UsageError for what holds no frames, MediaError for a
    file that cannot be read."""
    path, start, seconds = file_of(video)
    if path is not None:
        return FileFootage(path, start, seconds)
    source = video.get_stream_source() if hasattr(video, "get_stream_source") else video
    if isinstance(source, str):
        return FileFootage(Path(source))  # which says that it is gone
    held = HeldFootage(video, samples(prompt))
    if not len(held.parts.images):
        raise UsageError("video: it has no frames; connect Load Video, Create Video or Video from Latent")
    return held


def models_of(interpolation: Any, upscale: Any) -> Models:
    """The host's models as functions of frames. Raises UsageError for one of another kind."""
    between = None if interpolation is None else Interpolation(interpolation)
    larger = None if upscale is None else Upscale(upscale)
    identity = "".join(_hash(*one.weights()).hex() for one in (between, larger) if one is not None)
    return Models(between, larger, 1.0 if larger is None else larger.scale, identity)


class Interpolation:
    """An INTERP_MODEL of the host (RIFE, FILM), called as media.finish.Interpolate. Raises UsageError for other kinds."""

    def __init__(self, patcher: Any):
        self.patcher: Any = patcher
        self.net: Any = getattr(patcher, "model", None)
        needed = ("extract_features", "memory_used_forward", "get_dtype")
        if not callable(self.net) or not all(hasattr(self.net, name) for name in needed) or not hasattr(patcher, "load_device"):
            raise UsageError("interp_model: not an interpolation model; connect Load Frame Interpolation Model (RIFE or FILM)")
        self._features: tuple[Tensor, Any] | None = None

    def weights(self) -> list[Tensor]:
        """All its numbers."""
        return list(self.net.state_dict().values())

    def __call__(self, before: Tensor, after: Tensor, weights: Sequence[float]) -> list[Tensor]:
        dtype, device = self.net.get_dtype(), self.patcher.load_device
        memory = self.net.memory_used_forward((1, *before.shape), dtype)
        model_management.load_models_gpu([self.patcher], memory_required=memory)
        first, second = (self._ready(frame, dtype, device) for frame in (before, after))
        cache = {"img0": self._seen(before, first), "img1": self.net.extract_features(second)}
        self._features = after, cache["img1"]
        many = getattr(self.net, "forward_multi_timestep", None)
        if many is not None:
            made = list(many(first, second, list(weights), cache=cache))
        else:
            shape = (1, 1, *first.shape[2:])
            made = [self.net(first, second, timestep=first.new_full(shape, at), cache=cache)[0] for at in weights]
        height, width = before.shape[:2]
        return [one[:, :height, :width].movedim(0, -1).float().clamp(0, 1).to(before.device) for one in made]

    def _seen(self, frame: Tensor, ready: Tensor) -> Any:
        """Features of a frame, those of the last call where it is the same."""
        if self._features is not None and self._features[0] is frame:
            return self._features[1]
        return self.net.extract_features(ready)

    def _ready(self, frame: Tensor, dtype: torch.dtype, device: Any) -> Tensor:
        """A frame [1, 3, H, W] padded to what the net needs."""
        align = getattr(self.net, "pad_align", 1)
        height, width = frame.shape[:2]
        picture = frame.movedim(-1, 0)[None].to(device=device, dtype=dtype)
        return pad(picture, (0, -width % align, 0, -height % align), mode="replicate")


class Upscale:
    """An UPSCALE_MODEL of the host; calls it with a frame [H, W, 3]. Raises UsageError for other kinds."""

    def __init__(self, model: Any):
        self.model: Any = model
        self.patcher: Any = getattr(model, "patcher", None)
        scale, channels = getattr(model, "scale", None), getattr(model, "input_channels", 3)
        if self.patcher is None or not callable(model) or not isinstance(scale, int | float) or scale < 1 or channels != 3:
            raise UsageError("upscale_model: not an upscale model of colour pictures; connect Load Upscale Model")
        self.scale, self.tile = float(scale), TILE

    def weights(self) -> list[Tensor]:
        """All its numbers."""
        return list(self.model.model.state_dict().values())

    def __call__(self, frame: Tensor) -> Tensor:
        memory = BYTES_A_PIXEL * 3 * frame.element_size() * self.scale
        model_management.load_models_gpu([self.patcher], memory_required=memory, force_full_load=True)
        picture = frame.movedim(-1, 0)[None].to(self.patcher.load_device)
        while True:
            try:
                large = self._tiled(picture, lambda part: self.model(part.float()))
                return large[0].movedim(0, -1).float().clamp(0, 1).to(frame.device)
            except Exception as error:
                model_management.raise_non_oom(error)
                if self.tile <= TILE_MIN:
                    raise
                self.tile //= 2

    def _tiled(self, picture: Tensor, enlarge: Callable[[Tensor], Tensor]) -> Tensor:
        sides = {"tile_x": self.tile, "tile_y": self.tile, "overlap": OVERLAP}
        return comfy.utils.tiled_scale(picture, enlarge, **sides, upscale_amount=self.scale, output_device="cpu")


def _hash(*tensors: Tensor) -> bytes:
    """Of the numbers of tensors, whatever their device."""
    found = hashlib.sha256()
    for one in tensors:
        found.update(str((one.dtype, tuple(one.shape))).encode())
        found.update(one.detach().contiguous().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.digest()
