"""Fails where a source file has outgrown its noun: ``file_length.py FILE...`` (the aim is 400 lines, the limit 500)."""

import sys
from pathlib import Path

LIMIT = 500

too_long = [(len(Path(name).read_text(encoding="utf-8").splitlines()), name) for name in sys.argv[1:]]
too_long = [(lines, name) for lines, name in too_long if lines > LIMIT]
for lines, name in too_long:
    print(f"{name}: {lines} lines, over {LIMIT}: is there a noun in it that wants a file of its own?")
sys.exit(bool(too_long))
