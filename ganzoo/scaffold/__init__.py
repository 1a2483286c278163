"""New plugins from templates: a whole distribution that passes its own tests as it is written. Free of torch."""

from .naming import Names, name_plugin
from .writing import GAMES, Kind, write_plugin

__all__ = ["GAMES", "Kind", "Names", "name_plugin", "write_plugin"]
