"""What browsers may load and run on our pages: what we serve ourselves, and nothing written into the page."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

#: For every page. No inline script or style: a hostile title that slipped through the escaping still runs nothing.
STRICT = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
#: The documentation page sizes its own parts by inline styles; it runs nothing inline, and shows nothing delivered.
DOCUMENTATION = STRICT.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


def content_security(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: every answer says what may be loaded; one that says so itself keeps its own word."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        allowed = DOCUMENTATION if request.path.startswith("/api/docs") else STRICT
        response.headers.setdefault("Content-Security-Policy", allowed)
        return response

    return middleware
