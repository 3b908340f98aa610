"""Tokens of devices: a secret that is shown once, and of which only the digest is kept."""

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import bindparam, func, or_, select, update

from cutroom.errors import FileUnknown, LoginRequired
from cutroom.files.names import checked_name
from cutroom.stores.database import Database
from cutroom.stores.file_records import TokenRecord
from cutroom.stores.file_tables import DeviceToken

PREFIX = "cutroom_"
"""How a token begins, so that people and secret scanners recognise one."""

_SECRET_BYTES = 32

# Every request asks this, so it is put together once.
_VALID = (
    DeviceToken.token_sha256 == bindparam("sha256"),
    DeviceToken.revoked_at.is_(None),
    or_(DeviceToken.expires_at.is_(None), DeviceToken.expires_at > func.now()),
)
_OWNER_OF = select(
    DeviceToken.owner, func.coalesce(DeviceToken.used_at < func.now() - timedelta(minutes=1), True)
).where(*_VALID)


class DeviceTokens:
    """The tokens of all owners."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, owner: str, *, name: str, days: int | None = None) -> tuple[TokenRecord, str]:
        """A new token and its secret, which can't be asked for again.

        Args:
            owner: Who acts when the token is shown.
            name: What the owner recognises the device by.
            days: When it stops being valid; None: never.
        """
        secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        with self._database.transaction() as session:
            now = session.scalars(select(func.now())).one()
            row = DeviceToken(
                token_id="tk_" + secrets.token_hex(10),
                owner=owner,
                name=checked_name(name),
                token_sha256=_digest(secret),
                created_at=now,
                expires_at=None if days is None else now + timedelta(days=days),
            )
            session.add(row)
        return _record(row), secret

    def owner_of(self, secret: str) -> str:
        """Whose token this is.

        Raises:
            LoginRequired: It is not known, has expired or was revoked.
        """
        shown = {"sha256": _digest(secret)}
        with self._database.snapshot() as session:
            found = session.execute(_OWNER_OF, shown).one_or_none()
        if found is None:
            raise LoginRequired("This token is not valid (any more): log in again by `cutroom login`.")
        owner, is_stale = found
        if is_stale:
            # To the minute is enough to see which token is in use, and spares a write for each request.
            with self._database.transaction() as session:
                session.connection().execute(
                    update(DeviceToken).where(*_VALID).values(used_at=func.now()), shown
                )
        return str(owner)

    def list(self, owner: str) -> list[TokenRecord]:
        """The tokens of an owner that were not revoked, oldest first."""
        with self._database.snapshot() as session:
            rows = session.scalars(
                select(DeviceToken)
                .where(DeviceToken.owner == owner, DeviceToken.revoked_at.is_(None))
                .order_by(DeviceToken.created_at, DeviceToken.token_id)
            )
            return [_record(row) for row in rows]

    def revoke(self, owner: str, token_id: str) -> None:
        """End a token. A second time changes nothing.

        Raises:
            FileUnknown: The owner has no such token.
        """
        with self._database.transaction() as session:
            revoked = session.execute(
                update(DeviceToken)
                .where(DeviceToken.owner == owner, DeviceToken.token_id == token_id)
                .values(revoked_at=func.coalesce(DeviceToken.revoked_at, func.now()))
                .returning(DeviceToken.token_id)
            ).first()
        if revoked is None:
            raise FileUnknown(f"There is no token {token_id}.")


def _digest(secret: str) -> str:
    # A token is 256 random bits: guessing is hopeless, so no slow hash is needed.
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _record(row: DeviceToken) -> TokenRecord:
    return TokenRecord(
        token_id=row.token_id,
        name=row.name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )
