"""Rate limits: per key, per address, and for failed logins."""

from __future__ import annotations

import time
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from desirepath.api.endpoint import ApiRules, header_map
from desirepath.api.metrics import Metrics
from desirepath.domain.access import Key
from desirepath.errors import InvalidSetting, LimitExceeded

__all__ = ["Limits", "read_networks"]

_WINDOW_SECONDS = 60


class Limits:
    """Counts requests a minute in this process."""

    def __init__(self, rules: ApiRules, metrics: Metrics) -> None:
        self._metrics = metrics
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._per_key = _item(rules.key_requests_per_minute)
        self._per_address = _item(rules.address_requests_per_minute)
        self._failed = _item(rules.failed_logins_per_minute)
        self._proxies = rules.trusted_proxies

    def address_of(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> str:
        """The client's address; a forwarding header counts only when a trusted proxy sent it."""
        client = scope.get("client")
        address = client[0] if client else ""
        if not self._proxies or not self._is_proxy(address):
            return address
        for hop in reversed(headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")):
            address = hop.strip() or address
            if not self._is_proxy(address):
                break
        return address

    def is_secure(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> bool:
        """Whether the client came by HTTPS, as far as a trusted proxy says."""
        client = scope.get("client")
        return (
            headers.get(b"x-forwarded-proto") == b"https"
            and client is not None
            and self._is_proxy(client[0])
        )

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._proxies)

    def spend(self, key: Key, address: str, headers: dict[str, str]) -> None:
        """Count a request; the headers say what is left.

        Raises
        ------
        LimitExceeded
            The key or the address has used up its minute.
        """
        for item, name, who in (
            (self._per_key, "key", key.key_id),
            (self._per_address, "address", address),
        ):
            if item is not None:
                self._spend(item, name, who, headers)

    def fail_login(self, address: str, reason: str) -> None:
        """Count a request without a good key; ``reason`` is one of a few words of ours.

        Raises
        ------
        LimitExceeded
            The address has used up its minute.
        """
        self._metrics.failed_login(reason)
        if self._failed is not None:
            self._spend(self._failed, "failed_logins", address, {})

    def fail_sign_in(self, scope: Mapping[str, Any]) -> None:
        """:meth:`fail_login`, of a person at a page."""
        self.fail_login(self.address_of(scope, header_map(scope)), "sign_in")

    def _spend(
        self, item: RateLimitItemPerMinute, name: str, who: str, headers: dict[str, str]
    ) -> None:
        within = self._limiter.hit(item, name, who)
        window = self._limiter.get_window_stats(item, name, who)
        headers["X-RateLimit-Limit"] = str(item.amount)
        headers["X-RateLimit-Remaining"] = str(window.remaining)
        headers["X-RateLimit-Reset"] = str(int(window.reset_time))
        headers["X-RateLimit-Window"] = str(_WINDOW_SECONDS)
        if not within:
            self._metrics.limited(name)
            wait = max(0.1, round(window.reset_time - time.time(), 1))
            raise LimitExceeded(wait, item.amount, _WINDOW_SECONDS, name)


def read_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and networks, separated by commas.

    Raises
    ------
    InvalidSetting
        One is neither.
    """
    try:
        return tuple(
            ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip()
        )
    except ValueError as error:
        raise InvalidSetting(
            "trusted_proxy is addresses or networks, separated by commas: 10.0.0.0/8, 192.0.2.7.",
            ("trusted_proxy",),
        ) from error


def _item(amount: int) -> RateLimitItemPerMinute | None:
    return RateLimitItemPerMinute(amount) if amount else None
