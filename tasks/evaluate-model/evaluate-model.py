"""Evaluates a model with lm-evaluation-harness: a served model, or one on the workspace in this process.

The scores are a result; the harness's whole report, with each question and answer, is written to the workspace. An
evaluation that cannot be completed, or whose scores are too low, fails.
"""

import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import requests
from certificates import trust
from endpoint import served_model, tokenizer_directory
from endpoint_access import read_endpoint_token
from json_object import JsonObject
from manifest import read_manifest
from scores import Scores, check_minimum, compact, rounded, scores_of
from task_support import Parameters, TaskError, run, size, write_result

os.environ.setdefault("HF_HUB_OFFLINE", "1")
BACKENDS = ("local-completions", "hf")
SECRETS = ("OPENAI_API_KEY", "HF_TOKEN")


@dataclass(frozen=True)
class Request:
    workspace: Path
    results: Path
    backend: str
    tasks: list[str]
    tasks_directory: Path | None
    dataset_revisions: str
    endpoint: str
    model_name: str
    model: Path | None
    tokenizer: str
    chat_template: bool
    few_shot: int | None
    limit: int | None
    batch_size: int
    concurrent: int
    max_length: int | None
    timeout: int
    generated_code: bool
    minimum_scores: str
    token_file: Path
    token: str
    pipeline_run: dict[str, str]


def read_parameters() -> Request:
    parameters = Parameters()

    def boolean(name: str) -> bool:
        return parameters.required(name, "true|false", "true or false") == "true"

    def number(name: str) -> int:
        return int(parameters.required(name, r"[1-9]\d*", "a number above 0") or 0)

    def number_or_none(name: str) -> int | None:
        value = parameters.optional(name)
        return int(parameters.required(name, r"\d+", "a number or empty") or 0) if value else None

    backend = parameters.required("BACKEND", "|".join(BACKENDS), " or ".join(BACKENDS))
    served = backend == "local-completions"
    endpoint = parameters.required("ENDPOINT_URL", r"https?://.+", "an http(s) URL").rstrip("/") if served else ""
    labels = {"pipelineRunName": "PIPELINE_RUN_NAME", "pipelineRunUid": "PIPELINE_RUN_UID"}
    tasks_directory = parameters.optional("TASKS_DIRECTORY")
    request = Request(
        workspace=Path(parameters.required("WORKSPACE_DIRECTORY", r"/.+", "the absolute path of the workspace")),
        results=workspace_path(parameters, "RESULTS_DIRECTORY"),
        backend=backend,
        tasks=[name for name in re.split(r"[\s,]+", parameters.required("TASKS")) if name],
        tasks_directory=workspace_path(parameters, "TASKS_DIRECTORY") if tasks_directory else None,
        dataset_revisions=parameters.optional("DATASET_REVISIONS"),
        endpoint=endpoint,
        model_name=parameters.required("MODEL_NAME") if served else "",
        model=None if served else workspace_path(parameters, "MODEL_DIRECTORY"),
        tokenizer=parameters.required("TOKENIZER") if served else "",
        chat_template=boolean("APPLY_CHAT_TEMPLATE"),
        few_shot=number_or_none("NUM_FEWSHOT"),
        limit=number_or_none("LIMIT"),
        batch_size=number("BATCH_SIZE"),
        concurrent=number("NUM_CONCURRENT"),
        max_length=number_or_none("MAX_LENGTH"),
        timeout=number("REQUEST_TIMEOUT_SECONDS"),
        generated_code=boolean("RUN_GENERATED_CODE"),
        minimum_scores=parameters.optional("MINIMUM_SCORES"),
        token_file=Path(parameters.optional("SERVICE_ACCOUNT_TOKEN_FILE", "/nonexistent")),
        token=read_endpoint_token(parameters, endpoint) if served else "",
        pipeline_run={key: value for key, name in labels.items() if (value := parameters.optional(name))},
    )
    parameters.check()
    return request


def workspace_path(parameters: Parameters, name: str) -> Path:
    workspace = parameters.optional("WORKSPACE_DIRECTORY")
    return Path(
        workspace, parameters.required(name, r"(?!/)(?!.*(^|/)\.\.?(/|$))[\w./-]+", "a relative path without . or ..")
    )


def check_locked_in(request: Request) -> None:
    """TaskError if code that a model wrote would run in a pod with a token or as root."""
    found = [name for name in SECRETS if os.environ.get(name)]
    if request.token_file.exists():
        found.append("the service account's token (set automountServiceAccountToken: false in the run's podTemplate)")
    if os.getuid() == 0:
        found.append("the rights of root")
    if found:
        raise TaskError(f"RUN_GENERATED_CODE is refused where generated code finds {', '.join(found)}")


def model_arguments(request: Request, gpus: int) -> tuple[JsonObject, JsonObject]:
    """The harness's arguments for the model, and what identifies the model."""
    if request.model:
        _, digest = read_manifest(request.model)
        arguments = {"pretrained": str(request.model), "dtype": "auto", "parallelize": gpus > 1}
        return {**arguments, **({"max_length": request.max_length} if request.max_length else {})}, {"manifest": digest}
    served = served_model(request.endpoint, request.model_name)
    length = request.max_length or served.get("max_model_len")
    if not length:
        raise TaskError(
            f"{request.endpoint} does not say how long a context {request.model_name} takes: set MAX_LENGTH"
        )
    arguments = {
        "model": request.model_name,
        "base_url": f"{request.endpoint}/v1/completions",
        "tokenizer": str(tokenizer_directory(request.tokenizer, request.workspace)),
        "tokenizer_backend": "huggingface",
        # As token ids: for text, some servers add a second first token, which makes the counts wrong.
        "tokenized_requests": True,
        "num_concurrent": request.concurrent,
        "max_length": int(length),
        "timeout": request.timeout,
        "max_retries": 3,
    }
    return arguments, {"endpoint": request.endpoint, "served": served}


def check_length(tasks: JsonObject, length: int | None) -> None:
    """TaskError for tasks whose answers need the whole context: the harness would drop their questions."""
    for name, task in tasks.items():
        answer = int((task.config.generation_kwargs or {}).get("max_gen_toks", 256))
        if length and task.config.output_type == "generate_until" and answer >= length:
            raise TaskError(
                f"{name} generates up to {answer} tokens, but the context has {length}: serve the model with a longer"
                " context"
            )


def evaluate(request: Request) -> tuple[JsonObject, JsonObject]:
    """The harness's report, and what identifies the model and its data."""
    gpus = 0
    if request.model:
        import torch

        gpus = torch.accelerator.device_count()
    arguments, identity = model_arguments(request, gpus)
    # The harness takes 20 seconds to import, so the checks come first.
    from evaluation_data import Datasets, pinned_datasets
    from harness import NO_ANSWER, load_tasks, progress_as_lines, task_manager
    from lm_eval import simple_evaluate
    from shipped import SHIPPED

    folders = [SHIPPED, *([request.tasks_directory] if request.tasks_directory else [])]
    data = Datasets(request.workspace / "hub", pinned_datasets(request.dataset_revisions), folders)
    with progress_as_lines():
        manager = task_manager(request.tasks_directory)
        loaded = load_tasks(manager, request.tasks, data, request.generated_code)
        check_length(loaded["tasks"], arguments.get("max_length"))
        print(f"evaluating {len(loaded['tasks'])} tasks with {request.backend}", flush=True)
        with data.loading():
            report = simple_evaluate(
                model=request.backend,
                model_args=arguments,
                tasks=list(request.tasks),
                task_manager=manager,
                num_fewshot=request.few_shot,
                batch_size=request.batch_size,
                device="cuda" if gpus else "cpu",
                limit=request.limit,
                apply_chat_template=request.chat_template,
                confirm_run_unsafe_code=request.generated_code,
                log_samples=True,
            )
    if not report:
        raise TaskError("the harness reported nothing")
    unanswered = sum(
        NO_ANSWER in json.dumps(sample["resps"], default=str) for task in report["samples"].values() for sample in task
    )
    if unanswered:
        raise TaskError(f"the endpoint returned no text for {unanswered} questions, which would count as wrong answers")
    return report, {**identity, "datasets": data.used}


def summary_of(request: Request, scores: Scores, questions: int, seconds: int) -> JsonObject:
    """scores.json: the task's results, all scores, and the run."""
    return {
        "scores": rounded(scores),
        "lmEvalVersion": version("lm-eval"),
        "seconds": seconds,
        "samples": questions,
        **request.pipeline_run,
    }


def write_report(request: Request, report: JsonObject, about: JsonObject, summary: JsonObject) -> int:
    """Writes the report, each question with its answer, and scores.json at once. Returns the number of bytes."""
    from lm_eval.utils import handle_non_serializable

    def text(value: Any, **options: Any) -> str:
        return json.dumps(value, default=handle_non_serializable, ensure_ascii=False, **options)

    partial = request.results.with_name(request.results.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    samples = report.pop("samples")
    (partial / "results.json").write_text(text({**report, "about": about}, indent=1))
    (partial / "scores.json").write_text(text(summary, indent=1))
    for task, rows in samples.items():
        (partial / f"samples_{task}.jsonl").write_text("".join(text(row) + "\n" for row in rows))
    written = sum(path.stat().st_size for path in partial.iterdir())
    partial.rename(request.results)
    return written


def main() -> None:
    request = read_parameters()
    if request.generated_code:
        check_locked_in(request)
    trust(os.environ.get("TRUSTED_CA_DIRECTORY", ""), os.environ.get("SERVICE_CA_FILE", ""))
    if request.token:
        # The harness reads the key from the environment.
        os.environ["OPENAI_API_KEY"] = request.token
    else:
        os.environ.pop("OPENAI_API_KEY", None)
    # After a failed evaluation there must be no report of an earlier one.
    shutil.rmtree(request.results, ignore_errors=True)
    started = time.monotonic()
    try:
        report, about = evaluate(request)
    except requests.RequestException as error:
        raise TaskError(f"the endpoint failed during the evaluation: {error}") from error
    except TaskError:
        raise
    except Exception as error:
        # aiohttp's errors for a failing endpoint have no common class.
        if type(error).__module__.partition(".")[0] in ("aiohttp", "asyncio", "tenacity"):
            raise TaskError(f"the endpoint failed during the evaluation: {error!r}") from error
        raise
    scores = scores_of(report, request.tasks)
    samples = {task: count["effective"] for task, count in report["n-samples"].items()}
    if not all(samples.values()):
        raise TaskError(
            f"there was nothing to ask in {', '.join(task for task, count in samples.items() if not count)}"
        )
    summary = summary_of(request, scores, sum(samples.values()), round(time.monotonic() - started))
    written = write_report(request, report, about, summary)
    for task, metrics in scores.items():
        print(f"{task}: " + ", ".join(f"{name} {value:.4f}" for name, value in metrics.items()), flush=True)
    print(f"{size(written)} written to {request.results}", flush=True)
    write_result("scores", compact(scores))
    write_result("samples", summary["samples"])
    write_result("seconds", summary["seconds"])
    write_result("results-file", str((request.results / "results.json").relative_to(request.workspace)))
    write_result("lm-eval-version", summary["lmEvalVersion"])
    check_minimum(scores, request.minimum_scores)


if __name__ == "__main__":
    run(main)
