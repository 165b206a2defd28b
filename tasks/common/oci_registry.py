"""A registry of OCI images, as far as pushing an image needs it: logins, blobs sent in pieces, and manifests.

oras-py is not used because it sends blobs only from files, whole, and never renews its token, which some registries
let live for five minutes.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from certificates import explain_certificate
from requests.adapters import HTTPAdapter
from task_support import TaskError
from urllib3.util import Retry

DIGEST = r"sha256:[0-9a-f]{64}"
REPOSITORY = r"[\w.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+"
TAGGED = REPOSITORY + r"(:\w[\w.-]{0,127})?"
INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
SECONDS_TO_ANSWER = (10, 120)
ATTEMPTS = 5
DOCKER_HUB = "docker.io"


@dataclass(frozen=True)
class ImageName:
    """<server>/<repository>[:<tag>][@<digest>]"""

    server: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> "ImageName":
        name, _, digest = text.partition("@")
        server, _, path = name.partition("/")
        repository, _, tag = path.partition(":")
        return cls(server, repository, tag, digest)

    def __str__(self) -> str:
        return f"{self.server}/{self.repository}"


def read_logins(directory: str) -> dict[str, str]:
    """The logins of a mounted Secret of type kubernetes.io/dockerconfigjson: base64(user:password) by registry.

    A key may go on with a path, then the login is for the repositories below it. No directory means no logins.
    """
    if not directory:
        return {}
    names = (".dockerconfigjson", "config.json")
    file = next((file for name in names if (file := Path(directory, name)).is_file()), None)
    if file is None:
        raise TaskError(f"{directory} has no .dockerconfigjson: bind a Secret of type kubernetes.io/dockerconfigjson")
    try:
        auths = json.loads(file.read_text())["auths"]
        return {login_key(key): login for key, entry in auths.items() if (login := login_of(entry))}
    except (ValueError, KeyError, AttributeError) as error:
        # The parser's own message would repeat the secret.
        raise TaskError(f"{file.name} of the registry's Secret is not a Docker configuration with auths") from error


def login_key(key: str) -> str:
    return re.sub(r"^https?://|/v[12]/?$|/$", "", key)


def login_of(entry: Mapping[str, str]) -> str:
    if entry.get("auth"):
        return entry["auth"]
    user, password = entry.get("username"), entry.get("password")
    return base64.b64encode(f"{user}:{password}".encode()).decode() if user and password else ""


def find_login(logins: Mapping[str, str], image: ImageName) -> str | None:
    """The login of the longest key that the image lies under."""
    server = "index.docker.io" if image.server == DOCKER_HUB and DOCKER_HUB not in logins else image.server
    path = f"{server}/{image.repository}/"
    keys = [key for key in logins if path.startswith(key + "/")]
    return logins[max(keys, key=len)] if keys else None


class Registry:
    """One repository of a registry. Every failure that a person can mend is a TaskError."""

    def __init__(self, image: ImageName, logins: Mapping[str, str], plain_http: bool = False) -> None:
        self.image = image
        self._login = find_login(logins, image)
        host = "registry-1.docker.io" if image.server == DOCKER_HUB else image.server
        self._scheme = "http" if plain_http else "https"
        self._base = f"{self._scheme}://{host}/v2/{image.repository}/"
        self._authorization: str | None = None
        self._session = requests.Session()
        retry = Retry(
            total=ATTEMPTS - 1,
            backoff_factor=0.5,
            status_forcelist=[429, 500, 502, 503, 504],
            # A piece is not sent again blindly; see _send_piece.
            allowed_methods=["GET", "HEAD", "POST", "PUT"],
            raise_on_status=False,
        )
        self._session.mount(f"{self._scheme}://", HTTPAdapter(max_retries=retry))

    def has_blob(self, digest: str) -> bool:
        return self._ask("HEAD", f"blobs/{digest}", (200, 404)).status_code == 200

    def blob(self, digest: str) -> Iterator[bytes]:
        with self._ask("GET", f"blobs/{digest}", (200,), stream=True) as response:
            yield from response.iter_content(1 << 20)

    def mount(self, digest: str, repository: str) -> bool:
        """Takes a blob over from another repository of the same registry; false if the registry does not do it."""
        query = {"mount": digest, "from": repository}
        return self._ask("POST", "blobs/uploads/", (201, 202), params=query).status_code == 201

    def push_blob(self, pieces: Iterable[bytes], digest: Callable[[], str]) -> None:
        """Sends a blob; digest() is asked after the last piece, and the registry checks it."""
        start = self._ask("POST", "blobs/uploads/", (202,))
        location, sent = self._location(start), 0
        for piece in pieces:
            location = self._send_piece(location, piece, sent)
            sent += len(piece)
        separator = "&" if "?" in location else "?"
        self._ask("PUT", f"{location}{separator}digest={digest()}", (201,))

    def manifest(self, reference: str) -> tuple[bytes, str] | None:
        """A manifest or index by tag or digest, with its media type."""
        accept = {"Accept": ", ".join(INDEX_TYPES + MANIFEST_TYPES)}
        response = self._ask("GET", f"manifests/{reference}", (200, 404), headers=accept)
        if response.status_code == 404:
            return None
        return response.content, response.headers.get("Content-Type", "").partition(";")[0]

    def tags(self) -> list[str]:
        """The repository's tags, as far as the registry lists them at once; none if there is no such repository."""
        response = self._ask("GET", "tags/list", (200, 404))
        return (response.json().get("tags") or []) if response.status_code == 200 else []

    def push_manifest(self, body: bytes, media_type: str, reference: str) -> None:
        self._ask("PUT", f"manifests/{reference}", (201,), data=body, headers={"Content-Type": media_type})

    def _send_piece(self, location: str, piece: bytes, start: int) -> str:
        """Sends one piece of an upload, and again as long as the registry says that it does not have it."""
        end = start + len(piece)
        headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{start}-{end - 1}"}
        failure = ""
        for attempt in range(ATTEMPTS):
            try:
                response = self._request("PATCH", location, data=piece, headers=headers)
                if response.status_code == 202:
                    return self._location(response)
                failure = describe(response)
                if response.status_code < 500 and response.status_code != 429:
                    break
            except requests.ConnectionError as error:
                failure = reason(error)
            time.sleep(0.5 * 2**attempt)
            status = self._ask("GET", location, (204,))
            location = self._location(status)
            received = int(status.headers.get("Range", "0-0").rpartition("-")[2] or 0) + 1
            if received >= end:
                return location
            if received > max(start, 1):
                break
        raise TaskError(f"{self.image} did not take bytes {start} to {end} of a layer: {failure}; run the task again")

    def _location(self, response: requests.Response) -> str:
        return urljoin(response.url, response.headers["Location"])

    def _ask(self, method: str, path: str, expected: tuple[int, ...], **options: object) -> requests.Response:
        try:
            response = self._request(method, path, **options)
        except requests.exceptions.SSLError as error:
            raise TaskError(explain_certificate(str(self.image), reason(error))) from error
        except requests.RequestException as error:
            raise TaskError(f"{self.image} cannot be reached: {reason(error)}") from error
        if response.status_code in expected:
            return response
        if response.status_code in (401, 403):
            login = "the login of the registry's Secret" if self._login else "no login (no Secret is bound, or not for it)"
            raise TaskError(f"{self.image} refuses access ({describe(response)}) with {login}: check its rights")
        raise TaskError(f"{self.image} answered {describe(response)} to {method} {urlsplit(response.url).path}")

    def _request(self, method: str, path: str, **options: object) -> requests.Response:
        """One request, with a login where the registry asks for one. A token that has ended is renewed."""
        url = urljoin(self._base, path)
        for attempt in (1, 2):
            headers = dict(options.pop("headers", None) or {})
            # An upload may go to another host, which the token is not for.
            if self._authorization and urlsplit(url).netloc == urlsplit(self._base).netloc:
                headers["Authorization"] = self._authorization
            response = self._session.request(
                method, url, headers=headers, timeout=SECONDS_TO_ANSWER, **options
            )
            options["headers"] = {name: value for name, value in headers.items() if name != "Authorization"}
            challenge = response.headers.get("WWW-Authenticate", "")
            if response.status_code != 401 or attempt == 2 or not self._log_in(challenge):
                return response
        raise AssertionError

    def _log_in(self, challenge: str) -> bool:
        """Answers a challenge; false if there is no other answer than before."""
        kind, _, rest = challenge.partition(" ")
        if kind.lower() == "basic" and self._login:
            before, self._authorization = self._authorization, f"Basic {self._login}"
            return before != self._authorization
        if kind.lower() != "bearer":
            return False
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        realm = fields.get("realm", "")
        if not realm.startswith(f"{self._scheme}://") and not realm.startswith("https://"):
            raise TaskError(f"{self.image} sends logins to {realm}, which has no TLS")
        query = {name: fields[name] for name in ("service", "scope") if name in fields}
        headers = {"Authorization": f"Basic {self._login}"} if self._login else {}
        answer = self._session.get(realm, params=query, headers=headers, timeout=SECONDS_TO_ANSWER)
        if answer.status_code != 200:
            return False
        body = answer.json()
        self._authorization = f"Bearer {body.get('token') or body.get('access_token')}"
        return True


def describe(response: requests.Response) -> str:
    """Status and message of an answer, as registries give it."""
    try:
        message = "; ".join(error.get("message") or error["code"] for error in response.json()["errors"])
    except (ValueError, KeyError, TypeError, AttributeError):
        message = response.reason or ""
    return f"{response.status_code} {message}".strip()


def reason(error: Exception) -> str:
    """The innermost cause, without the request that it names."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    while error.args and isinstance(error.args[-1], Exception):
        error = error.args[-1]
    return re.sub(r"^<[^>]*>: ?", "", str(error)) or type(error).__name__
