"""
What a program needs of its environment to run as a user that no passwd entry names; rules/any-user.ts reads the
same.
"""

import json
from pathlib import Path

_ANY_USER: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("any_user.json").read_text())
# Who a program is. Of these no image has a meaning of its own.
IDENTITY = _ANY_USER["identity"]
# Also where it keeps what it writes: all below /tmp.
ANY_USER_ENV = {**IDENTITY, **_ANY_USER["places"]}
