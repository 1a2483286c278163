"""began for ganzoo."""
