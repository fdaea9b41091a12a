"""Joins and drift of a take: measured on its pictures, said in words, and told on to what makes a file of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..engine.retry import Lookup, join_around
from ..engine.take import Join
from ..engine.timeline import Timeline
from ..metrics.meter import LISTED, JoinMetrics, Meter, Report, summarise
from ..models.vae import WARM
from .box_vae import HostVAE
from .codec import decode
from .sampling import Sampling

LEAD = 6
"""Latents before a join that are decoded to measure it alone, with another VAE than ours."""
JOINS = "longtake_joins"
"""Key of a LATENT under which the take nodes tell where its joins are. Stock nodes hand it on."""


class JoinFrames(NamedTuple):
    """Frames that begin something: `joins` where shots or known frames meet, `windows` where windows of one shot do."""

    joins: list[int]
    windows: list[int]

    @classmethod
    def of(cls, seams: Iterable[Join], timeline: Timeline) -> JoinFrames:
        """The frames of a take's joins."""
        found = cls([], [])
        for seam in seams:
            (found.windows if seam.kind == "window" else found.joins).append(timeline.frames_for(seam.at))
        return found

    @classmethod
    def read(cls, told: Any) -> JoinFrames:
        """Those in a LATENT, in a reel's metrics or in a file's record; none where it holds no such thing."""
        listed = [told.get(name) if isinstance(told, Mapping) else None for name in cls._fields]
        return cls(*([at for at in some if type(at) is int] if isinstance(some, list) else [] for some in listed))

    def within(self, frames: int) -> JoinFrames:
        """Those inside a video of so many frames."""
        return JoinFrames(*([at for at in some if 0 < at < frames] for some in self))


def told_joins(places: JoinFrames, latents: int) -> dict[str, Any]:
    """What a LATENT of so many latent frames holds of its joins."""
    return {JOINS: {"latents": latents, **places._asdict()}}


def joins_in(latent: Mapping[str, Any], latents: int) -> JoinFrames:
    """Joins that a LATENT tells of; none where it has another length by now."""
    told = latent.get(JOINS)
    return JoinFrames.read(told if isinstance(told, Mapping) and told.get("latents") == latents else None)


def measure_join(sampling: Sampling, latent: Lookup, join: int) -> JoinMetrics | None:
    """The join before latent `join`, measured on the few latents around it that `latent` gives; None where there are none."""

    def show(latents: Tensor) -> list[Tensor]:
        frames: list[Tensor] = []
        decode(sampling.vae, [latents], latents.shape[2], lambda part: frames.append(part[..., :3]), lambda done: None)
        return frames

    lead = WARM if isinstance(sampling.vae, HostVAE) else LEAD
    return join_around(latent, join, sampling.capability.timeline, lead, show)


def measure_joins(sampling: Sampling, latents: Tensor, seams: Sequence[Join]) -> Report:
    """Joins of a take [1, C, T, h, w], each measured on the latents around it alone."""

    def latent(index: int) -> Tensor | None:
        return latents[0, :, index] if index < latents.shape[2] else None

    report = Report(sampling.capability.timeline.frames_for(latents.shape[2]))
    for seam in seams:
        found = measure_join(sampling, latent, seam.at)
        if found is not None:
            (report.windows if seam.kind == "window" else report.joins).append(found)
    return report


def measure_all(sampling: Sampling, latents: Tensor, meter: Meter) -> None:
    """Feeds `meter` on all frames of a take [1, C, T, h, w], a few at a time."""
    with torch.random.fork_rng():
        chunks = iter(latents.split(1, 2))
        decode(sampling.vae, chunks, latents.shape[2], lambda x: meter.add(x[..., :3]), lambda done: None, early=True)


def words(report: Report) -> list[str]:
    """A line on each join, one on those between windows, and one on the drift."""
    lines = [_on(join) for join in report.joins[:LISTED]]
    lines += [f"between shots or clips, further on: {summarise(report.joins[LISTED:])}"] if len(report.joins) > LISTED else []
    lines += [f"between windows: {summarise(report.windows)}"] if report.windows else []
    if report.drift:
        parts = ", ".join(f"{name} {drift.change:+.1%}" for name, drift in report.drift.items())
        lines.append(f"drift, last 15 % against first: {parts}")
    return lines


def _on(join: JoinMetrics) -> str:
    """A line on a join: seam ratio (1 is invisible), acceleration, change of luma."""
    numbers = f"seam {join.ratio:.2f}, acceleration {join.acceleration:.2f}, luma {join.luma_step:+.2f}"
    return f"join at frame {join.frame}: {numbers} ({'smooth' if join.passes else 'may be seen'})"
