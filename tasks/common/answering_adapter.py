"""Connections that read a server's answer even if the server does not read the whole request.

A registry that refuses a blob answers and closes the connection while the blob is still being sent. urllib3 reads such
an answer after a socket error, but not after a TLS error.
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
            # After this error urllib3 reads the answer.
            raise BrokenPipeError(*error.args) from error


class Pool(HTTPSConnectionPool):
    ConnectionCls = Connection


class AnsweringAdapter(HTTPAdapter):
    """Retries requests as `retry` says, but never a Body: only the upload knows how much of it the registry kept."""

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
