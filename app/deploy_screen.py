"""What the Deploy panel shows of a run: answers to place, pictures, matrix, plots and figures. Nothing is measured here."""

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from app.widgets.demo_screen import DemoScreen
from app.widgets.layer_bars import LayerRate
from app.widgets.session_panel import energy_text
from app.widgets.status import count
from engine.capture import CaptureStatistics
from engine.live import TARGETS, Answer, LiveModel, LiveTotals
from engine.live.cpu import LAYERS

if TYPE_CHECKING:
    from app.views.deploy import DeployView

_POWER_KEPT = 1200
_NEAR = 1


class RunScreen(QObject):
    """Listens to the runner on the view's behalf."""

    def __init__(self, view: "DeployView") -> None:
        super().__init__(view)
        self.setObjectName("runScreen")
        self._view = view
        self._demo: DemoScreen | None = None
        self._model: LiveModel | None = None
        self._shown_place = -1
        self._power: deque[tuple[float, tuple[float, ...]]] = deque(maxlen=_POWER_KEPT)
        self._power_label = ""
        self._right = self._known = self._places = 0
        runner = view.runner
        runner.answersArrived.connect(self._on_answers)
        runner.figuresArrived.connect(self._on_figures)
        view.frames.frameReady.connect(self._on_frame)

    @property
    def right_share(self) -> float | None:
        """Share of places within one of the true ones; None where the truth is not known."""
        return self._right / self._known if self._known else None

    # -- the network

    def show_model(self, model: LiveModel | None) -> None:
        """Get ready for a network."""
        self._model = model
        parts = self._view.parts
        places = model.places if model is not None else 0
        parts.history.set_places(places)
        parts.raster.set_places(max(places, 1))
        routes = {}
        if model is not None and model.positions is not None:
            routes = {model.reference_name: model.positions}
        parts.map.say_empty("" if model is None else "The reference has no poses")
        parts.map.set_routes(routes)
        parts.match.show_frame(None, empty="" if model is None or model.reference is not None else _NO_PICTURES)
        self.begin()
        if model is None:
            parts.place.show_nothing("Choose a network")

    def show_demo(self, demo: DemoScreen | None) -> None:
        """Show what comes on a demo screen too."""
        self._demo = demo
        if demo is not None and self._model is not None:
            parameters = self._view.parameters
            demo.show_model(self._model, TARGETS[parameters.target])
            self._shown_place = -1

    def begin(self) -> None:
        """A run begins: nothing of the last one stays."""
        parts = self._view.parts
        parts.place.show_nothing("Waiting for the first window…" if self._view.runner.running else "Press Start")
        parts.history.clear()
        parts.raster.clear()
        parts.layers.show_layers(())
        parts.power.clear()
        parts.energy.say(_NO_POWER)
        parts.map.clear_marks()
        parts.ghost.clear(_NO_GHOST)
        parts.now.show_frame(None)
        parts.figures.clear()
        parts.notice.tell([])
        live = self._view.runner.live
        parts.remember.setVisible(live is not None and live.can_remember)
        self._power.clear()
        self._shown_place = -1
        self._right = self._known = 0
        self._places = self._model.places if self._model is not None else 0

    # -- the source

    def say_source(self, note: str, statistics: CaptureStatistics) -> None:
        """What the source does."""
        self._view.parts.live.title.say(f"Live   {count(statistics.events_per_s)} events/s")
        self._view.parts.live.title.setToolTip(note)

    def say_idle(self) -> None:
        """No source is open."""
        self._view.parts.live.title.say("Live events")

    # -- answers

    def _on_answers(self, answers: list[Answer]) -> None:
        parts, live = self._view.parts, self._view.runner.live
        known = self._view.runner.known
        for answer in answers:
            truth = known.at(answer.start_us, answer.end_us) if known is not None else None
            if truth is not None:
                self._known += 1
                self._right += truth[0] - _NEAR <= answer.place <= truth[1] + _NEAR
            parts.history.add(answer.spikes.counts, answer.place, answer.lost, truth)
            if self._demo is not None:
                self._demo.add(answer, truth)
            self._grow(len(answer.spikes.counts))
            self._add_spikes(answer)
            if answer.spikes.power is not None:
                power = answer.spikes.power
                self._power.append((answer.end_us / 1e6, tuple(power.watts.tolist())))
                self._power_label = power.label
        last = answers[-1]
        places = len(last.spikes.counts)
        parts.place.show_place(last.place, last.confidence, last.lost, places)
        if parts.now.isVisible():
            parts.now.show_frame(last.frame, f"{last.spikes.input_events} events in {live.window_us / 1000:g} ms" if live else "")
        self._show_match(last)
        self._show_layers(last)
        self._show_power(last)
        if self._model is not None:
            parts.map.mark(self._model.reference_name, last.place, "match")
            truth = known.at(last.start_us, last.end_us) if known is not None else None
            parts.map.mark(self._model.reference_name, truth[0] if truth is not None else None, "true")
        if self._demo is not None:
            self._demo.show_answer(last)

    def _grow(self, places: int) -> None:
        """A place was remembered: say so once."""
        if places <= self._places:
            return
        if self._places:
            self._view.notify(f"Remembered as place {places - 1}. After the run the Session tab saves the network with it.")
        self._places = places
        self._view.parts.raster.set_places(places)

    def _add_spikes(self, answer: Answer) -> None:
        raster, spikes = self._view.parts.raster, answer.spikes
        if len(spikes.spike_times):
            raster.show_spikes(spikes.spike_times, spikes.spike_places, answer.end_us)
        elif spikes.power is None and spikes.synops is not None:
            # The CPU shows a whole window to the network at once: its spikes have no times within it.
            fired = np.flatnonzero(spikes.counts >= 1).astype(np.int32)
            times = np.full(len(fired), answer.end_us - 1, np.int64)
            raster.show_spikes(times, fired, answer.end_us)

    def _show_match(self, answer: Answer) -> None:
        parts, model = self._view.parts, self._model
        if model is None:
            return
        if answer.place != self._shown_place:
            frame, caption = self._picture_of(model, answer.place)
            if frame is None:
                if caption:
                    parts.match.show_frame(None, empty=caption)
                return
            self._shown_place = answer.place
            parts.match.show_frame(frame, caption)
            if self._demo is not None:
                self._demo.show_match(frame)
        parts.match_title.say("Best match (lost)" if answer.lost else f"Best match: place {answer.place}")

    def _picture_of(self, model: LiveModel, place: int) -> tuple[NDArray[np.uint8] | None, str]:
        """A place's picture and a line on it; without a picture why, or "" while it is being read."""
        live, frames = self._view.runner.live, self._view.frames
        if live is not None and place >= model.places:
            for remembered in live.remembered:
                if remembered.place == place:
                    return remembered.frame, f"remembered in this run, place {place}"
        if model.reference is None or place >= len(model.reference):
            return None, _NO_PICTURES
        frame = frames.frame(model.reference, place)
        if frame is None:
            return None, frames.problem(model.reference, place)
        return frame, f"{model.reference_name}, frame {place if model.parts else place * model.filter}"

    def _on_frame(self, folder: str, number: int) -> None:
        live = self._view.runner.live
        last = live.last() if live is not None else None
        if last is not None and last.place == number:
            self._show_match(last)

    def _show_layers(self, answer: Answer) -> None:
        trained = self._model.trained.layers if self._model is not None else None
        seconds = answer.spikes.window_us / 1e6
        by_name = {LAYERS.get(name, name): spikes for name, spikes in (trained or {}).items()}
        self._view.parts.layers.show_layers(
            tuple(
                LayerRate(
                    layer.name,
                    "CPU" if layer.core is None else f"core {layer.core}",
                    layer.neurons,
                    layer.rate_hz,
                    by_name[layer.name] / layer.neurons / seconds if layer.name in by_name else None,
                )
                for layer in answer.spikes.layers
            )
        )

    def _show_power(self, answer: Answer) -> None:
        parts, power = self._view.parts, answer.spikes.power
        if power is None or not self._power:
            return
        if parts.power.isVisible():
            times = np.array([entry[0] for entry in self._power])
            parts.power.show_power(times, np.array([entry[1] for entry in self._power]), self._power_label)
        told = energy_text(1e6 * power.energy_j)
        parts.energy.say(f"{told} for this place ({power.label}), {1000 * power.total_w:.3g} mW in all")

    # -- figures

    def _on_figures(self, totals: LiveTotals, notes: list[str]) -> None:
        view, parts = self._view, self._view.parts
        live = view.runner.live
        if totals.latency_ms_p50 is not None:
            skipped = f" · {totals.skipped} skipped" if totals.skipped else ""
            missed = f" · {count(totals.missed)} events missed" if totals.missed else ""
            right = f" · {100 * self.right_share:.0f} % right" if self.right_share is not None else ""
            p95 = totals.latency_ms_p95 or 0.0
            parts.figures.setText(f"{totals.latency_ms_p50:.1f} ms, p95 {p95:.1f} ms{right}{skipped}{missed}")
            parts.figures.setToolTip("From a window's last event to the place, median and 95th percentile")
        parts.session.show_totals(totals, self.right_share)
        parts.notice.tell(notes, problem=bool(live is not None and live.problem))
        if live is not None and live.problem and totals.places == 0:
            parts.place.show_nothing("No place: the line above says why")
        if live is not None and len(live.workers) > 1 and parts.ghost.isVisible():
            names = TARGETS[view.parameters.target], TARGETS[live.workers[1].kind]
            parts.ghost.show_ghost(names, *live.ghost())
        if self._demo is not None:
            self._demo.show_figures(totals, self.right_share)


_NO_PICTURES = "This workspace does not have the reference's frames."
_NO_POWER = "Power is known on a Speck, and estimated on the virtual one."
_NO_GHOST = "Choose a ghost in the Run tab: a second target on the same events, to see whether both say the same."
