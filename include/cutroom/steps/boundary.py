"""The boundary to Airflow: turns a step into a task's function, and our errors into what Airflow does next.

The only module of the library that knows Airflow. A permanent error fails the task at once (`RETRY_POLICY`), a
transient one is tried again; both leave their reason on the asset. What was killed leaves nothing, so `conclude` ends
every run that nobody else ended.
"""

import functools
import inspect
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context
from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryRule

from cutroom.errors import CutroomError, PermanentError, SourceRejected, StoreUnavailable, UsageError
from cutroom.settings import get_settings

if TYPE_CHECKING:
    from cutroom.steps.workshop import Workshop
    from cutroom.stores.catalog import Catalog

logger = logging.getLogger(__name__)

RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=PermanentError,
            action=RetryAction.FAIL,
            reason="Trying again can't help: the input or the configuration has to change",
        )
    ]
)

RETRIES = {
    "retries": 3,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=5),
    "retry_policy": RETRY_POLICY,
}
"""`default_args` of every DAG that runs steps."""


def in_airflow(step: Callable[..., Any]) -> Callable[..., Any]:
    """The function of the task that runs a step: the same arguments without the workshop."""
    signature = inspect.signature(step)
    parameters = list(signature.parameters.values())[1:]

    @functools.wraps(step)
    def run(*args: Any, **kwargs: Any) -> Any:
        context: Any = get_current_context()
        return _run(context, step, *args, **kwargs)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return run


def begins_run(step: Callable[..., Any]) -> Callable[[], Any]:
    """The function of a run's first task: takes what the run is about from its conf, and records that it began."""

    @functools.wraps(step)
    def run() -> Any:
        context: Any = get_current_context()
        conf = dict(context["dag_run"].conf or {})
        job = _job_of(conf, context["dag_run"].dag_id)
        _begin(context, job)
        return _run(context, step, job)

    run.__signature__ = inspect.Signature()  # type: ignore[attr-defined]
    return run


def with_params(step: Callable[[dict[str, Any]], Any]) -> Callable[[], Any]:
    """The function of a task that is about no upload: its step takes the parameters of the run.

    Raises:
        UsageError: The run was started with a parameter that the DAG has not, such as a mistyped `dry_run`.
    """

    @functools.wraps(step)
    def run() -> Any:
        context: Any = get_current_context()
        known = set(context["dag"].params)
        if unknown := sorted(set(context["dag_run"].conf or {}) - known):
            raise UsageError(
                f"This DAG has no parameter {', '.join(unknown)}; it has {', '.join(sorted(known))}. Nothing was done."
            )
        return step(dict(context["params"]))

    run.__signature__ = inspect.Signature()  # type: ignore[attr-defined]
    return run


def _run(context: Any, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    run_id: str = context["dag_run"].run_id
    catalog = _catalog()
    _resume(context, catalog)
    try:
        return step(_workshop(run_id, catalog), *args, **kwargs)
    except SourceRejected as error:
        catalog.end_run(run_id=run_id, status="rejected", reason=str(error), attempt=_attempt(context))
        raise
    except CutroomError as error:
        if isinstance(error, PermanentError) or _is_last_try(context):
            catalog.end_run(
                run_id=run_id, status="failed", reason=_reason(context, error), attempt=_attempt(context)
            )
        raise


def lease_of(run_id: str) -> str:
    """The lease under which a run holds the blocks of its source until it is over."""
    return f"run {run_id}"


def _is_last_try(context: Any) -> bool:
    return bool(context["ti"].try_number > context["ti"].max_tries)


def _reason(context: Any, error: CutroomError) -> str:
    """The first line: a tool's tail is in its log."""
    return f"{context['ti'].task_id}: {str(error).splitlines()[0]}"


@functools.cache
def _catalog() -> "Catalog":
    from cutroom.stores.catalog import Catalog

    return Catalog(get_settings().database_url)


def _job_of(conf: dict[str, Any], dag_id: str) -> dict[str, Any]:
    """The job of a run's conf: from `watch_uploads`, or `{"key": …}` from somebody who started it by hand."""
    from cutroom.media.upload import UploadedObject
    from cutroom.stores.s3 import s3_client
    from cutroom.stores.uploads import find_upload

    settings = get_settings()
    if "upload" in conf:
        upload = conf["upload"]
    elif "key" in conf:
        bucket = conf.get("bucket") or settings.uploads_bucket
        upload = find_upload(s3_client(settings), bucket=bucket, key=conf["key"]).to_json()
    else:
        raise UsageError(
            f'{dag_id} needs to know its file: trigger it with the configuration {{"key": "incoming/film.mp4"}}.'
        )
    kind = UploadedObject.from_json(upload).kind
    return {"upload": upload, "profile": conf.get("profile") or settings.profile_for(kind)}


def _begin(context: Any, job: dict[str, Any]) -> None:
    from cutroom.media.profile import load_profile
    from cutroom.media.upload import UploadedObject

    dag_run = context["dag_run"]
    _catalog().start_run(
        run_id=dag_run.run_id,
        dag_id=dag_run.dag_id,
        upload=UploadedObject.from_json(job["upload"]),
        profile=job["profile"],
        profile_digest=load_profile(job["profile"]).digest,
        attempt=_attempt(context),
    )


def _attempt(context: Any) -> int:
    return int(context["dag_run"].clear_number or 0) + 1


def _resume(context: Any, catalog: "Catalog") -> None:
    """A run whose tasks were cleared is under way again, whichever task comes first."""
    if _attempt(context) > 1:
        catalog.resume_run(run_id=context["dag_run"].run_id, attempt=_attempt(context))


def _workshop(run_id: str, catalog: "Catalog") -> "Workshop":
    from cutroom.steps.scratch import Scratch
    from cutroom.steps.sources import open_sources
    from cutroom.steps.workshop import Workshop, source_limits, tool_limits
    from cutroom.stores.buckets import open_stores
    from cutroom.stores.content_keys import content_key

    settings = get_settings()
    stores = open_stores(settings)
    sources = open_sources(settings, lease_id=lease_of(run_id))
    return Workshop(
        run_id=run_id,
        work=stores.work,
        media=stores.media,
        scratch=Scratch(settings.scratch, settings.scratch_bytes, settings.disk_free_bytes),
        sources=sources,
        sidecars=sources.subtitles_beside,
        record=catalog,
        limits=tool_limits(settings),
        source_limits=source_limits(settings),
        cores=settings.encode_cores,
        content_key=functools.partial(content_key, settings),
    )


def publish(job: dict[str, Any]) -> dict[str, Any]:
    """Switch the asset to the verified version: one transaction in PostgreSQL."""
    return in_airflow(_publish)(job)  # type: ignore[no-any-return]


def _publish(shop: "Workshop", job: dict[str, Any]) -> dict[str, Any]:
    from cutroom.steps import publishing

    version = publishing.version(shop, job)
    switched = _catalog().publish(run_id=shop.run_id, version=version)
    logger.info(
        "%s: %s %s", version.asset_id, version.version_id, "plays now" if switched else "played already"
    )
    return {"asset_id": version.asset_id, "version_id": version.version_id, "switched": switched}


def update_metadata() -> int:
    """Deliver what changed to the document store."""
    from cutroom.stores.documents import Documents
    from cutroom.stores.outbox import relay_outbox

    documents = Documents(get_settings().documents_url)
    delivered = relay_outbox(_catalog(), documents)
    logger.info("%d documents are up to date", delivered)
    return delivered


def conclude() -> str:
    """Make sure that a run which is over has a stated outcome, also where its tasks were killed, and holds nothing."""
    from cutroom.stores.blocks import open_block_service

    context: Any = get_current_context()
    run_id: str = context["dag_run"].run_id
    catalog = _catalog()
    run = catalog.run(run_id)
    if run is None:
        return "unknown"
    if run.status == "processing":
        states = context["ti"].get_task_states(dag_id=context["dag_run"].dag_id, run_ids=[run_id])
        failed = sorted(task for task, state in states.get(run_id, {}).items() if state == "failed")
        reason = (
            f"{failed[0]} left no reason: it was ended from outside (killed, out of memory, or its machine was lost), "
            "or other tasks were cleared while it ran. Its log in Airflow tells; clear it to go on from there."
            if failed
            else "The run was ended in Airflow before it was done. Clear its tasks to go on."
        )
        catalog.end_run(run_id=run_id, status="failed", reason=reason, attempt=_attempt(context))
    try:
        open_block_service(get_settings()).release_lease(lease_of(run_id))
    except StoreUnavailable as error:
        logger.warning("The lease on the source's blocks will end by its time: %s", error)
    try:
        update_metadata()
    except StoreUnavailable as error:
        logger.warning("The document store will be brought up to date by a later run: %s", error)
    ended = catalog.run(run_id)
    return ended.status if ended else "unknown"
