"""Waymark: an improvement plan, its evidence and its exceptions, kept honest."""
