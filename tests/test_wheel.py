"""The wheel: installed in an environment of its own, without the checkout, it has all that the checkout has."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
import venv
from pathlib import Path

import pytest
from comfyui_longtake.errors import UsageError
from comfyui_longtake.farm.comfy import find_comfy, serve

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]  # on one worker, so that it is built once
ROOT = Path(__file__).resolve().parent.parent
PACK_FILES = ("__init__.py", "py.typed", "pyproject.toml", "requirements.txt", "js", "locales", "workflows")
NOT_SOURCE = (".*", "build", "dist", "runs", "*.egg-info", "__pycache__", "*.mp4", "*.webm")


class Installed:
    """An environment with the wheel in it: `folder` holds the package, `run` runs a program of the environment."""

    def __init__(self, environment: Path, work: Path):
        scripts = environment / ("Scripts" if os.name == "nt" else "bin")
        self.python, self.longtake, self.work = scripts / "python", scripts / "longtake", work
        self.folder = Path(self.run(self.python, "-c", "import comfyui_longtake as pack; print(pack.__path__[0])").strip())

    def run(self, program: Path, *words: str) -> str:
        """Standard output; fails with what the program said where it fails."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [str(program), *words]
        done = subprocess.run(command, cwd=self.work, env=clean, capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 0, f"{program.name} {' '.join(words)}: {done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy of the sources, so that nothing stale of an earlier build gets into it."""
    source, target = tmp_path_factory.mktemp("source") / "longtake", tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (found,) = target.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Installed:
    """The wheel in a fresh environment, which borrows torch and the like from this one but not the checkout."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False)
    names = {"base": str(environment), "platbase": str(environment)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=names))
    command = [sys.executable, "-m", "pip", "--python", str(environment), "install", "--quiet", "--no-deps", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}  # a folder a .pth names is searched; its .pth are not
    (packages / "lent.pth").write_text("\n".join(sorted(lent)), encoding="utf-8")
    return Installed(environment, tmp_path_factory.mktemp("work"))


def files(folder: Path) -> dict[str, bytes]:
    """Path below `folder` -> content of every file of the pack that is not Python's own."""
    found = [path for name in PACK_FILES for path in (folder / name, *(folder / name).rglob("*"))]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found if path.is_file()}


def test_the_checkout_is_not_what_is_tested(installed):
    assert installed.folder.name == "comfyui_longtake" and ROOT not in installed.folder.parents
    code = "import sys, comfyui_longtake as pack; print('\\n'.join([*pack.__path__, *sys.path]))"
    places = [Path(line) for line in installed.run(installed.python, "-c", code).splitlines()]
    assert ROOT not in places and ROOT.parent not in places


def test_files_of_the_pack_are_those_of_the_checkout(installed):
    here = files(ROOT)
    assert files(installed.folder) == here
    assert {
        "py.typed",
        "js/preview.js",
        "js/docs/LongTakeLoader.md",
        "locales/zh/nodeDefs.json",
        "workflows/api/minute.json",
    } <= set(here)


def test_what_only_makes_the_project_stays_out(installed):
    assert not [name for name in ("tests", "tools", "docs", ".github") if (installed.folder / name).exists()]


def test_render_and_inspect(installed):
    installed.run(
        installed.longtake, "render", "a red dog runs", "--frames", "4", "--size", "64x48", "--steps", "2", "-o", "dog.mp4"
    )
    assert (installed.work / "dog.mp4").stat().st_size > 500
    assert "64x48" in installed.run(installed.longtake, "inspect", "dog.mp4")


def test_run_and_compare_find_the_pack(installed):
    assert "--comfyui" in installed.run(installed.longtake, "run", "--help")
    assert "api/minute.json" in installed.run(installed.longtake, "compare", "--help")
    code = "from comfyui_longtake.farm.comfy import PACK; print((PACK / 'workflows' / 'api' / 'minute.json').is_file(), PACK)"
    assert installed.run(installed.python, "-c", code).split() == ["True", str(installed.folder)]


def test_comfyui_gets_every_node_page_template_and_locale(installed, tmp_path):
    try:
        comfy = find_comfy()
    except UsageError as error:
        pytest.skip(str(error))
    name, link, paths = "longtake-wheel", tmp_path / "packs" / "longtake-wheel", tmp_path / "paths.json"
    link.parent.mkdir()
    link.symlink_to(installed.folder, target_is_directory=True)
    paths.write_text(json.dumps({"wheel": {"custom_nodes": str(link.parent)}}))
    only = ["--extra-model-paths-config", str(paths), "--disable-all-custom-nodes", "--whitelist-custom-nodes", name]
    (tmp_path / "comfy").mkdir()
    with serve(comfy, tmp_path / "comfy", cpu=True, extra=only) as server:

        def get(path: str) -> bytes:
            with urllib.request.urlopen(server.url + path, timeout=60) as answer:
                return answer.read()

        pages = {path.stem: path.read_bytes() for path in (ROOT / "js/docs").glob("*.md")}
        infos = json.loads(get("/object_info"))
        assert {node for node in infos if infos[node]["python_module"] == f"custom_nodes.{name}"} == set(pages)
        assert all(get(f"/extensions/{name}/docs/{node}.md") == page for node, page in pages.items())
        for path in filter(Path.is_file, (ROOT / "workflows").rglob("*")):
            below = path.relative_to(ROOT / "workflows").as_posix()
            assert get(f"/api/workflow_templates/{name}/{below}") == path.read_bytes()
        languages = json.loads(get("/i18n"))
        assert all(set(pages) <= set(languages[path.name]["nodeDefs"]) for path in (ROOT / "locales").iterdir())
