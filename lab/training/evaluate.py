"""`longtake evaluate`: what the weights can do, measured on prompts, combinations and renders never trained on, each
figure beside its ceiling (real renders) and its floor (chance)."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from ...engine.request import Request, Shot
from ...engine.settings import Settings
from ...engine.take import collect, joins_of
from ...engine.take import sample as sample_take
from ...metrics.meter import NEAR, measure
from ...models.box import box_denoiser
from ...models.load import Bundle
from ...models.prompts.captions import held_out_wording
from ...models.prompts.scene import ATTRIBUTES, Scene, World
from ...take.operations import Clip, extend, loop, stitch
from ...take.stills import Stills
from ..world.reader import Reader, read
from ..world.render import render
from .likeness import FEWEST, compare
from .reader import reader_accuracy
from .run import save_strip

FIRST_SEED = 30_000_000
"""Scene seeds from here on are used by nothing but the evaluation."""

READ = 400
"""Renders that the attribute reader itself is judged on."""

MINUTE = 60.0
"""Seconds of the long takes."""


@dataclass(frozen=True)
class Plan:
    """How much is measured: `prompts` of every kind, `clips` for VAE and extensions, `pairs` of a sample and a render of
    the same prompt, `longs` takes of a minute."""

    prompts: int = 40
    clips: int = 20
    pairs: int = 40
    longs: int = 0
    size: tuple[int, int] = (160, 256)
    seconds: float = 4.0
    fps: float = 8.0
    steps: int = 16
    cfg: float = 1.0
    device: str = "cpu"


@dataclass
class Result:
    """Rows of the table: name -> figures so far, with how many clips they are of in `counts`; `strips` are example clips
    [T, H, W, 3] with their prompts; `finished` is set when everything planned was measured."""

    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    strips: list[tuple[str, Tensor]] = field(default_factory=list)
    finished: bool = False


def generate(bundle: Bundle, prompt: str, plan: Plan, seed: int, seconds: float | None = None) -> Tensor:
    """A clip [1, T, H, W, 3] of one prompt by the engine and the weights alone."""
    latents = max(1, round((seconds or plan.seconds) * plan.fps / bundle.vae.frames_per_latent))
    shape = (bundle.vae.channels, plan.size[0] // 16, plan.size[1] // 16)
    request = Request(latents, shape, [Shot(seed=seed)], [prompt])
    return bundle.vae.decode(_sampled(bundle, request, plan).to(plan.device)).cpu()


def _sampled(bundle: Bundle, request: Request, plan: Plan) -> Tensor:
    """Latents [1, C, T, h, w] of a request with one prompt."""
    states, uncond = bundle.states([*request.prompts, ""])
    denoiser = box_denoiser(bundle, [states], uncond, fps=plan.fps, cfg=plan.cfg, order=1, device=plan.device)
    return collect(sample_take(request, denoiser, Settings.of(bundle.capability, steps=plan.steps)))


def _hits(scene: Scene, seen: dict[str, str]) -> dict[str, float]:
    want = {k: ATTRIBUTES[k][v] for k, v in scene.labels().items()}
    right = {k: float(seen[k] == v) for k, v in want.items()}
    return right | {"all": float(all(right.values()))}


def _mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {k: sum(r[k] for r in rows) / len(rows) for k in rows[0]}


def chance(world: World) -> dict[str, float]:
    """What guessing would score."""
    single = {k: 1 / len(v) for k, v in world.values().items()}
    joint = 1.0
    for p in single.values():
        joint *= p
    return single | {"all": joint}


@torch.no_grad()
def evaluate(
    bundle: Bundle,
    reader: Reader,
    world: World,
    plan: Plan,
    tick: Callable[[str, Result], None] = lambda _, __: None,
) -> Result:
    """Measure everything in `plan`; `tick` is told what is measured next, and all figures so far."""
    single = World(**{**world.__dict__, "max_subjects": 1})
    result = Result()
    result.rows["floor: chance"] = chance(single)
    tick("attribute reader", result)
    result.rows["ceiling: reader on held-out renders"] = reader_accuracy(reader, single, READ, first_seed=FIRST_SEED)
    result.counts["ceiling: reader on held-out renders"] = READ
    parts = (_vae_rows, _prompt_rows, _likeness_rows, _join_rows, _long_rows)
    for part in parts:
        for doing in part(bundle, reader, single, plan, result):
            tick(doing, result)
    result.finished = True
    return result


def _vae_rows(bundle: Bundle, reader: Reader, world: World, plan: Plan, result: Result) -> Iterator[str]:
    psnr, agree, times = [], [], []
    for i in range(plan.clips):
        yield f"VAE {i + 1}/{plan.clips}"
        scene = world.sample(FIRST_SEED + 60_000 + i, held_out=None)
        x = render([scene], 16, *plan.size, plan.fps)
        begin = time.perf_counter()
        y = bundle.vae.decode(bundle.vae.encode(x.to(plan.device))).cpu()
        times.append(time.perf_counter() - begin)
        psnr.append(float(-10 * (x - y).square().mean().log10()))
        agree.append(_hits(scene, read(reader, y, plan.fps)[0]))
        result.counts |= dict.fromkeys(("ceiling: reader after VAE round trip", "VAE"), i + 1)
        result.rows["ceiling: reader after VAE round trip"] = _mean(agree)
        result.rows["VAE"] = {
            "PSNR dB, mean of clips": sum(psnr) / len(psnr),
            "PSNR dB, worst clip": min(psnr),
            "seconds for 16 frames": statistics.median(times),
        }


def _prompt_rows(bundle: Bundle, reader: Reader, world: World, plan: Plan, result: Result) -> Iterator[str]:
    kinds = {
        "trained combinations, new wording": (False, False),
        "held-out combinations, new wording": (True, False),
        "trained combinations, unseen synonyms": (False, True),
    }
    for name, (held_out, synonyms) in kinds.items():
        hits = []
        for i in range(plan.prompts):
            yield f"{name} {i + 1}/{plan.prompts}"
            scene = world.sample(FIRST_SEED + 10_000 * (1 + held_out + 2 * synonyms) + i, held_out=held_out)
            prompt = held_out_wording(scene, i, synonyms=synonyms)
            clip = generate(bundle, prompt, plan, i)
            hits.append(_hits(scene, read(reader, clip, plan.fps)[0]))
            if i < 4:
                result.strips.append((prompt, clip[0]))
            result.rows[name], result.counts[name] = _mean(hits), i + 1


def _likeness_rows(bundle: Bundle, reader: Reader, world: World, plan: Plan, result: Result) -> Iterator[str]:
    """Samples beside renders of the same scenes; the ceiling is renders of other scenes beside these."""
    samples: list[Tensor] = []
    renders: list[Tensor] = []
    others: list[Tensor] = []
    for i in range(plan.pairs):
        yield f"sample and render {i + 1}/{plan.pairs}"
        scene, other = (world.sample(FIRST_SEED + 90_000 + k, held_out=None) for k in (i, plan.pairs + i))
        samples.append(generate(bundle, held_out_wording(scene, i), plan, i)[0])
        renders.append(render([scene], len(samples[-1]), *plan.size, plan.fps)[0])
        others.append(render([other], len(samples[-1]), *plan.size, plan.fps)[0])
    if len(samples) >= FEWEST:
        for name, clips in (("samples beside renders", samples), ("ceiling: renders beside renders", others)):
            result.counts[name] = plan.pairs
            result.rows[name] = asdict(compare(clips, renders, reader, fps=plan.fps))


def _join_rows(bundle: Bundle, reader: Reader, world: World, plan: Plan, result: Result) -> Iterator[str]:
    """Four seconds made after, before, between and around two (or twice two) seconds of held-out renders."""
    per = bundle.vae.frames_per_latent
    given, new = round(2 * plan.fps / per), round(4 * plan.fps / per)
    for name, make in JOINS.items():
        ratios: list[float] = []
        real: list[float] = []
        for i in range(plan.clips):
            yield f"{name} {i + 1}/{plan.clips}"
            scene = world.sample(FIRST_SEED + 70_000 + i, held_out=None)
            prompt = held_out_wording(scene, i)
            whole = render([scene], per * (2 * given + new), *plan.size, plan.fps)
            z = bundle.vae.encode(whole.to(plan.device)).cpu()
            request, rendered = make(bundle, z, given, new, prompt, i)
            places = [join.at for join in joins_of(request, Settings.of(bundle.capability, steps=plan.steps))]
            made = _sampled(bundle, request, plan)
            ratios += _seams(bundle, made, places, plan)
            real += _seams(bundle, z, places, plan) if rendered else []
            result.counts[name] = i + 1
            result.rows[name] = {"seam ratio, median": statistics.median(ratios), "seam ratio, worst": max(ratios)}
            if real:
                result.rows[name] |= {"ceiling: real continuation, median": statistics.median(real)}


JoinCase = Callable[[Bundle, Tensor, int, int, str, int], tuple[Request, bool]]
"""Latents of a whole render, how many are given, how many are new, prompt and seed -> the request, and whether the render
itself shows what a real continuation measures at its joins."""


def _forward(
    bundle: Bundle, z: Tensor, given: int, new: int, prompt: str, seed: int, backward: bool = False
) -> tuple[Request, bool]:
    can = bundle.capability
    clip = Clip(z[:, :, new : new + given] if backward else z[:, :, :given])
    plan = extend(can, clip, can.timeline.frames_for(new), prompt=prompt, seed=seed, backward=backward)
    return plan.request, True


def _connected(bundle: Bundle, z: Tensor, given: int, new: int, prompt: str, seed: int) -> tuple[Request, bool]:
    can = bundle.capability
    ends = (Clip(z[:, :, :given]), Clip(z[:, :, given + new :]))
    plan = stitch(can, ends, can.timeline.frames_for(new), prompts=(prompt,), seed=seed, stills=_stills(bundle))
    return plan.request, True


def _looped(bundle: Bundle, z: Tensor, given: int, new: int, prompt: str, seed: int) -> tuple[Request, bool]:
    can = bundle.capability
    tail, head = Clip(z[:, :, given : 2 * given]), Clip(z[:, :, :given])
    frames = can.timeline.frames_for(new)
    plan = loop(can, tail, frames, prompt=prompt, seed=seed, stills=_stills(bundle), head=head, ahead=given)
    return plan.request, False


def _stills(bundle: Bundle) -> Stills:
    """Single frames of clips, which ways begin from, as on the command line."""
    vae = bundle.vae
    device = next(vae.parameters()).device

    def decode(latents: Tensor) -> Tensor:
        return vae.decode(latents.to(device)).cpu()[0]

    def encode(frames: Tensor) -> Tensor:
        return vae.encode(frames[None].to(device)).cpu()

    return Stills(decode, encode, bundle.capability.timeline, vae.warm)


JOINS: dict[str, JoinCase] = {
    "extension forward by 4 s": _forward,
    "extension backward by 4 s": partial(_forward, backward=True),
    "two clips connected over 4 s": _connected,
    "loop closed over 4 s": _looped,
}


def _seams(bundle: Bundle, latents: Tensor, places: Sequence[int], plan: Plan) -> list[float]:
    frames = bundle.vae.decode(latents.to(plan.device)).cpu()[0]
    return [_seam(frames, bundle.vae.frames_per_latent * place) for place in places]


def _seam(frames: Tensor, join: int) -> float:
    """Join ratio of the transition into frame `join`, from the frames it is compared with alone."""
    first = max(0, join - NEAR - 1)
    return measure(frames[first : join + NEAR + 1], [join - first]).joins[0].ratio


def _long_rows(bundle: Bundle, reader: Reader, world: World, plan: Plan, result: Result) -> Iterator[str]:
    """Takes of a minute from one prompt, beside renders of the same scenes at the same length."""
    takes: list[dict[str, float]] = []
    renders: list[dict[str, float]] = []
    joins = _minute_joins(bundle, plan)
    for i in range(plan.longs):
        yield f"minute {i + 1}/{plan.longs}"
        scene = world.sample(FIRST_SEED + 80_000 + i, held_out=False)
        clip = generate(bundle, held_out_wording(scene, i), plan, i, MINUTE)
        takes.append(_minute(clip, joins, scene, reader, plan))
        renders.append(_minute(render([scene], clip.shape[1], *plan.size, plan.fps), joins, scene, reader, plan))
        for name, rows in (("takes of a minute", takes), ("ceiling: renders of a minute", renders)):
            result.counts[name] = i + 1
            result.rows[name] = _minutes(rows)


def _minute_joins(bundle: Bundle, plan: Plan) -> list[int]:
    """First frames of every window but the first, in a take of a minute."""
    per = bundle.vae.frames_per_latent
    request = Request(round(MINUTE * plan.fps / per), (1, 1, 1))
    return [per * join.at for join in joins_of(request, Settings.of(bundle.capability, steps=plan.steps))]


def _minute(clip: Tensor, joins: Sequence[int], scene: Scene, reader: Reader, plan: Plan) -> dict[str, float]:
    report = measure(clip[0], joins, fps=plan.fps)
    hits = _hits(scene, read(reader, clip[:, int(clip.shape[1] * 0.85) :], plan.fps)[0])
    row = {name: drift.change for name, drift in report.drift.items()}
    return row | {
        "seam": statistics.median(join.ratio for join in report.joins),
        "subject": hits["subject"],
        "colour": hits["colour"],
    }


def _minutes(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    table = {"seam ratio at joins, median": statistics.median(row["seam"] for row in rows)}
    for name in ("lightness", "chroma", "contrast", "sharpness"):
        table[f"{name} drift, median of amounts"] = statistics.median(abs(row[name]) for row in rows)
    steady = [all(abs(row[k]) <= 0.05 for k in ("lightness", "chroma", "contrast", "sharpness")) for row in rows]
    return table | {
        "share of takes with all four within 5 %": sum(steady) / len(rows),
        "subject right in the last 15 %": sum(row["subject"] for row in rows) / len(rows),
        "colour right in the last 15 %": sum(row["colour"] for row in rows) / len(rows),
    }


def write(result: Result, plan: Plan, out: Path) -> list[Path]:
    """Write evaluation.json, evaluation.md and, at the end, evaluation.png into `out`; returns their paths."""
    out.mkdir(parents=True, exist_ok=True)
    data = {"plan": plan.__dict__, "finished": result.finished, "counts": result.counts, "rows": result.rows}
    data["strips"] = [prompt for prompt, _ in result.strips]
    paths = [out / "evaluation.json", out / "evaluation.md"]
    paths[0].write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    paths[1].write_text(markdown(result), encoding="utf-8")
    if result.strips and result.finished:
        paths.append(out / "evaluation.png")
        save_strip(paths[2], [clip[:: max(1, len(clip) // 6)][:6] for _, clip in result.strips])
    return paths


def markdown(result: Result) -> str:
    """The figures as tables: accuracies by attribute in per cent, then everything else."""
    columns = [*ATTRIBUTES, "all"]
    lines = ["| " + " | ".join(["share of right answers, %", *columns]) + " |", "|" + "---|" * (len(columns) + 1)]
    rest = []
    for name, row in result.rows.items():
        if set(columns) <= set(row):
            lines.append("| " + " | ".join([_named(name, result), *(f"{100 * row[c]:.1f}" for c in columns)]) + " |")
        else:
            rest.append(f"| {_named(name, result)} | " + ", ".join(f"{k} {v:.3g}" for k, v in row.items()) + " |")
    return "\n".join([*lines, "", "| what | measured |", "|---|---|", *rest]) + "\n"


def _named(name: str, result: Result) -> str:
    count = result.counts.get(name)
    return name if count is None else f"{name} ({count})"
