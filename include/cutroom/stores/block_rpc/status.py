"""What our errors are in gRPC, and back: one table for the server and the client of the Block Service."""

from grpc import StatusCode

from cutroom.errors import (
    AccessRefused,
    Conflict,
    CutroomError,
    LeaseUnknown,
    ObjectMissing,
    PermanentError,
    ReferenceUnknown,
    StoreUnavailable,
    UsageError,
)

STATUS_OF: dict[type[CutroomError], StatusCode] = {
    UsageError: StatusCode.INVALID_ARGUMENT,
    AccessRefused: StatusCode.PERMISSION_DENIED,
    Conflict: StatusCode.ALREADY_EXISTS,
    LeaseUnknown: StatusCode.FAILED_PRECONDITION,
    ReferenceUnknown: StatusCode.NOT_FOUND,
    ObjectMissing: StatusCode.DATA_LOSS,
    StoreUnavailable: StatusCode.UNAVAILABLE,
    PermanentError: StatusCode.ABORTED,
    CutroomError: StatusCode.UNAVAILABLE,
}
"""The nearest class of an error decides."""

ERROR_OF: dict[StatusCode, type[CutroomError]] = {
    StatusCode.INVALID_ARGUMENT: UsageError,
    StatusCode.PERMISSION_DENIED: AccessRefused,
    StatusCode.ALREADY_EXISTS: Conflict,
    StatusCode.FAILED_PRECONDITION: LeaseUnknown,
    StatusCode.NOT_FOUND: ReferenceUnknown,
    StatusCode.DATA_LOSS: ObjectMissing,
    StatusCode.UNAVAILABLE: StoreUnavailable,
    StatusCode.ABORTED: PermanentError,
    # What gRPC itself says.
    StatusCode.UNAUTHENTICATED: AccessRefused,
    StatusCode.UNIMPLEMENTED: PermanentError,
    StatusCode.OUT_OF_RANGE: UsageError,
    StatusCode.CANCELLED: StoreUnavailable,
    StatusCode.DEADLINE_EXCEEDED: StoreUnavailable,
    StatusCode.RESOURCE_EXHAUSTED: StoreUnavailable,
    StatusCode.INTERNAL: StoreUnavailable,
    StatusCode.UNKNOWN: StoreUnavailable,
}


def status_of(error: CutroomError) -> StatusCode:
    """The status that tells a client of this error."""
    return next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)


def error_of(code: StatusCode, details: str, address: str) -> CutroomError:
    """Our error for a status of the service at `address`."""
    kind = ERROR_OF[code]
    if kind is StoreUnavailable:
        return kind(f"The Block Service at {address} can't answer now ({code.name}: {details}).")
    return kind(details)
