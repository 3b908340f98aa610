"""Who asks: a device by its token, or somebody whom the surrounding server knows."""

import threading
import time
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from cutroom.errors import LoginRequired, TooManyRequests
from cutroom.stores.device_tokens import PREFIX, DeviceTokens

SignIn = Callable[[Request], Awaitable[str]]
"""Gives the owner that a request without a device token is from, or raises `LoginRequired` or an HTTPException."""

BURST_S = 10
"""How long a client that was quiet may ask at ten times the rate, so to say: what it saved up."""


async def tokens_only(request: Request) -> str:
    """The sign-in of a File Service that runs alone: nobody without a device token."""
    del request
    raise LoginRequired("Send a device token: `cutroom token create`, then `Authorization: Bearer …`.")


async def owner_of(request: Request, tokens: Callable[[], DeviceTokens], sign_in: SignIn) -> str:
    """Whom a request is from.

    Raises:
        LoginRequired: Nobody that is known.
    """
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.startswith(PREFIX):
        return await run_in_threadpool(lambda: tokens().owner_of(credentials))
    return await sign_in(request)


def signed_in(request: Request) -> str:
    """The owner that the edge found for this request."""
    owner: str = request.state.owner
    return owner


Owner = Annotated[str, Depends(signed_in)]


class Rate:
    """How often each owner asks: what was not used is saved up, for ten seconds at most."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._lock = threading.Lock()
        self._saved: dict[str, tuple[float, float]] = {}

    def take(self, owner: str) -> None:
        """One request.

        Raises:
            TooManyRequests: The owner asked too often.
        """
        most = self._per_s * BURST_S
        now = time.monotonic()
        with self._lock:
            saved, at = self._saved.get(owner, (most, now))
            saved = min(most, saved + (now - at) * self._per_s)
            if saved < 1:
                raise TooManyRequests("You ask too often (CUTROOM_REQUESTS_PER_S): wait a second.")
            self._saved[owner] = saved - 1, now
            if len(self._saved) > 10_000:
                # Whoever has been quiet for long has everything saved up again, as if never seen.
                self._saved = {one: kept for one, kept in self._saved.items() if now - kept[1] < BURST_S}
