"""The type of a JSON object of any shape: what a server or a file gave, read by who knows that shape."""

from typing import Any

JsonObject = dict[str, Any]
