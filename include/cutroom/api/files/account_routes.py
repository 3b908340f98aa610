"""Routes of who one is, and of the tokens of one's devices."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import APIRouter

from cutroom.api.files.bodies import Id, MeBody, NewTokenAnswer, NewTokenBody, TokenBody, TokensBody
from cutroom.api.files.login import Owner
from cutroom.blocks.block import BLOCK_BYTES
from cutroom.settings import get_settings
from cutroom.stores.file_service import FileService


def account_routes(service: Callable[[], FileService]) -> APIRouter:
    """The routes over a service that the first request opens."""
    router = APIRouter(tags=["account"])

    @router.get("/me")
    def me(owner: Owner) -> MeBody:
        """Who you are here, and what the service takes."""
        settings = get_settings()
        return MeBody(
            owner=owner,
            block_bytes=BLOCK_BYTES,
            file_max_bytes=settings.source_max_bytes,
            file_max_blocks=settings.file_max_blocks,
        )

    @router.post("/tokens", status_code=HTTPStatus.CREATED)
    def create_token(owner: Owner, body: NewTokenBody) -> NewTokenAnswer:
        """Make a token for a device. Its secret is shown this once."""
        record, secret = service().tokens.create(owner, name=body.name, days=body.days)
        return NewTokenAnswer(**TokenBody.of(record).model_dump(), token=secret)

    @router.get("/tokens")
    def tokens(owner: Owner) -> TokensBody:
        """Your device tokens, without their secrets."""
        return TokensBody(tokens=[TokenBody.of(one) for one in service().tokens.list(owner)])

    @router.delete("/tokens/{token_id}", status_code=HTTPStatus.NO_CONTENT)
    def revoke_token(owner: Owner, token_id: Id) -> None:
        """End a token at once."""
        service().tokens.revoke(owner, token_id)

    return router
