/** Deno's entry of user-references-upsert: who the users are, kept true in the trading database. */

import { serve } from "../_shared/serve.ts";
import { snapshotFrom } from "./snapshot.ts";
import { openStore } from "./store.ts";

serve({ name: "user-references-upsert", read: snapshotFrom, open: openStore });
