"""The keys for learning platforms: the same for every server, published before and after they are in use."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from basics.errors import Conflict
from database import Database
from records.lti_keys import LtiKeys

START = datetime(2026, 3, 1, tzinfo=timezone.utc)


class Time:
    now = START

    def __call__(self) -> datetime:
        return self.now


def keys_of(database: Database, time: Time, secret: str = "a secret") -> LtiKeys:
    return LtiKeys(database, secret, now=time)


def published(keys: LtiKeys, of: str = "") -> list[str]:
    return [key["kid"] for key in keys.public(of)["keys"]]


def test_every_server_signs_by_the_same_key_and_publishes_no_private_half(database: Database) -> None:
    time = Time()
    one, other = keys_of(database, time), keys_of(database, time)
    signed = jwt.encode({"alg": "RS256", "kid": one.signing().kid}, {"iss": "us"}, one.signing())
    assert one.signing().kid == other.signing().kid
    (public,) = other.public()["keys"]
    assert {"kty", "n", "e", "kid", "alg", "use"} == set(public)
    assert jwt.decode(signed, KeySet.import_key_set(other.public()), algorithms=["RS256"]).claims["iss"] == "us"  # type: ignore[arg-type]
    assert "PRIVATE" not in str(stored := database.collection("lti_keys").find_one())
    assert '"d"' not in str(stored)


def test_a_key_is_published_a_day_before_it_signs_and_a_day_after(database: Database) -> None:
    time = Time()
    keys = keys_of(database, time)
    first = keys.signing().kid
    assert keys.rotate() == START + timedelta(hours=24)
    (second,) = set(published(keys)) - {first}
    assert keys.signing().kid == first
    with pytest.raises(Conflict, match="published already"):
        keys.rotate()
    time.now += timedelta(hours=24)
    assert keys.signing().kid == second
    time.now += timedelta(hours=23)
    assert published(keys) == [first, second]
    time.now += timedelta(hours=2)
    assert published(keys) == [second]
    keys.rotate()
    assert database.collection("lti_keys").count_documents({}) == 2, "the first is forgotten"
    assert keys_of(database, time).signing().kid == second


def test_with_another_secret_a_new_key_is_made(database: Database) -> None:
    time = Time()
    old = keys_of(database, time)
    first = old.signing().kid
    old.rotate()
    before = published(old)
    new = keys_of(database, time, "another secret")
    assert new.signing().kid not in before
    assert first in published(new)


def test_a_registrations_own_keys_are_nobody_elses_and_follow_the_common_ones_rotation(database: Database) -> None:
    time = Time()
    keys = keys_of(database, time)
    assert keys.public("r-1", make=False) == {"keys": []}
    common, one, other = keys.signing().kid, keys.signing("r-1").kid, keys.signing("r-2").kid
    assert len({common, one, other}) == 3
    assert (published(keys), published(keys, "r-1"), published(keys, "r-2")) == ([common], [one], [other])
    time.now += timedelta(hours=1)
    keys.rotate()
    assert len(published(keys, "r-1")) == 2
    assert keys.signing("r-1").kid == one, "the next is published for a day first"
    time.now += timedelta(hours=24)
    (_one, second) = published(keys, "r-1")
    assert keys.signing("r-1").kid == second
    assert len(published(keys_of(database, time), "r-1")) == 2, "once a rotation"
    keys.forget("r-1")
    assert keys_of(database, time).public("r-1", make=False) == {"keys": []}
    assert keys.signing("r-2").kid == other
