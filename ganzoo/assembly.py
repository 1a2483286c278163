"""From a config to the game that it describes."""

from __future__ import annotations

from ganzoo.config import RunConfig, find_entries
from ganzoo.data import DataInfo
from ganzoo.errors import ContractError, IncompatiblePartsError
from ganzoo.game import Game, Networks
from ganzoo.registry import NetworkRequest, blame, load_builder


def build_game(config: RunConfig, data: DataInfo) -> Game:
    """Build the networks and the game of ``config`` for ``data``, with weights from torch's global RNG.

    Raises:
        IncompatiblePartsError: parts that do not fit each other or the data; the message says why.
        PluginError: a builder that cannot be imported, or that fails.
        ContractError: a builder that returns something else than it must.
    """
    variant, backbone = find_entries(config.variant, config.backbone)
    if config.conditional and not data.classes:
        raise IncompatiblePartsError(
            f"--conditional needs labels, and data set {data.name!r} has none", fix="leave --conditional out"
        )
    networks = None
    if backbone is not None:
        request = NetworkRequest(
            shape=data.shape,
            classes=len(data.classes) if config.conditional else None,
            per_sample_scores=variant.spec.per_sample_scores,
        )
        build_networks = load_builder(backbone.spec)
        with blame(backbone):
            networks = build_networks(config.net, request)
        if not isinstance(networks, Networks):
            raise ContractError(f"{backbone.spec.builder} returned {type(networks).__name__}, not Networks")
    build = load_builder(variant.spec)
    with blame(variant):
        game = build(config.options, networks, data)
    if not isinstance(game, Game):
        raise ContractError(f"{variant.spec.builder} returned {type(game).__name__}, not a Game")
    if config.conditional and not _takes_labels(game, networks):
        who = f"variant {config.variant!r}" if backbone is None else f"backbone {backbone.spec.name!r}"
        raise IncompatiblePartsError(
            f"--conditional was given, and the networks of {who} take no labels", fix="leave --conditional out"
        )
    return game


def _takes_labels(game: Game, networks: Networks | None) -> bool:
    """Whether labels reach the game: one with networks of its own asks for them, those of a backbone have classes."""
    return game.needs.labels or (
        networks is not None and (networks.generator.conditional or networks.discriminator.conditional)
    )
