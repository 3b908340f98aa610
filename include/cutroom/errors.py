"""What can go wrong, named for the fact.

Two roots decide what happens next: a `TransientError` may succeed when tried again, a `PermanentError` never
will with this input. Missing, corrupt, refused and unreachable are four different things.
Every message names the thing that failed and the way out, and may be shown to a user as it stands.
"""

from collections.abc import Sequence


class CutroomError(Exception):
    """Anything that Cutroom itself reports."""


class TransientError(CutroomError):
    """Trying again may help: a service was away, a process was killed, a disk was full."""


class PermanentError(CutroomError):
    """Trying again can't help: the input or the configuration has to change."""


class StoreUnavailable(TransientError):
    """A store (S3, PostgreSQL, MongoDB) did not answer, or answered that it can't now."""


class DiskFull(TransientError):
    """The disk of this machine has no room for what a step needs."""


class EncoderKilled(TransientError):
    """A media tool was ended by a signal or ran out of memory."""


class ToolStalled(TransientError):
    """A media tool made no progress for too long and was ended."""


class SourceRejected(PermanentError):
    """The source can't become a published asset; the message is the reason a user reads."""


class SourceMissing(SourceRejected):
    """The source object is gone, or was replaced by a newer upload."""


class SourceCorrupt(SourceRejected):
    """The source is damaged, truncated or empty."""


class SourceUnsupported(SourceRejected):
    """The source is whole, but not media that the profile can take."""


class SourceTooLarge(SourceRejected):
    """The source passes a limit; the message names the limit and its setting."""


class EncoderRefused(PermanentError):
    """A media tool refused these arguments or this input."""


class ProfileInvalid(PermanentError):
    """A profile has a key or a value that is not allowed; the message names key, given and allowed."""


class PlanInvalid(PermanentError):
    """No plan can be made from this source and profile."""


class ObjectMissing(PermanentError):
    """An object that something refers to is not in its store."""


class ObjectCorrupt(PermanentError):
    """An object's bytes are not those that were written."""


class BlocksMissing(PermanentError):
    """Blocks that a file is to consist of did not arrive; `block_ids` names them."""

    def __init__(self, message: str, block_ids: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.block_ids = tuple(block_ids)


class LeaseUnknown(PermanentError):
    """There is no such lease on blocks: it expired and was collected, or was never taken."""


class ReferenceUnknown(PermanentError):
    """Nothing of this owner consists of blocks under this id."""


class AccessRefused(PermanentError):
    """A store refused the credentials or the permission."""


class Conflict(PermanentError):
    """Somebody else changed the thing first."""


class VerificationFailed(PermanentError):
    """A version was made but did not pass its checks, so it was not published."""


class UsageError(PermanentError):
    """A command or a setting was used wrongly; the message says how it is meant."""


class AssetUnknown(PermanentError):
    """The catalog has no such asset, or several that the given beginning of an id may mean."""


class RunUnknown(PermanentError):
    """The catalog has no such run."""


class FileUnknown(PermanentError):
    """The owner has no such file, version, folder, upload or token."""


class ChangesLost(PermanentError):
    """The feed knows less than its reader: what he last read of it is not there (any more)."""


class RequestInvalid(PermanentError):
    """What was asked for breaks a rule; the message names the rule."""


class LimitPassed(PermanentError):
    """What was asked for passes a limit; the message names the limit and its setting."""


class TooManyRequests(TransientError):
    """Asked too often, or for too much at the same time; later it is possible."""


class LoginRequired(PermanentError):
    """Nobody that Cutroom knows asked; the message says how to log in."""


class UploadNotAllowed(PermanentError):
    """Who asked is known, and may not upload."""


class MigrationsDiffer(PermanentError):
    """The database was migrated by other files than those of this Cutroom."""
