"""How long which problems of a pod or a rollout may last; from components/deployments/config-map.ts."""

from dataclasses import dataclass
from functools import cache

from deployments import read_deployments


@dataclass(frozen=True)
class RolloutRules:
    """Times in seconds; packages/kubernetes and packages/kserve-readiness document each rule."""

    scheduling: float
    start: float
    admission: float
    refusal: float
    crashes_tolerated: int
    waiting_reasons: frozenset[str]
    lost_with_the_node: frozenset[str]
    # Reasons of conditions with which KServe reports that it could not create its objects.
    refusals: frozenset[str]


@cache
def rollout_rules() -> RolloutRules:
    read = read_deployments("rollout-rules.json")
    return RolloutRules(
        scheduling=read["schedulingSeconds"],
        start=read["startSeconds"],
        admission=read["admissionSeconds"],
        refusal=read["refusalSeconds"],
        crashes_tolerated=read["crashesTolerated"],
        waiting_reasons=frozenset(read["waitingReasons"]),
        lost_with_the_node=frozenset(read["lostWithTheNode"]),
        refusals=frozenset(read["refusals"]),
    )
