"""dcgan for ganzoo."""
