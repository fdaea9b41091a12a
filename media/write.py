"""Streaming video and image writers: frames go straight to the encoder, and what is on disk plays after a kill."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import math
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import MediaError
from .chroma import Converter, as_given
from .codecs import CONTAINERS, CRF_MAX, MATROSKA, RGB, add_stream, choose
from .packets import Given, copied
from .remux import remux, sync
from .retime import exact_rate
from .sound import Sound

if TYPE_CHECKING:
    import numpy as np
    from av.packet import Packet

log = logging.getLogger(__name__)

CODECS = {**{suffix: codec for suffix, (_, codec) in CONTAINERS.items()}, ".png": "png", "": "png"}
"""Usual codec by suffix; a name without one is a folder of pictures."""
SIDE_MIN, SIDE_MAX = 2, 8192
TAG_MAX = {".webm": 2**24}
"""Bytes of a tag from which on readers take it for none, by suffix."""
PNG_NUMBER = re.compile(r"%0?\d*d")


def open_writer(
    path: str | os.PathLike[str],
    width: int,
    height: int,
    fps: float | Fraction,
    *,
    codec: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    crf: int = 18,
    sound: Sequence[Sound] = (),
    given: Sequence[Given] = (),
) -> Writer:
    """A writer for `path`, chosen by its name; use it as a context manager.

    `.mp4`, `.m4v`, `.mov`: H.264. `.webm`: VP9. `.mkv`: FFV1. A folder, or a pattern such as `name_%05d.png`: numbered PNG
    files from 0. `.png`: one picture. Missing folders are made; a finished file of the same name is replaced, at `close()` only.

    `width`, `height`: pixels, 2 to 8192 (H.265 from 16, AV1 from 4), stored uncropped and unpadded. Even sizes are
    yuv420p, which every player shows. An odd side cannot be halved, so such H.264 and H.265 is yuv444p, which some
    players refuse; AV1 and VP9 round the halves up and stay yuv420p. ProRes is yuv422p10le and needs an even width.
    `codec`: "h264", "h265", "av1" (.mp4, .webm), "prores" (.mov only), "vp9" (.webm only), "ffv1" (.mkv only, to the last
    bit), "png", as `codecs()` offers; None takes what the name implies. The same frames give the same pictures on the same machine.
    `metadata`: text by key; other values become JSON. In MP4 the keys are kept as they are (`use_metadata_tags`), so
    that ComfyUI finds `workflow` and `prompt`.
    `crf`: 0 (best) to 51, as x264 counts, brought to the codec's own scale; ProRes and FFV1 have none.
    `sound`: what is heard at which second, AAC, Opus (WebM) or FLAC (Matroska) in stereo; it comes into the file when it is
    finished, and pictures have none.
    `given`: frames that were not made but given, in order. At the beginning and the end of a film they are copied from their file
    as they are, where that was encoded like this one; others H.264 and H.265 store better than the rest.

    Raises MediaError: unknown extension, codec that does not go with it or that this machine lacks, size, rate or crf
    not allowed, folder not writable.
    """
    target = Path(path)
    suffix = "" if os.path.isdir(target) else target.suffix.lower()
    if suffix not in CODECS:
        known = ", ".join(ext for ext in CODECS if ext)
        raise MediaError(f"{target.name}: cannot write {suffix!r} files; use {known}, or a folder for PNG frames")
    usual = CODECS[suffix]
    if codec == "png" and usual != "png":
        raise MediaError(f"{target.name}: png goes into .png or a folder, not {suffix}; change one of them")
    if usual == "png" and codec not in (None, "png"):
        raise MediaError(f"{target.name}: {suffix or 'a folder'} holds png, not {codec}; change one of them")
    if not all(isinstance(side, int) and SIDE_MIN <= side <= SIDE_MAX for side in (width, height)):
        raise MediaError(f"{width}x{height} cannot be written; each side must be {SIDE_MIN} to {SIDE_MAX} whole pixels")
    rate = exact_rate(fps)
    if not 0 <= crf <= CRF_MAX:
        raise MediaError(f"crf {crf} is not allowed; give 0 (best) to {CRF_MAX}, 18 looks like the original")
    tags = texts(target, metadata or {})
    if usual == "png":
        return ImageWriter(target, width, height, tags)
    return VideoWriter(target, width, height, rate, tags, int(crf), codec or usual, sound, given)


def texts(path: Path, metadata: Mapping[str, Any]) -> dict[str, str]:
    """`metadata` as tags of the file `path`; what its kind cannot hold is left out, and that is logged."""
    tags = {key: _text(value) for key, value in metadata.items() if value is not None}
    most = TAG_MAX.get(path.suffix.lower(), math.inf)
    for key in [key for key, text in tags.items() if len(text.encode(errors="replace")) >= most]:
        log.warning(
            "%s: its tag %s is left out, %s holds less than %d MiB of it; use .mp4", path.name, key, path.suffix, most / 2**20
        )
        del tags[key]
    return tags


class Writer:
    """What every writer shares: the checks on frames, the frame count, and how a `with` block ends."""

    def __init__(self, path: Path, width: int, height: int) -> None:
        self.path, self.width, self.height = path, width, height
        self.frames, self.closed = 0, False
        self.files: list[Path] = []  # that are complete

    def write(self, frames: Any) -> None:
        """Append `frames` [T, H, W, 3] (or one [H, W, 3]): torch or numpy, float 0..1 or uint8; NaN is black.

        Frames are converted one at a time. Raises MediaError: wrong shape, closed writer, disk full.
        """
        if self.closed:
            raise MediaError(f"{self.path.name} is already closed; open a new writer to write more frames")
        for frame in _frames(frames, self.width, self.height):
            self._put(frame)
            self.frames += 1

    def close(self) -> None:
        """Finish the file under its final name. Raises MediaError: no frames, disk full. A second call does nothing."""
        if self.closed:
            return
        if not self.frames:
            self.abort()
            raise MediaError(f"{self.path.name}: no frames were written, so there is no video; nothing was saved")
        self.closed = True
        self._finish()
        self.files = self.files or [self.path]

    def abort(self) -> None:
        """Stop early: what was written stays playable, and never takes the final name."""
        if not self.closed:
            self.closed = True
            self._abandon()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _put(self, frame: np.ndarray) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        raise NotImplementedError

    def _abandon(self) -> None:
        raise NotImplementedError


class VideoWriter(Writer):
    """Video into `NAME.partial.EXT`, renamed to `NAME.EXT` when it is complete.

    An MP4 is fragmented while it grows, one fragment a second of video, so a kill loses that second and what the encoder
    looks ahead: about two seconds of H.264 and VP9, three of H.265, four of AV1 at 8 frames a second, less at more, and
    one frame of ProRes. `close()` copies its packets, without encoding again, into a plain MP4 with its index in front
    (faststart); for that moment the file needs its size on disk twice.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        metadata: dict[str, str],
        crf: int,
        codec: str,
        sound: Sequence[Sound] = (),
        given: Sequence[Given] = (),
    ) -> None:
        import av

        super().__init__(path, width, height)
        suffix = path.suffix.lower()
        kind, encoder = choose(codec, suffix, width, height)
        self.muxer, self.metadata, self.fps, self.sound = CONTAINERS[suffix][0], metadata, fps, sound
        self.encoded = 0
        self.partial = path.with_name(f"{path.stem}.partial{suffix}")
        movflags = "frag_keyframe+empty_moov+default_base_moof+use_metadata_tags"
        with self._explained("cannot be written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(
                str(self.partial.absolute()),
                "w",
                format=self.muxer,
                options={"flush_packets": "1"} | ({} if self.muxer in MATROSKA else {"movflags": movflags}),
            )
            self._container.metadata.update(metadata)
            add = partial(add_stream, kind=kind, encoder=encoder, size=(width, height), fps=fps, crf=crf)
            self.taken = copied(given, fps, self.muxer, add)
            self.tag, self.delay, self._sent = kind.tag, kind.delay, 0
            self._stream = stream = add(self._container, given=_encoded(given, self.taken))
            self._convert = as_given if stream.pix_fmt == RGB else Converter(width, height, str(stream.pix_fmt), kind.chroma)
            self._container.start_encoding()  # opens the file, so that a folder that cannot be written shows at once

    def _put(self, frame: np.ndarray) -> None:
        with self._explained("stopped while it was written"):
            if any(self.frames in one.frames for one in self.taken):
                return
            picture = self._convert(frame)
            picture.pts, picture.time_base = self.encoded, 1 / self.fps
            self.encoded += 1
            self._send(self._stream.encode(picture))

    def _send(self, packets: list[Packet]) -> None:
        """Packets, in the order of decoding, to the file. Raises OSError, FFmpegError."""
        for packet in packets:
            if self.delay:  # x265 leaves the decode times of films shorter than its delay uninitialised
                packet.dts = self._sent - self.delay
            self._sent += 1
            self._container.mux(packet)

    def _finish(self) -> None:
        with self._explained("could not be finished"):
            if self.encoded:
                self._send(self._stream.encode())
            self._container.close()
            if self.muxer in MATROSKA and not self.sound and not self.taken:
                sync(self.partial)
                os.replace(self.partial, self.path)
            else:
                before = [one.file for one in self.taken if one.file and one.frames.start == 0]
                after = [one.file for one in self.taken if one.file and one.frames.start]
                gone = next((file for file in (*before, *after) if not file.is_file()), None)
                if gone is not None:
                    raise FileNotFoundError(errno.ENOENT, f"{gone} is gone, whose frames are part of it")
                remux(
                    [*before, *([self.partial] if self.encoded else []), *after],
                    self.path,
                    self.muxer,
                    self.frames,
                    self.fps,
                    metadata=self.metadata,
                    tag=self.tag,
                    sound=self.sound,
                )
                self.partial.unlink(missing_ok=True)

    def _abandon(self) -> None:
        import av

        with contextlib.suppress(av.FFmpegError, OSError):  # the caller's own error is the one to report
            self._send(self._stream.encode())
        with contextlib.suppress(av.FFmpegError, OSError):
            self._container.close()
        if self.encoded and self.frames:
            shown = self.path, self.encoded, self.partial
            log.warning("%s was not finished after %d frames; what was encoded plays from %s", *shown)
        else:
            self.partial.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        import av

        try:
            yield
        except (av.FFmpegError, OSError) as error:
            kept = f"; what was encoded plays from {self.partial.name}" if self.encoded else ""
            raise MediaError(f"{self.path} {what}: {_reason(error)}{kept}") from error


def _encoded(given: Sequence[Given], whole: Sequence[Given]) -> list[range]:
    """Frames that were given and are encoded, counted as the encoder sees them."""
    found = []
    for one in given:
        if one.frames and one not in whole:
            before = sum(len(other.frames) for other in whole if other.frames.start < one.frames.start)
            found.append(range(one.frames.start - before, one.frames.stop - before))
    return found


class ImageWriter(Writer):
    """Numbered PNG files, or a single one; each is complete or absent, and each carries the metadata as text."""

    def __init__(self, path: Path, width: int, height: int, metadata: dict[str, str]) -> None:
        super().__init__(path, width, height)
        if path.suffix.lower() != ".png" or os.path.isdir(path):
            path = path / "frame_%05d.png"
        self.numbered = "%" in path.name
        if self.numbered and (len(PNG_NUMBER.findall(path.name)) != 1 or path.name.count("%") != 1):
            raise MediaError(f"{path.name}: the number of a frame is written once, as in name_%05d.png")
        self.pattern = path
        self._chunks = b"".join(_png_text(key, value) for key, value in metadata.items())
        self._explained(lambda: path.parent.mkdir(parents=True, exist_ok=True))

    def file(self, number: int) -> Path:
        """Where frame `number`, counted from 0, is written."""
        return self.pattern.with_name(self.pattern.name % number) if self.numbered else self.pattern

    def _put(self, frame: np.ndarray) -> None:
        if self.frames and not self.numbered:
            raise MediaError(f"{self.path.name} holds one picture; for more frames give a folder or name_%05d.png")
        target = self.file(self.frames)
        data = encode_png(frame, self._chunks)
        temporary = target.with_name(f"{target.name}.partial")

        def store() -> None:
            try:
                temporary.write_bytes(data)
                os.replace(temporary, target)
            finally:
                temporary.unlink(missing_ok=True)

        self._explained(store)
        self.files.append(target)

    def _finish(self) -> None:
        if self.numbered and self.file(self.frames).exists():
            log.warning(
                "%s holds older frames from %s on; they are not part of this video",
                self.pattern.parent,
                self.file(self.frames).name,
            )

    def _abandon(self) -> None:
        if self.frames:
            log.warning("%s was not finished; its first %d frames are kept", self.path, self.frames)

    def _explained(self, action: Any) -> None:
        try:
            action()
        except OSError as error:
            kept = f"; its first {self.frames} frames are kept" if self.frames else ""
            raise MediaError(f"{self.path} cannot be written: {_reason(error)}{kept}") from error


def encode_png(frame: np.ndarray, chunks: bytes = b"") -> bytes:
    """`frame` [H, W, 3] uint8 as a PNG file, with ready-made `chunks` after its header."""
    import av

    encoder = av.CodecContext.create("png", "w")
    encoder.height, encoder.width = frame.shape[:2]
    encoder.pix_fmt, encoder.time_base = "rgb24", Fraction(1, 25)
    data = b"".join(bytes(packet) for packet in encoder.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
    header = 8 + 25  # signature and IHDR
    return data[:header] + chunks + data[header:]


def _png_text(key: str, value: str) -> bytes:
    """A tEXt chunk, or iTXt where the text is not Latin-1 (PNG specification, 11.3.3)."""
    name = key.encode("latin-1", "replace")[:79]
    try:
        kind, body = b"tEXt", name + b"\0" + value.encode("latin-1")
    except UnicodeEncodeError:
        kind, body = b"iTXt", name + b"\0\0\0\0\0" + value.encode()
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _frames(frames: Any, width: int, height: int) -> Iterator[np.ndarray]:
    """`frames` one by one as contiguous uint8 [H, W, 3] arrays."""
    import torch

    block = torch.as_tensor(frames)
    if block.ndim == 3:
        block = block[None]
    if block.ndim != 4 or tuple(block.shape[1:]) != (height, width, 3):
        raise MediaError(f"frames of shape {list(block.shape)} cannot be written; give [T, {height}, {width}, 3]")
    if block.dtype != torch.uint8 and not block.is_floating_point():
        raise MediaError(f"frames of type {block.dtype} cannot be written; give float 0..1 or uint8 0..255")
    for frame in block:
        frame = frame.detach().cpu()
        if frame.is_floating_point():
            frame = frame.float().nan_to_num(0.0).clamp(0, 1).mul(255).round().to(torch.uint8)
        yield frame.contiguous().numpy()


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.replace("\0", "")


def _reason(error: Exception) -> str:
    code = getattr(error, "errno", None)
    if code in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space or choose another folder"
    if code == errno.EFBIG:
        return "the file is larger than this disk or account allows; choose another folder"
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the folder is not writable; choose another folder"
    if code in (errno.ENOTDIR, errno.EEXIST):
        return "a part of its path is a file, not a folder; choose another folder"
    return getattr(error, "strerror", None) or str(error)
