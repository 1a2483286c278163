"""Blocks, losses and penalties that three or more variants use; what fewer use lives in their own files."""
