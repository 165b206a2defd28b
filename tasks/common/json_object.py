"""The type of a JSON object of any shape; the code that reads it knows the shape."""

from typing import Any

JsonObject = dict[str, Any]
