"""Reports of the real lm-evaluation-harness and GuideLLM, as publish-test-results-v2 stores them.

Evaluations of the local hub's model sums and of a copy with rounded weights, and benchmarks of GuideLLM's mock server
with few sample requests. Only data about the machine was removed.
"""

import gzip
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from comparison import Subject
from json_object import JsonObject
from measurements import read_measurements

FIXTURES = Path(__file__).with_name("fixtures")
NAMES = [path.relative_to(FIXTURES / "model").with_suffix("") for path in sorted((FIXTURES / "model").rglob("*.gz"))]


@pytest.fixture(scope="session")
def stored_reports() -> dict[str, JsonObject]:
    return {
        side: {str(name): json.loads(gzip.decompress((FIXTURES / side / f"{name}.gz").read_bytes())) for name in NAMES}
        for side in ("base", "model")
    }


@pytest.fixture
def reports(stored_reports: dict[str, JsonObject]) -> Callable[..., JsonObject]:
    """reports("base" or "model", name of the model): a copy of its files by name, which a test may change."""

    def files(side: str, name: str) -> JsonObject:
        summary = {
            "model": name,
            "version": "1.0.0",
            "test_pipeline_run_name": f"model-testing-{side}",
            "test_pipeline_run_uid": f"uid-of-{side}",
            "test_time": "2026-01-02T03:04:05+00:00",
            "test_endpoint": f"http://{side}-predictor:8080",
            "test_lm_eval_version": stored_reports[side]["evaluation/scores.json"]["lmEvalVersion"],
            "test_guidellm_version": stored_reports[side]["benchmark/benchmarks.json"]["metadata"]["guidellm_version"],
        }
        return {**deepcopy(stored_reports[side]), "summary.json": summary}

    return files


@pytest.fixture
def subject(reports: Callable[..., JsonObject]) -> Callable[..., Subject]:
    def make(side: str, files: JsonObject | None = None, **changes: Any) -> Subject:
        name = {"base": "sums", "model": "sums-quantized"}[side]
        measured = read_measurements(files or reports(side, name), f"s3://models/{name}/", name, "1.0.0")
        known = {
            "name": name,
            "version": "1.0.0",
            "version_id": "7",
            "properties": {"weights_bytes": {"base": "4000", "model": "1000"}[side]},
            "measurements": measured,
            "artifacts_uri": f"s3://models/{name}/",
            "hardware": "1 × l4",
            "hourly_usd": 1.0,
            "served_from": f"s3://models/{name}/1/",
        }
        return Subject(**{**known, **changes})

    return make
