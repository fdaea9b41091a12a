"""How one film says that a model made it, from its first frame to its signature; command line and graph do it alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import LongTakeError, UsageError
from . import label, mark
from .certificate import given_identity
from .sign import Signed, Statement, sign_all

if TYPE_CHECKING:
    from torch import Tensor

    from .packets import Given
    from .write import Writer


@dataclass(frozen=True)
class Disclosure:
    """What a film is to say. `marked`: the invisible mark and the record; `signed`: a C2PA signature, by `certificate` and `key`
    (PEM) or the user's own; `text`: a visible label for the first seconds, or the `whole` film; `producer`: who the AIGC tag
    names, "" for no tag; `sidecar`: the record beside the file too."""

    marked: bool = True
    signed: bool = True
    text: str = ""
    whole: bool = False
    producer: str = ""
    sidecar: bool = False
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        """Raises UsageError for a certificate without a key, or a label that cannot be shown."""
        if (self.certificate is None) != (self.key is None):
            raise UsageError("--certificate and --key belong together: give both")
        if self.text:
            label.check_label(self.text)


class Film:
    """One film: tags for its writer, its frames as they are shown, and what is done once it is finished. `operation` and
    `sources`, the clips and pictures that it was made from, are what its signature says besides."""

    def __init__(self, asked: Disclosure, record: dict[str, Any], width: int, height: int, fps: float):
        self.asked, self.record = asked, record
        self.operation, self.sources = "text", list[Path]()
        self.tags: dict[str, str] = mark.tags(record) if asked.marked else {}
        if asked.producer:
            self.tags["AIGC"] = label.aigc(asked.producer, record["id"])
        shown = None if asked.whole else max(1, round(label.SECONDS * fps))
        self._label = label.Label(asked.text, width, height, shown) if asked.text else None

    def mark(self, frames: Tensor) -> Tensor:
        """Frames [T, H, W, 3] that a model made, with the invisible mark."""
        return mark.embed(frames, mark.KEY) if self.asked.marked else frames

    def label(self, frames: Tensor) -> Tensor:
        """Frames of the film as they follow each other, with the label where it is to be seen."""
        return frames if self._label is None else self._label(frames)

    def given(self, some: Sequence[Given]) -> Sequence[Given]:
        """Frames that were given, as they come into the film: under a label they are no longer those of their file."""
        return some if self._label is None else [one._replace(file=None) for one in some]

    def skip(self, frames: int) -> None:
        """So many frames of the film are there already, with the label where it is to be seen."""
        if self._label is not None:
            self._label.skip(frames)

    def finish(self, paths: Sequence[Path], *, sidecar: bool = True) -> Signed:
        """Signs finished files and writes the sidecar of each; what cannot be done is said, the files stay as they are."""
        signed = self._sign(paths) if self.asked.signed and self.asked.marked else Signed()
        if self.asked.sidecar and sidecar:
            try:
                for path in paths:
                    label.write_sidecar(path, self.record)
            except LongTakeError as error:
                return signed._replace(note="; ".join(filter(None, (signed.note, str(error)))))
        return signed

    def _sign(self, paths: Sequence[Path]) -> Signed:
        record, sources = self.record, tuple(dict.fromkeys(self.sources))
        statement = Statement(record["model"], record["id"], record["time"], self.operation, sources, self.asked.marked)
        try:
            given = self.asked.certificate, self.asked.key
            identity = None if given[0] is None or given[1] is None else given_identity(given[0], given[1])
        except LongTakeError as error:
            return Signed(note=f"not signed: {error}")
        return sign_all(paths, statement, identity)


def discard(writer: Writer) -> None:
    """Takes away what a stopped writer has left of a film that is not to be seen."""
    left = getattr(writer, "partial", None)
    for path in [*writer.files, *([left] if left is not None else [])]:
        path.unlink(missing_ok=True)
