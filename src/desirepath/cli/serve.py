"""``desirepath serve``."""

from __future__ import annotations

import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import click

from desirepath.cli.common import open_engine
from desirepath.dashboard.sign_in import make_link_token
from desirepath.engine.bootstrap import ensure_admin_key
from desirepath.server import listen, serve
from desirepath.settings import Settings, describe_settings, load_settings

__all__ = ["serve_command"]

_LINK_SECONDS = 600


def _options(command: Any) -> Any:
    """A flag for every setting, in the order they are described."""
    for name, default, sentence in reversed(describe_settings()):
        flag = "--" + name.replace("_", "-")
        shown = "" if default in (None, "") else f"  [default: {str(default).lower()}]"
        if isinstance(default, bool):
            option = click.option(f"{flag}/--no-{flag[2:]}", default=None, help=sentence + shown)
        else:
            option = click.option(flag, default=None, metavar="VALUE", help=sentence + shown)
        command = option(command)
    return command


@click.command("serve")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings (TOML).")
@click.option("--local-link", is_flag=True, help="Print a one-time link that signs in at /.")
@_options
def serve_command(config: Path | None, local_link: bool, **flags: Any) -> None:
    """Start the service; it prints `ready http://HOST:PORT` when it can answer.

    Each option is also a variable, DESIREPATH_ and its name in capitals, and a line in the settings
    file. A flag beats a variable, which beats the file.
    """
    settings = load_settings(flags, os.environ, config)
    with listen(settings) as listener:
        with open_engine(settings, create=True) as engine:
            token = ensure_admin_key(engine, settings.admin_key)
            secret = None
            if local_link:
                with engine.storage.read() as session:
                    secret = session.catalog.secret("cookie")
        announce = _Announcement(settings, token, secret)
        serve(settings, listener, announce)


class _Announcement:
    """What to print when the service answers."""

    def __init__(self, settings: Settings, token: str | None, secret: bytes | None) -> None:
        self._chosen = settings.admin_key is not None
        self._database = settings.database
        self._token = token
        self._secret = secret

    def __call__(self, address: str) -> None:
        lines = [f"ready {address}"]
        if self._secret is not None:
            lines += self._first_steps(address)
        elif self._token is not None and not self._chosen:
            lines += ["", "Admin key (shown only now):", f"  {self._token}"]
        print("\n".join(lines), flush=True)
        sys.stdout.flush()

    def _link_token(self) -> str:
        """Opens the first page once; the page remembers which were used."""
        subject = f"link-{secrets.token_hex(16)}"
        return make_link_token(self._secret or b"", subject, int(time.time()), _LINK_SECONDS)

    def _first_steps(self, address: str) -> list[str]:
        key = "$DESIREPATH_KEY"
        lines = [""]
        if self._token is not None and self._chosen:
            lines += ["The admin key is the one in DESIREPATH_ADMIN_KEY:"]
            lines += ["  export DESIREPATH_KEY=$DESIREPATH_ADMIN_KEY", ""]
        elif self._token is not None:
            key = self._token
            lines += ["Admin key (shown only now; keep it):", f"  {key}", ""]
        else:
            lines += [
                "The admin key was shown at the first start. A new one:",
                f"  .venv/bin/desirepath keys create --kind admin --database {self._database}",
                "  export DESIREPATH_KEY=…",
                "",
            ]
        click_body = '{"feature_id": "doc_1", "interaction_type": ["click"], "position": 0}'
        lines += [
            "Record a click:",
            f'  curl -s {address}/v1/retrievers/interactions -H "Authorization: Bearer {key}" '
            f"-H 'Content-Type: application/json' -d '{click_body}' | tee /tmp/desirepath-click",
            "Read it back:",
            f'  curl -s -H "Authorization: Bearer {key}" {address}/v1/retrievers/interactions/'
            "$(grep -o 'int_[0-9a-f]*' /tmp/desirepath-click)",
            "",
            "Look at it (this link signs you in once, within ten minutes):",
            f"  {address}/sign-in?token={self._link_token()}",
            f"The API is described at {address}/docs. Stop with Ctrl-C.",
        ]
        return lines
