"""A client that is signed in as an operator."""

import httpx2
import pytest

from tests.orchestrator_api.support import AuthServer, bearer


@pytest.fixture
def operator(api: httpx2.AsyncClient, auth: AuthServer) -> httpx2.AsyncClient:
    api.headers.update(bearer(auth.operator_token()))
    return api
