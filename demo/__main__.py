"""Command line of the demo company: `python -m demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from demo.company import DEFAULT_AS_OF, generate


def main(
    out: Annotated[Path, typer.Option(help="Folder of the exported files.")],
    truth: Annotated[Path, typer.Option(help="Truth file to write.")],
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 7,
    scale: Annotated[float, typer.Option(help="Multiplies arrivals.")] = 1,
    as_of: Annotated[
        str, typer.Option(help="Only files delivered by this moment (ISO 8601).")
    ] = DEFAULT_AS_OF,
    without: Annotated[
        str, typer.Option(help="Planted effects to leave out, as PL1,PL6.")
    ] = "",
) -> None:
    """Write what the source systems of the demo company delivered, and the truth."""
    plants = frozenset(one.strip() for one in without.split(",") if one.strip())
    try:
        summary = generate(out, truth, seed, scale, as_of, plants)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    for export, (files, rows) in sorted(summary.per_export.items()):
        typer.echo(f"{export:30} {files:4} files {rows:10,} rows")
    typer.echo(f"{'total':30} {summary.files:4} files {summary.rows:10,} rows")


if __name__ == "__main__":
    typer.run(main)
