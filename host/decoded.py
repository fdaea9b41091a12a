"""Frames of a take that were decoded while it was made, kept in the temp folder so that no other node decodes them again."""

from __future__ import annotations

import logging
import shutil
import uuid
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import folder_paths
import numpy as np
import torch
from torch import Tensor

from ..engine.state import digest

log = logging.getLogger(__name__)
DECODED = "longtake_decoded"
"""Key of a LATENT under which a take node tells of its frames. Stock nodes hand it on."""
SHARE = 0.25
"""Of the room on the disk, at most so much is taken."""
READ = 16
"""Frames read at once."""


class DecodedTake:
    """Frames [n, H, W, 3] of a take as bytes in a temp file, which goes when nothing refers to it any more."""

    def __init__(self, path: Path, height: int, width: int):
        self.path, self.height, self.width = path, height, width
        self.frames, self.latents, self.vae = 0, "", lambda: None
        self._file: Any = path.open("wb")
        weakref.finalize(self, _remove, path)

    @classmethod
    def begin(cls, frames: int, height: int, width: int) -> DecodedTake | None:
        """A place for so many frames; None where the disk has too little room for them."""
        folder = Path(folder_paths.get_temp_directory()) / "longtake"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if frames * height * width * 3 > SHARE * shutil.disk_usage(folder).free:
                return None
            return cls(folder / f"decoded_{uuid.uuid4().hex}.raw", height, width)
        except OSError as error:
            log.warning("the take's frames are not kept for other nodes: %s", error.strerror or error)
            return None

    def put(self, frames: Tensor) -> None:
        """Takes the next frames [T, H, W, 3] in 0..1, as a file of video would: rounded to bytes."""
        if self._file is None:
            return
        try:
            self._file.write(as_bytes(frames).numpy().tobytes())
            self.frames += len(frames)
        except OSError as error:  # a full disk: the take goes on
            log.warning("the take's frames are not kept for other nodes: %s", error.strerror or error)
            self._file.close()
            self._file, self.frames = None, 0

    def finish(self, latents: Tensor, vae: Any) -> None:
        """Says which latents [1, C, T, h, w] and whose VAE these are."""
        if self._file is not None:
            self._file.close()
            self._file, self.latents, self.vae = None, digest([latents]), weakref.ref(vae.first_stage_model)

    def read(self, put: Callable[[Tensor], object]) -> None:
        """Hands the frames on, some at a time, in 0..1."""
        size = self.height * self.width * 3
        with self.path.open("rb") as file:
            while part := file.read(READ * size):
                frames = np.frombuffer(part, np.uint8).reshape(-1, self.height, self.width, 3)
                put(torch.from_numpy(frames.astype(np.float32) / 255))


def as_bytes(frames: Tensor) -> Tensor:
    """Frames in 0..1 rounded to bytes, as a file of video has them."""
    return frames.float().nan_to_num(0.0).clamp(0, 1).mul(255).round().to(torch.uint8)


def decoded_of(latent: Mapping[str, Any], samples: Tensor, vae: Any, frames: int) -> DecodedTake | None:
    """The frames that a LATENT brings along, where they are those of its samples [1, C, T, h, w] by this VAE, all of them."""
    found = latent.get(DECODED)
    if not isinstance(found, DecodedTake) or found.frames != frames or found.vae() is not vae.first_stage_model:
        return None
    return found if found.path.is_file() and found.latents == digest([samples]) else None


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
