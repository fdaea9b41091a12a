"""For tests of every room: the command line, weights of a few megabytes (the real nets, small and random), and denoisers whose
answer is known in closed form, with the signature of the transformer in the box."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # processes side by side, each as fast as it can be on one thread; before torch is there
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if "LONGTAKE_HOME" not in os.environ:  # nobody's own certificate is used or made by a test
    os.environ["LONGTAKE_HOME"] = tempfile.mkdtemp(prefix="longtake-tests-")

import pytest
import torch
from comfyui_longtake.engine.flow import FlowDenoiser
from comfyui_longtake.engine.noise_matrix import ramp_rows
from comfyui_longtake.models.box import identity
from comfyui_longtake.models.prompts.scene import Scene, Subject

SHAPE = (3, 2, 2)
ROOT = Path(__file__).resolve().parent.parent
sys.path[:] = [
    path for path in sys.path if Path(path or ".").resolve() != ROOT
]  # `python -m pytest`: `nodes` and `models` are packages

PLAIN = Scene((Subject("dog", "red"),), "meadow", "noon", "clear", "stand", "static", 5)


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """Folder of a complete, untrained bundle: the shipped classes at their smallest sizes."""
    return save_tiny_nets(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def weights_of_then(tmp_path_factory):
    """Such a folder with latents as they were in the first version: groups of four frames."""
    return save_tiny_nets(tmp_path_factory.mktemp("weights"), channels=128, frames=4)


def save_tiny_nets(folder, **latent):
    """Writes a bundle of the smallest nets, with latents of so many `channels` and `frames`, and gives its folder."""
    from comfyui_longtake.models.dit import DiTConfig, VideoDiT
    from comfyui_longtake.models.load import config_of, save_net
    from comfyui_longtake.models.vae import VAEConfig, VideoVAE

    torch.manual_seed(0)
    vae = VideoVAE(VAEConfig(encoder=(8, 8, 8), decoder=(16, 8, 8, 8), blocks=(1, 1, 1, 1), **latent))
    teach_smooth_pictures(vae)
    save_net("vae", vae, config_of(vae), folder=folder)
    dit = VideoDiT(DiTConfig(channels=vae.channels, width=64, depth=1))
    for name, parameter in dit.named_parameters():
        if name.startswith(("out.", "modulate.")):
            torch.nn.init.normal_(parameter, std=0.05)
    info = {"steps": 4, "shift": 2.0}
    save_net("dit", dit, config_of(dit), folder=folder, info=info)
    return folder


def teach_smooth_pictures(vae, steps=150):
    """Let smooth pictures come back, so that a test can tell them apart."""
    coarse = torch.rand(steps, 3, 8, 4, 4)
    vae.fit_base([grown(coarse[:16])])
    optimizer = torch.optim.Adam(vae.decoder.parameters(), 0.01)
    for k in range(steps):
        pixels = grown(coarse[k : k + 1])
        optimizer.zero_grad()
        (vae.draw(vae.code(pixels).detach()) - pixels).square().mean().backward()
        optimizer.step()
    vae.requires_grad_(False)


def grown(coarse):
    """Colours [B, 3, 8, 4, 4] as pixels [B, 8, 32, 32, 3]."""
    return torch.nn.functional.interpolate(coarse, size=(8, 32, 32), mode="trilinear").permute(0, 2, 3, 4, 1)


@pytest.fixture
def longtake(tmp_path, monkeypatch, capsys):
    """`longtake(*words)` runs in an empty folder and gives (exit code, standard output, standard error)."""
    from comfyui_longtake.cli import main

    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


class GaussianDit:
    """Exact velocity for frames that are independent Gaussians of mean means[prompt] and deviation `std`.

    Its ODE ends at mean + std * noise. `calls` lists (levels, prompts, roles, positions) of every call.
    """

    def __init__(self, means=(0.5, -2.0), std=0.3):
        self.means, self.std, self.calls = torch.tensor(means), std, []

    def mean(self, x, sigma, prompt, role, position):
        return self.means[prompt][:, None, :, None, None]

    def __call__(self, x, sigma, ctx, prompt, role, position, fps):
        self.calls.append((sigma.clone(), prompt.clone(), role.clone(), position.clone()))
        s = sigma[:, None, :, None, None]
        mean = self.mean(x, sigma, prompt, role, position)
        variance = (1 - s) ** 2 * self.std**2 + s**2 + 1e-12
        return (s - (1 - s) * self.std**2) * (x - (1 - s) * mean) / variance - mean


class LineDit(GaussianDit):
    """Frames lie on straight lines in time between context frames, and on the line through all of them beyond."""

    def __init__(self, std=0.001):
        super().__init__((0.0,), std)

    def mean(self, x, sigma, prompt, role, position):
        place, clean = position[0].tolist(), x / (1 - sigma[:, None, :, None, None]).clamp_min(1e-3)
        context = [k for k, r in enumerate(role[0].tolist()) if r == 1]
        mean = torch.zeros_like(x)
        for k in range(x.shape[2]) if context else ():
            before = [c for c in context if place[c] <= place[k]]
            after = [c for c in context if place[c] >= place[k]]
            a, b = (before[-1], after[0]) if before and after else (context[0], context[-1])
            slope = (clean[:, :, b] - clean[:, :, a]) / max(1.0, place[b] - place[a])
            mean[:, :, k] = clean[:, :, a] + slope * (place[k] - place[a])
        return mean


@pytest.fixture
def shape():
    """(C, h, w) of the latents in these tests."""
    return SHAPE


@pytest.fixture
def gaussian():
    """(dit, denoiser) of independent Gaussian frames."""
    dit = GaussianDit()
    return dit, FlowDenoiser(dit, None, fps=8, identity="gaussian")


@pytest.fixture
def line():
    """(dit, denoiser) of frames on a line through their context."""
    dit = LineDit()
    return dit, FlowDenoiser(dit, None, fps=8, identity="line")


@pytest.fixture
def make_gaussian():
    """Makes (dit, denoiser) with the options of FlowDenoiser."""

    def make(means=(0.5, -2.0), std=0.3, order=1, cfg=1.0, **options):
        dit = GaussianDit(means, std)
        name = identity("gaussian", ("euler", "multistep")[order - 1], cfg, 8)
        return dit, FlowDenoiser(dit, None, fps=8, order=order, cfg=cfg, identity=name, **options)

    return make


@pytest.fixture(scope="session")
def ramp():
    """Makes the whole ramp [K + every (frames - 1) + 1, frames]; `reverse` finishes the last frame first."""

    def make(levels, frames, every, reverse=False):
        matrix = ramp_rows(levels, range(len(levels) + every * (frames - 1)), range(frames), every)
        return matrix.flip(1) if reverse else matrix

    return make


@pytest.fixture(scope="session")
def make_scene():
    """The plain scene with some attributes changed; `subject` and `colour` are those of its only figure."""

    def make(**changes):
        figure = PLAIN.subjects[0]
        figure = Subject(changes.pop("subject", figure.kind), changes.pop("colour", figure.colour))
        return replace(PLAIN, **{"subjects": (figure,), **changes})

    return make


def processes(tag: str) -> dict[int, str]:
    """Ids and command lines of the processes that have `tag` among their variables, and of what they have started."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if tag.encode() in (entry / "environ").read_bytes() and "State:\tZ" not in (entry / "status").read_text():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


@pytest.fixture
def keep_killing(tmp_path):
    """`keep_killing(words, victim, after, anew, few)` runs a `longtake` command again and again, `kill -9`ing at random moments it
    or one of the processes it has started whose command line `victim(line)` picks, as often as LONGTAKE_KILLS says (`few` times
    without it); then lets it end and gives its standard output. `after()` is called each time that it has ended, when nothing runs
    any more that it had started; `anew()` where it has made all before there were so many kills."""
    if not sys.platform.startswith("linux"):
        pytest.skip("looks at /proc")

    def run(words, victim, after, anew, few, wait=(1.0, 9.0)):
        left, rng = int(os.environ.get("LONGTAKE_KILLS", few)), random.Random(0)
        command, tag = [sys.executable, "-m", "comfyui_longtake", *map(str, words)], f"LONGTAKE_TEST={uuid.uuid4().hex}"
        environment = os.environ | dict([tag.split("=")])
        while True:
            with (tmp_path / "stderr.txt").open("w+") as errors:
                process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
                moment = time.monotonic() + rng.uniform(*wait)
                while left and process.poll() is None:
                    time.sleep(0.05)
                    if time.monotonic() > moment:
                        targets = [pid for pid, line in processes(tag).items() if victim(line)]
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(rng.choice([process.pid, *targets]), signal.SIGKILL)
                        moment, left = time.monotonic() + rng.uniform(*wait), left - 1
                out = process.communicate(timeout=400)[0]
                errors.seek(0)
                said = errors.read()
            deadline = time.monotonic() + 30
            while over := processes(tag):
                assert time.monotonic() < deadline, f"left over: {over}"
                time.sleep(0.1)
            after()
            if process.returncode != -signal.SIGKILL:
                assert process.returncode == 0, said
                if not left:
                    return out
                anew()

    return run
