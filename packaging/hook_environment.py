"""Runs first in the bundle: programs that Revisit starts, a browser or a file manager, must not get the bundle's libraries.

The dynamic loader reads LD_LIBRARY_PATH once, at the start of the process, so that this one keeps them; the bundle's own children
set theirs up again, since nothing tells them that they have a parent.
"""

import os

_before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
if _before is None:
    os.environ.pop("LD_LIBRARY_PATH", None)
else:
    os.environ["LD_LIBRARY_PATH"] = _before
for _name in [name for name in os.environ if name.startswith("_PYI_")]:
    del os.environ[_name]
