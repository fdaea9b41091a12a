"""One long take made in four ways, as graphs: by this pack, in one shot, clip after clip, and by context windows.

All are derived from one graph that holds a Long Take, so that model, prompts, steps, guidance and seed are the same.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from ..farm.graph import Graph, label


@dataclass(frozen=True)
class Length:
    """Seconds of the take and of one clip, at `fps`; frames handed on from clip to clip; latents of a context window and
    how many of them it shares with the next."""

    seconds: float
    clip: float = 4.0
    fps: float = 8.0
    carried: int = 1
    window: int = 8
    shared: int = 2


@dataclass(frozen=True)
class Roles:
    """The nodes of a graph that are changed: film, sampling, planner, prompt, output."""

    film: str
    sampling: str
    planner: str
    prompt: str
    video: str


def roles(graph: Graph) -> Roles:
    """Finds them. Raises UsageError for a graph that is no plain Long Take."""
    films = [node for node, content in graph.items() if content["class_type"] == "LongTakeFilm"]
    if len(films) != 1:
        raise UsageError(
            f"the graph has {len(films)} Long Take nodes: give one with exactly one, such as workflows/api/minute.json"
        )
    film = films[0]
    sampling = _source(graph, film, "sampling", "LongTakeSampling")
    planner = _source(graph, film, "latent", "LongTakePlanner")
    prompt = _source(graph, sampling, "positive", "CLIPTextEncode")
    videos = [node for node, content in graph.items() if content["class_type"] == "LongTakeVideo"]
    if len(videos) != 1:
        raise UsageError(f"the graph has {len(videos)} Video from Latent nodes: give one with exactly one")
    return Roles(film, sampling, planner, prompt, videos[0])


def _source(graph: Graph, node: str, name: str, kind: str) -> str:
    link = graph[node]["inputs"].get(name)
    found = link[0] if isinstance(link, list) else None
    if found is None or graph[found]["class_type"] != kind:
        raise UsageError(f"{label(graph, node)}: its {name} does not come from {kind}; give a graph like workflows/api/minute.json")
    return found


def long_take(graph: Graph, length: Length, prompt: str, seed: int) -> Graph:
    """The graph itself, with this prompt, length and seed, and no reel."""
    graph, found = _told(graph, prompt, seed)
    graph[found.film]["inputs"] |= {"shots": f"{length.seconds:g}: {prompt}", "reel": "", "fade": 0}
    return graph


def one_shot(graph: Graph, length: Length, prompt: str, seed: int) -> Graph:
    """All frames at once by the host's KSampler and VAE Decode."""
    graph, found = _told(graph, prompt, seed)
    graph[found.planner]["inputs"]["seconds"] = length.seconds
    graph["sample"] = _ksampler(graph, found, seed, [found.planner, 0])
    graph["decode"] = _node("VAEDecode", samples=["sample", 0], vae=graph[found.video]["inputs"]["vae"])
    return _shown(graph, found, ["decode", 0])


def windows(graph: Graph, length: Length, prompt: str, seed: int) -> Graph:
    """All frames in one sampler run by the host's Context Windows."""
    graph = one_shot(graph, length, prompt, seed)
    graph["windows"] = _node(
        "ContextWindowsManual",
        model=graph["sample"]["inputs"]["model"],
        context_length=length.window,
        context_overlap=length.shared,
        context_schedule="standard_static",
        context_stride=1,
        closed_loop=False,
        fuse_method="pyramid",
        dim=2,
        freenoise=True,
        cond_retain_index_list="",
        split_conds_to_windows=False,
        latent_retain_index_list="",
        causal_window_fix=True,
    )
    graph["sample"]["inputs"]["model"] = ["windows", 0]
    return graph


def chain(graph: Graph, length: Length, prompt: str, seed: int) -> Graph:
    """Clip after clip by the host's KSampler, each begun with the last frames of the one before it."""
    graph, found = _told(graph, prompt, seed)
    vae = graph[found.video]["inputs"]["vae"]
    graph[found.planner]["inputs"]["seconds"] = length.clip
    more = math.ceil(max(0.0, length.seconds - length.clip) / (length.clip - length.carried / length.fps))
    graph["sample0"] = _ksampler(graph, found, seed, [found.planner, 0])
    graph["decode0"] = _node("VAEDecode", samples=["sample0", 0], vae=vae)
    film = "decode0"
    for part in range(1, more + 1):
        last, known, sample, decode, new, whole = (f"{name}{part}" for name in ("last", "known", "sample", "decode", "new", "film"))
        graph[last] = _node("ImageFromBatch", image=[f"decode{part - 1}", 0], batch_index=-length.carried, length=length.carried)
        graph[known] = _node(
            "LongTakeKnownFrames", latent=[found.planner, 0], vae=vae, fps=[found.planner, 4], first=[last, 0], seconds=""
        )
        graph[sample] = _ksampler(graph, found, seed + part, [known, 0])
        graph[decode] = _node("VAEDecode", samples=[sample, 0], vae=vae)
        graph[new] = _node("ImageFromBatch", image=[decode, 0], batch_index=length.carried, length=4096)
        graph[whole] = _node("ImageBatch", image1=[film, 0], image2=[new, 0])
        film = whole
    return _shown(graph, found, [film, 0])


RIVALS: dict[str, Callable[[Graph, Length, str, int], Graph]] = {
    "long take": long_take,
    "one shot": one_shot,
    "last-frame chain": chain,
    "context windows": windows,
}


def _told(graph: Graph, prompt: str, seed: int) -> tuple[Graph, Roles]:
    graph = copy.deepcopy(graph)
    found = roles(graph)
    graph[found.prompt]["inputs"]["text"] = prompt
    graph[found.sampling]["inputs"]["seed"] = seed
    return graph, found


def _ksampler(graph: Graph, found: Roles, seed: int, latent: list[Any]) -> dict[str, Any]:
    given = graph[found.sampling]["inputs"]
    same = {name: given[name] for name in ("model", "positive", "negative", "steps", "cfg", "sampler_name", "scheduler")}
    return _node("KSampler", seed=seed, latent_image=latent, denoise=1.0, **same)


def _shown(graph: Graph, found: Roles, images: list[Any]) -> Graph:
    """Without this pack's film, sampling and streaming decode; `images` are saved by the host."""
    for node in (found.film, found.sampling, found.video):
        del graph[node]
    graph["video"] = _node("CreateVideo", images=images, fps=[found.planner, 4])
    options = {"format": "mp4", "format.codec": "h264", "codec": "h264"}  # the last one for hosts to 0.33
    graph["save"] = _node("SaveVideo", video=["video", 0], filename_prefix="rival", **options)
    return graph


def _node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}
