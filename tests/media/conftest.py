"""Moving pictures to write, read and mark."""

import av
import numpy as np
import pytest
import torch
from comfyui_longtake.media.sound import RATE


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def clip():
    """clip(frames, height, width): a smooth colour field that moves, [T, H, W, 3] 0..1."""

    def make(frames: int, height: int, width: int) -> torch.Tensor:
        y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
        pictures = [
            torch.stack([0.5 + 0.3 * torch.sin(4 * x + 0.1 * t), 0.2 + 0.6 * y, 0.5 + 0.3 * torch.cos(3 * y - 0.1 * t)], -1)
            for t in range(frames)
        ]
        return torch.stack(pictures)

    return make


@pytest.fixture(scope="session")
def textured():
    """textured(frames, height, width, seed, roughness, speed): a 1/f picture that pans, and a disc that crosses it."""

    def field(height: int, width: int, seed: int, roughness: float) -> torch.Tensor:
        noise = torch.randn(3, height, width, generator=torch.Generator().manual_seed(seed))
        across, down = torch.fft.rfftfreq(width) * width, torch.fft.fftfreq(height) * height
        radius = (down[:, None] ** 2 + across[None] ** 2).sqrt().clamp(min=1)
        shaped = torch.fft.irfft2(torch.fft.rfft2(noise) * radius**-roughness, s=(height, width))
        return (shaped / shaped.std() * 0.18 + 0.5).clamp(0, 1).permute(1, 2, 0)

    def make(frames: int, height: int, width: int, seed: int, roughness: float, speed: int) -> torch.Tensor:
        wide = field(2 * height, 2 * width, seed, roughness)
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        pictures = []
        for t in range(frames):
            picture = wide[t * speed // 2 : t * speed // 2 + height, t * speed : t * speed + width].clone()
            disc = (x - width * 0.2 - 3 * t * speed) ** 2 + (y - height / 2) ** 2 < (height * 0.22) ** 2
            picture[disc] = picture[disc] * 0.4 + torch.tensor([0.4, 0.1, 0.1])
            pictures.append(picture)
        return torch.stack(pictures)

    return make


@pytest.fixture(scope="session")
def beeps():
    """beeps(seconds, rate, every, channels): a wave [channels, n] with a click of 10 ms at every full second."""

    def make(seconds, rate=RATE, every=1.0, channels=1):
        time = np.arange(round(seconds * rate)) / rate
        wave = np.where(time % every < 0.01, 0.8 * np.sin(2 * np.pi * 1000 * time), 0.0)
        return np.repeat(wave[None], channels, 0).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def heard():
    """heard(path): seconds at which a click begins in a film, by the times of its own frames."""

    def find(path):
        parts, begin = [], None
        with av.open(str(path)) as file:
            resampler = av.AudioResampler("flt", "mono", RATE)
            for frame in file.decode(audio=0):
                begin = frame.time if begin is None else begin
                parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        loud = np.abs(np.concatenate(parts)) > 0.2
        first = np.flatnonzero(loud & ~np.concatenate([[False], loud[:-1]]))
        kept = first[np.concatenate([[True], np.diff(first) > RATE // 2])]
        return kept / RATE + begin

    return find
