"""The cost of a million tokens at the best measured load."""

from dataclasses import dataclass

from figures import Figures

SECONDS_PER_HOUR, HOURS_PER_MONTH, MILLION = 3600, 730, 1e6


@dataclass(frozen=True)
class Cost:
    """In USD. Each figure per million tokens is the whole cost divided by those tokens; do not add them."""

    per_hour: float
    per_month: float
    """Load at which the prices per token are computed: the one with the most output tokens per second."""
    load: str | None
    per_million_output_tokens: float | None
    """At the most requests per second of any load, with prompts of the configured length."""
    per_million_prompt_tokens: float | None
    """Over prompt and output tokens together."""
    per_million_tokens: float | None


def cost_of(per_hour: float | None, figures: Figures | None, prompt_tokens: int | None = None) -> Cost | None:
    """None without a price. per_hour is the price of all hardware of the measured model; a month has 730 hours."""
    if per_hour is None:
        return None

    def per_million(tokens_per_second: float) -> float | None:
        return per_hour / (tokens_per_second * SECONDS_PER_HOUR) * MILLION if tokens_per_second > 0 else None

    best = figures.best if figures else None
    return Cost(
        per_hour=per_hour,
        per_month=per_hour * HOURS_PER_MONTH,
        load=best.strategy if best else None,
        per_million_output_tokens=per_million(best.output_tokens_per_second) if best else None,
        per_million_prompt_tokens=(
            per_million(max(load.requests_per_second for load in figures.loads) * prompt_tokens)
            if figures and prompt_tokens
            else None
        ),
        per_million_tokens=per_million(best.total_tokens_per_second) if best else None,
    )
