"""`docs/openapi.yaml` describes the routes there are, each way, as they are parsed."""

from typing import Any

import pytest
from openapi_spec_validator import validate
from pydantic import BaseModel

from creditbase.hub.errors import TABLE
from creditbase.metering import models
from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.routes import Credential, DoorName, Route
from tests.runtime.contract import description, resolved

SCHEMES: dict[Credential, list[set[str]]] = {
    Credential.FIREBASE: [{"firebaseIdToken", "firebaseAppCheck"}],
    Credential.API_KEY: [{"apiKey"}],
    Credential.SECRET_KEY: [{"secretKey"}, {"secretKeyAsBearer"}],
    Credential.CUSTOMER_TOKEN: [{"customerToken"}],
    Credential.OWNER: [{"firebaseIdToken", "firebaseAppCheck"}],
    Credential.ADMIN: [{"firebaseIdToken", "firebaseAppCheck"}],
    Credential.SIGNATURE: [{"stripeSignature"}],
    Credential.NOBODY: [set()],
}
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
HUB_STATUSES = {"200", "201", "400", "401", "403", "404", "409", "429", "500"}


def operation(route: Route) -> dict[str, Any]:
    """Return what is published for a route."""
    found: dict[str, Any] = description()["paths"][route.path][route.method.lower()]
    return found


def test_the_description_is_valid() -> None:
    """Tools that make clients must be able to read it."""
    validate(description())


def test_every_route_is_described_and_nothing_else() -> None:
    """The document neither promises nor hides a route."""
    described = {
        (method.upper(), path)
        for path, item in description()["paths"].items()
        for method in METHODS & item.keys()
    }

    assert described == {(route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
class TestEachRoute:
    """What is published is what the table enforces."""

    def test_its_credentials_are_those_of_the_table(self, route: Route) -> None:
        """Both of Firebase's tokens together; anything else alone."""
        published = [set(names) for names in operation(route)["security"]]

        wanted = [names for kind in route.credentials for names in SCHEMES[kind]]
        assert sorted(map(sorted, published)) == sorted(map(sorted, wanted))

    def test_its_statuses_are_those_of_its_dialect(self, route: Route) -> None:
        """The hub's specification lists neither 413, 422 nor 503; metering's has them."""
        statuses = set(operation(route)["responses"])

        if route.door is DoorName.HUB:
            assert statuses <= HUB_STATUSES
            assert {"429", "500"} <= statuses
            assert ("401" in statuses) == (Credential.NOBODY not in route.credentials)
            assert ("403" in statuses) == (Credential.ADMIN in route.credentials)
        if route.door is DoorName.WEBHOOK:
            assert statuses == {"200", "400", "500"}
        if route.door is DoorName.RELAY:
            assert {"401", "429", "500", "503"} <= statuses
            keyed = {"meter", "gateway"}
            takes_key = route.function in keyed and not route.path.endswith("/quotes")
            assert ("422" in statuses) == (route.method == "POST" and takes_key)

    def test_every_answer_has_its_id_and_a_body(self, route: Route) -> None:
        """Errors too."""
        for status, response in operation(route)["responses"].items():
            found = resolved(response)
            assert "X-Request-Id" in found["headers"], status
            if status != "204":
                contents = found["content"].values()
                assert contents, status
                assert all(content["schema"] for content in contents), status
                if status != "200":
                    assert "application/json" in found["content"], status

    def test_the_variables_of_its_path_are_described(self, route: Route) -> None:
        """Each once, and required."""
        item = description()["paths"][route.path]
        listed = [*item.get("parameters", []), *operation(route).get("parameters", [])]
        in_path = [resolved(each) for each in listed if resolved(each)["in"] == "path"]

        names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
        assert [each["name"] for each in in_path] == names
        assert all(each["required"] for each in in_path)


def test_an_idempotency_key_is_required_where_metering_requires_it() -> None:
    """On charge and hold: without it a retry would be a second payment."""
    for route in ROUTES:
        listed = [resolved(each) for each in operation(route).get("parameters", [])]
        required = [p["required"] for p in listed if p["name"] == "Idempotency-Key"]
        is_quote = route.path == "/api/v1/quotes"
        if Credential.ADMIN in route.credentials and route.method == "POST":
            assert required == [True]
        elif route.function == "meter" and route.method == "POST" and not is_quote:
            assert required == [route.path in {"/api/v1/charges", "/api/v1/holds"}]
        else:
            assert required == []


def test_the_hubs_codes_are_those_of_its_table() -> None:
    """A client switches on these words."""
    schemas = description()["components"]["schemas"]
    callable_error = schemas["CallableError"]["properties"]["error"]["properties"]

    assert set(schemas["HubError"]["properties"]["code"]["enum"]) == set(TABLE)
    assert set(callable_error["status"]["enum"]) == {
        row.callable_status for row in TABLE.values()
    }
    assert set(schemas["HubTooMany"]["properties"]["code"]["enum"]) == {
        code for code, row in TABLE.items() if row.status == 429
    }


@pytest.mark.parametrize(
    "model",
    [
        models.UsageFields,
        models.ChargeRequest,
        models.HoldRequest,
        models.QuoteRequest,
        models.CaptureRequest,
        models.VoidRequest,
        models.ExtendRequest,
    ],
    ids=lambda model: model.__name__,
)
def test_a_request_is_described_as_it_is_parsed(model: type[BaseModel]) -> None:
    """The same fields, the same bounds, the same ones required, and no others."""
    described = description()["components"]["schemas"][model.__name__]
    parsed = model.model_json_schema()

    fields = parsed.get("properties", {})
    assert described["additionalProperties"] is parsed["additionalProperties"] is False
    assert set(described["properties"]) == set(fields)
    assert described.get("required", []) == parsed.get("required", [])
    for name, field in fields.items():
        kinds = [kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null"]
        (kind,) = kinds
        published = described["properties"][name]
        for bound in ("type", "minimum", "maximum", "minLength", "maxLength"):
            if bound in kind:
                assert published.get(bound) == kind[bound], f"{name}: {bound}"
        if field.get("default") is not None:
            assert published.get("default") == field["default"], name
