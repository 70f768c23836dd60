"""Checks of the bot's requests and the stand-in's answers against Discord's own API description.

`openapi.json` is MIT licensed (discord/discord-api-spec) and lies beside some checkouts, not in the project.
It is adjusted: literal paths are tried before templates, identifiers (snowflakes) that discord.py sends as integers
count as strings, errors inside a form have codes such as BASE_TYPE_REQUIRED, and media channels (16) are channels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

Json = dict[str, Any]
_DOCUMENT_URI = "discord:openapi"
_UNDESCRIBED_PARAMETERS = {"use_nested_fields"}  # discord.py sends it with every forum post
SNOWFLAKE_LIST_FIELDS = {"messages", "applied_tags", "roles", "users"}
"""Names of fields that are lists of identifiers in requests."""
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Operation:
    """HTTP method of a path in Discord's API description, with the schemas of its query parameters and bodies."""

    path_pattern: re.Pattern[str]
    path: str
    method: str
    query_parameters: Mapping[str, Json]
    body_reference: str | None  # "$ref" of the schema of the JSON body; None: no body
    response_reference_by_status: Mapping[str, str | None]  # "$ref" of the schema; None: no body


class ContractChecker:
    """Checker of requests and answers against Discord's API description (`openapi.json`)."""

    def __init__(self, api_description: Json) -> None:
        resource: Resource[Any] = Resource.from_contents(api_description, default_specification=DRAFT202012)
        registry: Registry[Any] = Registry()
        self._registry = registry.with_resource(_DOCUMENT_URI, resource)
        self._api_description = api_description
        self._valid_references_and_shapes: set[tuple[str, object]] = set()
        self._validator_by_reference: dict[str, Draft202012Validator] = {}
        self._operations_by_method: dict[str, list[Operation]] = {method: [] for method in _METHODS}
        for path, path_item in api_description["paths"].items():
            for method in _METHODS:
                if method in path_item:
                    self._operations_by_method[method].append(self._build_operation(path, method, path_item))
        for operations in self._operations_by_method.values():
            operations.sort(key=lambda operation: operation.path.count("{"))

    def find_operation(self, method: str, path: str) -> Operation | None:
        """Return the description of a path below `/api/v10`, or None if it has none."""
        for operation in self._operations_by_method.get(method.lower(), ()):
            if operation.path_pattern.fullmatch(path):
                return operation
        return None

    def check_request(self, method: str, path: str, query: Mapping[str, str], body: object) -> list[str]:
        """List what is wrong with a request, one line per finding."""
        operation = self.find_operation(method, path)
        if operation is None:
            return [f"{method} {path}: not in the description"]
        findings = list(self._check_query(operation, query))
        if operation.body_reference is None:
            if body is not None:
                findings.append("a body where none is described")
        elif body is not None:
            comparable_body = convert_snowflakes_to_text(body)
            findings += self._list_findings(
                operation.body_reference, comparable_body, compute_shape(comparable_body, includes_sizes=True)
            )
        return [f"{method} {operation.path}: {finding}" for finding in findings]

    def check_response(self, method: str, path: str, status: int, body: object) -> list[str]:
        """List what is wrong with an answer, one line per finding.

        Errors of the server, and answers for a path that is not described, are not checked.
        """
        operation = self.find_operation(method, path)
        if operation is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return []
        operation_and_status = f"{method} {operation.path} {status}"
        status_key = str(status) if str(status) in operation.response_reference_by_status else f"{status // 100}XX"
        if status_key not in operation.response_reference_by_status:
            return [f"{operation_and_status}: a status that is not described"]
        reference = operation.response_reference_by_status[status_key]
        if reference is None:
            return [f"{operation_and_status}: a body where none is described"] if body is not None else []
        return [
            f"{operation_and_status}: {finding}"
            for finding in self._list_findings(reference, body, compute_shape(body))
        ]

    def _check_query(self, operation: Operation, query: Mapping[str, str]) -> Iterable[str]:
        for name, text_value in query.items():
            if name in _UNDESCRIBED_PARAMETERS:
                continue
            parameter = operation.query_parameters.get(name)
            if parameter is None:
                yield f"?{name}= is not described"
                continue
            typed_value: object = text_value
            if parameter["schema"].get("type") == "integer":
                typed_value = int(text_value)
            elif parameter["schema"].get("type") == "boolean":
                typed_value = text_value.lower() in {"1", "true"}
            for finding in self._list_findings(parameter["reference"], typed_value, typed_value):
                yield f"?{name}={text_value}: {finding}"

    def _list_findings(self, reference: str, instance: object, instance_shape: object) -> list[str]:
        """List what is wrong with a JSON value; nothing is checked if one of the same shape was valid before."""
        if (reference, instance_shape) in self._valid_references_and_shapes:
            return []
        validator = self._validator_by_reference.get(reference)
        if validator is None:
            validator = Draft202012Validator({"$ref": reference}, registry=self._registry)
            self._validator_by_reference[reference] = validator
        findings = [explain_error(error) for error in validator.iter_errors(instance)]
        if not findings:
            self._valid_references_and_shapes.add((reference, instance_shape))
        return findings

    def _build_operation(self, path: str, method: str, path_item: Json) -> Operation:
        description = path_item[method]
        reference = f"{_DOCUMENT_URI}#/paths/{_build_json_pointer(path)}/{method}"
        query_parameters = {}
        for number, parameter in enumerate(description.get("parameters", [])):
            if parameter["in"] == "query":
                schema_reference = f"{reference}/parameters/{number}/schema"
                query_parameters[parameter["name"]] = {**parameter, "reference": schema_reference}
        content = description.get("requestBody", {}).get("content", {})
        body_reference = (
            f"{reference}/requestBody/content/application~1json/schema" if "application/json" in content else None
        )
        response_reference_by_status: dict[str, str | None] = {}
        for status, response in description["responses"].items():
            schema_reference = f"{reference}/responses/{status}"
            shared_reference = response.get("$ref")
            if shared_reference:
                schema_reference = _DOCUMENT_URI + shared_reference
            content = (self._get_shared_response(shared_reference) if shared_reference else response).get("content", {})
            has_json_body = "application/json" in content
            response_reference_by_status[status] = (
                f"{schema_reference}/content/application~1json/schema" if has_json_body else None
            )
        path_pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
        return Operation(path_pattern, path, method, query_parameters, body_reference, response_reference_by_status)

    def _get_shared_response(self, reference: str) -> Json:
        response: Json = self._api_description["components"]["responses"][reference.rsplit("/", 1)[1]]
        return response


def explain_error(error: ValidationError) -> str:
    """Return the deepest error of a failed validation as text, in the branch whose `type` fits the JSON value."""
    while error.context:
        branches: dict[object, list[ValidationError]] = {}
        for branch_error in error.context:
            branches.setdefault(branch_error.schema_path[0] if branch_error.schema_path else 0, []).append(branch_error)

        def rank_branch(errors: list[ValidationError]) -> tuple[bool, bool, int]:
            has_wrong_type_name = any(branch_error.path and branch_error.path[-1] == "type" for branch_error in errors)
            return (
                has_wrong_type_name,
                any(branch_error.validator == "type" and not branch_error.path for branch_error in errors),
                len(errors),
            )

        error = min(branches.values(), key=rank_branch)[0]
    field_path = "/".join(str(part) for part in error.absolute_path) or "body"
    return f"{field_path}: {error.message[:300]}"


def compute_shape(json_value: object, name: str = "", *, includes_sizes: bool = False) -> object:
    """Return the shape of a JSON value, which is equal for values that are valid by the same schemas.

    Values of one shape may differ in texts (but not in whether they are digits), in integers (but not in a `type` or
    `style`), and in the order and number of list elements. If `includes_sizes`, numbers, the lengths of texts, and the
    order and length of lists count, too, because requests have limits.
    """
    if isinstance(json_value, dict):
        return frozenset(
            (key, compute_shape(part, key, includes_sizes=includes_sizes)) for key, part in json_value.items()
        )
    if isinstance(json_value, list):
        parts = (compute_shape(part, name, includes_sizes=includes_sizes) for part in json_value)
        return ("list", tuple(parts) if includes_sizes else frozenset(parts))
    if isinstance(json_value, str):
        return (json_value.isdigit(), len(json_value) if includes_sizes else None)
    if (
        isinstance(json_value, int)
        and not isinstance(json_value, bool)
        and name not in {"type", "style"}
        and not includes_sizes
    ):
        return "integer"
    return json_value


def convert_snowflakes_to_text(body: object, name: str = "") -> object:
    """Return a body with identifiers as strings; Discord accepts integers too."""
    if isinstance(body, dict):
        if name == "emoji" and isinstance(body.get("id"), int):
            return {**body, "id": str(body["id"])}
        return {key: convert_snowflakes_to_text(field_value, key) for key, field_value in body.items()}
    if isinstance(body, list):
        if name in {"attachments", "default_values"}:
            return [{**part, "id": str(part["id"])} if "id" in part else part for part in body]
        return [convert_snowflakes_to_text(part, name) for part in body]
    if isinstance(body, int) and not isinstance(body, bool):
        return str(body) if name.endswith("_id") or name in SNOWFLAKE_LIST_FIELDS else body
    return body


def _build_json_pointer(path: str) -> str:
    return path.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


@cache
def load_contract_checker(path: Path) -> ContractChecker:
    """Read and adjust Discord's API description, an OpenAPI document; return a checker against it."""
    document = json.loads(path.read_text())
    schemas = document["components"]["schemas"]
    schemas["ChannelTypes"]["oneOf"].append({"title": "GUILD_MEDIA", "const": 16})
    error_list_schema = schemas["InnerErrors"]["properties"]["_errors"]
    error_list_schema["items"] = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}
    return ContractChecker(document)
