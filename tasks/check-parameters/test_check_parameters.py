"""Runs the check of a run's params, with typical scenarios."""

import ast
import json
import re
from collections.abc import Callable, Iterable
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
TASK = yaml.safe_load((HERE / "task.yaml").read_text())["spec"]
RESULTS = [result["name"] for result in TASK["results"]]
PARAMS = [param["name"] for param in TASK["params"]]
# The first results are the pipeline's tasks, in their order.
TASKS = tuple(takewhile(lambda name: name != "build", RESULTS))
DIGEST = "sha256:" + "1" * 64
DEFAULTS = {
    "HF_ENDPOINT": "https://huggingface.co",
    "COMPRESS_MODEL": "false",
    "RECIPE": "general",
    "CALIBRATION_SAMPLES": "512",
    "MAX_SEQUENCE_LENGTH": "2048",
    "EVALUATE_MODEL": "false",
    "TASKS": "humaneval,mbpp",
    "RUN_GENERATED_CODE": "false",
    "MODEL_VERSION": "1.0.0",
    "MODEL_REGISTRY_AUTH": "none",
    "DEPLOY_MODEL": "false",
    "GPUS": "1",
    "MAX_MODEL_LEN": "8192",
    "GUIDELLM_EVALUATE_MODEL": "false",
    "PROFILE": "sweep",
    "RATE": "10",
    "PROMPT_TOKENS": "256",
    "OUTPUT_TOKENS": "128",
    "MAX_SECONDS": "180",
    "CLEANUP_AFTER": "success",
}
# A run that only packages a model.
GIVEN = {
    "HUGGINGFACE_MODEL": "codellama/CodeLlama-34b-Python-hf",
    "HUGGINGFACE_REVISION": "a" * 40,
    "OCI_IMAGE": "quay.io/your-org/your-repo",
    "BASE_IMAGE": f"registry.access.redhat.com/ubi9/ubi-micro@{DIGEST}",
    "MODEL_NAME": "CodeLlama-34b-Python-hf",
    "MODEL_REGISTRY_URL": "https://model-registry.apps.yourcluster.com",
    "RUNTIME_IMAGE": f"quay.io/vllm/vllm-openai@{DIGEST}",
    "S3_ENDPOINT": "http://minio.model-storage.svc.cluster.local:9000",
    "S3_BUCKET": "llm-models",
}
ALL = {
    "COMPRESS_MODEL": "true",
    "EVALUATE_MODEL": "true",
    "TASKS": "arc_easy,arc_challenge,hellaswag,winogrande",
    "GUIDELLM_EVALUATE_MODEL": "true",
    "DEPLOY_MODEL": "true",
    "ANYTHINGLLM_IMAGE": f"quay.io/anythingllm@{DIGEST}",
    "MAX_MODEL_LEN": "16000",
}


@pytest.fixture
def check(run_task: Callable) -> Callable:
    def start(**changes: str):
        return run_task("check-parameters", RESULTS, **{**dict.fromkeys(PARAMS, ""), **DEFAULTS, **GIVEN, **changes})

    return start


def running(outcome) -> list[str]:
    """The tasks that run, from the results that the pipeline's `when` compares."""
    assert (outcome.code, outcome.error) == (0, "")
    assert {outcome.results[task] for task in (*TASKS, "build", "need-image")} <= {"true", "false"}
    return [task for task in TASKS if outcome.results[task] == "true"]


def test_by_default_the_model_is_packaged_and_registered(check):
    outcome = check()
    assert running(outcome) == [TASKS[0], TASKS[1], "build-and-push-modelcar", "register-with-registry"]
    assert (outcome.results["build"], outcome.results["need-image"]) == ("true", "true")
    assert outcome.results["package-directory"] == "codellama-34b-python-hf/model"
    assert "compress-model: does not run: COMPRESS_MODEL is false" in outcome.output
    assert "pull-model-from-huggingface: runs\n" in outcome.output


def test_everything_runs_if_everything_is_enabled(check):
    outcome = check(**ALL)
    assert running(outcome) == list(TASKS)
    assert {name: value for name, value in outcome.results.items() if name not in (*TASKS, "build", "need-image")} == {
        "model-directory": "codellama-34b-python-hf/model",
        "compressed-directory": "codellama-34b-python-hf/compressed",
        "package-directory": "codellama-34b-python-hf/compressed",
        "evaluation-directory": "codellama-34b-python-hf/evaluation",
        "benchmark-directory": "codellama-34b-python-hf/benchmark",
        "service-url-file": "codellama-34b-python-hf/service-url",
        "inference-service": "codellama-34b-python-hf",
    }


def test_an_existing_image_is_deployed(check):
    skipped = "cleanup-workspace,pull-model-from-huggingface,build-and-push-modelcar,register-with-registry"
    outcome = check(
        COMPRESS_MODEL="false",
        DEPLOY_MODEL="true",
        SKIP_TASKS=skipped,
        HUGGINGFACE_MODEL="",
        HUGGINGFACE_REVISION="",
        BASE_IMAGE="",
        OCI_IMAGE=f"quay.io/your-org/your-repo@{DIGEST}",
    )
    assert running(outcome) == ["deploy-model"]
    assert (outcome.results["build"], outcome.results["need-image"]) == ("false", "true")
    assert "build-and-push-modelcar: builds nothing: it is in SKIP_TASKS; looks up" in outcome.output


@pytest.mark.parametrize("skipped", [[task] for task in TASKS] + [list(TASKS[:6]), list(TASKS[::2]), list(TASKS)])
def test_every_task_in_the_list_is_skipped(check, skipped):
    # An earlier run did the work of the skipped tasks, so the clean-up must be skipped too.
    skipped = sorted({*skipped, "cleanup-workspace"}, reverse=True)
    outcome = check(**ALL, SKIP_TASKS=" , ".join(skipped) + ",")
    measured = not {"evaluate-model", "run-guidellm"} <= set(skipped)
    left = [task for task in TASKS if task not in skipped and (measured or task != "publish-test-results-v2")]
    assert running(outcome) == left
    assert all(
        f"{task}: does not run: it is in SKIP_TASKS" in outcome.output
        for task in skipped
        if task != "build-and-push-modelcar"
    )


def test_a_compressed_model_of_an_earlier_run_is_packaged(check):
    outcome = check(COMPRESS_MODEL="true", SKIP_TASKS="cleanup-workspace, pull-model-from-huggingface, compress-model")
    assert running(outcome) == ["build-and-push-modelcar", "register-with-registry"]
    assert outcome.results["package-directory"].endswith("/compressed")


def test_the_image_is_not_looked_up_when_nothing_needs_it(check):
    outcome = check(SKIP_TASKS="build-and-push-modelcar,register-with-registry", OCI_IMAGE="", BASE_IMAGE="")
    assert running(outcome) == ["cleanup-workspace", "pull-model-from-huggingface"]
    assert outcome.results["need-image"] == "false"


def test_test_results_are_published_if_there_are_some_and_a_registry(check):
    measured = {"EVALUATE_MODEL": "true", "TASKS": "sums", "SKIP_TASKS": "register-with-registry"}
    assert "publish-test-results-v2" in running(check(**measured))
    outcome = check(**measured, MODEL_REGISTRY_URL="")
    assert "publish-test-results-v2" not in running(outcome)
    assert "publish-test-results-v2: does not run: MODEL_REGISTRY_URL is empty" in outcome.output
    assert "nothing is evaluated or benchmarked" in check().output


def test_anythingllm_is_deployed_only_with_the_model(check):
    image = ALL["ANYTHINGLLM_IMAGE"]
    assert "deploy-anythingllm" not in running(check(ANYTHINGLLM_IMAGE=image))
    assert "deploy-anythingllm" in running(check(ANYTHINGLLM_IMAGE=image, DEPLOY_MODEL="true"))
    assert "deploy-anythingllm" not in running(check(DEPLOY_MODEL="true"))


@pytest.mark.parametrize(
    ("changes", "task", "maker"),
    [
        ({"SKIP_TASKS": "pull-model-from-huggingface"}, "build-and-push-modelcar", "pull-model-from-huggingface"),
        ({**ALL, "SKIP_TASKS": "pull-model-from-huggingface"}, "compress-model", "pull-model-from-huggingface"),
        ({**ALL, "SKIP_TASKS": "compress-model"}, "evaluate-model", "compress-model"),
        ({**ALL, "SKIP_TASKS": "compress-model"}, "run-guidellm", "compress-model"),
        ({**ALL, "SKIP_TASKS": "deploy-model"}, "run-guidellm", "deploy-model"),
        ({**ALL, "SKIP_TASKS": "deploy-model"}, "deploy-anythingllm", "deploy-model"),
        ({**ALL, "DEPLOY_MODEL": "false"}, "run-guidellm", "deploy-model"),
    ],
)
def test_what_a_task_needs_is_not_cleaned_up(check, changes, task, maker):
    outcome = check(**changes)
    assert outcome.code == 1
    assert f"{task} needs the output of {maker}, which does not run" in outcome.error
    kept = {**changes, "SKIP_TASKS": changes.get("SKIP_TASKS", "") + ",cleanup-workspace"}
    assert check(**kept).code == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"SKIP_TASKS": "compress,deploy-model"},
            f"SKIP_TASKS has unknown tasks compress; the tasks are {', '.join(TASKS)}",
        ),
        ({"COMPRESS_MODEL": "yes"}, "COMPRESS_MODEL must be true or false, not 'yes'"),
        ({"DEPLOY_MODEL": ""}, "DEPLOY_MODEL is not set"),
        ({"HUGGINGFACE_MODEL": "gpt2"}, "HUGGINGFACE_MODEL must be <owner>/<name>, not 'gpt2'"),
        ({"HUGGINGFACE_REVISION": "main"}, "HUGGINGFACE_REVISION must be a commit of 40 hexadecimal digits"),
        ({"HF_ENDPOINT": "huggingface.co"}, "HF_ENDPOINT must be an http(s) URL"),
        ({"MODEL_NAME": "___"}, "MODEL_NAME must be a name of letters, digits"),
        ({"MODEL_VERSION": ""}, "MODEL_VERSION is not set"),
        ({"OCI_IMAGE": "repo"}, "OCI_IMAGE must be <registry>/<repository>[:<tag>], not 'repo'"),
        ({"OCI_IMAGE": f"quay.io/a/b@{DIGEST}"}, "OCI_IMAGE must be <registry>/<repository>[:<tag>], not"),
        ({"OCI_IMAGE": ""}, "OCI_IMAGE is not set"),
        ({"BASE_IMAGE": "quay.io/a/base:latest"}, "BASE_IMAGE must be <registry>/<repository>@sha256:<digest>"),
        (
            {"MODEL_REGISTRY_URL": ""},
            "MODEL_REGISTRY_URL is not set: set it, or add register-with-registry to SKIP_TASKS",
        ),
        ({"MODEL_REGISTRY_URL": "http://r:1/api"}, "MODEL_REGISTRY_URL must be http(s)://host:port without a path"),
        ({"MODEL_REGISTRY_AUTH": "basic"}, "MODEL_REGISTRY_AUTH must be none, token or serviceAccount"),
        ({"MODEL_REGISTRY_AUTH": "token", "MODEL_REGISTRY_URL": "http://r:1"}, "MODEL_REGISTRY_URL must be https://"),
        ({**ALL, "TASKS": " , "}, "TASKS is not set, but EVALUATE_MODEL is true"),
        (
            {**ALL, "TASKS": "arc_easy,humaneval, mbpp_plus"},
            "TASKS has humaneval, mbpp_plus, which run what the model wrote",
        ),
        ({"RUN_GENERATED_CODE": "1"}, "RUN_GENERATED_CODE must be true or false"),
        ({"LIMIT": "0"}, "LIMIT must be a whole number above 0"),
        ({"MINIMUM_SCORES": "sums=1"}, "MINIMUM_SCORES: 'sums=1' must be <task>:<metric>>=<number>"),
        ({**ALL, "MAX_MODEL_LEN": "8k"}, "MAX_MODEL_LEN must be a number of tokens above 0, not '8k'"),
        ({**ALL, "MAX_MODEL_LEN": "300"}, "PROMPT_TOKENS plus OUTPUT_TOKENS is more than MAX_MODEL_LEN 300"),
        ({**ALL, "RUNTIME_IMAGE": ""}, "neither RUNTIME_IMAGE nor SERVING_RUNTIME is set"),
        ({**ALL, "RUNTIME_IMAGE": "quay.io/vllm:latest"}, "RUNTIME_IMAGE must be vLLM's image by digest"),
        ({**ALL, "GPUS": "-1"}, "GPUS must be a whole number"),
        ({**ALL, "VLLM_ARGS": "--chat-template 'x"}, 'VLLM_ARGS "--chat-template \'x" cannot be split'),
        ({**ALL, "ANYTHINGLLM_IMAGE": "anythingllm"}, "ANYTHINGLLM_IMAGE must be an image by digest"),
        ({**ALL, "PROFILE": "ramp"}, "PROFILE must be sweep, synchronous"),
        ({**ALL, "RATE": "0.0"}, "RATE must be a number above 0"),
        ({**ALL, "PROMPT_TOKENS": ""}, "PROMPT_TOKENS is not set"),
        ({**ALL, "S3_BUCKET": ""}, "S3_BUCKET is not set"),
        ({**ALL, "RECIPE": ""}, "RECIPE is not set"),
        ({**ALL, "CALIBRATION_DATASET": "org/name@main"}, "CALIBRATION_DATASET must be <owner>/<name>@<commit>"),
        ({"CLEANUP_AFTER": "sometimes"}, "CLEANUP_AFTER must be always, success or never"),
    ],
)
def test_a_mistake_is_named(check, changes, message):
    outcome = check(**changes)
    assert outcome.code == 1
    assert message in outcome.error
    assert outcome.error.startswith("error: ") and outcome.error.count("\n") == 1
    assert outcome.results == {}


def test_all_mistakes_are_named_at_once(check):
    wrong = {
        "SKIP_TASKS": "deploy",
        "EVALUATE_MODEL": "maybe",
        "HUGGINGFACE_REVISION": "main",
        "OCI_IMAGE": "x",
        "LIMIT": "-",
    }
    outcome = check(**wrong, MODEL_NAME="", MODEL_REGISTRY_URL="")
    assert all(name in outcome.error for name in (*wrong, "MODEL_NAME is not set", "MODEL_REGISTRY_URL is not set"))


@pytest.mark.parametrize(
    ("model", "name"),
    [("granite_3.1__2b.", "granite-3-1-2b"), ("7B", "model-7b"), ("ibm-granite/Granite 3", "ibm-granite-granite-3")],
)
def test_the_service_name_is_valid_in_kubernetes(check, model, name):
    results = check(MODEL_NAME=model).results
    assert (results["inference-service"], results["service-url-file"]) == (name, f"{name}/service-url")


def test_params_of_tasks_that_do_not_run_are_not_required(check):
    outcome = check(TASKS="", RUNTIME_IMAGE="", PROFILE="", RECIPE="", S3_BUCKET="", MAX_SECONDS="")
    assert (outcome.code, outcome.error) == (0, "")


def test_generated_code_is_run_if_it_is_allowed(check):
    outcome = check(**{**ALL, "TASKS": "humaneval,mbpp", "RUN_GENERATED_CODE": "true"})
    assert "evaluate-model" in running(outcome)


def test_the_results_of_the_longest_name_fit(check):
    outcome = check(**{**ALL, "MODEL_NAME": "x" * 200})
    assert set(outcome.results) == set(RESULTS)
    # Tekton's entrypoint writes them to the termination message of the container, which is limited to 4096 bytes.
    message = json.dumps([{"key": key, "value": value, "type": 1} for key, value in outcome.results.items()])
    assert len(message) < 3000


def test_the_task_passes_every_param_and_result_to_the_script():
    (step,) = TASK["steps"]
    params = {name: f"$(params.{name})" for name in PARAMS}
    results = {f"RESULT_{name.upper().replace('-', '_')}": f"$(results.{name}.path)" for name in RESULTS}
    assert {entry["name"]: entry["value"] for entry in step["env"]} == {**params, **results}
    assert set(DEFAULTS) | set(GIVEN) < set(PARAMS)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in RESULTS)


def assigned(file: str, name: str) -> Iterable[str]:
    """The constant assigned to a name in a script, whose imports are not in this image."""
    body = ast.parse((HERE.parent / file).read_text()).body
    (value,) = [node.value for node in body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name]
    constant: Iterable[str] = ast.literal_eval(value)
    return constant


def test_the_profiles_are_those_of_the_benchmark():
    assert assigned("check-parameters/check-parameters.py", "PROFILES") == tuple(
        assigned("run-guidellm/run-guidellm.py", "RATES")
    )


@pytest.mark.parametrize(
    ("name", "namespace", "message"),
    [
        ("granite-3-1-8b-instruct-w4a16-gptq-x1", "private-ai-demo", ""),
        (
            "mistral-small-24b-instruct-2501-w4a16b",
            "private-ai-demo",
            (
                "host, in its first part, mistral-small-24b-instruct-2501-w4a16b-predictor-private-ai-demo, which has 64"
                " characters where 63 fit: take a name of at most 37 characters"
            ),
        ),
        # A name that is too long for every namespace ends in a hash.
        ("m" * 49, "ai", ""),
        ("m" * 49, "private-ai-demo", "take a name of at most 37 characters"),
        ("m" * 49, "", ""),
    ],
)
def test_a_name_too_long_for_a_host_of_kserve_is_refused_before_anything_runs(check, name, namespace, message):
    outcome = check(MODEL_NAME=name, NAMESPACE=namespace, **{**ALL, "ANYTHINGLLM_IMAGE": ""})
    assert outcome.code == (1 if message else 0), outcome.error
    assert message in outcome.error
    # Without a service there is no host.
    assert check(MODEL_NAME=name, NAMESPACE=namespace).code == 0
