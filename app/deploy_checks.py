"""The check list of the Deploy panel: what speaks against the run, hot pixels that were found meanwhile, and what mends it."""

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.deploy_recall import RecallMeter
from engine.capture import CaptureSnapshot
from engine.live.preflight import Mend, Present, mended, preflight

if TYPE_CHECKING:
    from app.views.deploy import DeployView

_HOT_FIRST_S, _HOT_EVERY_S = 1.0, 6.0
_NO_PIXELS: frozenset[tuple[int, int]] = frozenset()


class CheckControl(QObject):
    """Keeps the list up to date, and does what its buttons ask."""

    def __init__(self, view: "DeployView") -> None:
        super().__init__(view)
        self.setObjectName("checkControl")
        self._view = view
        self.recall = RecallMeter(view.tools.jobs, view.tools.session, self)
        self.hot_pixels = _NO_PIXELS
        """What is masked."""
        self._found: frozenset[tuple[int, int]] | None = None
        self._look_at = 0.0
        self.recall.changed.connect(self.show)
        view.parts.checks.mendRequested.connect(self._on_mend)

    def begin_source(self) -> None:
        """A source is opened: soon its hot pixels are looked for."""
        self._found, self._look_at = None, time.monotonic() + _HOT_FIRST_S

    def end_source(self) -> None:
        """It is closed."""
        self._found = None
        self.show()

    def look_for_hot_pixels(self) -> None:
        """At its time, and in the background; called with every picture."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _HOT_EVERY_S
            self._view.runner.capture.find_hot_pixels(self._on_hot, lambda sentence: None)

    def mask_hot_pixels(self) -> None:
        """The source leaves out what is known."""
        pipeline = self._view.runner.capture.pipeline
        if pipeline is not None:
            pipeline.hot_pixels = self.hot_pixels

    def show(self, snapshot: CaptureSnapshot | None = None) -> None:
        """Check anew."""
        view, parts = self._view, self._view.parts
        model, capture, session = view.runner.model, view.runner.capture, view.tools.session
        if model is None:
            parts.checks.show_checks(())
            self._name_tab()
            return
        latest = snapshot or (capture.pipeline.snapshot() if capture.pipeline is not None else None)
        density = latest.statistics.expected_events_per_pixel if latest is not None else None
        sensor = view.source.sensor if capture.pipeline is not None else None
        hot = len(self._found - self.hot_pixels) if self._found is not None else None
        present = Present(sensor, density, hot, len(self.hot_pixels), self.recall.measurable, self.recall.told)
        writes = parts.setup.session.isChecked() and session.writable
        parts.checks.show_checks(preflight(model, view.parameters, present, session.workspace if writes else None))
        self._name_tab()

    def _name_tab(self) -> None:
        parts = self._view.parts
        bad = sum(check.level in ("bad", "doubtful") for check in parts.checks.checks)
        parts.tabs.setTabText(1, f"Checks ({bad})" if bad else "Checks")

    def _on_hot(self, found: frozenset[tuple[int, int]]) -> None:
        self._found = found
        self.show()

    def _on_mend(self, mend: Mend) -> None:
        view = self._view
        model, pipeline = view.runner.model, view.runner.capture.pipeline
        if model is None:
            return
        if mend == "recall":
            self.recall.measure(view.parameters.chip)
            return
        if mend == "hot_pixels" and pipeline is not None:
            self.hot_pixels = self.hot_pixels | (self._found or _NO_PIXELS)
            self.mask_hot_pixels()
        view.set_parameters(mended(model, view.parameters, mend))
        if view.runner.running and mend != "hot_pixels":
            view.notify("This takes effect when the run is started again.")
