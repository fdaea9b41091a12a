"""Banks of clips on disk: what is drawn once is read again, tests are apart from training."""

import random

import pytest
import torch
from comfyui_longtake.lab.training import clips as module
from comfyui_longtake.lab.training.clips import CELL, FRAMES, Shelf, Shelves, draw_bank, draw_shelf, draw_source
from comfyui_longtake.lab.world.render import render_parts
from comfyui_longtake.models.prompts.scene import FULL, is_held_out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("clips")
    sizes = module.SIZES
    module.SIZES = {(32, 48): 2.0, (48, 32): 1.0}
    draw_bank(where, FULL, 9, 3, seed=1)
    module.SIZES = sizes
    return where


def test_a_bank_has_shelves_of_every_size_in_both_parts(folder):
    assert sorted(p.name for p in folder.iterdir()) == ["test-32x48", "test-48x32", "train-32x48", "train-48x32"]
    assert [len(s) for s in Shelves(folder, "train").shelves] == [3, 6]
    assert [len(s) for s in Shelves(folder, "test").shelves] == [1, 2]
    with pytest.raises(FileNotFoundError, match="other"):
        Shelves(folder, "other")


def test_a_clip_is_the_render_of_its_scene(folder):
    shelf = Shelf(folder / "train-48x32")
    for k in range(len(shelf)):
        s = shelf.sources[k]
        pixels, figures = render_parts([s.scene], FRAMES, 32, 48, s.fps, start=s.start)
        assert (shelf.clip(k) - pixels[0]).abs().max() < 0.0021
        share = torch.from_numpy(shelf.figures[k].copy()).float() / 255
        assert (share - torch.nn.functional.avg_pool2d(figures[0].float(), CELL)).abs().max() < 0.0021
    assert len({s.scene.seed for s in shelf.sources}) == len(shelf)


def test_a_shelf_that_is_there_is_left_alone_and_half_a_shelf_is_drawn_anew(folder, tmp_path):
    at = (folder / "test-32x48" / "pixels.npy").stat().st_mtime_ns
    draw_shelf(folder / "test-32x48", FULL, (48, 32), 1, seed=9, test=True)
    assert (folder / "test-32x48" / "pixels.npy").stat().st_mtime_ns == at
    (tmp_path / "train-16x16.part").mkdir()
    (tmp_path / "train-16x16.part" / "pixels.npy").write_bytes(b"half")
    draw_shelf(tmp_path / "train-16x16", FULL, (16, 16), 2, seed=0)
    assert [p.name for p in tmp_path.iterdir()] == ["train-16x16"] and len(Shelf(tmp_path / "train-16x16")) == 2


def test_tests_show_other_seeds_and_half_of_them_combinations_never_trained_on():
    rng = random.Random(0)
    train, test = ([draw_source(FULL, rng, test=t) for _ in range(300)] for t in (False, True))
    assert not any(is_held_out(s.scene) for s in train)
    assert 0.4 < sum(is_held_out(s.scene) for s in test) / 300 < 0.6
    assert not {s.scene.seed for s in train} & {s.scene.seed for s in test}


def test_whole_pictures_come_in_batches_of_about_so_many_pixels(folder):
    shelves = Shelves(folder, "train", seed=3)
    shapes = {tuple(shelves.batch(4 * 32 * 48 * 5, 5)[0].shape) for _ in range(30)}
    assert shapes == {(4, 5, 32, 48, 3), (4, 5, 48, 32, 3)}
    assert shelves.batch(1, 16)[0].shape[:2] == (1, 16)
    assert shelves.batch(1, 4, 400)[1].shape[2:] in ((2, 3), (3, 2))


def test_crops_are_cut_out_of_the_clips_with_their_cells(folder):
    shelves = Shelves(folder, "train", seed=3)
    pixels, figures = shelves.batch(40 * 32 * 32 * 5, 5, 32)
    assert pixels.shape == (40, 5, 32, 32, 3) and figures.shape == (40, 5, 2, 2)
    everything = [s.clip(k) for s in shelves.shelves for k in range(len(s))]
    for crop in pixels[:8]:
        places = [
            (k, t, y, x)
            for k, clip in enumerate(everything)
            for t in range(FRAMES - 4)
            for y in range(0, clip.shape[1] - 31, CELL)
            for x in range(0, clip.shape[2] - 31, CELL)
            if torch.equal(crop, clip[t : t + 5, y : y + 32, x : x + 32])
        ]
        assert places
    assert 0 < figures.mean() < 1
    assert torch.equal(Shelves(folder, "train", seed=3).batch(40 * 32 * 32 * 5, 5, 32)[0], pixels)
