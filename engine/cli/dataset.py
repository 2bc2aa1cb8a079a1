"""revisit-cli dataset: what a workspace's traverses are, and everything that is done with them."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.cli.console import Console, write_result
from engine.cli.options import add_options, from_options
from engine.errors import BadInput
from engine.frames.binning import BinningParameters
from engine.jobs import CancelToken
from engine.parameters import Parameters, parameter
from engine.places.clock import ClockParameters, estimate_offset
from engine.places.derive import CropParameters, EveryParameters, MergeParameters, crop, keep_every, merge
from engine.places.facts import check_traverse
from engine.places.from_recordings import RebinParameters, RecordingImport, import_recordings, rebin
from engine.places.imports import ImportParameters, import_images, import_tree, kind_of_folder
from engine.places.making import TraverseName
from engine.places.pose_logs import AttachParameters, OffsetParameters, attach_poses, detach_poses, set_offset
from engine.places.trash import RenameParameters, delete_traverses, list_trash, rename_traverse, restore
from engine.places.traverse import Traverse
from engine.places.workspace import Workspace

_EXAMPLES = """examples:
  revisit-cli dataset list --data_dir lab
  revisit-cli dataset import photos/ --data_dir lab --dataset street --camera dvs --size 128 96
  revisit-cli dataset crop --data_dir lab --dataset street --camera dvs --traverse monday --from_s 20 --to_s 300
  revisit-cli dataset attach-poses monday.nmea --data_dir lab --dataset street --camera dvs --traverse monday
  revisit-cli dataset estimate-offset --data_dir lab --dataset street --camera dvs --reference monday --query tuesday --apply"""


class Place(Parameters):
    """Which workspace."""

    data_dir: Path | None = parameter(
        None, "Folder of datasets, or the workspace that holds it (left out: ./dataset, or ./lens/dataset in a LENS checkout)."
    )


class Camera(Place):
    """Which traverses of a workspace."""

    dataset: str = parameter("example", "Name of the dataset.")
    camera: str = parameter("davis128", "Name of the camera that filmed it.")


class One(Camera):
    """Which traverse."""

    traverse: str = parameter("example-reference", "Name of the traverse.")


class Pair(Camera):
    """Which two traverses."""

    reference: str = parameter("example-reference", "Name of the reference traverse.")
    query: str = parameter("example-query", "Name of the query traverse.")


_TITLES = {Place: "which", Camera: "which", One: "which", Pair: "which", ImportParameters: "images", BinningParameters: "binning"}
Run = Callable[[argparse.Namespace, Console, CancelToken], dict[str, Any]]


def add_parser(subparsers: Any) -> None:
    """Add the command with its own commands."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "dataset",
        help="list, check, import, cut, join, rename and delete traverses, and attach poses",
        description="Work on the traverses of a workspace. Nothing is ever overwritten; what is deleted goes to the trash.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    inner = parser.add_subparsers(title="what to do", dest="action", required=True, metavar="ACTION", parser_class=type(parser))

    def add(name: str, text: str, run: Run, *models: type[Parameters], skip: tuple[str, ...] = ()) -> argparse.ArgumentParser:
        short = text[0].lower() + text[1:]
        made: argparse.ArgumentParser = inner.add_parser(name, help=short, description=f"{text}.", allow_abbrev=False)
        for model in models:
            add_options(made, model, _TITLES.get(model, "how"), skip)
        made.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output for -")
        made.set_defaults(run=lambda arguments, console, cancel: _run(run, arguments, console, cancel))
        return made

    add("list", "List the traverses of a workspace", _list, Place)
    check = add("check", "Look through a traverse: figures, and a sentence for everything that is wrong", _check, One)
    check.add_argument("--sample", type=_count, metavar="N", help="look into so many frames, spread evenly, instead of all")
    made = add(
        "import",
        "Make traverses of a folder of images, a LENS dataset or recordings",
        _import,
        Place,
        ImportParameters,
        BinningParameters,
        skip=("window_ms",),
    )
    made.add_argument("source", nargs="+", type=Path, metavar="SOURCE", help="a folder of images or of datasets, or recordings")
    made.add_argument("--window_ms", default=argparse.SUPPRESS, metavar="X", help="time window of a frame, in ms")
    made.add_argument("--no-attach_logs", action="store_true", help="leave out logs of poses that lie beside recordings")
    add("every", "Keep every n-th frame, as a new traverse", _every, One, EveryParameters)
    add("crop", "Take a part by frames or by time, as a new traverse", _crop, One, CropParameters)
    made = add("merge", "Join traverses in the given order, as a new traverse", _merge, Camera, MergeParameters)
    made.add_argument("traverses", nargs="+", metavar="TRAVERSE", help="names of the traverses")
    add(
        "rebin",
        "Bin a traverse's recording anew, to a new traverse",
        _rebin,
        One,
        RebinParameters,
        BinningParameters,
        skip=("binning",),
    )
    add("rename", "Rename a traverse, its index and its ground truths", _rename, One, RenameParameters)
    made = add("delete", "Move traverses to the workspace's trash", _delete, Camera)
    made.add_argument("traverses", nargs="+", metavar="TRAVERSE", help="names of the traverses")
    made = add("restore", "Bring back what is in the trash; without a name, list what there is", _restore, Place)
    made.add_argument("entry", nargs="?", metavar="ENTRY", help="name of the folder in the trash")
    made = add("attach-poses", "Attach a log of poses to a traverse", _attach, One, AttachParameters, skip=("log",))
    made.add_argument("log", type=Path, metavar="LOG", help="NMEA, GPX, CSV with named columns, or a TUM trajectory")
    add("detach-poses", "Take the log of poses off a traverse", _detach, One)
    add("set-offset", "Correct the clock of a traverse's log of poses", _offset, One, OffsetParameters)
    made = add("estimate-offset", "Estimate the clock's offset from two traverses of one route", _estimate, Pair, ClockParameters)
    made.add_argument("--apply", action="store_true", help="set the offset that was found")


def _run(run: Run, arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> None:
    with console.progress():
        result = run(arguments, console, cancel)
    write_result(arguments.json, {**result, "notices": console.notices})


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of frames")
    return int(text)


def _workspace(arguments: argparse.Namespace) -> Workspace:
    place: Place = from_options(arguments, Place)
    if place.data_dir is not None:
        return Workspace.open(place.data_dir)
    for folder in (Path("dataset"), Path("lens/dataset")):
        if folder.is_dir():
            return Workspace.open(folder)
    raise BadInput("There is no ./dataset or ./lens/dataset here: say where the datasets are with --data_dir.")


def _one(arguments: argparse.Namespace) -> tuple[Workspace, TraverseName]:
    one: One = from_options(arguments, One)
    return _workspace(arguments), TraverseName(one.dataset, one.camera, one.traverse)


def _several(arguments: argparse.Namespace) -> tuple[Workspace, list[TraverseName]]:
    camera: Camera = from_options(arguments, Camera)
    return _workspace(arguments), [TraverseName(camera.dataset, camera.camera, name) for name in arguments.traverses]


def _made(traverse: Traverse, console: Console) -> dict[str, Any]:
    console.say(f"{traverse.name}: {len(traverse)} frames in {traverse.folder}")
    return {"traverse": traverse.name, "folder": str(traverse.folder), "frames": len(traverse)}


# -- what each does


def _list(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace = _workspace(arguments)
    found = []
    for names in workspace.traverses():
        cancel.check()
        name = TraverseName(*names)
        try:
            traverse = name.open(workspace)
            info = traverse.info()
            facts: dict[str, Any] = {"frames": len(traverse), "indexed": traverse.indexed}
            if info is not None:
                facts |= {"window_ms": info.window_ms, "poses": info.pose_log.file if info.pose_log else info.poses}
            console.say(f"{name}: {len(traverse)} frames" + ("" if traverse.indexed else ", no index file"))
        except BadInput as wrong:
            facts = {"problem": str(wrong)}
            console.say(f"{name}: {wrong}", "yellow")
        found.append({"dataset": name.dataset, "camera": name.camera, "traverse": name.traverse, **facts})
    if not found:
        console.say(f"{workspace.data_dir} has no traverses: import images or recordings, or bin a recording.")
    return {"data_dir": str(workspace.data_dir), "traverses": found}


def _check(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace, name = _one(arguments)
    facts = check_traverse(workspace, name, console.emit, cancel, arguments.sample)
    size = "unknown size" if facts.size is None else f"{facts.size[0]}x{facts.size[1]} pixels"
    console.say(f"{name}: {facts.frames} frames of {size}, {facts.measured} looked into")
    if facts.events_per_pixel is not None and facts.silent_share is not None and facts.saturated_share is not None:
        console.say(
            f"  {facts.events_per_pixel:.3g} events per pixel; {facts.silent_share:.1%} of the pixels silent, "
            f"{facts.saturated_share:.1%} saturated"
        )
    for warning in facts.warnings:
        console.say(f"  {warning}", "yellow")
    if not facts.warnings:
        console.say("  Nothing is wrong with it.")
    return facts.as_json()


def _import(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace, sources = _workspace(arguments), list(arguments.source)
    missing = next((path for path in sources if not path.exists()), None)
    if missing is not None:
        raise BadInput(f"{missing} does not exist: check the path.")
    folders = [path for path in sources if path.is_dir()]
    if not folders:
        binning: BinningParameters = from_options(arguments, BinningParameters)
        images: ImportParameters = from_options(arguments, ImportParameters)
        parameters = RecordingImport(
            dataset=images.dataset,
            camera=images.camera,
            name=images.name,
            attach_logs=not arguments.no_attach_logs,
            size=images.size,
            binning=binning,
        )
        made = import_recordings(workspace, sources, parameters, console.emit, cancel)
        return {"traverses": [_made(name.open(workspace), console) for name in made]}
    if len(sources) > 1:
        raise BadInput("Import one folder at a time, or recordings alone.")
    if kind_of_folder(folders[0]) == "tree":
        made = import_tree(workspace, folders[0], console.emit, cancel)
        return {"traverses": [_made(name.open(workspace), console) for name in made]}
    taken: ImportParameters = from_options(arguments, ImportParameters)
    return {"traverses": [_made(import_images(workspace, folders[0], taken, console.emit, cancel), console)]}


def _every(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace, name = _one(arguments)
    return _made(keep_every(workspace, name, from_options(arguments, EveryParameters), console.emit, cancel), console)


def _crop(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace, name = _one(arguments)
    return _made(crop(workspace, name, from_options(arguments, CropParameters), console.emit, cancel), console)


def _merge(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace, names = _several(arguments)
    return _made(merge(workspace, names, from_options(arguments, MergeParameters), console.emit, cancel), console)


def _rebin(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace, name = _one(arguments)
    binning: BinningParameters = from_options(arguments, BinningParameters)
    parameters: RebinParameters = from_options(arguments, RebinParameters, fixed={"binning": binning})
    made = rebin(workspace, name, parameters, console.emit, cancel)
    _made(made.traverse, console)
    return made.summary()


def _rename(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace, name = _one(arguments)
    new = rename_traverse(workspace, name, from_options(arguments, RenameParameters), console.emit, cancel)
    console.say(f"{name} is called {new.traverse} now.")
    return {"traverse": new.traverse, "folder": str(new.folder(workspace))}


def _delete(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace, names = _several(arguments)
    entry = delete_traverses(workspace, names, console.emit, cancel)
    console.say(f"{entry.what}: in {entry.folder} now. `revisit-cli dataset restore {entry.folder.name}` brings it back.")
    return {"entry": entry.folder.name, "folder": str(entry.folder), "paths": list(entry.paths)}


def _restore(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace = _workspace(arguments)
    if arguments.entry is None:
        entries = list_trash(workspace)
        for entry in entries:
            console.say(f"{entry.folder.name}: {entry.what}")
        if not entries:
            console.say("The trash is empty.")
        return {"trash": [{"entry": entry.folder.name, "what": entry.what, "paths": list(entry.paths)} for entry in entries]}
    entry = restore(workspace, Path(arguments.entry), console.emit, cancel)
    console.say(f"{entry.what} is back.")
    return {"entry": entry.folder.name, "what": entry.what, "paths": list(entry.paths)}


def _attach(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace, name = _one(arguments)
    parameters: AttachParameters = from_options(arguments, AttachParameters, fixed={"log": arguments.log})
    return attach_poses(workspace, name, parameters, console.emit, cancel).as_json()


def _detach(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace, name = _one(arguments)
    detach_poses(workspace, name, console.emit, cancel)
    console.say(f"{name} has no log of poses any more; its copy is in the trash.")
    return {"traverse": str(name)}


def _offset(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    workspace, name = _one(arguments)
    return set_offset(workspace, name, from_options(arguments, OffsetParameters), console.emit, cancel).as_json()


def _estimate(arguments: argparse.Namespace, console: Console, cancel: CancelToken) -> dict[str, Any]:
    pair: Pair = from_options(arguments, Pair)
    workspace = _workspace(arguments)
    reference, query = (TraverseName(pair.dataset, pair.camera, name) for name in (pair.reference, pair.query))
    parameters: ClockParameters = from_options(arguments, ClockParameters)
    found = estimate_offset(workspace, reference, query, parameters, console.emit, cancel)
    console.say(found.text)
    if arguments.apply:
        if not found.certain:
            raise BadInput("The offset was not set: it is not certain enough; set it by hand with set-offset if you trust it.")
        for name in () if not found.better else (query, reference) if parameters.fit == "both" else (query,):
            set_offset(workspace, name, OffsetParameters(offset_s=found.offset_s), console.emit, cancel)
    return {**found.as_json(), "applied": bool(arguments.apply and found.better)}
