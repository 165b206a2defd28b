"""A model compared with its base: the data of the report, the registry and the gates."""

from dataclasses import dataclass

from cost import Cost, cost_of
from figures import Figures
from gates import Gate, Judgement, judge
from json_object import JsonObject
from measurements import Measurements
from recovery import Accuracy, accuracies, throughput_ratio


@dataclass(frozen=True)
class Subject:
    """A version of a model: its properties in the registry, its hardware and its measurements."""

    name: str
    version: str
    version_id: str
    """Custom properties of the registry's version."""
    properties: JsonObject
    measurements: Measurements
    artifacts_uri: str
    """Free text; "" if unknown."""
    hardware: str
    hourly_usd: float | None
    """Storage URI; "" if unknown."""
    served_from: str

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def figures(self) -> Figures | None:
        return self.measurements.benchmark.figures if self.measurements.benchmark else None

    @property
    def weights_bytes(self) -> int | None:
        """Size of the weights from register-model; for versions that lack it, from compress-model."""
        noted = (self.properties.get(name) for name in ("weights_bytes", "compression_bytes_after"))
        return next((int(value) for value in noted if value), None)

    @property
    def cost(self) -> Cost | None:
        benchmark = self.measurements.benchmark
        return cost_of(self.hourly_usd, self.figures, benchmark.prompt_tokens if benchmark else None)


@dataclass(frozen=True)
class Report:
    """The time and PipelineRun of a comparison, and the URI of its report."""

    run_name: str
    run_uid: str
    time: str
    uri: str


@dataclass(frozen=True)
class Comparison:
    model: Subject
    base: Subject | None
    accuracies: tuple[Accuracy, ...]
    """Highest output tokens per second divided by the base's."""
    throughput_ratio: float | None
    judgements: tuple[Judgement, ...]
    report: Report

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The base first."""
        return (self.base, self.model) if self.base else (self.model,)

    @property
    def failed(self) -> tuple[Judgement, ...]:
        return tuple(judgement for judgement in self.judgements if not judgement.passed)

    @property
    def passed(self) -> bool:
        return not self.failed

    @property
    def recoveries(self) -> dict[str, Accuracy]:
        """The primary metric of each task that both the base and the model have."""
        return {found.task: found for found in self.accuracies if found.primary and found.base}


def compare(model: Subject, base: Subject | None, gates: tuple[Gate, ...], report: Report) -> Comparison:
    """TaskError if the two were measured differently, or a gate needs a figure that was not measured."""
    others = base.measurements if base else None
    found = accuracies(model.measurements, others)
    return Comparison(
        model=model,
        base=base,
        accuracies=found,
        throughput_ratio=throughput_ratio(model.measurements, others),
        judgements=judge(gates, found, model.figures, base is not None),
        report=report,
    )
