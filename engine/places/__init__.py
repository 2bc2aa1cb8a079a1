"""Workspaces, traverses and ground truth on disk."""
