"""What is kept beside the code against what it was made from; ComfyUI is not needed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from comfyui_longtake.errors import LongTakeError
from comfyui_longtake.tools import locale_files, model_card, workflow_forms
from comfyui_longtake.tools.artefacts import Artefact, face, find_stale, meaning
from comfyui_longtake.tools.regenerate import ROOT, every_artefact, main
from comfyui_longtake.tools.scenes import SCENES

ARTEFACTS = [artefact for artefacts in every_artefact().values() for artefact in artefacts]


def test_nothing_is_stale():
    stale = find_stale(ARTEFACTS)
    assert not stale, "python tools/regenerate.py, or --accept PATH where it is right as it is: " + ", ".join(sorted(stale))


def test_every_picture_form_and_translation_is_an_artefact_once():
    patterns = ("docs/*.jpg", "docs/*.png", "js/docs/images/*", "workflows/**/*.jpg", "locales/*/*.json")
    found = [path for pattern in patterns for path in ROOT.glob(pattern)]
    found += [workflow_forms.api_path(canvas) for canvas in workflow_forms.canvases()]
    paths = [artefact.path for artefact in ARTEFACTS]
    assert sorted({path.relative_to(ROOT).as_posix() for path in found}) == sorted(set(paths) - {model_card.CARD})
    assert len(paths) == len(set(paths))


def test_every_source_is_there():
    assert [source for artefact in ARTEFACTS for source in artefact.sources if not (ROOT / source).is_file()] == []


@pytest.mark.parametrize("canvas", workflow_forms.canvases(), ids=lambda path: path.stem)
def test_api_form_is_that_of_the_canvas(canvas):
    made = workflow_forms.to_api(json.loads(canvas.read_text(encoding="utf-8")), workflow_forms.known_titles())
    assert made == json.loads(workflow_forms.api_path(canvas).read_text(encoding="utf-8"))


def test_a_canvas_that_only_the_page_can_convert_is_refused():
    node = {"id": 1, "type": "A", "inputs": [], "mode": 4}
    with pytest.raises(ValueError, match="A 1 is muted"):
        workflow_forms.to_api({"nodes": [node], "links": []}, {})
    with pytest.raises(ValueError, match="does not name its widgets"):
        workflow_forms.to_api({"nodes": [{**node, "mode": 0, "widgets_values": [1]}], "links": []}, {})
    with pytest.raises(ValueError, match="subgraph"):
        workflow_forms.to_api({"nodes": [], "links": [], "definitions": {"subgraphs": [{}]}}, {})


def test_every_node_has_a_scene_with_it():
    assert sorted(SCENES) == sorted(path.stem for path in (ROOT / "js/docs").glob("*.md"))
    for name, scene in SCENES.items():
        nodes = [node for column in scene.columns() for node in column]
        names = {node.name for node in nodes}
        assert name in {node.type for node in nodes}
        assert {source.partition(".")[0] for node in nodes for source in node.links.values()} <= names
        assert set(scene.show) <= {node.type for node in nodes}


def test_face_is_title_sockets_and_defaults():
    title, rows = json.loads(face("LongTakePlanner"))
    assert title == "# Size and Duration" and ["seconds", "4"] in rows
    assert face("KSampler") == "KSampler"


def test_form_and_words_of_a_source_do_not_count(tmp_path):
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text('"""Says."""\ndef f(a):\n    """What."""\n    return [a,\n 1]\n')
    other.write_text("def f(a):\n    return [a, 1]\n")
    assert meaning(one) == meaning(other)
    other.write_text("def f(a):\n    return [a, 2]\n")
    assert meaning(one) != meaning(other) and meaning(tmp_path / "none.py") == b""
    assert Artefact("x", settings="a").digest() != Artefact("x", settings="b").digest()


def test_translations_keep_what_english_has():
    english = {"A": {"display_name": "a", "inputs": {"x": {"name": "x"}}}}
    chinese = {"A": {"inputs": {"x": {"name": "甲"}, "y": {"name": "乙"}}, "display_name": "天"}, "B": {"display_name": "地"}}
    assert locale_files.kept(chinese, english) == {"A": {"display_name": "天", "inputs": {"x": {"name": "甲"}}}}
    assert locale_files.blanks({"A": {"x": "", "y": "b"}}) == ["A.x"]


def test_card_gets_the_table_of_an_evaluation():
    card = "# Card\n\n| share of right answers, % | all |\n|---|---|\n| old | 1 |\n\nText.\n"
    rows = ["| share of right answers, % | all |", "|---|---|", "| new | 2 |"]
    assert model_card.replace_table(card, rows) == card.replace("| old | 1 |", "| new | 2 |")
    with pytest.raises(LongTakeError, match="no table"):
        model_card.replace_table("# Card\n", rows)
    model_card.table_of((ROOT / model_card.CARD).read_text(encoding="utf-8").splitlines(), model_card.CARD)


def test_command_names_what_there_is(capsys):
    assert main(["--list"]) == 0
    assert "docs/strip.jpg" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["docs/none.jpg"])
    assert "kinds are forms" in capsys.readouterr().err


def test_command_runs_from_anywhere(tmp_path):
    command = [sys.executable, str(Path(ROOT) / "tools/regenerate.py"), "forms", "--check"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
