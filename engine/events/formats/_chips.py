"""Sizes of iniVation's chips, by the names that AEDAT files use."""

SIZES = {
    "DVS128": (128, 128),
    "DAVIS128": (128, 128),
    "DAVIS208": (208, 192),
    "DAVIS240": (240, 180),
    "DAVIS346": (346, 260),
    "DAVIS640": (640, 480),
    "DAVISRGB640": (640, 480),
    "DVXPLORER": (640, 480),
}


def chip_size(name: str) -> tuple[int, int] | None:
    """(width, height) of the chip whose name begins `name`, whatever the case and the variant's letter."""
    plain = name.upper().replace("_", "").replace("-", "")
    return next((size for chip, size in sorted(SIZES.items(), key=lambda item: -len(item[0])) if plain.startswith(chip)), None)
