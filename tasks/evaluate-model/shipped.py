"""Files shipped in the image: custom tasks with their data, the metric code_eval, and commits of known data sets."""

from pathlib import Path

SHIPPED = Path(__file__).parent / "evaluation"
