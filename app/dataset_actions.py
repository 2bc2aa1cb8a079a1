"""What can be done with traverses in the Dataset panel: dialogs out of the engine's parameters, jobs, and the way back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog

from app.dataset_operations import ALL, IMPORTS, Operation
from app.dialog_jobs import Check, DialogJobs
from app.jobs import JobFunction
from app.report import Fault
from app.widgets.clock_result import ClockResult
from app.widgets.trash_dialog import TrashDialog
from engine.errors import BadInput
from engine.places.clock import ClockParameters, OffsetEstimate, estimate_offset
from engine.places.derive import CropParameters, EveryParameters, MergeParameters, crop, keep_every, merge
from engine.places.facts import check_traverse
from engine.places.from_recordings import RebinParameters, RecordingImport, import_recordings, rebin, recording_of
from engine.places.imports import ImportParameters, import_images, import_tree, kind_of_folder
from engine.places.making import TraverseName
from engine.places.pose_logs import (
    AttachParameters,
    OffsetParameters,
    attach_poses,
    detach_poses,
    log_beside,
    set_offset,
)
from engine.places.trash import RenameParameters, TrashEntry, delete_traverses, list_trash, rename_traverse, restore
from engine.places.traverse import Traverse
from engine.places.workspace import Workspace

if TYPE_CHECKING:
    from app.views.dataset import DatasetView


class DatasetActions(DialogJobs):
    """Runs the operations on what the panel shows; the panel is told when something new is there."""

    def __init__(self, view: "DatasetView") -> None:
        super().__init__(view)
        self._view = view

    # -- what is possible

    def against(self, operation: Operation) -> str:
        """Why an operation cannot be done now; "" where it can."""
        session = self._view.tools.session
        chosen = self._view.chosen
        if session.workspace is None:
            return "Open a workspace first."
        if operation.writes and not session.writable:
            return session.read_only_reason
        if operation.needs == "one" and len(chosen) != 1:
            return "Choose one traverse."
        if operation.needs == "several" and not chosen:
            return "Choose traverses."
        if operation.name == "merge" and len(chosen) < 2:
            return "Choose at least two traverses (hold Ctrl)."
        if operation.needs == "posed":
            entry = self._view.store.entry(chosen[0]) if len(chosen) == 1 else None
            if entry is None or entry.info is None or entry.info.pose_log is None:
                return "Choose one traverse that has a log of poses attached."
        if operation.needs == "two" and self._pair() is None:
            return "Choose two traverses (hold Ctrl), or a reference and a query."
        return ""

    def run(self, name: str) -> None:
        """Do it; where it cannot be done, say why."""
        operation = next(entry for entry in ALL if entry.name == name)
        reason = self.against(operation)
        if reason:
            self._view.notify(reason, "warning")
        else:
            getattr(self, f"_{name}")()

    # -- imports

    def import_paths(self, paths: Sequence[Path]) -> None:
        """What a person dropped or chose: a folder, or recordings."""
        reason = self.against(IMPORTS[0])
        if reason:
            self._view.notify(reason, "warning")
            return
        folders = [path for path in paths if path.is_dir()]
        if len(paths) == 1 and paths[0].suffix.lower() in (".nmea", ".gpx", ".tum") and len(self._view.chosen) == 1:
            self._ask_log(paths[0], "")
        elif not folders:
            self._ask_recordings(list(paths))
        elif len(paths) > 1:
            self._view.notify("Import one folder at a time, or recordings alone.", "warning")
        else:
            self._import_from(folders[0])

    def _import_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self._view, "Import a folder of images or of datasets", str(Path.home()))
        if chosen:
            self._import_from(Path(chosen))

    def _import_recordings(self) -> None:
        start = self._workspace.recordings if self._workspace.recordings.is_dir() else Path.home()
        chosen = QFileDialog.getOpenFileNames(self._view, "Import recordings", str(start))[0]
        if chosen:
            self._ask_recordings([Path(path) for path in chosen])

    def _import_from(self, folder: Path) -> None:
        try:
            kind = kind_of_folder(folder)
        except OSError as error:
            self._view.notify(f"{folder} cannot be read ({error.strerror}).")
            return
        workspace = self._workspace
        if kind == "tree":
            self.confirm(
                "Copy datasets",
                f"Copy all traverses of {folder} into this workspace, with their index files and ground truths?",
                "Copy",
                lambda: self.start(
                    f"Copy {folder.name}", lambda emit, cancel: import_tree(workspace, folder, emit, cancel), self._on_names
                ),
            )
        elif kind == "images":
            text = f"Make a traverse of the images in {folder}. They are converted to 8-bit gray; the images themselves stay."
            values = {**self._place(), "name": self._free(folder.name)}
            self.ask(
                "Import images", text, ImportParameters, "Import", values,
                lambda p: self.start(
                    f"Import {folder.name}", lambda emit, cancel: import_images(workspace, folder, p, emit, cancel),
                    lambda made: self._on_made(made, p.dataset, p.camera),
                ),
                also=self._name_check("dataset", "camera"),
            )  # fmt: skip
        elif kind == "recordings":
            self._ask_recordings(
                sorted(path for path in folder.iterdir() if path.is_file() and path.suffix not in (".nmea", ".gpx"))
            )
        else:
            self._view.notify(f"{folder} is empty: choose a folder of images, of datasets or of recordings.", "warning")

    def _ask_recordings(self, paths: list[Path]) -> None:
        logs = [path for path in paths if path.suffix.lower() in (".nmea", ".gpx")]
        paths = [path for path in paths if path not in logs]
        if not paths:
            self._view.notify("Choose recordings; a log of poses is attached to a traverse with Attach poses.", "warning")
            return
        workspace, names = self._workspace, ", ".join(path.name for path in paths[:4]) + (", …" if len(paths) > 4 else "")
        beside = sum(log_beside(path) is not None for path in paths)
        text = f"Bin {names} to event frames."
        if beside:
            text += f" Beside {beside} of {len(paths)} lies a log of poses, which is attached."
        taken = any(self._free(path.name.split(".")[0]) != path.name.split(".")[0] for path in paths)
        values = {**self._place(), "name": "{file}-new" if taken else ""}
        title = f"Bin {paths[0].name}" if len(paths) == 1 else f"Bin {len(paths)} recordings"
        self.ask(
            "Import recordings", text, RecordingImport, "Import", values,
            lambda p: self.start(
                title, lambda emit, cancel: import_recordings(workspace, paths, p, emit, cancel), self._on_names
            ),
        )  # fmt: skip

    # -- new traverses

    def _every(self) -> None:
        source, workspace = self._one, self._workspace
        self.ask(
            "Keep every n-th frame", f"Make a new traverse of every n-th frame of {source.traverse}, which stays.",
            EveryParameters, "Make", {}, lambda p: self.start(
                f"One of {p.every} frames of {source.traverse}",
                lambda emit, cancel: keep_every(workspace, source, p, emit, cancel),
                lambda made: self._on_made(made, source.dataset, source.camera),
            ), also=self._name_check(source=source),
        )  # fmt: skip

    def _crop(self) -> None:
        source, workspace, part = self._one, self._workspace, self._view.grid.chosen
        values = {"first": part[0], "last": part[1]} if part is not None and source == self._view.current else {}
        self.ask(
            "Cut out a part", f"Make a new traverse of a part of {source.traverse}, which stays.", CropParameters, "Make", values,
            lambda p: self.start(
                f"Cut {source.traverse}", lambda emit, cancel: crop(workspace, source, p, emit, cancel),
                lambda made: self._on_made(made, source.dataset, source.camera),
            ), also=self._name_check(source=source),
        )  # fmt: skip

    def _merge(self) -> None:
        sources, workspace = self._view.chosen, self._workspace
        if len({(source.dataset, source.camera) for source in sources}) > 1:
            self._view.notify("Traverses of one camera can be joined.", "warning")
            return
        names = ", ".join(source.traverse for source in sources)
        self.ask(
            "Join", f"Join {names} to a new traverse, in this order; they stay.", MergeParameters, "Join", {},
            lambda p: self.start(
                f"Join {names}", lambda emit, cancel: merge(workspace, sources, p, emit, cancel),
                lambda made: self._on_made(made, sources[0].dataset, sources[0].camera),
            ), also=self._name_check(source=sources[0]),
        )  # fmt: skip

    def _rebin(self) -> None:
        source, workspace = self._one, self._workspace
        entry = self._view.store.entry(source)
        info = entry.info if entry is not None else None
        binning = dict(info.binning) if info is not None else {}
        if info is not None and info.window_ms is not None:
            binning["window_ms"] = info.window_ms
        found = recording_of(workspace, source, info)
        text = (
            f"Bin {found.name} anew, to a new traverse; {source.traverse} stays." if found is not None
            else f"Say which recording {source.traverse} was binned from: it is not known, or not where it was."
        )  # fmt: skip
        values: dict[str, Any] = {"recording": found}
        if binning:
            values["binning"] = binning
        self.ask(
            "Bin anew", text, RebinParameters, "Bin", values,
            lambda p: self.start(
                f"Bin {source.traverse} anew", lambda emit, cancel: rebin(workspace, source, p, emit, cancel).traverse,
                lambda made: self._on_made(made, source.dataset, source.camera),
            ), also=self._name_check(source=source),
        )  # fmt: skip

    # -- rename, delete, restore

    def _rename(self) -> None:
        source, workspace = self._one, self._workspace

        def back(new: TraverseName) -> None:
            old = RenameParameters(name=source.traverse)
            self.start(
                f"Rename {new.traverse}",
                lambda emit, cancel: rename_traverse(workspace, new, old, emit, cancel),
                lambda again: self._on_renamed(new, again),
            )

        def renamed(new: TraverseName) -> None:
            self._on_renamed(source, new)
            self._view.undo.push(f"{source.traverse} is called {new.traverse} now.", lambda: back(new))

        self.ask(
            "Rename",
            f"Rename {source.traverse}. Its index and the ground truths that name it go along; trained networks and runs stay "
            "as they are.", RenameParameters, "Rename", {"name": source.traverse},
            lambda p: self.start(
                f"Rename {source.traverse}", lambda emit, cancel: rename_traverse(workspace, source, p, emit, cancel), renamed
            ), also=self._name_check(source=source),
        )  # fmt: skip

    def _delete(self) -> None:
        sources, workspace = self._view.chosen, self._workspace
        names = ", ".join(source.traverse for source in sources)

        def deleted(entry: TrashEntry) -> None:
            self._view.undo.push(f"{entry.what} is in the trash.", lambda: self.restore(entry))

        self.confirm(
            "Move to trash",
            f"Move {names} to the workspace's trash? The index files and the ground truths that name them go along.",
            "Move to trash",
            lambda: self.start(
                f"Move {names} to the trash", lambda emit, cancel: delete_traverses(workspace, sources, emit, cancel), deleted
            ),
        )

    def _trash(self) -> None:
        dialog = TrashDialog(self._view, list_trash(self._workspace))
        dialog.restoreRequested.connect(self.restore)
        self.open(dialog)

    def restore(self, entry: TrashEntry) -> None:
        """Bring back what one deletion moved to the trash."""
        workspace = self._workspace
        self.start(
            f"Restore {entry.what}",
            lambda emit, cancel: restore(workspace, entry.folder, emit, cancel),
            lambda done: self._view.notify(f"{entry.what} is back.", "info"),
        )

    # -- poses

    def _attach(self) -> None:
        source, workspace = self._one, self._workspace
        entry = self._view.store.entry(source)
        recording = recording_of(workspace, source, entry.info if entry is not None else None)
        beside = log_beside(recording) if recording is not None else None
        self._ask_log(beside, "" if beside is None else f" {beside.name} lies beside its recording.")

    def _ask_log(self, log: Path | None, said: str) -> None:
        source, workspace = self._one, self._workspace
        text = f"Attach a log of poses to {source.traverse}: NMEA, GPX, CSV with named columns, or a TUM trajectory.{said}"
        self.ask(
            "Attach poses", text, AttachParameters, "Attach", {} if log is None else {"log": log},
            lambda p: self.start(
                f"Attach poses to {source.traverse}", lambda emit, cancel: attach_poses(workspace, source, p, emit, cancel),
                lambda done: self._view.notify(done.text, "info" if done.located == done.frames else "warning"),
            ),
        )  # fmt: skip

    def _detach(self) -> None:
        source, workspace = self._one, self._workspace
        self.start(
            f"Take poses off {source.traverse}",
            lambda emit, cancel: detach_poses(workspace, source, emit, cancel),
            lambda done: self._view.notify(f"{source.traverse} has no log of poses any more; its copy is in the trash.", "info"),
        )

    def _offset(self) -> None:
        source = self._one
        entry = self._view.store.entry(source)
        present = entry.info.pose_log.offset_s if entry and entry.info and entry.info.pose_log else 0.0
        self.ask(
            "Clock offset", f"How much later by the log's clock a frame of {source.traverse} was taken.", OffsetParameters, "Set",
            {"offset_s": present}, lambda p: self.set_offset(source, p.offset_s, present),
        )  # fmt: skip

    def set_offset(self, name: TraverseName, offset_s: float, present_s: float) -> None:
        """Correct the clock of a log, with a way back."""
        workspace = self._workspace

        def change(value: float) -> JobFunction:
            return lambda emit, cancel: set_offset(workspace, name, OffsetParameters(offset_s=value), emit, cancel)

        def done(attached: Any) -> None:
            self._view.undo.push(attached.text, lambda: self.start(f"Clock of {name.traverse}", change(present_s)))

        self.start(f"Clock of {name.traverse}", change(offset_s), done)

    def _estimate(self) -> None:
        pair, workspace = self._pair(), self._workspace
        if pair is None:
            return
        reference, query = pair
        self.ask(
            "Estimate clock offset",
            f"Match the frames of {query.traverse} (query) with those of {reference.traverse} (reference) by sight, and find the "
            "offset with which the poses of matched frames lie nearest to each other.", ClockParameters, "Estimate", {},
            lambda p: self.start(
                f"Clock of {query.traverse}", lambda emit, cancel: estimate_offset(workspace, reference, query, p, emit, cancel),
                lambda found: self._on_estimated(found, p), changes=False,
            ),
        )  # fmt: skip

    def _on_estimated(self, found: OffsetEstimate, parameters: ClockParameters) -> None:
        dialog = ClockResult(self._view, self._view.tools.theme, found)

        def take() -> None:
            self.set_offset(found.query, found.offset_s, found.present_s)
            if parameters.fit == "both":
                self.set_offset(found.reference, found.offset_s, found.present_s)

        dialog.setRequested.connect(take)
        self.open(dialog)

    # -- the rest

    def _use_reference(self) -> None:
        name = self._one
        self._view.tools.session.select(dataset=name.dataset, camera=name.camera, reference=name.traverse)

    def _use_query(self) -> None:
        name = self._one
        self._view.tools.session.select(dataset=name.dataset, camera=name.camera, query=name.traverse)

    def _check(self) -> None:
        name, workspace = self._one, self._workspace
        self.start(
            f"Check {name.traverse}",
            lambda emit, cancel: check_traverse(workspace, name, emit, cancel),
            self._view.store.take_facts,
            changes=False,
        )

    # -- inner

    @property
    def _workspace(self) -> Workspace:
        workspace = self._view.tools.session.workspace
        if workspace is None:
            raise BadInput("Open a workspace first.")
        return workspace

    @property
    def _one(self) -> TraverseName:
        return self._view.chosen[0]

    def _pair(self) -> tuple[TraverseName, TraverseName] | None:
        """Reference and query: two chosen traverses, the current one being the query, or else the session's."""
        chosen, current, picked = self._view.chosen, self._view.current, self._view.tools.session.selection
        if len(chosen) == 2:
            query = current if current in chosen else chosen[1]
            reference = next(name for name in chosen if name != query)
            return (reference, query) if query is not None else None
        if picked.reference and picked.query:
            names = tuple(TraverseName(picked.dataset, picked.camera, name) for name in (picked.reference, picked.query))
            return (names[0], names[1]) if all(self._view.store.entry(name) for name in names) else None
        return None

    def _place(self) -> dict[str, str]:
        """Dataset and camera that a new traverse most likely belongs to."""
        current = self._view.current or next((entry.name for entry in self._view.store.entries), None)
        return {} if current is None else {"dataset": current.dataset, "camera": current.camera}

    def _free(self, name: str) -> str:
        """The name, with a number behind it where it is taken."""
        workspace, free, number = self._workspace, name, 2
        while workspace.index_file(free).exists():
            free, number = f"{name}-{number}", number + 1
        return free

    def _name_check(self, *fields: str, source: TraverseName | None = None) -> Check:
        """What the engine has against a new traverse's name, for the form."""

        def check(values: dict[str, Any]) -> Mapping[str, str]:
            name = str(values["name"]).strip()
            dataset, camera = (str(values[f]) for f in fields) if fields else (source.dataset, source.camera)  # type: ignore[union-attr]
            if not name or (source is not None and name == source.traverse):
                return {}
            try:
                TraverseName(dataset, camera, name).refuse_existing(self._workspace)
            except BadInput as wrong:
                return {"name": str(wrong)}
            return {}

        return check

    def _on_made(self, made: Traverse, dataset: str, camera: str) -> None:
        self._view.show_later(TraverseName(dataset, camera, made.name))
        self._view.notified.emit(Fault(f"{made.name}: {len(made)} frames.", level="info"))

    def _on_names(self, names: Sequence[TraverseName]) -> None:
        if names:
            self._view.show_later(names[0])
        self._view.notified.emit(Fault(f"Imported {', '.join(name.traverse for name in names)}.", level="info"))

    def _on_renamed(self, old: TraverseName, new: TraverseName) -> None:
        """The panel and the selection follow a renamed traverse."""
        self._view.show_later(new)
        session = self._view.tools.session
        chosen = session.selection
        if (chosen.dataset, chosen.camera) == (old.dataset, old.camera):
            renamed = {role: new.traverse for role in ("reference", "query") if getattr(chosen, role) == old.traverse}
            if renamed:
                session.select(**renamed)
