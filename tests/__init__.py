"""The tests mirror the source: a folder for each layer."""
