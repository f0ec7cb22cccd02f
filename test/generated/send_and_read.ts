// Sends a reading by a client that was made from the description, and reads it back, raw and in the aggregates of a day.

import createClient from "openapi-fetch";
import type { paths } from "./made.js";

declare const process: { env: Record<string, string>; argv: string[] };

const client = createClient<paths>({ baseUrl: process.env.API, headers: { Authorization: `Bearer ${process.env.TOKEN}` } });
const equipmentId = process.argv[2];
const sent = await client.POST("/sensor-data", { body: { equipmentId, timestamp: new Date().toISOString(), value: 21.5 } });
const listed = await client.GET("/sensor-data", { params: { query: { equipmentId } } });
const asked = await client.GET("/sensor-data/aggregated", { params: { query: { interval: "24h", equipmentId: [equipmentId] } } });
if (typeof listed.data !== "object" || typeof asked.data !== "object") { // a text would be CSV, which nobody asked for
  throw new Error(`asked for readings and aggregates and got ${JSON.stringify([listed, asked])}`);
}
const values = listed.data.items.map((item) => item.value).join();
console.log(`${sent.data?.message} [${values}] ${asked.response.status} ${asked.data.totalCount <= 1}`);
