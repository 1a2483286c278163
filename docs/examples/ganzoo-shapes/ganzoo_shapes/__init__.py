"""A data set for ganzoo: circles and squares, drawn and not downloaded."""
