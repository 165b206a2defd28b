"""Environment variables for a user without a passwd entry; rules/any-user.ts reads the same file."""

import json
from pathlib import Path

_ANY_USER: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("any_user.json").read_text())
# The user's name. No image gives these variables another meaning.
IDENTITY = _ANY_USER["identity"]
# With the directories that programs write to, all below /tmp.
ANY_USER_ENV = {**IDENTITY, **_ANY_USER["places"]}
