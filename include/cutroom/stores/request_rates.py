"""How often each owner asks, over all processes of the File Service."""

from sqlalchemy import text

from cutroom.errors import TooManyRequests
from cutroom.stores.database import Database

BURST_S = 10
"""For how long an owner who was quiet saves requests up."""

# Waiting for the row of another process, a request may come to it with an older time than it has.
_TAKE = text(
    "INSERT INTO request_rates AS r (owner, saved, asked_at) VALUES (:owner, :most - 1, clock_timestamp())"
    " ON CONFLICT (owner) DO UPDATE SET asked_at = greatest(r.asked_at, EXCLUDED.asked_at), saved = least(:most,"
    "  r.saved + :per_s * greatest(0, extract(epoch FROM EXCLUDED.asked_at - r.asked_at))) - 1"
    " WHERE least(:most, r.saved + :per_s * greatest(0, extract(epoch FROM EXCLUDED.asked_at - r.asked_at))) >= 1"
    " RETURNING owner"
)


class RequestRates:
    """The requests of all owners: each may ask so often in a second; what was not used is saved up for `BURST_S`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, owner: str, *, per_s: float) -> None:
        """Count one request.

        Raises:
            TooManyRequests: The owner asked too often.
        """
        with self._database.transaction() as session:
            taken = session.execute(_TAKE, {"owner": owner, "per_s": per_s, "most": per_s * BURST_S}).first()
        if taken is None:
            raise TooManyRequests("You ask too often (CUTROOM_REQUESTS_PER_S): wait a second.")
