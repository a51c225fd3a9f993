"""The status page's files: read once at the start, served from memory.

They are the same for everybody and hold no secret, so they need no token; what they show comes from
the API, which asks for one where it is configured. Only names found at the start are served, so no
path can lead out of the folder.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from autoscaler.web.gate import PAGE
from autoscaler.web.responses import accepts_gzip

FOLDER = Path(__file__).parent / "page"
INDEX = "index.html"
CHARTS = "vendor/uPlot.esm.js"
"""The file without which the page shows tables in place of charts."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Only our own files, nothing inline, and requests to this server only."""

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_GZIP_WBITS = 31  # zlib's way to ask for the gzip container


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent: plain, compressed, and the tag that tells versions apart."""

    plain: bytes
    compressed: bytes
    etag: str
    media_type: str


class StatusPage:
    """The page's files by their path below ``/page/``."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read every file of a known type below ``folder``."""
        self._files = {path.relative_to(folder).as_posix(): _read(path) for path in _found(folder)}

    @property
    def has_charts(self) -> bool:
        """Whether the charting library is there; without it the page has tables only."""
        return CHARTS in self._files

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def routes(self) -> list[BaseRoute]:
        """Return the address of the files; ``/`` belongs to whoever chooses page or JSON there."""
        return [Route(PAGE + "{name:path}", self.file)]

    async def file(self, request: Request) -> Response:
        """Return a file."""
        return self.answer(request, request.path_params["name"])

    def answer(self, request: Request, name: str) -> Response:
        """Return a file by its name, or 304 where the client has this very version.

        Raises:
            HTTPException: 404; no such file.
        """
        file = self._files.get(name)
        if file is None:
            raise HTTPException(404, f"The status page has no file {name!r}. GET / is its start.")
        compressed = accepts_gzip(request.headers.get("accept-encoding", ""))
        headers = _headers(file, compressed=compressed)
        if _has(request.headers.get("if-none-match", ""), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        body = file.compressed if compressed else file.plain
        return Response(body, headers=headers, media_type=file.media_type)


@cache
def status_page() -> StatusPage:
    """Return the page as it is installed; its files are read at the first call."""
    return StatusPage()


def _found(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix in _TYPES and path.is_file())


def _read(path: Path) -> StaticFile:
    plain = path.read_bytes()
    packer = zlib.compressobj(9, zlib.DEFLATED, _GZIP_WBITS)
    return StaticFile(
        plain=plain,
        compressed=packer.compress(plain) + packer.flush(),
        etag=sha256(plain).hexdigest()[:20],
        media_type=_TYPES[path.suffix],
    )


def _headers(file: StaticFile, *, compressed: bool) -> dict[str, str]:
    """Return the headers; each coding is its own representation and has its own tag."""
    headers = {
        # ask again each time: a tag that still holds costs a few hundred bytes
        "Cache-Control": "no-cache",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "ETag": f'"{file.etag}{"-gz" if compressed else ""}"',
        "Vary": "Accept, Accept-Encoding",
    }
    return headers | ({"Content-Encoding": "gzip"} if compressed else {})


def _has(if_none_match: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
