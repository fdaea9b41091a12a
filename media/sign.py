"""Signed provenance: a C2PA manifest in a finished file, which says that a model made it and breaks when the file is changed.

Specification: https://spec.c2pa.org, by the library of its authors (`c2pa-python`). Nothing is asked of the network, so there is
no trusted time in a signature, only the machine's own.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .. import __version__
from ..errors import SignError
from .certificate import INSTALL, Identity, own_root, usual_identity
from .mark import KEY, SOURCE_TYPE
from .remux import sync

KINDS = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".avi": "video/avi",
}
"""What carries a manifest, by suffix; WebM and MKV have no place for one."""
COMPOSITE = SOURCE_TYPE.replace("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")
MARK = "org.longtake.mark.1"
"""Our invisible mark as a soft binding; a name of our own, on no public list."""
RECORD = "org.longtake.record"
OPERATIONS = {
    "extend": ("org.longtake.extended", "continued by a model"),
    "connect": ("org.longtake.stitched", "what lies between the clips was made by a model"),
    "finish": ("c2pa.edited", "brought to another rate of frames, size or sound"),
    "remix": ("c2pa.edited", "made anew by a model after another prompt"),
}
"""Action and description for each way of making a film that begins from clips."""
MEMORY_MB = 16
"""Data above this lies in a temporary file, not in memory, while a file is signed or read."""


class Statement(NamedTuple):
    """What a manifest says: model, unique `id` and ISO `time` of the record, the operation ("text", "extend", …), the given clips
    and pictures it began from, and whether the film carries the invisible mark."""

    model: str
    id: str
    time: str
    operation: str = "text"
    sources: tuple[Path, ...] = ()
    marked: bool = True


class Signed(NamedTuple):
    """How many files were signed, by whom, and why not all were, in one line; "" where all were."""

    files: int = 0
    by: str = ""
    note: str = ""


def can_carry(path: str | os.PathLike[str]) -> bool:
    """Whether files of this name can be signed."""
    return Path(path).suffix.lower() in KINDS


def sign_all(paths: Iterable[Path], statement: Statement, identity: Identity | None = None) -> Signed:
    """Signs finished files in place, with the usual identity where none is given.

    Never raises what signing raises: the files stay as they are then, and the note says why.
    """
    signed, by = 0, ""
    try:
        for path in paths:
            if not can_carry(path):
                return Signed(signed, by, f"not signed: {path.suffix.lower() or 'this'} holds no signature; .mp4, .mov and .png do")
            identity = identity or usual_identity()
            by = identity.name
            sign_file(path, statement, identity)
            signed += 1
    except SignError as error:
        return Signed(signed, by, f"not signed: {error}")
    return Signed(signed, by)


def sign_file(path: Path, statement: Statement, identity: Identity) -> None:
    """Signs one finished file: beside it first, then in its place. Raises SignError, and leaves the file as it is."""
    c2pa = library()
    signing = path.with_name(f"{path.stem}.signing{path.suffix}")
    try:
        signing.unlink(missing_ok=True)
        with (
            c2pa.Signer.from_info(c2pa.C2paSignerInfo(identity.algorithm.encode(), identity.chain, identity.key, None)) as signer,
            context() as settings,
            c2pa.Builder(manifest(path.name, statement), context=settings) as builder,
        ):
            for number, source in enumerate(statement.sources):
                _add_source(builder, source, number)
            builder.sign_file(str(path), str(signing), signer)
        sync(signing)
        os.replace(signing, path)
    except (c2pa.C2paError, OSError) as error:
        raise SignError(f"{path.name}: {_reason(error)}") from error
    finally:
        with contextlib.suppress(OSError):
            signing.unlink(missing_ok=True)


def manifest(title: str, statement: Statement) -> dict[str, Any]:
    """The manifest's definition, as the library takes it; ingredients are added to it one by one."""
    labels = [_label(number) for number in range(len(statement.sources))]
    agent = {"name": "LongTake", "version": __version__}
    created = {"action": "c2pa.created", "digitalSourceType": COMPOSITE if labels else SOURCE_TYPE, "softwareAgent": agent}
    actions: list[dict[str, Any]] = [created | {"when": statement.time}]
    if labels:
        actions.append({"action": "c2pa.placed", "parameters": {"ingredientIds": labels}})
        if statement.operation in OPERATIONS:
            name, what = OPERATIONS[statement.operation]
            actions.append({"action": name, "description": what, "softwareAgent": agent, "parameters": {"ingredientIds": labels}})
    record = {"id": statement.id, "time": statement.time, "generator": f"LongTake {__version__}", "model": statement.model}
    assertions: list[dict[str, Any]] = [{"label": RECORD, "data": record}]
    if statement.marked:
        actions.append({"action": "c2pa.watermarked.bound"})
        value = base64.b64encode(KEY.encode()).decode()
        assertions.append({"label": "c2pa.soft-binding", "data": {"alg": MARK, "blocks": [{"scope": {}, "value": value}]}})
    assertions.append({"label": "c2pa.actions", "data": {"actions": actions}})
    return {"claim_generator_info": [agent], "title": title, "assertions": assertions}


def library() -> Any:
    """The module `c2pa`. Raises SignError where it is not installed, or this machine cannot load it."""
    try:
        import c2pa
    except (ImportError, OSError) as error:  # OSError: a native library for another system
        raise SignError(f"to sign and to read signatures, {INSTALL}") from error
    return c2pa


def context(anchors: Sequence[bytes] = ()) -> Any:
    """A context of the library that asks nobody over the network and trusts the user's own root, and `anchors` (PEM)."""
    c2pa = library()
    roots = b"".join([root for root in [own_root()] if root] + list(anchors)).decode("latin-1")
    settings = {
        "version": 1,
        "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {"backing_store_memory_threshold_in_mb": MEMORY_MB},
    }
    if roots:
        settings["trust"] = {"user_anchors": roots}
    return c2pa.Context(c2pa.Settings.from_dict(settings))


def _add_source(builder: Any, source: Path, number: int) -> None:
    """A given clip or picture as an ingredient, with its own manifest where it has one."""
    c2pa = library()
    ingredient = {"title": source.name, "relationship": "componentOf", "label": _label(number)}
    kind = KINDS.get(source.suffix.lower())
    try:
        if kind is None:
            raise c2pa.C2paError("no place for a manifest")
        with open(source, "rb") as file:
            builder.add_ingredient(ingredient, kind, file)
    except c2pa.C2paError:  # a container without a place for manifests, or one that is not what its name says
        builder.add_ingredient(ingredient, "application/octet-stream", io.BytesIO())


def _label(number: int) -> str:
    return f"source-{number}"


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return " ".join(str(error).split())[:160] or type(error).__name__
