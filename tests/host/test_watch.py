"""What is seen of a take while it is made: a video that grows, the time left, and that a preview never stops a take."""

import contextlib

import av
import pytest

from .test_take_graphs import film, frames_of


def test_the_finished_part_plays_while_the_rest_is_sampled(comfy):
    seen = []

    def hear(kind, data):
        if kind == "longtake.preview":
            # heard late, a partial file may have its final name already
            for name in (data["filename"], data["filename"].replace(".partial", "")):
                with contextlib.suppress(StopIteration, FileNotFoundError):
                    file = next(comfy.folder.glob(f"temp/**/{data['subfolder']}/{name}"))
                    with av.open(str(file)) as video:
                        seen.append((data, sum(1 for _ in video.decode(video=0))))
                    break

    wanted = film("12: a red dog walks in the desert", seconds=1.0)
    wanted["10"]["inputs"]["window"] = 0  # as many as the model was trained on: an encoder holds the first few dozen frames back
    entry = comfy.run(wanted, on_event=hear)
    assert len(seen) >= 2 and {data["node"] for data, _ in seen} == {"11"}
    *growing, (last, frames) = seen
    counts = [count for _, count in growing]
    finished = [round(data["seconds"] * 8) for data, _ in growing]  # by the time it is heard of, the file may hold more
    assert 0 < finished[0] < frames == frames_of(comfy, entry) and finished == sorted(finished)
    assert all(0 < count <= frames for count in counts) and counts == sorted(counts)
    assert all(".partial" in data["filename"] for data, _ in growing) and ".partial" not in last["filename"]
    assert last["seconds"] == pytest.approx(frames / 8)


def test_a_take_does_not_fail_for_its_preview_but_for_itself(in_host):
    def check(room, pack):
        import torch

        watch = room("host.progress").Watch()
        handed = []

        def chunks(broken):
            for number in range(4):
                if broken and number == 2:
                    raise ValueError("sampling failed")
                handed.append(float(torch.rand(())))
                yield torch.zeros(1, 4, 3, 2, 3)

        class Vae:
            latent_dim, first_stage_model = 3, object()
            upscale_ratio = (lambda t: 4 * t, 16, 16)

            def __init__(self, broken):
                self.broken = broken

            def spacial_compression_decode(self):
                return 16

            def decode(self, latents):
                if self.broken:
                    raise MemoryError("no room")
                torch.rand(5)  # as decoders do that add noise
                return torch.zeros(1, 4 * latents.shape[2], 32, 48, 3)

        codec, found = room("host.codec").HostCodec, {}
        for name, vae in (("broken", Vae(True)), ("whole", Vae(False))):
            torch.manual_seed(1)
            handed.clear()
            watch.play(chunks(False), codec(vae), 8.0, (4, 2, 3), 12)
            found[name] = list(handed)
        try:
            watch.play(chunks(True), codec(Vae(False)), 8.0, (4, 2, 3), 12)
        except ValueError as error:
            found["error"] = str(error)
        return found

    found = in_host(check)
    assert len(found["broken"]) == 4 and found["broken"] == found["whole"]  # the preview draws no number of the sampler's
    assert found["error"] == "sampling failed"


def test_the_plan_and_its_cost_are_said_before_anything_is_sampled_and_stay(in_host):
    def check(room, pack):
        from types import SimpleNamespace

        watch, said = room("host.progress").Watch(), []
        sent = lambda words, node, client: said.append(words)  # noqa: E731
        watch.server, watch.node = SimpleNamespace(client_id="me", send_progress_text=sent), "11"
        watch.announce("9 windows, 1.27 latents sampled for each new one")
        watch.step(room("engine.state").Progress(1, 9, 2, 2, True))
        return said

    plan = "9 windows, 1.27 latents sampled for each new one"
    assert in_host(check) == [plan, f"{plan}\nwindow 1 of 9"]


def test_time_left_in_words(in_host):
    def check(room, pack):
        watch = room("host.progress")
        at = room("engine.state").Progress
        given = [(at(1, 3, 0, 10), None), (at(2, 3, 5, 10), 2.0), (at(3, 3, 10, 10, True), 2.0)]
        return [watch.time_left(*one) for one in given], [watch.clock(s) for s in (0, 59, 60, 125, 3725)]

    words, clocks = in_host(check)
    assert words == ["window 1 of 3", "window 2 of 3, about 30 s left", "window 3 of 3"]
    assert clocks == ["1 s", "59 s", "1:00 min", "2:05 min", "1:02:05 h"]
