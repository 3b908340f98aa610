"""Commands of the command line: assets."""

import json
from typing import Literal

import typer

from cutroom.settings import get_settings

_LONG_LINE = 200


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(assets)
    app.command()(show)
    app.command("rebuild-documents")(rebuild_documents)


def assets(
    *,
    status: Literal["processing", "published", "failed", "rejected"] | None = typer.Option(
        None, help="Only assets whose latest run has this outcome."
    ),
    limit: int = typer.Option(100, min=1, help="How many at most."),
    offset: int = typer.Option(0, min=0, help="How many to pass over."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON array."),
) -> None:
    """List the assets, the latest change first."""
    from rich.console import Console

    from cutroom.cli.asset_view import assets_table
    from cutroom.stack.objects import PlayableAssets

    settings = get_settings()
    records = PlayableAssets(settings).assets(status=status, limit=limit, offset=offset)
    if as_json:
        base = settings.media_base_url
        typer.echo(json.dumps([record.to_json(media_base_url=base) for record in records], indent=2))
    elif records:
        console = Console()
        if not console.is_terminal:
            # What another program reads has lines as long as they need to be.
            console = Console(width=_LONG_LINE)
        console.print(assets_table(records, width=console.width))
    else:
        where = f"s3://{settings.uploads_bucket}/{settings.incoming_prefix}"
        typer.echo(
            f"No asset is {status}." if status else f"There are no assets yet: put a file under {where}."
        )


def show(
    asset: str = typer.Argument(help="An asset's id, or a beginning of it that only one has."),
    *,
    commands: bool = typer.Option(False, help="Add the exact commands of the latest run's media tools."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Show one asset: what plays, its renditions, and its runs with their progress."""
    from cutroom.cli import asset_view
    from cutroom.stack.objects import PlayableAssets
    from cutroom.stores.catalog import Catalog

    settings = get_settings()
    record = PlayableAssets(settings).asset(asset)
    tools = Catalog(settings.database_url).tools(record.runs[0].run_id) if commands and record.runs else []
    if as_json:
        value = record.to_json(media_base_url=settings.media_base_url)
        if commands:
            value["commands"] = [tool.to_json() for tool in tools]
        typer.echo(json.dumps(value, indent=2))
        return
    _print(asset_view.asset_panel(record, media_base_url=settings.media_base_url))
    if commands:
        _print(asset_view.commands(tools))


def rebuild_documents(
    *, check: bool = typer.Option(False, help="Only compare: say what differs, and change nothing.")
) -> None:
    """Write every document of the document store anew from the catalog. Exit code 1 when some differ."""
    from cutroom.stores.catalog import Catalog
    from cutroom.stores.documents import Documents
    from cutroom.stores.outbox import documents_differ
    from cutroom.stores.outbox import rebuild_documents as rebuild

    settings = get_settings()
    catalog, documents = Catalog(settings.database_url), Documents(settings.documents_url)
    if not check:
        typer.echo(f"Documents written: {rebuild(catalog, documents)}.")
    differences = documents_differ(catalog, documents)
    for difference in differences:
        typer.echo(difference, err=True)
    if differences:
        raise typer.Exit(1)
    typer.echo("The documents are equal to the catalog.")


def _print(renderable: object) -> None:
    from rich.console import Console

    Console().print(renderable)
