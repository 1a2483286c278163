"""From a config to the game that it describes."""

from __future__ import annotations

from ganzoo.config import RunConfig, find_specs
from ganzoo.data import DataInfo
from ganzoo.errors import ContractError, IncompatiblePartsError
from ganzoo.game import Game, Networks
from ganzoo.registry import NetworkRequest, load_builder


def build_game(config: RunConfig, data: DataInfo) -> Game:
    """Build the networks and the game of ``config`` for ``data``, with weights from torch's global RNG.

    Raises:
        IncompatiblePartsError: parts that do not fit each other or the data; the message says why.
        PluginError: a builder that cannot be imported.
        ContractError: a builder that returns something else than it must.
    """
    variant, backbone = find_specs(config.variant, config.backbone)
    if config.conditional and not data.classes:
        raise IncompatiblePartsError(
            f"--conditional needs labels, and data set {data.name!r} has none", fix="leave --conditional out"
        )
    networks = None
    if backbone is not None:
        request = NetworkRequest(
            shape=data.shape,
            classes=len(data.classes) if config.conditional else None,
            per_sample_scores=variant.per_sample_scores,
        )
        networks = load_builder(backbone)(config.net, request)
        if not isinstance(networks, Networks):
            raise ContractError(f"{backbone.builder} returned {type(networks).__name__}, not Networks")
    game = load_builder(variant)(config.options, networks, data)
    if not isinstance(game, Game):
        raise ContractError(f"{variant.builder} returned {type(game).__name__}, not a Game")
    return game
