"""What the Capture panel does about recordings: starting and finishing them, and those that were cut short."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.jobs import Job, State
from app.report import Fault
from app.widgets.record_panel import size_text
from app.widgets.timeline import clock
from engine.capture import (
    BinRecordings,
    CaptureSnapshot,
    RecordingResult,
    UnfinishedRecording,
    adopt,
    bin_recordings,
    check_names,
    discard,
    disk_space,
    unfinished_recordings,
)
from engine.errors import BadInput
from engine.events.sources import SourceState

if TYPE_CHECKING:
    from app.views.capture import CaptureView

_DISK_EVERY = 5
"""Figures between two looks at the disk: about a second."""


class RecordingControl(QObject):
    """Listens to the record button, the Record tab and the strip of unfinished recordings on the view's behalf."""

    def __init__(self, view: "CaptureView") -> None:
        super().__init__(view)
        self.setObjectName("recordingControl")
        self._view = view
        self._finishing = False
        self._was_active = False
        self._pictures = 0
        self._found: list[UnfinishedRecording] = []

    def begin(self) -> None:
        """Connect to the view's parts, which are there now."""
        parts, session = self._view.parts, self._view.tools.session
        parts.record_button.startRequested.connect(self.start)
        parts.record_button.stopRequested.connect(self.finish)
        parts.record.edited.connect(self._on_edited)
        parts.unfinished.openRequested.connect(self._on_open_unfinished)
        parts.unfinished.keepRequested.connect(self._on_keep)
        parts.unfinished.dismissed.connect(lambda: parts.unfinished.tell(""))
        parts.unfinished.discardRequested.connect(self._on_discard)
        parts.bin.addRequested.connect(self._on_add)
        parts.bin.binRequested.connect(self._on_bin)
        session.workspaceOpened.connect(self._on_workspace)
        session.workspaceClosed.connect(self._on_workspace)
        session.writableChanged.connect(lambda writable: self._on_workspace())
        session.contentChanged.connect(self._on_content)
        self._on_workspace()

    @property
    def active(self) -> bool:
        """Whether something is being recorded."""
        pipeline = self._view.runner.pipeline
        return pipeline is not None and pipeline.recording

    def check_names(self, values: dict[str, Any]) -> Mapping[str, str]:
        """What the engine has against a recording's names."""
        session = self._view.tools.session
        if session.workspace is None:
            return {}
        return check_names(values, session.workspace.root)

    # -- starting and finishing

    def toggle(self) -> None:
        """Start, or finish."""
        if self._view.parts.record_button.button.isEnabled():
            self._view.parts.record_button.button.click()

    def start(self) -> None:
        """Record what the Record tab says; the tab is shown where something is against it."""
        view = self._view
        parameters = view.parts.record.parameters
        if parameters is None:
            view.parts.show_tab("Record")
            view.notify("The recording cannot begin: the Record tab says why.")
            return
        try:
            view.runner.start_recording(parameters)
        except (BadInput, OSError) as error:
            view.parts.show_tab("Record")
            view.notify(str(error))
            return
        view.save()
        self._was_active = True
        view.parts.record.show_last("")
        self._show()

    def finish(self) -> None:
        """Finish the recording, in the background."""
        if self.active and not self._finishing:
            self._finishing = True
            self._view.runner.stop_recording(self._on_finished, self._on_failed)

    def stop(self) -> None:
        """The window closes; the runner has finished what was recorded."""
        self._finishing = False

    # -- mirrors

    def show_source(self, state: SourceState) -> None:
        """The source's state has changed."""
        self._show()

    def show_snapshot(self, snapshot: CaptureSnapshot) -> None:
        """Figures of the recording, and the room on the disk."""
        active = self.active
        if active and snapshot.recording is not None:
            figures = snapshot.recording
            elapsed = clock(round(1e6 * figures.elapsed_s))
            whole = "" if figures.duration_s is None else f" / {clock(round(1e6 * figures.duration_s))}"
            frames = f"   {figures.frames} frames" if figures.frames else ""
            self._view.parts.record_button.show_recording(
                f"{elapsed}{whole}   {size_text(figures.bytes)}   {figures.mb_per_s:.1f} MB/s{frames}"
            )
        if self._was_active and not active and not self._finishing:
            pipeline = self._view.runner.pipeline
            if pipeline is not None and pipeline.last_recording is not None:
                self._on_finished(pipeline.last_recording)
        self._pictures += 1
        if self._pictures % _DISK_EVERY == 1:
            self._show_disk(snapshot)

    def _show(self) -> None:
        view, session = self._view, self._view.tools.session
        button, active = view.parts.record_button, self.active
        view.parts.record.show_recording(active)
        view.parts.show_frames_fixed(active and bool(view.parts.record.form.values()["record_frames"]))
        if active:
            button.show_recording(button.figures.text() or "0:00.0")
        elif session.workspace is None:
            button.show_idle(False, "Open a workspace to record into.")
        elif not session.writable:
            button.show_idle(False, session.read_only_reason)
        elif view.runner.state not in (SourceState.RUNNING, SourceState.PAUSED):
            button.show_idle(False, "Start a source to record from.")
        else:
            button.show_idle(True, "")

    def _show_disk(self, snapshot: CaptureSnapshot) -> None:
        view, workspace = self._view, self._view.tools.session.workspace
        parameters = view.parts.record.parameters if not self.active else None
        if workspace is None:
            view.parts.record.show_disk("No workspace is open.")
        elif self.active and snapshot.recording is not None:
            view.parts.record.show_disk(f"{size_text(snapshot.recording.free_bytes)} free.")
        elif parameters is not None:
            space = disk_space(workspace.root, parameters, view.parameters, snapshot.size, snapshot.statistics.events_per_s)
            room = f"{size_text(space.free_bytes)} free"
            if space.seconds < 1e7:
                room += f", enough for {_long(space.seconds)} at the present rate of {size_text(space.bytes_per_s)}/s"
            view.parts.record.show_disk(space.problem or f"{room}.", "error" if space.problem else "muted")

    def _on_finished(self, result: RecordingResult | None) -> None:
        self._finishing = self._was_active = False
        view = self._view
        self._show()
        if result is None:
            return
        wrote = []
        if result.events_path is not None:
            wrote.append(f"{result.events_path.name} ({size_text(result.bytes)}, {clock(round(1e6 * result.elapsed_s))})")
        if result.traverse_folder is not None:
            wrote.append(f"traverse {result.traverse_folder.name} ({result.frames} frames)")
        sentence = f"Recorded {' and '.join(wrote)}." if wrote else "Nothing was recorded."
        sentence = f"{sentence} {result.message}".strip()
        view.parts.record.show_last(sentence)
        view.notified.emit(Fault(sentence, level="info" if result.complete and not result.message else "warning"))
        view.parts.record.take_next_names()
        view.tools.session.note_content_changed()

    def _on_failed(self, sentence: str) -> None:
        self._finishing = self._was_active = False
        self._view.notify(sentence)
        self._show()

    def _on_edited(self) -> None:
        self._view.save()
        self._pictures = 0

    def _on_content(self) -> None:
        self._view.parts.record.check()
        self._view.parts.bin.check()

    # -- what was cut short

    def _on_workspace(self, workspace: object = None) -> None:
        view, session = self._view, self._view.tools.session
        self._found = []
        pipeline = view.runner.pipeline
        if pipeline is not None:  # a recording that runs goes on where it began
            pipeline.workspace = session.workspace.root if session.workspace is not None else None
        if session.workspace is not None and session.writable:
            try:
                self._found = list(unfinished_recordings(session.workspace.root))
            except (BadInput, OSError) as error:
                view.notify(str(error))
        self._on_content()
        if view.parts.record.parameters is None and session.workspace is not None and not view.parts.record.form.valid:
            view.parts.record.take_next_names()
        self._tell_unfinished()
        self._show()
        if session.workspace is None:
            view.parts.record.show_disk("No workspace is open.")

    def _tell_unfinished(self) -> None:
        strip = self._view.parts.unfinished
        if not self._found:
            strip.tell("")
            return
        first = self._found[0]
        more = f" {len(self._found) - 1} more were cut short as well." if len(self._found) > 1 else ""
        strip.tell(f"{first.text}{more}", first.events_path is not None)

    def _on_open_unfinished(self) -> None:
        if self._found and self._found[0].events_path is not None:
            self._view.open_recording(Path(self._found[0].events_path))

    def _on_keep(self) -> None:
        workspace = self._view.tools.session.workspace
        if not self._found or workspace is None:
            return
        first, root = self._found.pop(0), workspace.root
        self._tell_unfinished()
        job = self._view.tools.jobs.start("Finish a recording", lambda emit, cancel: adopt(first, root, emit, cancel))
        job.ended.connect(lambda state: self._on_adopted(state, first))

    def _on_adopted(self, state: State, unfinished: UnfinishedRecording) -> None:
        if state is State.FINISHED:
            self._view.tools.session.note_content_changed()
        else:
            self._found.insert(0, unfinished)
            self._tell_unfinished()

    def _on_discard(self) -> None:
        workspace = self._view.tools.session.workspace
        if not self._found or workspace is None:
            return
        try:
            folder = discard(self._found[0], workspace.root)
        except BadInput as error:
            self._view.notify(str(error))
            return
        del self._found[0]
        self._view.notified.emit(Fault(f"It is in {folder} now.", level="info"))
        self._tell_unfinished()
        self._view.tools.session.note_content_changed()

    # -- recordings to traverses

    def check_traverse(self, dataset: str, camera: str, traverse: str) -> str:
        """What the engine has against a traverse's names; "" where nothing."""
        workspace = self._view.tools.session.workspace
        if workspace is None:
            return "Open a workspace to make traverses in."
        if not self._view.tools.session.writable:
            return self._view.tools.session.read_only_reason
        values = {"record_events": False, "record_frames": True, "dataset": dataset, "camera": camera, "traverse": traverse}
        return next(iter(check_names(values, workspace.root).values()), "")

    def offer_to_bin(self, path: Path) -> None:
        """Put a recording on the list of those to be binned."""
        self._view.parts.bin.add_recordings([path])

    def _on_add(self) -> None:
        workspace = self._view.tools.session.workspace
        start = str(workspace.recordings if workspace is not None else Path.home())
        chosen = QFileDialog.getOpenFileNames(self._view, "Add recordings", start)[0]
        self._view.parts.bin.add_recordings([Path(path) for path in chosen])

    def _on_bin(self) -> None:
        view, workspace = self._view, self._view.tools.session.workspace
        panel, parameters = view.parts.bin, view.parts.bin.parameters
        if workspace is None or parameters is None or not panel.check():
            return
        recordings = panel.recordings
        settings = BinRecordings(
            traverse=parameters.model_copy(update={"data_dir": workspace.data_dir}),
            capture=view.parameters,
            hot_pixels=view.region.hot_pixels,
        )
        title = f"Bin {recordings[0][0].name}" if len(recordings) == 1 else f"Bin {len(recordings)} recordings"
        job = view.tools.jobs.start(title, lambda emit, cancel: bin_recordings(settings, recordings, emit, cancel))
        panel.take_off([path for path, _ in recordings])
        job.ended.connect(lambda state: self._on_binned(state, job, recordings))

    def _on_binned(self, state: State, job: Job, recordings: list[tuple[Path, str]]) -> None:
        self._view.tools.session.note_content_changed()
        if state is not State.FINISHED:
            self._view.parts.bin.add_recordings([path for path, _ in recordings])
            return
        names = ", ".join(made.traverse.name for made in job.result)
        frames = sum(len(made.traverse) for made in job.result)
        self._view.notified.emit(Fault(f"Binned to {names}: {frames} event frames.", level="info"))


def _long(seconds: float) -> str:
    """A long time in few words: 40 s, 12 min, 7 h, 3 days."""
    for limit, unit in ((172_800, "days"), (7200, "h"), (120, "min")):
        if seconds >= limit:
            return f"{seconds / {'days': 86_400, 'h': 3600, 'min': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"
