"""`zmarty service-key …`: keys for systems that hand in signals of their own."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from console import service_keys
from console.queue_commands import ActorOption, JsonOption, act, look_at, moment, print_json
from console.queues import Desk

app = typer.Typer(no_args_is_help=True, help="Keys by which other systems speak to the API.")
screen = Console(highlight=False)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who will use it.", metavar="NAME")],
    scope: Annotated[
        list[str] | None, typer.Option(help="What it opens; signals:write unless given.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The only source it may send signals as; any unless given.")
    ] = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and show it, once: only its digest is kept. Audited."""

    async def work(at: Desk) -> tuple[UUID, str]:
        return await service_keys.create(at, name, scopes=scope or list(service_keys.SCOPES), source=source)

    key_id, key = act(work, actor)
    if as_json:
        return print_json({"id": str(key_id), "name": name, "key": key})
    screen.print(f"[green]✓[/] {escape(name)} has the key {key_id}. It is shown this once:")
    # Alone on its line and never wrapped, so that it can be copied whole.
    typer.echo(key)
    return None


@app.command("list")
def show(as_json: JsonOption = False) -> None:
    """Show every key: who made it, for whom, when it was used last. Never the key itself."""
    rows = look_at(service_keys.listed)
    if as_json:
        return print_json(rows)
    if not rows:
        screen.print("There are no service keys; `zmarty service-key create NAME` makes one.")
        return None
    table = Table(
        "id", "name", "scopes", "source", "made", "used last", "state", box=None, header_style="bold"
    )
    for row in rows:
        table.add_row(
            str(row["id"]),
            escape(row["name"]),
            ", ".join(row["scopes"]),
            row["source"] or "any",
            f"{moment(row['created_at'])} by {escape(row['created_by'])}",
            moment(row["last_used_at"]) if row["last_used_at"] else "never",
            f"[red]revoked {moment(row['revoked_at'])}[/]" if row["revoked_at"] else "[green]valid[/]",
        )
    screen.print(table)
    return None


@app.command()
def revoke(
    key_id: Annotated[UUID, typer.Argument(metavar="ID", help="As `zmarty service-key list` shows it.")],
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Refuse a key from now on. Signals that it handed in stay. Audited; safe to repeat."""

    async def work(at: Desk) -> bool:
        return await service_keys.revoke(at, key_id)

    changed = act(work, actor)
    if as_json:
        return print_json({"id": str(key_id), "revoked": True, "changed": changed})
    screen.print(
        f"[green]✓[/] {key_id} is refused from now on" if changed else f"{key_id} was revoked before"
    )
    return None
