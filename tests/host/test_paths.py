"""Names that lead somewhere: what stands in the way is told in words of its own, and linked models are found."""

import pytest

WANTED = {
    "outside": ("UsageError", "leads out of the output folder"),
    "nul": ("UsageError", "it holds characters that file names cannot have; give a plain name"),
    "surrogate": ("UsageError", "it holds characters that file names cannot have"),
    "file": ("MediaError", "a file stands where its folder is to be; give another name"),
    "long": ("UsageError", "a name of 312 bytes; give one of"),
    "rights": ("MediaError", "its folder may not be written to; change its rights, or give another name"),
    "full": ("MediaError", "its folder cannot be made or read: No space left on device"),
}


def place_all(room):
    """What is said of each prefix; runs in the host."""
    import errno
    import os

    import folder_paths

    place, errors = room("host.video").place, room("errors")
    with open(os.path.join(folder_paths.get_output_directory(), "taken"), "w") as file:
        file.write("x")
    makedirs, found = os.makedirs, {}

    def failing(number):
        def fail(*args, **options):
            raise OSError(number, os.strerror(number))

        return fail

    prefixes = {"outside": "../x", "nul": "a/x\0y", "surrogate": "a\udc80/x", "file": "taken/x", "long": "a" * 300 + "/x"}
    for name in ("rights", "full"):
        prefixes[name] = f"{name}/x"
    for name, prefix in prefixes.items():
        os.makedirs = {"rights": failing(errno.EACCES), "full": failing(errno.ENOSPC)}.get(name, makedirs)
        try:
            place(prefix, 64, 64)
            found[name] = ["", "nothing was refused"]
        except errors.LongTakeError as error:
            found[name] = [type(error).__name__, str(error)]
        finally:
            os.makedirs = makedirs
    folder, below, name, number = place("new/x", 64, 64)
    return {"said": found, "placed": [folder.is_dir(), below, name, number]}


@pytest.fixture(scope="module")
def placed(in_host):
    return in_host(place_all)


@pytest.mark.parametrize("case", WANTED)
def test_says_what_is_in_the_way(placed, case):
    kind, said = placed["said"][case]
    assert kind == WANTED[case][0] and WANTED[case][1] in said and "\n" not in said and len(said) < 200


def test_makes_the_folder(placed):
    assert placed["placed"] == [True, "new", "x", 1]


def test_inside(in_host, tmp_path):
    def run(room, folder):
        import os
        from pathlib import Path

        root, inside = Path(folder) / "root", room("host.paths").inside
        root.mkdir()
        os.symlink(folder, root / "out")
        os.symlink(root, Path(folder) / "in")
        names = [".", "a", "a/../b", "..", "a/../../b", "out", "out/root/a", "out/in/a", "/etc", "x\0", "a" * 999]
        return [name for name in names if inside(root, root / name)], inside(Path(folder) / "in", root / "a")

    found, linked = in_host(run, folder=str(tmp_path))
    assert found[:5] == [".", "a", "a/../b", "out/root/a", "out/in/a"] and set(found[5:]) <= {"a" * 999} and linked


def test_linked_models_are_offered_and_loaded(in_host, tiny_weights, tmp_path):
    def run(room, weights, folder):
        import os
        import shutil
        from pathlib import Path

        import folder_paths
        from safetensors.torch import save_file

        load, box = room("host.loader"), room("models.load")
        models, other = Path(folder) / "models", Path(folder) / "other"
        models.mkdir()
        other.mkdir()
        save_file(box.load_state("dit", box.WEIGHTS)[0], str(other / "single.safetensors"))
        shutil.copytree(weights, other / "tiny")
        os.symlink(other / "single.safetensors", models / "linked.safetensors")
        os.symlink(other / "tiny", models / "tiny")
        os.symlink(other / "gone.safetensors", models / "broken.safetensors")
        os.symlink(models, models / "ring")
        os.symlink(models, Path(folder) / "way")  # people link the whole folder too
        held = folder_paths.folder_names_and_paths.pop(load.FOLDER, None)
        refused = []
        try:
            folder_paths.add_model_folder_path(load.FOLDER, str(Path(folder) / "way"))
            names = load.names()
            loaded = [type(load.load(name)[0].model).__name__ for name in names[1:]]
            for name in ("../other/single.safetensors", "broken.safetensors", "/etc/passwd", "x\0", "ring/tiny", "tiny/../tiny"):
                try:
                    load.load(name)
                except room("errors").UsageError as error:
                    refused.append(str(error))
        finally:
            folder_paths.folder_names_and_paths.pop(load.FOLDER)
            if held is not None:
                folder_paths.folder_names_and_paths[load.FOLDER] = held
        return names, loaded, refused

    names, loaded, refused = in_host(run, weights=str(tiny_weights), folder=str(tmp_path))
    assert names == ["in the box", "linked.safetensors", "tiny"] and loaded == ["LongTakeModel"] * 2
    assert len(refused) == 6 and all("give one of in the box, linked.safetensors, tiny" in said for said in refused)
    assert not any("\n" in said for said in refused)
