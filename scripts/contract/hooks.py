"""What schemathesis cannot read from docs/openapi.yaml."""

import json
import re
from datetime import date, timedelta

import schemathesis

LONGEST_EVENT_DAYS = 3_660
SERVERS, SERVER_FAULTS = ("database", "redis", "kafka"), ("outage", "hang", "latency", "flaky")
COUPON_FAULTS = ("crash", "stall", "error")
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)


def day(value):
    """The day that a text names; None for anything that the document's Day is not, which is left as it is."""
    if not isinstance(value, str) or not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


@schemathesis.hook("map_case").apply_to(method="POST", path="/admin/policies")
def keep_days_in_order(context, case):
    """The rule between two fields, which JSON Schema cannot state: endsOn is not before startsOn, and the event lasts
    at most 3,660 days. Where both are days and break it, endsOn is moved; nothing else is touched, so what is wrong in
    any other way stays wrong."""
    body = case.body
    if not isinstance(body, dict):
        return case
    first, last = day(body.get("startsOn")), day(body.get("endsOn"))
    if first is None or last is None or 0 <= (last - first).days < LONGEST_EVENT_DAYS:
        return case
    days_more = min(last.toordinal() % LONGEST_EVENT_DAYS, (LAST_DAY - first).days)
    case.body = {**body, "endsOn": (first + timedelta(days=days_more)).isoformat()}
    return case


@schemathesis.hook("map_case").apply_to(method="PUT", path="/admin/faults/{target}")
def name_a_target_that_has_the_kind(context, case):
    """The rule between the path and the body, which OpenAPI cannot state: the coupons' code has faults of its own kinds,
    and no others. Where both are known and do not belong together, the target is changed; nothing else is touched."""
    path, body = case.path_parameters or {}, case.body
    kind = body.get("kind") if isinstance(body, dict) else None
    if kind not in SERVER_FAULTS + COUPON_FAULTS:
        return case
    if path.get("target") == "coupons" and kind not in COUPON_FAULTS:
        case.path_parameters = {**path, "target": "database"}
    elif path.get("target") in SERVERS and kind not in SERVER_FAULTS:
        case.path_parameters = {**path, "target": "coupons"}
    return case


@schemathesis.hook("map_case")
def write_whole_numbers_as_digits(context, case):
    """To JSON Schema 351.0 is a whole number, the same as 351; in a path and in a query it is written 351."""
    for values in (case.path_parameters, case.query):
        for name, value in (values or {}).items():
            if isinstance(value, float) and value.is_integer():
                values[name] = int(value)
    return case


@schemathesis.deserializer("application/x-ndjson")
def lines(context, response):
    """One JSON text a line: an array, as the schema shows it. Every line ends with a line feed."""
    *texts, rest = response.content.split(b"\n")
    if rest:
        raise ValueError("the last line has no end")
    return [json.loads(text) for text in texts]
