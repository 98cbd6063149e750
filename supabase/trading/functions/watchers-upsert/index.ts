/** Deno's entry of watchers-upsert: what users watch in the chat database, kept true in the trading database. */

import { serve } from "../_shared/serve.ts";
import { changesFrom } from "./change.ts";
import { openStore } from "./store.ts";

serve({ name: "watchers-upsert", read: changesFrom, open: openStore });
