"""What comes with the image: tasks of our own with their data, the metric code_eval, and the commits of known data sets."""

from pathlib import Path

SHIPPED = Path(__file__).parent / "evaluation"
