"""The conditions that a model must meet before it gets traffic."""

import re
from dataclasses import dataclass

from figures import Figures, headline
from recovery import Accuracy
from task_support import TaskError

NUMBER = r"\d+(?:\.\d+)?"
RECOVERY = re.compile(rf"recovery(?::(?P<task>[^:\s<>=]+)(?::(?P<metric>[^\s<>=]+))?)?>=(?P<limit>{NUMBER})")
# Figures of a benchmark, by the names of run-guidellm's results.
LEAST, MOST = (">=", "≥"), ("<=", "≤")
BENCHMARK = {
    "ttft-ms-p95": (MOST, "ms"),
    "itl-ms-p95": (MOST, "ms"),
    "error-rate": (MOST, ""),
    "output-tokens-per-second": (LEAST, "tokens/s"),
}
# Their labels in the report.
LABELS = {
    "recovery": "Recovery",
    "ttft-ms-p95": "Time to first token, p95",
    "itl-ms-p95": "Time between tokens, p95",
    "error-rate": "Failed requests, as a share",
    "output-tokens-per-second": "Output tokens per second",
}
FORMS = (
    "recovery>=0.97, recovery:<task>>=0.97, recovery:<task>:<metric>>=0.97, ttft-ms-p95<=500, itl-ms-p95<=50,"
    " error-rate<=0.01 or output-tokens-per-second>=100"
)
UNDEFINED = "undefined"


@dataclass(frozen=True)
class Gate:
    """A condition of GATES. A recovery without a task applies to each task that has no gate of its own."""

    text: str
    figure: str
    task: str | None
    """None: the task's primary metric."""
    metric: str | None
    limit: float


@dataclass(frozen=True)
class Judgement:
    """A gate, and the figure that it was checked against."""

    gate: str
    figure: str
    task: str | None
    metric: str | None
    """None: undefined, which fails."""
    value: float | None
    stderr: float | None
    relation: str
    limit: float
    unit: str
    """Only shown; the figure itself decides."""
    passed: bool

    def named(self, figure: str) -> str:
        """recovery of arc_easy (acc_norm)."""
        return f"{figure} of {self.task} ({self.metric})" if self.task else figure

    @property
    def label(self) -> str:
        return self.named(LABELS[self.figure])

    def shown(self, value: float | None) -> str:
        if value is None:
            return UNDEFINED
        digits = 4 if self.figure in ("recovery", "error-rate") else 1
        text = f"{value:.{digits}f}"
        # Rounding must not move a figure to the other side of its limit.
        same = meets(self.relation, float(text), self.limit) == meets(self.relation, value, self.limit)
        return text if same else f"{value:.9g}"

    @property
    def line(self) -> str:
        """recovery of arc_easy (acc) is 0.9312 ± 0.0120, must be at least 0.97."""
        error = f" ± {self.stderr:.4f}" if self.stderr is not None else ""
        unit = f" {self.unit}" if self.unit else ""
        wanted = "at least" if self.relation == LEAST[1] else "at most"
        figure = self.shown(self.value) + error + (unit if self.value is not None else "")
        return f"{self.named(self.figure)} is {figure}, must be {wanted} {self.limit:g}{unit}"


def meets(relation: str, value: float, limit: float) -> bool:
    return value >= limit if relation == LEAST[1] else value <= limit


def parse_gates(text: str) -> tuple[Gate, ...]:
    """Parses conditions separated by spaces; TaskError lists all invalid ones."""
    found = [(condition, parse_gate(condition)) for condition in dict.fromkeys(text.split())]
    wrong = [condition for condition, gate in found if gate is None]
    if wrong:
        raise TaskError(f"GATES: {', '.join(map(repr, wrong))} must be one of {FORMS}")
    return tuple(gate for _, gate in found if gate)


def parse_gate(condition: str) -> Gate | None:
    if match := RECOVERY.fullmatch(condition):
        return Gate(condition, "recovery", match["task"], match["metric"], float(match["limit"]))
    for figure, ((sign, _), _) in BENCHMARK.items():
        if match := re.fullmatch(rf"{figure}{sign}({NUMBER})", condition):
            return Gate(condition, figure, None, None, float(match[1]))
    return None


def judge(
    gates: tuple[Gate, ...], accuracies: tuple[Accuracy, ...], figures: Figures | None, with_base: bool
) -> tuple[Judgement, ...]:
    """Checks each gate; TaskError lists all gates whose figure was not measured."""
    compared = [found for found in accuracies if found.base]
    judged: list[Judgement] = []
    problems: list[str] = []
    for gate in gates:
        if gate.figure != "recovery":
            if figures:
                judged.append(judgement(gate, float(headline(figures)[gate.figure])))
            else:
                problems.append(f"{gate.text}: the model was not benchmarked")
        elif not with_base:
            problems.append(f"{gate.text} needs a base: set BASE_MODEL_NAME, BASE_MODEL_VERSION and BASE_ARTIFACTS_URI")
        elif chosen := [found for found in compared if is_about(gate, found)]:
            alone = [found for found in chosen if gate.task or not has_own(found, gates)]
            judged += [judgement(gate, found.recovery, found.recovery_stderr, found) for found in alone]
        else:
            known = ", ".join(f"{found.task}:{found.score.metric}" for found in compared)
            problems.append(f"{gate.text}: " + (f"found only {known}" if known else "model or base was not evaluated"))
    if problems:
        raise TaskError("GATES: " + "; ".join(problems))
    return tuple(judged)


def is_about(gate: Gate, found: Accuracy) -> bool:
    return gate.task in (None, found.task) and (found.score.metric == gate.metric if gate.metric else found.primary)


def has_own(found: Accuracy, gates: tuple[Gate, ...]) -> bool:
    """Whether a gate on the task replaces the one on all tasks."""
    return any(gate.task and is_about(gate, found) for gate in gates)


def judgement(gate: Gate, value: float | None, stderr: float | None = None, of: Accuracy | None = None) -> Judgement:
    (_, relation), unit = BENCHMARK.get(gate.figure, (LEAST, ""))
    # A quotient equal to the limit must not fail because of floating-point rounding.
    value = value if value is None else round(value, 9)
    passed = value is not None and meets(relation, value, gate.limit)
    task, metric = (of.task, of.score.metric) if of else (None, None)
    return Judgement(gate.text, gate.figure, task, metric, value, stderr, relation, gate.limit, unit, passed)
