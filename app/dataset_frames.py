"""Which frame the Dataset panel shows: in the grid, large, as a film, beside another traverse's, and on the map."""

from typing import TYPE_CHECKING

from app.frames_cache import FrameCache
from app.widgets.compare_pane import LINKS
from app.widgets.frame_grid import flags_of
from app.widgets.timeline import clock
from engine.places.catalogue import CatalogueEntry
from engine.places.making import TraverseName

if TYPE_CHECKING:
    from app.views.dataset import DatasetOptions, DatasetView

_AHEAD = 4
"""Frames read ahead of a film."""


class DatasetFrames:
    """Keeps the current frame of the current traverse, and the one of the traverse beside it."""

    def __init__(self, view: "DatasetView") -> None:
        self._view = view
        self.cache = FrameCache(view)
        self.entry: CatalogueEntry | None = None
        self.number = -1
        self.other: CatalogueEntry | None = None
        self.other_number = -1
        self.link = "share"
        self._leading = False  # the right frame was moved by hand: it is not to follow the left one back

    def begin(self, saved: "DatasetOptions") -> None:
        """Connect, and show what was saved."""
        parts, store = self._view.parts, self._view.store
        self.link = saved.link if saved.link in dict(LINKS) else "share"
        parts.grid.set_side(saved.side if saved.side in (64, 96, 144) else 96)
        parts.inspector.set_inputs(saved.inputs, saved.show_grid)
        parts.compare.show_link(self.link)
        self.cache.frameReady.connect(self._on_ready)
        self.cache.frameFailed.connect(lambda folder, number, why: self._on_ready(folder, number))
        parts.grid.currentChanged.connect(self.go)
        parts.grid.rangeChanged.connect(lambda chosen: self._show_range())
        parts.grid.opened.connect(lambda number: parts.show_tab("Compare"))
        parts.film.frameRequested.connect(self.go)
        parts.map.frameClicked.connect(self._on_map)
        parts.tabs.currentChanged.connect(lambda index: self._on_tab())
        parts.compare.otherChosen.connect(self._on_other)
        parts.compare.linkChosen.connect(self._on_link)
        parts.compare.leftRequested.connect(self.go)
        parts.compare.rightRequested.connect(self._on_right)
        store.positionsArrived.connect(self._on_positions)
        store.linkArrived.connect(self._follow)
        parts.fit_side()

    def stop(self) -> None:
        """The window closes."""
        self._view.parts.film.pause()
        self.cache.close()
        self._view.parts.grid.close_cache()

    # -- which traverse

    def show(self, entry: CatalogueEntry | None) -> None:
        """Show a traverse from its first frame on; one that has not changed stays where it is."""
        before, self.entry = self.entry, entry
        if entry is not None and before is not None and (entry.name, entry.changed) == (before.name, before.changed):
            self._offer_others()
            return
        parts = self._view.parts
        if before is not None and (entry is None or entry.name == before.name):
            self.cache.forget()  # its files may be others now
            parts.grid.cache.forget()
        traverse = entry.traverse if entry is not None else None
        count = entry.frames if entry is not None else 0
        same = entry is not None and before is not None and entry.name == before.name
        number = min(max(self.number, 0), count - 1) if same else (0 if count else -1)
        self.number = -1
        parts.grid.show_traverse(traverse)
        parts.film.set_count(count)
        parts.compare.show_left(None if entry is None else entry.name, count)
        self.show_facts()
        self._show_range()
        self._offer_others()
        self.locate()
        if number >= 0:
            self.go(number)
        else:
            parts.inspector.show_frame(None, "", "" if entry is None else entry.problem)

    def show_facts(self) -> None:
        """Mark frames that were found silent or saturated."""
        facts = self._view.store.facts(self.entry.name if self.entry is not None else None)
        self._view.grid.set_flags({} if facts is None else flags_of(facts.silent_frames, facts.saturated_frames))

    # -- which frame

    def go(self, number: int) -> None:
        """Show a frame of the current traverse everywhere."""
        if self.entry is None or number == self.number or not 0 <= number < self.entry.frames:
            return
        self.number = number
        self._view.grid.set_current(number)
        self._draw()
        self._mark()
        if not self._leading:
            self._follow()

    def _draw(self) -> None:
        """Draw the current frame; where it is still being read, what was shown before stays until it is there."""
        parts, entry, number = self._view.parts, self.entry, self.number
        if entry is None or entry.traverse is None or number < 0:
            return
        if parts.film.playing:  # the newest wish is read first, so the frame itself is asked for last
            for ahead in range(min(number + _AHEAD, entry.frames - 1), number, -1):
                self.cache.frame(entry.traverse, ahead)
        frame, problem = self.cache.frame(entry.traverse, number), self.cache.problem(entry.traverse, number)
        if frame is None and not problem:
            return
        caption = self._caption(entry, number, None if frame is None else float(frame.mean()))
        if parts.tab == "Compare":
            parts.compare.show_left_frame(number, frame, caption, problem)
        else:
            parts.inspector.show_frame(frame, caption, problem)
        parts.film.show_frame(number)

    def _draw_right(self) -> None:
        entry, number, compare = self.other, self.other_number, self._view.parts.compare
        if entry is None or entry.traverse is None or number < 0 or self._view.parts.tab != "Compare":
            return
        frame, problem = self.cache.frame(entry.traverse, number), self.cache.problem(entry.traverse, number)
        if frame is not None or problem:
            mean = None if frame is None else float(frame.mean())
            compare.show_right_frame(number, frame, self._caption(entry, number, mean), problem)
        compare.note.say(self._apart())

    def _caption(self, entry: CatalogueEntry, number: int, mean: float | None) -> str:
        assert entry.traverse is not None
        words = [entry.traverse.rows[number].image]
        found = self._view.store.positions.get(entry.name.traverse)
        if found is not None and found.times_us is not None and len(found.times_us) == entry.frames:
            words.append(clock(int(found.times_us[number] - found.times_us[0])))
        if mean is not None:
            words.append(f"{mean:.3g} events per pixel")
        return "   ".join(words)

    def _on_ready(self, folder: str, number: int) -> None:
        if _is(self.entry, folder) and number == self.number:
            self._draw()
        if _is(self.other, folder) and number == self.other_number:
            self._draw_right()

    def _show_range(self) -> None:
        parts = self._view.parts
        chosen = parts.grid.chosen
        parts.range.say(
            f"Frames {chosen[0]} to {chosen[1]} chosen" if chosen else "Shift and a click, or dragging, choose a part to cut out"
        )

    # -- beside another traverse

    def _on_tab(self) -> None:
        self._view.parts.fit_side()
        self._offer_others()
        self.locate()
        self._draw()
        self._draw_right()

    def _offer_others(self) -> None:
        """The traverses of the same camera; the session's other one is taken first."""
        entry, store, compare = self.entry, self._view.store, self._view.parts.compare
        if entry is None:
            names: list[TraverseName] = []
        else:
            names = [e.name for e in store.entries if e.frames and e.name != entry.name
                     and (e.name.dataset, e.name.camera) == (entry.name.dataset, entry.name.camera)]  # fmt: skip
        picked = self._view.tools.session.selection
        wishes = [self.other.name if self.other is not None else None]
        if entry is not None:
            wishes += [entry.name.beside(name) for name in (picked.query, picked.reference) if name]
        chosen = next((wish for wish in wishes if wish in names), names[0] if names else None)
        compare.show_others(names, chosen)
        self._take_other(store.entry(chosen))

    def _take_other(self, other: CatalogueEntry | None) -> None:
        if other is not None and self.other is not None and (other.name, other.changed) == (self.other.name, self.other.changed):
            self.other = other
        else:
            self.other, self.other_number = other, (0 if other is not None and other.frames else -1)
            self._view.parts.compare.show_right_count(0 if other is None else other.frames)
        if self._view.parts.tab == "Compare" and self.entry is not None and other is not None:
            self._view.store.link(self.entry, other, self.link)
            self._draw_right()

    def _on_other(self, name: TraverseName | None) -> None:
        self._take_other(self._view.store.entry(name))
        self.locate()

    def _on_link(self, link: str) -> None:
        self.link = link
        if self.entry is not None and self.other is not None:
            self._view.store.link(self.entry, self.other, link)

    def _follow(self) -> None:
        """The right frame follows the left one."""
        if self._view.parts.tab != "Compare" or self.other is None:
            return
        number = self._view.store.linked.right_of(self.number)
        if number is not None and number < self.other.frames:
            self.other_number = number
        self._draw_right()
        self._mark()

    def _on_right(self, number: int) -> None:
        """The right frame was moved: the left one follows it."""
        if self.other is None or not 0 <= number < self.other.frames:
            return
        self.other_number = number
        self._draw_right()
        left = self._view.store.linked.left_of(number)
        self._leading = True
        if left is not None:
            self.go(left)
        self._leading = False
        self._mark()

    def _apart(self) -> str:
        """How far the two frames are from each other."""
        positions, entry, other = self._view.store.positions, self.entry, self.other
        if entry is None or other is None:
            return " "
        if self._view.store.link_problem:
            return self._view.store.link_problem
        words = f"frame {self.number} and frame {self.other_number}"
        one, two = positions.get(entry.name.traverse), positions.get(other.name.traverse)
        if one is not None and two is not None and self.number < len(one) and self.other_number < len(two):
            x, y = one.xy[self.number] - two.xy[self.other_number]
            apart = float((x * x + y * y) ** 0.5)
            if apart == apart:  # not NaN: both have a pose
                words += f", {apart:.1f} m apart"
        return words

    # -- on the map

    def locate(self) -> None:
        """Fetch the positions of what is looked at: this traverse, the one beside it, the session's reference and query."""
        entry = self.entry
        if entry is None or entry.traverse is None:
            self._view.store.locate([])
            return
        names = [entry.name]
        if self._view.parts.tab == "Compare" and self.other is not None:
            names.append(self.other.name)
        picked = self._view.tools.session.selection
        if (picked.dataset, picked.camera) == (entry.name.dataset, entry.name.camera):
            names += [entry.name.beside(name) for name in (picked.reference, picked.query) if name]
        there = {e.name for e in self._view.store.entries if e.traverse is not None}
        self._view.store.locate([name for name in dict.fromkeys(names) if name in there])

    def _on_positions(self) -> None:
        store, route_map = self._view.store, self._view.parts.map
        route_map.set_routes({name: found for name, found in store.positions.items() if found.known.any()})
        own = store.positions.get(self.entry.name.traverse) if self.entry is not None else None
        self._view.parts.map_note.say(store.problem or (own.source if own is not None else ""))
        self._mark()
        self._draw()
        self._draw_right()

    def _mark(self) -> None:
        route_map = self._view.parts.map
        route_map.clear_marks()
        if self.entry is not None and self.number >= 0:
            route_map.mark(self.entry.name.traverse, self.number, "query")
        if self.other is not None and self.other_number >= 0 and self._view.parts.tab == "Compare":
            route_map.mark(self.other.name.traverse, self.other_number, "match")

    def _on_map(self, name: str, frame: int) -> None:
        if self.entry is None:
            return
        if name == self.entry.name.traverse:
            self._view.parts.film.pause()
            self.go(frame)
        elif self.other is not None and name == self.other.name.traverse and self._view.parts.tab == "Compare":
            self._on_right(frame)
        elif self._view.parts.tree.choose(self.entry.name.beside(name)):
            self.go(frame)


def _is(entry: CatalogueEntry | None, folder: str) -> bool:
    return entry is not None and entry.traverse is not None and str(entry.traverse.folder) == folder
