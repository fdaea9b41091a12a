"""Weights in the box: safetensors shards with a manifest, every file checked by its SHA-256 before use."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from ..engine.capability import Capability
from ..errors import UsageError, WeightsError
from .adapter import TextAdapter, edition_of
from .box import capability_of, model_name
from .dit import DiTConfig, VideoDiT
from .manifest import MANIFEST, SHARD_NAME, WEIGHTS, read_manifest, read_regular
from .prompts.scene import FULL, WORLDS
from .recaption import Recaptioner
from .text import TextEncoder, load_text
from .vae import VideoVAE, config_from

SHARD = 15 * 2**20
"""Bytes of tensors in one shard; with its header a file stays under 16 MiB."""

OTHER = "this version cannot build, of another latent for one: take weights made with this version, or reinstall LongTake"
"""What is wrong with a configuration of another net."""


@dataclass
class Bundle:
    """Everything a render needs. `info` are the manifest's notes: steps, shift, cfg, fps, world; `name` is that of the weights
    on a reel."""

    text: TextEncoder
    vae: VideoVAE
    dit: VideoDiT
    info: dict
    recaption: Recaptioner
    name: str = ""

    @property
    def capability(self) -> Capability:
        """What the model can do."""
        return capability_of(self.info, self.vae.channels, self.vae.frames_per_latent, self.vae.spatial, self.name)

    def states(self, prompts: Sequence[str], *, as_written: bool = False) -> list[Tensor]:
        """Token states [1, L, 384] of each prompt, encoded on its own, so that they do not depend on the others."""
        texts = list(prompts) if as_written else [r.text for r in self.recaption(prompts)]
        return [self.text([text])[0] for text in texts]


def save_net(
    name: str,
    net: nn.Module,
    config: dict,
    *,
    folder: Path = WEIGHTS,
    dtype: torch.dtype = torch.float16,
    info: dict | None = None,
) -> list[Path]:
    """Write a net as NAME-k.safetensors shards and enter them, with `config`, in the folder's manifest.

    Floating-point tensors are stored in `dtype`. Shards of an earlier version of the net are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest: dict[str, Any] = {"version": 1, "nets": {}, "info": {}}
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for key, value in net.state_dict().items():
        value = value.detach().cpu().to(dtype if value.is_floating_point() else value.dtype).contiguous()
        if shards[-1] and size + value.nbytes > SHARD:
            shards.append({})
            size = 0
        shards[-1][key] = value
        size += value.nbytes
    paths, files = [], {}
    for k, shard in enumerate(shards, 1):
        blob = save(shard)
        path = folder / f"{name}-{k}.safetensors"
        _replace(path, blob)
        files[path.name] = hashlib.sha256(blob).hexdigest()
        paths.append(path)
    for old in manifest["nets"].get(name, {}).get("files", {}):
        if old not in files:
            (folder / old).unlink(missing_ok=True)
    manifest["nets"][name] = {"config": config, "files": files}
    manifest["info"] |= info or {}
    _replace(folder / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    return paths


def _replace(path: Path, blob: bytes) -> None:
    tmp = path.with_suffix(".tmp")
    tmp.write_bytes(blob)
    os.replace(tmp, path)


def load_state(name: str, folder: Path = WEIGHTS) -> tuple[dict[str, Tensor], dict]:
    """Float32 tensors and config of one net; raises WeightsError where a file is missing, changed or unreadable."""
    entry = read_manifest(folder)["nets"].get(name)
    if entry is None:
        raise WeightsError(f"the weights in {folder} hold no net named {name!r}: reinstall LongTake")
    state: dict[str, Tensor] = {}
    for file, digest in entry["files"].items():
        path = folder / file
        if not SHARD_NAME.fullmatch(file):
            raise WeightsError(f"{folder / MANIFEST} names {file[:80]!a}, which is not a weight file of its own folder")
        try:
            blob = read_regular(path)
        except OSError as e:
            raise WeightsError(f"weight file {path} is missing or unreadable: reinstall LongTake ({e.strerror})") from e
        if hashlib.sha256(blob).hexdigest() != digest:
            raise WeightsError(f"weight file {path} is damaged or was changed (its SHA-256 differs): reinstall LongTake")
        try:
            shard = load(blob)
        except (SafetensorError, ValueError, KeyError) as e:
            raise WeightsError(f"weight file {path} is no safetensors file: reinstall LongTake") from e
        if not shard:
            raise WeightsError(f"weight file {path} is empty, it holds no tensor: reinstall LongTake")
        state |= shard
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}, entry["config"]


def manifest_id(manifest: dict) -> str:
    """A short hash of the nets a manifest lists: of their configurations and of every byte of their weights."""
    return hashlib.sha256(json.dumps(manifest["nets"], sort_keys=True).encode()).hexdigest()[:12]


def fill(net: nn.Module, state: dict[str, Tensor], name: str) -> None:
    """Load a state dict into its net, in eval mode and frozen; raises WeightsError where they do not fit."""
    try:
        net.load_state_dict(state)
    except RuntimeError as e:
        raise WeightsError(f"the weights of {name!r} do not fit this version's net: reinstall LongTake") from e
    net.eval().requires_grad_(False)


def check_size(widths: Sequence[int], depth: int, state: dict[str, Tensor], name: str) -> None:
    """Raises WeightsError where a net of these sizes has more numbers than its files hold: it would be built for nothing, and
    may be larger than the memory."""
    held = sum(value.numel() for value in state.values())
    if depth * max(widths) ** 2 > held:
        raise WeightsError(
            f"the weights of {name!r} do not fit this version's net: {held:,} numbers are too few; reinstall LongTake"
        )


def load_vae(folder: Path = WEIGHTS) -> VideoVAE:
    """The VAE in float32 on the CPU."""
    state, config = load_state("vae", folder)
    check_size(config.get("decoder", (1,)), max(config.get("blocks", (1,))), state, "vae")
    try:
        vae = VideoVAE(config_from(config))
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError) as e:
        raise WeightsError(f"{folder / MANIFEST} describes a VAE {OTHER}") from e
    fill(vae, state, "vae")
    return vae


def load_dit(folder: Path = WEIGHTS) -> VideoDiT:
    """The transformer, its text adapter included, in float32 on the CPU."""
    state, config = load_state("dit", folder)
    check_size([config.get("width", 1)], config.get("depth", 1), state, "dit")
    try:
        dit = VideoDiT(DiTConfig(**config))
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError, AssertionError) as e:
        raise WeightsError(f"{folder / MANIFEST} describes a transformer {OTHER}") from e
    fill(dit, state, "dit")
    return dit


def load_bundle(device: torch.device | str = "cpu", weights: Path | None = None) -> Bundle:
    """All nets in float32 on `device`, from `weights` or the folder in the box; raises WeightsError in one clear line."""
    folder = weights or WEIGHTS
    manifest, text = read_manifest(folder), load_text(device)
    vae, dit = load_vae(folder).to(device), load_dit(folder).to(device)
    recaption = load_recaptioner(text, folder, dit.adapter)
    return Bundle(text, vae, dit, manifest["info"], recaption, model_name(manifest_id(manifest)))


def load_recaptioner(text: TextEncoder, folder: Path = WEIGHTS, adapter: TextAdapter | None = None) -> Recaptioner:
    """What rewrites prompts for the weights in `folder`: the net "text", or where there is none the transformer's own `adapter`,
    which is loaded where it is not given. Raises WeightsError."""
    manifest = read_manifest(folder)
    if "text" in manifest["nets"]:
        state, config = load_state("text", folder)
        net = TextAdapter(edition=config.get("edition", 1))
        fill(net, state, "text")
    else:
        net = adapter or adapter_in(load_state("dit", folder)[0])
    return Recaptioner(text, net.to(text.device), WORLDS.get(manifest["info"].get("world"), FULL))


def adapter_in(state: dict[str, Tensor], prefix: str = "adapter.") -> TextAdapter:
    """The text adapter among the tensors of a transformer, whose names begin with `prefix`. Raises WeightsError."""
    words = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    try:
        adapter = TextAdapter(edition=edition_of(words))
    except (KeyError, StopIteration) as e:
        raise WeightsError("the weights of 'dit' hold no text adapter that this version knows: reinstall LongTake") from e
    fill(adapter, words, "dit")
    return adapter


def pick_device(name: str | None = None) -> torch.device:
    """The device of that name; None or "auto" takes a GPU where there is one. Raises UsageError where torch has none."""
    if name in (None, "auto"):
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(str(name))
        torch.zeros(1, device=device).item()  # some names stand for devices that hold no numbers
    except (RuntimeError, AssertionError, NotImplementedError, ImportError, AttributeError, TypeError, ValueError) as error:
        raise UsageError(f"device {str(name)[:40]!r}: torch {torch.__version__} has no such device; use auto or cpu") from error
    return device


def config_of(net: VideoVAE | VideoDiT) -> dict:
    """A net's config as the manifest stores it."""
    return asdict(net.cfg)
