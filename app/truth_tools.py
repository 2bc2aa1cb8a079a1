"""The tools with which a ground truth is drawn: from the matrix's strokes and keys to the engine's edits."""

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Signal

from app.truth_editor import TruthEditor
from app.widgets.matrix_view import MatrixView
from engine.places.truth.document import Cell, band_cells, line_cells, one_each

ToolName = Literal["look", "pencil", "line", "band", "eraser", "anchor", "mask"]


@dataclass(frozen=True)
class ToolSpec:
    """A tool, its key and what it does."""

    name: ToolName
    text: str
    key: str
    tip: str


TOOLS: tuple[ToolSpec, ...] = (
    ToolSpec("look", "Look", "V", "Look: click a cell to see its frames, drag to move, wheel to zoom, double click to fit"),
    ToolSpec("pencil", "Pencil", "B", "Pencil: give queries a match where you draw"),
    ToolSpec("line", "Line", "L", "Line: drag from one pair of frames to another; all queries between get a match"),
    ToolSpec("band", "Band", "D", "Band: a line as many references wide as the width says"),
    ToolSpec("eraser", "Eraser", "E", "Eraser: take matches away where you draw"),
    ToolSpec("anchor", "Anchor", "A", "Anchor: click pairs of frames that show one place; click one again to remove it"),
    ToolSpec("mask", "Mask", "M", "Mask: draw over queries that cannot be scored; over masked ones to score them again"),
)


class TruthTools(QObject):
    """Turns strokes into edits. A line and a band are made when they are let go; Escape leaves them."""

    guideChanged = Signal()

    def __init__(self, matrix: MatrixView, editor: TruthEditor, parent: QObject) -> None:
        super().__init__(parent)
        self.setObjectName("truthTools")
        self._matrix, self._editor = matrix, editor
        self.tool: ToolName = "look"
        self.width = 1  # references, of the band, the eraser and the pencil
        self.alone = True  # one match a query
        self._begin: Cell | None = None
        self._last: Cell | None = None
        self._masking = True
        self._by_key = False
        matrix.strokeStarted.connect(self._on_started)
        matrix.strokeMoved.connect(self._on_moved)
        matrix.strokeEnded.connect(self._on_ended)
        matrix.cursorMoved.connect(self._on_cursor)

    def choose(self, tool: ToolName) -> None:
        """Take a tool."""
        self.leave()
        self.tool = tool
        self._matrix.set_tool("look" if tool == "look" or not self._editor.editable else "draw")

    def leave(self) -> None:
        """Drop what was begun: a line without its end, a stroke."""
        self._editor.cancel_stroke()
        self._begin = self._last = None
        self._by_key = False
        self._matrix.set_guide(())

    @property
    def begun(self) -> bool:
        """Whether a line or band waits for its end."""
        return self._begin is not None and self._by_key

    def use_at_cursor(self) -> bool:
        """What a click at the cursor would do: the keyboard's stroke. False with the tool "look"."""
        cell = self._matrix.cursor_cell
        if cell is None or self.tool == "look" or not self._editor.editable:
            return False
        if self.tool in ("line", "band") and self._begin is None:
            self._begin, self._by_key = cell, True
            self._matrix.set_guide((cell,))
        elif self.tool in ("line", "band"):
            self._finish_line(cell)
        else:
            self._on_started(*cell)
            self._on_ended(*cell)
        return True

    # -- strokes

    def _on_started(self, reference: int, query: int) -> None:
        document, cell = self._editor.document, (reference, query)
        if document is None or not self._editor.editable:
            return
        if self._begin is not None and self._by_key:  # begun with the keyboard, ended with the mouse
            self._finish_line(cell)
            return
        self._begin = self._last = cell
        if self.tool == "pencil":
            self._draw([cell])
        elif self.tool == "eraser":
            self._editor.stroke(document.erase(band_cells(cell, cell, self.width)))
        elif self.tool == "mask":
            self._masking = not document.mask[query]
            self._editor.stroke(document.set_mask([query], self._masking))
        elif self.tool == "anchor":
            self._anchor(cell)

    def _on_moved(self, reference: int, query: int) -> None:
        document, cell = self._editor.document, (reference, query)
        if document is None or self._begin is None or self._last is None:
            return
        if self.tool in ("line", "band"):
            self._matrix.set_guide((self._begin, cell))
        elif self.tool == "pencil":
            self._draw(line_cells(self._last, cell))
        elif self.tool == "eraser":
            self._editor.stroke(document.erase(_between(self._last, cell, self.width)))
        elif self.tool == "mask":
            first, last = sorted((self._last[1], query))
            self._editor.stroke(document.set_mask(range(first, last + 1), self._masking))
        self._last = cell

    def _on_ended(self, reference: int, query: int) -> None:
        if self._begin is None or self._by_key:
            return
        if self.tool in ("line", "band"):
            self._finish_line((reference, query))
        else:
            self._on_moved(reference, query)
            self._editor.end_stroke()
        self._begin = self._last = None

    def _on_cursor(self, reference: int, query: int) -> None:
        if self.begun and self._begin is not None:
            self._matrix.set_guide((self._begin, (reference, query)))

    def _draw(self, middle: list[Cell]) -> None:
        document = self._editor.document
        if document is None:
            return
        cells = middle if self.width == 1 else [cell for place in middle for cell in band_cells(place, place, self.width)]
        self._editor.stroke(document.paint(one_each(middle) if self.alone and self.width == 1 else cells, self.alone))

    def _finish_line(self, end: Cell) -> None:
        document, begin = self._editor.document, self._begin
        self._begin = self._last = None
        self._by_key = False
        self._matrix.set_guide(())
        if document is None or begin is None:
            return
        if self.tool == "line":
            cells = line_cells(begin, end)
            alone = self.alone and begin[1] != end[1]  # down a column a line means several matches
            self._editor.do(document.paint(cells, alone, "Line"))
        else:
            self._editor.do(document.paint(band_cells(begin, end, max(self.width, 1)), self.alone, "Band"))

    def _anchor(self, cell: Cell) -> None:
        document = self._editor.document
        if document is None:
            return
        reach = self._reach()
        near = [
            query for reference, query in document.anchors if abs(reference - cell[0]) <= reach and abs(query - cell[1]) <= reach
        ]
        self._begin = self._last = None
        self._editor.do(document.remove_anchors(near) if near else document.add_anchor(*cell))

    def _reach(self) -> int:
        """Cells within which a click means an anchor that is there: some pixels, when seen from afar."""
        return int(5 / max(min(self._matrix.canvas.scale), 1e-6))


def _between(begin: Cell, end: Cell, width: int) -> list[Cell]:
    """The cells that an eraser passes over: also down a column, where a line has several cells of one query."""
    cells = band_cells(begin, end, width)
    if begin[1] != end[1] and abs(end[0] - begin[0]) > abs(end[1] - begin[1]):
        # Steep: step by references, so that nothing between is passed over.
        steps = abs(end[0] - begin[0])
        cells += [
            (begin[0] + (end[0] - begin[0]) * step // steps, begin[1] + (end[1] - begin[1]) * step // steps)
            for step in range(steps + 1)
        ]
    return cells
