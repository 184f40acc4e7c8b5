"""Speed and memory, see `__main__.py`. What starts servers, workers and terminals for it is that of the tests."""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))  # noqa: PTH100, PTH118, PTH120 (a bare app pays for what is imported here)
