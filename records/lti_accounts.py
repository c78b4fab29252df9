"""What is done at once with the accounts that learning platforms made: what ends with a platform, and with an exam.

They are changed in the store, in one command; whoever holds accounts in memory reads them afterwards.
"""

from __future__ import annotations

from basics.times import utc_now
from records.accounts import Account
from records.stores import Store

MADE_BY = "lti"
USERS = "users"


def is_of_platform_alone(account: Account) -> bool:
    """Did a learning platform make it, and nobody here give it anything since?"""
    return account.made_by == MADE_BY and bool(account.registration_id) and not account.all_roles and not account.password


def end_platform(store: Store, registration_id: str) -> None:
    """Nobody comes from this platform any more: end the logins of its people, and what they may. Raise `StorageError`."""
    change = {"$set": {"exam_roles": [], "changed_at": utc_now()}, "$inc": {"version": 1, "epoch": 1}}
    with store.reading():
        store.collection(USERS).update_many({"registration_id": registration_id, "made_by": MADE_BY}, change)


def take_exam_away(store: Store, exam_id: str) -> None:
    """An exam is gone: nobody from a learning platform has it any more, nor another one of its id. Raise `StorageError`."""
    change = {"$pull": {"exam_roles": {"exam_id": exam_id}}, "$set": {"changed_at": utc_now()}, "$inc": {"version": 1}}
    with store.reading():
        store.collection(USERS).update_many({"made_by": MADE_BY, "exam_roles.exam_id": exam_id}, change)
