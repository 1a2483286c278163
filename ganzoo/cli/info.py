"""``ganzoo info VARIANT``: what a variant is, which options it has, and what its networks cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from rich.table import Table

from ganzoo.config import RunConfig, make_config
from ganzoo.data import DataInfo
from ganzoo.data.catalog import find_source
from ganzoo.errors import PluginError
from ganzoo.options import Options
from ganzoo.registry import Entry, Origin, VariantSpec, registry

from .args import parse
from .console import out, print_json
from .describe import OptionRow, option_rows
from .listing import as_dict
from .marks import JsonSwitch, Mark
from .plugins import warn_of_faults

if TYPE_CHECKING:
    from ganzoo.game import Game
    from ganzoo.report.layers import LayerRow


class InfoOptions(Options):
    """Show a variant: its paper, origin and options, and its networks layer by layer for images of a data set."""

    variant: Annotated[str, Mark(positional=True, metavar="VARIANT")]
    """Name of the variant, see `ganzoo list`."""
    backbone: str | None = None
    """Name of a backbone to take in place of the variant's own."""
    conditional: bool = False
    """Give the labels of the data to both networks."""
    dataset: str = "mnist"
    """Name of the data set whose images the networks are built for."""
    image_size: int | None = None
    """Side in pixels of the images, in place of the data set's."""
    channels: Literal[1, 3] | None = None
    """1 for grey, 3 for colour, in place of the data set's."""
    as_json: JsonSwitch = False
    """Write JSON."""


def main(argv: list[str]) -> int:
    """Run ``ganzoo info``."""
    options = parse(InfoOptions, argv, prog="ganzoo info")
    warn_of_faults(registry())
    entry = registry().variant(options.variant)
    config = _config(options)
    data = find_source(config.data).info
    networks = network_tables(build_on_meta(config, data), data)
    if options.as_json:
        print_json(_as_dict(entry, config, data, networks))
    else:
        _print(entry, config, data, networks)
    return 0


def build_on_meta(config: RunConfig, data: DataInfo) -> Game:
    """The game of ``config`` with networks that have shapes and no weights, in evaluation mode.

    Raises:
        PluginError: a builder fails on the ``meta`` device.
        IncompatiblePartsError: the parts do not fit each other or the data.
    """
    import torch

    from ganzoo.assembly import build_game

    try:
        with torch.device("meta"):
            return build_game(config, data).eval()
    except PluginError as error:
        if error.__cause__ is None:
            raise
        fix = "its builder must work under torch.device('meta'), where tensors have no values"
        raise PluginError(f"without weights, {error.problem}", fix=fix) from error


def network_tables(game: Game, data: DataInfo) -> dict[str, list[LayerRow]]:
    """The layers of a GAN's two networks, run on one image; empty for a game of another shape."""
    import torch

    from ganzoo.game import GAN
    from ganzoo.report.layers import layer_table

    if not isinstance(game, GAN):
        return {}
    generator, discriminator = game.generator, game.discriminator
    with torch.device("meta"), torch.no_grad():
        latent, images = torch.empty(1, generator.latent_dim), torch.empty(1, *data.shape)
        labels = torch.zeros(1, dtype=torch.int64)
        return {
            "generator": layer_table(generator, latent, labels if generator.conditional else None),
            "discriminator": layer_table(discriminator, images, labels if discriminator.conditional else None),
        }


def _config(options: InfoOptions) -> RunConfig:
    data = options.model_dump(include={"dataset", "image_size", "channels"}, exclude_none=True)
    rest = options.model_dump(include={"variant", "backbone", "conditional"}, exclude_none=True)
    return make_config({**rest, "data": data})


def _as_dict(
    entry: Entry[VariantSpec], config: RunConfig, data: DataInfo, networks: dict[str, list[LayerRow]]
) -> dict[str, Any]:
    return {
        **as_dict(entry),
        "data": {"name": data.name, "shape": list(data.shape)},
        "options": list(option_rows(config.options)),
        "net": list(option_rows(config.net, "net.")),
        "networks": {
            name: {
                "parameters": sum(row.parameters for row in rows),
                "flops_per_image": sum(row.flops for row in rows),
                "layers": [vars(row) for row in rows],
            }
            for name, rows in networks.items()
        },
    }


def _print(entry: Entry[VariantSpec], config: RunConfig, data: DataInfo, networks: dict[str, list[LayerRow]]) -> None:
    spec, paper = entry.spec, entry.spec.paper
    _line("variant", f"{spec.name}: {spec.summary}")
    _line("paper", f"{paper.authors} {paper.year}. {paper.title}." + (f" {paper.url}" if paper.url else ""))
    _line("tags", ", ".join(spec.tags))
    _line("from", _provenance(entry.origin))
    if config.backbone:
        backbone = registry().backbone(config.backbone)
        _line("backbone", f"{backbone.spec.name}: {backbone.spec.summary} ({backbone.origin})")
    _line("recipe", f"version {spec.recipe_version}, plugin API {spec.api_version}")
    out.print()
    out.print(_option_table([*option_rows(config.options), *option_rows(config.net, "net.")]))
    for name, rows in networks.items():
        out.print()
        out.print(_layer_table(f"{name} on {data.name} {data.shape}", rows))


def _line(name: str, text: str) -> None:
    if text:
        out.print(f"{name:<9} {text}", markup=False, soft_wrap=True)


def _provenance(origin: Origin) -> str:
    revision = f" at {origin.revision}" if origin.revision else ""
    return f"{origin} ({origin.source}{revision}), module {origin.module}"


def _option_table(rows: list[OptionRow]) -> Table:
    table = Table("option", "default", "range", "what it does", box=None, header_style="bold")
    for row in rows:
        table.add_row(row["flag"], _words(row["default"]), row["range"], row["help"])
    return table


def _words(default: Any) -> str:
    """A default as it would be written on the command line."""
    return " ".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _layer_table(title: str, rows: list[LayerRow]) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, header_style="bold", show_footer=True
    )
    table.add_column("layer", footer="total, for one image")
    table.add_column("type")
    table.add_column("output", justify="right")
    table.add_column("parameters", justify="right", footer=f"{sum(row.parameters for row in rows):,}")
    table.add_column("FLOPs", justify="right", footer=f"{sum(row.flops for row in rows):,}")
    for row in rows:
        shape = " x ".join(map(str, row.output_shape[1:])) or "1"
        table.add_row(row.name, row.type, shape, f"{row.parameters:,}", f"{row.flops:,}")
    return table
