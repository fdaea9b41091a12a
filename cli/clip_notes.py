"""What a render does to the clips and pictures that it is given, each in one line: rate, size, cropping, HDR, sound."""

from pathlib import Path

from ..media import hdr
from ..media.read import VideoInfo

SAME_RATE = 1e-3  # frames a second that two rates may differ by and be called the same
SEEN_CROP = 0.005  # share of a side that is cut off without a word


def clip_notes(clips: list[tuple[Path, VideoInfo]], size: tuple[int, int], fps: float, use: str, heard: bool) -> list[str]:
    """Notes on clips that are read at `size` (width, height) and `fps`; `use` is "image" for a still; `heard`: their sound goes
    into the film."""
    notes = []
    for path, info in dict(clips).items():
        changes = [] if use == "image" else _resampled(info, fps) + _resized(info, size)
        changes += _cropped(info, size)
        if changes:
            notes.append(f"{path.name}: {', '.join(changes)}")
        if info.hdr:
            notes.append(hdr.note(path.name, info.hdr))
    silent = [path.name for path, info in dict(clips).items() if info.sound and use != "image" and not heard]
    if silent:
        notes.append(f"the sound of {' and '.join(silent)} is not carried over: the film is silent")
    return notes


def _resampled(info: VideoInfo, fps: float) -> list[str]:
    if info.frames == 1 or abs(float(info.fps) - fps) < SAME_RATE:
        return []
    kept = max(1, round(info.duration * fps))
    return [f"{float(info.fps):.5g} fps become {fps:.5g}, about {info.frames} frames become {kept} (--fps sets another rate)"]


def _resized(info: VideoInfo, size: tuple[int, int]) -> list[str]:
    return [f"{info.width}x{info.height} becomes {size[0]}x{size[1]}"] if (info.width, info.height) != size else []


def _cropped(info: VideoInfo, size: tuple[int, int]) -> list[str]:
    """What is cut off in the middle crop of `media.read` to the aspect of `size`."""
    wide, high = info.width * size[1], info.height * size[0]
    side, share = ("width", 1 - high / wide) if wide > high else ("height", 1 - wide / high)
    return [f"{100 * share:.0f} % of its {side} is cut off to fit {size[0]}x{size[1]}"] if share > SEEN_CROP else []
