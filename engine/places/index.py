"""LENS's index file of a traverse: Image_name,index[,gps_coordinate]."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadInput
from engine.places.natural import natural_key
from engine.storage import replacing

Coordinate = tuple[float, float]
_LARGEST_INDEX_FILE = 64 * 1024 * 1024
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_COORDINATE = re.compile(rf"^[\[(]?\s*({_NUMBER})\s*[,; ]\s*({_NUMBER})\s*[\])]?$")


@dataclass(frozen=True)
class IndexRow:
    """One frame of a traverse: its file's name, its place along the route, where it was taken (latitude, longitude)."""

    image: str
    index: int
    coordinate: Coordinate | None = None


def index_of_folder(folder: Path) -> list[IndexRow]:
    """Number the PNG files of a folder in natural order, as LENS's create_csv does.

    Raises:
        BadInput: the folder is missing or has no PNG.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder: check the dataset, camera and traverse names.")
    names = sorted((path.name for path in folder.iterdir() if path.suffix.lower() == ".png" and path.is_file()), key=natural_key)
    if not names:
        raise BadInput(f"{folder} has no PNG frames: bin a recording into it first.")
    return [IndexRow(name, position) for position, name in enumerate(names)]


def read_index(path: Path) -> list[IndexRow]:
    """Read an index file.

    Raises:
        BadInput: missing, without the columns Image_name and index, or with a row that cannot be read; the row is named.
    """
    try:
        if path.stat().st_size > _LARGEST_INDEX_FILE:
            raise BadInput(f"{path} is larger than {_LARGEST_INDEX_FILE >> 20} MiB: this is not an index file.")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist: make it with `revisit-cli index`.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as text ({error}).") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = {name.strip().lower(): name for name in reader.fieldnames or [] if name}
    if not {"image_name", "index"} <= columns.keys():
        raise BadInput(
            f"{path} needs the columns Image_name and index, but its first line is {','.join(reader.fieldnames or [])!r}."
        )
    rows = [_row(record, columns, f"{path}, line {reader.line_num}") for record in reader]
    if not rows:
        raise BadInput(f"{path} lists no frames.")
    return rows


def _row(record: dict[str, str | None], columns: dict[str, str], where: str) -> IndexRow:
    image, number = (str(record[columns[name]] or "").strip() for name in ("image_name", "index"))
    if not image or "/" in image or "\\" in image:
        raise BadInput(f"{where}: Image_name should be the name of a file in the traverse's folder, but is {image!r}.")
    try:
        index = int(number)
    except ValueError:
        raise BadInput(f"{where}: index should be a whole number, but is {number!r}.") from None
    given = str(record[columns["gps_coordinate"]] or "").strip() if "gps_coordinate" in columns else ""
    if not given:
        return IndexRow(image, index)
    match = _COORDINATE.match(given)
    if match is None:
        raise BadInput(f"{where}: gps_coordinate should be [latitude, longitude], but is {given!r}.")
    return IndexRow(image, index, (float(match[1]), float(match[2])))


def write_index(path: Path, rows: list[IndexRow]) -> None:
    """Write an index file as LENS does; the column gps_coordinate is there if any frame has one."""
    located = any(row.coordinate is not None for row in rows)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["Image_name", "index", "gps_coordinate"] if located else ["Image_name", "index"])
    for row in rows:
        place = [f"[{row.coordinate[0]!r}, {row.coordinate[1]!r}]" if row.coordinate else ""] if located else []
        writer.writerow([row.image, row.index, *place])
    with replacing(path) as part:
        part.write_text(text.getvalue(), encoding="utf-8")
