"""Runs the publishing task against a real MinIO and a real model registry on MariaDB."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_proxy import NO_ANSWER, fault_proxy, times
from minio import Minio

pytestmark = [pytest.mark.minio, pytest.mark.model_registry]
RESULTS = ["model-version-id", "artifacts-uri", "properties", "uploaded-bytes"]
API = "/api/model_registry/v1alpha3"
UID = "8c1e4f0e-0000-4000-8000-000000000000"
SCORES = {"arc_easy": {"acc": 0.75, "acc_stderr": 0.01}, "mbpp-plus": {"pass@1,create_test": 1}}
EVALUATION = {"scores": SCORES, "lmEvalVersion": "0.4.13", "seconds": 60, "samples": 40, "pipelineRunUid": UID}
LATENCY = {"ttft_ms_mean": 30.5, "ttft_ms_p95": 41.25, "itl_ms_mean": 3.0, "itl_ms_p95": 5.0}
LOAD = {**LATENCY, "request_seconds_mean": 0.1, "request_seconds_p95": 0.2, "total_tokens_per_second": 20.0}
FIGURES = {
    "guidellm_version": "0.8.1",
    "pipeline_run_uid": UID,
    "error_rate": 0.0,
    "loads": [
        {"strategy": "synchronous", **LOAD, "output_tokens_per_second": 162.0, "requests_per_second": 10.0},
        {"strategy": "throughput", **LOAD, "output_tokens_per_second": 177.5, "requests_per_second": 8.5}
        | {"ttft_ms_p95": 1736.0},
    ],
}


def call(url: str, method: str = "GET", body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def text(value: str) -> dict[str, str]:
    return {"metadataType": "MetadataStringValue", "string_value": value}


@pytest.fixture
def version(model_registry: str, request) -> str:
    """The URL of a registered version with a property of its import."""
    name = request.node.name
    model = call(f"{model_registry}{API}/registered_models", "POST", {"name": name})
    body = {
        "name": "1.0.0",
        "registeredModelId": model["id"],
        "customProperties": {"source_revision": text("a" * 40), "eval_old": text("0.1"), "benchmark_old": text("9")},
    }
    created = call(f"{model_registry}{API}/model_versions", "POST", body)
    return f"{model_registry}{API}/model_versions/{created['id']}"


@pytest.fixture
def client(minio) -> Minio:
    client = Minio(minio.endpoint.removeprefix("http://"), minio.access_key, minio.secret_key, secure=False)
    if not client.bucket_exists("results"):
        client.make_bucket("results")
    return client


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    contents = {
        "evaluation/results.json": "{}",
        "evaluation/scores.json": json.dumps(EVALUATION),
        "evaluation/samples/arc_easy.jsonl": "{}\n",
        "benchmark/benchmarks.html": "<html>",
        "benchmark/figures.json": json.dumps(FIGURES),
    }
    for name, content in contents.items():
        path = tmp_path / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "models"


@pytest.fixture
def publish(run_task: Callable, version, client, minio, model_registry, workspace, request) -> Callable:
    def start(**changes: str):
        parameters = {
            "MODEL_REGISTRY_URL": model_registry,
            "MODEL_NAME": request.node.name,
            "MODEL_VERSION": "1.0.0",
            "MODELS_DIRECTORY": str(workspace),
            "REQUIRE_EVALUATION": "true",
            "EVALUATION_DIRECTORY": "evaluation",
            "REQUIRE_BENCHMARK": "true",
            "BENCHMARK_DIRECTORY": "benchmark",
            "ENDPOINT_URL": "http://sums-predictor:8080",
            "S3_ENDPOINT": minio.endpoint,
            "S3_BUCKET": "results",
            "S3_PREFIX": f"/{request.node.originalname}/",
            "AWS_ACCESS_KEY_ID": minio.access_key,
            "AWS_SECRET_ACCESS_KEY": minio.secret_key,
            "PIPELINE_RUN_NAME": "model-testing-1",
            "PIPELINE_RUN_UID": UID,
        }
        return run_task("publish-test-results-v2", RESULTS, **{**parameters, **changes})

    return start


def doubles(version: str) -> dict[str, float]:
    found = call(version)["customProperties"]
    return {name: value["double_value"] for name, value in found.items() if "double_value" in value}


def texts(version: str) -> dict[str, str]:
    found = call(version)["customProperties"]
    return {name: value["string_value"] for name, value in found.items() if "string_value" in value}


def test_figures_are_numbers_with_their_provenance(publish, version):
    outcome = publish()
    assert (outcome.code, outcome.error) == (0, "")
    assert doubles(version) == {
        "eval_arc_easy_acc": 0.75,
        "eval_arc_easy_acc_stderr": 0.01,
        "eval_mbpp_plus_pass_1_create_test": 1.0,
        **{f"benchmark_{name}": value for name, value in LATENCY.items()},
        "benchmark_request_seconds_mean": 0.1,
        "benchmark_request_seconds_p95": 0.2,
        "benchmark_output_tokens_per_second": 177.5,
        "benchmark_total_tokens_per_second": 20.0,
        "benchmark_requests_per_second": 10.0,
        "benchmark_error_rate": 0.0,
    }
    found = texts(version)
    assert found.pop("test_time").startswith("20")
    assert found == {
        "source_revision": "a" * 40,
        "test_pipeline_run_name": "model-testing-1",
        "test_pipeline_run_uid": UID,
        "test_lm_eval_version": "0.4.13",
        "test_guidellm_version": "0.8.1",
        "test_endpoint": "http://sums-predictor:8080",
        "test_artifacts": outcome.results["artifacts-uri"],
    }
    assert outcome.results["model-version-id"] == version.rpartition("/")[2]


def test_files_are_stored_below_the_run_with_a_summary(publish, version, client, workspace):
    outcome = publish()
    prefix = f"test_files_are_stored_below_the_run_with_a_summary/{UID}/"
    assert outcome.results["artifacts-uri"] == f"s3://results/{prefix}"
    stored = {item.object_name.removeprefix(prefix) for item in client.list_objects("results", prefix, recursive=True)}
    files = {str(path.relative_to(workspace)) for path in workspace.rglob("*") if path.is_file()}
    assert stored == files | {"summary.json"}
    summary = json.loads(client.get_object("results", f"{prefix}summary.json").read())
    assert (summary["version"], summary["benchmark_ttft_ms_p95"]) == ("1.0.0", 41.25)
    about = client.stat_object("results", f"{prefix}benchmark/benchmarks.html")
    assert (about.content_type, about.metadata["x-amz-meta-pipeline-run-uid"]) == ("text/html", UID)


def test_the_same_run_again_changes_nothing(publish, version):
    publish()
    before = call(version)
    again = publish()
    assert again.code == 0
    assert "the registry is up to date" in again.output
    assert call(version) == before


def summary(workspace: Path, part: str, **changes: object) -> None:
    """Changes fields of a part's summary; None removes a field."""
    file, present = {"evaluation": ("scores.json", EVALUATION), "benchmark": ("figures.json", FIGURES)}[part]
    new = {name: value for name, value in {**present, **changes}.items() if value is not None}
    (workspace / part / file).write_text(json.dumps(new))


def test_a_later_run_replaces_its_parts_and_keeps_the_others(publish, version, workspace, client):
    publish()
    summary(workspace, "evaluation", scores={"hellaswag": {"acc": 0.5}}, pipelineRunUid="another-run")
    # The benchmark is from the earlier run; it is not required, so it is not read.
    later = publish(REQUIRE_BENCHMARK="false", PIPELINE_RUN_UID="another-run")
    assert (later.code, later.error) == (0, "")
    prefix = later.results["artifacts-uri"].removeprefix("s3://results/")
    stored = {item.object_name.removeprefix(prefix) for item in client.list_objects("results", prefix, recursive=True)}
    assert not [name for name in stored if name.startswith("benchmark/")] and "evaluation/scores.json" in stored
    figures = doubles(version)
    assert [name for name in figures if name.startswith("eval_")] == ["eval_hellaswag_acc"]
    assert figures["benchmark_output_tokens_per_second"] == 177.5
    assert (texts(version)["test_pipeline_run_uid"], texts(version)["source_revision"]) == ("another-run", "a" * 40)


def test_a_registry_that_fails_is_named_and_the_next_run_finishes(publish, version, model_registry):
    with fault_proxy(model_registry) as proxy:
        for status, said in (
            (409, "answered 409"),
            (500, "answered 500"),
            (NO_ANSWER, "cannot be reached"),
        ):
            proxy.faults[:] = [times(1, status, "PATCH", "/model_versions/")]
            outcome = publish(MODEL_REGISTRY_URL=proxy.url)
            assert outcome.code == 1
            assert f"the model registry at {proxy.url} {said}" in outcome.error
            assert outcome.error.count("\n") == 1
            assert "eval_arc_easy_acc" not in doubles(version)
        assert publish(MODEL_REGISTRY_URL=proxy.url).code == 0
    assert doubles(version)["eval_arc_easy_acc"] == 0.75


def test_nothing_reaches_the_registry_if_the_files_cannot_be_stored(publish, version):
    before = call(version)
    outcome = publish(S3_BUCKET="missing")
    assert outcome.code == 1 and "bucket missing at" in outcome.error
    assert call(version) == before


@pytest.mark.parametrize(("part", "noted"), [("evaluation", "pipelineRunUid"), ("benchmark", "pipeline_run_uid")])
def test_results_of_another_run_are_not_published(publish, version, workspace, part, noted):
    before = call(version)
    summary(workspace, part, **{noted: "another-run"})
    outcome = publish()
    assert outcome.code == 1
    assert f"is from PipelineRun another-run, not from this one, {UID}" in outcome.error
    assert call(version) == before
    # For tasks run by hand the run may be missing.
    summary(workspace, part, **{noted: None})
    assert publish().code == 0


def test_a_link_is_not_followed(publish, version, workspace, tmp_path):
    before = call(version)
    (tmp_path / "token").write_text("of the account")
    (workspace / "evaluation" / "samples" / "more.jsonl").symlink_to(tmp_path / "token")
    outcome = publish()
    assert outcome.code == 1 and "more.jsonl is a link: remove it, only files are published" in outcome.error
    assert call(version) == before


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("evaluation", {"scores": [1]}, "must have scores as {task: {metric: number}}"),
        ("evaluation", {"scores": {"arc": {"acc": "N/A"}}}, "must have scores as {task: {metric: number}}"),
        ("evaluation", {"scores": {}}, "has no score: the evaluation failed"),
        ("evaluation", {"lmEvalVersion": None}, "KeyError('lmEvalVersion')"),
        ("benchmark", {"loads": []}, "lacks figures of run-guidellm"),
        ("benchmark", {"loads": [{"ttft_ms_mean": 1.0}]}, "lacks figures of run-guidellm: KeyError('ttft_ms_p95')"),
    ],
)
def test_an_invalid_summary_is_reported(publish, workspace, part, changes, message):
    summary(workspace, part, **changes)
    outcome = publish()
    assert outcome.code == 1
    assert message in outcome.error and outcome.error.count("\n") == 1
    assert outcome.results == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MODEL_VERSION": "2.0.0"}, "has no version"),
        ({"MODEL_NAME": "unknown"}, "has no model unknown 1.0.0: run register-model first"),
        ({"MODEL_REGISTRY_AUTH": "token"}, "MODEL_REGISTRY_URL must be https://host:port without a path"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "refuses the credentials (SignatureDoesNotMatch)"),
        ({"REQUIRE_EVALUATION": "yes"}, "REQUIRE_EVALUATION must be true or false, not 'yes'"),
        ({"BENCHMARK_DIRECTORY": ""}, "BENCHMARK_DIRECTORY is not set"),
        ({"EVALUATION_DIRECTORY": "none"}, "the evaluation failed"),
        ({"BENCHMARK_DIRECTORY": "evaluation"}, "the benchmark failed"),
        ({"REQUIRE_EVALUATION": "false", "REQUIRE_BENCHMARK": "false"}, "there is nothing to publish"),
    ],
)
def test_expected_failures_are_one_line(publish, changes, message):
    outcome = publish(**changes)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
    assert outcome.results == {}
