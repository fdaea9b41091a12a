"""What a `longtake render` command line asks for, checked and snapped before anything heavy is loaded."""

import argparse
import math
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from ..errors import UsageError, shorten
from ..guard.policy import OFF, policy
from ..media.codecs import CONTAINERS
from ..media.disclosure import Disclosure
from ..media.mark import read_record
from ..media.read import VideoInfo, probe
from ..take.shots import FRAMES_MAX, ShotText, read_shot_file, shot_lengths
from .clip_notes import clip_notes
from .options import disclosure_of
from .prompts import language_note
from .video_file import check_output, resolve_output

GRID = 16  # pixels a latent cell is wide and high
DEFAULT_SIZE, DEFAULT_FPS, DEFAULT_SECONDS = (256, 160), 8.0, 4.0
LEARNED_FPS = 8.0, 16.0  # rates between which the model in the box was trained
CLIP_AREA_MAX = 512 * 320  # a clip above this, or above the rates learned, is brought to the default area and frame rate
SOURCES = ("image", "extend", "connect", "remix")


@dataclass(frozen=True)
class SamplerOptions:
    """How to sample: steps and guidance (None as the weights' card says), order of the solver, a rolling queue instead of
    windows, how often a window may be sampled again, prompts as they are written, on what device, which weights."""

    steps: int | None = None
    cfg: float | None = None
    order: int = 1
    rolling: bool = False
    retries: int = 0
    as_written: bool = False
    device: str = "auto"
    weights: Path | None = None


@dataclass
class RenderPlan:
    """One render: `mode` is text, image, extend, connect, loop or remix; sizes are (width, height) in pixels.

    `size` is written, `canvas` is sampled (multiples of 16, at least `size`); `frames` counts the new frames of all
    shots together (0 for a remix of a whole clip); `towards` is the prompt that a way between clips ends with, where it is not the
    shot's; `part` (number from 1, of how many) is all that is made of the take; `notes` say what was
    changed from what was asked.
    """

    mode: str
    shots: list[ShotText]
    shot_frames: list[int]
    size: tuple[int, int]
    canvas: tuple[int, int]
    fps: float
    output: Path
    clips: list[Path] = field(default_factory=list)
    keyframes: list[tuple[int, Path]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    towards: str | None = None
    seed: int = 1
    part: tuple[int, int] = (1, 1)
    backward: bool = False
    loop: bool = False
    strength: tuple[float, float] | None = None
    sampler: SamplerOptions = field(default_factory=lambda: SamplerOptions())
    reel: Path | None = None
    disclosure: Disclosure = field(default_factory=Disclosure)
    guard: str = OFF

    @property
    def frames(self) -> int:
        """New frames of all shots together."""
        return sum(self.shot_frames)

    @property
    def prompts(self) -> list[str]:
        """Prompts in the order in which they are shown."""
        return [shot.prompt for shot in self.shots] + ([] if self.towards is None else [self.towards])


def make_plan(arguments: argparse.Namespace) -> RenderPlan:
    """Checks the options against each other and the input files; raises UsageError or MediaError."""
    mode = _mode(arguments)
    shots = _shots(arguments, mode)
    notes = [note for note in dict.fromkeys(language_note(shot.prompt) for shot in shots if shot.prompt) if note]
    clips = _clips(arguments)
    stills = [image for _, image in arguments.keyframe or []]
    infos = [probe(path) for path in [*clips, *stills]]
    towards = None
    if mode in ("extend", "connect") and arguments.prompt is None:
        shots, towards = _recorded(infos, arguments.backward, notes)
    size, fps = _size_and_fps(arguments, None if mode == "image" or not clips else infos[0], notes)
    given = list(zip([*clips, *stills], infos, strict=True))
    whole_clip = mode == "remix" and arguments.seconds is None and arguments.frames is None
    shot_frames = [0] if whole_clip else _shot_frames(arguments, shots, fps)
    if arguments.frames is None and sum(shot_frames) > 1 and len(shots) == 1:
        asked = arguments.seconds or DEFAULT_SECONDS
        if not math.isclose(asked * fps, shot_frames[0], abs_tol=1e-6):
            notes.append(f"{asked:g} s at {fps:g} fps is {shot_frames[0]} frames ({shot_frames[0] / fps:g} s)")
    canvas = (-(-size[0] // GRID) * GRID, -(-size[1] // GRID) * GRID)
    if canvas != size:
        notes.append(f"size {size[0]}x{size[1]}: sampled at {canvas[0]}x{canvas[1]}, then cropped")
    keyframes = _keyframes(arguments, fps, sum(shot_frames))
    written = sum(shot_frames) if mode in ("text", "image") else 2  # other modes write at least that
    output, note = resolve_output(arguments.output, written)
    notes += [note] if note else []
    heard = mode in ("extend", "connect") and output.suffix.lower() in CONTAINERS
    notes += clip_notes(given, size, fps, "image" if mode in ("text", "image") else "clip", heard)
    inputs = [*clips, *(path for _, path in keyframes), *([arguments.shots] if arguments.shots else [])]
    check_output(output, inputs, sum(shot_frames), *size)
    sampler = SamplerOptions(**{name: getattr(arguments, name) for name in SamplerOptions.__dataclass_fields__})
    return RenderPlan(
        mode,
        shots,
        shot_frames,
        size,
        canvas,
        fps,
        output,
        clips,
        keyframes,
        notes,
        towards,
        seed=arguments.seed,
        backward=arguments.backward,
        loop=arguments.loop,
        strength=arguments.strength,
        sampler=sampler,
        reel=arguments.reel,
        disclosure=disclosure_of(arguments),
        guard=policy(arguments.guard),
    )


def _mode(arguments: argparse.Namespace) -> str:
    given = [name for name in SOURCES if getattr(arguments, name)]
    if len(given) > 1:
        raise UsageError(f"--{given[0]} and --{given[1]} exclude each other: give one of them")
    mode = given[0] if given else "loop" if arguments.loop else "text"
    if arguments.loop and mode not in ("loop", "extend"):
        raise UsageError(f"--loop works alone or with --extend, not with --{mode}")
    if arguments.backward and (mode != "extend" or arguments.loop):
        raise UsageError("--backward needs --extend CLIP, without --loop")
    between = mode == "connect" or (mode == "extend" and arguments.loop)
    if arguments.strength is not None and mode != "remix" and not between:
        raise UsageError("--strength needs --remix CLIP, --connect A B, or --extend CLIP --loop")
    if between and arguments.strength is not None and not 0 < arguments.strength[0] == arguments.strength[1]:
        raise UsageError("--strength of a way between clips: give one number above 0, up to 1")
    if arguments.keyframe and mode not in ("text", "image"):
        raise UsageError(f"--keyframe works with a prompt or --image, not with --{mode}")
    if arguments.rolling and (mode not in ("text", "image") or arguments.keyframe):
        raise UsageError("--rolling works with a prompt, --shots or --image, without --keyframe")
    if arguments.rolling and arguments.retries:
        raise UsageError("--retries makes windows again, and --rolling has none: leave one out")
    if arguments.shots and mode not in ("text", "image"):
        raise UsageError(f"--shots works alone or with --image, not with --{mode}")
    return mode


def _shots(arguments: argparse.Namespace, mode: str) -> list[ShotText]:
    if arguments.shots:
        if arguments.prompt is not None:
            raise UsageError("give a prompt or --shots FILE, not both")
        if arguments.frames is not None:
            raise UsageError("--frames counts one shot; with --shots give --seconds, or seconds for each shot")
        return read_shot_file(arguments.shots)
    prompt = (arguments.prompt or "").encode("utf-8", "replace").decode().strip()  # no half characters from the shell
    if not prompt and mode in ("text", "loop", "remix"):
        given = "no prompt" if arguments.prompt is None else "the prompt is empty"
        raise UsageError(f'{given}: say what the clip should show, such as "a red dog runs through snow"')
    return [ShotText(prompt)]


def _recorded(infos: list[VideoInfo], backward: bool, notes: list[str]) -> tuple[list[ShotText], str | None]:
    """What clips that LongTake made were made of: the prompt to go on with, and with two clips that of the second."""
    found = []
    for number, info in enumerate(infos):
        prompt = read_record(info.metadata.get("comment", "")).get("prompt")
        prompts = [text for text in (prompt if isinstance(prompt, list) else [prompt]) if isinstance(text, str) and text]
        found.append(prompts[0 if backward or number else -1] if prompts else "")
    if any(found):
        taken = ", then ".join(f'"{shorten(text, 80)}"' for text in dict.fromkeys(found) if text)
        notes.append(f"no prompt given: going on with {taken}, from the record of the clip")
    return [ShotText(found[0])], found[1] if len(found) > 1 and found[1] != found[0] else None


def _clips(arguments: argparse.Namespace) -> list[Path]:
    if arguments.connect:
        return list(arguments.connect)
    return [path for path in (arguments.image, arguments.extend, arguments.remix) if path]


def _size_and_fps(arguments: argparse.Namespace, clip: VideoInfo | None, notes: list[str]) -> tuple[tuple[int, int], float]:
    """What was asked for, else what the clip has, within what the model in the box can sample."""
    size, fps = arguments.size, arguments.fps
    if clip is not None and size is None:
        size = _clip_size(clip.width, clip.height)
    if clip is not None and fps is None:
        fps = float(clip.fps) if 1 <= clip.fps <= LEARNED_FPS[1] else DEFAULT_FPS
    size = size or DEFAULT_SIZE
    even = (size[0] // 2 * 2, size[1] // 2 * 2)
    if even != size:
        notes.append(f"size {size[0]}x{size[1]}: video needs even sides, writing {even[0]}x{even[1]}")
    rate = float(Fraction(fps or DEFAULT_FPS).limit_denominator(1001))
    if not LEARNED_FPS[0] <= rate <= LEARNED_FPS[1]:
        learned = f"{LEARNED_FPS[0]:g} to {LEARNED_FPS[1]:g}"
        notes.append(f"{rate:.5g} fps: the model in the box learned {learned}, what moves may be too slow or too fast")
    return even, rate


def _clip_size(width: int, height: int) -> tuple[int, int]:
    """The clip's own size, or its aspect at the default area when that is too large or too small to sample."""
    even = (width // 2 * 2, height // 2 * 2)
    if width * height <= CLIP_AREA_MAX and min(even) >= GRID:
        return even
    scale = math.sqrt(DEFAULT_SIZE[0] * DEFAULT_SIZE[1] / (width * height))
    snapped = (max(GRID, round(side * scale / GRID) * GRID) for side in (width, height))
    return min(next(snapped), 4096), min(next(snapped), 4096)


def _shot_frames(arguments: argparse.Namespace, shots: list[ShotText], fps: float) -> list[int]:
    if arguments.frames is not None:
        return [arguments.frames]
    found = shot_lengths(shots, fps, arguments.seconds or DEFAULT_SECONDS)
    if sum(found) > FRAMES_MAX:
        given = "--shots" if arguments.shots else "--seconds"
        raise UsageError(f"{given}: {sum(found):,} frames; give at most {FRAMES_MAX:,} in one take, and extend it in another")
    return found


def _keyframes(arguments: argparse.Namespace, fps: float, frames: int) -> list[tuple[int, Path]]:
    found = []
    for moment, path in arguments.keyframe or []:
        frame = round(moment * fps)
        if frame >= frames:
            raise UsageError(f"--keyframe {moment:g}={path}: after the end; the clip lasts {frames / fps:g} s")
        found.append((frame, path))
    return sorted(found)
