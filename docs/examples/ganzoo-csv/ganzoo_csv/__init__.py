"""An observer for ganzoo: every measurement of a run as a line of a CSV file."""
