"""What can be done with traverses in the Dataset panel, as data: buttons, menus and the palette are made of these tables."""

from dataclasses import dataclass
from typing import Literal

Needs = Literal["workspace", "one", "several", "two", "posed"]


@dataclass(frozen=True)
class Operation:
    """One thing that can be done; DatasetActions has a method of its name.

    needs: what has to be chosen. writes: it changes the workspace.
    """

    name: str
    text: str
    tip: str
    needs: Needs
    shortcut: str = ""
    icon: str = ""
    writes: bool = True


IMPORTS = (
    Operation(
        "import_folder", "Folder of images or datasets…", "Make a traverse of images, or copy LENS's datasets", "workspace",
        "Ctrl+I", "folder",
    ),
    Operation(
        "import_recordings", "Recordings…", "Bin recordings to traverses, with the GPS logs that lie beside them", "workspace",
        "Ctrl+Shift+I", "recording",
    ),
)  # fmt: skip
USE = (
    Operation(
        "use_reference", "Use as reference", "The other panels work on it as the reference traverse", "one", "Ctrl+E", "", False
    ),
    Operation("use_query", "Use as query", "The other panels work on it as the query traverse", "one", "Ctrl+Y", "", False),
)
OPERATIONS = (
    Operation("rename", "Rename…", "Rename it, its index and its ground truths", "one", "F2"),
    Operation("rebin", "Bin anew…", "Bin its recording with other settings, to a new traverse", "one", "", "bin"),
    Operation("every", "Keep every n-th frame…", "Make a new traverse of some of its frames", "one"),
    Operation("crop", "Cut out a part…", "Make a new traverse of the chosen frames, or of a part in time", "one", "Ctrl+K"),
    Operation("merge", "Join…", "Join the chosen traverses to a new one, in the tree's order", "several"),
    Operation("attach", "Attach poses…", "Attach a GPS or odometry log: NMEA, GPX, CSV or TUM", "one", "Ctrl+G"),
    Operation("offset", "Clock offset…", "Correct the clock of the attached log by hand", "posed"),
    Operation("estimate", "Estimate clock offset…", "Find the offset from two traverses of one route", "two", writes=False),
    Operation("detach", "Take poses off", "Take the attached log off again", "posed"),
    Operation("check", "Check all frames", "Look into every frame", "one", writes=False),
    Operation("delete", "Move to trash…", "Move the chosen traverses to the workspace's trash", "several", "", "trash"),
)
TRASH = Operation("trash", "Trash…", "See what was deleted, and bring it back", "workspace", "", "trash")
ALL = (*IMPORTS, *USE, *OPERATIONS, TRASH)
SEPARATED = ("rename", "every", "attach", "check", "delete")
"""Before these the menus have a line."""
