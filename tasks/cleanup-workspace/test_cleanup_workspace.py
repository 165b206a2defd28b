"""Runs the clean-up task on directories as the other tasks leave them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

RESULTS = ["removed-files", "freed-bytes"]
NAME = "CodeLlama-34b_Python.hf"
FILES = [
    f"{NAME}/config.json",
    f"{NAME}/onnx/model.onnx",
    f"{NAME}/.cache/part",
    f"{NAME}.sha256",
    f"{NAME}.source.json",
    f"{NAME}.modelcar.json",
    f"{NAME}-2/config.json",
    f"{NAME}.other",
    "results/run-1/scores.json",
    "results/run-1/samples.jsonl",
    "results/run-2/scores.json",
]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 5000)
    return tmp_path / "models"


@pytest.fixture
def clean(run_task: Callable, workspace: Path) -> Callable:
    def start(directories: str, keep: str = "", **changes: str):
        parameters = {"MODELS_DIRECTORY": str(workspace), "DIRECTORIES": directories, "KEEP": keep}
        return run_task("cleanup-workspace", RESULTS, **{**parameters, **changes})

    return start


def left(workspace: Path) -> list[str]:
    return sorted(str(path.relative_to(workspace)) for path in workspace.rglob("*") if not path.is_dir())


def test_removes_a_model_with_its_records_and_nothing_else(clean, workspace):
    outcome = clean(NAME)
    assert (outcome.code, outcome.error) == (0, "")
    assert left(workspace) == [f"{NAME}-2/config.json", f"{NAME}.other", *FILES[8:10][::-1], FILES[10]]
    assert not (workspace / NAME).exists()
    assert outcome.results == {"removed-files": "6", "freed-bytes": str(6 * 8192)}


def test_missing_files_are_not_an_error(clean, workspace):
    assert clean(f"{NAME} results/run-1").code == 0
    again = clean(f"{NAME} results/run-1 never")
    assert again.code == 0
    assert again.results == {"removed-files": "0", "freed-bytes": "0"}
    assert f"{workspace}/never: does not exist" in again.output


def test_keeps_the_files_in_keep(clean, workspace):
    outcome = clean(f"results {NAME}", f"results/run-1/scores.json {NAME}/onnx")
    assert outcome.code == 0
    assert left(workspace) == [
        f"{NAME}-2/config.json",
        f"{NAME}.other",
        f"{NAME}/onnx/model.onnx",
        "results/run-1/scores.json",
    ]


# Files of a run of the pipeline modelcar that was interrupted while compressing.
RUN = [
    "sums/model/model.safetensors",
    "sums/model.sha256",
    "sums/model.source.json",
    "sums/model.modelcar.json",
    "sums/model.modelcar.json.partial",
    "sums/compressed.partial/scratch/job.json",
    "sums/compressed/config.json",
    "sums/compressed.source.json.partial",
    "sums/evaluation/results.json",
    "sums/benchmark/benchmarks.json",
    "sums/service-url",
]
OTHERS = [
    "hub/datasets/org/chats/data.jsonl",
    "sums-2/model.sha256",
    "sums-2/model/config.json",
    "sums/tokenizer/tokenizer.json",
]


@pytest.fixture
def after_a_run(tmp_path: Path) -> Path:
    for name in RUN + OTHERS:
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return tmp_path / "run"


def test_at_the_start_of_a_run_all_files_of_the_last_run_are_removed(clean, after_a_run):
    parts = ("model", "compressed", "evaluation", "benchmark", "service-url")
    outcome = clean(" ".join(f"sums/{part}" for part in parts), MODELS_DIRECTORY=str(after_a_run))
    assert (outcome.code, outcome.error) == (0, "")
    assert left(after_a_run) == OTHERS
    assert outcome.results["removed-files"] == str(len(RUN))
    assert sorted(path.name for path in (after_a_run / "sums").iterdir()) == ["tokenizer"]


def test_at_the_end_of_a_run_the_reports_stay(clean, after_a_run):
    assert clean("sums/model sums/compressed", MODELS_DIRECTORY=str(after_a_run)).code == 0
    assert left(after_a_run) == sorted([*OTHERS, *RUN[-3:]])


def test_a_link_is_removed_and_its_target_stays(clean, workspace, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("precious")
    (workspace / NAME / "link").symlink_to(outside)
    (workspace / "linked").symlink_to(outside)
    assert clean(f"{NAME} linked").code == 0
    assert not os.path.lexists(workspace / "linked")
    assert (outside / "file").read_text() == "precious"


def test_a_path_through_a_link_is_refused(clean, workspace, tmp_path):
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    (workspace / "linked").symlink_to(tmp_path / "outside")
    outcome = clean("linked/deep")
    assert outcome.code == 1
    assert "is a link: name its target" in outcome.error
    assert (tmp_path / "outside" / "deep").is_dir()


@pytest.mark.parametrize("name", ["/", "/etc", ".", "..", "../outside", "results/../..", "results//run-1", "./results"])
@pytest.mark.parametrize("parameter", ["DIRECTORIES", "KEEP"])
def test_a_path_outside_the_workspace_is_refused_before_anything_is_removed(clean, workspace, name, parameter):
    (workspace.parent / "outside").mkdir()
    before = left(workspace)
    outcome = clean(f"results {name}") if parameter == "DIRECTORIES" else clean("results", name)
    assert outcome.code == 1
    assert f"{parameter} names {name!r}, which is no path below the workspace" in outcome.error
    assert left(workspace) == before
    assert (workspace.parent / "outside").is_dir()


def test_content_with_another_hard_link_does_not_count_as_free(clean, workspace):
    os.link(workspace / NAME / "config.json", workspace / "another")
    assert clean(NAME).results["freed-bytes"] == str(5 * 8192)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"DIRECTORIES": " "}, "DIRECTORIES is not set"),
        ({"MODELS_DIRECTORY": "models"}, "MODELS_DIRECTORY must be the absolute path"),
        ({"MODELS_DIRECTORY": "/not/there"}, "the workspace /not/there does not exist"),
    ],
)
def test_expected_failures_are_one_line(clean, changes, message):
    outcome = clean("results", **changes)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
    assert outcome.results == {}
