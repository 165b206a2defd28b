"""Checks the params of a run of the pipeline modelcar before the expensive tasks, and decides which tasks run.

Each decision is a result, because Tekton's `when` can only compare whole strings, not search a list like SKIP_TASKS.
"""

import re
import shlex

from image_name import DIGEST, TAGGED
from service_name import length_problem, service_name
from task_plan import TASKS, Plan, Wishes, describe, missing, plan_of, read_names
from task_support import Parameters, run, write_result

POSITIVE = r"[1-9]\d*"
BY_DIGEST = rf"\S+@{DIGEST}"
URL = r"https?://\S+"
SERVICE_URL = r"https?://[^/\s]+/?"
PROFILES = ("sweep", "synchronous", "throughput", "concurrent", "constant", "poisson")
DATASET = r"[\w.-]+/[\w.-]+@[0-9a-f]{40}|(?!/)(?!.*(^|/)\.\.?(/|$))[\w./-]+\.(jsonl|json|parquet|csv)"
SCORE = r"[^:\s]+:[^>\s]+>=\d+(\.\d+)?"
# These tasks of lm-evaluation-harness run the programs that the model writes.
GENERATED_CODE = r"humaneval|mbpp"


class Checks:
    """Checks of single params; a param that no task needs may be empty."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters

    def boolean(self, name: str) -> bool:
        return self.parameters.required(name, "true|false", "true or false") == "true"

    def matches(self, name: str, pattern: str, expected: str, needed: bool = True) -> str:
        if needed or self.parameters.optional(name):
            return self.parameters.required(name, pattern, expected)
        return ""

    def positive(self, needed: bool, *names: str) -> None:
        for name in names:
            self.matches(name, POSITIVE, "a whole number above 0", needed)


def read_plan(parameters: Parameters, checks: Checks) -> Plan:
    skipped, unknown = read_names(parameters.optional("SKIP_TASKS"))
    if unknown:
        parameters.problem(f"SKIP_TASKS has unknown tasks {', '.join(unknown)}; the tasks are {', '.join(TASKS)}")
    wishes = Wishes(
        skipped=skipped,
        compress=checks.boolean("COMPRESS_MODEL"),
        evaluate=checks.boolean("EVALUATE_MODEL"),
        benchmark=checks.boolean("GUIDELLM_EVALUATE_MODEL"),
        deploy=checks.boolean("DEPLOY_MODEL"),
        anythingllm=bool(parameters.optional("ANYTHINGLLM_IMAGE")),
        registry=bool(parameters.optional("MODEL_REGISTRY_URL")),
    )
    plan = plan_of(wishes)
    for problem in missing(plan):
        parameters.problem(problem)
    return plan


def check_model(checks: Checks, plan: Plan) -> None:
    """The params of the model, its source, and its compression."""
    pulled, registered = plan.runs("pull-model-from-huggingface"), plan.runs("register-with-registry")
    source = pulled or plan.builds or registered
    checks.matches("MODEL_NAME", r"(?=.*[A-Za-z0-9])[\w ./-]+", "a name of letters, digits, spaces and ._-/")
    checks.matches("HUGGINGFACE_MODEL", r"[\w.-]+/[\w.-]+", "<owner>/<name>", source)
    revision = "a commit of 40 hexadecimal digits, because branches and tags move"
    checks.matches("HUGGINGFACE_REVISION", r"[0-9a-f]{40}", revision, source)
    checks.matches("HF_ENDPOINT", URL, "an http(s) URL", pulled or plan.runs("compress-model"))
    published = registered or plan.runs("publish-test-results-v2")
    checks.matches("MODEL_VERSION", r"\S+", "a version", published)
    checks.matches("RECIPE", r"\S+", "the name of a recipe", plan.runs("compress-model"))
    checks.matches("CALIBRATION_DATASET", DATASET, "<owner>/<name>@<commit> or a file of the workspace", False)
    checks.positive(plan.runs("compress-model"), "CALIBRATION_SAMPLES", "MAX_SEQUENCE_LENGTH")
    checks.matches("CLEANUP_AFTER", "always|success|never", "always, success or never")


def check_image(checks: Checks, plan: Plan) -> None:
    if plan.builds:
        checks.matches("OCI_IMAGE", TAGGED, "<registry>/<repository>[:<tag>]")
    else:
        expected = "<registry>/<repository>[:<tag>][@sha256:<digest>]"
        checks.matches("OCI_IMAGE", f"{TAGGED}(@{DIGEST})?", expected, plan.runs("build-and-push-modelcar"))
    checks.matches("BASE_IMAGE", f"{TAGGED}@{DIGEST}", "<registry>/<repository>@sha256:<digest>", plan.builds)


def check_registry(checks: Checks, plan: Plan) -> None:
    parameters = checks.parameters
    auth = checks.matches("MODEL_REGISTRY_AUTH", "none|token|serviceAccount", "none, token or serviceAccount", False)
    registered = plan.runs("register-with-registry")
    if registered and not plan.wishes.registry:
        parameters.problem("MODEL_REGISTRY_URL is not set: set it, or add register-with-registry to SKIP_TASKS")
    checks.matches("MODEL_REGISTRY_URL", SERVICE_URL, "http(s)://host:port without a path", False)
    secured = parameters.optional("MODEL_REGISTRY_URL").startswith("https://")
    if auth in ("token", "serviceAccount") and plan.wishes.registry and not secured:
        parameters.problem(f"MODEL_REGISTRY_URL must be https://… with MODEL_REGISTRY_AUTH {auth}")
    published = plan.runs("publish-test-results-v2")
    checks.matches("S3_ENDPOINT", SERVICE_URL, "http(s)://host:port without a path", published)
    checks.matches("S3_BUCKET", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket", published)


def check_evaluation(checks: Checks, plan: Plan) -> None:
    parameters, evaluated = checks.parameters, plan.runs("evaluate-model")
    generated = checks.boolean("RUN_GENERATED_CODE")
    tasks = [name for name in re.split(r"[\s,]+", parameters.optional("TASKS")) if name]
    if evaluated and not tasks:
        parameters.problem("TASKS is not set, but EVALUATE_MODEL is true: name tasks of lm-evaluation-harness")
    programs = [name for name in tasks if re.match(GENERATED_CODE, name)]
    if evaluated and programs and not generated:
        parameters.problem(
            f"TASKS has {', '.join(programs)}, which run what the model wrote: leave them out, or set RUN_GENERATED_CODE to true"
        )
    checks.positive(False, "LIMIT")
    for condition in parameters.optional("MINIMUM_SCORES").split():
        if not re.fullmatch(SCORE, condition):
            parameters.problem(f"MINIMUM_SCORES: {condition!r} must be <task>:<metric>>=<number>")


def check_serving(checks: Checks, plan: Plan) -> None:
    parameters, deployed = checks.parameters, plan.runs("deploy-model")
    longest = checks.matches("MAX_MODEL_LEN", POSITIVE, "a number of tokens above 0", deployed)
    checks.matches("GPUS", r"\d+", "a whole number", deployed)
    name, namespace = parameters.optional("MODEL_NAME"), parameters.optional("NAMESPACE")
    if deployed and name and (problem := length_problem(service_name(name), namespace)):
        parameters.problem(f"MODEL_NAME: {problem}")
    try:
        shlex.split(parameters.optional("VLLM_ARGS"))
    except ValueError as error:
        parameters.problem(f"VLLM_ARGS {parameters.optional('VLLM_ARGS')!r} cannot be split: {error}")
    runtime = parameters.optional("SERVING_RUNTIME") or parameters.optional("RUNTIME_IMAGE")
    if deployed and not runtime:
        parameters.problem("neither RUNTIME_IMAGE nor SERVING_RUNTIME is set: deploy-model needs one of them")
    checks.matches("RUNTIME_IMAGE", BY_DIGEST, "vLLM's image by digest", False)
    checks.matches("ANYTHINGLLM_IMAGE", BY_DIGEST, "an image by digest", False)
    benchmarked = plan.runs("run-guidellm")
    checks.matches("PROFILE", "|".join(PROFILES), ", ".join(PROFILES), benchmarked)
    checks.matches("RATE", r"(?=.*[1-9])\d+(\.\d+)?", "a number above 0", benchmarked)
    checks.positive(benchmarked, "PROMPT_TOKENS", "OUTPUT_TOKENS", "MAX_SECONDS")
    tokens = [parameters.optional(name) for name in ("PROMPT_TOKENS", "OUTPUT_TOKENS")]
    known = benchmarked and deployed and longest and all(re.fullmatch(POSITIVE, count) for count in tokens)
    if known and sum(map(int, tokens)) > int(longest):
        parameters.problem(f"PROMPT_TOKENS plus OUTPUT_TOKENS is more than MAX_MODEL_LEN {longest}")


def results_of(plan: Plan, model_name: str) -> dict[str, str]:
    directory = service_name(model_name)
    packaged = "compressed" if plan.wishes.compress else "model"
    decisions = {
        **{task: plan.runs(task) for task in TASKS},
        # If it only looks up an image, need-image lets it run.
        "build-and-push-modelcar": plan.builds,
        "build": plan.builds,
        "need-image": plan.runs("build-and-push-modelcar"),
    }
    return {
        **{name: str(value).lower() for name, value in decisions.items()},
        "model-directory": f"{directory}/model",
        "compressed-directory": f"{directory}/compressed",
        "package-directory": f"{directory}/{packaged}",
        "evaluation-directory": f"{directory}/evaluation",
        "benchmark-directory": f"{directory}/benchmark",
        "service-url-file": f"{directory}/service-url",
        "inference-service": directory,
    }


def main() -> None:
    parameters = Parameters()
    checks = Checks(parameters)
    plan = read_plan(parameters, checks)
    for check in (check_model, check_image, check_registry, check_evaluation, check_serving):
        check(checks, plan)
    parameters.check()
    for line in describe(plan):
        print(line, flush=True)
    for name, value in results_of(plan, parameters.optional("MODEL_NAME")).items():
        write_result(name, value)


if __name__ == "__main__":
    run(main)
