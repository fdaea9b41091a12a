"""Tiny video VAEs with random weights of unit gain, built from the host's own classes; to be used in its interpreter.

`build(name)` gives a VAE as the host's loader would: what it says of itself is what comfy.sd says of the real one.
"""

import math

import comfy.ldm.cogvideo.vae
import comfy.ldm.cosmos.vae
import comfy.ldm.genmo.vae.model
import comfy.ldm.lightricks.vae.causal_video_autoencoder
import comfy.ldm.wan.vae
import comfy.ldm.wan.vae2_2
import comfy.model_patcher
import comfy.sd
import torch
from comfy.ldm.models.autoencoder import AutoencoderKL, AutoencodingEngine


def wan21():
    return comfy.ldm.wan.vae.WanVAE(
        dim=8, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2, temperal_downsample=[False, True, True]
    )


def wan22():
    return comfy.ldm.wan.vae2_2.WanVAE(dim=8, dec_dim=8, z_dim=48, num_res_blocks=2, temperal_downsample=[False, True, True])


def hunyuan():
    config = {"double_z": True, "z_channels": 16, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 32}
    more = {"ch_mult": [1, 1, 1, 1], "num_res_blocks": 1, "attn_resolutions": [], "dropout": 0.0}
    return AutoencoderKL(ddconfig={**config, **more, "conv3d": True, "time_compress": 4}, embed_dim=16)


def hunyuan15():
    config = {
        "block_out_channels": [32, 32, 32, 64, 64],
        "in_channels": 3,
        "out_channels": 3,
        "num_res_blocks": 1,
        "ffactor_spatial": 16,
        "ffactor_temporal": 4,
        "downsample_match_channel": True,
        "upsample_match_channel": True,
        "z_channels": 32,
    }
    part = "comfy.ldm.hunyuan_video.vae_refiner"
    return AutoencodingEngine(
        regularizer_config={"target": "comfy.ldm.models.autoencoder.EmptyRegularizer"},
        encoder_config={"target": f"{part}.Encoder", "params": config},
        decoder_config={"target": f"{part}.Decoder", "params": config},
    )


def ltx():
    blocks = [["res_x", 1], ["compress_all", 1], ["compress_all", 1], ["compress_all", 1]]
    return comfy.ldm.lightricks.vae.causal_video_autoencoder.VideoVAE(
        config={
            "dims": 3,
            "latent_channels": 128,
            "blocks": blocks,
            "encoder_base_channels": 8,
            "decoder_base_channels": 8,
            "norm_layer": "pixel_norm",
            "patch_size": 4,
            "latent_log_var": "uniform",
            "causal_decoder": False,
        }
    )


def cosmos():
    return comfy.ldm.cosmos.vae.CausalContinuousVideoTokenizer(
        z_channels=16,
        latent_channels=16,
        z_factor=1,
        resolution=64,
        in_channels=3,
        out_channels=3,
        channels=8,
        channels_mult=[1, 1, 1],
        num_res_blocks=1,
        attn_resolutions=[],
        dropout=0.0,
        patch_size=4,
        num_groups=1,
        temporal_compression=8,
        spacial_compression=8,
    )


def mochi():
    part = comfy.ldm.genmo.vae.model
    net = torch.nn.Module.__new__(part.VideoVAE)
    torch.nn.Module.__init__(net)
    shape = {"channel_multipliers": [1, 2, 1, 2], "num_res_blocks": [1, 1, 1, 1, 1], "latent_dim": 12, "padding_mode": "replicate"}
    net.encoder = part.Encoder(
        in_channels=15,
        base_channels=32,
        temporal_reductions=[1, 2, 3],
        spatial_reductions=[2, 2, 2],
        prune_bottlenecks=[False] * 5,
        has_attentions=[False] * 5,
        affine=True,
        bias=True,
        input_is_conv_1x1=True,
        **shape,
    )
    net.decoder = part.Decoder(
        out_channels=3,
        base_channels=32,
        temporal_expansions=[1, 2, 3],
        spatial_expansions=[2, 2, 2],
        has_attention=[False] * 5,
        output_norm=False,
        nonlinearity="silu",
        output_nonlinearity="silu",
        causal=True,
        **shape,
    )
    return net


def cogvideo():
    return comfy.ldm.cogvideo.vae.AutoencoderKLCogVideoX(block_out_channels=(32, 32, 32, 32), layers_per_block=1)


VAES = {
    "Wan 2.1": (wan21, 16, 4, 8),
    "Wan 2.2": (wan22, 48, 4, 16),
    "HunyuanVideo 1.0": (hunyuan, 16, 4, 8),
    "HunyuanVideo 1.5": (hunyuan15, 32, 4, 16),
    "LTXV": (ltx, 128, 8, 32),
    "Cosmos": (cosmos, 16, 8, 8),
    "Mochi": (mochi, 12, 6, 8),
    "CogVideoX": (cogvideo, 16, 4, 8),
}
"""Builder, latent channels, frames a latent and pixels a cell."""


def gain(net):
    """Weights with which every layer keeps the spread of what it gets: ones that scale are one."""
    noise = torch.Generator().manual_seed(0)
    for name, weight in [*net.named_parameters(), *net.named_buffers()]:
        if not weight.is_floating_point():
            continue
        if weight.ndim > 1 and not name.endswith("gamma"):
            value = torch.randn(weight.shape, generator=noise) * weight[0].numel() ** -0.5
        else:
            value = (
                torch.zeros(weight.shape) if name.endswith(("bias", "mean-of-means", "latent_mean")) else torch.ones(weight.shape)
            )
        weight.data = value.to(weight.dtype)


def build(name):
    """The VAE `name`."""
    make, channels, rest, cell = VAES[name]
    torch.manual_seed(0)
    base = wan21()
    vae = comfy.sd.VAE(sd=base.state_dict())
    net = make().eval()
    gain(net)
    vae.first_stage_model = net
    vae.patcher = comfy.model_patcher.ModelPatcher(net, load_device=vae.device, offload_device=vae.device)
    vae.latent_channels, vae.output_channels, vae.vae_dtype = channels, 3, torch.float32
    vae.upscale_ratio = (lambda a: max(0, a * rest - rest + 1), cell, cell)
    vae.downscale_ratio = (lambda a: max(0, math.floor((a + rest - 1) / rest)), cell, cell)
    vae.upscale_index_formula = vae.downscale_index_formula = (rest, cell, cell)
    vae.memory_used_decode = vae.memory_used_encode = lambda shape, dtype: 1000 * math.prod(shape)
    return vae
