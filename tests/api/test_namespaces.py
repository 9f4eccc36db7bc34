"""Namespaces over HTTP: who may make, see and delete which."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.client import INTERACTIONS, Api, done

PATH = "/v1/namespaces"


def create(api: Api, status: int = 200, path: str = PATH, **body: Any) -> dict[str, Any]:
    answer = api.post(path, body, key="admin", headers={"X-Namespace": api.namespace.name})
    assert status == answer.status_code, answer.text
    result = answer.json()
    assert isinstance(result, dict)
    return result


def named(api: Api, suffix: str) -> str:
    """A name that no other test uses."""
    return f"{api.namespace.name}-{suffix}"


class TestCreate:
    def test_answer_has_exactly_the_documented_fields(self, api: Api) -> None:
        answer = create(
            api,
            namespace_id=named(api, "id"),
            namespace_name=named(api, "name"),
            description="Shoes.",
            vector_configs=[
                {"name": "title", "dimension": 3},
                {"name": "image", "dimension": 2, "metric": "dot"},
            ],
            text_fields=["title", "details.colour"],
            retention_days=30,
        )
        assert answer == {
            "object": "namespace",
            "namespace_id": named(api, "id"),
            "namespace_name": named(api, "name"),
            "mode": "standalone",
            "status": "active",
            "description": "Shoes.",
            "vector_configs": [
                {"name": "image", "dimension": 2, "metric": "dot_product", "embedder": None},
                {"name": "title", "dimension": 3, "metric": "cosine", "embedder": None},
            ],
            "dynamic_vector_indexes": False,
            "text_fields": ["title", "details.colour"],
            "retention_days": 30,
            "document_count": 0,
            "created_at": answer["created_at"],
        }

    @pytest.mark.parametrize("path", [PATH, f"{PATH}/standalone"])
    def test_an_id_or_a_name_is_enough(self, api: Api, path: str) -> None:
        suffix = "x" if path == PATH else "y"
        by_name = create(api, path=path, namespace_name=named(api, suffix))
        assert by_name["namespace_id"].startswith("ns_")
        assert (by_name["text_fields"], by_name["dynamic_vector_indexes"]) == (None, True)
        by_id = create(api, path=path, namespace_id=named(api, f"{suffix}-id"))
        assert by_id["namespace_name"] == by_id["namespace_id"] == named(api, f"{suffix}-id")

    def test_no_two_share_an_id_or_a_name(self, api: Api) -> None:
        made = create(api, namespace_id=named(api, "a"), namespace_name=named(api, "b"))
        for body in (
            {"namespace_name": made["namespace_name"]},
            {"namespace_name": made["namespace_id"]},
            {"namespace_id": made["namespace_id"], "namespace_name": named(api, "c")},
            {"namespace_id": made["namespace_name"]},
        ):
            assert create(api, 409, **body)["error"]["code"] == "already_exists"

    def test_what_is_not_here_is_refused_by_name(self, api: Api) -> None:
        answer = create(api, 422, namespace_name=named(api, "a"), ttl_seconds=3600)
        (problem,) = answer["error"]["details"]["validation_errors"]
        assert problem["location"] == ["body", "ttl_seconds"]
        assert "ttl_seconds is not available" in problem["message"]
        create(api, namespace_name=named(api, "a"), ttl_seconds=None, mode="managed")

    def test_unknown_keys_are_refused_unless_they_are_ignored(self, api: Api) -> None:
        create(api, 422, namespace_name=named(api, "a"), colour="red")
        lenient = api.under(unknown_keys="lenient")
        create(lenient, namespace_name=named(api, "a"), colour="red")

    @pytest.mark.parametrize("key", ["server", "read", "public"])
    def test_is_for_admins(self, api: Api, key: str) -> None:
        for path in (PATH, f"{PATH}/standalone"):
            answer = api.post(path, {"namespace_name": named(api, "a")}, key=key)
            assert answer.status_code == 403

    def test_a_new_namespace_can_be_used_at_once(self, api: Api) -> None:
        made = create(api, namespace_name=named(api, "new"))
        for name in (made["namespace_id"], made["namespace_name"]):
            answer = api.post(
                f"{INTERACTIONS}/list", {}, key="admin", headers={"X-Namespace": name}
            )
            assert done(answer)["results"] == []


class TestGet:
    def test_by_id_and_by_name(self, api: Api) -> None:
        own = done(api.get(f"{PATH}/{api.namespace.namespace_id}", key="read"))
        assert own == done(api.get(f"{PATH}/{api.namespace.name}"))
        assert own["namespace_name"] == api.namespace.name

    def test_of_another_is_as_unknown(self, api: Api) -> None:
        other = api.backend.api()
        for name in (other.namespace.namespace_id, other.namespace.name, "nowhere", "a%00b"):
            for key in ("server", "read"):
                answer = api.get(f"{PATH}/{name}", key=key)
                assert answer.status_code == 404
                assert answer.json()["error"]["message"] == "No such namespace."
        headers = {"X-Namespace": api.namespace.name}
        seen = done(api.get(f"{PATH}/{other.namespace.name}", key="admin", headers=headers))
        assert seen["namespace_id"] == other.namespace.namespace_id

    def test_counts_its_documents(self, api: Api) -> None:
        documents = [{"document_id": id, "vectors": {"v": [1, 2]}} for id in "ab"]
        path = f"{PATH}/{api.namespace.name}"
        done(api.post(f"{path}/documents/upsert", {"documents": documents}))
        own = done(api.get(path))
        assert own["document_count"] == 2
        assert own["vector_configs"] == [
            {"name": "v", "dimension": 2, "metric": "cosine", "embedder": None}
        ]


class TestList:
    def test_a_key_sees_its_own(self, api: Api) -> None:
        api.backend.api()
        listed = done(api.get(f"{PATH}?include_total=true", key="read"))
        assert [row["namespace_id"] for row in listed["results"]] == [api.namespace.namespace_id]
        assert listed["total_count"] == listed["pagination"]["total"] == 1

    def test_an_admin_sees_all_page_by_page(self, api: Api) -> None:
        headers = {"X-Namespace": api.namespace.name}
        listed = done(api.get(f"{PATH}?limit=1000", key="admin", headers=headers))
        names = [row["namespace_name"] for row in listed["results"]]
        assert {"default", api.namespace.name} <= set(names)
        assert listed["total_count"] == len(names)
        page = done(api.get(f"{PATH}?page=2&page_size=1", key="admin", headers=headers))
        assert [row["namespace_name"] for row in page["results"]] == names[1:2]


class TestDelete:
    def delete(self, api: Api, name: str, key: str = "admin") -> Any:
        return api.delete(f"{PATH}/{name}", key=key, headers={"X-Namespace": api.namespace.name})

    def test_takes_everything_along(self, api: Api) -> None:
        other = api.backend.api()
        row = other.record()
        path = f"{PATH}/{other.namespace.name}"
        done(other.post(f"{path}/documents/upsert", {"documents": [{"document_id": "a"}]}))
        answer = done(self.delete(api, other.namespace.name))
        assert answer == {"success": True, "namespace_id": other.namespace.namespace_id}
        assert other.get(f"{INTERACTIONS}/{row['interaction_id']}").status_code == 401
        assert self.delete(api, other.namespace.name).status_code == 404
        again = create(api, namespace_name=other.namespace.name)
        assert again["document_count"] == 0

    def test_the_default_stays(self, api: Api) -> None:
        answer = self.delete(api, "default")
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "invalid_namespace"

    def test_is_for_admins(self, api: Api) -> None:
        for key in ("server", "read", "public"):
            assert self.delete(api, api.namespace.name, key).status_code == 403
