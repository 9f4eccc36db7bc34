"""Users: forget one."""

from __future__ import annotations

from msgspec import Struct

from desirepath.api.endpoint import Call, endpoint
from desirepath.domain.access import Access
from desirepath.engine.deleting import erase_user
from desirepath.errors import InvalidQuery

__all__ = ["ENDPOINTS"]


class ErasedResponse(Struct, frozen=True, kw_only=True):
    """What an erasure removed."""

    success: bool
    interactions_deleted: int
    executions_deleted: int
    rejected_deleted: int


@endpoint(
    "DELETE",
    "/v1/users/{user_id:path}",
    access=Access.ADMIN,
    tag="Privacy",
    response=ErasedResponse,
    errors=(InvalidQuery,),
)
def erase(call: Call) -> object:
    """Erase a user.

    Removes the user's interactions and executions, the interactions with those executions, and
    rejected items that mention the id; what they taught is taken back. On SQLite no byte of the id
    is left in the files afterwards; on PostgreSQL none in tables and indexes after VACUUM, while
    its write-ahead log, replicas and backups expire by their own retention. Later imports leave the
    user's rows out.
    """
    user_id = call.path["user_id"]
    erased = erase_user(call.engine, call.namespace.number, user_id)
    return ErasedResponse(
        success=True,
        interactions_deleted=erased.interactions,
        executions_deleted=erased.executions,
        rejected_deleted=erased.rejections,
    )


ENDPOINTS = (erase,)
