"""A training run that can be stopped and resumed: time budget, EMA, checkpoints, loss log, plot and progress bar."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ...errors import WeightsError

log = logging.getLogger(__name__)


def fastest_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where it is measured to be faster than float32, else float32 (CPUs without it are 60 times slower)."""
    if device.type == "cuda":
        return torch.bfloat16

    def seconds(dtype: torch.dtype) -> float:
        a = torch.randn(512, 512, dtype=dtype, device=device)
        a @ a
        begin = time.perf_counter()
        for _ in range(4):
            a @ a
        return time.perf_counter() - begin

    return torch.bfloat16 if seconds(torch.bfloat16) < 0.8 * seconds(torch.float32) else torch.float32


class EMA:
    """Exponential moving average of a model's weights in float32; the decay warms up so that short runs work too."""

    def __init__(self, model: nn.Module, decay: float):
        self.decay, self.steps = decay, 0
        state = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self.shadow = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average towards the model."""
        self.steps += 1
        d = min(self.decay, (1 + self.steps) / (10 + self.steps))
        new = [v.detach() for v in model.state_dict().values()]
        old = list(self.shadow.values())
        for o, n in zip(old, new, strict=True):
            if o.is_floating_point():
                o.lerp_(n.float(), 1 - d)
            else:
                o.copy_(n)


class Run:
    """One training run in folder `out`, resumed if a checkpoint is there.

    `minutes` bounds this segment; `total` is the planned length of all segments together, over which the learning rate
    warms up, holds, and decays linearly to zero in its last `decay` part. Time spent is counted over all segments.
    """

    def __init__(
        self,
        out: Path,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        minutes: float,
        total: float,
        warmup: int = 100,
        decay: float = 0.4,
        ema: float = 0.998,
        every: float = 120.0,
    ):
        self.out, self.model, self.optimizer = out, model, optimizer
        self.minutes, self.total, self.warmup, self.decay, self.every = minutes, total, warmup, decay, every
        self.step, self.spent = 0, 0.0
        self.losses: list[tuple[int, float]] = []
        self.base = [g["lr"] for g in optimizer.param_groups]
        self.ema = EMA(model, ema)
        out.mkdir(parents=True, exist_ok=True)
        if (out / "state.json").exists():
            self._resume()

    def progress(self) -> float:
        """How much of the whole plan is done, 0..1."""
        return min(1.0, self.spent / (self.total * 60))

    def steps(self) -> Iterator[int]:
        """Yield step numbers until the segment's or the plan's time is over; saves at intervals and at the end."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        begin = last_save = time.monotonic()
        before = self.spent
        limit = min(self.minutes * 60, self.total * 60 - before)
        columns = ("{task.description}", BarColumn(), TextColumn("{task.fields[note]}"), TimeRemainingColumn())
        try:
            with Progress(*columns) as bar:
                task = bar.add_task(self.out.name, total=max(limit, 1e-6), note="")
                while (now := time.monotonic()) - begin < limit:
                    self.spent = before + now - begin
                    self._schedule()
                    yield self.step
                    self.step += 1
                    note = f"step {self.step}" + (f" loss {self.losses[-1][1]:.4f}" if self.losses else "")
                    bar.update(task, completed=time.monotonic() - begin, note=note)
                    if time.monotonic() - last_save > self.every:
                        self.save()
                        last_save = time.monotonic()
        finally:
            self.spent = before + time.monotonic() - begin
            self.save()

    def update(self, loss: Tensor, **parts: float) -> None:
        """Backward, clip, optimiser step, EMA, log line."""
        self.optimizer.zero_grad(set_to_none=True)
        self._backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if torch.isfinite(norm):
            self.optimizer.step()
            self.ema.update(self.model)
        else:
            log.warning("step %d: gradient not finite, step skipped", self.step)
        if self.step % 10 == 0:
            self.losses.append((self.step, loss.item()))
            with open(self.out / "log.jsonl", "a", encoding="utf-8") as f:
                row = {"step": self.step, "seconds": round(self.spent, 1), "loss": loss.item(), **parts}
                f.write(json.dumps(row) + "\n")

    def _backward(self, loss: Tensor) -> None:
        """Set the gradients of the model's parameters."""
        loss.backward()

    def _schedule(self) -> None:
        p = self.progress()
        scale = min(1.0, (self.step + 1) / self.warmup) * min(1.0, (1 - p) / self.decay)
        for group, lr in zip(self.optimizer.param_groups, self.base, strict=True):
            group["lr"] = lr * max(scale, 0.0)

    def save(self) -> None:
        """Write model, optimiser and average; each file is complete or absent."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"ema.{k}": v for k, v in self.ema.shadow.items()}
        tensors |= optimizer_tensors(self.optimizer)
        tmp = self.out / "checkpoint.tmp"
        save_file({k: v.detach().contiguous().cpu().clone() for k, v in tensors.items()}, tmp)
        os.replace(tmp, self.out / "checkpoint.safetensors")
        state = {"step": self.step, "spent": self.spent, "ema_steps": self.ema.steps}
        (self.out / "state.tmp").write_text(json.dumps(state), encoding="utf-8")
        os.replace(self.out / "state.tmp", self.out / "state.json")
        if self.losses:
            plot_losses(self.out)

    def _resume(self) -> None:
        try:
            self._load()
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as e:
            raise WeightsError(
                f"the run in {self.out} cannot be continued: it is damaged or of another net; give another folder"
            ) from e
        log.info("resumed %s at step %d, %.1f min", self.out, self.step, self.spent / 60)

    def _load(self) -> None:
        state = json.loads((self.out / "state.json").read_text(encoding="utf-8"))
        tensors = load_file(self.out / "checkpoint.safetensors")
        self.step, self.spent, self.ema.steps = state["step"], state["spent"], state["ema_steps"]
        self.model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
        for k, v in tensors.items():
            if k.startswith("ema."):
                self.ema.shadow[k[4:]].copy_(v)
        fill_optimizer(self.optimizer, tensors)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers of its parameters, as named tensors of a checkpoint."""
    slots = optimizer.state_dict()["state"].items()
    return {f"optim.{i}.{k}": torch.as_tensor(v) for i, slot in slots for k, v in slot.items()}


def fill_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give an optimiser back what `optimizer_tensors` told of it; other tensors of the checkpoint are left alone."""
    slots: dict[int, dict[str, Tensor]] = {}
    for k, v in tensors.items():
        if k.startswith("optim."):
            _, i, name = k.split(".", 2)
            slots.setdefault(int(i), {})[name] = v
    optimizer.load_state_dict({**optimizer.state_dict(), "state": slots})


def plot_losses(out: Path) -> None:
    """Draw log.jsonl of a run folder as loss.png: the loss and its running mean."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    x, y = [r["step"] for r in rows], [r["loss"] for r in rows]
    mean, means = y[0], []
    for v in y:
        mean += 0.05 * (v - mean)
        means.append(mean)
    figure, axes = plt.subplots(figsize=(7, 3.5))
    axes.plot(x, y, alpha=0.3, lw=0.8)
    axes.plot(x, means)
    axes.set(xlabel="step", ylabel="loss", yscale="log" if min(y) > 0 else "linear", title=out.name)
    figure.tight_layout()
    figure.savefig(out / "loss.png", dpi=90)
    plt.close(figure)


def save_strip(path: Path, rows: list[Tensor]) -> None:
    """Write clips [T, H, W, 3] in 0..1 as a picture: one row a clip, frames side by side."""
    from PIL import Image

    strip = torch.cat([torch.cat(list(r), 1) for r in rows], 0)
    Image.fromarray((strip.clamp(0, 1) * 255).round().byte().cpu().numpy()).save(path)
