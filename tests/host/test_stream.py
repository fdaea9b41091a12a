"""Streaming decode: exact for our VAE, close for others, at a memory that does not grow with the length."""

import pytest


def test_frames_are_those_of_one_decode_and_memory_is_flat(in_host):
    def run(room):
        import resource

        import torch

        load, decode = room("models.load"), room("host.codec")
        vae = room("host.box_vae").HostVAE(load.load_vae())
        g = torch.Generator().manual_seed(0)
        latents = torch.randn(1, 128, 13, 4, 6, generator=g)
        with torch.inference_mode():
            whole, parts, told = vae.decode(latents)[0], [], []
            codec = decode.HostCodec(vae)
            codec.decode([latents[:, :, :5], latents[:, :, 5:]], 13, parts.append, tick=told.append)

            def peak(count):
                """Most memory in MB after a take of so many latents of 160x256 pixels, frames thrown away."""
                one = torch.randn(1, 128, 1, 10, 16, generator=g)
                codec.decode((one for _ in range(count)), count, lambda frames: None)
                return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

            short = peak(10)
            long = peak(120)
        return {"same": float((torch.cat(parts) - whole).abs().max()), "told": told[-1], "growth": long - short}

    found = in_host(run, timeout=300)
    assert found["same"] < 1e-5 and found["told"] == 13
    assert found["growth"] < 30


@pytest.mark.parametrize("length", [3, 40])
def test_a_causal_vae_streams_with_a_lead_in(in_host, length):
    def run(room, length):
        import torch
        from comfy.ldm.wan.vae import WanVAE
        from comfy.sd import VAE

        torch.manual_seed(0)
        net = WanVAE(dim=8, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2, temperal_downsample=[False, True, True])
        for name, weight in net.named_parameters():
            scale = weight[0].numel() ** -0.5
            weight.data = torch.ones_like(weight) if name.endswith("gamma") else torch.randn_like(weight) * scale
        vae = VAE(sd=net.state_dict())
        latents = torch.randn(1, 16, length, 2, 3)
        parts = []
        with torch.inference_mode():
            whole = vae.decode(latents)[0]
            room("host.codec").HostCodec(vae).decode(latents.split(7, 2), length, parts.append)
        made = torch.cat(parts)
        return [list(made.shape) == list(whole.shape), float((made - whole).abs().mean() / whole.std())]

    same, error = in_host(run, length=length, timeout=300)
    assert same and error < (1e-6 if length == 3 else 0.02)


def test_a_vae_of_pictures_is_refused(in_host):
    def run(room):
        from types import SimpleNamespace

        try:
            room("host.codec").HostCodec(SimpleNamespace(latent_dim=2))
        except room("errors").UsageError as error:
            return str(error)

    assert "decodes pictures, not video" in in_host(run)
