"""Decoded frames as tensors, and tensors brought to a size."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from . import SCALER

if TYPE_CHECKING:
    from torch import Tensor

UNSPECIFIED, BT709 = 2, 1  # ffmpeg's AVColorSpace


def has_alpha(frame: Any) -> bool:
    """Whether a decoded frame has an alpha plane, or a palette that may hold one."""
    return frame.format.has_palette or any(component.is_alpha for component in frame.format.components)


def pixels_of(frame: Any, aspect: Fraction) -> Tensor:
    """A decoded frame as [H, W, 3] float 0..1, as stored, its pixels of `aspect` made square, alpha over black."""
    import numpy as np
    import torch

    if frame.colorspace == UNSPECIFIED and frame.height >= 720:
        frame.colorspace = BT709  # untagged HD is BT.709 by convention, ffmpeg would take BT.601
    alpha = has_alpha(frame)
    deep = any(component.bits > 8 for component in frame.format.components)
    layout = {(False, False): "rgb24", (False, True): "rgb48le", (True, False): "rgba", (True, True): "rgba64le"}
    width = max(1, round(frame.width * aspect))
    array = frame.reformat(width=width, format=layout[alpha, deep], interpolation=SCALER).to_ndarray()
    pixels = torch.from_numpy(array.astype(np.float32) / (65535.0 if deep else 255.0))
    if deep and not frame.format.is_rgb and len(frame.format.components) > 2:
        # swscale takes the colours of deep YUV to 255 * 256, not to 65535 (measured): white would be 254 of 255
        pixels[..., :3] = (pixels[..., :3] * (65535 / 65280)).clamp(max=1)
    if alpha:
        pixels = pixels[..., :3] * pixels[..., 3:]
    return pixels


def fit(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """`pixels` [h, w, 3] cropped at the centre to the aspect of `size` (width, height) and resized to it."""
    from torch.nn.functional import interpolate

    width, height = size
    h, w = pixels.shape[:2]
    if (w, h) == (width, height):
        return pixels
    crop_w = min(w, max(1, round(h * width / height)))
    crop_h = min(h, max(1, round(w * height / width)))
    top, left = (h - crop_h) // 2, (w - crop_w) // 2
    cropped = pixels[top : top + crop_h, left : left + crop_w].permute(2, 0, 1)[None]
    resized = interpolate(cropped, size=(height, width), mode="bicubic", antialias=True, align_corners=False)
    return resized[0].clamp(0, 1).permute(1, 2, 0).contiguous()
