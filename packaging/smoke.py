"""Whether a bundle works, from outside: python packaging/smoke.py [BUNDLE [PICTURES]]    (dist/revisit build/bundle-pictures)

Everything runs in a scratch folder with a home of its own and without this environment's variables. Ends with 1 and a sentence at
the first thing that is wrong; prints what it has found, sizes and seconds included.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PANELS = ("capture", "dataset", "ground_truth", "training", "evaluation", "deploy")
_SIZE = (1280, 800)
_PATIENCE_S = 300
_PORT = 17771
_DRIVES = ("--dataset", "demo", "--camera", "synthetic", "--reference", "reference")


def environment(home: Path) -> dict[str, str]:
    """What a program gets that a person starts for the first time."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "REVISIT_NATIVE") if name in os.environ}
    return {**kept, "HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}


class Bundle:
    """The bundle's programs, run in a scratch folder.

    Args:
        folder: the bundle.
        scratch: where they run; its folder `home` is theirs.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder, self.scratch = folder.resolve(), scratch
        self.environment = environment(scratch / "home")
        (scratch / "home").mkdir()

    def start(self, program: str, *arguments: object) -> subprocess.Popen[str]:
        """Start one of the programs."""
        return subprocess.Popen(
            [str(self.folder / program), *map(str, arguments)],
            cwd=self.scratch,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, program: str, *arguments: object) -> tuple[str, float]:
        """What a program prints, and the seconds that it takes; ends the test where the program does not end with 0."""
        begun = time.perf_counter()
        child = self.start(program, *arguments)
        try:
            out, errors = child.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            raise SystemExit(f"{program} {arguments} has not ended after {_PATIENCE_S} s.") from None
        seconds = time.perf_counter() - begun
        if child.returncode or "Traceback" in errors or "RuntimeWarning" in errors:
            raise SystemExit(f"{program} {' '.join(map(str, arguments))} ended with {child.returncode}:\n{errors}")
        return out, seconds


def check(right: bool, sentence: str) -> None:
    """End the test with a sentence where something is not right."""
    if not right:
        raise SystemExit(sentence)


def check_picture(path: Path) -> int:
    """How many colours a picture of the window has; a blank one, or one of another size, ends the test."""
    picture = cv2.imread(str(path))
    check(picture is not None, f"{path} is no picture.")
    check(picture.shape[:2] == _SIZE[::-1], f"{path} is {picture.shape[1]} x {picture.shape[0]} pixels large.")
    colours = len(np.unique(picture.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)))
    # A theme's ground, buttons and smoothed letters are a hundred colours at least; a window that has not painted has one.
    check(colours > 50 and picture.std() > 5, f"{path} is blank: {colours} colours.")
    return colours


def size_of(folder: Path) -> tuple[int, int]:
    """Bytes and files; a file with several names counts once."""
    sizes = {(status.st_dev, status.st_ino): status.st_size for status in (p.lstat() for p in folder.rglob("*") if p.is_file())}
    return sum(sizes.values()), len(sizes)


@contextlib.contextmanager
def watched(mark: str) -> Iterator[set[int]]:
    """The processes of this machine whose command has `mark` in it, while something runs."""
    found: set[int] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    if mark.encode() in path.read_bytes():
                        found.add(int(path.parent.name))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def check_installation(bundle: Bundle) -> None:
    """The version, the compiled loops, and no driver of a chip."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for program in ("revisit", "revisit-cli"):
        out, first = bundle.run(program, "--version")
        version = out.split()[-1]
        check(f'version = "{version}"' in project, f"{program} says that it is version {version}.")
        print(f"{program} --version: {first:.2f} s, again {bundle.run(program, '--version')[1]:.2f} s")
    found = json.loads(bundle.run("revisit-cli", "info", "--json", "-")[0])
    check(found["compiled loops"] in ("baseline", "avx2", "avx512"), f"The bundle runs with {found['compiled loops']} loops.")
    check(found["packages"]["torch"] != "not installed", "The bundle does not know its torch.")
    inside = [path.name for path in (bundle.folder / "_internal").iterdir()]
    strange = [name for name in inside if name.startswith(("samna", "libcud", "nvidia"))]
    check(not strange, f"The bundle holds what it must not: {strange}")
    print(f"compiled loops: {found['compiled loops']}")


def check_demo(bundle: Bundle) -> Path:
    """The demo workspace, made and evaluated."""
    out, seconds = bundle.run("revisit-cli", "demo", "--json", "-")
    scores = json.loads(out)
    workspace = bundle.scratch / "revisit-demo"
    check(any(workspace.glob("models/*.pth")), "The demo has no network.")
    check(any(workspace.glob("output/*/*.html")), "The demo has no report.")
    check(bool(scores), "The demo has no scores.")
    print(f"revisit-cli demo: {seconds:.1f} s")
    return workspace


def check_panels(bundle: Bundle, workspace: Path, pictures: Path) -> None:
    """A picture of each panel, and one of a window that opens a recording."""
    pictures.mkdir(parents=True, exist_ok=True)
    for name in PANELS:
        arguments = ("--smoke", pictures / f"{name}.png", "--panel", name, "--size", "x".join(map(str, _SIZE)), workspace)
        seconds = bundle.run("revisit", *arguments)[1]
        print(f"panel {name}: started, painted and ended in {seconds:.2f} s, {check_picture(pictures / f'{name}.png')} colours")
    recording = next((workspace / "recordings").glob("*.aedat4"))
    bundle.run("revisit", "--smoke", pictures / "recording.png", recording)
    print(f"a recording as argument: {check_picture(pictures / 'recording.png')} colours")


def check_sweep(bundle: Bundle, workspace: Path) -> None:
    """Two trials in two processes of their own."""
    arguments = (*_DRIVES, "--validation_query", "query", "--data_dir", workspace / "dataset", "--dims", 16, 16)
    with watched("engine.training.sweep_worker") as workers:
        out, seconds = bundle.run(
            "revisit-cli", "sweep", "--trials", 2, "--processes", 2, "--vary", "fire_h_feat=0.2:0.9", *arguments, "--json", "-"
        )
    found: dict[str, Any] = json.loads(out)
    states = [trial["state"] for trial in found["trials"]]
    check(states == ["done", "done"], f"The trials of the sweep are {states}.")
    check(len(workers) == 2, f"The sweep had {len(workers)} processes of its own.")
    print(f"sweep of two trials in two processes: {seconds:.1f} s")


def check_isolated_reader(bundle: Bundle) -> None:
    """An HDF5 file is read in a process of its own."""
    try:
        import h5py
        import hdf5plugin
    except ImportError:
        print("HDF5: not built in, not tested")
        return
    count = 1000
    with h5py.File(bundle.scratch / "walk.h5", "w") as file:
        for name, values in {
            "t": np.arange(count),
            "x": np.arange(count) % 64,
            "y": np.arange(count) % 48,
            "p": np.arange(count) % 2,
        }.items():
            file.create_dataset(f"events/{name}", data=values, **hdf5plugin.Blosc())
    with watched("engine.events.formats._isolated") as readers:
        found = json.loads(bundle.run("revisit-cli", "info", "walk.h5", "--json", "-")[0])
    check(found["events"] == count, f"The HDF5 file of {count} events is read as {found}.")
    check(len(readers) == 1, f"The HDF5 file was read in {len(readers)} processes of their own.")
    print("HDF5 with a compression of hdf5plugin: read, in a process of its own")


def check_live(bundle: Bundle, workspace: Path) -> None:
    """A stream is recognised, and cameras are looked for by the vendor's library, in a spawned process."""
    recording, model = workspace / "recordings/query.aedat4", next((workspace / "models").glob("*.pth"))
    arguments = ("--model", model, "--data_dir", workspace / "dataset", "--duration_s", 3, "--json", "-", "--source")
    server = bundle.start("revisit-cli", "stream", recording, "--loop", "--port", _PORT)
    try:
        out, _ = bundle.run("revisit-cli", "deploy", *arguments, f"127.0.0.1:{_PORT}")
    finally:
        server.terminate()
        server.communicate()
    places = [line for line in out.splitlines() if '"place"' in line]
    check(len(places) > 5, f"Of three seconds of a stream, {len(places)} places were told.")
    print(f"three seconds of a stream: {len(places)} places")
    with watched("--multiprocessing-fork") as children:
        camera = bundle.start("revisit-cli", "deploy", *arguments, "camera")
        _, errors = camera.communicate(timeout=_PATIENCE_S)
    check(len(children) > 0, "Cameras were looked for in no process of its own.")
    check(camera.returncode == 0 or "No camera is attached" in errors, f"Looking for cameras failed: {errors}")
    print("cameras: " + ("one recognised places" if camera.returncode == 0 else "none attached, says the vendor's library"))


def main(folder: Path, pictures: Path) -> None:
    """All checks."""
    check((folder / "revisit").is_file(), f"{folder} is no bundle of Revisit: make bundle makes one.")
    pictures = pictures.resolve()  # the programs run in another folder
    size, files = size_of(folder)
    print(f"{folder}: {size / 1e6:.0f} MB in {files} files")
    with tempfile.TemporaryDirectory(prefix="bundle-") as scratch:
        bundle = Bundle(folder, Path(scratch))
        check_installation(bundle)
        workspace = check_demo(bundle)
        check_panels(bundle, workspace, pictures)
        check_sweep(bundle, workspace)
        check_isolated_reader(bundle)
        check_live(bundle, workspace)
        left = [str(path.relative_to(scratch)) for path in Path(scratch, "home").rglob("*") if path.is_file()]
        print(f"written into the home: {', '.join(left) or 'nothing'}; pictures: {pictures}")


if __name__ == "__main__":
    given = [Path(argument) for argument in sys.argv[1:3]]
    main(*given, *(ROOT / "dist/revisit", ROOT / "build/bundle-pictures")[len(given) :])
