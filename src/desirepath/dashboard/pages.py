"""Placeholder until the pages land."""

from __future__ import annotations

from typing import Any


def render_home(report: Any, namespaces: Any, current: Any) -> str:
    return "home"


def render_sign_in(message: str) -> str:
    return message
