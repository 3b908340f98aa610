"""The hook of the Block Service."""

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

if TYPE_CHECKING:
    from cutroom.blocks.service import BlockService


class BlockServiceHook(BaseHook):
    """Gives the Block Service that an Airflow connection names.

    Host and port are its address, the schema `https` or `http` (on this machine only), the password its token. Where
    there is no such connection the settings of Cutroom count: by default the service works inside this process.

    Args:
        block_service_conn_id: The connection.
    """

    conn_name_attr = "block_service_conn_id"
    default_conn_name = "block_service_default"
    conn_type = "block_service"
    hook_name = "Block Service"

    def __init__(self, block_service_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.block_service_conn_id = block_service_conn_id

    def get_conn(self) -> "BlockService":
        """The service."""
        from cutroom.settings import get_settings  # noqa: PLC0415
        from cutroom.stores.blocks import open_block_service  # noqa: PLC0415

        settings = get_settings()
        try:
            connection = self.get_connection(self.block_service_conn_id)
        except AirflowNotFoundException:
            return open_block_service(settings)
        address = f"{connection.schema or 'https'}://{connection.host}:{connection.port}"
        named = {"block_service_url": address, "block_service_token": connection.password or ""}
        return open_block_service(settings.model_copy(update=named))
