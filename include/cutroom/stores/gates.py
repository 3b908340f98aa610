"""Gates in PostgreSQL: whoever begins to use something is inside; garbage collection is alone while it decides."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate by its name, which nothing else locks in this database. Both ways last until the transaction ends."""

    name: bytes

    def enter(self, session: Session) -> None:
        """Be inside, with any number of others: nobody is alone meanwhile."""
        session.execute(text("SELECT pg_advisory_xact_lock_shared(:gate)"), {"gate": self._number})

    def shut_out(self, session: Session) -> None:
        """Be alone: nobody is inside meanwhile."""
        session.execute(text("SELECT pg_advisory_xact_lock(:gate)"), {"gate": self._number})

    @property
    def _number(self) -> int:
        return int.from_bytes(self.name)


BLOCKS = Gate(b"blocks")
"""Inside: whoever adds a hold on blocks."""

RUNS = Gate(b"runs")
"""Inside: whoever lets a run be under way, before it looks for what earlier ones made."""
