"""Which tasks of the pipeline modelcar run, and why, computed from the params as plain data."""

from dataclasses import dataclass

TASKS = (
    "cleanup-workspace",
    "pull-model-from-huggingface",
    "compress-model",
    "evaluate-model",
    "build-and-push-modelcar",
    "register-with-registry",
    "deploy-model",
    "run-guidellm",
    "deploy-anythingllm",
    "publish-test-results-v2",
)


@dataclass(frozen=True)
class Wishes:
    skipped: frozenset[str]
    compress: bool
    evaluate: bool
    benchmark: bool
    deploy: bool
    anythingllm: bool
    registry: bool


@dataclass(frozen=True)
class Plan:
    """Why each task does not run, "" for one that runs."""

    wishes: Wishes
    reasons: dict[str, str]

    def runs(self, task: str) -> bool:
        return not self.reasons[task]

    @property
    def builds(self) -> bool:
        return "build-and-push-modelcar" not in self.wishes.skipped

    @property
    def image_users(self) -> list[str]:
        """The tasks that need the image's digest."""
        return [task for task in ("register-with-registry", "deploy-model") if self.runs(task)]

    @property
    def packaged(self) -> str:
        """The task that creates the packaged model, in this run or an earlier one."""
        return "compress-model" if self.wishes.compress else "pull-model-from-huggingface"


def read_names(text: str) -> tuple[frozenset[str], list[str]]:
    """The tasks in a comma-separated list, and the unknown names in it."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    return frozenset(names) & frozenset(TASKS), [name for name in names if name not in TASKS]


def plan_of(wishes: Wishes) -> Plan:
    reasons = {task: "it is in SKIP_TASKS" if task in wishes.skipped else "" for task in TASKS}

    def need(task: str, wanted: bool, otherwise: str) -> None:
        if not wanted:
            reasons[task] = reasons[task] or otherwise

    need("compress-model", wishes.compress, "COMPRESS_MODEL is false")
    need("evaluate-model", wishes.evaluate, "EVALUATE_MODEL is false")
    need("deploy-model", wishes.deploy, "DEPLOY_MODEL is false")
    need("run-guidellm", wishes.benchmark, "GUIDELLM_EVALUATE_MODEL is false")
    need("deploy-anythingllm", wishes.anythingllm, "ANYTHINGLLM_IMAGE is empty")
    need("deploy-anythingllm", wishes.deploy, "DEPLOY_MODEL is false")
    measured = not (reasons["evaluate-model"] and reasons["run-guidellm"])
    need("publish-test-results-v2", measured, "nothing is evaluated or benchmarked")
    need("publish-test-results-v2", wishes.registry, "MODEL_REGISTRY_URL is empty")
    if not (reasons["register-with-registry"] and reasons["deploy-model"]):
        # These two tasks need the digest, if only of an existing image.
        reasons["build-and-push-modelcar"] = ""
    return Plan(wishes, reasons)


def missing(plan: Plan) -> list[str]:
    """Errors about files that tasks need, that no task of this run creates, and that the clean-up would remove."""
    if not plan.runs("cleanup-workspace"):
        return []
    needs = {
        "compress-model": ["pull-model-from-huggingface"],
        "evaluate-model": [plan.packaged],
        "build-and-push-modelcar": [plan.packaged] if plan.builds else [],
        "run-guidellm": [plan.packaged, "deploy-model"],
        "deploy-anythingllm": ["deploy-model"],
    }
    return [
        f"{task} needs the output of {maker}, which does not run ({plan.reasons[maker]}), and cleanup-workspace removes"
        f" the output of earlier runs: let {maker} run, or add cleanup-workspace to SKIP_TASKS"
        for task, makers in needs.items()
        for maker in makers
        if plan.runs(task) and not plan.runs(maker)
    ]


def describe(plan: Plan) -> list[str]:
    """A line for each task: whether it runs, and why not."""
    lines = {task: f"does not run: {reason}" if reason else "runs" for task, reason in plan.reasons.items()}
    if plan.runs("build-and-push-modelcar") and not plan.builds:
        users = " and ".join(plan.image_users)
        lines["build-and-push-modelcar"] = (
            f"builds nothing: it is in SKIP_TASKS; looks up the image's digest for {users}"
        )
    return [f"{task}: {line}" for task, line in lines.items()]
