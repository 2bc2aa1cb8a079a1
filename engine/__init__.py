"""Revisit's engine: everything that is not a window, usable from a script or the command line."""

__version__ = "0.1.0"
