"""Events: arrays, readers, sources, filters."""
