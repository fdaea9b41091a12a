"""Every way that `longtake compare` knows runs on a real ComfyUI and gives a video at least as long as asked."""

import pytest
from comfyui_longtake.cli.baselines import RIVALS, Length
from comfyui_longtake.farm.comfy import PACK
from comfyui_longtake.farm.graph import read_graph
from comfyui_longtake.farm.graph_outputs import find_outputs
from comfyui_longtake.media.read import probe


@pytest.mark.parametrize("way", RIVALS)
def test_way_runs(comfy, tmp_path, way):
    graph = read_graph(PACK / "workflows" / "api" / "minute.json")
    graph["10"]["inputs"]["steps"] = 1
    graph["3"]["inputs"] |= {"aspect": "custom", "width": 64, "height": 48}
    length = Length(3.5, clip=2.0, carried=4, window=5, shared=2)
    files, _ = find_outputs(comfy.run(RIVALS[way](graph, length, "a blue dog in the desert", 5)))
    (tmp_path / "a.mp4").write_bytes(comfy.fetch(files[0].__dict__))
    info = probe(tmp_path / "a.mp4")
    assert (info.width, info.height, float(info.fps)) == (64, 48, 8.0) and 28 <= info.frames <= 32
