"""Which models the loader offers, and how one becomes MODEL, CLIP and VAE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import folder_paths
from safetensors import SafetensorError, safe_open

from ..errors import UsageError, WeightsError

FOLDER = "longtake"
BOX = "in the box"
PREFIXES = ("model.diffusion_model.", "diffusion_model.", "")


def register() -> None:
    """Tell the host about models/longtake."""
    folder_paths.add_model_folder_path(FOLDER, str(Path(folder_paths.models_dir) / FOLDER))


def names() -> list[str]:
    """The box, then every weights folder and safetensors file in models/longtake."""
    found = set()
    for root in map(Path, folder_paths.get_folder_paths(FOLDER)):
        if root.is_dir():
            found |= {p.parent.relative_to(root).as_posix() for p in root.glob("**/manifest.json") if p.parent != root}
            single = (p for p in root.glob("**/*.safetensors") if not (p.parent / "manifest.json").exists())
            found |= {p.relative_to(root).as_posix() for p in single}
    return [BOX, *sorted(found)]


def load(name: str, recaption: bool = True) -> tuple[Any, Any, Any]:
    """(MODEL, CLIP, VAE); the CLIP rewrites prompts as captions if `recaption`. A single file (as Save Model writes it) holds
    the transformer; the rest is the box's.

    Raises UsageError for a name that is not offered, WeightsError where weights are missing, changed or do not fit.
    """
    from ..models.load import WEIGHTS, load_recaptioner, load_state, load_vae, read_manifest
    from .clip import make_clip
    from .model import make_model
    from .vae import HostVAE

    offered = names()
    if name not in offered:
        raise UsageError(f"model {name!r}: not in models/{FOLDER}; give one of {', '.join(offered)}")
    folder = WEIGHTS
    if name != BOX and not name.endswith(".safetensors"):
        folder = _path(name)
    info = read_manifest(folder)["info"]
    state, config = load_state("dit", folder)
    if name.endswith(".safetensors"):
        state = _transformer(_path(name), state)
    vae = load_vae(folder)
    clip = make_clip(lambda text: load_recaptioner(text, folder), recaption)
    return make_model(state, config, vae, float(info.get("shift", 1.0))), clip, HostVAE(vae)


def _path(name: str) -> Path:
    for root in map(Path, folder_paths.get_folder_paths(FOLDER)):
        path = root / name
        if path.exists() and folder_paths.is_within_directory(str(root), str(path)):
            return path
    raise UsageError(f"model {name!r}: it is not inside models/{FOLDER}; give a name from the list")


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
