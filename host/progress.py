"""What people see of a take while it is made: the time left, and what is finished as a video that plays in the node."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy_execution.utils import get_executing_context
from torch import Tensor

from ..engine.state import Progress
from ..media.write import open_writer
from .codec import HostCodec

log = logging.getLogger(__name__)
EVENT = "longtake.preview"
EVERY = 1.0
"""Seconds between two words on the time left."""


class Watch:
    """Tells the front-end how the node that runs now gets on; does nothing where no front-end asked for the run."""

    def __init__(self) -> None:
        from server import PromptServer  # only a running host has one

        context = get_executing_context()
        self.server: Any = getattr(PromptServer, "instance", None)
        self.node = context.node_id if context is not None else None
        self.said, self.last, self.spent, self.steps = 0.0, 0.0, 0.0, 0.0
        self.plan = ""

    @property
    def seen(self) -> bool:
        """Whether somebody looks."""
        return self.server is not None and self.node is not None and self.server.client_id is not None

    def say(self, words: str) -> None:
        """Shows a text on the node."""
        if self.seen:
            self.server.send_progress_text(words, self.node, self.server.client_id)

    def announce(self, plan: str) -> None:
        """Says what is to be made and what it costs; that stays above the time left."""
        self.plan = plan
        self.say(plan)

    def send(self, **data: Any) -> None:
        """Tells the pack's part of the front-end what the node's video is now."""
        if self.seen:
            self.server.send_sync(EVENT, {"node": self.node, **data}, self.server.client_id)

    def begin(self) -> None:
        """The clock starts."""
        self.last = time.monotonic()

    def step(self, at: Progress) -> None:
        """One model call more is done."""
        now = time.monotonic()
        if not at.resumed:
            self.spent += now - self.last
            self.steps += 1
        self.last = now
        if now - self.said >= EVERY or at.step >= at.steps:
            self.said = now
            self.say("\n".join(filter(None, (self.plan, time_left(at, self.spent / self.steps if self.steps else None)))))

    def play(
        self,
        chunks: Iterator[Tensor],
        codec: HostCodec,
        fps: float,
        shape: tuple[int, int, int],
        length: int,
        also: Callable[[Tensor], None] = lambda frames: None,
    ) -> None:
        """Goes through the finished latents [1, C, n, h, w] of a take of `length` of `shape` (C, h, w), decodes them and, where
        somebody looks, shows them as a growing video in the temp folder; `also` gets its frames [T, H, W, 3]. Only what `chunks`
        raises is raised: a take does not fail for its preview."""
        source = _Source(chunks)
        try:
            if self.seen:
                self._show(source, codec, fps, shape, length, also)
            else:
                codec.decode(_forked(source.chunks), length, also, early=True)
        except Exception as error:
            if source.failed:
                raise
            log.warning("the finished part of the take cannot be shown: %s", error)
        for _ in source.chunks:  # what is left where the preview failed
            pass

    def _show(
        self,
        source: _Source,
        codec: HostCodec,
        fps: float,
        shape: tuple[int, int, int],
        length: int,
        also: Callable[[Tensor], None],
    ) -> None:
        spatial = codec.spatial
        size = (shape[2] * spatial, shape[1] * spatial)
        folder, name, number, below, _ = folder_paths.get_save_image_path("longtake/take", folder_paths.get_temp_directory(), *size)
        path = Path(folder) / f"{name}_{number:05}_.mp4"
        with open_writer(path, *size, fps, crf=23) as writer:

            def tell(file: str) -> None:
                self.send(filename=file, subfolder=below, type="temp", seconds=writer.frames / fps)

            def finished_chunks() -> Iterator[Tensor]:
                for chunk in _forked(source.chunks):
                    yield chunk
                    if writer.frames:
                        tell(f"{path.stem}.partial.mp4")

            def put(frames: Tensor) -> None:
                writer.write(frames)
                also(frames)

            codec.decode(finished_chunks(), length, put, early=True)
        tell(path.name)


def _forked(chunks: Iterator[Tensor]) -> Iterator[Tensor]:
    """The chunks; what is drawn while one is in use is not drawn from the sampler's numbers."""
    for chunk in chunks:
        with torch.random.fork_rng():  # some decoders draw random numbers, and so do some samplers
            yield chunk


class _Source:
    """The chunks, and whether making them failed."""

    def __init__(self, chunks: Iterator[Tensor]):
        self.failed = False
        self.chunks = self._noting(chunks)

    def _noting(self, chunks: Iterator[Tensor]) -> Iterator[Tensor]:
        try:
            yield from chunks
        except BaseException:
            self.failed = True
            raise


def time_left(at: Progress, each: float | None) -> str:
    """Where a take is, and how long the rest takes at `each` seconds a step."""
    text = f"window {at.window} of {at.windows}"
    if at.resumed or each is None:
        return text
    left = each * (at.steps * (at.windows - at.window + 1) - at.step)
    return f"{text}, about {clock(left)} left"


def clock(seconds: float) -> str:
    """40 s, 2:05 min, 1:02:05 h."""
    whole = max(1, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{hours}:{minutes:02}:{whole % 60:02} h"
    return f"{minutes}:{whole % 60:02} min" if minutes else f"{whole} s"
