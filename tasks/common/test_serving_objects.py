from dataclasses import replace

import kubernetes_objects
import pytest
from kubernetes_objects import DIGEST_ANNOTATION, Objects, Rollout
from rollout_rules import rollout_rules
from serving_objects import refusal_of
from task_support import TaskError

HOST = 'failed creating host name: invalid domain name "sums-predictor-ai.example.com"'


def service(*conditions: dict, **model: object) -> dict:
    return {"status": {"conditions": list(conditions), "modelStatus": model}}


def condition(reason: str, message: str = "") -> dict:
    return {"type": "PredictorReady", "status": "False", "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (service(condition("ReconcileFailed", HOST)), f"KServe does not take it: ReconcileFailed: {HOST}"),
        (
            service(
                transitionStatus="InvalidSpec", lastFailureInfo={"reason": "RuntimeDisabled", "message": "it is off"}
            ),
            "KServe does not take it: RuntimeDisabled: it is off",
        ),
        (service(condition("MinimumReplicasUnavailable", "no minimum availability")), ""),
        (service({"type": "PredictorReady", "status": "Unknown"}), ""),
        ({"status": None}, ""),
        (None, ""),
    ],
)
def test_refusals_of_kserve_are_recognized(found, says):
    assert refusal_of(found) == says


class Namespace(Objects):
    """A namespace with only the Deployment of an earlier spec, or none."""

    def __init__(self, deployment: dict | None) -> None:
        super().__init__(None, "ai", "nobody")
        self._deployment = deployment

    def get(self, *_: str) -> dict | None:
        return self._deployment

    def list(self, *_: str) -> list[dict]:
        return []

    def changes(self, *_: str, **__: str):
        return iter(())


def deployment(digest: str) -> dict:
    template = {"metadata": {"annotations": {DIGEST_ANNOTATION: digest}}}
    return {"metadata": {"generation": 1}, "spec": {"replicas": 1, "template": template}, "status": {}}


@pytest.mark.parametrize("found", [None, deployment("earlier")])
def test_a_refused_deployment_is_not_waited_for(monkeypatch, found):
    monkeypatch.setattr(kubernetes_objects, "rollout_rules", lambda: replace(rollout_rules(), refusal=0))
    rollout = Rollout(
        Namespace(found), "sums-predictor", "app=sums", "new", refused=lambda: "KServe does not take it: no"
    )
    with pytest.raises(TaskError, match="ai/sums-predictor: KServe does not take it: no"):
        rollout.wait(float("inf"))


def test_refusals_are_not_read_after_the_deployment_is_created(monkeypatch):
    monkeypatch.setattr(kubernetes_objects, "rollout_rules", lambda: replace(rollout_rules(), refusal=0))
    rollout = Rollout(Namespace(deployment("new")), "sums-predictor", "app=sums", "new", refused=lambda: "no")
    with pytest.raises(TaskError, match="not rolled out in time: Deployment sums-predictor: 0 of 1 available"):
        rollout.wait(0)
