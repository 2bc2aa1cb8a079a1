"""Event frames: PNG files, pixel selection, input encodings."""
