"""What stands around a node in the picture of its help page.

A line is a column of nodes, from left to right; nodes are parted by `;`. `Type#2 input<Other.output` is a node with a link from
another of the scene; without `.output` it is the first output of the input's type. `show` lists nodes that must have run before
the picture is taken, as it shows what they say.
"""

from dataclasses import dataclass, field

TAKE = "LongTakeSampling; VAEEncode\n{node} sampling<LongTakeSampling latent<VAEEncode\nLongTakeVideo latent<{node}"
PAIR = (
    "LongTakeSampling; VAEEncode#1; VAEEncode#2\n"
    "{node} sampling<LongTakeSampling a<VAEEncode#1 b<VAEEncode#2\n"
    "LongTakeVideo latent<{node}"
)
SAMPLED = "{node}; {others}\nSamplerCustomAdvanced {links}\nLongTakeVideo latent<SamplerCustomAdvanced"
TEXTS = {  # what stands in text fields, by type of node and name of widget
    "CLIPTextEncode": {"text": "a red spaceman stands in the desert at noon, under a clear sky"},
    "LongTakeCaption": {"text": "a crimson pup hopping in the snow at dusk"},
    "LongTakeGuard": {"text": "a cock crows at dawn over a battlefield museum"},
    "LongTakeFilm": {
        "shots": "5: a red spaceman stands in the desert at noon\n"
        "5: a red spaceman stands in the desert at sunset\n"
        "cut 4: a blue dog runs through a meadow"
    },
    "LongTakeReel": {"reel": "film"},
    "LongTakeReport": {"joins": "40, 80"},
    "UNETLoader#1": {"unet_name": "wan2.2_t2v_high_noise_14B.safetensors"},
    "UNETLoader#2": {"unet_name": "wan2.2_t2v_low_noise_14B.safetensors"},
    "CLIPTextEncode#2": {"text": "blurry, static, watermark, text"},
    "FrameInterpolationModelLoader": {"model_name": "rife.safetensors"},
    "UpscaleModelLoader": {"model_name": "upscale_2x.safetensors"},
    "LoadVideo": {"file": "film.mp4"},
    "LoadImage#1": {"image": "first.png"},
    "LoadImage#2": {"image": "last.png"},
}


@dataclass(frozen=True)
class Scene:
    """Columns of nodes as text, and which nodes show what they made."""

    text: str
    show: tuple[str, ...] = ()

    def columns(self) -> list[list["Node"]]:
        """The nodes, column by column."""
        return [[Node.read(one) for one in line.split(";")] for line in self.text.splitlines()]


@dataclass(frozen=True)
class Node:
    """One node: its name in the scene, which is its type with an optional `#number`, and its links: input -> source."""

    name: str
    links: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "Node":
        """A node from its notation."""
        name, *links = text.split()
        return cls(name, dict(link.split("<") for link in links))

    @property
    def type(self) -> str:
        """Class of the node."""
        return self.name.partition("#")[0]

    def texts(self) -> dict[str, str]:
        """What stands in its widgets besides their defaults."""
        return TEXTS.get(self.name) or TEXTS.get(self.type, {})


SCENES = {
    **{f"LongTake{name}": Scene(TAKE.format(node=f"LongTake{name}")) for name in ("Extend", "Loop", "Recut", "Remix")},
    **{f"LongTake{name}": Scene(PAIR.format(node=f"LongTake{name}")) for name in ("Blend", "Connect")},
    "LongTakeStitch": Scene(
        "LongTakeSampling; VAEEncode#1; VAEEncode#2; VAEEncode#3\n"
        "LongTakeStitch sampling<LongTakeSampling clip0<VAEEncode#1 clip1<VAEEncode#2 clip2<VAEEncode#3\n"
        "LongTakeVideo latent<LongTakeStitch"
    ),
    "LongTakeFilm": Scene(
        "LongTakeLoader; CLIPTextEncode clip<LongTakeLoader\n"
        "LongTakePlanner model<LongTakeLoader; "
        "LongTakeSampling model<LongTakeLoader positive<CLIPTextEncode negative<CLIPTextEncode vae<LongTakeLoader\n"
        "LongTakeFilm sampling<LongTakeSampling clip<LongTakeLoader latent<LongTakePlanner\n"
        "LongTakeVideo latent<LongTakeFilm vae<LongTakeLoader"
    ),
    "LongTakeNoise": Scene(
        SAMPLED.format(
            node="LongTakeNoise",
            others="BasicGuider; KSamplerSelect",
            links="noise<LongTakeNoise guider<BasicGuider sampler<KSamplerSelect",
        )
    ),
    "LongTakeSchedule": Scene(
        SAMPLED.format(
            node="LongTakeSchedule",
            others="KSamplerSelect; LongTakeNoise",
            links="noise<LongTakeNoise sampler<KSamplerSelect sigmas<LongTakeSchedule",
        )
    ),
    "LongTakeRollingSampler": Scene(
        SAMPLED.format(
            node="LongTakeRollingSampler",
            others="LongTakeSchedule; LongTakeNoise",
            links="noise<LongTakeNoise sampler<LongTakeRollingSampler sigmas<LongTakeSchedule",
        )
    ),
    "LongTakeSampling": Scene(
        "LongTakeLoader; CLIPTextEncode clip<LongTakeLoader\n"
        "LongTakeSampling model<LongTakeLoader positive<CLIPTextEncode negative<CLIPTextEncode vae<LongTakeLoader\n"
        "LongTakeExtend sampling<LongTakeSampling"
    ),
    "LongTakeGuiderSampling": Scene(
        "BasicGuider; KSamplerSelect; LongTakeSchedule\n"
        "LongTakeGuiderSampling guider<BasicGuider sampler<KSamplerSelect sigmas<LongTakeSchedule\n"
        "LongTakeExtend sampling<LongTakeGuiderSampling"
    ),
    "LongTakeExperts": Scene(
        "UNETLoader#1; UNETLoader#2; CLIPTextEncode#1; CLIPTextEncode#2\n"
        "LongTakeExperts high<UNETLoader#1 low<UNETLoader#2 positive<CLIPTextEncode#1 negative<CLIPTextEncode#2; "
        "KSamplerSelect; BasicScheduler model<UNETLoader#1\n"
        "LongTakeGuiderSampling guider<LongTakeExperts sampler<KSamplerSelect sigmas<BasicScheduler\n"
        "LongTakeExtend sampling<LongTakeGuiderSampling"
    ),
    "LongTakeLoader": Scene(
        "LongTakeLoader\n"
        "CLIPTextEncode clip<LongTakeLoader; LongTakePlanner model<LongTakeLoader\n"
        "KSampler model<LongTakeLoader positive<CLIPTextEncode negative<CLIPTextEncode latent_image<LongTakePlanner\n"
        "VAEDecode samples<KSampler vae<LongTakeLoader"
    ),
    "LongTakeKnownFrames": Scene(
        "LoadImage#1; LoadImage#2\n"
        "LongTakeLoader; LongTakePlanner model<LongTakeLoader\n"
        "LongTakeKnownFrames latent<LongTakePlanner vae<LongTakeLoader first<LoadImage#1 last<LoadImage#2 fps<LongTakePlanner.fps\n"
        "SamplerCustomAdvanced latent_image<LongTakeKnownFrames"
    ),
    "LongTakeEncode": Scene("LoadVideo\nLongTakeEncode video<LoadVideo\nLongTakeExtend latent<LongTakeEncode"),
    "LongTakeVideo": Scene(
        "SamplerCustomAdvanced; LongTakeLoader\n"
        "LongTakeVideo latent<SamplerCustomAdvanced vae<LongTakeLoader\n"
        "SaveVideo video<LongTakeVideo"
    ),
    "LongTakeFinish": Scene(
        "LoadVideo; FrameInterpolationModelLoader; UpscaleModelLoader\n"
        "LongTakeFinish video<LoadVideo interp_model<FrameInterpolationModelLoader upscale_model<UpscaleModelLoader\n"
        "SaveVideo video<LongTakeFinish"
    ),
    "LongTakePlanner": Scene(
        "LongTakeLoader\n"
        "LongTakePlanner model<LongTakeLoader\n"
        "SamplerCustomAdvanced latent_image<LongTakePlanner; CreateVideo fps<LongTakePlanner.fps; "
        "PreviewAny source<LongTakePlanner.notes",
        show=("PreviewAny",),
    ),
    "LongTakeCaption": Scene(
        "LongTakeLoader\n"
        "LongTakeCaption clip<LongTakeLoader\n"
        "CLIPTextEncode clip<LongTakeLoader text<LongTakeCaption.caption; PreviewAny source<LongTakeCaption.notes",
        show=("PreviewAny",),
    ),
    "LongTakeProbe": Scene(
        "LongTakeLoader\nLongTakeProbe model<LongTakeLoader\nPreviewAny source<LongTakeProbe.report", show=("PreviewAny",)
    ),
    "LongTakeVerify": Scene("LongTakeVideo\nLongTakeVerify video<LongTakeVideo\nPreviewAny source<LongTakeVerify.report"),
    "LongTakeGuard": Scene(
        "LongTakeGuard\nCLIPTextEncode text<LongTakeGuard.prompt; PreviewAny source<LongTakeGuard.report", show=("PreviewAny",)
    ),
    "LongTakeReport": Scene("LoadVideo\nLongTakeReport video<LoadVideo", show=("LongTakeReport",)),
    "LongTakeReel": Scene(
        "LongTakeLoader; LongTakeReel\n"
        "LongTakeReelSegments reel<LongTakeReel vae<LongTakeLoader\n"
        "LongTakeVideo latent<LongTakeReel vae<LongTakeLoader",
        show=("LongTakeReelSegments", "LongTakeVideo"),
    ),
    "LongTakeReelSegments": Scene(
        "LongTakeLoader; LongTakeReel\nLongTakeReelSegments reel<LongTakeReel vae<LongTakeLoader", show=("LongTakeReelSegments",)
    ),
}
