"""What Schemathesis cannot read in the description: credentials, ids of real things, what not to break.

The server is named by KITCHEN_URL, KITCHEN_ORG, KITCHEN_OWNER, KITCHEN_TOKEN and KITCHEN_KEY. At the end KITCHEN_REPORT says how often each operation answered with each status.
"""

import atexit
import collections
import datetime
import json
import os
import random
import uuid

import requests
import schemathesis

URL, ORG, OWNER, TOKEN, KEY = (
    os.environ[f"KITCHEN_{name}"] for name in ("URL", "ORG", "OWNER", "TOKEN", "KEY")
)
API = requests.Session()
API.headers["Authorization"] = f"Bearer {TOKEN}"
DOCUMENT = API.get(f"{URL}/api/v1/openapi.json", timeout=20).json()
# Share of the ids in requests that are replaced by ids of things there are.
REAL_SHARE = 0.85
DICE = random.Random(7)
ALERTS = 8


def is_uuid(value):
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


# What the clock of the examples shows, and how far back that is.
EXAMPLES_DAY = "2026-03-02T"
SINCE = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat("2026-03-02T12:00:00+00:00")


def of_today(value):
    """The same with the instants of examples as far from now as they are from the examples' clock."""
    if isinstance(value, dict):
        return {name: of_today(member) for name, member in value.items()}
    if isinstance(value, list):
        return [of_today(member) for member in value]
    if isinstance(value, str) and value.startswith(EXAMPLES_DAY) and value.endswith("Z"):
        return (datetime.datetime.fromisoformat(value[:-1] + "+00:00") + SINCE).isoformat()
    return value


def example(operation):
    content = operation.get("requestBody", {}).get("content", {})
    return of_today(content.get("application/json", {}).get("example"))


class World:
    """Ids of real things, by the names that parameters and fields have for them."""

    def __init__(self):
        self.ids = collections.defaultdict(list, {"org_id": [ORG]})
        self.archived = {}
        self.make()
        self.harvest()

    def make(self):
        """Whatever the examples of the description make, made; and an alert."""
        # Places of this run's own: those of an earlier one may be in the archive.
        site = self.made("sites", {"name": f"Site {uuid.uuid4()}"})
        area = self.made("areas", {"name": "Area", "site_id": site})
        unit = self.made("units", {"name": "Unit", "area_id": area, "unit_type": "fridge"})
        self.places = {"organization": ORG, "site": site, "area": area, "unit": unit}
        # Alerts enough that one is still open when its turn comes.
        fridge = {"area_id": area, "unit_type": "fridge"}
        units = [unit] + [self.made("units", fridge | {"name": f"Unit {n}"}) for n in range(ALERTS - 1)]
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        hot = [{"unit_id": unit, "recorded_at": now, "temperature": 20} for unit in units]
        batch = {"readings": hot, "temperature_unit": "C"}
        ingest = f"{URL}/api/v1/ingest/readings"
        answer = requests.post(ingest, json=batch, headers={"X-Api-Key": KEY}, timeout=20)
        assert answer.json()["counts"]["accepted"] == ALERTS, answer.text
        self.archive(site, area)
        self.harvest()
        for path, item in DOCUMENT["paths"].items():
            body = example(item.get("post", {}))
            if body is not None and path.count("{") == 1 and "{org_id}" in path:
                if item["post"]["operationId"] not in DANGEROUS:
                    self.send(path, body)
        rules = "/api/v1/organizations/{org_id}/rules/{scope}/{scope_id}"
        body = example(DOCUMENT["paths"][rules]["put"])
        for scope, place in self.places.items():
            path = rules.replace("{org_id}", ORG).replace("{scope}", scope).replace("{scope_id}", place)
            assert API.put(URL + path, json=body, timeout=20).ok, path

    def archive(self, site, area):
        """Things in the archive, for whatever brings them back."""
        for name, collection, body in [
            ("site_id", "sites", {"name": f"Site {uuid.uuid4()}"}),
            ("area_id", "areas", {"name": "Old area", "site_id": site}),
            ("unit_id", "units", {"name": "Old unit", "area_id": area, "unit_type": "fridge"}),
            ("device_id", "devices", {"name": "Old device"}),
        ]:
            self.archived[name] = self.made(collection, body)
            path = f"{URL}/api/v1/organizations/{ORG}/{collection}/{self.archived[name]}"
            assert API.delete(path, timeout=20).ok, path

    def made(self, collection, body):
        answer = API.post(f"{URL}/api/v1/organizations/{ORG}/{collection}", json=body, timeout=20)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def send(self, path, body):
        body = {name: self.pick(name) or value for name, value in body.items()}
        if isinstance(body.get("name"), str):
            # The example itself stays free for the run.
            body["name"] += " before the run"
        answer = API.post(URL + path.replace("{org_id}", ORG), json=body, timeout=20)
        assert answer.status_code != 500, answer.text

    def pick(self, name):
        return DICE.choice(self.ids[name]) if self.ids.get(name) else None

    def harvest(self):
        """Each list tells the ids for the parameter that stands behind its path."""
        for path in sorted(DOCUMENT["paths"], key=lambda path: path.count("{")):
            collection, slash, name = path.rpartition("/{")
            name = name.rstrip("}")
            if not slash or "/" in name or "get" not in DOCUMENT["paths"].get(collection, {}):
                continue
            for part in collection.split("/"):
                if part.startswith("{"):
                    collection = collection.replace(part, self.pick(part[1:-1]) or str(uuid.UUID(int=0)))
            answer = API.get(URL + collection, timeout=20)
            for row in answer.json().get("items", []) if answer.ok else []:
                value = row.get(name) or row.get("id") or row.get(collection.rpartition("/")[2])
                if value is not None and str(value) not in self.ids[name] and not kept_out(name, value):
                    self.ids[name].append(str(value))
        for name in ("site_id", "area_id", "unit_id"):
            for row in API.get(f"{URL}/api/v1/organizations/{ORG}/{name[:-3]}s", timeout=20).json()["items"]:
                if row["id"] not in self.ids[name]:
                    self.ids[name].append(row["id"])
        self.ids["scope_id"] = list(self.places.values())


# Operations that would take the ground from under the run.
DANGEROUS = {"transfer_ownership", "create_organization"}
KEYS = API.get(f"{URL}/api/v1/organizations/{ORG}/api-keys", timeout=20).json()["items"]
OWN_KEY = next(key["id"] for key in KEYS if KEY.startswith(key["prefix"]) or key["prefix"] in KEY)


def kept_out(name, value):
    """The caller and the caller's key stay what they are."""
    return (name, value) in {("user_id", OWNER), ("key_id", OWN_KEY)}


WORLD = World()


@schemathesis.auth(refresh_interval=None)
class Credential:
    """The owner's token; a machine's key where nothing else is taken."""

    def get(self, case, _context):
        schemes = [name for way in case.operation.definition.raw.get("security", []) for name in way]
        if schemes and "Bearer" not in schemes:
            return ("X-Api-Key", KEY)
        return ("Authorization", f"Bearer {TOKEN}")

    def set(self, case, data, _context):
        case.headers[data[0]] = data[1]


@schemathesis.hook
def before_call(_context, case, **_kwargs):
    """Puts real ids in the place of most invented ones, and spares what the run stands on."""
    operation = case.operation.definition.raw.get("operationId")
    # A scenario of several steps goes by the ids that its own steps made.
    invented = case.meta is None or case.meta.phase.name.value != "stateful"
    if isinstance(case.body, dict):
        case.body = of_today(case.body)
    containers = [case.path_parameters, case.query, case.body]
    for container in containers:
        if not isinstance(container, dict):
            continue
        for name, value in list(container.items()):
            real = WORLD.ids.get(name)
            if not is_uuid(value) or not real:
                continue
            archives = str(operation).startswith("archive_") and value in WORLD.places.values()
            spared = archives or kept_out(name, value)
            real = [other for other in real if other not in WORLD.places.values()] if archives else real
            if real and (spared or (invented and value not in real and DICE.random() < REAL_SHARE)):
                container[name] = DICE.choice(real)
    if str(operation).startswith("restore_"):
        for name, old in WORLD.archived.items():
            if is_uuid(case.path_parameters.get(name)) and DICE.random() < REAL_SHARE:
                case.path_parameters[name] = old
    place = WORLD.places.get(case.path_parameters.get("scope"))
    if place and is_uuid(case.path_parameters.get("scope_id")) and DICE.random() < REAL_SHARE:
        case.path_parameters["scope_id"] = place
    if operation == "transfer_ownership" and isinstance(case.body, dict) and is_uuid(case.body.get("user_id")):
        case.body["user_id"] = str(uuid.UUID(int=DICE.getrandbits(128), version=4))


@schemathesis.hook
def filter_failure(_context, failure, _case, _response):
    """A wrong organization never arrives: the run pins the right one, so a "wrong" request was a right one."""
    return not (type(failure).__name__ == "AcceptedNegativeData" and "parameter `org_id` in path" in failure.message)


SEEN = collections.defaultdict(collections.Counter)


@schemathesis.hook
def after_call(_context, case, response):
    SEEN[case.operation.definition.raw.get("operationId")][response.status_code] += 1


@atexit.register
def report():
    if path := os.environ.get("KITCHEN_REPORT"):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(SEEN, file, indent=1, sort_keys=True)
