"""Measures a served model with GuideLLM, writes its reports, and returns the key figures as results.

By default GuideLLM neither fails if every request fails nor checks certificates; this task does both.
"""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx
from certificates import explain_certificate, trust
from endpoint_access import read_endpoint_token
from figures import Figures, figures_of, headline
from task_support import Parameters, TaskError, run, write_result

REPORTS = ("json", "csv", "html")
# GuideLLM's name for the rate of each profile.
RATES = {
    "sweep": "sweep_size",
    "synchronous": None,
    "throughput": "max_concurrency",
    "concurrent": "streams",
    "constant": "rate",
    "poisson": "rate",
}
# Requests of each load that the report contains in full.
SAMPLES = 20
# Most client processes: the CPU limit of the step. With its default of ten GuideLLM would measure their waiting time.
WORKERS = 4
# With GuideLLM's default of 5 s, connections that wait at an endpoint under the highest load would count as failed.
CONNECT_SECONDS = 60


@dataclass(frozen=True)
class Request:
    endpoint: str
    model_name: str
    tokenizer: Path
    workspace: Path
    results: Path
    profile: str
    rate: float
    prompt_tokens: int
    output_tokens: int
    max_seconds: int
    request_format: str
    token: str
    max_error_rate: float
    labels: dict[str, str]


def read_endpoint(parameters: Parameters) -> str:
    """The endpoint's URL, or the one that deploy-model saved in the workspace; without /v1, which GuideLLM adds."""
    file = parameters.optional("ENDPOINT_URL_FILE")
    if file:
        saved = Path(parameters.optional("MODELS_DIRECTORY"), file)
        if not saved.is_file():
            raise TaskError(f"{saved} does not exist: run deploy-model first, or set ENDPOINT_URL")
        endpoint = saved.read_text().strip()
    else:
        endpoint = parameters.required("ENDPOINT_URL", r"https?://.+", "an http(s) URL")
    return endpoint.rstrip("/").removesuffix("/v1")


def read_parameters() -> Request:
    parameters = Parameters()

    def number(name: str) -> int:
        return int(parameters.required(name, r"[1-9]\d{0,6}", "a number above 0") or 0)

    endpoint = read_endpoint(parameters)
    request = Request(
        endpoint=endpoint,
        model_name=parameters.required("MODEL_NAME"),
        tokenizer=parameters.directory("MODEL_DIRECTORY"),
        workspace=Path(parameters.optional("MODELS_DIRECTORY")),
        results=parameters.directory("RESULTS_DIRECTORY"),
        profile=parameters.required("PROFILE", "|".join(RATES), ", ".join(RATES)),
        rate=float(parameters.required("RATE", r"\d+(\.\d+)?", "a number above 0") or 0),
        prompt_tokens=number("PROMPT_TOKENS"),
        output_tokens=number("OUTPUT_TOKENS"),
        max_seconds=number("MAX_SECONDS"),
        request_format=parameters.required(
            "REQUEST_FORMAT", "/v1/(chat/)?completions", "/v1/completions or /v1/chat/completions"
        ),
        token=read_endpoint_token(parameters, endpoint),
        max_error_rate=float(parameters.required("MAX_ERROR_RATE", r"0(\.\d+)?|1", "a number from 0 to 1") or 0),
        labels={
            name.lower(): value
            for name in ("PIPELINE_RUN_NAME", "PIPELINE_RUN_UID")
            if (value := parameters.optional(name))
        },
    )
    parameters.check()
    return request


def scenario(request: Request, reports: Path) -> dict[str, object]:
    """GuideLLM's description of the run. It is passed as a file, so that the token is not on a command line."""
    rate = RATES[request.profile]
    value = request.rate if rate == "rate" else int(request.rate)
    backend = {
        "kind": "openai_http",
        "target": request.endpoint,
        "model": request.model_name,
        "request_format": request.request_format,
        # Off by default in GuideLLM.
        "verify": True,
        "timeout_connect": CONNECT_SECONDS,
        **({"api_key": request.token} if request.token else {}),
    }
    return {
        "metadata": {"labels": request.labels},
        "spec": {
            "backend": backend,
            "profile": {"kind": request.profile, **({rate: value} if rate else {})},
            "constraints": [{"kind": "max_duration", "seconds": request.max_seconds}],
            "tokenizer": {"kind": "huggingface_auto", "model": str(request.tokenizer)},
            "data": [
                {
                    "kind": "synthetic_text",
                    "prompt_tokens": request.prompt_tokens,
                    "output_tokens": request.output_tokens,
                }
            ],
            # A fixed seed gives the same prompts each time.
            "seed": {"kind": "static", "value": 42},
            "metrics": {"kind": "generative", "sample_size": SAMPLES},
            "outputs": [{"kind": kind, "path": str(reports / f"benchmarks.{kind}")} for kind in REPORTS],
        },
    }


def check_endpoint(request: Request) -> None:
    """Fails early, with the reason, when GuideLLM would fail late or measure errors."""
    headers = {"Authorization": f"Bearer {request.token}"} if request.token else {}
    url = f"{request.endpoint}/v1/models"
    try:
        answer = httpx.get(url, headers=headers, timeout=30, follow_redirects=True)
    except httpx.HTTPError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise TaskError(explain_certificate(request.endpoint, str(error))) from error
        raise TaskError(f"{request.endpoint} cannot be reached: {error}") from error
    if answer.status_code in (401, 403):
        raise TaskError(f"{request.endpoint} refuses access ({answer.status_code}): check ENDPOINT_AUTH and its token")
    if not answer.is_success:
        raise TaskError(f"{url} answered {answer.status_code}: {answer.text[:200]}")
    served = [model["id"] for model in answer.json()["data"]]
    if request.model_name not in served:
        raise TaskError(
            f"{request.endpoint} serves {', '.join(served) or 'no model'}, not MODEL_NAME {request.model_name}"
        )


def measure(request: Request, reports: Path) -> None:
    """Runs GuideLLM; its table of figures is in the log."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
    # GuideLLM must take its settings only from here.
    environment = {name: value for name, value in environment.items() if not name.startswith("GUIDELLM_")}
    environment.pop("OPENAI_API_KEY", None)
    environment["GUIDELLM__MAX_WORKER_PROCESSES"] = str(min(WORKERS, len(os.sched_getaffinity(0))))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        Path(file.name).chmod(0o600)
        json.dump(scenario(request, reports), file)
        file.flush()
        command = ["guidellm", "run", "--config", file.name, "--disable-console-interactive"]
        done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no message")
        raise TaskError(f"GuideLLM ended with exit code {done.returncode}: {last.strip()}")


def check_errors(request: Request, figures: Figures) -> None:
    """TaskError for a load without any answer, and for more errors than allowed."""
    silent = [load.strategy for load in figures.loads if load.successful == 0]
    if silent:
        raise TaskError(f"no request succeeded at {', '.join(silent)}; the report says why")
    if figures.error_rate > request.max_error_rate:
        raise TaskError(
            f"{figures.error_rate:.1%} of the requests failed, more than MAX_ERROR_RATE {request.max_error_rate:.1%}"
        )


def benchmark(request: Request) -> None:
    print(
        f"{request.model_name} at {request.endpoint}: {request.profile}, {request.prompt_tokens} prompt and"
        f" {request.output_tokens} output tokens, {request.max_seconds} s per load",
        flush=True,
    )
    if not request.tokenizer.is_dir():
        raise TaskError(f"{request.tokenizer} does not exist: the tokenizer is read from the model's directory")
    check_endpoint(request)
    partial = request.results.with_name(request.results.name + ".partial")
    for directory in (partial, request.results):
        shutil.rmtree(directory, ignore_errors=True)
    partial.mkdir(parents=True)
    measure(request, partial)
    report = partial / "benchmarks.json"
    if not report.is_file():
        raise TaskError("GuideLLM wrote no report: every load ended without a request")
    figures = figures_of(json.loads(report.read_text()))
    (partial / "figures.json").write_text(json.dumps(figures.as_dict(), indent=1))
    partial.rename(request.results)
    for name, value in headline(figures).items():
        write_result(name, value)
    write_result("results-directory", str(request.results.relative_to(request.workspace)))
    write_result("guidellm-version", version("guidellm"))
    check_errors(request, figures)


def main() -> None:
    trust(os.environ.get("TRUSTED_CA_DIRECTORY", ""), os.environ.get("SERVICE_CA_FILE", ""))
    request = read_parameters()
    benchmark(request)


if __name__ == "__main__":
    run(main)
