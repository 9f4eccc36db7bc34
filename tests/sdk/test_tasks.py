"""Tasks through the official SDK, unmodified, on both databases."""

from __future__ import annotations

import pytest
from mixpeek import ApiClient, Configuration, ListTasksRequest, TasksApi, TaskStatusEnum
from mixpeek.exceptions import NotFoundException

from tests.api.live import LiveServer


def test_no_task_is_there(live: LiveServer) -> None:
    _, _, key = live.new_key()
    with ApiClient(Configuration(host=live.url, access_token=key)) as client:
        api = TasksApi(client)
        listed = api.list_tasks(
            include_total=True, list_tasks_request=ListTasksRequest(status=TaskStatusEnum.PENDING)
        )
        assert (listed.results, listed.pagination.total) == ([], 0)
        for act in (api.get_task, api.kill_task):
            with pytest.raises(NotFoundException):
                act("task_00000000000000000000000000000000")
