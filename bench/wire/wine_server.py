# SPDX-License-Identifier: Apache-2.0
"""Where Wine's server is. All sockets of Windows programs are its own."""

import shutil


def find():
    """Its path, or None."""
    candidates = ("wineserver", "/usr/lib/wine/wineserver64", "/usr/lib/wine/wineserver")
    return next((found for found in map(shutil.which, candidates) if found), None)
