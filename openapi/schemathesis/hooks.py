"""What Schemathesis cannot read in the description: credentials, ids of real things, what not to break.

The server is named by KITCHEN_URL, KITCHEN_ORG, KITCHEN_UNIT, KITCHEN_OWNER, KITCHEN_TOKEN and
KITCHEN_KEY. At the end KITCHEN_REPORT says how often each operation answered with each status.
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

URL, ORG, UNIT, OWNER, TOKEN, KEY = (
    os.environ[f"KITCHEN_{name}"] for name in ("URL", "ORG", "UNIT", "OWNER", "TOKEN", "KEY")
)
API = requests.Session()
API.headers["Authorization"] = f"Bearer {TOKEN}"
DOCUMENT = API.get(f"{URL}/api/v1/openapi.json", timeout=20).json()
# Share of the ids in requests that are replaced by ids of things there are.
REAL_SHARE = 0.85
DICE = random.Random(7)


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
        self.make()
        self.harvest()

    def make(self):
        """Whatever the examples of the description make, made; and an alert."""
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        hot = {"unit_id": UNIT, "recorded_at": now, "temperature": 20}
        batch = {"readings": [hot], "temperature_unit": "C"}
        ingest = f"{URL}/api/v1/ingest/readings"
        answer = requests.post(ingest, json=batch, headers={"X-Api-Key": KEY}, timeout=20)
        assert answer.json()["counts"]["accepted"] == 1, answer.text
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
        places = {"organization": ORG} | {n: self.ids[f"{n}_id"][0] for n in ("site", "area", "unit")}
        self.places = places
        self.ids["scope_id"] = list(places.values())


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
            spared = kept_out(name, value)
            if spared or (invented and value not in real and DICE.random() < REAL_SHARE):
                container[name] = DICE.choice(real)
    place = WORLD.places.get(case.path_parameters.get("scope"))
    if place and is_uuid(case.path_parameters.get("scope_id")) and DICE.random() < REAL_SHARE:
        case.path_parameters["scope_id"] = place
    if operation == "transfer_ownership" and isinstance(case.body, dict) and is_uuid(case.body.get("user_id")):
        case.body["user_id"] = str(uuid.UUID(int=DICE.getrandbits(128), version=4))


SEEN = collections.defaultdict(collections.Counter)


@schemathesis.hook
def after_call(_context, case, response):
    SEEN[case.operation.definition.raw.get("operationId")][response.status_code] += 1


@atexit.register
def report():
    if path := os.environ.get("KITCHEN_REPORT"):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(SEEN, file, indent=1, sort_keys=True)
