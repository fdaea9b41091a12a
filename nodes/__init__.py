"""The blocks: one schema and one call each; nets and heavy libraries load when a block runs."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from ..host.loader import register
from .caption import LongTakeCaption
from .loader import LongTakeLoader
from .noise import LongTakeNoise
from .planner import LongTakePlanner
from .provenance import LongTakeGuard, LongTakeVerify
from .reels import REELS
from .sampling import LongTakeRollingSampler, LongTakeSchedule
from .takes import TAKES
from .video import LongTakeEncode, LongTakeFinish, LongTakeKnownFrames, LongTakeVideo

NODES: list[type[io.ComfyNode]] = [
    LongTakeLoader,
    LongTakeCaption,
    LongTakePlanner,
    LongTakeNoise,
    LongTakeSchedule,
    LongTakeRollingSampler,
    LongTakeKnownFrames,
    LongTakeEncode,
    LongTakeVideo,
    LongTakeFinish,
    LongTakeVerify,
    LongTakeGuard,
    *TAKES,
    *REELS,
]


class LongTakeExtension(ComfyExtension):
    """What ComfyUI registers."""

    async def on_load(self) -> None:
        """Offer the folder models/longtake."""
        register()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """All blocks."""
        return NODES
