"""Runs the evaluation task on the local hub's models, with the real lm-evaluation-harness on CPU."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from completions_stand_in import NAME, StandIn
from manifest import manifest_path, manifest_text
from scores import LONGEST, compact
from server import Repository, stored_file
from task_support import TaskError

HERE = Path(__file__).parent
# fetch-evaluation-data reads tasks as the evaluation does; in the image all scripts are in one folder.
MODULES = f"{HERE.parent / 'common'}:{HERE}"
HUB = Path("/models/modelcar")
RESULTS = ["scores", "samples", "seconds", "results-file", "lm-eval-version"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with the trained model sums-mini."""
    (revision,) = (HUB / "sums-mini").iterdir()
    model = tmp_path / "workspace" / "sums"
    model.mkdir(parents=True)
    for file in revision.iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in model.iterdir()}
    manifest_path(model).write_text(manifest_text(digests))
    return tmp_path / "workspace"


@pytest.fixture
def served(workspace: Path) -> Iterator[StandIn]:
    server = StandIn(workspace / "sums")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def evaluate(run_task: Callable, workspace: Path) -> Callable:
    """In this process, unless an endpoint is given."""

    def start(endpoint: StandIn | None = None, **changes: str):
        parameters = {
            "WORKSPACE_DIRECTORY": str(workspace),
            "RESULTS_DIRECTORY": "evaluation",
            "BACKEND": "local-completions" if endpoint else "hf",
            "TASKS": "sums,sums_choice",
            "MODEL_DIRECTORY": "sums",
            "ENDPOINT_URL": endpoint.url if endpoint else "",
            "MODEL_NAME": NAME,
            "TOKENIZER": "sums",
            "APPLY_CHAT_TEMPLATE": "false",
            "LIMIT": "20",
            "BATCH_SIZE": "4",
            "NUM_CONCURRENT": "2",
            "REQUEST_TIMEOUT_SECONDS": "30",
            "RUN_GENERATED_CODE": "false",
            "HF_ENDPOINT": "http://127.0.0.1:9",
        }
        return run_task("evaluate-model", RESULTS, **{**parameters, **changes})

    return start


def test_a_served_model_scores_as_it_does_in_process(evaluate, served, workspace):
    inside = evaluate()
    assert inside.code == 0, inside.error
    scores = json.loads(inside.results["scores"])
    # The model was trained to add; one in four choices is right by chance.
    assert scores["sums"]["exact_match"] > 0.9 and scores["sums_choice"]["acc"] > 0.9
    assert set(scores["sums"]) == {"exact_match", "exact_match_stderr"}
    assert inside.results["samples"] == "40"
    report = json.loads((workspace / inside.results["results-file"]).read_text())
    assert report["about"]["manifest"].startswith("sha256:")
    assert len((workspace / "evaluation" / "samples_sums.jsonl").read_text().splitlines()) == 20
    summary = json.loads((workspace / "evaluation" / "scores.json").read_text())
    seconds, number = int(inside.results["seconds"]), inside.results["lm-eval-version"]
    assert summary == {"scores": scores, "lmEvalVersion": number, "seconds": seconds, "samples": 40}

    outside = evaluate(served, PIPELINE_RUN_NAME="model-testing-1", PIPELINE_RUN_UID="8c1e4f0e")
    assert outside.code == 0, outside.error
    summary = json.loads((workspace / "evaluation" / "scores.json").read_text())
    assert (summary["pipelineRunName"], summary["pipelineRunUid"]) == ("model-testing-1", "8c1e4f0e")
    assert served.requests > 20
    assert json.loads(outside.results["scores"]) == scores
    report = json.loads((workspace / outside.results["results-file"]).read_text())
    assert report["about"]["served"]["id"] == NAME
    assert report["configs"]["sums"]["task"] == "sums"


def test_a_chat_template_is_applied_on_request(evaluate, served):
    prompts = []
    served.reply = lambda prompt: prompts.append(prompt) or "0"
    outcome = evaluate(served, TASKS="sums", LIMIT="1", APPLY_CHAT_TEMPLATE="true")
    assert outcome.code == 0, outcome.error
    assert prompts[0].startswith("<s><|user|>") and prompts[0].endswith("<|assistant|>\n")


def test_an_untrained_model_scores_low(evaluate, workspace):
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(workspace / "sums")
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    model.save_pretrained(workspace / "sums")
    outcome = evaluate(MINIMUM_SCORES="sums:exact_match>=0.9")
    assert json.loads(outcome.results["scores"])["sums"]["exact_match"] < 0.1
    assert outcome.code == 1
    assert "MINIMUM_SCORES: sums:exact_match is 0.0000, below 0.9" in outcome.error


def test_an_endpoint_that_fails_midway_fails_the_evaluation(evaluate, served, workspace):
    (workspace / "evaluation").mkdir()
    (workspace / "evaluation" / "results.json").write_text("{}")
    served.fail = lambda number: 500 if number > 3 else None
    outcome = evaluate(served, TASKS="sums")
    assert outcome.code == 1
    assert "the endpoint failed during the evaluation" in outcome.error
    assert outcome.results == {}
    assert not (workspace / "evaluation").exists()


def test_answers_without_text_do_not_count_as_wrong(evaluate, served):
    served.reply = lambda prompt: None
    outcome = evaluate(served, TASKS="sums")
    assert outcome.code == 1
    assert "returned no text for 20 questions" in outcome.error


def test_the_key_of_the_endpoint_is_sent_and_never_shown(evaluate, served, workspace):
    served.key = "s3cret-key"
    refused = evaluate(served)
    assert "refuses access (401): check ENDPOINT_AUTH and its token" in refused.error
    unused = evaluate(served, OPENAI_API_KEY="s3cret-key")
    assert "refuses access (401)" in unused.error
    outcome = evaluate(served, TASKS="sums", ENDPOINT_AUTH="token", OPENAI_API_KEY="s3cret-key")
    assert outcome.code == 0, outcome.error
    assert "s3cret-key" not in outcome.output + outcome.error
    assert all("s3cret-key" not in path.read_text() for path in (workspace / "evaluation").iterdir())


def problem(number: int) -> dict[str, str]:
    return {
        "task_id": f"HumanEval/{number}",
        "prompt": f"def add{number}(a, b):\n",
        "canonical_solution": "    return a + b\n",
        "test": "def check(candidate):\n    assert candidate(2, 3) == 5\n",
        "entry_point": f"add{number}",
    }


@pytest.fixture
def humaneval(workspace: Path) -> str:
    """Puts four problems in place of humaneval's data set; returns its commit."""
    commit = "c" * 40
    folder = workspace / "hub" / "datasets" / "openai" / "openai_humaneval" / commit
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text("".join(json.dumps(problem(number)) + "\n" for number in range(4)))
    return f"openai/openai_humaneval@{commit}"


def test_generated_code_is_run_and_measured(evaluate, served, humaneval, tmp_path):
    served.length = 4096
    escaped = tmp_path / "escaped"
    replies = {
        "add0": "    return a + b\n",
        "add1": "    return a - b\n",
        "add2": "    import sys; sys.exit(0)\n",
        "add3": f"    import os; open({str(escaped)!r}, 'w').write(os.environ.get('HOME', 'none')); return 5\n",
    }
    served.reply = lambda prompt: next(text for name, text in replies.items() if name in prompt)
    outcome = evaluate(served, TASKS="humaneval", RUN_GENERATED_CODE="true", DATASET_REVISIONS=humaneval)
    assert outcome.code == 0, outcome.error
    assert json.loads(outcome.results["scores"])["humaneval"]["pass@1"] == 0.5
    assert escaped.read_text() == "none"  # it had no environment


def test_downloaded_data_is_evaluated_and_recorded(evaluate, run_task, served, hub, repositories, workspace, tmp_path):
    commit = "e" * 40
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(problem(number)) + "\n" for number in range(2)))
    for name, files in {
        "openai/openai_humaneval": [tmp_path / "test.jsonl"],
        "org/model": list((workspace / "sums").iterdir()),
    }.items():
        stored = {file.name: stored_file(file) for file in files}
        repositories[name] = Repository(name, commit, False, {commit: stored})
    given = {
        "TASKS": "humaneval",
        "TOKENIZER": f"org/model@{commit}",
        "DATASET_REVISIONS": f"openai/openai_humaneval@{commit}",
    }
    fetching = {"WORKSPACE_DIRECTORY": str(workspace), "HF_ENDPOINT": hub.url, "PYTHONPATH": MODULES}
    fetched = run_task("fetch-evaluation-data", [], **given, **fetching)
    assert fetched.code == 0, fetched.error
    asked = len(hub.requests)
    served.length = 4096
    served.reply = lambda prompt: "    return a + b\n"
    outcome = evaluate(served, RUN_GENERATED_CODE="true", **given)
    assert json.loads(outcome.results["scores"])["humaneval"]["pass@1"] == 1
    report = json.loads((workspace / "evaluation" / "results.json").read_text())
    assert report["about"]["datasets"] == {"openai/openai_humaneval": commit}
    assert len(hub.requests) == asked


def test_a_context_that_is_too_short_for_a_task_is_an_error(evaluate, served, humaneval):
    # The harness would truncate the questions to nothing.
    outcome = evaluate(served, TASKS="humaneval", RUN_GENERATED_CODE="true", DATASET_REVISIONS=humaneval)
    assert outcome.code == 1
    assert "humaneval generates up to 1024 tokens, but the context has 512" in outcome.error


def test_generated_code_is_not_run_unless_allowed(evaluate, served, humaneval):
    outcome = evaluate(served, TASKS="humaneval", DATASET_REVISIONS=humaneval)
    assert outcome.code == 1
    assert "run what the model wrote: leave them out, or set RUN_GENERATED_CODE to true" in outcome.error
    assert served.requests == 0


@pytest.mark.parametrize("secret", ["OPENAI_API_KEY", "HF_TOKEN", "token"])
def test_generated_code_is_not_run_with_access_to_a_secret(evaluate, tmp_path, secret):
    token = tmp_path / "token"
    if secret == "token":
        token.write_text("of the account")
    given = {} if secret == "token" else {secret: "x"}
    outcome = evaluate(RUN_GENERATED_CODE="true", SERVICE_ACCOUNT_TOKEN_FILE=str(token), **given)
    assert outcome.code == 1
    assert "RUN_GENERATED_CODE is refused where generated code finds" in outcome.error


@pytest.mark.parametrize(
    ("program", "right"),
    [
        ("assert 1 + 1 == 2", True),
        ("assert 1 + 1 == 3", False),
        ("while True: pass", False),
        ("x = bytearray(2 << 30)", False),
        ("import sys; sys.exit(0)", False),
        ("import os; os._exit(0)", False),
        ("import subprocess; subprocess.Popen(['sleep', '60'])", True),
        ("open('large', 'wb').write(b'0' * (2 << 20))", False),
    ],
)
def test_a_program_passes_only_if_it_succeeds(program, right, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE / "evaluation" / "code_eval"))
    import code_eval

    assert code_eval.passes(program) is right


def test_pass_at_k_is_the_chance_of_a_right_one_among_k():
    import importlib.util

    specification = importlib.util.spec_from_file_location("code_eval", HERE / "evaluation/code_eval/code_eval.py")
    assert specification
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    assert module.pass_at(1, 10, 3) == pytest.approx(0.3)
    assert module.pass_at(5, 10, 0) == 0
    # One minus the chance that both are of the 7 wrong ones: C(7, 2) of C(10, 2) pairs.
    assert module.pass_at(2, 10, 3) == pytest.approx(1 - 21 / 45)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TASKS": "arc_eazy"}, "there is no task arc_eazy; similar: arc_easy"),
        ({"BACKEND": "vllm"}, "BACKEND must be local-completions or hf"),
        ({"MODEL_DIRECTORY": "nothing"}, "was not downloaded completely"),
        ({"LIMIT": "few"}, "LIMIT must be a number or empty"),
        ({"RESULTS_DIRECTORY": "../out"}, "RESULTS_DIRECTORY must be a relative path"),
        ({"MINIMUM_SCORES": "sums", "LIMIT": "2", "TASKS": "sums"}, "must be <task>:<metric>>=<number>"),
    ],
)
def test_expected_errors_are_one_line(evaluate, changes, message):
    outcome = evaluate(**changes)
    assert outcome.code == 1
    assert message in outcome.error.splitlines()[-1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MODEL_NAME": "other"}, "serves sums, not MODEL_NAME other"),
        ({"TOKENIZER": "nothing"}, "must be a directory of the workspace or <organisation>/<name>@<commit>"),
        ({"TOKENIZER": "org/name@" + "a" * 40}, "is not on the workspace: run fetch-evaluation-data first"),
        ({"ENDPOINT_URL": "http://127.0.0.1:9"}, "http://127.0.0.1:9 cannot be reached"),
        ({"ENDPOINT_AUTH": "token"}, "OPENAI_API_KEY is not set; the task reads it from its secret"),
        ({"ENDPOINT_AUTH": "password"}, "ENDPOINT_AUTH must be none, token or serviceAccount"),
        ({"ENDPOINT_AUTH": "serviceAccount", "SERVICE_ACCOUNT_TOKEN_FILE": __file__}, "is sent over https only"),
    ],
)
def test_problems_with_an_endpoint_are_reported_before_the_evaluation(evaluate, served, changes, message):
    outcome = evaluate(served, **changes)
    assert outcome.code == 1
    assert message in outcome.error


def test_a_task_on_the_workspace_has_its_own_data(evaluate, workspace):
    (workspace / "own").mkdir()
    text = (HERE / "evaluation" / "sums.yaml").read_text()
    (workspace / "own" / "mine.yaml").write_text(
        text.replace("task: sums", "task: mine").replace("sums.jsonl", "m.jsonl")
    )
    rows = (HERE / "evaluation" / "sums.jsonl").read_text().splitlines(keepends=True)
    (workspace / "own" / "m.jsonl").write_text("".join(rows[:3]))
    outcome = evaluate(TASKS="mine", TASKS_DIRECTORY="own", LIMIT="")
    assert outcome.results["samples"] == "3"


def test_scores_fit_into_a_result(capsys):
    many = {f"mmlu_{number}": {"acc": 1 / 3, "acc_stderr": 0.01, "acc_norm": 0.5} for number in range(200)}
    text = compact(many)
    assert len(text.encode()) <= LONGEST
    assert json.loads(text)["mmlu_0"] == {"acc": 0.333333}
    assert "of 200 tasks" in capsys.readouterr().out
    assert json.loads(compact({"sums": {"exact_match": 0.5, "exact_match_stderr": 0.1}}))["sums"]["exact_match"] == 0.5


def test_a_data_set_is_loaded_only_at_a_pinned_commit(tmp_path):
    from evaluation_data import Datasets, pinned_datasets

    added = "a" * 40
    pins = pinned_datasets(f"google/boolq@{added}")
    assert {"allenai/ai2_arc", "Rowan/hellaswag", "openai/openai_humaneval", "google/boolq"} <= set(pins)
    data = Datasets(tmp_path, pins, [])
    with pytest.raises(TaskError, match=f"google/boolq@{added} is not on the workspace: run fetch-evaluation-data"):
        data.load("google/boolq")
    with pytest.raises(TaskError, match="super_glue has no pinned commit: add super_glue@<commit>"):
        data.load("super_glue", "boolq")
    with pytest.raises(TaskError, match="40 hexadecimal digits"):
        pinned_datasets("google/boolq@main")
