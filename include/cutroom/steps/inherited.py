"""What the process of a task inherits: the modules that steps are made of, imported and used once before it forks."""

import pkgutil
from importlib import import_module

PACKAGES = ("cutroom.ffmpeg", "cutroom.packaging", "cutroom.steps", "cutroom.stores")

LEFT_OUT = ("cutroom.stores.block_rpc", "cutroom.steps.boundary")
"""gRPC doesn't like to be forked, and few stacks have a Block Service of its own; the boundary is Airflow's."""


def import_all(*packages: str) -> None:
    """Import all modules of these packages, and below them."""
    for package in packages:
        for found in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            if not found.name.startswith(LEFT_OUT):
                import_module(found.name)


def make_ready() -> None:
    """Import what steps are made of, and do what it does when it is used first."""
    import_all(*PACKAGES)

    from sqlalchemy.orm import configure_mappers

    from cutroom.media import encode_key, plan
    from cutroom.stores import s3

    encode_key.adapter(plan.Plan)
    configure_mappers()
    s3.read_descriptions()
