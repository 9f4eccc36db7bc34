"""Placeholder until the reference page lands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def render_api_docs(openapi: Mapping[str, Any]) -> str:
    return str(openapi["info"]["title"])
