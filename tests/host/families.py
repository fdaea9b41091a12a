"""Tiny models with random weights of every family, built from the host's own classes; to be used in its interpreter.

`build(name, room)` gives a MODEL, both conditionings and the shape of its latents. A few hundred thousand parameters each.
"""

import comfy.model_base
import comfy.model_patcher
import comfy.sample
import comfy.samplers
import comfy.supported_models as configs
import torch
from comfy.nested_tensor import NestedTensor

HEIGHT, WIDTH, TOKENS, TEXT, POOLED = 4, 6, 5, 32, 16


class Built:
    """One model with what it needs to sample: `latents()` and `text(seed)` are made anew at each call."""

    def __init__(self, model, channels, frames=5, text=TEXT, sound=None, **extra):
        self.model, self.channels, self.frames = model, channels, frames
        self.width, self.sound, self.extra = text, sound, extra

    def latents(self, seed=0):
        """Random latents [1, C, T, h, w] in a LATENT's scale, with a NestedTensor where there is sound."""
        noise = torch.Generator().manual_seed(seed)
        video = torch.randn(1, self.channels, self.frames, HEIGHT, WIDTH, generator=noise)
        return video if self.sound is None else NestedTensor([video, torch.randn(self.sound, generator=noise)])

    def text(self, seed=0):
        """Conditioning of random token states."""
        states = torch.randn(1, TOKENS, self.width, generator=torch.Generator().manual_seed(100 + seed))
        return [[states, {"pooled_output": states.mean(1)[:, :POOLED].contiguous(), **self.extra}]]


def fill(net):
    """Random weights, near one where they scale and small elsewhere; the host leaves them as it finds the memory."""
    noise = torch.Generator().manual_seed(0)
    for name, weight in [*net.named_parameters(), *net.named_buffers()]:
        if weight.is_floating_point():
            value = torch.randn(weight.shape, generator=noise) * 0.05
            weight.data.copy_(value + 1 if "norm" in name and name.endswith("weight") else value)


def patched(base):
    """A MODEL of a BaseModel on the CPU."""
    fill(base.diffusion_model)
    cpu = torch.device("cpu")
    return comfy.model_patcher.ModelPatcher(base, load_device=cpu, offload_device=cpu)


def make(kind, **unet):
    """A MODEL from a configuration class of the host's."""
    config = getattr(configs, kind)({**getattr(configs, kind).unet_config, **unet})
    config.set_inference_dtype(torch.float32, None)
    return patched(config.get_model({}, "", device=torch.device("cpu")))


WAN = {"dim": 48, "ffn_dim": 64, "freq_dim": 32, "text_dim": TEXT, "num_heads": 2, "num_layers": 2}


def wan(kind, **unet):
    return make(kind, **{**WAN, "in_dim": 16, "out_dim": 16, **unet})


HUNYUAN = {
    "in_channels": 16,
    "out_channels": 16,
    "patch_size": [1, 2, 2],
    "vec_in_dim": POOLED,
    "context_in_dim": TEXT,
    "hidden_size": 48,
    "mlp_ratio": 2.0,
    "num_heads": 2,
    "depth": 1,
    "depth_single_blocks": 1,
    "axes_dim": [8, 8, 8],
    "theta": 256,
    "qkv_bias": True,
    "guidance_embed": True,
    "byt5": False,
    "meanflow": False,
    "use_cond_type_embedding": False,
    "vision_in_dim": None,
    "meanflow_sum": False,
}


def hunyuan(kind, **unet):
    return make(kind, **{**HUNYUAN, **unet})


COSMOS = {
    "max_img_h": 32,
    "max_img_w": 32,
    "max_frames": 16,
    "out_channels": 16,
    "patch_spatial": 2,
    "patch_temporal": 1,
    "model_channels": 48,
    "num_blocks": 1,
    "num_heads": 2,
    "concat_padding_mask": True,
    "crossattn_emb_channels": TEXT,
    "pos_emb_cls": "rope3d",
    "pos_emb_interpolation": "crop",
    "use_adaln_lora": True,
    "adaln_lora_dim": 8,
}


def cosmos(kind):
    return make(
        kind,
        **COSMOS,
        pos_emb_learnable=False,
        block_config="FA-CA-MLP",
        block_x_format="THWBD",
        affline_emb_norm=True,
        extra_per_block_abs_pos_emb=True,
        extra_per_block_abs_pos_emb_type="learnable",
    )


def predict2(kind):
    return make(kind, **COSMOS, pos_emb_learnable=True, min_fps=1, max_fps=30, extra_per_block_abs_pos_emb=False)


COG = {
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "time_embed_dim": 32,
    "num_layers": 1,
    "text_embed_dim": TEXT,
    "use_rotary_positional_embeddings": True,
    "in_channels": 16,
    "out_channels": 16,
}


def cog(kind, **unet):
    return make(kind, **{**COG, **unet})


def mochi():
    return make(  # the host insists on the hidden size of the real one's MLP
        "GenmoMochi",
        depth=1,
        patch_size=2,
        num_heads=2,
        hidden_size_x=24,
        hidden_size_y=32,
        mlp_ratio_x=512.0,
        mlp_ratio_y=2.0,
        learn_sigma=False,
        in_channels=12,
        qk_norm=True,
        qkv_bias=False,
        out_bias=True,
        attn_drop=0.0,
        patch_embed_bias=True,
        posenc_preserve_area=True,
        timestep_mlp_bias=True,
        attend_to_padding=False,
        timestep_scale=1000.0,
        use_t5=True,
        t5_feat_dim=TEXT,
        t5_token_length=TOKENS,
    )


LTX = {
    "in_channels": 128,
    "num_attention_heads": 2,
    "attention_head_dim": 24,
    "cross_attention_dim": 48,
    "caption_channels": TEXT,
    "num_layers": 1,
}


def ltx2():
    return make(
        "LTXAV",
        **LTX,
        audio_num_attention_heads=2,
        audio_attention_head_dim=12,
        audio_cross_attention_dim=24,
        connector_attention_head_dim=16,
        connector_num_attention_heads=2,
        connector_num_layers=1,
    )


def kandinsky():
    return make(
        "Kandinsky5",
        in_text_dim=TEXT,
        in_text_dim2=POOLED,
        time_dim=32,
        model_dim=48,
        ff_dim=64,
        num_text_blocks=1,
        num_visual_blocks=1,
        axes_dims=(8, 8, 8),
        visual_embed_dim=132,
    )


def minimax():
    return make(
        "MiniMaxH3",
        hidden_size=48,
        num_layers=1,
        token_refiner_num_layers=1,
        num_attention_heads=2,
        attention_head_dim=24,
        ffn_hidden_size=64,
        text_dim=TEXT,
        timestep_input_dim=32,
        time_embed_hidden_size=32,
        time_embed_dim=32,
        rope_inv_freq_len=4,
    )


def longtake(room):
    """The model in the box at its smallest, with latents of four frames and many channels."""
    dit, vae, box = room("models.dit"), room("models.vae"), room("models.box")
    small = vae.VideoVAE(vae.VAEConfig(channels=128, frames=4, encoder=(8, 8, 8), decoder=(16, 8, 8, 8), blocks=(1, 1, 1, 1)))
    config = {"channels": small.channels, "width": 64, "depth": 1, "text": TEXT}
    state = dit.VideoDiT(dit.DiTConfig(**config)).state_dict()
    card = {"shift": 2.0, "window": {"anchors": 1, "context": 1, "new": 7, "ahead": 2, "reach": 8}}
    capability = box.capability_of(card, small.channels, 4, 16, "longtake-tiny")
    model = room("host.box_model").make_model(state, config, small, capability)
    fill(model.model.diffusion_model)
    return Built(model, small.channels)


class Unheard(comfy.model_base.BaseModel):
    """A video model no one knows."""

    def __init__(self, config):
        super().__init__(config, comfy.model_base.ModelType.FLOW, unet_model=comfy.ldm.wan.model.WanModel)

    def extra_conds(self, **kwargs):
        return {**super().extra_conds(**kwargs), "c_crossattn": comfy.conds.CONDRegular(kwargs["cross_attn"])}


def unheard():
    config = configs.WAN21_T2V({**WAN, "in_dim": 16, "out_dim": 16})
    config.set_inference_dtype(torch.float32, None)
    return patched(Unheard(config))


def pictures(kind):
    """An image model, its net left out."""
    config = getattr(configs, kind)({"disable_unet_model_creation": True, "in_channels": 4})
    base = getattr(comfy.model_base, "QwenImage", None) if kind == "QwenImage" else comfy.model_base.BaseModel
    base = base(config)
    base.diffusion_model = torch.nn.Identity()
    return patched(base)


def masked(model, channels, **options):
    """With a text encoder that gives a mask of its tokens."""
    return Built(model, channels, attention_mask=torch.ones(1, TOKENS, dtype=torch.long), **options)


FAMILIES = {
    "LongTake": longtake,
    "Wan 2.1 T2V": lambda room: Built(wan("WAN21_T2V"), 16),
    "Wan 2.1 I2V": lambda room: Built(wan("WAN21_I2V", in_dim=36), 16),
    "Wan 2.2 A14B T2V (or Wan 2.1 T2V 14B)": lambda room: Built(wan("WAN21_T2V", dim=24, ffn_dim=32, num_layers=40), 16),
    "Wan 2.2 A14B I2V": lambda room: Built(wan("WAN21_T2V", in_dim=36), 16),
    "Wan 2.2 TI2V 5B": lambda room: Built(wan("WAN22_T2V", in_dim=48, out_dim=48), 48),
    "Wan VACE": lambda room: Built(wan("WAN21_Vace", vace_layers=1, vace_in_dim=96), 16),
    "LTXV": lambda room: masked(make("LTXV", **LTX), 128),
    "LTX-2": lambda room: masked(ltx2(), 128, text=2 * TEXT, sound=(1, 8, 9, 16)),
    "HunyuanVideo 1.0": lambda room: Built(hunyuan("HunyuanVideo"), 16),
    "HunyuanVideo I2V": lambda room: Built(hunyuan("HunyuanVideoI2V", in_channels=33), 16),
    "HunyuanVideo I2V (SkyReels)": lambda room: Built(hunyuan("HunyuanVideoSkyreelsI2V", in_channels=32), 16),
    "HunyuanVideo 1.5": lambda room: Built(
        hunyuan(
            "HunyuanVideo15",
            in_channels=65,
            out_channels=32,
            patch_size=[1, 1, 1],
            vec_in_dim=None,
            vision_in_dim=POOLED,
            use_cond_type_embedding=True,
            guidance_embed=False,
        ),
        32,
    ),
    "Cosmos 1 T2V": lambda room: Built(cosmos("CosmosT2V"), 16),
    "Cosmos 1 I2V": lambda room: Built(cosmos("CosmosI2V"), 16),
    "Cosmos Predict2": lambda room: Built(predict2("CosmosI2VPredict2"), 16),
    "Cosmos Predict2, 16 channels": lambda room: Built(predict2("CosmosT2IPredict2"), 16),
    "Mochi": lambda room: masked(mochi(), 12),
    "CogVideoX T2V": lambda room: Built(cog("CogVideoX_T2V"), 16),
    "CogVideoX I2V": lambda room: Built(cog("CogVideoX_I2V", in_channels=32), 16),
    "CogVideoX 1.5 T2V": lambda room: Built(cog("CogVideoX_T2V", patch_size_t=2), 16, frames=6),
    "CogVideoX 1.5 I2V": lambda room: Built(cog("CogVideoX_I2V", in_channels=32, patch_size_t=2, ofs_embed_dim=32), 16, frames=6),
    "Kandinsky 5": lambda room: Built(kandinsky(), 16),
    "MiniMax H3": lambda room: Built(minimax(), 24, frames=7, sound=(1, 32, 2, 37)),
    "Unheard": lambda room: Built(unheard(), 16),
    "SD15": lambda room: Built(pictures("SD15"), 4),
    "QwenImage": lambda room: Built(pictures("QwenImage"), 16),
}
"""Builders by name."""


def build(name, room):
    """The model `name`; `room` imports a room of the pack."""
    return FAMILIES[name](room)


def sample(model, known, conds=None):
    """Two Euler steps of what `prepare` made, with its conditioning or `conds`, by the host's guider."""
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(*(conds or (known.positive, known.negative)))
    guider.set_cfg(3.0)
    return run(guider, known, comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "simple", 2))


def run(guider, known, sigmas, sampler="euler"):
    """What a GUIDER makes of `known`."""
    noise, sampler = comfy.sample.prepare_noise(known.samples, 0), comfy.samplers.ksampler(sampler)
    return guider.sample(noise, known.samples, sampler, sigmas, denoise_mask=known.noise_mask, disable_pbar=True, seed=0)
