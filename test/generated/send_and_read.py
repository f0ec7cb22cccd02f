"""Sends a reading by a client that was made from the description, and reads it back, raw and in the aggregates of a day."""

import os
import sys
from datetime import datetime, timezone

from made.api.aggregates import aggregate
from made.api.readings import list_readings, send_reading
from made.client import AuthenticatedClient
from made.models import AggregateInterval, Reading

client = AuthenticatedClient(base_url=os.environ["API"], token=os.environ["TOKEN"], raise_on_unexpected_status=True)
equipment = sys.argv[1]
saved = send_reading.sync(client=client, body=Reading(equipment_id=equipment, timestamp=datetime.now(timezone.utc), value=21.5))
listed = list_readings.sync(client=client, equipment_id=equipment)
asked = aggregate.sync_detailed(client=client, interval=AggregateInterval.LAST_24_HOURS, equipment_id=[equipment])
print(saved.message, [item.value for item in listed.items], asked.status_code.value, str(asked.parsed.total_count <= 1).lower())
