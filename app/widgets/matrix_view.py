"""A similarity matrix to look at, to walk through and to draw on: references downwards, queries to the right, light is alike."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.background import Background, Question
from app.theme import Theme
from app.widgets.matrix_axes import STRIP, Margins, draw_axes, draw_strip, margins_for
from app.widgets.matrix_canvas import PROPOSED_COLOUR, RIGHT_COLOUR, TRUTH_COLOUR, WRONG_COLOUR, MatrixCanvas
from engine.recognition.matrix_marks import PROPOSED, RIGHT, TRUE, WRONG, MatrixMarks, Neighbours
from engine.recognition.matrix_picture import Contrast, Picture, Rectangle, Reduction, make_picture

Tool = Literal["look", "draw"]
_AT_ONCE = 2_000_000  # cells that are coloured without leaving the UI thread: some 10 ms
_STILL = 4  # pixels that a click may move
_STEP = 10  # cells with Shift
_MOVES = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_PageUp: (-_STEP, 0),
    Qt.Key.Key_PageDown: (_STEP, 0),
}


class MatrixView(QWidget):
    """Shows a matrix (references, queries) of any size; the wheel zooms, dragging moves, a double click fits, arrows step.

    With the tool "look" a click sets the cursor and tells the cell. With "draw" the left button makes strokes, which are only
    told: whoever owns the ground truth changes it and calls `truth_changed`. A large matrix is coloured in the background; `stop`
    ends that when the panel closes.
    """

    cellClicked = Signal(int, int)  # reference, query
    cellHovered = Signal(object)  # (reference, query) under the mouse, or None
    cursorMoved = Signal(int, int)  # reference, query: by click or key
    strokeStarted = Signal(int, int)  # reference, query
    strokeMoved = Signal(int, int)
    strokeEnded = Signal(int, int)
    pictureReady = Signal()  # a new matrix is coloured and will be painted

    def __init__(self, theme: Theme, name: str = "matrix", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Similarity matrix")
        self.setToolTip("")
        self.setMinimumSize(160, 140)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._theme = theme
        self.canvas = MatrixCanvas()
        self.drawn = 0
        self._matrix: NDArray[Any] | None = None
        self._contrast: Contrast = "matrix"
        self._reduction: Reduction = "max"
        self._background = Background(self)
        self._picture_asked = Question(self._background, "Colour the matrix")
        self._tool: Tool = "look"
        self._cursor: tuple[int, int] | None = None
        self._hovered: tuple[int, int] | None = None
        self._press: tuple[QPoint, Qt.MouseButton] | None = None
        self._last = QPoint()
        self._dragging = False
        self._stroke: tuple[int, int] | None = None
        self._guide: tuple[tuple[int, int], ...] = ()
        self._points: tuple[tuple[int, int], ...] = ()
        self._states: NDArray[np.uint8] | None = None
        self._empty = "No matrix"
        theme.changed.connect(self._on_theme)
        self._on_theme()

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(520, 520)

    # -- what is shown

    def set_matrix(self, matrix: NDArray[Any] | None, keep_view: bool = False) -> None:
        """Show a similarity matrix (references, queries), higher is more alike; None shows none.

        What is marked on it (ground truth, matches, cursor) is forgotten where the size differs. `keep_view` keeps zoom and
        place where the size is the same.
        """
        self._picture_asked.give_up()
        same = matrix is not None and self._matrix is not None and matrix.shape == self._matrix.shape
        self._matrix = matrix
        if not same:
            self.canvas.shape = (matrix.shape[0], matrix.shape[1]) if matrix is not None else (0, 0)
            self.canvas.marks = MatrixMarks(self.canvas.shape) if matrix is not None else None
            self.canvas.masked, self.canvas.picture = None, None
            self._states, self._cursor, self._guide, self._points = None, None, (), ()
        self._lay_out()
        if not (same and keep_view):
            self.canvas.fit()
        self._colour()

    def set_contrast(self, contrast: Contrast) -> None:
        """Colour by the whole matrix's own values, or by each query's."""
        if contrast != self._contrast:
            self._contrast = contrast
            self._colour()

    def set_reduction(self, reduction: Reduction) -> None:
        """What a pixel shows that covers several cells: their largest value, or their mean."""
        if reduction != self._reduction:
            self._reduction = reduction
            self._colour()

    def set_truth(
        self,
        truth: NDArray[np.uint8] | None,
        mask: NDArray[np.bool_] | None = None,
        tolerance: int = 0,
        near: Neighbours | None = None,
    ) -> None:
        """Mark a ground truth of 0 and 1 (references, queries), its tolerance as a halo, and dim masked queries (queries,).

        The array is kept: change it in place and call truth_changed. The tolerance is in frames along the reference axis; `near`
        is one in metres in its place.

        Raises:
            BadInput: it is of another size than the matrix.
        """
        if self.canvas.marks is not None:
            self.canvas.marks.set_truth(truth, tolerance, near)
            self.canvas.masked = mask
            self._redraw()

    def truth_changed(self, where: Rectangle, cells: NDArray[np.int64] | None = None) -> None:
        """The ground truth was changed within these cells (first row, first column, past the last row, past the last column).

        `cells` are the flat indices of those that were changed, where they are known: few in a large rectangle are faster so.
        """
        if self.canvas.marks is not None:
            wide = self.canvas.marks.truth_changed(where, cells)
            place = self.canvas.cells_stale(wide)
            self.update(place.translated(self._margins.left, self._margins.top).toAlignedRect())

    def set_mask(self, mask: NDArray[np.bool_] | None) -> None:
        """Dim these queries (queries,)."""
        self.canvas.masked = mask
        self._redraw()

    def set_proposal(self, proposal: NDArray[np.uint8] | None) -> None:
        """Mark a proposed ground truth, in its own colour.

        Raises:
            BadInput: it is of another size than the matrix.
        """
        if self.canvas.marks is not None:
            self.canvas.marks.set_proposal(proposal)
            self._redraw()

    def set_matches(self, matches: NDArray[np.integer] | None, right: NDArray[np.bool_] | None = None) -> None:
        """Mark the reference that each query was matched to (queries,), -1 for none, and whether it is right.

        Raises:
            BadInput: there are more or fewer than queries.
        """
        if self.canvas.marks is not None:
            self.canvas.marks.set_matches(matches, right)
            self._redraw()

    def set_points(self, points: tuple[tuple[int, int], ...]) -> None:
        """Mark single cells (reference, query) with diamonds, and draw the line through them: anchors, in order of the query."""
        self._points = points
        self.update()

    def set_states(self, states: NDArray[np.uint8] | None) -> None:
        """Show a strip over the matrix with one state a query (queries,): an index into matrix_axes.STATES, 0 for none."""
        self._states = states
        self._lay_out()
        self.update()

    def set_guide(self, corners: tuple[tuple[int, int], ...]) -> None:
        """Draw a line through the middles of cells (reference, query): what a stroke would make."""
        if corners != self._guide:
            self._guide = corners
            self.update()

    def set_empty_text(self, text: str) -> None:
        """What is said where there is no matrix."""
        self._empty = text
        self.update()

    def set_cursor(self, reference: int, query: int) -> None:
        """Put the cross on a cell and bring it into view."""
        if self._matrix is None:
            return
        rows, columns = self.canvas.shape
        self._cursor = (min(max(reference, 0), rows - 1), min(max(query, 0), columns - 1))
        self.canvas.show_cell(*self._cursor)
        self.setAccessibleDescription(self.describe(*self._cursor))
        self.update()

    def forget_mouse(self) -> None:
        """Say what is under the cross, not under the mouse, until the mouse moves."""
        self._hovered = None
        self.update()

    @property
    def cursor_cell(self) -> tuple[int, int] | None:
        """(reference, query) under the cross."""
        return self._cursor

    @property
    def matrix(self) -> NDArray[Any] | None:
        """The matrix that is shown."""
        return self._matrix

    @property
    def coloured(self) -> bool:
        """Whether the matrix is coloured, so that it is seen."""
        return self.canvas.picture is not None and not self._picture_asked.open

    def set_tool(self, tool: Tool) -> None:
        """What the left button does: look around, or make strokes."""
        self._tool = tool
        self.setCursor(Qt.CursorShape.CrossCursor if tool == "draw" else Qt.CursorShape.ArrowCursor)

    def fit(self) -> None:
        """Show the whole matrix."""
        self.canvas.fit()
        self.update()

    def zoom(self, factor: float, around: QPointF | None = None) -> None:
        """Make cells larger by `factor`, around a place of the widget (the cursor, or the middle)."""
        if around is None and self._cursor is not None:
            around = QPointF(self.place_of(*self._cursor))
        if around is None:
            around = QPointF(self.rect().center())
        self.canvas.zoom(factor, around - QPointF(self._margins.left, self._margins.top))
        self.update()

    def describe(self, reference: int, query: int) -> str:
        """A cell in words."""
        value = f": {float(self._matrix[reference, query]):.4g}" if self._matrix is not None else ""
        return f"reference {reference}, query {query}{value}"

    def stop(self) -> None:
        """The panel closes: end what runs in the background."""
        self._background.stop()

    # -- places

    def cell_at(self, place: QPoint | QPointF) -> tuple[int, int] | None:
        """(reference, query) under a place of the widget; None outside the matrix."""
        query, reference = self._exactly(place)
        rows, columns = self.canvas.shape
        return (int(reference), int(query)) if 0 <= reference < rows and 0 <= query < columns else None

    def place_of(self, reference: int, query: int) -> QPoint:
        """The middle of a cell, as a place of the widget."""
        middle = self.canvas.rectangle((reference, query, reference + 1, query + 1)).center()
        return QPointF(middle.x() + self._margins.left, middle.y() + self._margins.top).toPoint()

    def _exactly(self, place: QPoint | QPointF) -> tuple[float, float]:
        return self.canvas.cell_at(QPointF(place) - QPointF(self._margins.left, self._margins.top))

    def _nearest(self, place: QPoint | QPointF) -> tuple[int, int]:
        query, reference = self._exactly(place)
        rows, columns = self.canvas.shape
        return min(max(int(reference // 1), 0), rows - 1), min(max(int(query // 1), 0), columns - 1)

    # -- mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a stroke, or take hold of the matrix."""
        if self._matrix is None or self._press is not None:
            event.ignore()
            return
        place = event.position().toPoint()
        self._press, self._last, self._dragging = (place, event.button()), place, False
        if self._tool == "draw" and event.button() == Qt.MouseButton.LeftButton:
            cell = self.cell_at(place)
            if cell is not None:
                self._stroke = cell
                self._go_to(*cell)
                self.strokeStarted.emit(*cell)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with the stroke, move the matrix, or say which cell is under the mouse."""
        place = event.position().toPoint()
        if self._press is None:
            self._hover(self.cell_at(place))
            return
        if self._stroke is not None:
            cell = self._nearest(place)
            self._hover(cell)
            if cell != self._stroke:
                self._stroke = cell
                self.strokeMoved.emit(*cell)
            return
        if (place - self._press[0]).manhattanLength() >= _STILL:
            self._dragging = True
        if self._dragging and not (self._tool == "draw" and self._press[1] == Qt.MouseButton.LeftButton):
            self.canvas.move(place.x() - self._last.x(), place.y() - self._last.y())
            self._last = place
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the stroke, or tell the cell that was clicked."""
        if self._press is None or event.button() != self._press[1]:
            return
        (place, button), self._press = self._press, None
        if self._stroke is not None:
            self._stroke = None
            cell = self._nearest(event.position())
            self._go_to(*cell)
            self.strokeEnded.emit(*cell)
        elif not self._dragging and button == Qt.MouseButton.LeftButton:
            clicked = self.cell_at(place)
            if clicked is not None:
                self._go_to(*clicked)
                self.cellClicked.emit(*clicked)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit, while looking around."""
        if self._tool == "look" and event.button() == Qt.MouseButton.LeftButton:
            self.fit()
        else:
            self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the mouse."""
        if self._matrix is not None and event.angleDelta().y():
            self.zoom(1.0015 ** event.angleDelta().y(), event.position())
            event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """No cell is under the mouse any more."""
        super().leaveEvent(event)
        self._hover(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows step (Shift: ten cells), Page keys step ten references, Home and End go to the ends, + - F zoom and fit."""
        key, modifiers = Qt.Key(event.key()), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        shifted = modifiers == Qt.KeyboardModifier.ShiftModifier
        if self._matrix is None or (modifiers and not shifted):
            super().keyPressEvent(event)
        elif key in _MOVES:
            self._hovered = None  # the read-out follows the cursor
            step = _STEP if shifted and abs(sum(_MOVES[key])) == 1 else 1
            row, column = self._cursor or (0, 0)
            moved = _MOVES[key] if self._cursor is not None else (0, 0)
            self._go_to(row + step * moved[0], column + step * moved[1])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End) and not shifted:
            self._hovered = None
            self._go_to((self._cursor or (0, 0))[0], 0 if key == Qt.Key.Key_Home else self.canvas.shape[1] - 1)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(1.4)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / 1.4)
        elif key == Qt.Key.Key_F and not shifted:
            self.fit()
        else:
            super().keyPressEvent(event)

    def _go_to(self, reference: int, query: int) -> None:
        before = self._cursor
        self.set_cursor(reference, query)
        if self._cursor is not None and self._cursor != before:
            self.cursorMoved.emit(*self._cursor)

    def _hover(self, cell: tuple[int, int] | None) -> None:
        if cell != self._hovered:
            self._hovered = cell
            self.cellHovered.emit(cell)
            self.update(0, self.height() - self._margins.bottom, self.width(), self._margins.bottom)

    # -- drawing

    def _colour(self) -> None:
        matrix, contrast, reduction = self._matrix, self._contrast, self._reduction
        self._picture_asked.give_up()
        if matrix is None:
            self._take(None)
        elif matrix.size <= _AT_ONCE:
            self._take(make_picture(matrix, contrast, reduction))
        else:
            self._picture_asked.ask(lambda cancel: make_picture(matrix, contrast, reduction, cancel), self._take)

    def _take(self, picture: Picture | None) -> None:
        self.canvas.picture = picture
        self._redraw()
        if picture is not None:
            self.pictureReady.emit()

    def _redraw(self) -> None:
        self.canvas.all_stale()
        self.update()

    def _lay_out(self) -> None:
        """Give the matrix what room there is; one that was seen whole stays so."""
        whole = self.canvas.seen() == (0, 0, *self.canvas.shape)
        self._margins: Margins = margins_for(self.fontMetrics(), self.canvas.shape[0], self._states is not None)
        margins = self._margins
        self.canvas.set_size(
            max(self.width() - margins.left - margins.right, 1),
            max(self.height() - margins.top - margins.bottom, 1),
            self.devicePixelRatioF(),
        )
        if whole:
            self.canvas.fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another size."""
        self._lay_out()

    def changeEvent(self, event: QEvent) -> None:
        """Another font needs other margins."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what has changed."""
        self.drawn += 1
        painter, margins, colours = QPainter(self), self._margins, self._theme.colours
        room = QRectF(margins.left, margins.top, *self.canvas.size)
        if self._matrix is None:
            painter.setPen(QColor(colours.muted))
            wrapped = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(16, 0, -16, 0), wrapped, self._empty)
            painter.end()
            return
        image = self.canvas.image()
        painter.drawImage(room.topLeft(), image)
        painter.save()
        painter.setClipRect(room)
        painter.translate(room.topLeft())
        self._draw_outlines(painter)
        self._draw_points(painter)
        self._draw_cursor(painter)
        painter.restore()
        if not self.coloured:
            painter.setPen(QColor(colours.text))
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, "Colouring the matrix…")
        hovered = self._hovered or self._cursor
        draw_axes(painter, self.canvas, margins, self.size(), colours, self.describe(*hovered) if hovered else "")
        if self._states is not None:
            strip = QRectF(margins.left, margins.top - STRIP - 2, room.width(), STRIP)
            draw_strip(painter, self.canvas, strip, self._states, colours)
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(room.adjusted(-1, -1, 0, 0))
        painter.end()

    def _draw_outlines(self, painter: QPainter) -> None:
        """From near, marks are outlines and dots, so that the matrix is seen under them."""
        marks = self.canvas.marks
        if not self.canvas.near or marks is None or marks.flags is None:
            return
        top, left, bottom, right = self.canvas.seen()
        part = marks.flags.levels[0][top:bottom, left:right]
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for bit, colour in ((PROPOSED, PROPOSED_COLOUR), (TRUE, TRUTH_COLOUR)):
            painter.setPen(QPen(QColor(colour), 1.6))
            rows, columns = np.nonzero(part & bit)
            for row, column in zip((rows + top).tolist(), (columns + left).tolist(), strict=True):
                painter.drawRect(self.canvas.rectangle((row, column, row + 1, column + 1)).adjusted(0.8, 0.8, -0.8, -0.8))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor("#000000"), 0.8))
        for bit, colour in ((RIGHT, RIGHT_COLOUR), (WRONG, WRONG_COLOUR)):
            painter.setBrush(QColor(colour))
            rows, columns = np.nonzero(part & bit)
            for row, column in zip((rows + top).tolist(), (columns + left).tolist(), strict=True):
                place = self.canvas.rectangle((row, column, row + 1, column + 1))
                radius = min(place.width(), place.height()) * 0.26
                painter.drawEllipse(place.center(), radius, radius)

    def _draw_points(self, painter: QPainter) -> None:
        """Anchors as diamonds, and the line of a stroke that is being made."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        corners = [self.canvas.rectangle((row, column, row + 1, column + 1)).center() for row, column in self._guide]
        if len(corners) > 1:
            for colour, width in (("#000000", 3.0), (TRUTH_COLOUR, 1.6)):
                painter.setPen(QPen(QColor(colour), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
                painter.drawPolyline(corners)
        middles = [self.canvas.rectangle((row, column, row + 1, column + 1)).center() for row, column in self._points]
        if len(middles) > 1:
            for colour, weight in (("#000000", 2.0), ("#ffffff", 1.0)):
                painter.setPen(QPen(QColor(colour), weight, Qt.PenStyle.DotLine))
                painter.drawPolyline(middles)
        painter.setBrush(QColor(TRUTH_COLOUR))
        for middle in middles:
            for colour, reach in (("#000000", 6.5), ("#ffffff", 5.0)):
                around = ((0.0, -reach), (reach, 0.0), (0.0, reach), (-reach, 0.0))
                painter.setPen(QPen(QColor(colour), 1.5))
                painter.drawPolygon([QPointF(middle.x() + x, middle.y() + y) for x, y in around])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _draw_cursor(self, painter: QPainter) -> None:
        if self._cursor is None:
            return
        row, column = self._cursor
        cell = self.canvas.rectangle((row, column, row + 1, column + 1))
        width, height = self.canvas.size
        for colour, weight in (("#000000", 2.0), ("#ffffff", 1.0)):
            ink = QColor(colour)
            ink.setAlpha(110)
            painter.setPen(QPen(ink, weight))
            x, y = cell.center().x(), cell.center().y()
            for begin, end in (((x, 0.0), (x, cell.top() - 3)), ((x, cell.bottom() + 3), (x, float(height)))):
                painter.drawLine(QPointF(*begin), QPointF(*end))
            for begin, end in (((0.0, y), (cell.left() - 3, y)), ((cell.right() + 3, y), (float(width), y))):
                painter.drawLine(QPointF(*begin), QPointF(*end))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, reach in (("#000000", 2.0), ("#ffffff", 1.0)):
            painter.setPen(QPen(QColor(colour), 1))
            painter.drawRect(cell.adjusted(-reach, -reach, reach, reach))

    def _on_theme(self) -> None:
        self.canvas.set_colours(self._theme.colours)
        self._lay_out()
        self.update()
