"""Runs the check on the params of the examples' runs, which examples.test.ts takes from the program."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "examples.json").read_text())
RUNNING = {
    "code-model": ["compress-model", "evaluate-model", "deploy-model", "run-guidellm"],
    "custom-chat-template": ["deploy-model"],
    "deploy-existing-image": ["deploy-model"],
    "general-knowledge-model": ["compress-model", "evaluate-model", "deploy-model", "run-guidellm"],
    "no-compression": ["deploy-model"],
}
CHOSEN = ["compress-model", "evaluate-model", "deploy-model", "run-guidellm", "deploy-anythingllm"]


def test_each_example_is_here():
    assert set(EXAMPLES) == set(RUNNING)


@pytest.mark.parametrize("scenario", EXAMPLES)
def test_an_example_is_accepted(run_task: Callable, scenario):
    outcome = run_task("check-parameters", CHOSEN, **EXAMPLES[scenario])
    assert (outcome.code, outcome.error) == (0, "")
    assert [task for task in CHOSEN if outcome.results[task] == "true"] == RUNNING[scenario]


@pytest.mark.parametrize("scenario", EXAMPLES)
def test_an_example_with_mistakes_is_refused(run_task: Callable, scenario):
    mistakes = {"GPUS": "one", "SKIP_TASKS": "deploy", "OCI_IMAGE": "<registry>/<repository>@sha256:<digest>"}
    outcome = run_task("check-parameters", CHOSEN, **{**EXAMPLES[scenario], **mistakes})
    assert (outcome.code, outcome.results) == (1, {})
    assert all(name in outcome.error for name in mistakes)


@pytest.mark.parametrize("scenario", [name for name in EXAMPLES if name != "deploy-existing-image"])
def test_an_example_without_a_commit_is_refused(run_task: Callable, scenario):
    outcome = run_task("check-parameters", CHOSEN, **{**EXAMPLES[scenario], "HUGGINGFACE_REVISION": "<commit>"})
    assert outcome.code == 1
    assert "HUGGINGFACE_REVISION must be a commit of 40 hexadecimal digits" in outcome.error
