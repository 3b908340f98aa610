"""Who asks: a device by its token, or somebody whom the surrounding server knows."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from cutroom.errors import LoginRequired
from cutroom.stores.device_tokens import PREFIX, DeviceTokens

SignIn = Callable[[Request], Awaitable[str]]
"""Gives the owner that a request without a device token is from, or raises `LoginRequired` or an HTTPException."""


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
