"""Who may upload in Airflow: whoever it knows, and lets start runs of the DAGs that process uploads."""

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Request
from fastapi.security import HTTPAuthorizationCredentials
from starlette.concurrency import run_in_threadpool

from cutroom.errors import LoginRequired, UploadNotAllowed

STARTED_DAGS = ("process_video", "process_audio")


async def airflow_user(request: Request) -> str:
    """The name of the user whom Airflow's own login names: a bearer token, or the session cookie of the UI.

    Raises:
        LoginRequired: There is neither.
        UploadNotAllowed: The user may not start what an upload starts.
    """
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    bearer = HTTPAuthorizationCredentials(scheme=scheme, credentials=credentials) if credentials else None
    if bearer is None and not request.cookies.get(COOKIE_NAME_JWT_TOKEN):
        raise LoginRequired("Log in to Airflow, or send a device token or a bearer token of Airflow's API.")
    user = await get_user(request, None, bearer)
    # Auth managers may ask a database.
    if not await run_in_threadpool(_may_upload, user):
        raise UploadNotAllowed(
            "Ask for permission to start runs of the DAGs process_video and process_audio in Airflow."
        )
    return str(user.get_name())


def _may_upload(user: object) -> bool:
    several_teams = conf.getboolean("core", "multi_team")
    for dag_id in STARTED_DAGS:
        team = DagModel.get_team_name(dag_id) if several_teams else None
        details = DagDetails(id=dag_id, team_name=team)
        if not get_auth_manager().is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
        ):
            return False
    return True
