"""The order in which a person counts: image_2 before image_10."""

import re


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key in which runs of digits compare as numbers."""
    parts = re.split(r"(\d+)", name)
    return tuple((0, int(part), part) if part.isdecimal() else (1, 0, part.lower()) for part in parts if part)
