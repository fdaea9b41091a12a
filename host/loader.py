"""Which models the loader offers, and how one becomes MODEL, CLIP and VAE."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import folder_paths
from safetensors import SafetensorError, safe_open

from ..errors import LongTakeError, UsageError, WeightsError

FOLDER = "longtake"
BOX = "in the box"
SUFFIXES = {".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".pkl", ".gguf"}
PREFIXES = ("model.diffusion_model.", "diffusion_model.", "")


def register() -> None:
    """Tell the host about models/longtake."""
    folder_paths.add_model_folder_path(FOLDER, str(Path(folder_paths.models_dir) / FOLDER))


def names() -> list[str]:
    """The box, then every weights folder and safetensors file in models/longtake, links to such among them."""
    return [BOX, *sorted(_offered())]


def _offered() -> dict[str, Path]:
    """Models by name; where a name is in two folders, the first."""
    roots = [Path(root) for root in folder_paths.get_folder_paths(FOLDER)]
    return {path.relative_to(root).as_posix(): path for root in reversed(roots) for path in _models(root)}


def _models(root: Path) -> Iterator[Path]:
    """Folders with a manifest below `root`, and safetensors files that belong to none."""
    seen = {os.path.realpath(root)}
    for name, folders, files in os.walk(root, followlinks=True):  # people link models into place
        folder, manifest = Path(name), "manifest.json" in files
        if manifest and folder != root:
            yield folder
        if not manifest:
            yield from (folder / file for file in files if file.endswith(".safetensors") and (folder / file).is_file())
        real = {sub: os.path.realpath(folder / sub) for sub in folders}
        folders[:] = [sub for sub in folders if real[sub] not in seen]  # no ring of links
        seen |= set(real.values())


def load(name: str, recaption: bool = True) -> tuple[Any, Any, Any]:
    """(MODEL, CLIP, VAE); the CLIP rewrites prompts as captions if `recaption`. A single file (as Save Model writes it) holds
    the transformer; the rest is the box's.

    Raises UsageError for a name that is not offered, WeightsError where weights are missing, changed or do not fit.
    """
    from ..models.box import capability_of
    from ..models.load import WEIGHTS, adapter_in, load_recaptioner, load_state, load_vae, read_manifest
    from .box_clip import make_clip
    from .box_model import make_model
    from .box_vae import HostVAE

    path = WEIGHTS if name == BOX else _path(name)
    single = path.suffix == ".safetensors"
    folder = WEIGHTS if single else path
    state, config = load_state("dit", folder)
    if single:
        state = _transformer(path, state)
    vae = load_vae(folder)
    adapter = adapter_in(state)
    clip = make_clip(lambda text: load_recaptioner(text, folder, adapter), recaption)
    info = read_manifest(folder)["info"]
    can = capability_of(info, vae.channels, vae.frames_per_latent, vae.spatial, _weights_name(name, folder))
    return make_model(state, config, vae, can), clip, HostVAE(vae)


def _weights_name(name: str, folder: Path) -> str:
    """What names the weights of a model on a reel: those of a single file are not the folder's."""
    from ..models.box import model_name
    from ..models.load import manifest_id, read_manifest

    if name.endswith(".safetensors"):
        return model_name(hashlib.sha256(weights_id(name).encode()).hexdigest()[:12])
    return model_name(manifest_id(read_manifest(folder)))


def _path(name: str) -> Path:
    """Where a model of the list lies. Raises UsageError for a name that is not in it."""
    offered = _offered()
    if name not in offered:
        raise UsageError(f"model {name[:60]!r}: not in models/{FOLDER}; give one of {', '.join([BOX, *sorted(offered)])}")
    return offered[name]


def weights_id(name: Any) -> str:
    """What tells the weights of a model from others under its name, for reel keys: the hash of their manifest and the shift they
    are sampled with, and of a single file its size and time. Never raises: "" where there are none."""
    from ..models.load import WEIGHTS, manifest_id, read_manifest

    try:
        single = name.endswith(".safetensors")
        manifest = read_manifest(WEIGHTS if single or name == BOX else _path(name))
        stamp = _stamp(_path(name)) if single else ""
        return f"{manifest_id(manifest)} {manifest['info'].get('shift', 1.0)} {stamp}".rstrip()
    except (LongTakeError, OSError, AttributeError, TypeError, ValueError):
        return ""


def file_ids(name: str) -> list[str]:
    """Size and time of the model files of this name in the host's folders, of whatever kind: for reel keys. Never raises."""
    if Path(name).suffix.lower() not in SUFFIXES:
        return []
    found = set()
    for kind in list(folder_paths.folder_names_and_paths):
        try:
            path = folder_paths.get_full_path(kind, name)
            found |= {_stamp(Path(path))} if path else set()
        except (OSError, ValueError):
            continue
    return sorted(found)


def _stamp(path: Path) -> str:
    """Size and time, in whole seconds because not every file system keeps more, of a file."""
    found = path.stat()
    return f"{found.st_size} {int(found.st_mtime)}"


def _transformer(path: Path, box: dict[str, Any]) -> dict[str, Any]:
    """Tensors of a saved transformer that has the layout of the one in the box."""
    try:
        with safe_open(str(path), "pt") as file:
            keys = set(file.keys())
            prefix = next((p for p in PREFIXES if all(p + key in keys for key in box)), None)
            if prefix is None:
                raise WeightsError(f"{path.name}: not a LongTake transformer of this version; give a file saved from one")
            state = {key: file.get_tensor(prefix + key) for key in box}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path.name}: not a readable safetensors file; copy or save it again") from error
    for key, tensor in box.items():
        if state[key].shape != tensor.shape:
            raise WeightsError(f"{path.name}: {key} is {tuple(state[key].shape)}, want {tuple(tensor.shape)}; another size of net")
    return state
