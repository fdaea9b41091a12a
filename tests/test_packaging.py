"""The lists that must agree: dependencies, packages, the README's commands and .ci/run."""

import os
import subprocess
from pathlib import Path

import pytest

tomllib = pytest.importorskip("tomllib")  # Python 3.11
ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def entries(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def readme_commands() -> list[str]:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    marks = [index for index, line in enumerate(lines) if line.startswith("<!-- command ")]
    return [lines[index + 2] for index in marks]


def test_requirements_are_the_dependencies():
    assert entries(ROOT / "requirements.txt") == PROJECT["project"]["dependencies"]


def test_every_package_folder_is_listed():
    found = (path.parent.relative_to(ROOT) for path in ROOT.rglob("__init__.py"))
    folders = {".".join(path.parts) for path in found if path.parts and path.parts[0] not in (".venv", "tests", "build")}
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert sorted(listed) == ["comfyui_longtake", *sorted(f"comfyui_longtake.{folder}" for folder in folders)]


def test_the_readme_has_two_one_line_commands():
    first, second = readme_commands()
    assert "longtake render" in first and "pytest" not in first
    assert "pytest" in second and "longtake render" not in second
    for command in (first, second):
        assert "-c constraints.txt" in command
    assert entries(ROOT / "constraints.txt") == ["torch==2.13.0"]


@pytest.mark.skipif(os.name == "nt", reason="bash")
def test_ci_runs_the_second_command(tmp_path):
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/run").write_bytes((ROOT / ".ci/run").read_bytes())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (tmp_path / "README.md").write_text(readme.replace(readme_commands()[1], "echo second of $PWD"), encoding="utf-8")
    done = subprocess.run(["bash", ".ci/run"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["+ echo second of $PWD", f"second of {tmp_path}"]


def test_the_root_folder_is_not_importable_as_top_level_modules():
    import sys

    assert str(ROOT) not in sys.path
