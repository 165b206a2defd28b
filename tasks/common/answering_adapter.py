"""Connections that read what a server says about a request that it does not read to its end.

A registry that refuses a blob answers and closes, while the blob is still sent. urllib3 reads such an answer after an error
of a socket, not after one of TLS.
"""

from typing import Any

import requests
from blobs import Body
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.poolmanager import PoolManager
from urllib3.util import Retry


class Connection(HTTPSConnection):
    def send(self, data: Any) -> None:
        try:
            super().send(data)
        except TimeoutError:
            raise
        except OSError as error:
            # What makes urllib3 go on to the answer.
            raise BrokenPipeError(*error.args) from error


class Pool(HTTPSConnectionPool):
    ConnectionCls = Connection


class AnsweringAdapter(HTTPAdapter):
    """Sends again what `retry` says, but never a Body: only the upload knows what the registry kept of it."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        use_answering_pool(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> PoolManager:
        return use_answering_pool(super().proxy_manager_for(proxy, **options))

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        self.max_retries = Retry(0, read=False) if isinstance(request.body, Body) else self._retry
        return super().send(request, *arguments, **options)


def use_answering_pool(manager: PoolManager) -> PoolManager:
    manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": Pool}
    return manager
