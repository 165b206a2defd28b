"""Authorization for a registry: nothing until it asks, then the login or a token.

Source: https://distribution.github.io/distribution/spec/auth/token/
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from urllib.parse import urlencode, urljoin

import requests
from task_support import TaskError

PARAMETER = r'[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s",]+)'
CHALLENGE = re.compile(rf"([A-Za-z][\w-]*)(?:\s+({PARAMETER}(?:\s*,\s*{PARAMETER})*))?\s*(?:,|$)")
# Default for a token without expires_in.
SECONDS_OF_LIFE = 60.0

Challenges = dict[str, dict[str, str]]


class Authorization:
    """The Authorization header for one repository.

    `ask` sends a GET to a token service, with the login if one is given. A token is renewed halfway through its
    lifetime, so that it does not expire during a long upload.
    """

    def __init__(
        self, name: str, repository: str, login: str | None, ask: Callable[[str, str | None], requests.Response]
    ) -> None:
        self._name, self._repository, self._login, self._ask = name, repository, login, ask
        self._header: str | None = None
        # Of the last token: its service's URL without the scope, the requested scopes, what it allows and until when.
        self._service, self._scopes = "", list[str]()
        self._pushes, self._renew_at = False, float("inf")

    def header(self, pushes: bool) -> str | None:
        """The header for the next request. A token that is old, or allows only pulls for a push, is renewed first."""
        if self._service and (time.monotonic() > self._renew_at or (pushes and not self._pushes)):
            # If that fails, the registry decides whether the old one is still valid.
            with suppress(TaskError, requests.RequestException):
                self._fetch(pushes or self._pushes)
        return self._header

    def answer(self, challenge: str, url: str, pushes: bool) -> bool:
        """Answers a challenge of the registry at the URL; false if it cannot, or has sent that answer before."""
        challenges = parse_challenges(challenge)
        if realm := challenges.get("bearer", {}).get("realm"):
            fields = challenges["bearer"]
            service = urlencode({"service": fields["service"]}) if "service" in fields else ""
            self._service = with_query(urljoin(url, realm), service)
            self._scopes = fields.get("scope", "").split()
            return self._fetch(pushes)
        if "basic" in challenges and self._login:
            self._service = ""
            before, self._header = self._header, f"Basic {self._login}"
            return before != self._header
        return False

    def _fetch(self, pushes: bool) -> bool:
        scopes = with_own_scope(self._scopes, self._repository, "pull,push" if pushes else "pull")
        answer = self._ask(with_query(self._service, urlencode([("scope", scope) for scope in scopes])), self._login)
        if 400 <= answer.status_code < 500:
            return False
        try:
            body = answer.json()
            token = body.get("token") or body.get("access_token")
        except (ValueError, AttributeError):
            body, token = {}, None
        if answer.status_code != 200 or not isinstance(token, str):
            raise TaskError(
                f"the token service of {self._name} answered {answer.status_code} without a token; try again later"
            )
        self._header, self._pushes = f"Bearer {token}", pushes
        self._renew_at = time.monotonic() + life_of(body) / 2
        return True


def parse_challenges(text: str) -> Challenges:
    """The parameters of each scheme in a WWW-Authenticate header, by the scheme's name in lower case."""
    found: Challenges = {}
    for name, parameters in CHALLENGE.findall(text):
        fields = {}
        for parameter in re.findall(PARAMETER, parameters):
            key, _, value = parameter.partition("=")
            value = value.strip()
            fields[key.strip().lower()] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        found.setdefault(name.lower(), fields)
    return found


def with_own_scope(scopes: Sequence[str], repository: str, actions: str) -> list[str]:
    """The scopes that the registry asks for, plus the one for this request, each resource once.

    A challenge may name less (GHCR's always says pull), nothing, or a scope that only the registry understands (public
    ECR's).
    """
    own, merged, others = f"repository:{repository}:", actions.split(","), []
    for scope in scopes:
        if scope.startswith(own):
            merged += scope.removeprefix(own).split(",")
        else:
            others.append(scope)
    return list(dict.fromkeys([own + ",".join(dict.fromkeys(merged)), *others]))


def with_query(url: str, query: str) -> str:
    return url + ("&" if "?" in url else "?") + query if query else url


def life_of(body: Mapping[str, object]) -> float:
    try:
        seconds = float(str(body.get("expires_in")))
    except ValueError:
        return SECONDS_OF_LIFE
    return seconds if seconds > 0 else SECONDS_OF_LIFE
