"""The figures of a GuideLLM report that later tasks use: those of each load, and a few for gates and comparisons."""

from dataclasses import asdict, dataclass

from json_object import JsonObject

DIGITS = 3


@dataclass(frozen=True)
class Load:
    """One load of a benchmark. Times are those of successful requests."""

    strategy: str
    """Target rate in requests per second; None for a load without one."""
    rate: float | None
    successful: int
    errored: int
    """Requests cut off at the end of the load; they do not count as errors."""
    incomplete: int
    requests_per_second: float
    output_tokens_per_second: float
    total_tokens_per_second: float
    ttft_ms_mean: float
    ttft_ms_p95: float
    itl_ms_mean: float
    itl_ms_p95: float
    request_seconds_mean: float
    request_seconds_p95: float


@dataclass(frozen=True)
class Figures:
    guidellm_version: str
    """As the report has it; "" if the benchmark had none."""
    pipeline_run_uid: str
    loads: tuple[Load, ...]

    @property
    def best(self) -> Load:
        """The load with the highest throughput."""
        return max(self.loads, key=lambda load: load.output_tokens_per_second)

    @property
    def error_rate(self) -> float:
        """Failed requests divided by completed ones, 0 to 1."""
        errored = sum(load.errored for load in self.loads)
        ended = errored + sum(load.successful for load in self.loads)
        return errored / ended if ended else 1.0

    def as_dict(self) -> JsonObject:
        return {**asdict(self), "error_rate": self.error_rate}


def figures_of(report: JsonObject) -> Figures:
    """Reads a report of version 2."""
    loads = tuple(load_of(benchmark) for benchmark in report["benchmarks"])
    labels = report["config"]["metadata"]["labels"]
    return Figures(report["metadata"]["guidellm_version"], labels.get("pipeline_run_uid", ""), loads)


def load_of(benchmark: JsonObject) -> Load:
    strategy, metrics = benchmark["config"]["strategy"], benchmark["metrics"]
    totals = metrics["request_totals"]

    def value(metric: str, statistic: str, group: str = "successful") -> float:
        figures = metrics[metric][group] or {}
        found = figures.get("percentiles", {}).get(statistic) if statistic.startswith("p") else figures.get(statistic)
        return round(found or 0.0, DIGITS)

    return Load(
        strategy=strategy_name(strategy),
        rate=round(strategy["rate"], DIGITS) if strategy.get("rate") else None,
        successful=totals["successful"],
        errored=totals["errored"],
        incomplete=totals["incomplete"],
        requests_per_second=value("requests_per_second", "mean"),
        output_tokens_per_second=value("output_tokens_per_second", "mean"),
        total_tokens_per_second=value("tokens_per_second", "mean"),
        ttft_ms_mean=value("time_to_first_token_ms", "mean"),
        ttft_ms_p95=value("time_to_first_token_ms", "p95"),
        itl_ms_mean=value("inter_token_latency_ms", "mean"),
        itl_ms_p95=value("inter_token_latency_ms", "p95"),
        request_seconds_mean=value("request_latency", "mean"),
        request_seconds_p95=value("request_latency", "p95"),
    )


def strategy_name(strategy: JsonObject) -> str:
    """The name in GuideLLM's own table: constant@8.50, concurrent@16, throughput@512."""
    kind: str = strategy["type_"]
    rate = strategy.get("rate") or strategy.get("streams") or (kind == "throughput" and strategy.get("max_concurrency"))
    if not rate:
        return kind
    return f"{kind}@{rate:.2f}" if isinstance(rate, float) else f"{kind}@{rate}"


def headline(figures: Figures) -> dict[str, str | int | float]:
    """Latency at the lightest load, where no request waits for another, and throughput at the best load.

    The lightest load is the first: GuideLLM starts a sweep with one request at a time, and other profiles have one
    load.
    """
    first = figures.loads[0]
    return {
        "ttft-ms-mean": first.ttft_ms_mean,
        "ttft-ms-p95": first.ttft_ms_p95,
        "itl-ms-mean": first.itl_ms_mean,
        "itl-ms-p95": first.itl_ms_p95,
        "output-tokens-per-second": figures.best.output_tokens_per_second,
        "requests-per-second": max(load.requests_per_second for load in figures.loads),
        "error-rate": round(figures.error_rate, 6),
        "requests": sum(load.successful + load.errored for load in figures.loads),
    }
