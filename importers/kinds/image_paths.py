"""Which paths an image may have below the shop's folder of images, which is often one that a web server serves."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath

from importers.texts import N_

OURS = ".obmen"
"""The folder of mark and lists; our other names begin so. No image may have such a name anywhere."""
MANIFEST = "manifest.tsv"

_RUN = re.compile(
    r"\.(?:[ac]sp|aspx|ashx|asmx|asa|cer|jspx?|jspf|cfm|f?cgi|pl|pm|py|rb|sh|s?html?|xhtml|mht(?:ml)?|m?js|swf|wasm|xml|xslt?"
    r"|config|ini)$",
    re.IGNORECASE,
)
_RUN_ANYWHERE = re.compile(r"\.(?:ph(?:p\d?|ps|t|tml|ar))(?:\.|$)", re.IGNORECASE)
"""Some servers run `x.php.jpg`, too."""


def refused(path: str) -> str | None:
    """Why no image can have this path, whatever lies there; None: one can."""
    pure = PurePosixPath(path)
    if (
        pure.is_absolute()
        or ".." in pure.parts
        or "\\" in path
        or any(ord(sign) < 32 or ord(sign) == 127 for sign in path)
        or any(piece.startswith(OURS) for piece in pure.parts)
        or pure.parts[:1] in ((), (MANIFEST,))
    ):
        return N_("the path of the image is not one inside of the folder of images")
    if any(piece.startswith(".") for piece in pure.parts) or _RUN_ANYWHERE.search(path) or _RUN.search(path):
        return N_("it is no image but something that a web server would run or show as a page")
    if any(len(os.fsencode(piece)) > 255 for piece in pure.parts) or len(os.fsencode(path)) > 3000:
        return N_("the path of the image is too long")
    return None
