"""Who may see the catalog: whoever Airflow knows, and lets read the DAGs whose runs the catalog shows."""

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from airflow.models.dag import DagModel

SHOWN_DAGS = ("process_video", "process_audio")


class NotAllowed(Exception):
    """Airflow knows the user, but does not let them read the DAGs whose runs are shown."""


def require_viewer(user: GetUserDep) -> None:
    """Let a request pass if Airflow's own login names its user and the user may read every shown DAG.

    `GetUserDep` is what Airflow's API uses: a bearer token, or the session cookie of the UI. It answers requests
    without either by an HTTPException of its own. A plain function on purpose: auth managers may ask a database.
    """
    several_teams = conf.getboolean("core", "multi_team")
    for dag_id in SHOWN_DAGS:
        team = DagModel.get_team_name(dag_id) if several_teams else None
        details = DagDetails(id=dag_id, team_name=team)
        if not get_auth_manager().is_authorized_dag(method="GET", details=details, user=user):
            raise NotAllowed
