"""The chains of a film, one after the other, into one file: frames, sound, mark, label and signature, at the memory of a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import MediaError
from ..media import mark
from ..media.disclosure import Disclosure, Film, discard
from ..media.read import VideoInfo, read_frames
from ..media.sign import Signed
from ..media.sound import FileSound
from ..media.write import open_writer
from ..metrics.joins import JoinFrames
from ..reel.record import ReelRecord
from .chains import Chain, ranges
from .folder import FilmFolder

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 8
"""Frames handed on together."""


class Part(NamedTuple):
    """A finished chain: what its reel says, which model made it, what its frames are and where, and which frames of the film they
    become."""

    chain: Chain
    record: ReelRecord
    model: str
    info: VideoInfo
    file: Path
    frames: range


class Watcher(NamedTuple):
    """Who looks on: at every frame that is written (may raise RefusedError), and at how many there are."""

    frames: Callable[[Tensor], object]
    written: Callable[[int], object]


def parts_of(folder: FilmFolder, chains: Sequence[Chain]) -> list[Part]:
    """The finished chains of a film. Raises ReelError or MediaError for one that is not done, or of another size or rate."""
    checked = [folder.chain(chain).check() for chain in chains]
    first = checked[0][1]
    for chain, (_, info, _) in zip(chains, checked, strict=True):
        if (info.width, info.height, info.fps) != (first.width, first.height, first.fps):
            one, other = (f"{i.width}x{i.height} at {float(i.fps):g} fps" for i in (info, first))
            raise MediaError(f"chain {chain.number} is {one}, chain 1 {other}; give all chains one size and rate")
    places = ranges([info.frames for _, info, _ in checked])
    return [
        Part(chain, record, model, info, folder.chain(chain).frames, place)
        for chain, (record, info, model), place in zip(chains, checked, places, strict=True)
    ]


def joins_of(parts: Sequence[Part]) -> JoinFrames:
    """Where the joins of all chains are in the film."""
    found = JoinFrames([], [])
    for part in parts:
        for all_of_them, some in zip(found, part.record.join_frames.within(len(part.frames)), strict=True):
            all_of_them += [at + part.frames.start for at in some]
    return found


def assemble(
    parts: Sequence[Part], output: Path, disclosure: Disclosure, watcher: Watcher, *, seed: int, facts: dict[str, Any]
) -> Signed:
    """Writes the film and signs it. Raises MediaError, and what the watcher raises, of which nothing is left then."""
    info, total, rate = parts[0].info, parts[-1].frames.stop, parts[0].info.fps
    prompts = [shot.prompt for part in parts if part.chain.begins for shot in part.chain.shots]
    cuts = [part.frames.start for part in parts[1:] if part.chain.begins]
    facts = facts | joins_of(parts)._asdict() | {"cuts": cuts, "loop": False, "fps": float(rate), "frames": total}
    models = ", ".join(dict.fromkeys(part.model for part in parts))
    record = mark.make_record(prompts[0] if len(prompts) == 1 else prompts, seed, models, **facts)
    said = Film(disclosure, record, info.width, info.height, float(rate))
    sound = [FileSound(part.file, Fraction(part.frames.start) / rate) for part in parts if part.info.sound]
    writer = open_writer(output, info.width, info.height, rate, metadata=said.tags, sound=sound)
    try:
        with writer:
            for frames in _frames(parts):
                marked = said.mark(frames)
                watcher.frames(marked)
                writer.write(said.label(marked))
                watcher.written(writer.frames)
            if writer.frames != total:
                raise MediaError(f"{output}: only {writer.frames} of {total} frames could be read back from its chains")
    except BaseException as error:
        if not isinstance(error, (MediaError, KeyboardInterrupt)):
            discard(writer)
        raise
    return said.finish(writer.files)


def _frames(parts: Sequence[Part]) -> Iterator[Tensor]:
    import torch

    for part in parts:
        source = islice(read_frames(part.file), len(part.frames))
        while held := list(islice(source, CHUNK)):
            yield torch.stack(held)
