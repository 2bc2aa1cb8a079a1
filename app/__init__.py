"""Revisit's window. It imports the engine; nothing imports it."""
