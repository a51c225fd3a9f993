"""One entry of an app's ``policies`` list: ``type``, ``name``, ``role``, and the parameters.

Which types there are, and their parameters, is asked of the registry when an entry is validated,
so a plug-in's policies are configured, checked and documented like the built-in ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from autoscaler.model import Role
from autoscaler.model.errors import ConfigurationError
from autoscaler.policies import Policy, PolicyParams, policies

OWN_KEYS = ("type", "name", "role")
"""Keys of an entry that are not parameters of its policy."""

_NAME = "Name in logs and metrics, unique in the app; the type if left out."
_ROLE = (
    "What the number is for: target is combined with the other targets, floor raises the result "
    "to it, ceiling caps it (never below min_workers)."
)
_RoleName = Literal["target", "floor", "ceiling"]


@cache
def entry_model(kind: str) -> type[PolicyParams]:
    """Return the model of a whole entry: the policy's parameters and the entry's own keys.

    Raises:
        ConfigurationError: the policy has a parameter of the name of an own key.
    """
    params = policies()[kind].Params
    taken = [key for key in OWN_KEYS if key in params.model_fields]
    if taken:
        raise ConfigurationError(
            f"policy {kind!r} has a parameter named {taken[0]!r}; "
            "type, name and role belong to the entry, so its author must rename it"
        )
    own: dict[str, Any] = {
        "type": (Literal[kind], Field(description="Which policy this is.")),
        "name": (str, Field(default="", max_length=100, description=_NAME)),
        "role": (_RoleName, Field(default="target", description=_ROLE)),
    }
    return create_model(f"{kind} policy", __base__=params, __doc__=params.__doc__, **own)


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """A validated entry. ``name`` is the type where the entry gives none."""

    type: str
    name: str
    params: PolicyParams
    role: Role = Role.TARGET

    def build(self) -> Policy:
        """Make the policy itself."""
        policy = policies()[self.type](self.params, self.name)
        policy.role = self.role
        return policy

    def as_mapping(self) -> dict[str, Any]:
        """Return the entry as the file would have it."""
        own = {"type": self.type, "name": self.name, "role": self.role.value}
        return own | self.params.model_dump()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate by :func:`_entry`, dump as a flat mapping."""
        return core_schema.no_info_plain_validator_function(
            _entry,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.as_mapping),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return one alternative per type."""
        kinds = [handler(entry_model(kind).__pydantic_core_schema__) for kind in policies()]
        return {"oneOf": kinds}


def default_policies() -> tuple[PolicySettings, ...]:
    """Return what an app gets that names no policy: ``queue``, one request per worker."""
    return (PolicySettings("queue", "queue", policies()["queue"].Params()),)


def _entry(value: Any) -> PolicySettings:
    if isinstance(value, PolicySettings):
        return value
    if not isinstance(value, Mapping):
        raise PydanticCustomError("model_type", "must be a mapping with a type")
    try:
        return _same_entry(tuple((key, type(given), given) for key, given in value.items()))
    except TypeError:  # a list or a mapping in it has no hash
        return _read_entry(value)


@lru_cache(maxsize=1024)
def _same_entry(items: tuple[tuple[Any, type, Any], ...]) -> PolicySettings:
    """Return the entry of a flat mapping: ten thousand apps have a few different ones."""
    return _read_entry({key: given for key, _, given in items})


def _read_entry(value: Mapping[Any, Any]) -> PolicySettings:
    kind = _kind(value)
    entry = entry_model(kind).model_validate(dict(value))
    _refuse_bools(value, entry)
    own = {key: given for key, given in value.items() if key not in OWN_KEYS}
    name: str = getattr(entry, "name")  # noqa: B009 - the field exists on made models only
    role = Role(getattr(entry, "role"))  # noqa: B009 - likewise
    return PolicySettings(kind, name or kind, policies()[kind].Params.model_validate(own), role)


def _kind(value: Mapping[Any, Any]) -> str:
    known = policies()
    if "type" not in value:
        raise _error("type", PydanticCustomError("missing", "required"), dict(value))
    kind = value["type"]
    if not isinstance(kind, str) or kind not in known:
        allowed = {"expected": ", ".join(known)}
        raise _error("type", PydanticCustomError("unknown_policy", "unknown", allowed), kind)
    return kind


def _refuse_bools(value: Mapping[Any, Any], entry: PolicyParams) -> None:
    """Refuse ``true`` where a number is meant: pydantic alone would make it 1."""
    for key, given in value.items():
        if isinstance(given, bool) and not isinstance(getattr(entry, key), bool):
            problem = PydanticCustomError("not_bool", "must be a number, not true or false")
            raise _error(key, problem, given)


def _error(key: str, problem: PydanticCustomError, given: Any) -> ValidationError:
    details = InitErrorDetails(type=problem, loc=(key,), input=given)
    return ValidationError.from_exception_data("policy", [details])
