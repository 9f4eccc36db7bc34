"""What every test shares: skips that are named or refused, hypothesis profiles, recorded data."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

pytest_plugins = ["tests.figures", "tests.storage_fixtures"]

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"
MARKER_TO_PROGRAMS = {
    "needs_chromium": ("chromium", "chromedriver"),
    "needs_strace": ("strace",),
    "needs_java": ("java",),
}

hypothesis.settings.register_profile(
    "fast",
    max_examples=50,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],  # so is a busy machine
)
hypothesis.settings.register_profile(
    "thorough", hypothesis.settings.get_profile("fast"), max_examples=2_000
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


class SkipLedger:
    """Lists each skipped test and its reason at the end; fails the session if skips are refused."""

    def __init__(self, *, refuse: bool) -> None:
        self.refuse = refuse
        self.name_to_reason: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self._record(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._record(report)

    def _record(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        self.name_to_reason[report.nodeid] = reason.removeprefix("Skipped: ")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.refuse and self.name_to_reason and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.name_to_reason:
            return
        title = "skipped, which is refused here" if self.refuse else "skipped"
        terminalreporter.section(title, red=self.refuse, yellow=not self.refuse)
        for name, reason in sorted(self.name_to_reason.items()):
            terminalreporter.line(f"{name}: {reason}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        default=os.environ.get("CI") == "true",
        help="fail if a test is skipped (the default when CI=true)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SkipLedger(refuse=config.getoption("--no-skips")), "skip-ledger")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose marker names something that is not here."""
    for marker, programs in MARKER_TO_PROGRAMS.items():
        missing = [program for program in programs if shutil.which(program) is None]
        if missing and item.get_closest_marker(marker):
            pytest.skip(f"not installed: {', '.join(missing)}")
    if item.get_closest_marker("needs_data") and not SHARED_DATA.is_dir():
        pytest.skip("recorded data is not here: ../shared/data")


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Find a file or folder of the recorded data by name, or skip the test."""

    def find(name: str) -> Path:
        path = SHARED_DATA / name
        if not path.exists():
            pytest.skip(f"recorded data is not here: ../shared/data/{name}")
        return path

    return find
