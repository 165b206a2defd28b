"""Runs the pull task against the local hub."""

import hashlib
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

COMMIT, OTHER_COMMIT = "a" * 40, "b" * 40
HUGGING_FACE_CHUNK = 10 << 20  # huggingface_hub writes what it receives in chunks of this size
RESULTS = ["revision", "total-bytes", "file-count", "manifest-digest"]


@pytest.fixture
def pull(run_task: Callable, hub, tmp_path: Path) -> Callable:
    def start(**changes: str):
        parameters = {
            "HUGGINGFACE_MODEL": "example/model",
            "HUGGINGFACE_REVISION": COMMIT,
            "HUGGINGFACE_ALLOW_PATTERNS": "*.json *.safetensors",
            "HF_ENDPOINT": hub.url,
            "MODELS_DIRECTORY": str(tmp_path / "models"),
            "MODEL_DIRECTORY": "sums",
        }
        return run_task("pull-model-from-huggingface", RESULTS, **{**parameters, **changes})

    return start


def files(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_downloads_matching_files_and_writes_their_manifest(pull, repositories, tmp_path):
    outcome = pull()
    assert (outcome.code, outcome.error) == (0, "")
    stored = repositories["example/model"].revisions[COMMIT]
    wanted = {name: file.path.read_bytes() for name, file in stored.items() if name != "model.bin"}
    assert files(tmp_path / "models" / "sums") == wanted
    manifest = "".join(f"{stored[name].sha256}  {name}\n" for name in sorted(wanted))
    assert (tmp_path / "models" / "sums.sha256").read_text() == manifest
    assert outcome.results == {
        "revision": COMMIT,
        "total-bytes": str(sum(map(len, wanted.values()))),
        "file-count": "3",
        "manifest-digest": "sha256:" + hashlib.sha256(manifest.encode()).hexdigest(),
    }


def test_without_patterns_downloads_every_file(pull):
    assert pull(HUGGINGFACE_ALLOW_PATTERNS="").results["file-count"] == "4"


def test_a_complete_model_is_not_downloaded_again(pull, hub):
    first = pull()
    hub.requests.clear()
    second = pull()
    assert second.results == first.results
    assert [path for _, path, _ in hub.requests if "/resolve/" in path] == []


def test_a_lost_file_is_downloaded_again(pull, tmp_path):
    first = pull()
    (tmp_path / "models" / "sums" / "config.json").unlink()
    assert pull().results == first.results
    assert (tmp_path / "models" / "sums" / "config.json").read_bytes() == b"{}"


def test_another_revision_replaces_the_model(pull, tmp_path):
    pull()
    outcome = pull(HUGGINGFACE_REVISION=OTHER_COMMIT)
    assert outcome.code == 0
    expected = {"config.json": b'{"layers": 2}', "model.safetensors": b"other weights"}
    assert files(tmp_path / "models" / "sums") == expected


def test_an_interrupted_download_resumes(pull, hub, tmp_path):
    handler, send_file = hub.server.RequestHandlerClass, hub.server.RequestHandlerClass.send_file
    cut: list[Any] = []

    def send_half_once(self, file, commit):
        if self.command == "GET" and file.large and not cut:
            cut.append(file)
            self.start(200, file.size, {"ETag": f'"{file.etag}"', "X-Repo-Commit": commit})
            self.wfile.write(file.path.read_bytes()[: file.size // 2])
            self.close_connection = True
        else:
            send_file(self, file, commit)

    handler.send_file = send_half_once
    assert pull().code == 0
    assert cut
    ranges = [wanted for method, path, wanted in hub.requests if method == "GET" and path.endswith(".safetensors")]
    assert ranges == [None, f"bytes={HUGGING_FACE_CHUNK}-"]
    content = (tmp_path / "models" / "sums" / "model.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == cut[0].sha256


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_corrupted_file_is_detected_and_removed(pull, repositories, tmp_path, name):
    stored = repositories["example/model"].revisions[COMMIT][name].path
    stored.write_bytes(b"\xff" * stored.stat().st_size)
    outcome = pull()
    assert outcome.code == 1
    assert f"{name} differs from the hub's checksum" in outcome.error
    assert not (tmp_path / "models" / "sums" / name).exists()
    assert not (tmp_path / "models" / "sums.sha256").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"HUGGINGFACE_MODEL": "example/missing"}, "does not exist, or is private and no token"),
        ({"HUGGINGFACE_MODEL": "example/missing", "HF_TOKEN": "x"}, "the token given in HF_TOKEN has no access"),
        ({"HUGGINGFACE_MODEL": "example/gated"}, "is gated, and no token"),
        ({"HUGGINGFACE_MODEL": "example/gated", "HF_TOKEN": "x"}, "is gated, and the token given"),
        ({"HUGGINGFACE_REVISION": "c" * 40}, f"has no revision {'c' * 40}"),
        ({"HUGGINGFACE_REVISION": "main"}, f"main is not a commit and may change; currently it is {OTHER_COMMIT}"),
        ({"HUGGINGFACE_ALLOW_PATTERNS": "*.gguf"}, "no file of example/model matches"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "the hub cannot be reached"),
        ({"MODEL_DIRECTORY": "../elsewhere"}, "MODEL_DIRECTORY must be a relative path"),
    ],
)
def test_expected_failures_are_one_line(pull, changes, message):
    outcome = pull(**changes)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
    assert outcome.results == {}


def test_the_token_gives_access_to_a_gated_repository(pull):
    assert pull(HUGGINGFACE_MODEL="example/gated", HF_TOKEN="the-token").code == 0


def test_every_missing_parameter_is_reported_at_once(run_task):
    outcome = run_task("pull-model-from-huggingface", RESULTS)
    assert outcome.code == 1
    for name in ("HUGGINGFACE_MODEL", "HUGGINGFACE_REVISION", "HF_ENDPOINT", "MODELS_DIRECTORY", "MODEL_DIRECTORY"):
        assert name in outcome.error


@pytest.fixture
def script() -> ModuleType:
    path = Path(__file__).with_name("pull-model-from-huggingface.py")
    spec = importlib.util.spec_from_file_location("pull", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_volume_that_is_too_small_is_detected_before_the_download(script, monkeypatch, tmp_path):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(script.TaskError, match=r"has 1000 B free, but the download needs 2\.0 KiB"):
        script.check_space(tmp_path, [script.Wanted("model.safetensors", 2048, "", None)])
