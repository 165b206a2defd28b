"""Runs the task that downloads an evaluation's data against the local hub, with the real lm-evaluation-harness."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from server import Repository, stored_file

pytest.importorskip("lm_eval", reason="runs in the image evaluate")
EVALUATION = Path(__file__).parents[1] / "evaluate-model"
# It reads tasks and data sets as the evaluation does; in the image all scripts are in one folder.
MODULES = f"{EVALUATION.parent / 'common'}:{EVALUATION}"
COMMIT = "e" * 40
DATA, TOKENIZER = f"openai/openai_humaneval@{COMMIT}", f"org/model@{COMMIT}"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "workspace").mkdir()
    return tmp_path / "workspace"


@pytest.fixture
def fetch(run_task: Callable, hub, repositories, workspace: Path, tmp_path: Path) -> Callable:
    """The hub has a data set and a gated model."""
    problem = {
        "task_id": "HumanEval/0",
        "prompt": "def add(a, b):\n",
        "canonical_solution": "    return a + b\n",
        "test": "def check(candidate):\n    assert candidate(2, 3) == 5\n",
        "entry_point": "add",
    }
    contents = {
        "openai/openai_humaneval": {"test.jsonl": json.dumps(problem), "loader.py": "raise SystemExit"},
        "org/model": {"tokenizer.json": "{}", "chat_template.jinja": "", "model.safetensors": "weights"},
    }
    for name, files in contents.items():
        folder = tmp_path / "source" / name
        folder.mkdir(parents=True)
        for file, content in files.items():
            (folder / file).write_text(content)
        stored = {file: stored_file(folder / file) for file in sorted(files)}
        repositories[name] = Repository(name, COMMIT, name == "org/model", {COMMIT: stored})

    def start(**changes: str):
        parameters = {
            "WORKSPACE_DIRECTORY": str(workspace),
            "TASKS": "humaneval",
            "DATASET_REVISIONS": DATA,
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": "the-token",
            "PYTHONPATH": MODULES,
        }
        return run_task("fetch-evaluation-data", [], **{**parameters, **changes})

    return start


def files(workspace: Path) -> set[str]:
    found = (path.relative_to(workspace / "hub") for path in (workspace / "hub").rglob("*") if path.is_file())
    return {str(path) for path in found if ".cache" not in path.parts}


def test_data_and_tokenizer_are_downloaded_at_their_commits_and_once(fetch, hub, workspace):
    outcome = fetch(TOKENIZER=TOKENIZER)
    assert outcome.code == 0, outcome.error
    assert DATA in outcome.output and "the-token" not in outcome.output + outcome.error
    # No weights, and no code.
    model, data = f"models/org/model/{COMMIT}", f"datasets/openai/openai_humaneval/{COMMIT}"
    assert files(workspace) == {f"{model}/tokenizer.json", f"{model}/chat_template.jinja", f"{data}/test.jsonl"}
    hub.requests.clear()
    again = fetch(TOKENIZER=TOKENIZER)
    assert again.code == 0, again.error
    assert hub.requests == []


def test_tasks_with_local_data_need_no_hub(fetch, workspace):
    (workspace / "own").mkdir()
    text = (EVALUATION / "evaluation" / "sums.yaml").read_text()
    (workspace / "own" / "mine.yaml").write_text(text.replace("task: sums", "task: mine"))
    outcome = fetch(TASKS="mine, sums,", TASKS_DIRECTORY="own", TOKENIZER="sums", HF_ENDPOINT="http://127.0.0.1:9")
    output = "nothing to download: the tasks have their own data\n"
    assert (outcome.code, outcome.error, outcome.output) == (0, "", output)
    assert not (workspace / "hub").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TOKENIZER": TOKENIZER, "HF_TOKEN": ""}, "is private or gated: check its name and the secret hf-token"),
        ({"TASKS": "humanevil"}, "there is no task humanevil; similar: humaneval"),
        ({"TASKS": "boolq"}, "data set aps/super_glue has no pinned commit: add aps/super_glue@<commit>"),
        ({"DATASET_REVISIONS": "openai/openai_humaneval@main"}, "with the 40 hexadecimal digits of a commit"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, f"dataset {DATA} cannot be fetched from http://127.0.0.1:9"),
        ({"TASKS_DIRECTORY": "missing"}, "/missing does not exist"),
        ({"TASKS": "", "HF_ENDPOINT": "hub"}, "TASKS is not set; HF_ENDPOINT must be an http(s) URL, not 'hub'"),
    ],
)
def test_expected_failures_are_one_line(fetch, changes, message):
    outcome = fetch(**changes)
    assert outcome.code == 1
    last = outcome.error.splitlines()[-1]
    assert last.startswith("error: ") and message in last
