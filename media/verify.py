"""What a file proves and says about where it came from: signature, invisible mark, records in plain text; and the verdict."""

from __future__ import annotations

import json
import mmap
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import LongTakeError, MediaError, SignError
from . import mark, tags
from .certificate import own_name
from .read import probe, read_frames
from .sign import context, library

MADE, ALTERED, NOTHING, UNREADABLE = "made by AI", "altered", "nothing found", "unreadable"
EXIT = {MADE: 0, ALTERED: 1, NOTHING: 3, UNREADABLE: 2}
"""What `longtake verify` ends with, by verdict."""
FRAMES_MAX, PIXELS_MAX, FPS_MAX = 4096, 1024 * 1920 * 1080, 12
"""How much of a film is looked at for the mark: so many frames, at most so many a second, and pixels of all of them."""


@dataclass
class Signature:
    """A file's C2PA signature. `state`: "none", "valid", "trusted" (it leads to this machine's own root), "broken", or "unknown",
    where the library is missing; `source_types` and `ingredients` are what it says, `problems` why it does not hold."""

    state: str = "none"
    signer: str = ""
    generator: str = ""
    time: str = ""
    source_types: list[str] = field(default_factory=list)
    ingredients: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    own: bool = False

    @property
    def says_made(self) -> bool:
        """Whether it says that a model made the file, or a part of it."""
        return bool(tags.MODELS & set(self.source_types))


@dataclass
class Findings:
    """All that was found in one file. `mark` is None where its pictures cannot be read, and `unread` says why."""

    file: str
    signature: Signature
    said: tags.Said
    mark: mark.Match | None = None
    unread: str = ""

    @property
    def verdict(self) -> str:
        """One of MADE, ALTERED, NOTHING, UNREADABLE."""
        if self.signature.state == "broken":
            return ALTERED
        if self.reasons:
            return MADE
        return UNREADABLE if self.mark is None and self.signature.state == "none" else NOTHING

    @property
    def reasons(self) -> list[str]:
        """What says that a model made it, the surest first."""
        signed = self.signature.state in ("valid", "trusted") and self.signature.says_made
        marked = self.mark is not None and self.mark.found
        return ["its signature"] * signed + ["the invisible mark"] * marked + self.said.reasons

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        found = None if self.mark is None else self.mark.as_dict()
        parts = {"signature": asdict(self.signature), **asdict(self.said), "mark": found}
        return {"file": self.file, "verdict": self.verdict, "words": self.sentence(), **parts, "unread": self.unread or None}

    def sentence(self) -> str:
        """The verdict in words."""
        if self.verdict == ALTERED:
            return f"altered since it was signed ({', '.join(self.signature.problems[:3])})"
        if self.verdict == UNREADABLE:
            return f"unreadable: {self.unread}"
        if self.verdict == MADE:
            proved = self.reasons[0] in ("its signature", "the invisible mark")
            return f"made by AI: {', '.join(self.reasons)}" + ("" if proved else "; anyone can write or remove that")
        signed = f"signed by {self.signature.signer} and unaltered, but " if self.signature.state in ("valid", "trusted") else ""
        return f"{signed}nothing found that says a model made it; that proves nothing"

    def lines(self) -> list[str]:
        """The report for reading."""
        signature, lines = self.signature, [f"signature {SIGNATURES[self.signature.state]}"]
        if signature.signer:
            own = ", this machine's own certificate" if signature.own else ""
            lines.append(f"signer    {signature.signer}{own}, {signature.time or 'no trusted time'}, with {signature.generator}")
        if signature.source_types:
            lines.append(f"signed as {', '.join(signature.source_types)}")
        lines += [f"made from {name}" for name in signature.ingredients]
        lines += [f"problem   {problem}" for problem in signature.problems]
        lines += self.said.lines()
        if self.mark is not None:
            found = "found" if self.mark.found else "not found"
            part = self.mark.part
            cropped = f", in {part.width:.0%} x {part.height:.0%} of the picture" if self.mark.found and part is not None else ""
            lines.append(f"mark      {found} (score {self.mark.score:.1f}, threshold {self.mark.threshold:g}{cropped})")
        elif self.unread:
            lines.append(f"mark      not looked for: {self.unread}")
        return [*lines, f"verdict   {self.sentence()}"]


SIGNATURES = {
    "none": "none",
    "valid": "valid; its certificate is on no list of trust here",
    "trusted": "valid and trusted here",
    "broken": "does not hold",
    "unknown": "not looked at: pip install comfyui-longtake[sign]",
}


def verify(path: Path, frames: int = FRAMES_MAX) -> Findings:
    """Looks at one file of any maker, for the mark at so many of its `frames`. Raises MediaError where there is no such file; all
    else is a finding."""
    if not path.is_file():
        raise MediaError(f"{path}: no such file; give a video or a picture")
    found = Findings(str(path), read_signature(path), tags.Said())
    fps = Fraction(1)
    try:
        info = probe(path)
        metadata, fps = info.metadata, info.fps
    except LongTakeError as error:
        metadata, found.unread = {}, str(error)
    except TypeError:  # Pillow, of a PNG whose text named xmp is not what it takes it for
        metadata, found.unread = {}, f"{path.name}: its metadata cannot be read"
    found.said = tags.read(path, metadata)
    if not found.unread:
        try:
            found.mark = find_mark(path, fps, frames)
        except LongTakeError as error:
            found.unread = str(error)
    return found


def find_mark(path: Path, fps: Fraction, most: int = FRAMES_MAX) -> mark.Match:
    """The surest match of the mark in a film of `fps`, from its first frames up to where it is found, `most` of them at most.
    Raises MediaError."""
    detector, pixels = mark.Detector(mark.KEY), 0
    for frame in islice(read_frames(path, fps=min(fps, Fraction(FPS_MAX))), most):
        detector.add(frame)
        pixels += frame.shape[0] * frame.shape[1]
        if pixels > PIXELS_MAX or (detector.best is not None and detector.best.found):
            break
    return detector.match()


def read_signature(path: Path) -> Signature:
    """The C2PA signature of a file, by what the file is, whatever its name. Raises MediaError where it cannot be read at all."""
    try:
        with open(path, "rb") as file:
            kind = sniffed(file.read(16))
            if kind is None:
                return Signature()
            try:
                c2pa = library()
            except SignError:
                return Signature("unknown" if _holds_manifest(path) else "none")
            file.seek(0)
            try:
                with context() as settings, c2pa.Reader(kind, file, context=settings) as reader:
                    return _signature(json.loads(reader.json()), reader.get_validation_state())
            except c2pa.C2paError as error:
                lacking = type(error).__name__.endswith("ManifestNotFound") or not _holds_manifest(path)
                return Signature() if lacking else Signature("broken", problems=[" ".join(str(error).split())[:120]])
    except OSError as error:
        raise MediaError(f"{path}: {error.strerror or error}") from error


def sniffed(head: bytes) -> str | None:
    """The kind of file that begins so, where it can carry a manifest."""
    if head[4:8] == b"ftyp":
        return "video/quicktime" if head[8:10] == b"qt" else "video/mp4"
    for begin, kind in ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg")):
        if head.startswith(begin):
            return kind
    return {b"WEBP": "image/webp", b"AVI ": "video/avi"}.get(head[8:12]) if head.startswith(b"RIFF") else None


def _holds_manifest(path: Path) -> bool:
    """Whether a claim's name stands anywhere in a file."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"c2pa.claim") >= 0


def _signature(store: dict[str, Any], state: str | None) -> Signature:
    """What the manifests of a file say; the active one first, then those of its ingredients."""
    manifests = store.get("manifests") or {}
    active = manifests.get(store.get("active_manifest")) or {}
    others = [one for name, one in manifests.items() if name != store.get("active_manifest")]
    info = active.get("signature_info") or {}
    signer = info.get("common_name") or info.get("issuer") or "somebody without a name"
    if info.get("issuer") and info.get("common_name"):
        signer += f" ({info['issuer']})"
    generators = active.get("claim_generator_info") or [{"name": active.get("claim_generator") or "an unknown program"}]
    types = dict.fromkeys(kind for one in (active, *others) for kind in _source_types(one))
    codes = _failures(store.get("validation_results") or {})
    broken = state == "Invalid"
    return Signature(
        state="broken" if broken else "trusted" if state == "Trusted" else "valid",
        signer=signer,
        generator=" ".join(str(generators[0].get(part, "")) for part in ("name", "version")).strip(),
        time=str(info.get("time") or ""),
        source_types=list(types),
        ingredients=[_ingredient(one, manifests) for one in active.get("ingredients") or []],
        problems=(codes or ["no reason given"]) if broken else [],
        own=info.get("common_name") is not None and info.get("common_name") == own_name(),
    )


def _failures(results: dict[str, Any]) -> list[str]:
    """Codes of what does not hold, in the file and in what it was made from. A certificate that nobody here trusts is none."""
    own = [one.get("code", "?") for one in (results.get("activeManifest") or {}).get("failure") or []]
    deltas = [one.get("validationDeltas") or {} for one in results.get("ingredientDeltas") or []]
    given = [f"of an ingredient: {one.get('code', '?')}" for delta in deltas for one in delta.get("failure") or []]
    return [code for code in dict.fromkeys(own + given) if not code.endswith("signingCredential.untrusted")]


def _source_types(manifest: dict[str, Any]) -> list[str]:
    found = []
    for assertion in manifest.get("assertions") or []:
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            for action in (assertion.get("data") or {}).get("actions") or []:
                kind = action.get("digitalSourceType")
                found += [str(kind).rpartition("/")[2]] if kind else []
    return found


def _ingredient(ingredient: dict[str, Any], manifests: dict[str, Any]) -> str:
    signed = manifests.get(str(ingredient.get("active_manifest"))) or {}
    signer = (signed.get("signature_info") or {}).get("common_name") or (signed.get("signature_info") or {}).get("issuer")
    altered = ", altered since" if _failures(ingredient.get("validation_results") or {}) else ""
    return f"{ingredient.get('title') or 'a file without a name'}" + (
        f", signed by {signer}{altered}" if signer else ", not signed"
    )
