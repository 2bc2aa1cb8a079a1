"""The guide: list, search, links, pictures."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QColor, QDesktopServices, QImage, QTextDocument
from pytestqt.qtbot import QtBot

from app.theme import Theme
from app.widgets import guide as guide_module
from app.widgets.guide import Guide, read_pages


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pages = tmp_path / "guide"
    pages.mkdir()
    (pages / "first-steps.md").write_text(
        "# First steps\n\nOpen a workspace. See [Capture](capture.md) or [LENS](https://example.org).\n"
    )
    (pages / "capture.md").write_text("# Capture\n\nA workspace, a workspace, a hot pixel.\n\n![](wide.png)\n")
    (pages / "bare.md").write_text("No heading here.\n")
    image = QImage(2000, 500, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    image.save(str(pages / "wide.png"))
    monkeypatch.setattr(guide_module, "resource", lambda name: pages)
    return pages


@pytest.fixture
def guide(folder: Path, theme: Theme, qtbot: QtBot) -> Guide:
    made = Guide(theme, folder)
    qtbot.addWidget(made)
    made.resize(420, 600)
    made.show()
    made.open()
    return made


def titles(guide: Guide) -> list[str]:
    return [guide.list.item(row).text() for row in range(guide.list.count())]


def test_pages_are_listed_the_first_steps_first(guide: Guide) -> None:
    assert titles(guide) == ["First steps", "Bare", "Capture"]
    assert guide.page is not None and guide.page.name == "first-steps"
    assert "Open a workspace." in guide.browser.toPlainText()


def test_a_click_shows_a_page(guide: Guide, qtbot: QtBot) -> None:
    rect = guide.list.visualItemRect(guide.list.item(2))
    qtbot.mouseClick(guide.list.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert "hot pixel" in guide.browser.toPlainText()


def test_search_sorts_counts_and_marks(guide: Guide, qtbot: QtBot) -> None:
    qtbot.keyClicks(guide.search, "workspace")
    assert titles(guide) == ["Capture   (2)", "First steps   (1)"]
    assert len(guide.browser.extraSelections()) == 1
    guide.search.clear()
    qtbot.keyClicks(guide.search, "hot pixel")
    assert titles(guide) == ["Capture   (2)"] and guide.page is not None and guide.page.name == "capture"
    guide.search.clear()
    qtbot.keyClicks(guide.search, "zebra")
    assert titles(guide) == ["Nothing found"]
    guide.open("first-steps")
    assert guide.search.text() == "" and guide.page.name == "first-steps"


def test_links_within_the_guide_and_outside(guide: Guide, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    guide.browser.anchorClicked.emit(QUrl("capture.md"))
    assert guide.page is not None and guide.page.name == "capture" and opened == []
    guide.browser.anchorClicked.emit(QUrl("https://example.org"))
    assert opened == ["https://example.org"]


def test_pictures_are_no_wider_than_the_page(guide: Guide) -> None:
    guide.open("capture")
    kind = QTextDocument.ResourceType.ImageResource.value
    image = guide.browser.loadResource(kind, QUrl("wide.png"))
    assert 100 < image.width() <= guide.browser.viewport().width() and image.height() == round(image.width() / 4)


def test_an_installation_without_pages(tmp_path: Path, theme: Theme, qtbot: QtBot) -> None:
    made = Guide(theme, tmp_path)
    qtbot.addWidget(made)
    made.open()
    assert titles(made) == ["No pages in this installation"] and made.page is None


def test_our_own_pages_have_titles_and_no_dead_links() -> None:
    import re

    pages = read_pages()
    assert pages and pages[0].name == "first-steps"
    names = {page.name for page in pages}
    for page in pages:
        assert page.text.startswith("# "), page.name
        for target in re.findall(r"\]\(([^)#:]+)\.md", page.text):
            assert target in names, f"{page.name} leads to {target}"
