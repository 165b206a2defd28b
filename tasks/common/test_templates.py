"""Filling in templates: the rules, and the errors for a ConfigMap that is missing or of another version."""

import json
from pathlib import Path

import pytest
from task_support import TaskError
from templates import fill, render

VALUES: dict[str, str | list[str]] = {
    "NAME": "sums",
    "EMPTY": "",
    "LENGTH": "8192",
    "CPU": "1500m",
    "ARGS": ["--a b", "--c"],
    "NONE": [],
}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("${NAME}-api-key", "sums-api-key"),
        ({"a": "${EMPTY}", "b": "${EMPTY}-x"}, {"b": "-x"}),
        ({"a": "${EMPTY|/data}"}, {"a": "/data"}),
        ({"secrets": [{"name": "${EMPTY}"}], "tmp": {}, "list": []}, {"tmp": {}, "list": []}),
        (["--x", "${ARGS}", "${NONE}"], ["--x", "--a b", "--c"]),
        ({"attempts": {"$number": "12 * (LENGTH)"}}, {"attempts": 98304}),
        ("${LENGTH - min(1024, LENGTH // 4)}", "7168"),
        ("${whole_cores(CPU)}", "1"),
        ({"replicas": 1, "on": True, "none": None}, {"replicas": 1, "on": True, "none": None}),
        ("{{.Name}} $(NAME)", "{{.Name}} $(NAME)"),
    ],
)
def test_a_template_is_filled_in(template, filled):
    assert fill(template, VALUES) == filled


def test_a_value_is_not_filled_in_again():
    assert fill("${NAME}", {"NAME": "${OTHER}"}) == "${OTHER}"
    assert fill(["${ARGS}"], {"ARGS": ["${OTHER}"]}) == ["${OTHER}"]


def test_secrets_differ():
    filled = fill({"a": "${random_secret()}", "b": "${random_secret()}"}, {})
    assert filled["a"] != filled["b"] and len(filled["a"]) == 64


@pytest.mark.parametrize("formula", ["MISSING", "NAME + NAME", "open('x')", "NAME.upper()", "2 ** 9"])
def test_an_unknown_formula_is_an_error(formula):
    with pytest.raises(TaskError, match="which this task does not know"):
        fill({"$number": formula}, VALUES)


def test_the_template_is_chosen_by_the_case(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("DEPLOYMENTS_DIRECTORY", str(tmp_path))
    with pytest.raises(
        TaskError, match="run pulumi up, which creates ConfigMap modelcar-deployments in this namespace"
    ):
        render("model", {}, VALUES)
    made = [{"when": {"GPUS": gpus}, "objects": [{"name": "${NAME}", "gpus": gpus}]} for gpus in ("none", "one")]
    (tmp_path / "templates.json").write_text(json.dumps({"model": made}))
    assert render("model", {"GPUS": "one", "PLATFORM": "kubernetes"}, VALUES) == [{"name": "sums", "gpus": "one"}]
    with pytest.raises(TaskError, match="no template of a model for"):
        render("model", {"GPUS": "several"}, VALUES)
