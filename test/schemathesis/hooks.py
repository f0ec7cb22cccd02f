"""What Schemathesis cannot know of this service: how lines of JSON are written, which moments have readings, and the rules that a schema
cannot say.

The last are the exceptions: a request that keeps to its schema may be refused for one of these reasons and for no other.
"""

import re
from datetime import datetime, timedelta, timezone

import json

import progress  # noqa: F401: it registers what tells how far a run is
import schemathesis
from hypothesis import strategies
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

# For each field the rules that no schema of OpenAPI 3.1 says, as the beginning of what the service answers, and why.
EXCEPTIONS = [
    ("cursor", "is not one that this service gave out", "a cursor is signed, so that none can be made up"),
    ("cursor", "belongs to a query with other parameters", "what a cursor goes with are the other parameters of its call"),
    ("timestamp", "must stand alone, without from and to", "a schema of parameters judges each by itself"),
    ("timestamp", "is required, or from and to", "the same"),
    ("from", "is required", "the same: from and to stand together"),
    ("to", "is required", "the same"),
    ("to", "must not be before from", "the same"),
    ("to", "must be after from", "the same"),
    ("to", "must be at most 400 days after from", "the same"),
    ("from", "must not stand beside interval", "the same"),
    ("to", "must not stand beside interval", "the same"),
    ("granularity", "must not stand beside interval", "the same"),
    ("timezone", "must not stand beside interval", "the same"),
    ("interval", "must be one of 24h, 48h, 1w, 1m", "the same: it is missing, and so are from and to"),
    ("limit", "does not go with Accept: text/csv", "the same, of a parameter and a header"),
    ("cursor", "does not go with Accept: text/csv", "the same, of a parameter and a header"),
    ("from", "must lie on full five minutes", "a pattern cannot divide by five at every offset"),
    ("to", "must lie on full five minutes", "the same"),
    ("timezone", "must be the name of a time zone", "the names are those of the IANA database"),
    ("timezone", "has clocks at", "clocks of some zones once differed from UTC by other than full five minutes"),
    ("timestamp", "must name a day of the calendar", "a format date-time knows days of months, a pattern does not"),
    ("timestamp", "must lie between the years 0001 and 9999 in UTC", "the offset decides"),
    ("from", "must lie between the years 0001 and 9999 in UTC", "the offset decides"),
    ("to", "must lie between the years 0001 and 9999 in UTC", "the offset decides"),
    ("timestamp", "must have less than 60 seconds", "leap seconds keep to the format and are not taken"),
    ("timestamp", "must not be more than 24 h in the future", "a schema knows no clock"),
    ("value", "must have at most 27 digits after the decimal point", "multipleOf is a division of floats in most validators"),
    ("value", "must have at most 38 significant digits", "no keyword counts digits"),
    ("format.equipmentId", "must be left out where", "what stands in one field decides on another"),
    ("format.columns.", "must name another column than the others do", "the same"),
    ("format.dates", "must be left out unless", "the same"),
    ("format.timezone", "must be left out unless", "the same"),
    ("format.timezone", "is required where", "the same"),
    ("format.timezone", "must be the name of a time zone", "the names are those of the IANA database"),
    ("format", "must be at most", "each part has a bound, and so has the whole"),
    ("format", "must stand before the file in the form", "a schema gives the fields of a form no order"),
    ("fileName", "must end in .csv", "said in words: with capitals and .gz the pattern would be read by nobody"),
    ("file", "must have a name that ends in .csv", "a schema does not see the names of a form's files"),
    ("numbers[]", "must be 1 to", "how many parts a file has follows from its size, in another call"),
    ("parts[].number", "must be 1 to", "the same"),
    ("parts", "must name each part from 1 to", "the same"),
    ("parts[].number", "must not name part", "uniqueItems compares the whole of a part, its ETag too"),
    ("parts[].number", "part", "which parts have arrived, and whole, the file store knows"),
    ("parts[].etag", "is not that of the part", "the same"),
]


# The same of requests that are refused as a whole, by what the answer begins with.
EXCEPTIONS_OF_WHOLES = [
    ("POST /auth/login", "Send the header Authorization: Basic", "a name without a colon behind it is no user name and password"),
    ("POST /sensor-data/upload-csv", "The form is not valid multipart/form-data.", "names of fields may hold no control characters"),
    ("POST /sensor-data/uploads/preview", "The form is not valid multipart/form-data.", "the same"),
]


def excepted(error):
    """Whether a field's error is one of the exceptions; in a batch and in lists the field is named by its place."""
    field = re.sub(r"\[\d+\]", "[]", error["field"]).removeprefix("body[].")
    return any(
        (field == name or name.endswith(".") and field.startswith(name)) and error["reason"].startswith(rule)
        for name, rule, _ in EXCEPTIONS
    )


def refused_by_exception(response, case):
    """Whether a request that keeps to its schema was refused for exceptions alone."""
    if response.status_code != 400:
        return False
    problem = response.json()
    if errors := problem.get("errors"):
        return all(excepted(error) for error in errors)
    return any(case.operation.label == label and problem["detail"].startswith(begins) for label, begins, _ in EXCEPTIONS_OF_WHOLES)


@schemathesis.check
def acceptance_but_for_exceptions(ctx, response, case):
    """The check positive_data_acceptance, which is left out for this one."""
    try:
        return positive_data_acceptance(ctx, response, case)
    except RejectedPositiveData:
        if refused_by_exception(response, case):
            return None
        raise


@schemathesis.check
def rejection_as_described(ctx, response, case):
    """The check negative_data_rejection, which is left out for this one: it does not know that a file may be too large, nor that the good
    readings of a batch are stored and the others named."""
    try:
        return negative_data_rejection(ctx, response, case)
    except AcceptedNegativeData:
        if response.status_code == 413:
            return None
        if case.operation.label == "POST /sensor-data/batch" and response.status_code == 201 and response.json()["rejected"]:
            return None
        raise


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Makes most requests with parameters that do not go together such that they do, or hardly any would be answered."""
    if case.meta is None or not case.meta.generation.mode.is_positive or not isinstance(case.query, dict):
        return
    query = case.query
    if len(str(query.get("cursor", ""))) % 4:
        del query["cursor"]
    label = case.operation.label
    if label == "DELETE /sensor-data":
        together("timestamp", query)
    if label == "GET /sensor-data/aggregated":
        together("interval", query)
        for name in ("from", "to"):
            if name in query:
                query[name] = on_full_five_minutes(query[name])
    if "from" in query and "to" in query:
        query["from"], query["to"] = sorted((query["from"], query["to"]), key=instant)


def together(alone, query):
    """Leaves either the parameter that stands alone, or from and to."""
    if "from" in query and "to" in query:
        query.pop(alone, None)
    elif alone in query:
        for name in ("from", "to", "granularity", "timezone"):
            query.pop(name, None)


def instant(text):
    return datetime.fromisoformat(text.upper().replace("Z", "+00:00"))


def on_full_five_minutes(text):
    moment = instant(text).astimezone(timezone.utc)
    return moment.replace(minute=moment.minute // 5 * 5, second=0, microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ")


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context, value):
    """Writes an array as a line an element, and what is no array as one line."""
    lines = value if isinstance(value, list) else [value]
    return "\n".join(json.dumps(line) for line in lines).encode()


def timestamps():
    """Moments of the last month, on full five minutes or not, by the clock of any offset."""

    def text(moment, offset, nanoseconds):
        clock = moment.astimezone(timezone(timedelta(minutes=offset)))
        fraction = f".{nanoseconds}" if nanoseconds else ""
        return clock.strftime("%Y-%m-%dT%H:%M:%S") + fraction + clock.strftime("%z")[:3] + ":" + clock.strftime("%z")[3:]

    now = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    steps = strategies.integers(1, 12 * 24 * 30).map(lambda n: now - timedelta(minutes=5 * n))
    seconds = strategies.integers(1, 86400 * 30).map(lambda n: now - timedelta(seconds=n))
    whole = strategies.builds(text, steps, strategies.just(0), strategies.just(0))
    odd = strategies.builds(text, seconds, strategies.integers(-839, 839), strategies.integers(0, 999_999_999))
    return whole | odd


schemathesis.openapi.format("date-time", timestamps())
