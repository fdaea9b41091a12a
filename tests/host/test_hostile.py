"""Reels and shot lists that somebody else wrote, at the nodes: a result, or one line under the name that users know errors by."""

import random

from comfyui_longtake.tools import hostile

COUNT = 80


def read_all(room, folder, names, shots):
    """What went wrong with reels and shot lists that is no error of ours in one line; runs in the host."""
    import folder_paths

    reels, parse, errors = room("host.reels"), room("take.shots"), room("errors")
    wrong, refused = [], 0

    def shown(name):
        reel = reels.open_reel(name)
        reel.report()
        for chunk in reel.chunks():
            assert list(chunk.shape[1:2] + chunk.shape[3:]) == list(reel.header.shape)
        reels.as_latent(reel)
        assert reels.reel_state(name) == reels.reel_state(name)

    usual = folder_paths.get_output_directory()
    folder_paths.set_output_directory(folder)
    try:
        for call, given in [(shown, name) for name in names] + [
            (lambda text: parse.parse_shots(text, timed=True), one) for one in shots
        ]:
            try:
                call(given)
            except errors.LongTakeError as error:
                refused += 1
                if "\n" in str(error) or type(error).__module__ != "longtake":
                    wrong.append(f"{given[:40]}: {error}")
            except Exception as error:  # noqa: BLE001 - whatever comes is what is looked for
                wrong.append(f"{given[:40]}: {type(error).__name__}: {error}")
    finally:
        folder_paths.set_output_directory(usual)
    return wrong, refused


def test_spoilt_reels_and_shot_lists_end_in_one_line(in_host, tmp_path):
    root = tmp_path / "longtake/reels"
    root.mkdir(parents=True)
    names = [f"r{number}" for number in range(COUNT)]
    for number, name in enumerate(names):
        hostile.reel(random.Random(number), root / name)
    shots = [hostile.text(random.Random(number), hostile.SHOTS).encode("utf-8", "replace").decode() for number in range(COUNT)]
    wrong, refused = in_host(read_all, folder=str(tmp_path), names=names, shots=shots)
    assert wrong == [] and refused > COUNT / 4
