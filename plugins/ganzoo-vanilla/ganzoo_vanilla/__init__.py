"""vanilla for ganzoo."""
