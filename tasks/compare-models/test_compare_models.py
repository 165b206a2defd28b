"""Runs the comparison against a real MinIO and a real model registry on MariaDB, with files of the real tools."""

import io
import json
import urllib.request
from collections.abc import Callable

import pytest
from fault_proxy import fault_proxy, times
from minio import Minio

pytestmark = [pytest.mark.minio, pytest.mark.model_registry]
RESULTS = [
    "passed",
    "report-uri",
    "recovery",
    "recovery-stderr",
    "usd-per-million-output-tokens",
    "usd-per-million-tokens",
    "weights-bytes",
    "base-weights-bytes",
    "throughput-ratio",
]
API = "/api/model_registry/v1alpha3"
UID = "8c1e4f0e-0000-4000-8000-000000000000"
FILES = {"comparison.json", "report.md", "report.html"}


def call(url: str, method: str = "GET", body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def properties(version: str) -> dict[str, str | float]:
    found = call(version)["customProperties"].items()
    return {name: value.get("string_value", value.get("double_value")) for name, value in found}


@pytest.fixture
def client(minio) -> Minio:
    client = Minio(minio.endpoint.removeprefix("http://"), minio.access_key, minio.secret_key, secure=False)
    if not client.bucket_exists("models"):
        client.make_bucket("models")
    return client


@pytest.fixture
def versions(model_registry: str, request) -> dict[str, str]:
    """URLs of the registered versions; the model has properties of its import, its evaluation and a comparison."""

    def text(value: str) -> dict[str, str]:
        return {"metadataType": "MetadataStringValue", "string_value": value}

    def number(value: float) -> dict:
        return {"metadataType": "MetadataDoubleValue", "double_value": value}

    known = {
        "base": {"weights_bytes": text("4000")},
        "model": {
            "compression_bytes_after": text("1000"),
            "source_revision": text("a" * 40),
            "eval_sums": number(1),
            "comparison_recovery_old": number(0.5),
            "comparison_passed": text("false"),
        },
    }
    urls = {}
    for side, custom in known.items():
        model = call(f"{model_registry}{API}/registered_models", "POST", {"name": f"{request.node.name}-{side}"})
        body = {"name": "1.0.0", "registeredModelId": model["id"], "customProperties": custom}
        created = call(f"{model_registry}{API}/model_versions", "POST", body)
        urls[side] = f"{model_registry}{API}/model_versions/{created['id']}"
    return urls


@pytest.fixture
def stored(client: Minio, reports: Callable, request) -> dict[str, str]:
    """Prefixes of the measurements, as publish-test-results-v2 leaves them."""
    prefixes = {side: f"test-results/{abs(hash(request.node.name))}/{side}/" for side in ("base", "model")}
    for side, prefix in prefixes.items():
        for name, content in reports(side, f"{request.node.name}-{side}").items():
            put(client, prefix + name, json.dumps(content))
    return prefixes


def put(client: Minio, key: str, text: str) -> None:
    client.put_object("models", key, io.BytesIO(text.encode()), len(text.encode()))


@pytest.fixture
def compare(run_task: Callable, versions, stored, minio, model_registry, request) -> Callable:
    def start(**changes: str):
        name = request.node.name
        parameters = {
            "MODEL_NAME": f"{name}-model",
            "MODEL_VERSION": "1.0.0",
            "ARTIFACTS_URI": f"s3://models/{stored['model']}",
            "BASE_MODEL_NAME": f"{name}-base",
            "BASE_MODEL_VERSION": "1.0.0",
            "BASE_ARTIFACTS_URI": f"s3://models/{stored['base']}",
            "GATES": "recovery>=0.5 ttft-ms-p95<=100000",
            "HARDWARE": "1 × l4",
            "HOURLY_USD": "1.323",
            "BASE_HOURLY_USD": "4.602",
            "MODEL_REGISTRY_URL": model_registry,
            "S3_ENDPOINT": minio.endpoint,
            "S3_BUCKET": "models",
            "AWS_ACCESS_KEY_ID": minio.access_key,
            "AWS_SECRET_ACCESS_KEY": minio.secret_key,
            "REPORT_PREFIX": f"reports/{abs(hash(name))}/",
            "PIPELINE_RUN_NAME": "model-comparison-1",
            "PIPELINE_RUN_UID": UID,
        }
        return run_task("compare-models", RESULTS, **{**parameters, **changes})

    return start


def report_files(client: Minio, uri: str) -> dict[str, str]:
    prefix = uri.removeprefix("s3://models/").removesuffix("report.html")
    names = [item.object_name for item in client.list_objects("models", prefix)]
    return {name.removeprefix(prefix): client.get_object("models", name).read().decode() for name in names}


def test_a_model_that_passes_is_reported_and_linked(compare, versions, client, stored_reports, request):
    outcome = compare()
    assert (outcome.code, outcome.error) == (0, "")
    results = outcome.results
    files = report_files(client, results["report-uri"])
    assert set(files) == FILES
    assert results["report-uri"].endswith(f"/{request.node.name}-model/{UID}/report.html")
    about = client.stat_object("models", results["report-uri"].removeprefix("s3://models/"))
    assert (about.content_type, about.metadata["x-amz-meta-pipeline-run-uid"]) == ("text/html; charset=utf-8", UID)
    record = json.loads(files["comparison.json"])
    raw = {
        side: content["evaluation/results.json"]["results"]["sums_normed"] for side, content in stored_reports.items()
    }
    recovery = raw["model"]["acc,none"] / raw["base"]["acc,none"]
    assert json.loads(results["recovery"])["sums_normed"] == round(recovery, 6)
    assert set(json.loads(results["recovery-stderr"])) == {"sums", "sums_choice", "sums_normed", "sums_text"}
    assert json.loads(results["recovery-stderr"])["sums_text"] is None
    best = [
        max(
            load["metrics"]["output_tokens_per_second"]["successful"]["mean"]
            for load in content["benchmark/benchmarks.json"]["benchmarks"]
        )
        for content in (stored_reports["model"], stored_reports["base"])
    ]
    assert float(results["throughput-ratio"]) == pytest.approx(best[0] / best[1], rel=1e-5)
    assert float(results["usd-per-million-output-tokens"]) == pytest.approx(1.323 / (best[0] * 3600) * 1e6, rel=1e-5)
    assert (results["passed"], results["weights-bytes"], results["base-weights-bytes"]) == ("true", "1000", "4000")
    assert sum(map(len, results.values())) < 2000
    assert record["model"]["cost"]["per_million_tokens"] == pytest.approx(
        float(results["usd-per-million-tokens"]), rel=1e-5
    )
    found = properties(versions["model"])
    assert found.pop("comparison_time").startswith("20")
    assert found.pop("comparison_usd_per_million_output_tokens") == record["model"]["cost"]["per_million_output_tokens"]
    recoveries = {name: found.pop(name) for name in list(found) if name.startswith("comparison_recovery_")}
    assert recoveries["comparison_recovery_sums_normed"] == pytest.approx(recovery)
    assert len(recoveries) == 4
    assert found == {
        "compression_bytes_after": "1000",
        "source_revision": "a" * 40,
        "eval_sums": 1,
        "comparison_passed": "true",
        "comparison_base": f"{request.node.name}-base 1.0.0",
        "comparison_report": results["report-uri"],
        "comparison_pipeline_run_name": "model-comparison-1",
        "comparison_pipeline_run_uid": UID,
    }
    # The score is still a number of the same type.
    assert "double_value" in call(versions["model"])["customProperties"]["eval_sums"]
    assert not [name for name in properties(versions["base"]) if name.startswith("comparison_")]


def test_a_failed_gate_fails_the_task_after_everything_is_stored(compare, versions, client):
    outcome = compare(GATES="recovery:sums_normed>=5 recovery:sums_text>=4 error-rate<=1")
    assert outcome.code == 1
    first, *lines = outcome.error.splitlines()
    assert first.startswith("error: ") and "2 of 3 gates failed; report: s3://models/reports/" in first
    assert lines[0].startswith("  recovery of sums_normed (acc) is ") and " ± " in lines[0] and "at least 5" in lines[0]
    assert lines[1].startswith("  recovery of sums_text (byte_perplexity) is ") and len(lines) == 2
    assert outcome.results["passed"] == "false"
    files = report_files(client, outcome.results["report-uri"])
    assert "2 of 3 gates failed." in files["report.md"] and json.loads(files["comparison.json"])["passed"] is False
    assert properties(versions["model"])["comparison_passed"] == "false"
    mended = compare(GATES="recovery:sums_normed>=0.1")
    assert (mended.code, mended.results["passed"]) == (0, "true")
    assert properties(versions["model"])["comparison_passed"] == "true"


def test_the_same_run_again_changes_nothing(compare, versions, client):
    first = compare()
    before, files = call(versions["model"]), report_files(client, first.results["report-uri"])
    again = compare()
    assert again.results == first.results
    assert call(versions["model"]) == before
    assert report_files(client, again.results["report-uri"]) == files


def test_without_a_base_and_prices_the_rest_is_empty(compare, versions):
    none = {f"BASE_{name}": "" for name in ("MODEL_NAME", "MODEL_VERSION", "ARTIFACTS_URI", "HOURLY_USD")}
    outcome = compare(**none, HOURLY_USD="", GATES="error-rate<=1")
    assert (outcome.code, outcome.error) == (0, "")
    results = outcome.results
    assert {name for name, value in results.items() if value} == {"passed", "report-uri", "weights-bytes"}
    assert set(results) == set(RESULTS)
    assert not [
        name for name in properties(versions["model"]) if name.startswith(("comparison_recovery", "comparison_base"))
    ]


def test_nothing_is_stored_if_the_measurements_differ(compare, versions, client, stored, reports, request):
    before = call(versions["model"])
    base = reports("base", f"{request.node.name}-base")["evaluation/results.json"]
    base["n-samples"]["sums"]["effective"] = 7
    put(client, f"{stored['base']}evaluation/results.json", json.dumps(base))
    outcome = compare()
    assert outcome.code == 1
    assert (
        "differ, so they cannot be compared: questions of sums 200, base 7; measure both in the same way"
        in outcome.error
    )
    assert outcome.error.count("\n") == 1 and outcome.results == {}
    assert call(versions["model"]) == before


def test_nothing_reaches_the_registry_if_the_report_cannot_be_stored(compare, versions):
    before = call(versions["model"])
    outcome = compare(S3_BUCKET="missing")
    assert outcome.code == 1 and "bucket missing at" in outcome.error and "does not exist" in outcome.error
    assert call(versions["model"]) == before


def test_a_registry_that_fails_is_named_and_the_next_run_finishes(compare, versions, model_registry):
    with fault_proxy(model_registry) as proxy:
        proxy.faults[:] = [times(1, 500, "PATCH", "/model_versions/")]
        outcome = compare(MODEL_REGISTRY_URL=proxy.url)
        assert outcome.code == 1 and "answered 500" in outcome.error and outcome.error.count("\n") == 1
        assert properties(versions["model"])["comparison_passed"] == "false"
        assert compare(MODEL_REGISTRY_URL=proxy.url).code == 0
    assert properties(versions["model"])["comparison_passed"] == "true"


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"BASE_ARTIFACTS_URI": ""}, ["BASE_ARTIFACTS_URI must be set, as BASE_MODEL_NAME is: a base needs all three"]),
        ({"ARTIFACTS_URI": "models/x"}, ["ARTIFACTS_URI must be s3://<bucket>/<prefix>/, not 'models/x'"]),
        ({"ARTIFACTS_URI": "s3://models/none"}, ["s3://models/none/summary.json does not exist"]),
        ({"ARTIFACTS_URI": "s3://missing/x/"}, ["bucket missing at", "does not exist"]),
        ({"MODEL_VERSION": "2"}, ["has no version", "run register-model first"]),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, ["refuses the credentials (SignatureDoesNotMatch)"]),
        (
            {"GATES": "speed>=1 recovery<=1", "HOURLY_USD": "$1", "PIPELINE_RUN_UID": "", "REPORT_PREFIX": "/"},
            [
                "GATES: 'speed>=1', 'recovery<=1' must be one of",
                "HOURLY_USD must be a number or empty, not '$1'",
                "PIPELINE_RUN_UID is not set",
                "REPORT_PREFIX must be a prefix that is not empty",
            ],
        ),
        ({"GATES": "recovery:arc>=1"}, ["GATES: recovery:arc>=1: found only sums:exact_match"]),
    ],
)
def test_expected_failures_are_one_line(compare, changes, messages):
    outcome = compare(**changes)
    assert outcome.code == 1
    for message in messages:
        assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
    assert outcome.results == {}
