"""The Speck chip: what fits on it, its integers, a virtual one, and the device itself."""
