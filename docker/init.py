"""Makes ready what Airflow's services need: tables, buckets, queue, pools, login. May run at every start."""

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from cutroom.settings import Settings, get_settings
from cutroom.stack.airflow_config import ADMIN, IO_SLOTS, encode_slots
from cutroom.stack.credentials import write_private

logger = logging.getLogger("cutroom.init")
AIRFLOW = (sys.executable, "-m", "airflow")


def plan_pools(settings: Settings, there: Collection[str]) -> dict[str, dict[str, object]]:
    """Pools to write, in the form of `airflow pools import`.

    Those that are missing, and the encode pool where its size is given: what an operator changed in the UI stays.
    """
    pools: dict[str, dict[str, object]] = {
        "encode": {"slots": encode_slots(settings), "description": "Tasks that keep a core busy"},
        "io": {"slots": IO_SLOTS, "description": "Tasks that wait for S3 or a database"},
    }
    given = {"encode"} if settings.encode_slots else set()
    return {name: pool for name, pool in pools.items() if name not in there or name in given}


def ensure_pools(settings: Settings) -> None:
    """Make the pools that the DAGs name."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pools.json"
        subprocess.run([*AIRFLOW, "pools", "export", str(file)], check=True)
        file.write_text(json.dumps(plan_pools(settings, json.loads(file.read_text()))))
        subprocess.run([*AIRFLOW, "pools", "import", str(file)], check=True)


def main() -> None:
    """Do it all; whatever fails ends the container with an error, and no other service starts."""
    from cutroom.stores.catalog import Catalog  # noqa: PLC0415 - tests plan pools without the drivers
    from cutroom.stores.provision import provision  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = get_settings()
    logins = settings.home / "airflow" / "passwords.json"
    write_private(logins, json.dumps({ADMIN: os.environ["AIRFLOW_ADMIN_PASSWORD"]}))
    subprocess.run([*AIRFLOW, "db", "migrate"], check=True)
    Catalog(settings.database_url).migrate()
    provision(settings)
    ensure_pools(settings)
    logger.info("Everything is ready for Airflow.")


if __name__ == "__main__":
    main()
