"""A Debian package of the bundle, made without root: python packaging/deb.py [BUNDLE [FOLDER]]    (dist/revisit dist)

The same bundle gives the same bytes: owners, modes and times are set, the times to SOURCE_DATE_EPOCH or the last commit's.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import icons

HERE = Path(__file__).resolve().parent
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HOME = "opt/revisit"
DEPENDS = (
    "libgl1",
    "libegl1",
    "libglib2.0-0",
    "libdbus-1-3",
    "libfontconfig1",
    "libxkbcommon0",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-keysyms1",
    "libxcb-xkb1",
    "libxcb-shape0",
    "libxkbcommon-x11-0",
)
"""The README's system libraries, those of the window on X11 included. Newer releases' packages provide these names."""

_COMPRESSION = ("-Zzstd", "-z10")  # xz takes a quarter of an hour; Debian 12 and Ubuntu 22.04, the oldest that fit, read zstd
_DESCRIPTION = """\
 Revisit teaches a robot to recognise the places of a route from an event
 camera, by point and click: it records and bins events, makes and mends
 ground truth, trains LENS's spiking networks and prototypes, compares them
 with baselines, and recognises places live.
 .
 This package holds Python and all libraries that Revisit uses, in /opt/revisit.
"""


def architecture() -> str:
    """Debian's name of this machine's."""
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


def control(kilobytes: int) -> str:
    """The package's control file; `kilobytes` is what it installs."""
    name = os.environ.get("DEBFULLNAME", PROJECT["authors"][0]["name"])
    address = os.environ.get("DEBEMAIL", "revisit@localhost.invalid")
    libc = platform.libc_ver()[1]  # the bundle's libraries are this system's: an older one lacks what they call
    return (
        f"Package: revisit\nVersion: {PROJECT['version']}\nArchitecture: {architecture()}\nMaintainer: {name} <{address}>\n"
        f"Installed-Size: {kilobytes}\nDepends: libc6 (>= {libc}), {', '.join(DEPENDS)}\nSection: science\nPriority: optional\n"
        f"Description: place recognition with event cameras\n{_DESCRIPTION}"
    )


def _copyright() -> str:
    licence = (HERE.parent / "LICENSE").read_text(encoding="utf-8")
    return (
        f"Revisit is licensed under {PROJECT['license']}, whose text follows. The licences of the libraries in the bundle are in "
        f"/{HOME}/_internal/licences, one folder a package; Qt and PySide6, whose wheels bring no text, are under the LGPL-3\n"
        "(/usr/share/common-licenses/LGPL-3; sources at https://download.qt.io), in files of their own that may be replaced.\n\n"
        f"{licence}"
    )


def _moment() -> int:
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    asked = subprocess.run(["git", "-C", str(HERE), "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False)
    return int(asked.stdout) if asked.returncode == 0 else int(time.time())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def lay_out(bundle: Path, root: Path, moment: int) -> None:
    """Put everything where it will be installed, under `root`, with the modes and times that the package has.

    Args:
        bundle: PyInstaller's folder.
        root: an empty folder.
        moment: seconds since 1970, of all files.
    """
    shutil.copytree(bundle, root / HOME, symlinks=True)
    for program in ("revisit", "revisit-cli"):
        if not (root / HOME / program).is_file():
            raise SystemExit(f"{bundle} has no {program}: it is not a bundle of Revisit; make bundle makes one.")
        link = root / "usr/bin" / program
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"/{HOME}/{program}")
    share = root / "usr/share"
    icons.render(share / "icons/hicolor")
    _write(share / "applications/revisit.desktop", (HERE / "revisit.desktop").read_text(encoding="utf-8"))
    _write(share / "mime/packages/revisit.xml", (HERE / "revisit-mime.xml").read_text(encoding="utf-8"))
    _write(share / "metainfo/revisit.metainfo.xml", metainfo(moment))
    _write(share / "doc/revisit/copyright", _copyright())
    _write(root / "usr/lib/udev/rules.d/65-revisit.rules", (HERE / "65-revisit.rules").read_text(encoding="utf-8"))
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
    sums = "".join(f"{_md5(path)}  {path.relative_to(root)}\n" for path in files)
    kilobytes = sum(-(-path.lstat().st_size // 1024) for path in files)
    _write(root / "DEBIAN/control", control(kilobytes))
    _write(root / "DEBIAN/md5sums", sums)
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (moment, moment), follow_symlinks=False)


def metainfo(moment: int) -> str:
    """The metainfo of this version."""
    text = (HERE / "revisit.metainfo.xml").read_text(encoding="utf-8")
    return text.replace("@VERSION@", PROJECT["version"]).replace("@DATE@", time.strftime("%Y-%m-%d", time.gmtime(moment)))


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def build(bundle: Path, folder: Path) -> Path:
    """Make the package.

    Args:
        bundle: PyInstaller's folder.
        folder: where the package goes.

    Returns:
        The package.
    """
    if shutil.which("dpkg-deb") is None:
        raise SystemExit("dpkg-deb is missing: packages for Debian and Ubuntu are made on one of them.")
    if not bundle.is_dir():
        raise SystemExit(f"{bundle} is not there: make bundle makes it.")
    moment = _moment()
    folder.mkdir(parents=True, exist_ok=True)
    package = folder / f"revisit_{PROJECT['version']}_{architecture()}.deb"
    with tempfile.TemporaryDirectory(prefix="deb-", dir=folder) as scratch:
        lay_out(bundle, Path(scratch), moment)
        made = subprocess.run(
            ["dpkg-deb", "--root-owner-group", *_COMPRESSION, "--build", scratch, str(package)],
            env={**os.environ, "SOURCE_DATE_EPOCH": str(moment)},
            capture_output=True,
            text=True,
            check=False,
        )
    if made.returncode:
        raise SystemExit(f"dpkg-deb failed: {made.stderr.strip()}")
    return package


if __name__ == "__main__":
    asked = [Path(argument) for argument in sys.argv[1:3]]
    made = build(*asked, *(HERE.parent / "dist/revisit", HERE.parent / "dist")[len(asked) :])
    print(f"{made}: {made.stat().st_size / 1e6:.0f} MB")
