"""The same answers from a Spark of its own: a master and two workers, as PySpark brings them."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pyspark
import pytest

from desirepath.analysis.engines import Spark
from desirepath.analysis.impressions import impressions
from desirepath.analysis.log import log_of
from tests.agreement.test_analysis_engines import QUESTIONS, folder, open_files, rows, tables_of
from tests.unit.analysis.logs import duckdb

__all__ = ["folder"]

pytestmark = [
    pytest.mark.torture,
    pytest.mark.needs_java,
    pytest.mark.filterwarnings("default"),
    pytest.mark.filterwarnings("ignore:fetch_arrow_table"),
]

_HOME = Path(pyspark.__file__).parent
_HOST = "127.0.0.1"
_SECONDS = 120


@contextmanager
def running(log: Path, kind: str, *arguments: str) -> Iterator[None]:
    """A master or a worker, which writes to a file and is ended."""
    command = [str(_HOME / "bin" / "spark-class"), f"org.apache.spark.deploy.{kind}", *arguments]
    environment = os.environ | {"SPARK_HOME": str(_HOME), "SPARK_LOCAL_IP": _HOST}
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def wait_for(log: Path, pattern: str) -> str:
    for _ in range(_SECONDS * 10):
        found = re.search(pattern, log.read_text())
        if found:
            return found.group(1)
        time.sleep(0.1)
    pytest.fail(f"{log.name} does not say {pattern}:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    logs = tmp_path_factory.mktemp("spark")
    with ExitStack() as stack:
        own = ("--host", _HOST, "--port", "0", "--webui-port", "0")
        stack.enter_context(running(logs / "master", "master.Master", *own))
        url = wait_for(logs / "master", r"Starting Spark master at (spark://\S+)")
        for name in ("first", "second"):
            few = ("--cores", "1", "--memory", "1g", "--work-dir", str(logs / name / "work"))
            log = logs / f"{name}.log"
            stack.enter_context(running(log, "worker.Worker", *own, *few, url))
            wait_for(log, r"Successfully registered with master (\S+)")
        os.environ["SPARK_LOCAL_IP"] = _HOST
        yield stack.enter_context(closing(Spark(url)))


@pytest.mark.parametrize("question", QUESTIONS)
def test_equal_answers(cluster: Spark, folder: Path, tmp_path: Path, question: str) -> None:
    ask = QUESTIONS[question]
    with closing(duckdb(tmp_path)) as here:
        expected = rows(here, ask(open_files(here, folder)))
    with cluster.kept(impressions(*tables_of(cluster, folder))) as shown:
        log = log_of(*tables_of(cluster, folder), shown)
        assert rows(cluster, ask(log)) == expected
    assert expected
