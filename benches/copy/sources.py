"""The files that are copied, and the STAC documents that list them."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

PIECE = 1 << 20
COLLECTION = "bench"


@dataclass(frozen=True)
class Source:
    """One file: its name, its size in bytes, its SHA-256 in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class FileSet:
    """Files of one size, in a folder of the web server's root."""

    name: str
    title: str
    files: list[Source]
    folder: Path

    @property
    def size(self) -> int:
        return sum(f.size for f in self.files)


def make(root: Path, name: str, count: int, size: int) -> FileSet:
    """Writes `count` files of `size` random bytes into `root/name`; they are in the page cache then."""
    folder = root / name
    folder.mkdir(parents=True)
    files = []
    for n in range(count):
        digest = hashlib.sha256()
        path = folder / f"file-{n:04}.bin"
        with path.open("wb") as out:
            left = size
            while left > 0:
                piece = os.urandom(min(PIECE, left))
                out.write(piece)
                digest.update(piece)
                left -= len(piece)
        files.append(Source(path.name, size, digest.hexdigest()))
    each = f"{size / 1e6:.0f} MB" if size < 1 << 29 else f"{size >> 20} MiB"
    return FileSet(name, f"{count} × {each}", files, folder)


def items(files: FileSet, url: str) -> list[dict]:
    """One item a file, whose only asset `data` is at `url`."""
    box = [5.0, 52.0, 6.0, 53.0]
    ring = [[5, 52], [6, 52], [6, 53], [5, 53], [5, 52]]
    return [
        {
            "type": "Feature",
            "stac_version": "1.0.0",
            "stac_extensions": ["https://stac-extensions.github.io/file/v2.1.0/schema.json"],
            "id": file.name.removesuffix(".bin"),
            "collection": COLLECTION,
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "bbox": box,
            "properties": {"datetime": "2003-07-01T00:00:00Z"},
            "links": [],
            "assets": {
                "data": {
                    "href": f"{url}/{files.name}/{file.name}",
                    "type": "application/octet-stream",
                    "roles": ["data"],
                    "file:size": file.size,
                    "file:checksum": "1220" + file.sha256,
                }
            },
        }
        for file in files.files
    ]


def write_collection(features: list[dict], path: Path) -> None:
    """Writes the items as one document, an item collection."""
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def write_catalog(features: list[dict], folder: Path) -> None:
    """Writes a static catalog: a catalog of one collection of all items, a document each."""

    def link(rel: str, href: str) -> dict:
        return {"rel": rel, "href": href, "type": "application/geo+json" if rel == "item" else "application/json"}

    def write(path: Path, document: dict) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2))

    root = {"type": "Catalog", "stac_version": "1.0.0", "id": "root", "description": "Files to copy"}
    write(
        folder / "catalog.json",
        root | {"links": [link("root", "./catalog.json"), link("child", f"./{COLLECTION}/collection.json")]},
    )
    collection = {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": COLLECTION,
        "description": "Files to copy",
        "license": "other",
        "extent": {
            "spatial": {"bbox": [features[0]["bbox"]]},
            "temporal": {"interval": [["2003-07-01T00:00:00Z", "2003-07-01T00:00:00Z"]]},
        },
    }
    links = [link("root", "../catalog.json"), link("parent", "../catalog.json")]
    links += [link("item", f"./{item['id']}/{item['id']}.json") for item in features]
    write(folder / COLLECTION / "collection.json", collection | {"links": links})
    up = [
        link("root", "../../catalog.json"),
        link("parent", "../collection.json"),
        link("collection", "../collection.json"),
    ]
    for item in features:
        write(folder / COLLECTION / item["id"] / f"{item['id']}.json", item | {"links": up})
