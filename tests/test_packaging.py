"""The lists that must agree: dependencies, packages, the README's commands, .ci/run and the workflow; and the code's form."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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
    """tools/ makes files of the project and is no part of an install."""
    found = (path.parent.relative_to(ROOT) for path in ROOT.rglob("__init__.py"))
    folders = {".".join(path.parts) for path in found if path.parts and path.parts[0] not in (".venv", "tests", "build", "tools")}
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


def test_the_workflow_runs_the_second_command_and_builds_the_wheel():
    jobs = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))["jobs"]
    systems = {entry["os"]: entry["bin"] for entry in jobs["test"]["strategy"]["matrix"]["include"]}
    assert systems == {"ubuntu-latest": "bin", "macos-latest": "bin", "windows-latest": "Scripts"}
    assert jobs["test"]["runs-on"] == "${{ matrix.os }}"
    (step,) = [step for step in jobs["test"]["steps"] if "run" in step]
    assert step["shell"] == "bash"
    assert step["run"].replace("${{ matrix.bin }}", "bin") == readme_commands()[1]
    (build,) = [step["run"] for step in jobs["wheel"]["steps"] if "run" in step]
    assert "pip wheel --no-deps" in build


def test_forms_of_the_repository_are_yaml():
    for path in (*ROOT.glob(".github/**/*.yml"), ROOT / ".pre-commit-config.yaml"):
        assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict), path


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_has_nothing_to_say(command):
    done = subprocess.run([sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_types_are_right():
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_root_folder_is_not_importable_as_top_level_modules():
    assert str(ROOT) not in sys.path


def test_pytest_run_as_a_module_takes_the_root_off_the_path():
    """`python -m pytest` puts the working folder first on sys.path, where `nodes` and `models` would hide those of ComfyUI."""
    test = f"{Path(__file__).name}::{test_the_root_folder_is_not_importable_as_top_level_modules.__name__}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/{test}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
